-- Backfills at their edges: what a row function must not do, odd keys, rows that come and go meanwhile, stops that a
-- script tries to swallow. The everyday cases are in backfill_spec.lua.
local moonbird = require("support.moonbird")

describe("op.backfill", function()
  moonbird.each_database(describe, pending, function(kind)
    local p
    before_each(function()
      p = moonbird.project(kind)
    end)
    after_each(function()
      p:remove()
    end)

    local function counters()
      return p:sql("SELECT count(*), min(counter), max(counter) FROM people")
    end

    it("writes more columns than fit into one statement's table of values", function()
      local names, sums = {}, {}
      for i = 1, 70 do
        names[i], sums[i] = ("n%d bigint"):format(i), ("n%d"):format(i)
      end
      p:sql(("CREATE TABLE t (id bigint NOT NULL PRIMARY KEY, %s)"):format(table.concat(names, ", ")))
      p:sql("INSERT INTO t (id) VALUES (1), (2), (3)")
      p:revision("a1", nil, [[
  op.backfill { table = "t", columns = {}, row = function(r)
    local made = {}
    for i = 1, 70 do made["n" .. i] = i * r.id end
    return made
  end }]])
      p:ok("upgrade head")
      assert.equals("7455", p:sql("SELECT sum(" .. table.concat(sums, ") + sum(") .. ") * 1 FROM t WHERE id = 3"))
    end)

    it("writes what differs from row to row: NULL, numbers, texts, blobs", function()
      p:sql("CREATE TABLE t (id bigint NOT NULL PRIMARY KEY, a text, b double precision)")
      p:sql("INSERT INTO t (id) VALUES (1), (2), (3), (4)")
      p:revision("a1", nil, [[
  local values = { "text", null, "", 7 }
  local numbers = { 1.5, 2, null, -0.25 }
  op.backfill { table = "t", columns = {}, row = function(r)
    return { a = values[r.id], b = numbers[r.id] }
  end }]])
      p:ok("upgrade head")
      assert.equals("1|text|1.5\n2||2\n3||\n4|7|-0.25", (p:sql("SELECT * FROM t ORDER BY id"):gsub("2%.0", "2")))
      assert.equals("2", p:sql("SELECT id FROM t WHERE a IS NULL"))
    end)

    for what, call in pairs({
      ["db:exec"] = 'db:exec("UPDATE people SET counter = 7")',
      ["db:one"] = 'db:one("SELECT 1")',
      ["db:rows"] = 'for _ in db:rows("SELECT 1") do end',
      ["db:transaction"] = "db:transaction(function() end)",
      ["op.execute"] = 'op.execute("UPDATE people SET counter = 7")',
      ["op.backfill"] = 'op.backfill { table = "people", set = { counter = 7 } }',
    }) do
      for _, id in ipairs({ 1, 1500 }) do
        it(("refuses %s in row(), at row %d"):format(what, id), function()
          p:people(2500)
          p:revision("a1", nil, ([[
  op.backfill { table = "people", size = 2500, row = function(r)
    if r.id == %d then %s end
    return { counter = r.counter + 1 }
  end }]]):format(id, call))
          local run = p:fails(7, "upgrade head")
          assert.truthy(run.err:find("row() runs while its connection is at work", 1, true), run.err)
          assert.equals("2500|0|0", counters())
        end)
      end
    end

    it("refuses a row() that yields", function()
      p:people(10)
      p:revision("a1", nil, 'op.backfill { table = "people", row = function() coroutine.yield() end }')
      local run = p:fails(7, "upgrade head")
      assert.truthy(run.err:find("yield", 1, true), run.err)
    end)

    it("refuses to change the key, by row and by set", function()
      p:people(10)
      p:revision("a1", nil, 'op.backfill { table = "people", row = function(r) return { id = r.id + 1 } end }')
      assert.truthy(p:fails(7, "upgrade head").err:find("must not change the key column id", 1, true))
      p:sql("DELETE FROM moonbird_journal")
      p:revision("a1", nil, 'op.backfill { table = "people", set = { id = sql "id + 100" } }')
      assert.truthy(p:fails(1, "upgrade head").err:find("must not change the key column id", 1, true))
    end)

    if kind == "postgres" then
      it("goes through tables that inherit, and through none of whose rows two have the same key", function()
        p:sql([[CREATE TABLE t (id integer PRIMARY KEY, n integer NOT NULL DEFAULT 0);
          CREATE TABLE child (PRIMARY KEY (id)) INHERITS (t);
          INSERT INTO t SELECT 2 * i FROM generate_series(1, 20) AS i;
          INSERT INTO child SELECT 2 * i + 1 FROM generate_series(1, 20) AS i]])
        p:backfill("fill", 'return { table = "t", size = 3, row = function(r) return { n = r.n + 1 } end }')
        p:ok("backfill run fill")
        assert.equals("40|1|1", p:sql("SELECT count(*), min(n), max(n) FROM t"))
        p:sql("INSERT INTO child VALUES (24)")
        p:ok("backfill forget fill --yes")
        local err = p:fails(1, "backfill run fill").err
        assert.matches("backfill of t: two rows have the key [24], which is unique in each of the tables", err, 1, true)
        p:backfill("set", 'return { table = "t", size = 3, set = { n = 7 } }')
        p:ok("backfill run set")
        assert.equals("41", p:sql("SELECT count(*) FROM t WHERE n = 7"))
        p:write("moonbird.ini", p:read("moonbird.ini") .. "\n[backfill]\nmax_bytes = 1\n")
        p:backfill("rows", [[return { table = "t", size = 50, batch = function(batch)
          db:exec("INSERT INTO seen VALUES (?)", #batch.rows)
        end }]])
        p:sql("CREATE TABLE seen (n integer)")
        p:ok("backfill run rows") -- no batch may end between two rows of one key
        assert.equals("41", p:sql("SELECT sum(n) FROM seen"))
      end)
    end

    it("says it when a trigger keeps rows as they are", function()
      p:people(10)
      p:sql(kind == "sqlite" and [[
        CREATE TRIGGER keeps BEFORE UPDATE ON people WHEN NEW.id % 2 = 1 BEGIN SELECT RAISE(IGNORE); END]] or [[
        CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
        CREATE TRIGGER keeps BEFORE UPDATE ON people FOR EACH ROW WHEN (NEW.id % 2 = 1) EXECUTE FUNCTION keep()]])
      p:revision("a1", nil, [[
  op.backfill { table = "people", columns = {}, size = 5, row = function() return { counter = 1 } end }]])
      local err = p:ok("upgrade head").err
      assert.matches("warning: backfill a1:1: of 5 rows that were to be written 2 were: a trigger", err, 1, true)
      assert.equals(1, select(2, err:gsub("warning:", "")))
      assert.equals("10|0|1", counters())
    end)

    it("finds the row that breaks a deferred constraint, which speaks at the commit, and puts it aside", function()
      p:sql([[
        CREATE TABLE towns (id integer NOT NULL PRIMARY KEY);
        CREATE TABLE t (id integer NOT NULL PRIMARY KEY,
          town integer REFERENCES towns (id) DEFERRABLE INITIALLY DEFERRED);
        INSERT INTO towns VALUES (1)]])
      p:sql("INSERT INTO t (id) VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11), (12)")
      local body = [[
  op.backfill { table = "t", %s, row = function(r) return { town = r.id == 9 and 7 or 1 } end }]]
      local foreign_keys = kind == "sqlite" and "--url " .. p.url .. "?foreign_keys=on " or ""
      p:revision("a1", nil, body:format("columns = {}"))
      assert.matches("backfill of t, row id = 9: ", p:fails(7, foreign_keys .. "upgrade head").err, 1, true)
      assert.equals("8", p:sql("SELECT count(*) FROM t WHERE town = 1"))
      p:ok("stamp --purge base")
      p:revision("a1", nil, body:format('on_error = "quarantine"'))
      p:ok(foreign_keys .. "upgrade head")
      assert.equals("11|[9]", p:sql(
        "SELECT (SELECT count(*) FROM t WHERE town = 1), bad_key FROM moonbird_backfill_bad"))
    end)

    it("does not take texts in a key for NULL", function()
      p:sql("CREATE TABLE t (id varchar(20) PRIMARY KEY, n integer)")
      p:sql("INSERT INTO t VALUES ('annulled', 0), ('null', 0), ('nullify', 0)")
      p:revision("a1", nil, 'op.backfill { table = "t", row = function(r) return { n = r.n + 1 } end }')
      p:ok("upgrade head")
      assert.equals("3", p:sql("SELECT sum(n) FROM t"))
    end)

    it("goes through odd keys one by one, in all three forms", function()
      p:sql("CREATE TABLE t (a varchar(20), b double precision, n integer, PRIMARY KEY (a, b))")
      p:sql("INSERT INTO t VALUES ('', -1e300, 0), ('', 0.1, 0), ('é', 1e-300, 0)")
      p:sql("INSERT INTO t VALUES ('''\"', 3, 0), ('[1]', 3, 0), ('€', 4, 0)")
      p:revision("a1", nil, [[
  op.backfill { table = "t", size = 1, row = function(r) return { n = r.n + 1 } end }
  op.backfill { table = "t", size = 1, set = { n = sql "n + 1" } }
  op.backfill { table = "t", size = 1, where = "n > 0", row = function(r) return { n = r.n + 1 } end }
  op.backfill { table = "t", size = 1, batch = function(batch)
    assert(#batch.rows <= 1)
    for _, r in ipairs(batch.rows) do
      db:exec("UPDATE t SET n = n + 1 WHERE a = ? AND b = ?", r.a, r.b)
    end
  end }]])
      p:ok("upgrade head")
      assert.equals("6|4|4", p:sql("SELECT count(*), min(n), max(n) FROM t"))
    end)

    it("goes on at a key with any text, bytes or number after a stop", function()
      local blob = kind == "postgres" and "bytea" or "blob"
      local bytes = kind == "postgres" and "'\\x00ff'" or "x'00ff'"
      p:sql(("CREATE TABLE t (a %s, b double precision, n integer, PRIMARY KEY (a, b))"):format(blob))
      p:sql(("INSERT INTO t VALUES (%s, 1, 0), (%s, 2.5, 0), (%s, 1e300, 0)"):format(bytes, bytes, bytes))
      p:revision("a1", nil, [[
  op.backfill { table = "t", size = 1, row = function(r)
    assert(r.b ~= 1e300 or io.open("go"), "not yet")
    return { n = r.n + 1 }
  end }]])
      p:fails(7, "upgrade head")
      assert.equals("2", p:sql("SELECT sum(n) FROM t"))
      p:write("go", "")
      p:ok("upgrade head")
      assert.equals("3|1", p:sql("SELECT sum(n), max(n) FROM t"))
    end)

    it("takes rows with different columns, deletes and untouched ones in one batch", function()
      p:people(3000)
      p:revision("a1", nil, [[
  op.backfill { table = "people", size = 2000, row = function(r, batch)
    local way = r.id % 5
    if way == 0 then return batch.delete end
    if way == 1 then return { counter = 1 } end
    if way == 2 then return { full_name = "x" .. r.id } end
    if way == 3 then return { full_name = null, counter = 3 } end
    if way == 4 then return {} end
  end }]])
      p:ok("upgrade head")
      assert.equals("2400|2400", p:sql("SELECT count(*), sum(counter) FROM people"))
      assert.equals("600", p:sql("SELECT count(*) FROM people WHERE full_name IS NULL"))
      assert.equals("600", p:sql("SELECT count(*) FROM people WHERE full_name = 'x' || id"))
    end)

    it("bears rows that are deleted and added by its own batches", function()
      p:people(100)
      p:revision("a1", nil, [[
  op.backfill { table = "people", size = 10, batch = function(batch)
    db:exec("DELETE FROM people WHERE id = ? OR id = ?", batch.rows[1].id, batch.rows[1].id + 15)
    db:exec("INSERT INTO people VALUES (?, 'new', -1000)", 1000 + batch.rows[1].id)
    for _, r in ipairs(batch.rows) do
      db:exec("UPDATE people SET counter = counter + 1 WHERE id = ?", r.id)
    end
  end }]])
      p:ok("upgrade head")
      assert.equals("1|1", p:sql("SELECT min(counter), max(counter) FROM people WHERE counter >= 0"))
      assert.equals("0", p:sql("SELECT count(*) FROM people WHERE counter = 0"))
    end)

    it("does nothing where `where` matches nothing, in every form", function()
      p:people(50)
      p:revision("a1", nil, [[
  op.backfill { table = "people", where = "id < 0", size = 10, row = function() return { counter = 1 } end }
  op.backfill { table = "people", where = "id < 0", size = 10, set = { counter = 1 } }
  op.backfill { table = "people", where = "id < 0", size = 10, batch = function(b) assert(#b.rows == 0) end }]])
      p:ok("upgrade head")
      assert.equals("50|0|0", counters())
    end)

    it("stops when a batch function ends or spoils the transaction of its batch", function()
      for number, call in ipairs({
        'db:exec("UPDATE people SET counter = 1 WHERE id = 1; COMMIT")',
        'db:exec("ROLLBACK")',
        kind == "postgres" and 'pcall(db.exec, db, "no such thing")' or 'db:query("ROLLBACK")',
      }) do
        local id = "a" .. number
        p:sql("DROP TABLE IF EXISTS people")
        p:people(30)
        p:revision(id, nil, ('op.backfill { table = "people", size = 10, batch = function() %s end }'):format(call))
        p:fails(7, "upgrade head")
        assert.equals("29|0", p:sql("SELECT count(*), max(counter) FROM people WHERE id > 1"))
        p:sql("DELETE FROM moonbird_journal")
        os.remove(p:path("migrations/versions/" .. id .. "_test.lua"))
      end
    end)

    it("does not let a script go on after the stop that SIGINT has asked for", function()
      p:people(1000)
      p:revision("a1", nil, [[
  pcall(op.backfill, { table = "people", size = 10, row = function(r)
    if r.id == 11 then
      io.open("second", "w"):close()
      while not io.open("go") do end
    end
    return { counter = r.counter + 1 }
  end })
  op.drop_column("people", "full_name")]])
      local run = p:start("upgrade head")
      moonbird.wait_until("the second batch", 20, function()
        return p:read("second")
      end)
      run:kill("INT")
      p:write("go", "")
      run:wait(20)
      assert.is_true(run.code == 3 or run.code == 130, run:describe())
      assert.truthy(p:columns("people"):find("full_name", 1, true))
      p:ok("upgrade head")
      assert.equals("1000|1|1", counters())
    end)

    it("ends a script that catches every error, and one that computes in its own coroutine", function()
      for number, body in ipairs({
        "while true do pcall(function() while true do end end) end",
        "coroutine.wrap(function() while true do end end)()",
        "while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
        'while true do pcall(db.scalar, db, "SELECT 1") end',
      }) do
        p:revision("a1", nil, ('io.open("in%d", "w"):close()\n'):format(number) .. body)
        local run = p:start("upgrade head")
        moonbird.wait_until("the loop", 20, function()
          return p:read("in" .. number)
        end)
        run:kill("INT"):wait(5)
        assert.equals(130, run.code, run:describe())
        assert.is_nil(run.err:find("ROLLBACK failed", 1, true), run.err)
      end
    end)

    it("reports an error object that was thrown before", function()
      p:people(10)
      p:revision("a1", nil, [[
  local _, problem = pcall(db.query, db, "SELECT * FROM missing")
  for _ = 1, 2 do
    local ok, caught = pcall(op.backfill, { table = "people", row = function() error(problem) end })
    assert(not ok and tostring(caught):find("missing"), tostring(caught))
  end
  error(problem)]], nil, { header = "transaction = false" })
      local run = p:fails(7, "upgrade head")
      assert.truthy(run.err:find("missing", 1, true), run.err)
    end)

    it("tells of a backfill whose error was caught, when the revision ends without it", function()
      p:people(10)
      p:revision("a1", nil, [[
  pcall(op.backfill, { table = "people", row = function(person)
    if person.id == 7 then error("seven") end
    return { counter = 1 }
  end })]])
      local words = "revision a1 has caught an error and ends without its backfill people (row "
      local run = p:ok("upgrade head")
      assert.truthy(run.err:find(words, 1, true), run.err)
      p:revision("b2", "a1", 'op.backfill { table = "people", row = function() return { counter = 2 } end }')
      run = p:ok("upgrade head")
      assert.is_nil(run.err:find("has caught", 1, true), run.err)
    end)

    if kind == "sqlite" then
      it("refuses NULL in any column of a key", function()
        p:sql("CREATE TABLE t (a integer, b integer, n integer, PRIMARY KEY (a, b))")
        p:sql("INSERT INTO t VALUES (1, 1, 0), (2, NULL, 0), (3, 1, 0)")
        p:revision("a1", nil, 'op.backfill { table = "t", row = function(r) return { n = 1 } end }')
        local run = p:fails(1, "upgrade head")
        assert.truthy(run.err:find("is NULL in a row", 1, true), run.err)
        p:sql("UPDATE t SET a = NULL, b = 5 WHERE a = 2")
        assert.truthy(p:fails(1, "upgrade head").err:find("is NULL in a row", 1, true))
      end)

      it("goes beyond texts that are not UTF-8 or hold a NUL byte", function()
        p:sql("CREATE TABLE t (id text PRIMARY KEY, n integer)")
        p:sql("INSERT INTO t VALUES ('a', 0), (CAST(x'62ff' AS text), 0), (CAST(x'62ffff' AS text), 0),"
          .. " (CAST(x'630064' AS text), 0), ('z', 0)")
        p:revision("a1", nil, [[
  op.backfill { table = "t", size = 1, row = function(r) return { n = r.n + 1 } end }
  op.backfill { table = "t", size = 1, batch = function(batch)
    db:exec("UPDATE t SET n = n + 1 WHERE " .. batch.range.predicate, batch.range.values)
  end }]])
        p:ok("upgrade head")
        assert.equals("5|2|2", p:sql("SELECT count(*), min(n), max(n) FROM t"))
      end)

      it("refuses what is no number, which SQLite would store as NULL", function()
        p:sql("CREATE TABLE t (id integer PRIMARY KEY, n double)")
        p:sql("INSERT INTO t (id) VALUES (1), (2), (3)")
        p:revision("a1", nil, [[
  op.backfill { table = "t", columns = {}, row = function(r) return { n = r.id == 2 and 0 / 0 or 1.5 } end }]])
        local run = p:run("upgrade head")
        assert.is_true(run.code == 7 or run.code == 1, run:describe())
        assert.truthy(run.err:find("row id = 2", 1, true), run:describe())
        assert.truthy(run.err:find("not a number (NaN)", 1, true), run:describe())
      end)

      it("leaves nothing half done when the disk is full, and goes on when it is not", function()
        p:people(3000)
        p:revision("a1", nil, [[
  op.backfill { table = "people", size = 200, row = function(r)
    return { full_name = ("x"):rep(1000), counter = r.counter + 1 }
  end }]])
        local run = p:run("upgrade head", { shell = "trap '' XFSZ; ulimit -f 1024" })
        assert.is_true(run.code == 7 or run.code == 1, run:describe())
        assert.equals("0", p:sql("SELECT count(*) FROM people WHERE counter > 1"))
        p:ok("upgrade head")
        assert.equals("3000|1|1", counters())
      end)

      it("goes no further when a caught error of a full disk took the transaction back", function()
        p:sql("CREATE TABLE t (a text)")
        p:revision("a1", nil, [[
  op.execute("CREATE TABLE u (a text)")
  for _ = 1, 100 do pcall(db.exec, db, "INSERT INTO t VALUES (?)", ("x"):rep(50000)) end]])
        local run = p:run("upgrade head", { shell = "trap '' XFSZ; ulimit -f 1024" })
        assert.is_true(run.code == 7 or run.code == 1, run:describe())
        assert.equals("0", p:sql("SELECT count(*) FROM t"))
        assert.is_false(p:has_table("moonbird_version"))
      end)
    end
  end)
end)
