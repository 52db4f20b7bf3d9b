-- dump, models and revisions say the same: whatever PostgreSQL has is in its dump, the dump loads as models that equal
-- the database, as SQL it makes the same database, and a revision from it makes it from nothing and takes it away.

local moonbird = require("support.moonbird")

local EQUAL = "No new upgrade operations detected.\n"

-- The dump of what `tables` makes, after all of that was seen; `ini` is more of the ini.
local function round(p, tables, ini)
  p:sql(tables)
  local dump = p:ok("dump").out
  p:write("migrations/models.lua", dump)
  assert.equal(EQUAL, p:ok("check").out)
  local copy = moonbird.project("postgres", ini)
  copy:sql(p:ok("dump --format sql").out)
  assert.equal("", p:ok({ "diff", copy.url }).out)
  copy:remove()
  local new = moonbird.project("postgres", ini)
  new:write("migrations/models.lua", dump)
  new:ok("revision --autogenerate -m all")
  new:ok("upgrade head")
  assert.equal(EQUAL, new:ok("check").out)
  assert.equal(dump, new:ok("dump").out)
  new:ok("downgrade base")
  assert.equal("return {}\n", new:ok("dump").out)
  new:remove()
  return dump
end

-- What the revision from the dump says in which some texts are others, from, to, from, to, ...; up and down again the
-- dump is what it was.
local function change(p, ...)
  local before = p:ok("dump").out
  local models, pairs_ = before, { ... }
  for index = 1, #pairs_, 2 do
    local first, last = models:find(pairs_[index], 1, true)
    assert(first, models)
    models = models:sub(1, first - 1) .. pairs_[index + 1] .. models:sub(last + 1)
  end
  p:write("migrations/models.lua", models)
  p:ok("revision --autogenerate -m change --rev-id c1")
  p:ok("upgrade head")
  assert.equal(EQUAL, p:ok("check").out)
  p:ok("downgrade base")
  assert.equal(before, p:ok("dump").out)
  local text = p:read("migrations/versions/c1_change.lua")
  os.remove(p:path("migrations/versions/c1_change.lua"))
  return text
end

local function on_postgres(f)
  return function()
    local p = moonbird.project("postgres")
    f(p)
    p:remove()
  end
end

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
    local dump = round(p, TABLES)
    assert.matches('foreign_key { "b", references = "o.id", not_valid = true }', dump, 1, true)
    assert.matches('name = "low", not_valid = true, no_inherit = true }', dump, 1, true)
    assert.matches('name = "high", no_inherit = true }', dump, 1, true)
  end))

  it("becomes valid in place", on_postgres(function(p)
    p:sql(TABLES .. "DELETE FROM a")
    p:write("migrations/models.lua", p:ok("dump").out)
    local text = change(p, 'name = "low", not_valid = true, ', 'name = "low", ')
    assert.matches('op.validate_constraint("low", "a")', text, 1, true)
    assert.is_nil(text:match("upgrade.-end"):find("drop_constraint", 1, true))
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
    assert.matches('table a: sqlite has no option "not_valid"', p:fails(1, "check").err, 1, true)
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
    local text = change(p, 'references = "o.id" }', 'references = "o.id", ondelete = "RESTRICT" }')
    assert.matches('create_foreign_key("a_b_fkey",', text, 1, true)
    text = change(p, ', unique = true }),', ' }),\n    unique { "c", deferrable = true },')
    assert.matches('create_unique_constraint("a_c_key",', text, 1, true)
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
      local dump = p:ok("dump").out
      assert.matches('check("b > 0", { name = "x" })', dump, 1, true)
      assert.matches('check%("[^"]*b > 1[^"]*OR[^"]*c > 2[^"]*", { name = "y" }%)', dump)
      p:write("migrations/models.lua", dump)
      assert.equal(EQUAL, p:ok("check").out)
      local text = change(p, 'check("b > 0"', 'check("b > 7"')
      assert.matches('create_check_constraint%("x", ["a, ]*"b > 0"', text)
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
      local dump = p:ok("dump").out
      p:write("migrations/models.lua", dump)
      assert.equal(EQUAL, p:ok("check").out)
      assert.matches('references = { table = "o.p", column = "i.d" }', dump, 1, true)
      assert.matches('references = { table = "o.p", columns = { "i.d", "b.c" } }', dump, 1, true)
      p:remove()
    end)
  end)

  it("are made, and own sequences", on_postgres(function(p)
    round(p, TABLES .. [[ CREATE SEQUENCE "s.q" OWNED BY "o.p"."b.c"; CREATE SEQUENCE s OWNED BY "a b.c".x; ]])
    local text = change(p, 'table = "a b.c", column = "x" } })', 'table = "o.p", column = "i.d" } })')
    assert.matches("owned_by = null", text, 1, true)
  end))
end)

