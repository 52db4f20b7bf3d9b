-- A table of SQLite that is made anew loses nothing: what it keeps, batches, failures, kills.

local moonbird = require("support.moonbird")
local rebuild = require("support.rebuild")

describe("a rebuilt table of SQLite", function()
  local t = rebuild.helpers(before_each, after_each)
  local change, refuse, definition, rows, check_database = t.change, t.refuse, t.definition, t.rows, t.check_database
  local p

  before_each(function()
    p = t.project
  end)

  describe("keeps", function()
    local touch = [[op.alter_column("t", "z", { nullable = false })]]

    it("the rows of other tables, with enforced keys and ON DELETE CASCADE", function()
      change(
        [[CREATE TABLE t (id INTEGER PRIMARY KEY, z INT); INSERT INTO t VALUES (1, 0), (2, 0);
          CREATE TABLE c (id INTEGER PRIMARY KEY, t INT NOT NULL REFERENCES t ON DELETE CASCADE);
          INSERT INTO c VALUES (1, 1), (2, 2)]],
        touch .. [[
          -- and the keys are enforced again afterwards
          db:exec("DELETE FROM t WHERE id = 2")]],
        { enforced = true }
      )
      assert.are.equal("1|1", p:sql("SELECT * FROM c"))
    end)

    it("triggers, and views on views, and triggers elsewhere that write to it", function()
      change(
        [[CREATE TABLE t (a INT, z INT); CREATE TABLE log (x); CREATE TABLE o (x);
          CREATE TRIGGER t_log AFTER INSERT ON t WHEN new.a > 1 BEGIN INSERT INTO log VALUES (new.a); END;
          CREATE TRIGGER o_t AFTER INSERT ON o BEGIN INSERT INTO t VALUES (new.x, 0); END;
          CREATE VIEW v AS SELECT a FROM t; CREATE VIEW w AS SELECT a + 1 AS b FROM v;
          CREATE TRIGGER v_in INSTEAD OF INSERT ON v BEGIN INSERT INTO t VALUES (new.a, 0); END;
          INSERT INTO t VALUES (1, 0)]],
        touch .. [[ db:exec("INSERT INTO o VALUES (5)") db:exec("INSERT INTO v VALUES (6)")]]
      )
      assert.are.equal("5\n6", p:sql("SELECT x FROM log ORDER BY 1"))
      assert.are.equal("2\n6\n7", p:sql("SELECT b FROM w ORDER BY 1"))
      assert.are.equal("0", p:sql("SELECT count(*) FROM log WHERE x = 1")) -- copying fires no trigger
    end)

    it("indexes of every kind, as they were written", function()
      local indexes = {
        "CREATE INDEX i1 ON t (a DESC, b COLLATE NOCASE)",
        "CREATE UNIQUE INDEX i2 ON t (lower(b)) WHERE a > 0",
        'CREATE INDEX "i 3" ON t(a+1)',
      }
      change(
        "CREATE TABLE t (a INT, b TEXT, z INT); INSERT INTO t VALUES (1, 'X', 0);" .. table.concat(indexes, ";"),
        touch
      )
      for _, text in ipairs(indexes) do
        local name = text:match('INDEX "?(i ?%d)')
        assert.are.equal(text, definition(name))
      end
    end)

    it("AUTOINCREMENT and where it was", function()
      change(
        [[CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, z INT);
          INSERT INTO t VALUES (1, 0), (50, 0); DELETE FROM t WHERE id = 50]],
        touch .. [[ db:exec("INSERT INTO t (z) VALUES (1)")]]
      )
      assert.are.equal("1|0\n51|1", rows())
      assert.are.equal("t|51", p:sql("SELECT * FROM sqlite_sequence"))
    end)

    it("STRICT, WITHOUT ROWID, COLLATE, conflict clauses, comments", function()
      local text = [[CREATE TABLE t (
  -- the key
  k TEXT COLLATE NOCASE PRIMARY KEY ON CONFLICT REPLACE, -- whatever the case
  u TEXT UNIQUE ON CONFLICT IGNORE /* first wins */,
  z INT%s, -- last
  CHECK (t.k <> '') -- never empty
) STRICT, WITHOUT ROWID]]
      change(text:format("") .. "; INSERT INTO t VALUES ('a', 'b', 1), ('C', 'd', 2)", touch)
      assert.are.equal(text:format(" NOT NULL"), definition())
      assert.are.equal("a|b|1\nC|d|2", rows())
      p:sql("INSERT INTO t VALUES ('c', 'e', 9)")
      assert.are.equal("a|b|1\nc|e|9", rows())
    end)

    it("generated columns and every CHECK and default", function()
      local text = "CREATE TABLE t (a INT DEFAULT (abs(-5)), b INT AS (a * 2) STORED, c TEXT AS (a || '!'), z INT%s, "
        .. "d DEFAULT CURRENT_DATE, CONSTRAINT named CHECK (a > 0), CHECK (z < 100))"
      change(text:format("") .. "; INSERT INTO t (z) VALUES (1)", touch)
      assert.are.equal(text:format(" NOT NULL"), definition())
      assert.are.equal("5|10|5!|1", rows("a, b, c, z"))
    end)

    it("rowids, keys to itself, and odd names", function()
      change(
        [[CREATE TABLE t (z INT, "rowid" TEXT, "select" INT REFERENCES t ("u u"), [u u] INT UNIQUE);
          INSERT INTO t (oid, z, "rowid", "select", [u u]) VALUES (7, 0, 'x', NULL, 1), (9, 0, 'y', 1, 2)]],
        touch,
        { enforced = true }
      )
      assert.are.equal("7|0|x||1\n9|0|y|1|2", rows("_rowid_, *"))
      p = t.again()
      change(
        [[CREATE TABLE "Odd ""t'" ("имя" INT, z INT); INSERT INTO "Odd ""t'" VALUES (1, 2)]],
        [=[op.alter_column([[Odd "t']], "имя", { nullable = false })]=]
      )
      assert.are.equal("1|2", p:sql([[SELECT * FROM "Odd ""t'"]]))
    end)

    it("values of every kind", function()
      change(
        [[CREATE TABLE t (a, z INT); INSERT INTO t VALUES (1, 0), (1.5, 0), ('x', 0), (x'00ff', 0), (NULL, 0),
          (char(0) || 'a', 0), (9223372036854775807, 0), (9e999, 0)]],
        touch
      )
      assert.are.equal(
        "null,integer,real,integer,real,text,text,blob",
        p:sql("SELECT group_concat(typeof(a)) FROM (SELECT a FROM t ORDER BY a)")
      )
    end)
  end)

  it("has a view that is broken already, and still is", function()
    change(
      "CREATE TABLE t (a INT UNIQUE); CREATE VIEW v AS SELECT gone FROM t; INSERT INTO t VALUES (1)",
      [[op.alter_column("t", "a", { nullable = false })]]
    )
    assert.are.equal("CREATE TABLE t (a INT NOT NULL UNIQUE)", definition())
  end)

  describe("batch_alter_table", function()
    it("makes the table anew once", function()
      change(
        [[CREATE TABLE t (a INT, b TEXT, c INT); INSERT INTO t VALUES (1, '2', 3); CREATE INDEX i ON t (c)]],
        [[op.batch_alter_table("t", function(batch)
            batch.add_column(column("head", types.text()), { insert_before = "a" })
            batch.alter_column("b", { type_ = types.integer(), nullable = false, insert_after = "c" })
            batch.alter_column("a", { new_column_name = "n" })
            batch.create_unique_constraint("uq", { "n", "b" })
            batch.create_index("ix", { "n", sql "b DESC" })
            batch.drop_index("i")
          end)]]
      )
      assert.are.equal(
        "CREATE TABLE t (head TEXT, n INT, c INT, b INTEGER NOT NULL, CONSTRAINT uq UNIQUE (n, b))",
        definition()
      )
      assert.are.equal("|1|3|2", rows())
      assert.are.equal("ix", p:sql("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL"))
    end)

    it("takes names that change places, and statements in between", function()
      change(
        "CREATE TABLE t (a INT, b INT, c INT); INSERT INTO t VALUES (1, 2, 3)",
        [[op.batch_alter_table("t", function(batch)
            batch.drop_column("b")
            batch.alter_column("a", { new_column_name = "b", nullable = false })
            batch.execute("UPDATE t SET c = c + b")
            batch.alter_column("c", { new_column_name = "a" })
          end)]]
      )
      assert.are.equal("CREATE TABLE t (b INT NOT NULL, a INT)", definition())
      assert.are.equal("1|4", rows())
    end)

    it("converts a column that has another name before the table is made", function()
      change(
        "CREATE TABLE t (text TEXT, b TEXT); INSERT INTO t VALUES ('5', '6')",
        [[op.batch_alter_table("t", function(batch)
            batch.alter_column("text", { type_ = types.integer(), new_column_name = "n" })
            batch.alter_column("b", { type_ = types.integer(), sqlite_using = "CAST(b AS INTEGER) + n" })
            batch.alter_column("b", { new_column_name = "text" })
          end)]]
      )
      assert.are.equal("CREATE TABLE t (n INTEGER, text INTEGER)", definition())
      assert.are.equal("5|11", rows())
    end)

    it("gives older rows the default that a column was added with, and rowids as a new key", function()
      change(
        "CREATE TABLE t (a INT); INSERT INTO t (rowid, a) VALUES (3, 1), (5, 2)",
        [[op.batch_alter_table("t", function(batch)
            batch.add_column(column("b", types.integer(), { server_default = 7, nullable = false }))
            batch.alter_column("b", { server_default = null })
            batch.add_column(column("c", types.integer()))
            batch.alter_column("c", { server_default = 8 })
            batch.add_column(column("id", types.integer()))
            batch.create_primary_key("pk", { "id" })
          end)]]
      )
      assert.are.equal("1|7||3\n2|7||5", rows())
    end)

    it("sets the order and the options of the table", function()
      change(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, b TEXT); INSERT INTO t VALUES (4, 1, 'x')",
        [[op.batch_alter_table("t", function() end, {
            partial_reordering = { { "b", "a" } }, table_args = { check("a > 0", { name = "ck" }) },
            table_kwargs = { sqlite_strict = true, sqlite_autoincrement = true } })]]
      )
      assert.are.equal(
        "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, b TEXT, a INT, CONSTRAINT ck CHECK (a > 0)) STRICT",
        definition()
      )
      assert.are.equal("4|x|1", rows())
    end)

    it("sets them beside a change that ALTER TABLE could do", function()
      change(
        "CREATE TABLE t (a INT, b INT); INSERT INTO t VALUES (1, 2)",
        [[op.batch_alter_table("t", function(batch) batch.drop_column("b") end,
            { table_kwargs = { sqlite_strict = true } })]]
      )
      assert.are.equal("CREATE TABLE t (a INT) STRICT", definition())
    end)

    it("refuses with recreate = never what needs it", function()
      refuse(
        "CREATE TABLE t (a INT)",
        [[op.batch_alter_table("t", function(batch) batch.alter_column("a", { nullable = false }) end,
            { recreate = "never" })]],
        'recreate = "never", and SQLite\'s ALTER TABLE cannot do this to t'
      )
    end)

    it("names the change that cannot be made, and its line", function()
      local batch = "op.batch_alter_table('t', function(batch)\n  batch.drop_column('b')\n\n  %s\nend)"
      local wrong = {
        ['batch.alter_column("z", { nullable = false })'] = "batch.alter_column in line 10: the table t has no",
        ['batch.drop_constraint("uq")'] = "batch.drop_constraint in line 10: No such constraint: 'uq'",
        ['batch:create_exclude_constraint("x", { "a", "=" })'] = "batch.create_exclude_constraint in line 10: SQLite",
      }
      for call, problem in pairs(wrong) do
        refuse("DROP TABLE IF EXISTS t; CREATE TABLE t (a INT, b INT)", batch:format(call), problem)
      end
    end)

    it("names the row that does not fit a STRICT type", function()
      refuse(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT); INSERT INTO t VALUES (1, 5), (2, 'five')",
        [[op.batch_alter_table("t", function() end, { table_kwargs = { sqlite_strict = true } })]],
        "t.a: 'five' is no INT, and the table is STRICT (the row with id = 2)"
      )
    end)
  end)

  it("is renamed with all references to it", function()
    change(
      [[CREATE TABLE t (id INTEGER PRIMARY KEY); CREATE TABLE c (t INT REFERENCES t (id));
        CREATE VIEW v AS SELECT id FROM t; INSERT INTO t VALUES (1); INSERT INTO c VALUES (1);
        CREATE TRIGGER g AFTER INSERT ON c BEGIN DELETE FROM t; END]],
      [[op.rename_table("t", "the table")]],
      { enforced = true }
    )
    assert.are.equal("1", p:sql("SELECT id FROM v"))
    assert.is_truthy(definition("c"):find('REFERENCES "the table"', 1, true))
    assert.is_truthy(definition("g"):find('DELETE FROM "the table"', 1, true))
  end)

  it("is as it was when the script catches the error", function()
    change(
      "CREATE TABLE t (a INT); INSERT INTO t VALUES (NULL)",
      [[local ok, problem = pcall(op.alter_column, "t", "a", { nullable = false })
        assert(not ok and tostring(problem):find("cannot be NOT NULL"))
        db:exec("INSERT INTO t VALUES (2)")]],
      { enforced = true, online = true }
    )
    assert.are.equal("CREATE TABLE t (a INT)", definition())
    assert.are.equal("\n2", rows())
  end)

  it("is as it was when a batch fails after a part of it is done", function()
    change(
      "CREATE TABLE t (a INT, b INT); INSERT INTO t VALUES (1, NULL)",
      [[local ok, problem = pcall(op.batch_alter_table, "t", function(batch)
          batch.alter_column("a", { new_column_name = "x" })
          batch.execute("UPDATE t SET x = 5")
          batch.alter_column("b", { nullable = false })
        end)
        assert(not ok and tostring(problem):find("t.b cannot be NOT NULL"))]],
      { online = true }
    )
    assert.are.equal("CREATE TABLE t (a INT, b INT)", definition())
    assert.are.equal("1|", rows())
  end)

  it("is made in db:transaction, and in a revision without a transaction", function()
    p:sql("CREATE TABLE t (a INT, b INT); INSERT INTO t VALUES (1, NULL)")
    p:revision("a1", nil, [[db:transaction(function() op.alter_column("t", "a", { nullable = false }) end)
      pcall(db.transaction, db, function() op.alter_column("t", "a", { type_ = types.text() }) error("no") end)]])
    p:revision(
      "a2",
      "a1",
      [[op.create_check_constraint("ck", "t", "a > 0") op.alter_column("t", "b", { nullable = false })]],
      nil,
      { header = "transaction = false" }
    )
    local result = p:fails(7, "upgrade head")
    assert.is_truthy(result.err:find("t.b cannot be NOT NULL", 1, true))
    assert.are.equal("CREATE TABLE t (a INT NOT NULL, b INT, CONSTRAINT ck CHECK (a > 0))", definition())
    p:sql("UPDATE t SET b = 2")
    p:ok("upgrade head")
    assert.are.equal("CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, CONSTRAINT ck CHECK (a > 0))", definition())
    check_database()
  end)

  it("is not made while deferred keys are open", function()
    p:sql("CREATE TABLE t (id INTEGER PRIMARY KEY, z INT); "
      .. "CREATE TABLE c (t INT REFERENCES t DEFERRABLE INITIALLY DEFERRED)")
    p:revision("a1", nil, [[db:exec("INSERT INTO c VALUES (5)") op.alter_column("t", "z", { nullable = false })]])
    local result = p:fails(1, { "--url", p.url .. "?foreign_keys=on", "upgrade", "head" })
    assert.is_truthy(result.err:find("a table can be rebuilt only when they are", 1, true))
  end)

  it("refuses what is no table", function()
    for up, message in pairs({
      [ [[op.alter_column("v", "a", { nullable = false })]] ] = "v is a view",
      [ [[op.alter_column("none", "a", { nullable = false })]] ] = "no such table: none",
      [ [[op.alter_column("t", "x", { nullable = false })]] ] = "the table t has no column x",
      [ [[op.alter_column("f", "a", { nullable = false })]] ] = "f is a virtual table",
    }) do
      refuse(
        "CREATE TABLE t (a INT); CREATE VIEW v AS SELECT a FROM t; CREATE VIRTUAL TABLE f USING fts5(a)",
        up,
        message
      )
      p = t.again()
    end
  end)

  describe("in a script for a table that the script did not make", function()
    local REQUIRED = [[op.batch_alter_table("t", function(batch) batch.alter_column("b", { nullable = false }) end, {
      copy_from = { column("id", types.integer(), { primary_key = true }), column("b", types.text()),
        index { "b", name = "ib" } } })]]

    before_each(function()
      p:revision("a1", nil, "")
    end)

    -- Writes the script from a1 on and gives it to sqlite3.
    local function run_script(up, setup, before)
      p:revision("a2", "a1", up)
      p:ok("upgrade a1")
      p:sql(setup)
      p:write("script.sql", (before or "") .. p:ok("upgrade a1:a2 --sql").out)
      return moonbird.shell(("cd %s && sqlite3 -bail data.db < script.sql"):format(p.folder))
    end

    local TABLE = "CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY, b TEXT); CREATE INDEX ib ON t (b); "
      .. "INSERT INTO t VALUES (1, 'x');"

    it("is described by copy_from", function()
      local output, code = run_script(REQUIRED, TABLE)
      assert.are.equal(0, code, output)
      assert.are.equal("CREATE TABLE t (\n  id INTEGER NOT NULL PRIMARY KEY,\n  b TEXT NOT NULL\n)", definition())
      assert.are.equal("CREATE INDEX ib ON t (b)", definition("ib"))
      assert.are.equal("1|x", rows())
      assert.are.equal("a2", p:sql("SELECT version_num FROM moonbird_version"))
    end)

    it("must not have triggers", function()
      local output, code = run_script(REQUIRED, TABLE .. "CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END")
      assert.are_not.equal(0, code)
      assert.is_truthy(output:find("the table t has triggers, which copy_from cannot say", 1, true))
      assert.are.equal("g", p:sql("SELECT name FROM sqlite_schema WHERE type = 'trigger'"))
    end)

    it("is not touched while foreign keys are enforced", function()
      local output, code = run_script(REQUIRED, TABLE, "PRAGMA foreign_keys = ON;\n")
      assert.are_not.equal(0, code)
      assert.is_truthy(output:find("PRAGMA foreign_keys must be off while tables are rebuilt", 1, true))
    end)

    it("takes what does not fit as an error, and nothing is kept", function()
      local output, code = run_script(REQUIRED, TABLE .. "INSERT INTO t VALUES (2, NULL)")
      assert.are_not.equal(0, code)
      assert.is_truthy(output:find("NOT NULL constraint failed: t.b", 1, true))
      assert.are.equal("1|x\n2|", rows())
    end)

    it("is not known without it", function()
      p:revision("a2", "a1", [[op.alter_column("t", "b", { nullable = false })]])
      local result = p:fails(1, "upgrade a1:a2 --sql")
      assert.are.equal("", result.out)
      assert.is_truthy(result.err:find("the table t must be made anew for that", 1, true))
      assert.is_truthy(result.err:find("copy_from", 1, true))
    end)

    it("still takes SQLite's own statements", function()
      local output, code = run_script([[op.drop_column("t", "id2")]], TABLE .. "ALTER TABLE t ADD COLUMN id2 INT")
      assert.are.equal(0, code, output)
      assert.are.equal("id,b", p:columns("t"))
    end)

    it("is not known any more after a statement that could not be followed", function()
      p:revision("a2", "a1", [[op.create_table("t", { column("b", types.text()) })
        db:exec("ALTER TABLE elsewhere.t ADD COLUMN c")
        op.alter_column("t", "b", { nullable = false })]])
      local result = p:fails(1, "upgrade a1:a2 --sql")
      assert.is_truthy(result.err:find("could not be followed", 1, true))
      assert.is_truthy(result.err:find("elsewhere", 1, true))
    end)
  end)

  it("is known to a script that a .sql revision of it makes", function()
    p:write("migrations/versions/a1_made.sql", "-- Made\n-- revision: a1\n-- down_revision:\n-- migrate:up\n"
      .. "CREATE TABLE t (a INT, b INT);\nCREATE INDEX i ON t (b); -- an index\n-- migrate:down\nDROP TABLE t;\n")
    p:revision("a2", "a1", [[op.alter_column("t", "b", { nullable = false })]])
    p:write("script.sql", p:ok("upgrade head --sql").out)
    local output, code = moonbird.shell(("cd %s && sqlite3 -bail data.db < script.sql"):format(p.folder))
    assert.are.equal(0, code, output)
    assert.are.equal("CREATE TABLE t (a INT, b INT NOT NULL)", definition())
    assert.are.equal("CREATE INDEX i ON t (b)", definition("i"))
  end)

  describe("between backfills", function()
    -- Stays in Lua at a place in the first run only.
    local function stop_at(name)
      return ([[
        do
          local file = io.open(%q)
          if file then file:close() else io.open(%q, "w"):close() while true do end end
        end]]):format(p:path(name), p:path(name))
    end

    for _, place in ipairs({ "behind the first", "behind the table", "behind the second" }) do
      it("goes on after kill -9 " .. place, function()
        p:people(100)
        p:sql("CREATE INDEX ix ON people (counter); CREATE VIEW v AS SELECT counter FROM people")
        local function at(name)
          return name == place and stop_at(name) or ""
        end
        p:revision("a1", nil, table.concat({
          'op.add_column("people", column("first_name", types.text()))',
          'op.backfill { table = "people", size = 40,',
          '  set = { first_name = sql "full_name", counter = sql "counter + 1" } }',
          at("behind the first"),
          'op.alter_column("people", "first_name", { nullable = false })',
          'op.drop_column("people", "full_name")',
          'op.create_check_constraint("ck", "people", "counter < 100")',
          at("behind the table"),
          'op.backfill { table = "people", size = 40, set = { counter = sql "counter + 10" }, where = "counter < 10" }',
          at("behind the second"),
          'op.alter_column("people", "counter", { type_ = types.bigint(), new_column_name = "hits" })',
        }, "\n"))
        local first = p:start("upgrade head")
        moonbird.wait_until(place, 20, function()
          return p:read(place) ~= nil
        end)
        first:kill("KILL"):wait()
        p:ok("upgrade head")
        assert.are.equal("11|11|100", p:sql("SELECT min(hits), max(hits), count(*) FROM people"))
        assert.are.equal("id,hits,first_name", p:columns("people"))
        assert.are.equal("11", p:sql("SELECT max(hits) FROM v"))
        assert.are.equal("ok", p:sql("PRAGMA integrity_check"))
      end)
    end
  end)

  it("is as it was when the program was killed while it copied", function()
    p:people(200000)
    local before = p:sql("SELECT sql FROM sqlite_schema WHERE name = 'people'")
    p:revision("a1", nil, [[op.alter_column("people", "counter", { type_ = types.text(), nullable = true })]])
    local first = p:start("upgrade head")
    -- a statement of the copy has begun to write
    moonbird.wait_until("the journal of SQLite", 20, function()
      local journal = p:read("data.db-journal")
      return journal and #journal > 100000 or not first:is_running()
    end)
    first:kill("KILL"):wait()
    assert.are.equal("ok", p:sql("PRAGMA integrity_check"))
    if p:ok("current").out == "" then
      assert.are.equal(before, p:sql("SELECT sql FROM sqlite_schema WHERE name = 'people'"))
    end
    p:ok("upgrade head")
    assert.are.equal("200000", p:sql("SELECT count(*) FROM people WHERE typeof(counter) = 'text'"))
    assert.are.equal("0", p:sql("SELECT count(*) FROM sqlite_schema WHERE name LIKE '%moonbird_old%'"))
  end)
end)
