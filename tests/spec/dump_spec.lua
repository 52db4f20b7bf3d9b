-- dump, models and revisions say the same: whatever PostgreSQL has is in its dump, the dump loads as models that equal
-- the database, as SQL it makes the same database, and a revision from it makes it from nothing and takes it away.

local dump = require("support.dump")
local moonbird = require("support.moonbird")

local EQUAL = dump.EQUAL
local round = dump.round
local change = dump.change
local on_postgres = dump.on_postgres

if not moonbird.postgres_url then
  pending("dumps of PostgreSQL: $MOONBIRD_TEST_POSTGRES_URL is not set")
  return
end

describe("a constraint that is not valid", function()
  local TABLES = [[
    CREATE TABLE o (id int PRIMARY KEY);
    CREATE TABLE a (b int, c int);
    INSERT INTO a VALUES (5, -1);
    ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES o NOT VALID;
    ALTER TABLE a ADD CONSTRAINT low CHECK (c > 0) NO INHERIT NOT VALID;
    ALTER TABLE a ADD CONSTRAINT high CHECK (c < 9) NO INHERIT;
  ]]

  it("is in the dump, and made as such", on_postgres(function(p)
    local text = round(p, TABLES)
    assert.matches('foreign_key { "b", references = "o.id", not_valid = true }', text, 1, true)
    assert.matches('name = "low", not_valid = true, no_inherit = true }', text, 1, true)
    assert.matches('name = "high", no_inherit = true }', text, 1, true)
  end))

  it("becomes valid in place", on_postgres(function(p)
    p:sql(TABLES .. "DELETE FROM a")
    p:write("migrations/models.lua", p:ok("dump").out)
    local made = change(p, 'name = "low", not_valid = true, ', 'name = "low", ')
    assert.matches('op.validate_constraint("low", "a")', made, 1, true)
    assert.is_nil(made:match("upgrade.-end"):find("drop_constraint", 1, true))
  end))

  it("stands at a column, in op.create_table and op.add_column too", on_postgres(function(p)
    p:sql("CREATE TABLE o (id int PRIMARY KEY)")
    p:revision("a1", nil, [[
      op.create_table("a", {
        column("b", types.integer(), { references = { "o.id", not_valid = true } }),
        column("c", types.integer(), { references = { "o.id", postgresql_not_valid = true, sqlite_match = "FULL" } }),
      })
      op.add_column("a", column("d", types.integer(), { references = { "o.id", not_valid = true } }))
    ]])
    p:ok("upgrade head")
    assert.equal("3", p:sql("SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND NOT convalidated"))
  end))

  it("is an error where the database has no such thing", function()
    local p = moonbird.project("sqlite")
    p:write("migrations/models.lua", 'return { table("a", { check("1 > 0", { not_valid = true }) }) }')
    assert.matches('table a: sqlite has no option "not_valid"', p:fails(2, "check").err, 1, true)
    p:write("migrations/models.lua", [[
      return { table("a", { column("b", types.text()), check("b > 0", { postgresql_not_valid = true }) }) }
    ]])
    p:fails(3, "check")
    p:revision("a1", nil, 'op.create_table("a", { column("b", types.text()), check("b > 0", { no_inherit = true }) })')
    assert.matches('sqlite has no option "no_inherit"', p:fails(1, "upgrade head").err, 1, true)
    p:remove()
  end)
end)

describe("a constraint without a name in the models", function()
  it("keeps its name when it changes", on_postgres(function(p)
    p:sql([[
      CREATE TABLE o (id int PRIMARY KEY, code int);
      CREATE TABLE a (b int REFERENCES o, c int UNIQUE, d int REFERENCES o ON DELETE CASCADE, PRIMARY KEY (b, c));
    ]])
    local made = change(p, 'references = "o.id" }', 'references = "o.id", ondelete = "RESTRICT" }')
    assert.matches('create_foreign_key("a_b_fkey",', made, 1, true)
    made = change(p, ', unique = true }),', ' }),\n    unique { "c", deferrable = true },')
    assert.matches('create_unique_constraint("a_c_key",', made, 1, true)
    assert.equal("a_b_fkey,a_c_key,a_d_fkey,a_pkey", p:sql([[
      SELECT string_agg(conname, ',' ORDER BY conname) FROM pg_constraint WHERE conrelid = 'a'::regclass
    ]]))
  end))
end)

describe("a CHECK in a dump", function()
  moonbird.each_database(describe, pending, function(kind)
    it("has no brackets around it that nobody wrote", function()
      local p = moonbird.project(kind)
      p:sql("CREATE TABLE a (b int, c int, CONSTRAINT x CHECK ((b > 0)), CONSTRAINT y CHECK (((b > 1)) OR ((c > 2))))")
      local text = p:ok("dump").out
      assert.matches('check("b > 0", { name = "x" })', text, 1, true)
      assert.matches('check%("[^"]*b > 1[^"]*OR[^"]*c > 2[^"]*", { name = "y" }%)', text)
      p:write("migrations/models.lua", text)
      assert.equal(EQUAL, p:ok("check").out)
      local made = change(p, 'check("b > 0"', 'check("b > 7"')
      assert.matches('create_check_constraint%("x", ["a, ]*"b > 0"', made)
      p:remove()
    end)
  end)
end)

describe("names with dots", function()
  local TABLES = [[
    CREATE TABLE "o.p" ("i.d" int PRIMARY KEY, "b.c" int, UNIQUE ("i.d", "b.c"));
    CREATE TABLE "a b.c" (x int REFERENCES "o.p", y int, z int, FOREIGN KEY (y, z) REFERENCES "o.p" ("i.d", "b.c"));
  ]]

  moonbird.each_database(describe, pending, function(kind)
    it("are told apart in references", function()
      local p = moonbird.project(kind)
      p:sql(TABLES)
      local text = p:ok("dump").out
      p:write("migrations/models.lua", text)
      assert.equal(EQUAL, p:ok("check").out)
      assert.matches('references = { table = "o.p", column = "i.d" }', text, 1, true)
      assert.matches('references = { table = "o.p", columns = { "i.d", "b.c" } }', text, 1, true)
      p:remove()
    end)
  end)

  it("are made, and own sequences", on_postgres(function(p)
    round(p, TABLES .. [[ CREATE SEQUENCE "s.q" OWNED BY "o.p"."b.c"; CREATE SEQUENCE s OWNED BY "a b.c".x; ]])
    local made = change(p, 'table = "a b.c", column = "x" } })', 'table = "o.p", column = "i.d" } })')
    assert.matches("owned_by = null", made, 1, true)
  end))
end)
