-- Whatever a SQLite database has: as models it compares as equal, as SQL it is the same text, and a revision that was
-- made from the models makes it again.

local moonbird = require("support.moonbird")

local TABLES = [[
CREATE TABLE bare (a, b, c DEFAULT 5, "select" TEXT DEFAULT (lower('X')));
CREATE TABLE "Odd ""t'" (
  "имя" NVARCHAR(10) COLLATE NOCASE NOT NULL UNIQUE, -- in Cyrillic
  [a b] INT REFERENCES bare (a), x TEXT COLLATE RTRIM);
CREATE TABLE auto (id INTEGER PRIMARY KEY AUTOINCREMENT, parent INTEGER REFERENCES auto ON DELETE SET NULL
  DEFERRABLE INITIALLY DEFERRED, v REAL DEFAULT -1.5);
CREATE TABLE keyed (k TEXT PRIMARY KEY, v BLOB DEFAULT x'00FF', n REAL) WITHOUT ROWID, STRICT;
CREATE TABLE gen (a INT, b INT AS (a * 2), c INT GENERATED ALWAYS AS (a + b) STORED, d BOOLEAN DEFAULT 1 NOT NULL,
  e BIGINT, f DATETIME DEFAULT CURRENT_TIMESTAMP, CHECK (a <> 5), CONSTRAINT named CHECK (d IN (0, 1)));
CREATE UNIQUE INDEX "i 1" ON gen (a DESC, lower(f)) WHERE d = 1;
CREATE INDEX i2 ON gen (a COLLATE NOCASE);
CREATE VIEW v (one, two) AS SELECT a, b FROM gen;
CREATE VIEW w AS SELECT one FROM v;
CREATE TRIGGER g AFTER INSERT ON gen BEGIN SELECT 1; END;
]]

local SCHEMA = "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND tbl_name NOT LIKE 'moonbird%'"
  .. " AND name NOT LIKE 'sqlite%' ORDER BY type, name"

describe("a SQLite database", function()
  local p

  before_each(function()
    p = moonbird.project("sqlite")
    p:sql(TABLES)
    p:write("migrations/env.lua", 'return { models = "models.lua" }')
    p:ok("dump -o migrations/models.lua")
  end)

  after_each(function()
    p:remove()
  end)

  it("equals its dump as models", function()
    p:ok("check")
  end)

  it("is the same text in its dump as SQL", function()
    p:write("dump.sql", p:ok("dump --format sql").out)
    local output = moonbird.shell(
      ("cd %s && sqlite3 -bail copy.db < dump.sql && sqlite3 copy.db %s"):format(p.folder, moonbird.quote(SCHEMA))
    )
    assert.are.equal(p:sql(SCHEMA), (output:gsub("\n$", "")))
  end)

  it("is made by a revision from the models", function()
    local url = { "--url", "sqlite:///new.db" }
    local function ok(...)
      return p:ok({ url[1], url[2], ... })
    end
    ok("revision", "--autogenerate", "-m", "all", "--rev-id", "a1")
    ok("upgrade", "head")
    ok("check")
    ok("downgrade", "base")
    assert.are.equal("return {\n}", (ok("dump").out:gsub("%s*$", ""):gsub("{%s*}", "{\n}")))
  end)

  it("is what it was after a change and back", function()
    local before = p:ok("dump").out
    local text = p:read("migrations/models.lua")
    local function change(from, to)
      local first, last = text:find(from, 1, true)
      assert(first, from)
      text = text:sub(1, first - 1) .. to .. text:sub(last + 1)
    end
    change('types.raw("NVARCHAR(10)", { collation = "NOCASE" })', "types.varchar(20)")
    change('column("x", types.text({ collation = "RTRIM" }))', 'column("x", types.text({ collation = "NOCASE" }))')
    change("{ sqlite_autoincrement = true }", "{ sqlite_strict = true }")
    change('column("n", types.raw("REAL"))', 'column("n", types.raw("REAL"), { nullable = false, server_default = 1 })')
    change('check("a <> 5")', 'check("a <> 6")')
    change('where = "d = 1"', 'where = "d = 0"')
    p:write("migrations/models.lua", text)
    p:fails(3, "check")
    p:ok({ "revision", "--autogenerate", "-m", "changes", "--rev-id", "a1" })
    p:ok("upgrade head")
    p:ok("check")
    assert.is_falsy(p:sql("SELECT sql FROM sqlite_schema WHERE name LIKE 'Odd%'"):find("RTRIM", 1, true))
    p:ok("downgrade base")
    assert.are.equal(before, p:ok("dump").out)
    assert.are.equal("1", p:sql("SELECT count(*) FROM sqlite_schema WHERE sql LIKE '%AUTOINCREMENT%'"))
  end)
end)

