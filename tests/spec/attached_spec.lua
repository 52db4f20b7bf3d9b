-- Attached files of SQLite: operations on their tables, online and as a script.

local moonbird = require("support.moonbird")
local quote = moonbird.quote

local MAKE = [[
  op.execute("ATTACH DATABASE 'other.db' AS \"o t\"")
  op.create_table("t", { column("a", types.integer(), { nullable = false }), column("b", types.text()) }, {
    schema = "o t",
  })
  op.create_index("ix", "t", { "a" }, { schema = "o t" })
  op.bulk_insert("t", { { a = 1, b = "x" } }, { schema = "o t" })
  op.alter_column("t", "b", { nullable = false, schema = "o t" })
  op.rename_table("t", "t2", { schema = "o t" })
  op.create_view("v", "SELECT a FROM t2", { schema = "o t" })
]]

local CHANGE = [[
  op.batch_alter_table("t2", function(batch) batch.alter_column("b", { nullable = true }) end, {
    schema = "o t",
    copy_from = {
      column("a", types.integer(), { nullable = false }),
      column("b", types.text(), { nullable = false }),
      index { "a", name = "ix" },
    },
  })
]]

local function other(p, text)
  return (moonbird.shell(("sqlite3 %s %s"):format(quote(p:path("other.db")), quote(text))):gsub("\n$", ""))
end

local SCHEMA = "SELECT type, name, sql FROM sqlite_schema ORDER BY name"

local function feed(p, script)
  p:write("script.sql", script)
  return moonbird.shell(("cd %s && sqlite3 -bail data.db < script.sql"):format(quote(p.folder)))
end

local function project()
  local p = moonbird.project("sqlite")
  p:revision("a1", nil, MAKE)
  p:revision("b2", "a1", "op.execute(\"ATTACH 'other.db' AS \\\"o t\\\"\")\n" .. CHANGE)
  return p
end

describe("an attached file of SQLite", function()
  it("is changed by a script as by a run", function()
    local p, q = project(), project()
    p:ok("upgrade a1")
    local out, code = feed(q, q:ok("upgrade a1 --sql").out)
    assert.are.equal(0, code, out)
    assert.are.equal(other(p, SCHEMA), other(q, SCHEMA))
    assert.is_truthy(other(q, SCHEMA):find("b TEXT NOT NULL", 1, true))
    assert.are.equal("1|x", other(q, "SELECT * FROM t2"))
    p:ok("upgrade b2")
    out, code = feed(q, q:ok("upgrade a1:b2 --sql").out)
    assert.are.equal(0, code, out)
    -- SQLite's RENAME has quoted the table's name
    assert.are.equal((other(p, SCHEMA):gsub('"', "")), other(q, SCHEMA))
    p:remove()
    q:remove()
  end)

  it("is known to a script that does not attach it by copy_from, and its triggers are not lost", function()
    local p = project()
    p:ok("upgrade a1")
    p:revision("b2", "a1", CHANGE)
    local script = "ATTACH 'other.db' AS \"o t\";\n" .. p:ok("upgrade a1:b2 --sql").out
    other(p, "CREATE TRIGGER r AFTER INSERT ON t2 BEGIN SELECT 1; END")
    local out, code = feed(p, script)
    assert.are_not.equal(0, code)
    assert.is_truthy(out:find("the table t2 has triggers", 1, true), out)
    other(p, "DROP TRIGGER r")
    out, code = feed(p, script)
    assert.are.equal(0, code, out)
    assert.is_nil(other(p, SCHEMA):find("b TEXT NOT NULL", 1, true))
    p:remove()
  end)
end)
