-- What SQLite's ALTER TABLE cannot do, operation by operation, on tables with data: the table is made anew.

local rebuild = require("support.rebuild")

describe("SQLite:", function()
  local t = rebuild.helpers(before_each, after_each)
  local change, refuse, definition, rows, check_database = t.change, t.refuse, t.definition, t.rows, t.check_database
  local p

  before_each(function()
    p = t.project
  end)

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

    it("keeps a collation unless the new type says another one", function()
      change(
        "CREATE TABLE t (a TEXT COLLATE NOCASE, b TEXT COLLATE NOCASE, c TEXT)",
        [[op.alter_column("t", "a", { type_ = types.varchar(9) })
          op.alter_column("t", "b", { type_ = types.varchar(9, { collation = "BINARY" }) })
          op.alter_column("t", "c", { type_ = types.varchar(9, { collation = "RTRIM" }) })]]
      )
      assert.are.equal(
        'CREATE TABLE t (a VARCHAR(9) COLLATE NOCASE, b VARCHAR(9), c VARCHAR(9) COLLATE "RTRIM")',
        definition()
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

    it("makes the key count, and counts no more", function()
      change(
        "CREATE TABLE t (id INTEGER, a INT, CONSTRAINT pk PRIMARY KEY (id)); INSERT INTO t VALUES (5, 1)",
        [[op.alter_column("t", "id", { autoincrement = true })
          db:exec("DELETE FROM t") db:exec("INSERT INTO t (a) VALUES (2)")]]
      )
      assert.are.equal("CREATE TABLE t (id INTEGER CONSTRAINT pk PRIMARY KEY AUTOINCREMENT, a INT)", definition())
      assert.are.equal("6|2", rows())
      p:revision("a2", "a1", [[op.alter_column("t", "id", { autoincrement = false })]])
      p:ok("upgrade head")
      assert.are.equal("CREATE TABLE t (id INTEGER CONSTRAINT pk PRIMARY KEY, a INT)", definition())
      assert.are.equal("0", p:sql("SELECT count(*) FROM sqlite_sequence"))
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
      p = t.again()
      refuse(
        [[CREATE TABLE t (id INTEGER PRIMARY KEY, a INT); CREATE TABLE c (t INT REFERENCES t (id))]],
        [[op.drop_column("t", "id")]],
        "t.id cannot be dropped: a foreign key of the table c refers to it"
      )
      p = t.again()
      refuse(
        [[CREATE TABLE t (a INT, b INT, c INT UNIQUE); CREATE VIEW v AS SELECT b FROM t;
          CREATE VIEW w AS SELECT * FROM v]],
        [[op.drop_column("t", "b")]],
        "view v would not work any more",
        "no such column: b"
      )
      p = t.again()
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

    it("of keys take SQLite's conflict clauses", function()
      change(
        "CREATE TABLE t (a INT, b INT); INSERT INTO t VALUES (1, 1), (2, 1)",
        [[op.create_primary_key("pk", "t", { "a" }, { sqlite_on_conflict = "ignore" })
          db:exec("INSERT INTO t VALUES (1, 7)")]]
      )
      assert.is_truthy(definition():find("PRIMARY KEY (a) ON CONFLICT IGNORE", 1, true))
      assert.are.equal("1|1\n2|1", rows())
    end)

    it("with a conflict clause drop no rows when they are added", function()
      refuse(
        "CREATE TABLE t (a INT, b INT); INSERT INTO t VALUES (1, 1), (2, 1)",
        [[op.create_unique_constraint("uq", "t", { "b" }, { sqlite_on_conflict = "REPLACE" })]],
        "t: the values of (b) are not unique: 2 rows have b = 1"
      )
    end)

    it("that are deferrable go as a whole", function()
      change(
        "CREATE TABLE o (id INTEGER PRIMARY KEY); "
          .. "CREATE TABLE t (a INT REFERENCES o NOT NULL DEFERRABLE INITIALLY DEFERRED /* later */ UNIQUE)",
        [[op.drop_constraint(nil, "t", { type_ = "foreignkey" })]]
      )
      assert.are.equal("CREATE TABLE t (a INT NOT NULL /* later */ UNIQUE)", definition())
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
        p = t.again()
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
end)
