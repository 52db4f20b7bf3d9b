-- The reader of SQLite's CREATE TABLE: prints what it read byte for byte, and says what stands in it; and the schema
-- model that is made of a real database's texts.

local helper = dofile("tests/spec/unit/helper.lua")
local create_table = require("sqlite.create_table")
local create_index = require("sqlite.create_index")
local sql = require("moonbird.sql")
local tokens = require("sqlite.tokens")
local types = require("moonbird.types")

local dialect = helper.dialect("sqlite")

-- Each of them is taken by SQLite as it is.
local texts = {
  "CREATE TABLE t (a)",
  "CREATE TABLE t(a,b,c)",
  [[CREATE TABLE "odd ""t" (
  -- the key
  id INTEGER NOT NULL, -- of the row
  [a b] VARCHAR(40) COLLATE NOCASE NOT NULL DEFAULT 'it''s; (--', /* behind */
  `c` numeric ( 10 , 2 ) DEFAULT -1.5e+3,
  "d" "long text" DEFAULT (1 + (2)) CHECK (d > 0 /* ) */),
  e AS (id * 2) STORED,
  f TEXT GENERATED ALWAYS AS (lower("d")) -- virtual
  , g DEFAULT CURRENT_TIMESTAMP
  /* the constraints */
  , CONSTRAINT pk PRIMARY KEY (id, "a b" COLLATE binary DESC) ON CONFLICT REPLACE,
  UNIQUE (d), CHECK (id <> 0) CHECK (g <> ']')
  FOREIGN KEY (d) REFERENCES o ON UPDATE SET NULL ON DELETE NO ACTION DEFERRABLE INITIALLY DEFERRED
  -- the end
) WITHOUT ROWID ]],
  "CREATE TABLE t (a INT PRIMARY KEY, b ANY) STRICT /* really */ , WITHOUT ROWID",
  "CREATE TABLE t (id INTEGER PRIMARY KEY DESC ON CONFLICT FAIL, b INTEGER CONSTRAINT x CONSTRAINT y UNIQUE)",
  "CREATE TABLE t (id integer constraint pk primary key autoincrement, b blob default x'00ff' constraint loose)",
  "CREATE TABLE t (a REFERENCES o(x) MATCH FULL ON DELETE SET DEFAULT NOT DEFERRABLE, b REFERENCES o NOT NULL)",
  "CREATE TABLE t (a REFERENCES o CHECK (a) DEFERRABLE INITIALLY IMMEDIATE, CHECK (a))",
  "CREATE TABLE t (\r\n\tid INTEGER,\r\n\tимя TEXT NULL ON CONFLICT IGNORE -- имя\r\n)",
  "CREATE TABLE t (a INTEGER, b DEFAULT +5, c DEFAULT foo, d DEFAULT \"x y\", PRIMARY KEY (a AUTOINCREMENT))",
  "CREATE TABLE t(a, 'b' 'c' UNIQUE ON CONFLICT ROLLBACK, key text, action int, generated always)",
}

local function parsed_column(definition)
  return create_table.parse("CREATE TABLE t (" .. definition .. ")").elements[1]
end

local function piece(definition, kind)
  for _, candidate in ipairs(parsed_column(definition).pieces) do
    if candidate.kind == kind then
      return candidate
    end
  end
end

local function kinds_of(column)
  local kinds = {}
  for index, entry in ipairs(column.pieces) do
    kinds[index] = entry.kind
  end
  return kinds
end

local REFERENCE = "REFERENCES [o p](x) %s DEFERRABLE INITIALLY DEFERRED"

