-- The state of backfills, in the target database: tables, and what is done with whole backfills. Words in braces and `?`
-- as in core/run/sql/tables.sql. Keys are JSON arrays (core/backfill/key.h). {clock} is the database's clock now,
-- {later} the same so many seconds (one parameter) on. core/backfill/README.md says who reads and writes which column.

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
  ranges {bigint} NOT NULL,
  revision {text},
  desired {text} NOT NULL,
  observed {text} NOT NULL,
  batch_size {bigint} NOT NULL,
  overrides {text},
  braked_until {timestamp},
  throttle_reason {text},
  throttled_since {timestamp},
  throttled_ms {bigint} NOT NULL,
  rows_done {bigint} NOT NULL,
  rows_estimated {bigint},
  quarantined {bigint} NOT NULL,
  run_time {bigint} NOT NULL,
  run_seed {bigint} NOT NULL,
  registered_at {timestamp} NOT NULL,
  started_at {timestamp},
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
  batch_key {text},
  state {text} NOT NULL,
  worker {text},
  epoch {bigint} NOT NULL,
  attempts {bigint} NOT NULL,
  rows_done {bigint} NOT NULL,
  not_before {timestamp},
  last_sqlstate {text},
  last_error {text},
  committed_at {timestamp},
  PRIMARY KEY (backfill, number)
)

-- name: worker_create
CREATE TABLE {backfill_worker} (
  id {text} NOT NULL PRIMARY KEY,
  runner {text} NOT NULL,
  backfill {text} NOT NULL,
  host {text} NOT NULL,
  pid {bigint} NOT NULL,
  batch_size {bigint} NOT NULL,
  rate_1m {bigint},
  rate_10m {bigint},
  lag_ms {bigint},
  started_at {timestamp} NOT NULL,
  heartbeat_at {timestamp} NOT NULL,
  lease_until {timestamp} NOT NULL
)

-- name: bad_create
CREATE TABLE {backfill_bad} (
  backfill {text} NOT NULL,
  bad_key {text} NOT NULL,
  range_number {bigint} NOT NULL,
  sqlstate {text},
  message {text} NOT NULL,
  attempts {bigint} NOT NULL,
  batch_id {text} NOT NULL,
  first_at {timestamp} NOT NULL,
  last_at {timestamp} NOT NULL,
  state {text} NOT NULL,
  PRIMARY KEY (backfill, bad_key)
)

-- name: backfill_log_create
CREATE TABLE {backfill_log} (
  at {timestamp} NOT NULL,
  backfill {text} NOT NULL,
  event {text} NOT NULL,
  detail {text},
  reason {text},
  os_user {text} NOT NULL,
  host {text} NOT NULL,
  pid {bigint} NOT NULL
)

-- name: brake_create
CREATE TABLE {backfill_brake} (
  id {bigint} NOT NULL PRIMARY KEY,
  braked_until {timestamp} NOT NULL,
  set_at {timestamp} NOT NULL,
  os_user {text} NOT NULL,
  host {text} NOT NULL,
  reason {text}
)

-- name: backfill_find
SELECT name, fingerprint, table_name, key_columns, key_types, first_key, last_key, frontier_key, planned, desired, observed,
       batch_size, overrides, throttle_reason, throttled_ms, rows_estimated, quarantined, run_time, run_seed, last_error,
       (SELECT CAST(COALESCE(SUM(r.rows_done), 0) AS {bigint}) FROM {backfill_range} r WHERE r.backfill = b.name),
       finished_at
FROM {backfill} b WHERE name = ?

-- name: backfill_names
SELECT name FROM {backfill} ORDER BY registered_at, name

-- name: backfill_finished
SELECT name, quarantined FROM {backfill} WHERE observed IN ('done', 'done with bad rows', 'verifying')

-- name: backfill_insert
INSERT INTO {backfill} (name, fingerprint, table_name, key_columns, key_types, revision, planned, ranges, desired,
                        observed, batch_size, throttled_ms, rows_done, rows_estimated, quarantined, run_time, run_seed,
                        registered_at)
VALUES (?, ?, ?, ?, ?, ?, {false}, 0, 'run', 'planned', ?, 0, 0, ?, 0, ?, ?, {clock})

-- name: backfill_lock
SELECT observed, started_at FROM {backfill} WHERE name = ?{claim}

-- name: backfill_bounds
UPDATE {backfill}
SET first_key = ?, last_key = ?, planned = ?, rows_estimated = CAST(? AS {bigint}), started_at = {clock} WHERE name = ?

-- name: backfill_adopt
UPDATE {backfill} SET revision = ? WHERE name = ?

-- name: backfill_owned
SELECT name FROM {backfill} WHERE revision = ?

-- name: backfill_accept
UPDATE {backfill} SET fingerprint = ? WHERE name = ?

-- name: backfill_desire
UPDATE {backfill} SET desired = ? WHERE name = ?

-- name: backfill_override
UPDATE {backfill} SET overrides = ? WHERE name = ?

-- name: backfill_observe
UPDATE {backfill} SET observed = ?, last_error = ? WHERE name = ? AND finished_at IS NULL

-- name: backfill_stop
UPDATE {backfill} SET observed = ?, last_error = ?
WHERE name = ?
  AND NOT EXISTS (SELECT 1 FROM {backfill_worker} w WHERE w.backfill = name AND w.lease_until > {clock})

-- name: backfill_finish
UPDATE {backfill}
SET observed = CASE WHEN quarantined > 0 THEN 'done with bad rows' ELSE 'done' END, rows_done = ?, batch_size = ?,
    finished_at = {clock}, last_error = NULL, throttle_reason = NULL, throttled_since = NULL
WHERE name = ? AND finished_at IS NULL

-- name: backfill_throttle
UPDATE {backfill} SET throttle_reason = ?, throttled_since = {clock} WHERE name = ?

-- name: backfill_throttle_again
UPDATE {backfill} SET throttle_reason = ? WHERE name = ?

-- name: backfill_untell
UPDATE {backfill} SET throttle_reason = NULL, throttled_since = NULL WHERE name = ? AND throttle_reason = ?

-- name: backfill_unthrottle
UPDATE {backfill} SET throttle_reason = NULL, throttled_since = NULL, throttled_ms = throttled_ms + ? WHERE name = ?

-- name: backfill_quarantine
UPDATE {backfill} SET quarantined = quarantined + ? WHERE name = ?

-- name: backfill_delete
DELETE FROM {backfill} WHERE name = ?

-- name: range_delete
DELETE FROM {backfill_range} WHERE backfill = ?

-- name: worker_delete_all
DELETE FROM {backfill_worker} WHERE backfill = ?

-- name: bad_delete
DELETE FROM {backfill_bad} WHERE backfill = ?

-- name: backfill_log_insert
INSERT INTO {backfill_log} (at, backfill, event, detail, reason, os_user, host, pid) VALUES ({clock}, ?, ?, ?, ?, ?, ?, ?)
