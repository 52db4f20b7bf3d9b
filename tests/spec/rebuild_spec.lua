-- What SQLite's ALTER TABLE cannot do: the table is made anew, on tables with data, and nothing is lost.

local moonbird = require("support.moonbird")

describe("a rebuilt table of SQLite", function()
  local p

  before_each(function()
    p = moonbird.project("sqlite")
  end)

  after_each(function()
    p:remove()
  end)

  -- Runs the setup in sqlite3 and `up` as a revision.
  local function run(setup, up, options)
    p:sql(setup)
    p:revision("a1", nil, up)
    local words = { "upgrade", "head" }
    if options and options.enforced then
      words = { "--url", p.url .. "?foreign_keys=on", "upgrade", "head" }
    end
    return p:run(words)
  end

  local function check_database()
    assert.are.equal("ok", p:sql("PRAGMA integrity_check"))
    assert.are.equal("", p:sql("PRAGMA foreign_key_check"))
    assert.are.equal("0", p:sql("SELECT count(*) FROM sqlite_schema WHERE name LIKE '%moonbird_old%'"))
  end

  local SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_schema "
    .. "WHERE name NOT LIKE '%moonbird%' ORDER BY type, name"

  -- The same as a script, from an empty database, leaves the same.
  local function check_script(setup, up)
    local script = moonbird.project("sqlite")
    script:revision("a0", nil, "db:exec([==[" .. setup .. "]==])")
    script:revision("a1", "a0", up)
    script:write("script.sql", script:ok("upgrade head --sql").out)
    local output, code = moonbird.shell(("cd %s && sqlite3 -bail data.db < script.sql"):format(script.folder))
    assert.are.equal(0, code, output)
    assert.are.equal(p:sql(SCHEMA), script:sql(SCHEMA))
    assert.are.equal("ok", script:sql("PRAGMA integrity_check"))
    local rows = p:has_table("t") and "SELECT * FROM t" or "SELECT 1"
    assert.are.equal(p:sql(rows), script:sql(rows))
    script:remove()
  end

  local function change(setup, up, options)
    local result = run(setup, up, options)
    assert.are.equal(0, result.code, result:describe())
    check_database()
    if not (options and options.online) then
      check_script(setup, up)
    end
    return result
  end

  -- Expects an error that says all of these, and that nothing was changed.
  local function refuse(setup, up, ...)
    p:sql(setup)
    local before = p:sql(".dump")
    p:revision("a1", nil, up)
    local result = p:fails(1, "upgrade head")
    for _, text in ipairs({ ... }) do
      assert.is_truthy(result.err:find(text, 1, true), ("no %q in %s"):format(text, result.err))
    end
    p:sql("DROP TABLE IF EXISTS moonbird_version; DROP TABLE IF EXISTS moonbird_log")
    assert.are.equal(before, p:sql(".dump"))
  end

  local function definition(name)
    return p:sql(("SELECT sql FROM sqlite_schema WHERE name = '%s'"):format(name or "t"))
  end

  local function rows(columns)
    return p:sql(("SELECT %s FROM t ORDER BY 1"):format(columns or "*"))
  end

  describe("alter_column", function()
    it("changes the type, and converts the values where the affinity changes", function()
      change(
        [[CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b INTEGER, c VARCHAR(5), d REAL, e TEXT);
          INSERT INTO t VALUES (1, '42', 7, 'x', 0.30000000000000004, '2026-01-02'), (2, NULL, NULL, NULL, 2.0, NULL)]],
        [[op.alter_column("t", "a", { type_ = types.bigint() })
          op.alter_column("t", "b", { type_ = types.text() })
          op.alter_column("t", "c", { type_ = types.varchar(99) })
          op.alter_column("t", "d", { type_ = types.text() })
          op.alter_column("t", "e", { type_ = types.date() })]]
      )
      assert.are.equal(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b TEXT, c VARCHAR(99), d TEXT, e DATE)",
        definition()
      )
      assert.are.equal(
        "42|integer|7|text|x|0.30000000000000004|2026-01-02|text\n|null||null||2.0||null",
        p:sql("SELECT a, typeof(a), b, typeof(b), c, d, e, typeof(e) FROM t ORDER BY id")
      )
    end)

    it("converts as it is told", function()
      change(
        "CREATE TABLE t (a TEXT); INSERT INTO t VALUES ('yes'), ('no')",
        [[op.alter_column("t", "a", { type_ = types.boolean(), sqlite_using = "a = 'yes'" })]]
      )
      assert.are.equal("0\n1", rows())
    end)

    it("does not make zeros of what is no number", function()
      refuse(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t VALUES (1, '1'), (7, '12 apples')",
        [[op.alter_column("t", "a", { type_ = types.integer() })]],
        "alter_column t.a: t.a: '12 apples' cannot become INTEGER without a loss (the row with rowid 7)",
        "sqlite_using"
      )
    end)

    it("sets NOT NULL, a default, and takes them away", function()
      change(
        "CREATE TABLE t (a INT, b INT DEFAULT 1 NOT NULL, c INT); INSERT INTO t VALUES (1, 2, NULL)",
        [[op.alter_column("t", "a", { nullable = false, server_default = "7" })
          op.alter_column("t", "b", { nullable = true, server_default = null })
          op.alter_column("t", "c", { server_default = sql "1 + 1" })]]
      )
      assert.are.equal("CREATE TABLE t (a INT DEFAULT '7' NOT NULL, b INT, c INT DEFAULT (1 + 1))", definition())
      assert.are.equal("1|2|", rows())
    end)

    it("names the row that has no value", function()
      refuse(
        "CREATE TABLE t (k TEXT PRIMARY KEY, a INT); INSERT INTO t VALUES ('x', 1), ('it''s', NULL)",
        [[op.alter_column("t", "a", { nullable = false })]],
        "t.a cannot be NOT NULL: a row has no value (the row with k = 'it's')"
      )
    end)

    it("renames by SQLite's own statement, with all that speaks of the column", function()
      change(
        [[CREATE TABLE t (a INT CHECK (a > 0), b AS (a + 1)); CREATE INDEX i ON t (a) WHERE a > 5;
          CREATE VIEW v AS SELECT a FROM t; CREATE TRIGGER g AFTER UPDATE OF a ON t BEGIN SELECT new.a; END;
          INSERT INTO t VALUES (6)]],
        [[op.alter_column("t", "a", { new_column_name = "the number" })]]
      )
      assert.are.equal(
        'CREATE TABLE t ("the number" INT CHECK ("the number" > 0), b AS ("the number" + 1))',
        definition()
      )
      assert.are.equal('CREATE INDEX i ON t ("the number") WHERE "the number" > 5', definition("i"))
      assert.are.equal("6", p:sql('SELECT "the number" FROM v'))
      assert.is_truthy(definition("g"):find('UPDATE OF "the number" ON t', 1, true))
    end)

    it("renames and changes at once", function()
      change(
        [[CREATE TABLE t (a INT CHECK (a > 0), b INT, UNIQUE (a, b)); INSERT INTO t VALUES (6, 7);
          CREATE VIEW v AS SELECT a FROM t]],
        [[op.alter_column("t", "a", { new_column_name = "n", nullable = false })]]
      )
      assert.are.equal("CREATE TABLE t (n INT NOT NULL CHECK (n > 0), b INT, UNIQUE (n, b))", definition())
      assert.are.equal("6", p:sql("SELECT n FROM v"))
    end)

    it("makes a column computed, and a plain one again", function()
      change(
        "CREATE TABLE t (a INT, b INT, c INT AS (a * 3)); INSERT INTO t (a, b) VALUES (2, 0)",
        [[op.alter_column("t", "b", { computed = { "a * 2", persisted = true } })
          op.alter_column("t", "c", { computed = null })]]
      )
      assert.are.equal("CREATE TABLE t (a INT, b INT GENERATED ALWAYS AS (a * 2) STORED, c INT)", definition())
      assert.are.equal("2|4|6", rows())
    end)

    it("passes over a comment, which SQLite cannot keep", function()
      change("CREATE TABLE t (a INT)", [[op.alter_column("t", "a", { comment = "x" })]])
      assert.are.equal("CREATE TABLE t (a INT)", definition())
    end)
  end)

  describe("columns", function()
    it("are added in ways that ALTER TABLE refuses", function()
      change(
        "CREATE TABLE t (a INT); INSERT INTO t VALUES (1), (2)",
        [[op.add_column("t", column("id", types.integer(), { primary_key = true }))
          op.add_column("t", column("u", types.text(), { unique = true }))
          op.add_column("t", column("s", types.integer(), { computed = { "a * 2", persisted = true } }))
          op.add_column("t", column("n", types.date(), { server_default = sql "CURRENT_DATE", nullable = false }))
          op.add_column("t", column("plain", types.text(), { server_default = "x" }))]]
      )
      assert.are.equal("1|1||2|1|x\n2|2||4|1|x", p:sql("SELECT a, id, u, s, n > '2020', plain FROM t ORDER BY a"))
      assert.is_truthy(definition():find("u TEXT UNIQUE", 1, true))
    end)

    it("are added with a reference and a default while keys are enforced", function()
      change(
        [[CREATE TABLE o (id INTEGER PRIMARY KEY); INSERT INTO o VALUES (3);
          CREATE TABLE t (a INT); INSERT INTO t VALUES (1)]],
        [[op.add_column("t", column("o", types.integer(), { references = "o.id", server_default = 3 }))]],
        { enforced = true }
      )
      assert.are.equal("1|3", rows())
    end)

    it("that are NOT NULL need a default where there are rows", function()
      refuse(
        "CREATE TABLE t (a INT); INSERT INTO t VALUES (1)",
        [[op.add_column("t", column("b", types.text(), { nullable = false }))]],
        "t.b is NOT NULL without a server_default, and the table has rows"
      )
    end)

    it("are dropped by ALTER TABLE where it can", function()
      change(
        "CREATE TABLE t (a INT, b INT /* of b */, c INT CHECK (c > 0)); INSERT INTO t VALUES (1, 2, 3)",
        [[op.drop_column("t", "b")]]
      )
      assert.are.equal("1|3", rows())
    end)

    it("take their indexes and constraints with them", function()
      change(
        [[CREATE TABLE t (id INTEGER PRIMARY KEY, a INT UNIQUE, b INT REFERENCES t (a), c INT, d INT,
            CONSTRAINT ck CHECK (a > 0), CHECK (c > 0), UNIQUE (c, d));
          CREATE INDEX i1 ON t (a, c); CREATE INDEX i2 ON t (c) WHERE a IS NOT NULL; CREATE INDEX i3 ON t (d);
          INSERT INTO t VALUES (1, 10, NULL, 3, 4)]],
        [[op.drop_column("t", "a")]]
      )
      assert.are.equal("1||3|4", rows())
      assert.are.equal("i3", p:sql("SELECT group_concat(name) FROM sqlite_schema WHERE name LIKE 'i_'"))
      assert.is_falsy(definition():find("ck", 1, true))
      assert.is_truthy(definition():find("CHECK (c > 0), UNIQUE (c, d)", 1, true))
    end)

    it("are dropped as a primary key; rows keep their rowids", function()
      change(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t VALUES (5, 'x'), (9, 'y')",
        [[op.drop_column("t", "id")]]
      )
      assert.are.equal("5|x\n9|y", rows("rowid, a"))
    end)

    it("are not dropped where something else needs them", function()
      refuse(
        [[CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, b AS (a + 1)); CREATE TABLE c (t INT REFERENCES t (id))]],
        [[op.drop_column("t", "a")]],
        "t.a cannot be dropped: the column b is computed from it"
      )
      p:remove()
      p = moonbird.project("sqlite")
      refuse(
        [[CREATE TABLE t (id INTEGER PRIMARY KEY, a INT); CREATE TABLE c (t INT REFERENCES t (id))]],
        [[op.drop_column("t", "id")]],
        "t.id cannot be dropped: a foreign key of the table c refers to it"
      )
      p:remove()
      p = moonbird.project("sqlite")
      refuse(
        [[CREATE TABLE t (a INT, b INT, c INT UNIQUE); CREATE VIEW v AS SELECT b FROM t;
          CREATE VIEW w AS SELECT * FROM v]],
        [[op.drop_column("t", "b")]],
        "view v would not work any more",
        "no such column: b"
      )
      p:remove()
      p = moonbird.project("sqlite")
      refuse(
        [[CREATE TABLE o (x INT); CREATE TABLE t (a INT, c INT UNIQUE);
          CREATE TRIGGER g AFTER INSERT ON o BEGIN UPDATE t SET c = new.x; END]],
        [[op.drop_column("t", "c")]],
        "trigger g would not work any more"
      )
    end)
  end)

  describe("constraints", function()
    it("of every kind are added and dropped", function()
      p:sql([[CREATE TABLE o (id INTEGER PRIMARY KEY); INSERT INTO o VALUES (1);
        CREATE TABLE t (a INT, b INT); INSERT INTO t VALUES (1, 1)]])
      p:revision(
        "a1",
        nil,
        [[op.create_primary_key("pk", "t", { "a" })
          op.create_unique_constraint("uq", "t", { "a", "b" })
          op.create_check_constraint("ck", "t", "b > 0")
          op.create_foreign_key("fk", "t", "o", { "b" }, { "id" }, { ondelete = "CASCADE" })]],
        [[op.drop_constraint("fk", "t", { type_ = "foreignkey" })
          op.drop_constraint("ck", "t")
          op.drop_constraint("uq", "t")
          op.drop_constraint("pk", "t", { type_ = "primary" })]]
      )
      p:ok("upgrade head")
      assert.are.equal(
        "CREATE TABLE t (a INT NOT NULL, b INT, CONSTRAINT pk PRIMARY KEY (a), CONSTRAINT uq UNIQUE (a, b), "
          .. "CONSTRAINT ck CHECK (b > 0), CONSTRAINT fk FOREIGN KEY (b) REFERENCES o (id) ON DELETE CASCADE)",
        definition()
      )
      p:ok("downgrade base")
      assert.are.equal("CREATE TABLE t (a INT NOT NULL, b INT)", definition())
      assert.are.equal("1|1", rows())
      check_database()
    end)

    it("without a name go by what they say, or by the name that they have elsewhere", function()
      change(
        [[CREATE TABLE o (id INTEGER PRIMARY KEY);
          CREATE TABLE t (a INT UNIQUE CHECK (a <> 5), b INT REFERENCES o, c INT, UNIQUE (b, c), CHECK (a > 0))]],
        [[op.drop_constraint(nil, "t", { type_ = "unique", columns = { "b", "c" } })
          op.drop_constraint("t_a_key", "t")
          op.drop_constraint("t_b_fkey", "t", { type_ = "foreignkey" })
          op.drop_constraint(nil, "t", { type_ = "check", condition = "a>0" })]]
      )
      assert.are.equal("CREATE TABLE t (a INT CHECK (a <> 5), b INT, c INT)", definition())
    end)

    it("go by a naming convention", function()
      change(
        "CREATE TABLE t (a INT UNIQUE, b INT)",
        [[op.batch_alter_table("t", function(batch) batch.drop_constraint("uq_t_a", "unique") end,
            { naming_convention = { uq = "uq_%(table_name)s_%(column_0_name)s" } })]]
      )
      assert.are.equal("CREATE TABLE t (a INT, b INT)", definition())
    end)

    it("that do not exist are named, with those that do", function()
      refuse(
        "CREATE TABLE t (a INT CONSTRAINT yes UNIQUE)",
        [[op.drop_constraint("no", "t")]],
        "No such constraint: 'no' (table t: it has yes)"
      )
    end)

    it("that rows break name the rows", function()
      for up, message in pairs({
        ['op.create_unique_constraint("uq", "t", { "b" })'] = "t: the values of (b) are not unique: 2 rows have b = 7",
        ['op.create_check_constraint("ck", "t", "b < 7")'] = "t: CHECK ck (b < 7) does not hold (the row with id = 1)",
        ['op.create_foreign_key("fk", "t", "o", { "b" }, { "id" })'] = "t: 2 rows refer to rows of o that are not "
          .. "there, the first with rowid 1 (b = 7)",
      }) do
        refuse(
          [[CREATE TABLE o (id INTEGER PRIMARY KEY);
            CREATE TABLE t (id INTEGER PRIMARY KEY, b INT); INSERT INTO t VALUES (1, 7), (2, 7), (3, NULL)]],
          up,
          message
        )
        p:remove()
        p = moonbird.project("sqlite")
      end
    end)

    it("that other tables refer to are not dropped from under them", function()
      refuse(
        "CREATE TABLE t (a INT CONSTRAINT u UNIQUE); CREATE TABLE c (a INT REFERENCES t (a))",
        [[op.drop_constraint("u", "t")]],
        "a foreign key of the table c would refer to columns of t that are not unique any more"
      )
    end)
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
      p:remove()
      p = moonbird.project("sqlite")
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

    it("refuses with recreate = never what needs it", function()
      refuse(
        "CREATE TABLE t (a INT)",
        [[op.batch_alter_table("t", function(batch) batch.alter_column("a", { nullable = false }) end,
            { recreate = "never" })]],
        'recreate = "never", and SQLite\'s ALTER TABLE cannot do this to t'
      )
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
      p:remove()
      p = moonbird.project("sqlite")
    end
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
