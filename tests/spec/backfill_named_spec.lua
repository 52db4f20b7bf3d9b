-- Named backfills: files of backfills/, `moonbird backfill run`, several workers, joining, what a row function may do
-- with its batch. Servers that die are in the scenarios.
local moonbird = require("support.moonbird")

local ADD_ONE = [[
return {
  table = "people",
  columns = { "counter" },
  size = 50,
  %s
  row = function(person) return { counter = person.counter + 1 } end,
}
]]

describe("a named backfill", function()
  moonbird.each_database(describe, pending, function(kind)
    local p
    before_each(function()
      p = moonbird.project(kind)
    end)
    after_each(function()
      p:remove()
    end)

    local function define(name, text)
      p:backfill(name, text)
    end

    local function observed(name)
      return p:sql("SELECT observed FROM moonbird_backfill WHERE name = '" .. (name or "fill") .. "'")
    end

    local function counts()
      return p:sql("SELECT count(*), min(counter), max(counter) FROM people")
    end

    it("is run by a command, once", function()
      p:people(500)
      define("fill", ADD_ONE:format(""))
      p:ok("backfill run fill")
      assert.equals("500|1|1", counts())
      local run = p:ok("backfill run fill")
      assert.truthy(run.err:find("nothing to do: backfill fill is done", 1, true), run.err)
      assert.equals("500|1|1", counts())
      assert.equals("done", observed())
      p:sql("ALTER TABLE people DROP COLUMN counter") -- as a later revision does
      for _, command in ipairs({ "run", "finalize" }) do
        run = p:ok(("backfill %s fill"):format(command))
        assert.truthy(run.err:find("nothing to do: backfill fill is done", 1, true), run.err)
      end
    end)

    it("tells what to do about a row that fails", function()
      p:people(20)
      define("fill", 'return { table = "people", row = function(person) assert(person.id ~= 7, "no good") end }')
      local run = p:fails(1, "backfill run fill")
      assert.truthy(run.err:find("row id = 7: ", 1, true), run.err)
      assert.truthy(run.err:find('hint: mend the row or the backfill, and run the same command again; with on_error = '
        .. '"quarantine" such a row is put aside, and the others go on', 1, true), run.err)
    end)

    it("stops at --max-rows and goes on later", function()
      p:people(500)
      define("fill", ADD_ONE:format(""))
      assert.truthy(p:fails(2, "backfill run fill --max-time 0").err:find("a time above 0", 1, true))
      assert.truthy(p:fails(2, "backfill run fill --max-rows -5").err:find("a whole number above 0, not '-5'", 1, true))
      local run = p:fails(3, "backfill run fill --max-rows 100")
      assert.truthy(run.err:find("--max-rows is reached", 1, true), run.err)
      assert.equals("100", p:sql("SELECT sum(counter) FROM people"))
      p:ok("backfill run fill")
      assert.equals("500|1|1", counts())
    end)

    it("runs inside a revision, or is only registered by it, and is required by another", function()
      p:people(200)
      define("fill", ADD_ONE:format(""))
      define("later", ADD_ONE:format(""))
      p:revision("a1", nil, 'op.backfill "fill"\n  op.backfill("later", { defer = true })')
      p:revision("a2", "a1", "", "", { header = 'requires_backfill = "later"' })
      local run = p:fails(3, "upgrade head")
      assert.truthy(run.err:find("moonbird backfill run later", 1, true), run.err)
      assert.equals("a1", p:ok("current").out:match("%S+"))
      assert.equals("200|1|1", counts())
      assert.equals("planned", observed("later"))
      p:ok("backfill run later")
      assert.equals("200|2|2", counts())
      p:ok("upgrade head")
      p:ok("downgrade base")
      p:ok("upgrade a1")
      assert.equals("200|3|3", counts())
    end)

    it("may be one of several that a revision requires, or none that there is", function()
      p:people(5)
      define("fill", ADD_ONE:format(""))
      define("more", ADD_ONE:format(""))
      p:revision("a1", nil, "", "", { header = 'requires_backfill = { "fill", "more", "les" }' })
      for _, name in ipairs({ "fill", "more" }) do
        local err = p:fails(3, "upgrade head").err
        assert.matches(("requires that the backfill %s has ended"):format(name), err, 1, true)
        p:ok("backfill run " .. name)
      end
      assert.matches("requires that the backfill les has ended, and it has not\n"
        .. "  hint: there is no file migrations/backfills/les.lua to run it from: ",
        p:fails(3, "upgrade head").err, 1, true)
      assert.matches("warning: revision a1 requires that fill, more, les have ended: see to it before",
        p:ok("upgrade base:a1 --sql").err, 1, true)
      define("les", ADD_ONE:format(""))
      p:ok("backfill run les")
      p:ok("upgrade head")
    end)

    it("runs again in each downgrade and each upgrade, but not twice in one", function()
      p:people(20)
      define("more", 'return { table = "people", set = { counter = sql "counter + 1" } }')
      define("less", 'return { table = "people", set = { counter = sql "counter - 1" } }')
      p:revision("a1", nil, 'op.backfill "more"\n  op.backfill "more"', 'op.backfill "less"')
      for _ = 1, 2 do
        assert.matches("backfill more was done before: nothing to do", p:ok("upgrade head").err, 1, true)
        assert.equals("20|1|1", counts())
        p:ok("downgrade base")
        assert.equals("20|0|0", counts())
      end
    end)

    it("sees its context in a batch, where nothing may outlive the transaction", function()
      p:people(3)
      local function batch(body)
        define("fill", ('return { table = "people", batch = function(batch) %s end }'):format(body))
      end
      local function refused(body, wanted)
        batch(body)
        local run = p:fails(1, "backfill run fill")
        assert.truthy(run.err:find(wanted, 1, true), run.err)
      end
      refused("op.autocommit_block(print)", "op.autocommit_block commits, so it cannot run inside")
      -- what came before the COMMIT would be done, and its batch once more
      refused('db:exec("UPDATE people SET counter = 1") db:query("COMMIT")', "transactions are Moonbird's")
      refused('db:scalar("/* */ COMMIT")', "it commits together with its checkpoint")
      assert.equals("0", p:sql("SELECT sum(counter) FROM people"))
      refused('batch:insert("people", {})', "batch:insert is for the form `row`; a batch function has `db`")
      if kind == "postgres" then
        refused('db:query("SELECT pg_advisory_lock(1)")', "pg_advisory_xact_lock ends with its transaction")
        refused([[db:query("SELECT set_config('x.y', '1', false)")]], "a setting would outlive the batch")
        refused('pcall(db.exec, db, "nope")', "a statement failed, and its error was caught")
      end
      batch('print(context.backfill, context.x.a, op.get_context().dialect == db.dialect.name)')
      local run = p:ok("-x a=b backfill run fill")
      assert.truthy(run.err:find("fill%s+b%s+true"), run.err)
    end)

    if kind == "postgres" then
      it("has a session of its own kind in each batch", function()
        p:people(3)
        p:sql(("ALTER DATABASE %s SET default_transaction_isolation = 'serializable'"):format(p.database))
        define("fill", [[
          return { table = "people", batch = function()
            local settings = {}
            for index, name in ipairs({ "transaction_isolation", "lock_timeout", "statement_timeout",
              "idle_in_transaction_session_timeout", "application_name" }) do
              settings[index] = db:scalar("SELECT current_setting(?)", name)
            end
            print("settings:", table.concat(settings, " "))
          end }]])
        local run = p:ok("backfill run fill")
        local wanted = "settings:%s+read committed 2s 10s 1min moonbird:backfill:fill:%S+/1\n"
        assert.truthy(run.err:find(wanted), run.err)
        p:ok("backfill plan fill --sample 1")
      end)
    end

    it("names what is wrong in its file", function()
      p:people(1)
      local function problem(text, wanted)
        define("fill", text)
        local run = p:fails(1, "backfill run fill")
        assert.truthy(run.err:find(wanted, 1, true), run.err)
      end
      problem("return 5", "error: migrations/backfills/fill.lua must return the table of the backfill, not")
      problem("return { table = ", "error: migrations/backfills/fill.lua:1: ")
      problem("\27Lua", "error: migrations/backfills/fill.lua: attempt to load a binary chunk")
      problem("error({})", "error: migrations/backfills/fill.lua: the file threw a table")
      problem("\xEF\xBB\xBF#!/usr/bin/lua\r\n\r\nreturn 5 .. {}", "error: migrations/backfills/fill.lua:3: ")
      problem(ADD_ONE:format("nice = -1,"), "fill.lua:5: nice must be a number from 0 to 1000, not -1")
      problem(ADD_ONE:format('done = "nope = 1",'), "fill.lua:5: done cannot be asked: ")
      problem(ADD_ONE:format('where = "id = 1) OR (1 = 1",'), "fill.lua:5: where is no condition: a bracket in it ")
      problem(ADD_ONE:format('on_error = "ignore",'), 'on_error must be "stop" or "quarantine", not')
      problem(ADD_ONE:format('effects = "mail",'), 'effects must be "database" or "external", not')
      problem(ADD_ONE:format("size = { min = 90000 },"), "fill.lua:4: size.min, 90000, is above size.max, 50000")
      problem(ADD_ONE:format("tabel = 1,"), 'fill.lua:5: unknown key "tabel"')
      problem(ADD_ONE:format('key = { "id", "id" },'), "fill.lua:5: key names the column id twice")
      local typo = ADD_ONE:gsub("person%.counter", "person.couter")
      problem(typo:format(""), "the row has no column couter, did you mean counter?")
      for _, words in ipairs({ "run", "plan", "verify", "finalize" }) do
        local run = p:fails(2, ("backfill %s fil"):format(words))
        assert.truthy(run.err:find("there is no backfill 'fil' in ", 1, true), run.err)
        assert.truthy(run.err:find("did you mean 'fill'?", 1, true), run.err)
      end
      local run = p:fails(2, "backfill run nothing")
      assert.truthy(run.err:find("a file nothing.lua there would be it", 1, true), run.err)
      p:backfill("имя", ADD_ONE:format(""))
      for _, name in ipairs({ "имя", "../env", "a b", "" }) do
        run = p:fails(2, { "backfill", "run", name })
        assert.truthy(run.err:find("is no name of a backfill: letters", 1, true), run.err)
      end
      run = p:fails(2, { "backfill", "pause", "имя" })
      assert.truthy(run.err:find("its file cannot be run", 1, true), run.err)
      assert.falsy(run.err:find("backfill run", 1, true), run.err)
    end)

    it("goes on with changed code only when that is accepted", function()
      p:people(200)
      define("fill", ADD_ONE:format(""))
      p:fails(3, "backfill run fill --max-rows 50")
      define("fill", (ADD_ONE:format(""):gsub("%+ 1", "+ 2 - 1")))
      local run = p:fails(4, "backfill run fill")
      assert.truthy(run.err:find("--accept-code-change", 1, true), run.err)
      assert.equals("50", p:sql("SELECT sum(counter) FROM people"))
      p:fails(3, "backfill run fill --accept-code-change --max-rows 50")
      define("fill", (ADD_ONE:format(""):gsub("%+ 1", "+ 3 - 2")))
      p:fails(4, "backfill finalize fill")
      p:ok("backfill finalize fill --accept-code-change")
      assert.equals("200|1|1", counts())
    end)

    it("goes on with another size or nice", function()
      p:people(200)
      define("fill", ADD_ONE:format(""))
      p:fails(3, "backfill run fill --max-rows 50")
      define("fill", (ADD_ONE:format("nice = 0.1,"):gsub("size = 50", "size = 20")))
      p:ok("backfill run fill")
      assert.equals("200|1|1", counts())
    end)

    it("splits a table in two, in the same transaction", function()
      p:people(120)
      p:sql("CREATE TABLE names (person bigint PRIMARY KEY, name text NOT NULL)")
      define("fill", [[
return {
  table = "people",
  size = 50,
  row = function(person, batch)
    batch:insert("names", { person = person.id, name = person.full_name })
    if person.id % 2 == 0 then
      batch:insert("names", { person = -person.id, name = batch.id })
    end
    return { full_name = null }
  end,
}]])
      p:ok("backfill run fill")
      assert.equals("120|0", p:sql("SELECT count(*), count(full_name) FROM people"))
      assert.equals("120|60", p:sql("SELECT sum(CASE WHEN person > 0 THEN 1 ELSE 0 END), "
        .. "sum(CASE WHEN person < 0 THEN 1 ELSE 0 END) FROM names"))
      assert.equals("First7 Last7", p:sql("SELECT name FROM names WHERE person = 7"))
    end)

    it("puts exactly the bad rows aside and writes their neighbours", function()
      p:people(200)
      p:sql("CREATE UNIQUE INDEX one_name ON people (full_name)")
      define("fill", [[
return {
  table = "people",
  size = 64,
  on_error = "quarantine",
  row = function(person, batch)
    if person.id == 17 then
      error("no good")
    elseif person.id == 18 then
      batch:quarantine("not today")
    elseif person.id == 99 then
      return { full_name = "First3 Last3", counter = 1 }
    end
    return { counter = 1 }
  end,
}]])
      local run = p:fails(8, "backfill run fill")
      assert.truthy(run.err:find("3 bad rows", 1, true), run.err)
      assert.equals("[17]\n[18]\n[99]", p:sql("SELECT bad_key FROM moonbird_backfill_bad ORDER BY bad_key"))
      assert.equals("197", p:sql("SELECT sum(counter) FROM people"))
      assert.equals("17,18,99", (p:sql("SELECT id FROM people WHERE counter = 0 ORDER BY id"):gsub("\n", ",")))
      assert.equals("not today", p:sql("SELECT message FROM moonbird_backfill_bad WHERE bad_key = '[18]'"))
      assert.equals("23505", p:sql("SELECT sqlstate FROM moonbird_backfill_bad WHERE bad_key = '[99]'"))
      assert.equals("done with bad rows", observed())
    end)

    it("stops at the row beyond max_bad", function()
      p:people(200)
      define("fill", [[
return {
  table = "people", size = 10, on_error = "quarantine", max_bad = 3,
  row = function(person)
    if person.id == 26 or person.id == 27 or person.id == 30 or person.id == 45 then error("no good") end
    return { counter = 1 }
  end,
}]])
      local run = p:fails(8, "backfill run fill")
      assert.truthy(run.err:find("more than 3 bad rows", 1, true), run.err)
      assert.equals("37", p:sql("SELECT sum(counter) FROM people"))
      assert.equals("[26]\n[27]\n[30]", p:sql("SELECT bad_key FROM moonbird_backfill_bad ORDER BY bad_key"))
      assert.equals("failed", observed())
    end)

    it("refuses what would end or outlive a batch", function()
      p:people(20)
      local function problem(text, wanted)
        define("fill", ('return { table = "people", batch = function() db:exec([[%s]]) end }'):format(text))
        local run = p:fails(1, "backfill run fill")
        assert.truthy(run.err:find(wanted, 1, true), run.err)
      end
      problem("COMMIT", "COMMIT in a")
      problem("UPDATE people SET counter = 5; /* x */ ROLLBACK", "ROLLBACK in a batch")
      problem("UPDATE people SET counter = 5; CREATE TABLE t (a integer)", "CREATE in a batch")
      problem("SET search_path = x", "SET in a batch")
      if kind == "postgres" then
        problem("WITH n AS (SELECT 1 AS a) SELECT a INTO t FROM n", "SELECT ... INTO in a batch of a backfill: ")
        problem("DO $$ BEGIN UPDATE people SET counter = 5; COMMIT; END $$", "COMMIT in a DO block in a batch")
        problem("DO $$ BEGIN EXECUTE format('ALTER TABLE %I ADD a int', 'people'); END $$", "ALTER in a DO block in a")
        define("fill", [=[return { table = "people", batch = function()
          db:exec("DO $$ DECLARE reset int; BEGIN SELECT 1 INTO reset; UPDATE people SET counter = reset; END $$")
        end }]=])
        p:ok("backfill run fill")
        assert.equals("20|1|1", counts())
        return
      end
      assert.equals("20|0|0", counts())
    end)

    it("gives a repeated batch the same time and chance", function()
      p:people(100)
      p:sql("CREATE TABLE seen (person bigint, time bigint, chance bigint)")
      define("fill", [[
return {
  table = "people", size = 20,
  batch = function(batch)
    local file = io.open("seen", "a")
    file:write(batch.id, " ", math.random(1, 1000000000), "\n")
    file:close()
    for _, row in ipairs(batch.rows) do
      db:exec("INSERT INTO seen VALUES (?, ?, ?)", row.id, os.time(), math.random(1, 1000000000))
    end
    assert(batch.rows[1].id ~= 41 or io.open("go"), "not yet")
  end,
}]])
      p:fails(1, "backfill run fill")
      p:write("go", "")
      moonbird.sleep(1.1)
      p:ok("backfill run fill")
      assert.equals("100|1", p:sql("SELECT count(*), count(DISTINCT time) FROM seen"))
      local chances, batches, lines = {}, 0, 0
      for id, chance in p:read("seen"):gmatch("(%S+) (%d+)\n") do
        batches, lines = batches + (chances[id] and 0 or 1), lines + 1
        assert.equals(chances[id] or chance, chance)
        chances[id] = chance
      end
      assert.equals(5, batches)
      assert.is_true(lines > batches)
      assert.not_equals(chances["fill/1/[1]"], chances["fill/1/[20]"])
    end)

    it("repeats a batch with effects outside just as it was", function()
      p:people(100)
      p:write("moonbird.ini", p:read("moonbird.ini") .. "\n[backfill]\nlease = 2s\n")
      define("fill", [[
return {
  table = "people", size = { start = 30, target_ms = 50 }, effects = "external",
  row = function(person, batch)
    local file = io.open("sent", "a")
    file:write(batch.id, " ", person.id, "\n")
    file:close()
    if person.id == 55 and not io.open("go") then
      io.open("go", "w"):close()
      os.execute("kill -KILL $PPID")
    end
    return { counter = person.counter + 1 }
  end,
}]])
      p:run("backfill run fill")
      define("fill", (p:read("migrations/backfills/fill.lua"):gsub("start = 30", "start = 7")))
      p:ok("backfill run fill")
      assert.equals("100|1|1", counts())
      local ids = {}
      for id, person in p:read("sent"):gmatch("(%S+) (%d+)") do
        ids[person] = ids[person] or id
        assert.equals(ids[person], id, "person " .. person)
      end
    end)

    if kind == "postgres" then
      it("is shared by several workers and processes, each row once", function()
        p:people(6000)
        p:write("moonbird.ini", p:read("moonbird.ini") .. "\n[backfill]\nlease = 2s\n")
        define("fill", ADD_ONE:format("workers = 3, nice = 1,"))
        local first = p:start("backfill run fill")
        moonbird.wait_until("a batch is committed", 10, function()
          return p:sql("SELECT to_regclass('moonbird_backfill_range') IS NOT NULL") == "t"
            and p:sql("SELECT coalesce(sum(rows_done), 0) > 0 FROM moonbird_backfill_range") == "t"
        end)
        local second = p:start("backfill run fill --workers 2")
        assert.equals(0, second:wait().code, second:describe())
        assert.equals(0, first:wait().code, first:describe())
        assert.equals("6000|1|1", counts())
        assert.equals("6000", p:sql("SELECT rows_done FROM moonbird_backfill"))
        assert.equals("0", p:sql("SELECT count(*) FROM moonbird_backfill_worker"))
      end)

      it("runs functions of batches side by side, each on its own connection", function()
        p:people(400)
        define("fill", [[
return {
  table = "people", size = 20, workers = 2,
  batch = function(batch)
    db:exec("INSERT INTO seen SELECT pg_backend_pid()")
    db:scalar("SELECT pg_sleep(0.02)")
    db:exec("UPDATE people SET counter = counter + 1 WHERE " .. batch.range.predicate, batch.range.values)
  end,
}]])
        p:sql("CREATE TABLE seen (pid integer)")
        p:ok({ "backfill", "run", "fill", "-v" })
        assert.equals("400|1|1", counts())
      end)
    end
  end)
end)