describe("the reader of CREATE TABLE", function()
  it("prints what it has read, byte for byte", function()
    for _, text in ipairs(texts) do
      assert.are.equal(text, create_table.print(create_table.parse(text)))
    end
  end)

  it("cuts tokens where SQLite does", function()
    local list = tokens.list("a-1e-5+.5 x'ff' 'a''b' [c]] \"d\"\"\" `e``` 0xFf->>b||c--x\n/*y*/$")
    local parts = {}
    for index, token in ipairs(list) do
      parts[index] = token.kind:sub(1, 1) .. ":" .. token.text
    end
    assert.are.equal(
      "w:a m:- n:1e-5 m:+ n:.5 b:x'ff' s:'a''b' q:[c] m:] q:\"d\"\"\" q:`e``` n:0xFf m:->> w:b m:|| w:c m:$",
      table.concat(parts, " ")
    )
    assert.are.equal('d"', tokens.name({ kind = "quoted", text = '"d"""' }))
    assert.is_nil(tokens.list("a 'b"))
  end)

  it("finds the parts of a column", function()
    local column = parsed_column("a VARCHAR (40) CONSTRAINT nn NOT NULL ON CONFLICT FAIL DEFAULT (1 + 2) UNIQUE")
    assert.are.equal("VARCHAR (40)", column.type)
    assert.are.same(
      { "name", "type", "not_null", "default", "unique" },
      kinds_of(column)
    )
    assert.are.equal("nn", column.pieces[3].name)
    assert.are.equal("FAIL", column.pieces[3].conflict)
    assert.are.equal("(1 + 2)", column.pieces[4].value)
    assert.are.equal("-1", piece("a DEFAULT -1 NOT NULL", "default").value)
    assert.are.equal("a > '),('", piece("a INT CHECK (a > '),(')", "check").condition)
    local key = piece("id INTEGER PRIMARY KEY DESC ON CONFLICT ABORT AUTOINCREMENT", "primary_key")
    assert.are.same({ "DESC", "ABORT", true }, { key.order, key.conflict, key.autoincrement })
    assert.are.equal("int generated", parsed_column("a int generated, b").type)
    assert.is_true(piece("a INT AS (b) STORED", "generated").is_stored)
    assert.is_nil(piece("a INT GENERATED ALWAYS AS (b)", "generated").is_stored)
  end)

  it("finds the parts of a foreign key, at a column or at the table", function()
    for _, key in ipairs({
      piece("a " .. REFERENCE:format("ON DELETE SET NULL ON UPDATE CASCADE MATCH FULL"), "references"),
      piece("a " .. REFERENCE:format("MATCH full ON UPDATE CASCADE ON DELETE SET NULL UNIQUE"), "references"),
      create_table.parse(
        ("CREATE TABLE t (a, FOREIGN KEY (a) %s)"):format(
          REFERENCE:format("ON DELETE SET NULL ON UPDATE CASCADE MATCH FULL")
        )
      ).elements[2],
    }) do
      assert.are.equal("o p", key.referent_table)
      assert.are.same({ "x" }, key.referent_columns)
      assert.are.equal("SET NULL", key.ondelete)
      assert.are.equal("CASCADE", key.onupdate)
      assert.are.equal("FULL", key.match)
      assert.is_true(key.deferrable)
      assert.are.equal("DEFERRED", key.initially)
    end
    assert.is_false(piece("a REFERENCES o NOT DEFERRABLE", "references").deferrable)
  end)

  it("keeps comments at what they speak of", function()
    local tree = create_table.parse(texts[3])
    assert.are.equal("\n  -- the key\n  ", tree.elements[1].lead)
    assert.are.equal(" -- of the row", tree.elements[1].note)
    assert.are.equal(" /* behind */", tree.elements[2].note)
    assert.are.equal(" -- virtual\n  ", tree.elements[6].after)
    assert.are.equal("\n  -- the end\n", tree.close)
    assert.is_true(tree.elements[10].is_joined)
    assert.is_false(tree.with_rowid)
    assert.is_true(create_table.parse(texts[4]).strict)
  end)

  it("says where it cannot read", function()
    local broken = { "CREATE TABLE t (a", "CREATE TABLE t (a 'b)", "CREATE TABLE t (a ON b)", "CREATE VIEW v", "" }
    for _, text in ipairs(broken) do
      local ok, problem = pcall(create_table.parse, text, "table t")
      assert.is_false(ok)
      assert.matches("the definition of table t cannot be read", tostring(problem), 1, true)
    end
  end)

  it("reads indexes", function()
    local index = create_index.parse([[
      CREATE UNIQUE INDEX "i x" ON t (a, "b" COLLATE nocase DESC, lower(c) ASC, d || ',' COLLATE rtrim)
      WHERE a > 0 AND b IS NOT NULL]])
    assert.are.same({ "i x", "t", true }, { index.name, index.table, index.unique })
    assert.are.equal("a > 0 AND b IS NOT NULL", index.where)
    assert.are.equal("a", index.elements[1].name)
    local second, third = index.elements[2], index.elements[3]
    assert.are.same({ "b", "nocase", "DESC" }, { second.name, second.collate, second.order })
    assert.are.same({ "lower(c)", "ASC" }, { third.expression, third.order })
    assert.are.equal("d || ',' COLLATE rtrim", index.elements[4].expression)
  end)

  it("takes two spellings of an expression for one", function()
    assert.are.equal(
      tokens.normalize('a>0 AND "B" IS  not NULL'),
      tokens.normalize("[a] > 0 and b /* x */ is NOT null")
    )
    assert.are_not.equal(tokens.normalize("a = 'X'"), tokens.normalize("a = 'x'"))
  end)
end)

