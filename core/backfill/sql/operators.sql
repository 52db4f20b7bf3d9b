-- What the operators' commands ask of the state tables (tables.sql), and change in them. Words in braces and `?` as there.
-- A name of NULL stands for all backfills.

-- name: status_backfills
SELECT name, table_name, key_columns, first_key, last_key, frontier_key, desired, observed, overrides, throttle_reason,
       last_error, batch_size, rows_estimated, quarantined, throttled_ms,
       registered_at, started_at, finished_at, verified_at, throttled_since, braked_until, {clock}
FROM {backfill} WHERE CAST(? AS {text}) IS NULL OR name = ?
ORDER BY registered_at, name

-- name: status_ranges
SELECT backfill, COUNT(*), SUM(CASE WHEN state = 'done' THEN 1 ELSE 0 END),
       SUM(CASE WHEN state = 'failed' THEN 1 ELSE 0 END), CAST(SUM(rows_done) AS {bigint}), MAX(committed_at)
FROM {backfill_range} WHERE CAST(? AS {text}) IS NULL OR backfill = ?
GROUP BY backfill

-- name: status_open_ranges
SELECT backfill, low_key, high_key, cursor_key
FROM {backfill_range} WHERE state <> 'done' AND (CAST(? AS {text}) IS NULL OR backfill = ?)

-- name: status_workers
SELECT w.backfill, w.id, w.host, w.pid, w.batch_size, w.rate_1m, w.rate_10m, w.lag_ms, w.heartbeat_at,
       CASE WHEN w.lease_until > {clock} THEN 1 ELSE 0 END,
       (SELECT MIN(r.number) FROM {backfill_range} r
        WHERE r.backfill = w.backfill AND r.worker = w.id AND r.state = 'active')
FROM {backfill_worker} w WHERE CAST(? AS {text}) IS NULL OR w.backfill = ?
ORDER BY w.started_at, w.id