describe("a computed column", function()
  it("takes the constraints without a name that use it along when it changes, and back", function()
    local p = moonbird.project("sqlite")
    local models = [[
      return { table("t", {
        column("id", types.integer(), { primary_key = true }),
        column("a", types.integer()),
        column("b", types.integer(), { computed = { "%s", persisted = true } }),
        check("b > 0"), unique { "b", "a" }, foreign_key { "b", references = "t.id" },
      }) }]]
    p:write("migrations/models.lua", models:format("a * 2"))
    p:ok("revision --autogenerate -m table --rev-id a1")
    p:ok("upgrade head")
    local before = p:ok("dump").out
    p:write("migrations/models.lua", models:format("a * 3"))
    p:ok("revision --autogenerate -m computed --rev-id a2")
    p:ok("upgrade head")
    p:ok("check")
    p:ok("downgrade a1")
    assert.are.equal(before, p:ok("dump").out)
    p:remove()
  end)
end)

describe("an enum with a CHECK on SQLite", function()
  it("is made once, by the convention, and equal", function()
    for convention, name in pairs({ [""] = "mood", ['ck = "ck_%(table_name)s_%(constraint_name)s"'] = "ck_a_mood" }) do
      local p = moonbird.project("sqlite")
      p:write("migrations/env.lua", "return { naming_convention = { " .. convention .. " } }")
      p:write("migrations/models.lua", [[
        return { table("a", { column("m", types.enum("mood", { "it's", "b" }, { create_constraint = true })) }) }]])
      p:ok("revision --autogenerate -m x")
      p:ok("upgrade head")
      assert.equal("", p:ok("diff").out)
      local text = p:sql("SELECT sql FROM sqlite_schema WHERE name = 'a'")
      assert.matches("CONSTRAINT " .. name .. " CHECK (m IN ('it''s', 'b'))", text, 1, true)
      assert.equal(1, select(2, text:gsub("CHECK", "")))
      p:remove()
    end
  end)
end)

describe("the options of a table on SQLite", function()
  it("are compared, and changed there and back", function()
    local options = { "sqlite_with_rowid = false", "sqlite_autoincrement = true", "sqlite_strict = true", "" }
    local models = 'return { table("a", { column("id", types.integer(), { primary_key = true }) }, { %s }) }'
    for index, old in ipairs(options) do
      local new = options[index % #options + 1]
      local p = moonbird.project("sqlite")
      p:write("migrations/models.lua", models:format(old))
      p:ok("revision --autogenerate -m one --rev-id a1")
      p:ok("upgrade head")
      local before = p:ok("dump").out
      p:write("migrations/models.lua", models:format(new))
      assert.matches("~ changed options of table 'a'", p:fails(3, "check").out, 1, true)
      p:ok("revision --autogenerate -m two --rev-id b2")
      p:ok("upgrade head")
      p:ok("check")
      p:ok("downgrade a1")
      assert.equal(before, p:ok("dump").out)
      p:remove()
    end
  end)
end)