describe("SQLite's types", function()
  it("read back as what the dialect writes", function()
    for _, type_ in ipairs({
      types.integer(), types.boolean(), types.text(), types.varchar(40), types.varchar(), types.char(36), types.float(),
      types.double(), types.numeric(), types.numeric(10), types.numeric(10, 2), types.date(), types.time(),
      types.timestamp(), types.blob(), types.json(),
    }) do
      local text = dialect:type_sql(type_)
      assert.are.same(type_, dialect:type_of(text))
      assert.are.equal(text, dialect:type_sql(dialect:type_of(text)))
    end
    assert.are.same(types.varchar(40), dialect:type_of("varchar ( 40 )"))
    assert.are.equal("NVARCHAR(160)", dialect:type_of("NVARCHAR(160)").sql)
    assert.are.equal("", dialect:type_of("").sql)
  end)

  it("are the same where SQLite sees no difference", function()
    local same = {
      { "INTEGER", types.bigint() }, { "CHAR(36)", types.uuid() }, { "TEXT", types.interval() },
      { "JSON", types.jsonb() },
      { "VARCHAR(3)", types.enum("e", { "a", "bcd" }) }, { "numeric(10,2)", types.numeric(10, 2) },
      { "BIGINT", types.bigint() }, { "TIMESTAMP", types.timestamp() }, { "VARCHAR(40)", types.varchar(40) },
    }
    for _, pair in ipairs(same) do
      assert.is_true(dialect:same_type(dialect:type_of(pair[1]), pair[2]), pair[1])
    end
    local different = {
      { "VARCHAR(40)", types.varchar(41) }, { "TEXT", types.varchar() }, { "INTEGER", types.boolean() },
      { "TEXT", types.text({ collation = "NOCASE" }) },
    }
    for _, pair in ipairs(different) do
      assert.is_false(dialect:same_type(dialect:type_of(pair[1]), pair[2]), pair[1])
    end
  end)
end)

