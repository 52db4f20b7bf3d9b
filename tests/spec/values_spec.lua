-- Values between scripts and the database, both ways, and the errors that scripts see. A failed assertion in a revision
-- fails its upgrade, so most of the expectations stand in the scripts themselves.
local moonbird = require("support.moonbird")

describe("values", function()
  moonbird.each_database(describe, pending, function(kind)
    local p
    before_each(function()
      p = moonbird.project(kind)
    end)
    after_each(function()
      p:remove()
    end)

    local function passes(body)
      p:revision("a1", nil, body)
      p:ok("upgrade head")
    end

    it("keep their type both ways", function()
      passes([[
  op.create_table("t", {
    column("id", types.integer(), { primary_key = true }),
    column("i", types.bigint()), column("f", types.double()), column("b", types.boolean()),
    column("s", types.text()), column("y", types.blob()),
  })
  local function same(i, f, b, s, y)
    db:exec("DELETE FROM t")
    db:exec("INSERT INTO t VALUES (1, ?, ?, ?, ?, ?)", i, f, b, s, y and blob(y))
    local row = db:one("SELECT * FROM t")
    assert(math.type(row.i) == (i and "integer" or nil) and row.i == i, "i: " .. tostring(row.i))
    assert(math.type(row.f) == (f and "float" or nil) and row.f == f, "f: " .. tostring(row.f))
    assert(row.b == b, "b: " .. tostring(row.b))
    assert(row.s == s, "s: " .. tostring(row.s))
    assert(row.y == y, "y: " .. tostring(row.y))
  end
  same(0, 0.0, true, "", "")
  same(math.maxinteger, 0.1, false, "Zoë 日本 'q' \"d\" \\ \n\r\t %s ? :x $1", "\0\1\2\255\254'\\")
  same(math.mininteger, -1e308, true, ("x"):rep(100000), ("\0"):rep(70000))
  same(9007199254740993, 5e-324, false, "𝔘", "a")
  same(nil, nil, nil, nil, nil)
  same(-1, 1 / 0, true, " ", " ")
  same(1, 3.0, true, "1", "1")]])
    end)

    it("of numeric, times, JSON and UUIDs are text without loss", function()
      passes(kind == "postgres" and [[
  local row = db:one([=[SELECT 1234567890123456789012345.678900::numeric AS n, date '2024-02-29' AS d,
    timestamp '2024-02-29 23:59:59.123456' AS t, '{"a": [1, 2.50]}'::jsonb AS j,
    'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid AS u, time '12:34:56.5' AS c, interval '1 day 02:03:04' AS i,
    'x'::char(3) AS ch, '{1,NULL,3}'::int[] AS arr, 'infinity'::timestamp AS inf, 'NaN'::numeric AS nan]=])
  assert(row.n == "1234567890123456789012345.678900", row.n)
  assert(row.d == "2024-02-29", row.d)
  assert(row.t == "2024-02-29 23:59:59.123456", row.t)
  assert(row.j == '{"a": [1, 2.50]}', row.j)
  assert(row.u == "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", row.u)
  assert(row.c == "12:34:56.5", row.c)
  assert(row.i == "1 day 02:03:04", row.i)
  assert(row.ch == "x  ", row.ch)
  assert(row.arr == "{1,NULL,3}", row.arr)
  assert(row.inf == "infinity" and row.nan == "NaN")
  db:exec("CREATE TABLE t (n numeric(40, 10), d date, t timestamp, j jsonb, u uuid)")
  db:exec("INSERT INTO t VALUES (?, ?, ?, ?, ?)", "1234567890123456789.5", row.d, row.t, row.j, row.u)
  assert(db:scalar("SELECT n FROM t") == "1234567890123456789.5000000000")
  assert(db:scalar("SELECT count(*) FROM t WHERE d = ? AND t = ? AND u = ?", row.d, row.t, row.u) == 1)]] or [[
  db:exec("CREATE TABLE t (d date, t timestamp, j json)")
  db:exec("INSERT INTO t VALUES (?, ?, ?)", "2024-02-29", "2024-02-29 23:59:59.123456", '{"a": [1, 2.50]}')
  local row = db:one("SELECT * FROM t")
  assert(row.d == "2024-02-29" and row.t == "2024-02-29 23:59:59.123456" and row.j == '{"a": [1, 2.50]}')]])
    end)

    it("come by query, rows, one, scalar and exec", function()
      passes([[
  db:exec("CREATE TABLE t (id integer NOT NULL PRIMARY KEY, s text)")
  assert(db:exec("INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, NULL)") == 3)
  assert(db:exec("UPDATE t SET s = 'c' WHERE id > ?", 1) == 2)
  assert(db:exec("DELETE FROM t WHERE id = 9") == 0)
  local list = db:query("SELECT id, s FROM t ORDER BY id")
  assert(#list == 3 and list[3].id == 3 and list[1].s == "a")
  local sum = 0
  for row in db:rows("SELECT id FROM t") do sum = sum + row.id end
  assert(sum == 6)
  for row in db:rows("SELECT id FROM t ORDER BY id") do if row.id == 2 then break end end
  assert(db:one("SELECT id FROM t WHERE id = 9") == nil)
  assert(db:one("SELECT id FROM t WHERE id = 2").id == 2)
  assert(db:scalar("SELECT count(*) FROM t") == 3)
  assert(db:scalar("SELECT s FROM t WHERE id = 9") == nil)
  assert(#db:query("SELECT id FROM t WHERE id = 9") == 0)]])
    end)

    it("take placeholders by place and by name, never inside of strings and comments", function()
      passes([[
  assert(db:scalar("SELECT '?' || ? || ':a' /* ? :b */ -- ?\n || ?", "x", "y") == "?x:ay")
  assert(db:scalar("SELECT :a || :b || :a || ':a'", { a = "1", b = "2" }) == "121:a")
  assert(db:scalar('SELECT "?" FROM (SELECT 1 AS "?") AS t WHERE 1 = ?', 1) == 1)]] .. (kind == "postgres" and [[

  assert(db:scalar("SELECT $tag$ ? :a $tag$ || ?", "x") == " ? :a x")
  assert(db:scalar("SELECT '{\"a\": 1}'::jsonb ->> ?", "a") == "1")
  assert(db:scalar("SELECT E'\\'?' || ?::text", "x") == "'?x")]] or ""))
    end)

    it("of a large result come whole, row by row or at once", function()
      passes([[
  db:exec("CREATE TABLE t (id integer NOT NULL PRIMARY KEY, s text)")
  db:exec("INSERT INTO t WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) "
    .. "SELECT i, 'text ' || i FROM n")
  local count = 0
  for row in db:rows("SELECT id, s FROM t ORDER BY id") do
    count = count + 1
    assert(row.id == count and row.s == "text " .. count)
  end
  assert(count == 50000)
  assert(#db:query("SELECT id FROM t") == 50000)]])
    end)

    it("go through statements inside of a loop over rows", function()
      passes([[
  db:exec("CREATE TABLE t (id integer NOT NULL PRIMARY KEY, n integer)")
  for i = 1, 30 do db:exec("INSERT INTO t VALUES (?, 0)", i) end
  for row in db:rows("SELECT id FROM t ORDER BY id") do
    db:exec("UPDATE t SET n = n + ? WHERE id = ?", row.id, row.id)
    for inner in db:rows("SELECT id FROM t WHERE id = ?", row.id) do assert(inner.id == row.id) end
  end
  assert(db:scalar("SELECT count(*) FROM t WHERE n = id") == 30)]])
    end)

    it("are reached where Lua cannot yield, too", function()
      passes([[
  db:exec("CREATE TABLE t (id integer)")
  local list = { 3, 1, 2 }
  table.sort(list, function(a, b) return db:scalar("SELECT ? - ?", a, b) < 0 end)
  assert(list[1] == 1 and list[3] == 3)
  local text = ("abc"):gsub("%a", function(c) return db:scalar("SELECT upper(?)", c) end)
  assert(text == "ABC")
  local t = setmetatable({}, { __index = function(_, key) return db:scalar("SELECT ?", key) end })
  assert(t.x == "x")
  local co = coroutine.wrap(function()
    coroutine.yield(db:scalar("SELECT 1"))
    coroutine.yield(db:scalar("SELECT 2"))
  end)
  assert(co() == 1 and co() == 2)]])
    end)

    it("are kept or taken back together by db:transaction", function()
      passes([[
  db:exec("CREATE TABLE t (id integer NOT NULL PRIMARY KEY)")
  db:transaction(function()
    db:exec("INSERT INTO t VALUES (1)")
    local ok, problem = pcall(db.transaction, db, function()
      db:exec("INSERT INTO t VALUES (2)")
      db:exec("INSERT INTO t VALUES (1)")
    end)
    assert(not ok and problem)
  end)
  assert(db:scalar("SELECT count(*) FROM t") == 1)
  local ok, problem = pcall(db.transaction, db, function()
    db:exec("INSERT INTO t VALUES (5)")
    error("no")
  end)
  assert(not ok and tostring(problem):find("no"))
  assert(db:scalar("SELECT count(*) FROM t") == 1)]])
      assert.equals("1", p:sql("SELECT count(*) FROM t"))
    end)

    it("that break a rule are errors with SQLSTATE, which a script can look at", function()
      passes([[
  db:exec("CREATE TABLE t (id integer NOT NULL PRIMARY KEY, n integer NOT NULL CHECK (n > 0))")
  db:exec("INSERT INTO t VALUES (1, 1)")
  local function state(...)
    local args = table.pack(...)
    local ok, problem = pcall(db.transaction, db, function() db:exec(table.unpack(args, 1, args.n)) end)
    assert(not ok)
    return problem.sqlstate
  end
  local got = {
    state("INSERT INTO t VALUES (1, 1)"), state("INSERT INTO t VALUES (2, NULL)"),
    state("INSERT INTO t VALUES (3, -1)"), state("INSERT INTO nope VALUES (1)"),
    state("SELEC 1"), state("INSERT INTO t (nope) VALUES (1)"),
  }
  local text = table.concat(got, " ")
  assert(text == "23505 23502 23514 42P01 42601 42703", text)]])
    end)

    it("say where in the SQL the error is", function()
      p:revision("a1", nil, '  db:exec("SELECT 1\\n  FROM FROM nothing")')
      local run = p:fails(1, "upgrade head")
      assert.truthy(run.err:find("42601", 1, true), run.err)
      assert.truthy(run.err:find("a1_test.lua:7", 1, true), run.err)
      assert.truthy(run.err:find("FROM FROM nothing", 1, true), run.err)
      assert.truthy(run.err:find("^", 1, true), run.err)
    end)

    it("of one revision are not seen by another", function()
      p:revision("a1", nil, "Stray = 1\nstring.stray = 2")
      p:revision("b2", "a1", "assert(Stray == nil)")
      p:ok("upgrade head")
    end)
  end)
end)

describe("operations", function()
  moonbird.each_database(describe, pending, function(kind)
    it("make, change and drop tables as they were asked to", function()
      local p = moonbird.project(kind)
      p:revision(
        "a1",
        nil,
        [[
  op.create_table("town", {
    column("id", types.integer(), { primary_key = true }),
    column("name", types.varchar(40), { nullable = false, unique = true }),
  })
  op.create_table("people", {
    column("id", types.bigint(), { primary_key = true }),
    column("town_id", types.integer(), { references = { "town.id", ondelete = "CASCADE" } }),
    column("age", types.integer(), { server_default = "18" }),
    column("Größe \"x\"", types.text()),
    check("age > 0", { name = "age_is_positive" }),
  })
  op.bulk_insert("town", { { id = 1, name = "Kyïv" }, { id = 2, name = "O'Fallon" } })
  op.bulk_insert("people", { { id = 1, town_id = 1 }, { id = 2, age = 20 }, { id = 3, town_id = null, age = 30 } })
  op.create_index("people_age", "people", { "age" })
  op.add_column("people", column("note", types.text(), { nullable = false, server_default = "none" }))
  op.rename_table("people", "persons")
  op.execute("UPDATE persons SET note = :note WHERE id = :id", { note = "it's", id = 2 })]],
        [[
  op.rename_table("persons", "people")
  op.drop_column("people", "note")
  op.drop_index("people_age", "people")
  op.drop_table("people")
  op.drop_table("town")]]
      )
      p:ok("upgrade head")
      assert.equals(
        "1|1|18|none\n2||20|it's\n3||30|none",
        p:sql("SELECT id, town_id, age, note FROM persons ORDER BY id")
      )
      assert.equals('id,town_id,age,Größe "x",note', p:columns("persons"))
      assert.has_error(function()
        p:sql("INSERT INTO persons (id, age) VALUES (9, -1)")
      end)
      assert.has_error(function()
        p:sql("INSERT INTO town VALUES (3, 'Kyïv')")
      end)
      p:ok("downgrade base")
      assert.is_false(p:has_table("town"))
      assert.is_false(p:has_table("people"))
      p:ok("upgrade head")
      p:remove()
    end)
  end)
end)
