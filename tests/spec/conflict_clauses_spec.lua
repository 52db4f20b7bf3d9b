-- ON CONFLICT clauses of SQLite's constraints: in tables, models, dumps and revisions, and through a rebuild. Other
-- databases pass them over.

local dump = require("support.dump")
local moonbird = require("support.moonbird")

local EQUAL = dump.EQUAL
local change = dump.change
local with_project = dump.with_project

local function definition(p, name)
  return p:sql(("SELECT sql FROM sqlite_schema WHERE name = '%s'"):format(name))
end

describe("ON CONFLICT clauses", function()
  local TABLES = [[
    CREATE TABLE k (
      id INTEGER PRIMARY KEY ON CONFLICT REPLACE AUTOINCREMENT,
      a TEXT NOT NULL ON CONFLICT IGNORE UNIQUE ON CONFLICT FAIL, b TEXT, c TEXT NOT NULL,
      CONSTRAINT u UNIQUE (a, b) ON CONFLICT ROLLBACK, CHECK (b <> 'x') ON CONFLICT IGNORE);
    CREATE TABLE w (k TEXT PRIMARY KEY ON CONFLICT IGNORE, v INT NOT NULL ON CONFLICT ABORT) WITHOUT ROWID;
    INSERT INTO k VALUES (1, 'a', 'b', 'c'), (2, 'd', 'e', 'f');
  ]]

  it("are kept by a rebuild", with_project("sqlite", function(p)
    p:sql(TABLES)
    p:revision("a1", nil, [[
      op.batch_alter_table("k", function(batch)
        batch.alter_column("b", { nullable = false, sqlite_on_conflict_not_null = "Replace", server_default = "z" })
        batch.create_check_constraint("ck", "b <> ''", { sqlite_on_conflict = "fail" })
        batch.drop_constraint("u", "unique")
        batch.create_unique_constraint("u2", { "b" }, { sqlite_on_conflict = "IGNORE" })
        batch.add_column(column("e", types.text(), { server_default = "e", nullable = false,
          sqlite_on_conflict_not_null = "ignore" }))
      end)
    ]])
    p:ok("upgrade head")
    local text = definition(p, "k")
    for _, clause in ipairs({
      "PRIMARY KEY ON CONFLICT REPLACE AUTOINCREMENT",
      "a TEXT NOT NULL ON CONFLICT IGNORE UNIQUE ON CONFLICT FAIL",
      "b TEXT DEFAULT 'z' NOT NULL ON CONFLICT REPLACE",
      "CHECK (b <> 'x') ON CONFLICT IGNORE",
      "CONSTRAINT ck CHECK (b <> '') ON CONFLICT FAIL",
      "CONSTRAINT u2 UNIQUE (b) ON CONFLICT IGNORE",
      "e TEXT DEFAULT 'e' NOT NULL ON CONFLICT IGNORE",
    }) do
      assert.matches(clause, text, 1, true)
    end
    p:sql("INSERT INTO k (id, a, b, c, e) VALUES (1, 'new', NULL, 'c', 'e'), (7, 'x', 'z', 'c', 'e')")
    assert.equal("1|new|z\n2|d|e", p:sql("SELECT id, a, b FROM k ORDER BY id"))
  end))

  it("are in the dump, which equals the database and makes it again", with_project("sqlite", function(p)
    p:sql(TABLES)
    local models = p:ok("dump -o migrations/models.lua") and p:read("migrations/models.lua")
    for _, line in ipairs({
      'column("a", types.text(), { nullable = false, sqlite_on_conflict_not_null = "IGNORE" })',
      'primary_key { "id", sqlite_on_conflict = "REPLACE" }',
      'unique { "a", sqlite_on_conflict = "FAIL" }',
      'unique { "a", "b", name = "u", sqlite_on_conflict = "ROLLBACK" }',
      [[check("b <> 'x'", { sqlite_on_conflict = "IGNORE" })]],
    }) do
      assert.matches(line, models, 1, true)
    end
    assert.equal(EQUAL, p:ok("check").out)
    local url = { "--url", "sqlite:///new.db" }
    p:ok({ "revision", "--autogenerate", "-m", "all", table.unpack(url) })
    p:ok({ "upgrade", "head", table.unpack(url) })
    assert.equal(EQUAL, p:ok({ "check", table.unpack(url) }).out)
    assert.equal(models, p:ok({ "dump", table.unpack(url) }).out)
  end))

  it("are compared, and changed there and back", with_project("sqlite", function(p)
    p:sql(TABLES)
    local look = "DELETE FROM k WHERE id = 2; SELECT *, (SELECT seq FROM sqlite_sequence) FROM k"
    local rows = p:sql(look)
    local text = change(
      p,
      'sqlite_on_conflict_not_null = "IGNORE"',
      'sqlite_on_conflict_not_null = "replace"',
      'column("c", types.text(), { nullable = false })',
      'column("c", types.text(), { nullable = false, sqlite_on_conflict_not_null = "FAIL" })',
      'primary_key { "id", sqlite_on_conflict = "REPLACE" }',
      'primary_key { "id" }',
      '"FAIL" },\n    unique',
      '"IGNORE" },\n    unique',
      ', sqlite_on_conflict = "ROLLBACK"',
      ""
    )
    assert.matches('sqlite_on_conflict_not_null = "replace"', text, 1, true)
    assert.matches('"u", { "a", "b" }, { sqlite_on_conflict = "ROLLBACK" })', text, 1, true)
    assert.equal("1|a|b|c|2", rows)
    assert.equal(rows, p:sql(look))
    local check = [[<> 'x'"]]
    change(p, ', sqlite_on_conflict_not_null = "IGNORE"', "", check .. ', { sqlite_on_conflict = "IGNORE" }', check)
    change(p, '{ nullable = false, sqlite_on_conflict_not_null = "IGNORE" }', "{ nullable = true }")
    -- what is said without need is no difference
    local models = p:ok("dump").out:gsub(', sqlite_on_conflict_not_null = "ABORT"', ""):gsub('"ROLLBACK"', '"rollback"')
    p:write("migrations/models.lua", models)
    assert.equal(EQUAL, p:ok("check").out)
  end))

  moonbird.each_database(describe, pending, function(kind)
    it("may stand at the column, and in models for several databases", with_project(kind, function(p)
      p:write("migrations/models.lua", [[
        return { table("t", {
          column("id", types.integer(), { primary_key = true, sqlite_on_conflict_primary_key = "replace" }),
          column("a", types.text(), { unique = true, sqlite_on_conflict_unique = "ignore" }),
          column("b", types.text(), { nullable = false, sqlite_on_conflict_not_null = "fail" }),
          unique { "a", "b", sqlite_on_conflict = "abort" },
          check("a <> b", { name = "ck", sqlite_on_conflict = "fail" }),
        }) }]])
      p:ok("revision --autogenerate -m all")
      p:ok("upgrade head")
      assert.equal(EQUAL, p:ok("check").out)
      if kind == "sqlite" then
        local text = definition(p, "t")
        assert.matches("PRIMARY KEY ON CONFLICT REPLACE", text, 1, true)
        assert.matches("UNIQUE (a) ON CONFLICT IGNORE", text, 1, true)
        assert.matches("b TEXT NOT NULL ON CONFLICT FAIL", text, 1, true)
      end
    end))
  end)

  it("that SQLite does not know are refused with their place", with_project("sqlite", function(p)
    local words = 'must be "rollback", "abort", "fail", "ignore" or "replace", got '
    local column = 'column("b", types.text(), { nullable = false, sqlite_on_conflict_not_null = "x" })'
    for line, message in pairs({
      ['unique { "a", sqlite_on_conflict = "skip" }'] = "unique: option sqlite_on_conflict " .. words .. '"skip"',
      ['check("a > 1", { sqlite_on_conflict = 7 })'] = "check: option sqlite_on_conflict " .. words .. "an integer",
      [column] = "column: option sqlite_on_conflict_not_null " .. words .. '"x"',
    }) do
      local models = 'return {\n  table("t", { column("a", types.text()),\n %s }) }'
      p:write("migrations/models.lua", models:format(line))
      assert.matches("models.lua:3: " .. message, p:fails(2, "check").err, 1, true)
    end
    p:sql("CREATE TABLE t (a TEXT)")
    p:revision("a1", nil, 'op.alter_column("t", "a", { nullable = true, sqlite_on_conflict_not_null = "fail" })')
    assert.matches("sqlite_on_conflict_not_null goes with nullable = false", p:fails(1, "upgrade head").err, 1, true)
  end))

  if moonbird.postgres_url then
    it("are refused by another database where they are meant for it", with_project("postgres", function(p)
      for _, line in ipairs({
        'unique { "a", on_conflict = "fail" }',
        'check("a > 1", { on_conflict = "fail" })',
        'column("b", types.text(), { nullable = false, on_conflict_not_null = "fail" })',
        'column("b", types.text(), { unique = true, on_conflict_unique = "fail" })',
        'column("b", types.text(), { primary_key = true, on_conflict_primary_key = "fail" })',
      }) do
        p:write("migrations/models.lua", ('return { table("t", { column("a", types.integer()), %s }) }'):format(line))
        assert.matches('postgresql has no option "on_conflict', p:fails(2, "check").err, 1, true)
      end
    end))
  end
end)
