-- A throttle that cannot work is an error before the first batch, with the key and the place in the script.

local moonbird = require("support.moonbird")
local throttle = require("support.throttle")

local project, done = throttle.project, throttle.done

describe("wrong definitions", function()
  moonbird.each_database(describe, pending, function(kind)
    local function refuses(definition, ...)
      local p = project(kind, definition, { people = 20 })
      local run = p:run("upgrade head")
      assert.is_true(run.code == 1 or run.code == 7 or run.code == 2 or run.code == 6, run:describe())
      for _, text in ipairs({ ... }) do
        assert.truthy(run.err:find(text, 1, true), run:describe())
      end
      assert.equal(0, done(p))
      p:remove()
    end

    it("are told with key and place", function()
      local unknown = 'throttle: unknown key "max_lagg", did you mean "max_lag"? Known are flag_file'
      refuses('{ max_lagg = "5s" }', unknown, "a1_test.lua:7")
      refuses('{ flag_file = 7 }', "flag_file must be the path of a file, or false", "a1_test.lua:7")
      refuses('{ probe = 7 }', "probe must be SQL text, a function, or a list of them", "a1_test.lua:7")
      refuses('{ window = "at night" }', "'at night' is no window of time", "22:00-06:00", "a1_test.lua:7")
      refuses('{ window = "22:00-06:00 Europe/Nowhere" }', "Can't locate timezone: Europe/Nowhere")
      refuses('"5s"', 'it must be a table such as { max_lag = "5s" }, or false, not "5s"', "a1_test.lua:7")
      if kind == "sqlite" then
        refuses('{ max_lag = "5s" }', "max_lag: this database has no such signal; it has max_wal")
        refuses('{ max_wal = "much" }', 'max_wal must be a size such as "256MiB", 1 to 1024TiB, or false, not "much"')
      else
        refuses('{ max_lag = "soon" }', "max_lag must be a time such as", 'not "soon"', "a1_test.lua:7")
        refuses('{ max_lag = "-5s" }', 'max_lag must be a time such as "5s", 0.001s to 86400s, or false, not "-5s"')
        refuses('{ max_lag = 1e300 }', "max_lag must be a time", "not 1e+300")
        refuses('{ max_archive_backlog = 1.5 }', "max_archive_backlog must be a whole number, 1 to 1000000000")
        refuses('{ max_wal = "64MiB" }', "max_wal: this database has no such signal")
        refuses('{ replicas = "postgresql://nobody:geheim@127.0.0.1:1/x" }', "Can't connect to database", ":***@")
      end
    end)

    it("a probe that fails at the start ends the run", function()
      refuses('{ probe = "SELECT * FROM no_such_table" }', "throttle: probe cannot be read: ", "no_such_table")
      refuses('{ probe = "SELECT 1 UNION ALL SELECT 2" }', "it gives 2 rows", "statement: SELECT 1 UNION ALL SELECT 2")
      refuses('{ probe = "SELECT 0, 1" }', "it gives 2 columns, and one is needed")
      refuses('{ probe = " " }', "probe must be SQL text, a function, or a list of them")
      refuses('{ probe = function() error("no queue") end }', "probe cannot be read", "no queue")
      refuses('{ probe = function() return {} end }', "probe cannot be read", "not a table")
      refuses('{ probe = function() return db:scalar("SELECT 1") end }', "give `probe` as SQL")
    end)

    it("a flag file that is a folder would hold for ever", function()
      refuses('{ flag_file = "." }', "throttle: flag_file is ., which is a folder", "hint: name a file in it")
    end)

    it("a probe cannot write", function()
      local p = project(kind, '{ probe = "DELETE FROM people" }', { people = 20 })
      local run = p:run("upgrade head")
      assert.equal(7, run.code, run:describe())
      assert.truthy(run.err:find("throttle: probe cannot be read: ", 1, true), run:describe())
      assert.truthy(run.err:find("can only read", 1, true), run:describe())
      assert.equal("20", p:sql("SELECT count(*) FROM people"))
      p:remove()
    end)
  end)

  it("those of the ini are told with its line, or its section", function()
    local p = moonbird.project("sqlite")
    p:people(5)
    p:backfill("fill", 'return { table = "people", set = { counter = 1 } }')
    local ini = p:read("moonbird.ini")
    local function refuses(line, code, ...)
      p:write("moonbird.ini", ini .. "\n[backfill]\n" .. line .. "\n")
      local run = p:fails(code, "backfill run fill")
      for _, text in ipairs({ ... }) do
        assert.truthy(run.err:find(text, 1, true), run:describe())
      end
    end
    refuses("max_lag = -5s", 2, "'-5s' is not a valid value for max_lag: it must be a duration", "moonbird.ini:",
      "1h, 0.001s to 86400s, or off")
    refuses("lease = 0", 2, "'0' is not a valid value for lease", "1h, 1s or more")
    refuses("window = at night", 1, "error: [backfill] of the ini: window: 'at night' is no window of time")
    p:write("moonbird.ini", ini .. "\n[backfill]\nmax_wal = off\nprobe =\nflag_file = nowhere/stop\n")
    local run = p:ok("backfill run fill")
    assert.truthy(run.err:find("warning: throttle: flag_file is nowhere/stop, and there is no folder nowhere", 1, true),
      run:describe())
    p:remove()
  end)
end)
