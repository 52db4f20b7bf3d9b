-- Kills, interrupts and the journal: a revision that was stopped at any instant goes on where it was, every row once.
local moonbird = require("support.moonbird")

-- Lua that stays there in the first run only, and writes down that it has come so far: outside of the database, so that
-- it outlives a kill. It stays in Lua: a server that still works on a statement notices late that its client is gone.
local function stop_at(p, name, stay)
  return ([[
  do
    local file = io.open("PLACE")
    if file then
      file:close()
    else
      io.open("PLACE", "w"):close()
      STAY
    end
  end]]):gsub("%u+", { PLACE = p:path(name), STAY = stay or "while true do end" })
end

-- A query that takes long.
local function long_query(p)
  return p.kind == "postgres" and 'db:query("SELECT pg_sleep(60)")'
    or 'db:query("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n")'
end

local SPLIT = [[
  op.backfill {
    table = "people", size = 25,
    row = function(r)
      HOLD
      return { first_name = r.full_name:match("^%S+"), counter = r.counter + 1 }
    end,
  }]]

-- Stays at a row as long as there is a file for it, and writes down that it does.
local HOLD = [[local f = io.open("hold_" .. r.id)
      if f then io.open("held_" .. r.id, "w"):close() end
      while f do f:close(); f = io.open("hold_" .. r.id) end]]

local function split(hold)
  return (SPLIT:gsub("HOLD", hold or ""))
end

-- A revision with DDL, a backfill, DDL, another backfill, DDL; it stops once at the marked place.
local function mixed(p, where)
  local function at(name)
    return name == where and (stop_at(p, name)) or ""
  end
  return table.concat({
    '  op.add_column("people", column("first_name", types.text()))',
    at("before"),
    split(where == "within" and HOLD),
    at("between"),
    '  op.create_table("letters", { column("letter", types.text()) })',
    '  local n = db:exec("INSERT INTO letters VALUES (?), (?)", "a", "b")',
    '  assert(n == 2, "rows affected are remembered")',
    '  op.backfill { table = "people", size = 40, set = { counter = sql "counter + 10" }, where = "counter < 10" }',
    at("after"),
    '  op.drop_column("people", "full_name")',
    at("end"),
  }, "\n")
end

local function check_mixed(p)
  assert.equals("id,counter,first_name", p:columns("people"))
  assert.equals("11|11|100", p:sql("SELECT min(counter), max(counter), count(*) FROM people"))
  assert.equals("0", p:sql("SELECT count(*) FROM people WHERE first_name IS NULL OR first_name <> 'First' || id"))
  assert.equals("2", p:sql("SELECT count(*) FROM letters"))
  assert.equals("a1", p:sql("SELECT version_num FROM moonbird_version"))
  if p:has_table("moonbird_journal") then
    assert.equals("0", p:sql("SELECT count(*) FROM moonbird_journal"))
  end
end

local function wait_for_file(p, name)
  moonbird.wait_until("the place " .. name, 20, function()
    return p:read(name) ~= nil
  end)
  moonbird.sleep(0.1)
end

local function rows_done(p)
  local ok, text = pcall(p.sql, p, "SELECT sum(counter) FROM people")
  return ok and tonumber(text) or 0
end

