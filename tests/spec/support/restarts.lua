-- For the specs of servers that restart or are gone: a backfill with two workers that takes its time, and what to
-- expect of it.

local assert = require("luassert")
local moonbird = require("support.moonbird")

local restarts = {}

local FILL = [[
return {
  table = "people", columns = { "counter" }, size = 50, workers = 2, nice = 15, %s
  row = function(person)
    return { counter = person.counter + 1 }
  end,
}]]

--- A project on the servers, with people and a backfill called fill; more keys of that, more lines of [backfill].
function restarts.project(cluster, rows, keys, ini)
  local p = moonbird.project("postgres", "\n[backfill]\nlease = 5s\n" .. (ini or ""), cluster.postgres_url)
  p:people(rows)
  p:backfill("fill", FILL:format(keys or ""))
  return p
end

--- Rows that are committed.
function restarts.done(p)
  local there = p:sql("SELECT to_regclass('moonbird_backfill_range') IS NOT NULL") == "t"
  return there and tonumber(p:sql("SELECT coalesce(sum(rows_done), 0) FROM moonbird_backfill_range")) or 0
end

--- Starts a run and waits until it has done so many rows.
function restarts.start(p, rows)
  local run = p:start("backfill run fill")
  moonbird.wait_until(rows .. " rows are done", 20, function()
    return restarts.done(p) >= rows
  end)
  return run
end

function restarts.wait_for_workers(p, count)
  moonbird.wait_until(count .. " workers", 20, function()
    return tonumber(p:sql("SELECT count(*) FROM moonbird_backfill_worker")) >= count
  end)
end

--- Nothing has to happen meanwhile any more.
function restarts.assert_ends(p, run, rows)
  p:ok("backfill set fill nice=0")
  assert.equals(0, run:wait(60).code, run:describe())
  assert.equals(rows .. "|1|1", p:sql("SELECT count(*), min(counter), max(counter) FROM people"))
  assert.equals("done|" .. rows, p:sql("SELECT observed, rows_done FROM moonbird_backfill"))
end

function restarts.forbid_writing(p)
  p:sql("ALTER SYSTEM SET default_transaction_read_only = on")
  p:sql("SELECT pg_reload_conf()")
end

function restarts.allow_writing(p)
  local writer = { shell_url = p.shell_url .. "?options=-cdefault_transaction_read_only%3Doff" }
  setmetatable(writer, { __index = p }):sql("ALTER SYSTEM RESET default_transaction_read_only")
  p:sql("SELECT pg_reload_conf()")
end

return restarts
