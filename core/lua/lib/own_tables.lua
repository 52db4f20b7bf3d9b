-- Moonbird's own tables beside the version table: the word by which core/run/sql and core/backfill/sql call each, and
-- its name. Used by words.lua and schema/filter.lua.

return {
  log = "moonbird_log",
  journal = "moonbird_journal",
  lock = "moonbird_lock",
  backfill = "moonbird_backfill",
  backfill_range = "moonbird_backfill_range",
  backfill_worker = "moonbird_backfill_worker",
  backfill_bad = "moonbird_backfill_bad",
  backfill_log = "moonbird_backfill_log",
  backfill_brake = "moonbird_backfill_brake",
}
