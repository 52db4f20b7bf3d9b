-- Ranges, the workers on them, rows that are put aside. As tables.sql. {claim_range} locks the row called r, {claim_next}
-- passes over rows that somebody else has locked.

-- name: range_next
SELECT r.number, r.low_key, r.high_key, r.cursor_key, r.epoch, r.rows_done
FROM {backfill_range} r
WHERE r.backfill = ?
  AND (r.state = 'pending' AND (r.not_before IS NULL OR r.not_before <= {clock})
       OR r.state = 'active'
          AND NOT EXISTS (SELECT 1 FROM {backfill_worker} w WHERE w.id = r.worker AND w.lease_until > {clock}))
ORDER BY r.number LIMIT 1{claim_next}

-- name: range_next_exclusive
SELECT r.number, r.low_key, r.high_key, r.cursor_key, r.epoch, r.rows_done
FROM {backfill_range} r
WHERE r.backfill = ?
  AND (r.state = 'pending' AND (r.not_before IS NULL OR r.not_before <= {clock})
       OR r.state = 'active'
          AND NOT EXISTS (SELECT 1 FROM {backfill_worker} w WHERE w.id = r.worker AND w.runner = ?))
ORDER BY r.number LIMIT 1{claim_next}

-- name: range_take
UPDATE {backfill_range} SET state = 'active', worker = ?, epoch = epoch + 1 WHERE backfill = ? AND number = ?

-- name: range_left
SELECT r.number, r.state, r.worker, r.last_error FROM {backfill_range} r
WHERE r.backfill = ? AND r.state <> 'done'
ORDER BY CASE r.state WHEN 'failed' THEN 1 ELSE 0 END, r.number LIMIT 1

-- name: frontier_lock
SELECT b.planned, b.first_key, b.last_key, b.frontier_key, b.ranges, b.desired, b.overrides,
       CASE WHEN b.braked_until > {clock} THEN 1 ELSE 0 END, b.fingerprint
FROM {backfill} b WHERE b.name = ?{claim_backfill}

-- name: frontier_move
UPDATE {backfill} SET frontier_key = ?, planned = ?, ranges = ranges + 1 WHERE name = ?

-- name: range_insert
INSERT INTO {backfill_range} (backfill, number, low_key, high_key, cursor_key, state, worker, epoch, attempts, rows_done)
VALUES (?, ?, ?, ?, ?, ?, ?, 1, 0, 0)

-- name: range_claim
SELECT r.epoch, r.cursor_key, r.state, r.batch_key, b.desired, b.overrides,
       CASE WHEN b.braked_until > {clock} THEN 1 ELSE 0 END, b.fingerprint
FROM {backfill_range} r JOIN {backfill} b ON b.name = r.backfill
WHERE r.backfill = ? AND r.number = ?{claim_range}

-- name: range_announce
UPDATE {backfill_range} SET batch_key = ? WHERE backfill = ? AND number = ? AND epoch = ?

-- name: range_checkpoint
UPDATE {backfill_range}
SET cursor_key = ?, rows_done = rows_done + ?, state = ?, batch_key = NULL, attempts = 0, last_sqlstate = NULL,
    last_error = NULL, committed_at = {clock}
WHERE backfill = ? AND number = ? AND epoch = ?

-- name: range_release
UPDATE {backfill_range} SET state = 'pending', worker = NULL
WHERE backfill = ? AND number = ? AND epoch = ? AND state = 'active'

-- name: range_fail
UPDATE {backfill_range} SET state = 'failed', worker = NULL, attempts = attempts + ?, last_sqlstate = ?, last_error = ?
WHERE backfill = ? AND number = ? AND epoch = ? AND state = 'active'

-- name: range_unfail
UPDATE {backfill_range} SET state = 'pending' WHERE backfill = ? AND state = 'failed'

-- name: range_rows
SELECT CAST(COALESCE(SUM(rows_done), 0) AS {bigint}) FROM {backfill_range} WHERE backfill = ?

-- name: range_begun
SELECT COUNT(*) FROM {backfill_range}
WHERE backfill = ? AND (rows_done > 0 OR state = 'done' OR cursor_key IS NOT NULL AND cursor_key <> low_key)

-- name: watch
SELECT b.desired, b.overrides, CASE WHEN b.braked_until > {clock} THEN 1 ELSE 0 END, b.frontier_key,
       (SELECT CAST(COALESCE(SUM(s.rows_done), 0) AS {bigint}) FROM {backfill_range} s WHERE s.backfill = b.name),
       r.worker, r.low_key, r.high_key, r.cursor_key, b.fingerprint
FROM {backfill} b LEFT JOIN {backfill_range} r ON r.backfill = b.name AND r.state <> 'done'
WHERE b.name = ?

-- name: worker_insert
INSERT INTO {backfill_worker} (id, runner, backfill, host, pid, batch_size, started_at, heartbeat_at, lease_until)
SELECT CAST(? AS {text}), CAST(? AS {text}), b.name, CAST(? AS {text}), CAST(? AS {bigint}), CAST(? AS {bigint}),
       {clock}, {clock}, {later}
FROM {backfill} b
WHERE b.name = ? AND b.finished_at IS NULL AND NOT EXISTS (SELECT 1 FROM {backfill_worker} w WHERE w.id = ?)

-- name: worker_beat
UPDATE {backfill_worker}
SET batch_size = ?, rate_1m = ?, rate_10m = ?, lag_ms = ?, heartbeat_at = {clock}, lease_until = {later} WHERE id = ?

-- name: worker_retire
DELETE FROM {backfill_worker} WHERE id = ?

-- name: worker_delete
DELETE FROM {backfill_worker} WHERE runner = ?

-- name: worker_sweep
DELETE FROM {backfill_worker} WHERE backfill = ? AND lease_until < {clock}

-- name: worker_sweep_reason
UPDATE {backfill} SET throttle_reason = NULL, throttled_since = NULL
WHERE name = ? AND throttle_reason IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {backfill_worker} w WHERE w.backfill = ?)

-- name: bad_reopen
UPDATE {backfill_bad} SET state = 'bad' WHERE backfill = ? AND bad_key = ? AND state IN ('ignored', 'mended')

-- name: bad_again
UPDATE {backfill_bad}
SET range_number = ?, sqlstate = ?, message = ?, attempts = attempts + 1, batch_id = ?, last_at = {clock}, state = 'bad'
WHERE backfill = ? AND bad_key = ?

-- name: bad_insert
INSERT INTO {backfill_bad} (backfill, bad_key, range_number, sqlstate, message, attempts, batch_id, first_at, last_at, state)
SELECT ?, ?, CAST(? AS {bigint}), ?, ?, 1, ?, {clock}, {clock}, 'bad'
WHERE NOT EXISTS (SELECT 1 FROM {backfill_bad} WHERE backfill = ? AND bad_key = ?)

-- name: bad_count
SELECT quarantined FROM {backfill} WHERE name = ?

-- name: bad_mended
UPDATE {backfill_bad} SET state = 'mended', last_at = {clock}
WHERE backfill = ? AND bad_key = ? AND state IN ('retry', 'bad')
