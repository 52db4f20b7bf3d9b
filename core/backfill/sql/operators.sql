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

-- name: status_events
SELECT backfill, event, detail, reason, os_user, host, at FROM {backfill_log}
WHERE event IN ('running', 'resumed', 'paused', 'stopped', 'cancelled', 'failed', 'retry', 'requeued',
                'bad row retried', 'braked', 'brake released')
  AND (CAST(? AS {text}) IS NULL OR backfill = ?)
ORDER BY at

-- name: wish_settle
UPDATE {backfill} SET observed = ?
WHERE name = ? AND observed <> ?
  AND NOT EXISTS (SELECT 1 FROM {backfill_worker} w WHERE w.backfill = name AND w.lease_until > {clock})

-- name: wish_brake
UPDATE {backfill} SET braked_until = {later} WHERE name = ?

-- name: wish_release
UPDATE {backfill} SET braked_until = {clock} WHERE name = ?

-- name: wish_lock
SELECT overrides FROM {backfill} WHERE name = ?{claim}

-- name: wish_is_braked
SELECT name FROM {backfill} WHERE name = ? AND braked_until > {clock}

-- Who has braked it by its name, or with all that there were, and why; one row.
-- name: brake_why
SELECT (SELECT CASE WHEN l.event = 'braked'
                    THEN l.os_user || '@' || l.host || CASE WHEN l.reason IS NULL THEN '' ELSE ': ' || l.reason END END
        FROM {backfill_log} l
        WHERE l.backfill = ? AND l.event IN ('braked', 'brake released') ORDER BY l.at DESC LIMIT 1)

-- name: brake_find
SELECT braked_until, set_at, os_user, host, reason, {clock} FROM {backfill_brake} WHERE braked_until > {clock}

-- name: brake_delete
DELETE FROM {backfill_brake}

-- name: brake_update
UPDATE {backfill_brake} SET braked_until = {later}, set_at = {clock}, os_user = ?, host = ?, reason = ? WHERE id = 1

-- name: brake_insert
INSERT INTO {backfill_brake} (id, braked_until, set_at, os_user, host, reason) VALUES (1, {later}, {clock}, ?, ?, ?)

-- name: brake_follow
UPDATE {backfill} SET braked_until = (SELECT a.braked_until FROM {backfill_brake} a WHERE a.braked_until > {clock})
WHERE name = ? AND braked_until IS NULL

-- name: wish_retry
UPDATE {backfill_range} SET state = 'pending', attempts = 0, not_before = NULL WHERE backfill = ? AND state = 'failed'

-- name: wish_worker
SELECT host, pid FROM {backfill_worker} WHERE backfill = ? AND lease_until > {clock} ORDER BY started_at LIMIT 1

-- name: open_backfills
SELECT name FROM {backfill} WHERE finished_at IS NULL ORDER BY registered_at, name

-- name: log_select
SELECT at, event, detail, reason, os_user, host, pid FROM {backfill_log} WHERE backfill = ? ORDER BY at

-- name: bad_select
SELECT bad_key, state, sqlstate, message, attempts, range_number, batch_id, first_at, last_at
FROM {backfill_bad} WHERE backfill = ? ORDER BY first_at, bad_key

-- name: bad_turn
UPDATE {backfill_bad} SET state = ?, last_at = {clock} WHERE backfill = ? AND bad_key = ? AND state = ?

-- name: bad_uncount
UPDATE {backfill}
SET quarantined = quarantined - 1,
    observed = CASE WHEN quarantined = 1 AND observed = 'done with bad rows' THEN 'done' ELSE observed END
WHERE name = ?

-- name: bad_recount
UPDATE {backfill} SET quarantined = quarantined + 1 WHERE name = ?

-- name: bad_take_back
UPDATE {backfill_range} SET rows_done = rows_done - 1
WHERE backfill = ? AND number = (SELECT b.range_number FROM {backfill_bad} b WHERE b.backfill = ? AND b.bad_key = ?)

-- name: range_reopen
UPDATE {backfill}
SET ranges = ranges + 1, finished_at = NULL, verified_at = NULL,
    observed = CASE WHEN observed IN ('done', 'done with bad rows', 'verifying') THEN 'paused' ELSE observed END
WHERE name = ?

-- name: range_requeue
INSERT INTO {backfill_range} (backfill, number, low_key, high_key, cursor_key, state, epoch, attempts, rows_done)
SELECT name, ranges, CAST(? AS {text}), CAST(? AS {text}), CAST(? AS {text}), 'pending', 0, 0,
       CAST(CAST(? AS {text}) AS {bigint})
FROM {backfill} WHERE name = ?

-- name: verify_observe
UPDATE {backfill} SET observed = ? WHERE name = ? AND finished_at IS NOT NULL

-- name: verify_finished
SELECT finished_at FROM {backfill} WHERE name = ?

-- name: backfill_verified
UPDATE {backfill} SET verified_at = {clock} WHERE name = ?
