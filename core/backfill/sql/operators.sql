-- What the operators' commands ask of the state tables (tables.sql). Words in braces and `?` as in core/run/sql/tables.sql.

-- name: backfill_list
SELECT name, table_name, desired, observed, rows_done, rows_estimated, quarantined, started_at, finished_at
FROM {backfill} ORDER BY started_at, name