describe("an upgrade", function()
  moonbird.each_database(describe, pending, function(kind)
    local p
    before_each(function()
      p = moonbird.project(kind)
      p:people(100)
    end)
    after_each(function()
      p:remove()
    end)

    for _, place in ipairs({ "before", "within", "between", "after", "end" }) do
      it("that was killed " .. place .. " goes on, every statement once and every row once", function()
        p:revision("a1", nil, mixed(p, place))
        p:write("hold_51", "")
        local run = p:start("upgrade head")
        if place == "within" then
          wait_for_file(p, "held_51")
        else
          wait_for_file(p, place)
        end
        run:kill("KILL")
        assert.equals(137, run:wait().code)
        os.remove(p:path("hold_51"))
        assert.equals("", p:ok("current").out)
        local again = p:ok("upgrade head")
        assert.truthy(again.err:find("a1", 1, true))
        check_mixed(p)
      end)
    end

    it("that was killed twice, and then a third time, still goes on", function()
      p:revision("a1", nil, mixed(p, "within"))
      for round = 1, 3 do
        local row = 25 * round + 1
        p:write("hold_" .. row, "")
        local run = p:start("upgrade head")
        wait_for_file(p, "held_" .. row)
        run:kill("KILL"):wait()
        os.remove(p:path("hold_" .. row))
      end
      p:ok("upgrade head")
      check_mixed(p)
    end)

    it("says that it was interrupted, and lets nobody work around it", function()
      p:revision("a1", nil, mixed(p, "between"), 'op.drop_table("letters")')
      p:revision("b2", "a1")
      local run = p:start("upgrade head")
      wait_for_file(p, "between")
      run:kill("KILL"):wait()
      assert.truthy(p:ok("current").err:find("a1", 1, true))
      p:revision("z9", nil)
      local other = p:fails(7, "upgrade z9")
      assert.truthy(other.err:find("a1", 1, true), other.err)
      p:ok("upgrade a1")
      check_mixed(p)
    end)

    it("whose committed statement was changed stops with exit code 7 and shows both", function()
      p:revision("a1", nil, mixed(p, "between"))
      local file = p:path("migrations/versions/a1_test.lua")
      local text = moonbird.read_file(file)
      local run = p:start("upgrade head")
      wait_for_file(p, "between")
      run:kill("KILL"):wait()
      moonbird.write_file(file, (text:gsub('column%("first_name"', 'column("given_name"')))
      local changed = p:fails(7, "upgrade head")
      assert.truthy(changed.err:find("people.first_name", 1, true), changed.err)
      assert.truthy(changed.err:find("people.given_name", 1, true), changed.err)
      assert.equals("id,full_name,counter,first_name", p:columns("people"))
      moonbird.write_file(file, text)
      p:ok("upgrade head")
      check_mixed(p)
    end)

    it("whose committed statement was taken out stops with exit code 7", function()
      p:revision("a1", nil, mixed(p, "between"))
      local file = p:path("migrations/versions/a1_test.lua")
      local text = moonbird.read_file(file)
      local run = p:start("upgrade head")
      wait_for_file(p, "between")
      run:kill("KILL"):wait()
      moonbird.write_file(file, (text:gsub("  op%.add_column[^\n]+\n", "\n")))
      p:fails(7, "upgrade head")
      moonbird.write_file(file, text)
      p:ok("upgrade head")
      check_mixed(p)
    end)

    it("whose comments were changed goes on", function()
      p:revision("a1", nil, mixed(p, "between"))
      local file = p:path("migrations/versions/a1_test.lua")
      local run = p:start("upgrade head")
      wait_for_file(p, "between")
      run:kill("KILL"):wait()
      local text = moonbird.read_file(file)
      moonbird.write_file(file, (text:gsub("\nfunction upgrade", "\n-- a remark\n\nfunction upgrade")))
      p:ok("upgrade head")
      check_mixed(p)
    end)

    it("that commits nothing before its end leaves nothing when it is killed", function()
      p:revision("a1", nil, 'op.create_table("t", { column("id", types.integer()) })\n' .. stop_at(p, "place"))
      local before = p:tables()
      local run = p:start("upgrade head")
      wait_for_file(p, "place")
      run:kill("KILL"):wait()
      moonbird.wait_until("the server has noticed", 10, function()
        return p:tables() == before
      end)
      p:ok("upgrade head")
      assert.is_true(p:has_table("t"))
    end)

    it("takes the way down up again after a kill, too", function()
      p:revision("a1", nil, '  op.add_column("people", column("first_name", types.text()))\n' .. split(), [[
  op.backfill { table = "people", size = 25, row = function(r)
    ]] .. HOLD .. [[

    return { counter = r.counter + 1 }
  end }
  op.drop_column("people", "first_name")]])
      p:ok("upgrade head")
      p:write("hold_26", "")
      local run = p:start("downgrade base --yes")
      wait_for_file(p, "held_26")
      run:kill("KILL"):wait()
      os.remove(p:path("hold_26"))
      assert.equals("a1 (head)\n", p:ok("current").out)
      p:ok("downgrade base --yes")
      assert.equals("2|2", p:sql("SELECT min(counter), max(counter) FROM people"))
      assert.equals("id,full_name,counter", p:columns("people"))
    end)

    for _, signal in ipairs({ "INT", "TERM" }) do
      it("finishes its batch on SIG" .. signal .. ", says how to go on, and exits 3", function()
        p:revision("a1", nil, mixed(p, "within"))
        p:write("hold_26", "")
        local run = p:start("upgrade head")
        wait_for_file(p, "held_26")
        run:kill(signal)
        os.remove(p:path("hold_26"))
        assert.equals(3, run:wait(20).code, run:describe())
        assert.equals(50, rows_done(p))
        p:ok("upgrade head")
        check_mixed(p)
      end)
    end

    it("rolls its batch back on the second SIGINT and exits 130", function()
      p:revision("a1", nil, [[
  op.backfill { table = "people", size = 50, row = function(r)
    if r.id == 51 and not io.open("]] .. p.folder .. [[/seen") then
      io.open("]] .. p.folder .. [[/seen", "w"):close()
      local stop = os.clock() + 30
      while os.clock() < stop do end
    end
    return { counter = r.counter + 1 }
  end }]])
      local run = p:start("upgrade head")
      wait_for_file(p, "seen")
      run:kill("INT")
      moonbird.sleep(0.3)
      run:kill("INT"):wait(5)
      assert.equals(130, run.code, run:describe())
      assert.equals(50, rows_done(p))
      p:ok("upgrade head")
      assert.equals("1|1", p:sql("SELECT min(counter), max(counter) FROM people"))
    end)

    it("answers SIGINT at once while a statement runs, and leaves nothing", function()
      local stay = stop_at(p, "place", long_query(p))
      p:revision("a1", nil, 'op.create_table("t", { column("id", types.integer()) })\n' .. stay)
      local before = p:tables()
      local run = p:start("upgrade head")
      wait_for_file(p, "place")
      run:kill("INT"):wait(3)
      assert.equals(130, run.code, run:describe())
      assert.equals(before, p:tables())
    end)

    it("answers SIGINT at once in an endless loop of Lua", function()
      p:revision(
        "a1",
        nil,
        'op.create_table("t", { column("id", types.integer()) })\n'
          .. ('io.open("%s/place", "w"):close()\nwhile true do end'):format(p.folder)
      )
      local before = p:tables()
      local run = p:start("upgrade head")
      wait_for_file(p, "place")
      run:kill("INT"):wait(3)
      assert.equals(130, run.code, run:describe())
      assert.equals(before, p:tables())
    end)

    it("leaves at the third SIGINT what cannot be stopped: a function of C that never returns", function()
      p:revision(
        "a1",
        nil,
        'op.create_table("t", { column("id", types.integer()) })\n'
          .. ('io.open("%s/place", "w"):close()\n'):format(p.folder)
          .. 'string.find(("a"):rep(50), ("a*"):rep(40) .. "b")'
      )
      local before = p:tables()
      local run = p:start("upgrade head")
      wait_for_file(p, "place")
      for _ = 1, 3 do
        run:kill("INT")
        moonbird.sleep(0.1)
      end
      run:wait(3)
      assert.equals(130, run.code, run:describe())
      assert.matches("left at once; what was not committed is rolled back", run.err, 1, true)
      assert.equals(before, p:tables())
    end)

    it("hears a Ctrl-C that has ended a program of the script's", function()
      p:backfill("fill", [[return { table = "people", size = 10, row = function(person)
        if person.id == 5 then os.execute("kill -INT $$") end
        return { counter = 1 } end }]])
      local run = p:fails(3, "backfill run fill")
      assert.matches("stopped at a safe point, after 10 rows", run.err, 1, true)
      p:revision("a1", nil, 'op.create_table("t", { column("id", types.integer()) })\nos.execute("sh -c \'exit 130\'")')
      run = p:fails(130, "upgrade head")
      assert.matches("interrupted", run.err, 1, true)
      assert.falsy(p:tables():find("%f[%w]t%f[%W]"), p:tables())
    end)

    it("cannot swallow SIGINT with pcall", function()
      p:revision(
        "a1",
        nil,
        ('io.open("%s/place", "w"):close()\nwhile true do pcall(function() while true do end end) end'):format(p.folder)
      )
      local run = p:start("upgrade head")
      wait_for_file(p, "place")
      run:kill("INT"):wait(3)
      assert.equals(130, run.code, run:describe())
    end)
  end)
end)
