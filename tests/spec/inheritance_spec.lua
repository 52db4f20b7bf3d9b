-- Tables of PostgreSQL that inherit from others, also of another schema; and what a dump leaves to others: partitions,
-- tables of extensions, foreign tables.
local moonbird = require("support.moonbird")
local quote = moonbird.quote

if not moonbird.postgres_url then
  pending("inheritance: $MOONBIRD_TEST_POSTGRES_URL is not set")
  return
end

local INI = "schemas = public other\n"

describe("a table that inherits", function()
  it("comes after its parents, in a revision and in a dump", function()
    local p = moonbird.project("postgres", INI)
    p:sql([[
      CREATE SCHEMA other;
      CREATE TABLE zz (a integer);
      CREATE TABLE other.parent (b integer);
      CREATE TABLE a_child (c integer) INHERITS (other.parent, zz);
      CREATE TABLE other.b_child (c integer) INHERITS (other.parent)]])
    p:ok("dump -o migrations/models.lua")
    local text = p:read("migrations/models.lua")
    assert.is_truthy(text:find('postgresql_inherits = { "other.parent", "zz" }', 1, true), text)
    p:ok("check")
    local script = p:ok("dump --format sql").out
    p:sql("DROP TABLE zz, other.parent, a_child, other.b_child")
    p:ok("revision --autogenerate -m all")
    p:ok("upgrade head")
    p:ok("check")
    assert.are.equal(script, p:ok("dump --format sql").out)
    p:ok("downgrade base")
    p:sql("DROP SCHEMA other")
    p:write("script.sql", script)
    local out, code = moonbird.shell(
      ("psql -X -q -v ON_ERROR_STOP=1 %s -f %s"):format(quote(p.shell_url), quote(p:path("script.sql")))
    )
    assert.are.equal(0, code, out)
    assert.are.equal(script, p:ok("dump --format sql").out)
    p:remove()
  end)
end)

describe("what is not the models' business", function()
  it("is left alone by dump, check and autogenerate", function()
    local p = moonbird.project("postgres")
    p:sql([[
      CREATE EXTENSION pg_stat_statements;
      CREATE TABLE t (id integer, k text, PRIMARY KEY (id, k)) PARTITION BY LIST (k);
      CREATE TABLE t_a PARTITION OF t FOR VALUES IN ('a');
      CREATE TABLE t_s PARTITION OF t FOR VALUES IN ('s') PARTITION BY RANGE (id);
      CREATE TABLE t_s1 PARTITION OF t_s FOR VALUES FROM (1) TO (10);
      CREATE INDEX ON t (id);
      CREATE INDEX own ON t_a (k);
      CREATE FOREIGN DATA WRAPPER w;
      CREATE SERVER s FOREIGN DATA WRAPPER w;
      CREATE FOREIGN TABLE far (a integer) SERVER s]])
    p:ok("dump -o migrations/models.lua")
    local text = p:read("migrations/models.lua")
    assert.are.equal(1, select(2, text:gsub("table%(", "")), text)
    assert.is_nil(text:find("view(", 1, true), text)
    p:ok("check")
    p:write("migrations/models.lua", (text:gsub('column%("k"', 'column("n", types.integer()), %0')))
    p:ok("revision --autogenerate -m n")
    p:ok("upgrade head")
    p:ok("check")
    assert.are.equal("id,k,n", p:columns("t_s1"))
    p:ok("downgrade base")
    p:remove()
  end)
end)
