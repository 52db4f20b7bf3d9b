-- What a script or an operator holds a backfill back with: probes, a flag file, a window; and the write-ahead log of
-- SQLite. The signals of PostgreSQL are in throttle_replica_spec.lua and the files beside it.

local moonbird = require("support.moonbird")
local throttle = require("support.throttle")

local project, done, assert_held, assert_ends =
  throttle.project, throttle.done, throttle.assert_held, throttle.assert_ends

describe("signals of a script", function()
  moonbird.each_database(describe, pending, function(kind)
    it("a flag file holds, its first line is the reason", function()
      local p = project(kind, '{ flag_file = "stop" }')
      p:write("stop", "deploy until noon\nmore")
      local run = p:start("upgrade head")
      assert_held(p, run, "throttled: flag file: stop exists: deploy until noon")
      os.remove(p:path("stop"))
      assert_ends(p, run)
      p:remove()
    end)

    it("a probe in SQL", function()
      local p = project(kind, '{ probe = "SELECT reason FROM brake" }')
      p:sql("CREATE TABLE brake (reason text)")
      p:sql("INSERT INTO brake VALUES ('checkout is slow')")
      local run = p:start("upgrade head")
      assert_held(p, run, "throttled: probe: checkout is slow")
      p:sql("UPDATE brake SET reason = NULL")
      assert_ends(p, run)
      p:remove()
    end)
  end)
end)

-- The same whatever the database is.
describe("own signals", function()
  it("a probe in Lua", function()
    local p = project("sqlite", '{ probe = function() return io.open("busy") and "the queue\\nis long\\n" end }')
    p:write("busy", "")
    local run = p:start("upgrade head")
    assert_held(p, run, "throttled: probe: the queue is long\n") -- on one line
    os.remove(p:path("busy"))
    assert_ends(p, run)
    p:remove()
  end)

  -- Each look keeps the program longer than the last one, so that what is due meanwhile is due at once: the runner's
  -- look at the throttle, and the end of the worker's pause.
  it("a probe in Lua that takes its time", function()
    local slow = [[{ probe = (function()
      local looks = 0
      return function()
        looks = looks + 1
        os.execute("sleep 0." .. looks)
        return looks < 4 and "the queue is long"
      end
    end)() }]]
    local p = project("postgres", slow, { people = 30 })
    local run = p:start("upgrade head")
    assert_held(p, run, "throttled: probe: the queue is long")
    assert_ends(p, run)
    p:remove()
  end)

  it("values of probes that mean go", function()
    local p = project("sqlite", '{ probe = { "SELECT 0", "SELECT NULL", "SELECT 1 WHERE 1 = 0", '
      .. "function() end, function() return false end, function() return 0 end } }", { people = 50 })
    local run = p:ok("upgrade head")
    assert.is_nil(run.err:find("throttled", 1, true))
    p:remove()
  end)

  it("a window that is closed, and one that is open", function()
    local hour = tonumber(os.date("!%H"))
    local closed = ("%02d:00-%02d:00 UTC"):format((hour + 3) % 24, (hour + 5) % 24)
    local p = project("sqlite", ("{ window = %q }"):format(closed))
    local run = p:start("upgrade head")
    assert_held(p, run, "throttled: window: outside of " .. closed .. ", which opens at 20")
    assert.truthy(throttle.stderr(run):find(", which opens at 20[%d-]+ [%d:]+ UTC\n"), throttle.stderr(run))
    run:kill("INT")
    assert.equal(3, run:wait(20).code)
    p:remove()
    p = project("sqlite", '{ window = { "00:00-12:00 UTC", "12:00-24:00 UTC" } }', { people = 50 })
    p:ok("upgrade head")
    p:remove()
  end)

  it("time that is spent waiting does not count towards --max-time", function()
    local p = moonbird.project("sqlite")
    p:people(20)
    p:backfill("fill", 'return { table = "people", set = { counter = 1 }, throttle = { flag_file = "stop" } }')
    p:write("stop", "")
    local run = p:start("backfill run fill --max-time 2s")
    throttle.wait_for_text(run, "throttled: flag file")
    moonbird.sleep(2.1)
    os.remove(p:path("stop"))
    local ended = run:wait(20)
    assert.equal(0, ended.code, ended:describe())
    p:remove()
  end)

  it("Ctrl-C while it is held back", function()
    local p = project("sqlite", '{ flag_file = "stop" }')
    p:write("stop", "")
    local run = p:start("upgrade head")
    assert_held(p, run, "throttled: flag file: stop exists")
    run:kill("INT")
    assert.equal(3, run:wait(20).code)
    p:remove()
  end)

  it("settings of the ini, and what a script says before them", function()
    local p = project("sqlite", "nil", { ini = "[backfill]\nflag_file = stop\nmax_lag = off\n" })
    p:write("stop", "")
    local run = p:start("upgrade head")
    assert_held(p, run, "throttled: flag file: stop exists")
    os.remove(p:path("stop"))
    assert_ends(p, run)
    p:remove()
    p = project("sqlite", "false", { people = 50, ini = "[backfill]\nflag_file = stop\n" })
    p:write("stop", "")
    p:ok("upgrade head")
    p:remove()
  end)

  it("a flag file that comes later", function()
    local p = project("sqlite", '{ flag_file = "stop" }', { people = 1500 })
    local run = p:start("upgrade head")
    moonbird.wait_until("rows", 20, function()
      return done(p) > 20
    end)
    p:write("stop", "")
    assert_held(p, run, "throttled: flag file: stop exists")
    os.remove(p:path("stop"))
    assert_ends(p, run)
    p:remove()
  end)
end)

describe("SQLite's write-ahead log", function()
  it("holds while a reader keeps it, and is written back", function()
    local p = project("sqlite", '{ max_wal = "100kB" }', { size = 200, people = 4000, sleep = 0 })
    p:sql("PRAGMA journal_mode = WAL")
    -- a reader that keeps its snapshot until the file is there
    local lines = "BEGIN;\nSELECT count(*) FROM people;\n.shell touch reads; while [ ! -e stop ]; do sleep 0.1; done\n"
    p:write("reader.sql", lines)
    os.execute(("cd %s && sqlite3 data.db <reader.sql >/dev/null 2>&1 &"):format(moonbird.quote(p.folder)))
    moonbird.wait_until("the reader reads", 10, function()
      return p:read("reads")
    end)
    p:sql("UPDATE people SET full_name = full_name || ' '") -- what the reader does not see stays in the log
    local run = p:start("upgrade head")
    assert_held(p, run, "throttled: write-ahead log to write back: ")
    p:write("stop", "")
    assert_ends(p, run)
    p:remove()
  end)
end)
