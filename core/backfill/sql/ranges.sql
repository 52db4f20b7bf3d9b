-- Ranges: made, claimed, moved on. As tables.sql. {claim_range} locks the row called r, {claim_next} passes over rows that
-- somebody else has locked.

-- name: range_insert
INSERT INTO {backfill_range} (backfill, number, low_key, high_key, state, epoch, attempts, rows_done)
VALUES (?, ?, ?, ?, 'pending', 0, 0, 0)

-- name: range_take
UPDATE {backfill_range} SET state = 'active', worker = ?, epoch = epoch + 1
WHERE backfill = ? AND number = ? AND state <> 'done'

-- name: range_select
SELECT number, low_key, high_key, cursor_key, state, epoch, rows_done FROM {backfill_range} WHERE backfill = ? ORDER BY number

-- name: range_claim
SELECT r.epoch, r.cursor_key, r.state, b.desired, b.overrides
FROM {backfill_range} r JOIN {backfill} b ON b.name = r.backfill
WHERE r.backfill = ? AND r.number = ?{claim_range}

-- name: range_checkpoint
UPDATE {backfill_range}
SET cursor_key = ?, rows_done = rows_done + ?, state = ?, attempts = 0, committed_at = {clock}
WHERE backfill = ? AND number = ? AND epoch = ?
