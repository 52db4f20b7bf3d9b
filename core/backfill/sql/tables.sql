-- The state of backfills, in the target database. Words in braces and `?` as in core/run/sql/tables.sql. Keys are JSON arrays
-- (core/backfill/key.h). Columns that only several workers or the operators' commands use are here from the start, so that a
-- database need not be changed when they come.

-- name: backfill_create
CREATE TABLE {backfill} (
  name {text} NOT NULL PRIMARY KEY,
  fingerprint {text} NOT NULL,
  table_name {text} NOT NULL,
  key_columns {text} NOT NULL,
  key_types {text} NOT NULL,
  first_key {text},
  last_key {text},
  frontier_key {text},
  planned {boolean} NOT NULL,
  desired {text} NOT NULL,
  observed {text} NOT NULL,
  batch_size {bigint} NOT NULL,
  overrides {text},
  throttle_reason {text},
  throttled_since {timestamp},
  throttled_ms {bigint} NOT NULL,
  rows_done {bigint} NOT NULL,
  rows_estimated {bigint},
  quarantined {bigint} NOT NULL,
  started_at {timestamp} NOT NULL,
  finished_at {timestamp},
  verified_at {timestamp},
  last_error {text}
)

-- name: range_create
CREATE TABLE {backfill_range} (
  backfill {text} NOT NULL,
  number {bigint} NOT NULL,
  low_key {text} NOT NULL,
  high_key {text} NOT NULL,
  cursor_key {text},
  state {text} NOT NULL,
  worker {text},
  epoch {bigint} NOT NULL,
  attempts {bigint} NOT NULL,
  rows_done {bigint} NOT NULL,
  not_before {timestamp},
  last_sqlstate {text},
  last_error {text},
  PRIMARY KEY (backfill, number)
)

-- name: backfill_select
SELECT table_name, key_columns FROM {backfill} WHERE name = ?

-- name: backfill_finished
SELECT name FROM {backfill} WHERE observed IN ('done', 'done with bad rows')

-- name: backfill_delete
DELETE FROM {backfill} WHERE name = ?

-- name: range_delete
DELETE FROM {backfill_range} WHERE backfill = ?

-- name: backfill_insert
INSERT INTO {backfill} (name, fingerprint, table_name, key_columns, key_types, first_key, last_key, frontier_key, planned,
                        desired, observed, batch_size, throttled_ms, rows_done, rows_estimated, quarantined, started_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, {true}, 'run', 'running', ?, 0, 0, ?, 0, ?)

-- name: range_insert
INSERT INTO {backfill_range} (backfill, number, low_key, high_key, state, epoch, attempts, rows_done)
VALUES (?, ?, ?, ?, 'pending', 0, 0, 0)

-- name: range_take
UPDATE {backfill_range} SET state = 'active', worker = ?, epoch = epoch + 1
WHERE backfill = ? AND number = ? AND state <> 'done'

-- name: range_select
SELECT number, low_key, high_key, cursor_key, state, epoch, rows_done FROM {backfill_range} WHERE backfill = ? ORDER BY number

-- name: range_claim
SELECT epoch, cursor_key, state, (SELECT desired FROM {backfill} WHERE name = backfill)
FROM {backfill_range} WHERE backfill = ? AND number = ?{claim}

-- name: range_checkpoint
UPDATE {backfill_range} SET cursor_key = ?, rows_done = rows_done + ?, state = ?, attempts = 0
WHERE backfill = ? AND number = ? AND epoch = ?

-- name: backfill_finish
UPDATE {backfill} SET observed = ?, rows_done = ?, batch_size = ?, finished_at = ?, last_error = ? WHERE name = ?