describe("schemas", function()
  local MODELS = [[
    return {
      enum("mood", { "a", "b" }, { schema = "my schema" }),
      table("o", {
        column("id", types.integer(), { primary_key = true }),
        column("moods", types.array(types.enum("mood", { "a", "b" }, { schema = "my schema" }))),
      }),
      table("log", { column("id", types.integer(), { references = "o.id" }) }, { schema = "audit" }),
    }]]

  local function schemas(p)
    return p:sql("SELECT string_agg(nspname, ',' ORDER BY nspname) FROM pg_namespace WHERE nspname !~ '^(pg_|info)'")
  end

  it("that are missing are made first, and taken away on the way back", on_postgres(function(p)
    p:sql("CREATE SCHEMA audit; CREATE TABLE audit.others (a int)")
    p:write("migrations/models.lua", MODELS)
    p:ok("revision --autogenerate -m all")
    p:ok("upgrade head")
    assert.equal("audit,my schema,public", schemas(p))
    assert.equal(EQUAL, p:ok("check").out)
    p:ok("downgrade base")
    assert.equal("audit,public", schemas(p))
  end))

  it("are named in the ini, in quotes where they must be", on_postgres(function(p)
    local ini = 'schemas = public, "my schema" audit "a ""b"", c"\n'
    p:write("moonbird.ini", p:read("moonbird.ini") .. ini)
    local dump = round(p, [[
      CREATE SCHEMA "my schema"; CREATE SCHEMA audit; CREATE SCHEMA "a ""b"", c";
      CREATE TABLE "my schema".a (id int PRIMARY KEY);
      CREATE TABLE "a ""b"", c".a (id int REFERENCES "my schema".a);
      CREATE TABLE audit.b (id int);
    ]], ini)
    assert.matches('{ schema = "my schema" }', dump, 1, true)
    assert.matches('{ schema = "a \\"b\\", c" }', dump, 1, true)
    p:write("moonbird.ini", p:read("moonbird.ini"):gsub("schemas.*", 'schemas = a, "b\n'))
    local run = p:fails(2, "check")
    assert.matches("is not a valid value for schemas: it must be a list of names", run.err, 1, true)
    assert.matches("at moonbird.ini:4", run.err, 1, true)
  end))

  it("that are not read keep their enums", on_postgres(function(p)
    p:sql([[
      CREATE SCHEMA other; CREATE TYPE other.mood AS ENUM ('a', 'b');
      CREATE TABLE t (m other.mood DEFAULT 'a', n other.mood[]);
    ]])
    local dump = p:ok("dump").out
    assert.matches('types.enum("mood", { "a", "b" }, { schema = "other", create_type = false })', dump, 1, true)
    p:write("migrations/models.lua", dump)
    assert.equal(EQUAL, p:ok("check").out)
  end))
end)

describe("what PostgreSQL has beside tables", function()
  local TABLES = [[
    CREATE TYPE mood AS ENUM ('a', 'b'); COMMENT ON TYPE mood IS 'it''s a mood';
    CREATE SEQUENCE numbers; COMMENT ON SEQUENCE numbers IS 'of pages';
    CREATE TABLE t (id int PRIMARY KEY, name text, m mood);
    CREATE INDEX by_name ON t (name text_pattern_ops) INCLUDE (m);
    CREATE MATERIALIZED VIEW v AS SELECT id AS one, name AS two FROM t;
    CREATE UNIQUE INDEX v_one ON v (one);
    CREATE INDEX v_two ON v (lower(two) text_pattern_ops DESC) WHERE one > 4;
  ]]

  it("is in the dump: comments, operator classes, indexes of views", on_postgres(function(p)
    local dump = round(p, TABLES)
    assert.matches('enum("mood", { "a", "b" }, { comment = "it\'s a mood" })', dump, 1, true)
    assert.matches('sequence("numbers", { comment = "of pages" })', dump, 1, true)
    assert.matches('ops = { name = "text_pattern_ops" }', dump, 1, true)
    assert.matches('index { "one", name = "v_one", unique = true }', dump, 1, true)
    local one, two = 'index { "one", name = "v_one", unique = true },', 'index { "two" },'
    local text_ops, char_ops = 'ops = { name = "text_pattern_ops" }', 'ops = { name = "varchar_pattern_ops" }'
    change(p, '"it\'s a mood"', '"another"', ', { comment = "of pages" }', "", one, two, text_ops, char_ops)
    change(p, ', { comment = "it\'s a mood" }', "", '"of pages"', '"of books"', "one > 4", "one>5")
    change(p, "FROM t]]", "FROM t WHERE id > 0]]", one, two)
  end))

  it("may be written in other words", on_postgres(function(p)
    p:sql(TABLES)
    p:write("migrations/models.lua", [=[
      return {
        enum("mood", { "a", "b" }, { comment = "it's a mood" }),
        sequence("numbers", { comment = "of pages" }),
        table("t", {
          column("id", types.integer(), { primary_key = true, autoincrement = false }),
          column("name", types.text()),
          column("m", types.enum("mood", { "a", "b" })),
          index { "name", name = "by_name", postgresql_ops = { name = "text_pattern_ops" }, include = { "m" } },
        }),
        view("v", "select id, name from t", {
          materialized = true,
          columns = { "one", "two" },
          indexes = {
            index { "one", name = "v_one", unique = true, using = "btree" },
            index { sql "lower( two ) text_pattern_ops DESC", name = "v_two", where = "one>4" },
          },
        }),
      }]=])
    assert.equal("", p:ok("diff").out)
  end))

  it("stands in the way of op.alter_enum where it is a view, which is named", on_postgres(function(p)
    p:sql(TABLES .. 'CREATE VIEW "My V" AS SELECT m FROM t')
    p:revision("a1", nil, 'op.alter_enum("mood", { "a", "c" })')
    local run = p:fails(1, "upgrade head")
    assert.matches('the type mood is read by views: "My V"', run.err, 1, true)
    assert.matches("op.drop_view them before op.alter_enum", run.err, 1, true)
  end))

  it("has indexes only where it is materialized", on_postgres(function(p)
    p:write("migrations/models.lua", 'return { view("v", "SELECT 1 AS a", { indexes = { index { "a" } } }) }')
    assert.matches("models.lua:1: view v: only a materialized view has indexes", p:fails(1, "check").err, 1, true)
  end))
end)
