-- What a backfill is held back by on SQLite: a write-ahead log that grows because a reader keeps it from being written
-- back. Methods of the dialect (../dialect.lua takes them in); called by core/lua/lib/throttle.lua.

local throttle = {}

throttle.throttle_defaults = { max_wal = 64 * 1024 * 1024 }

-- A probe's connection is its own, so it may stay so.
throttle.throttle_read_only = { before = "PRAGMA query_only = on" }

local function file_size(path)
  local file = path and path ~= "" and io.open(path .. "-wal", "rb")
  if not file then
    return 0
  end
  local size = file:seek("end")
  file:close()
  return size
end

function throttle.throttle_signals(_, connection, limits)
  local path = connection:scalar("SELECT file FROM pragma_database_list WHERE name = 'main'")
  local page_size = connection:scalar("PRAGMA page_size")
  return {
    {
      kind = "gauge",
      name = "max_wal",
      what = "write-ahead log to write back",
      unit = "bytes",
      limit = limits.max_wal or nil,
      sql = "PRAGMA wal_checkpoint(PASSIVE)",
      -- a checkpoint is made only of a log that is large; what it has written back does not make the file smaller
      ready = function(limit)
        return file_size(path) > limit
      end,
      -- of busy, pages in the log, pages written back
      value = function(_, pages, done)
        return math.max(0, pages - done) * page_size
      end,
    },
  }
end

return throttle