if helper.has_database("sqlite") then
  describe("the schema of a SQLite database", function()
    local path, db

    before_each(function()
      path = os.tmpname()
      db = helper.connection("sqlite", path)
    end)

    after_each(function()
      os.remove(path)
    end)

    it("is read whole", function()
      db:exec([[
        CREATE TABLE o (id INTEGER CONSTRAINT o_pk PRIMARY KEY AUTOINCREMENT, [x y] TEXT COLLATE NOCASE UNIQUE);
        CREATE TABLE t (
          a TEXT NOT NULL PRIMARY KEY ON CONFLICT REPLACE,
          b INTEGER CONSTRAINT b_o REFERENCES o ON DELETE CASCADE,
          c INT DEFAULT 1 NOT NULL, d REAL DEFAULT (1 + 1), e INT AS (b * 2) STORED,
          CONSTRAINT positive CHECK (b > 0), CONSTRAINT bc UNIQUE (b, c), CHECK (d <> 5)
        ) STRICT;
        CREATE TABLE w (k PRIMARY KEY, v DATETIME DEFAULT CURRENT_TIMESTAMP) WITHOUT ROWID;
        CREATE UNIQUE INDEX i ON t (b, c DESC, lower(a)) WHERE b IS NOT NULL;
        CREATE VIEW v (one) AS SELECT b FROM t;
        CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END;
        CREATE VIRTUAL TABLE f USING fts5(z);
      ]])
      local schema = dialect:schema(db)
      local names, by_name = {}, {}
      for index, table_ in ipairs(schema.tables) do
        names[index], by_name[table_.name] = table_.name, table_
      end
      assert.are.same({ "o", "t", "w" }, names)
      local o, t, w = by_name.o, by_name.t, by_name.w
      assert.are.equal("o_pk", o.primary_key.name)
      assert.is_true(o.options.autoincrement)
      assert.are.equal("NOCASE", o.columns[2].type.collation)
      assert.are.same({ "x y" }, o.uniques[1].columns)
      assert.are.same({ "a" }, t.primary_key.columns)
      assert.are.equal("REPLACE", t.primary_key.on_conflict)
      assert.is_true(t.options.strict)
      assert.is_false(w.options.with_rowid)
      local key = t.foreign_keys[1]
      assert.are.same({ "b_o", "o", "CASCADE" }, { key.name, key.referent_table, key.ondelete })
      assert.are.same({ "id" }, key.referent_columns)
      assert.are.equal(1, t.columns[3].server_default)
      assert.is_false(t.columns[3].nullable)
      assert.are.equal("(1 + 1)", t.columns[4].server_default[1])
      assert.are.same({ sql = "b * 2", persisted = true }, t.columns[5].computed)
      assert.are.same({ "positive", "b > 0" }, { t.checks[1].name, t.checks[1].condition })
      assert.is_nil(t.checks[2].name)
      assert.are.same({ "b", "c" }, t.uniques[1].columns)
      local index = t.indexes[1]
      assert.are.same({ "i", true, "b IS NOT NULL", "b" }, { index.name, index.unique, index.where, index.columns[1] })
      assert.are.equal("c DESC", sql.text(index.columns[2]))
      assert.are.equal("raw", w.columns[1].type.kind)
      assert.are.equal(types.timestamp(), w.columns[2].type)
      assert.are.same({ "SELECT b FROM t", "one" }, { schema.views[1].definition, schema.views[1].columns[1] })
      assert.are.equal("t", schema.triggers[1].table)
    end)

    it("is written as the statements that made it, in the order of names, whenever they were made", function()
      local made = {
        "CREATE TABLE a (id INTEGER PRIMARY KEY /* the key */, y TEXT COLLATE NOCASE) STRICT",
        "CREATE TABLE b (x REFERENCES a)",
        "CREATE INDEX i ON a (y DESC) WHERE y <> ''",
        "CREATE VIEW v AS SELECT * FROM w",
        "CREATE VIEW w AS SELECT y FROM a",
        "CREATE TRIGGER g AFTER INSERT ON a BEGIN DELETE FROM b; END",
        "CREATE TRIGGER h INSTEAD OF INSERT ON v BEGIN DELETE FROM b; END",
      }
      local at_random = { made[2], made[1], made[3], made[5], made[4], made[7], made[6] }
      db:exec(table.concat(at_random, ";") .. "; CREATE TABLE other (x); CREATE INDEX o ON other (x);")
      local schema = dialect:schema(db, {
        tables = function(name)
          return name ~= "other"
        end,
      })
      assert.are.same(made, dialect:schema_script(db, schema))
    end)

    it("takes the tables that the reader printed", function()
      for _, text in ipairs(texts) do
        local tree = create_table.parse(text)
        local _, problems = helper.feed("sqlite", create_table.print(tree, "main") .. ";")
        assert.are.equal("", problems, text)
      end
    end)
  end)
end
