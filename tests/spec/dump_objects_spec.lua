-- dump, models and revisions say the same of what PostgreSQL has beside tables: schemas, enums, sequences, views with
-- their indexes, comments; and of what it prints in its own words.

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
    local text = round(p, [[
      CREATE SCHEMA "my schema"; CREATE SCHEMA audit; CREATE SCHEMA "a ""b"", c";
      CREATE TABLE "my schema".a (id int PRIMARY KEY);
      CREATE TABLE "a ""b"", c".a (id int REFERENCES "my schema".a);
      CREATE TABLE audit.b (id int);
    ]], ini)
    assert.matches('{ schema = "my schema" }', text, 1, true)
    assert.matches('{ schema = "a \\"b\\", c" }', text, 1, true)
    p:write("moonbird.ini", p:read("moonbird.ini"):gsub("schemas.*", 'schemas = a, "b\n'))
    local run = p:fails(2, "check")
    assert.matches("is not a valid value for schemas: it must be a list of names", run.err, 1, true)
    assert.matches("at moonbird.ini:4", run.err, 1, true)
  end))

  it("that are not read keep the enums of those that are", on_postgres(function(p)
    p:sql("CREATE TYPE mood AS ENUM ('a'); CREATE TYPE gone AS ENUM ('b')")
    p:sql("CREATE SCHEMA audit; CREATE TABLE audit.t (m mood[])")
    p:write("migrations/models.lua", "return {}")
    assert.equal("- enum 'gone'\n", p:fails(8, "diff").out)
    p:ok("revision --autogenerate -m less")
    p:ok("upgrade head")
    assert.equal(EQUAL, p:ok("check").out)
    p:sql("DROP SCHEMA audit CASCADE")
    assert.equal("- enum 'mood'\n", p:fails(8, "diff").out)
  end))

  it("that are not read keep their enums", on_postgres(function(p)
    p:sql([[
      CREATE SCHEMA other; CREATE TYPE other.mood AS ENUM ('a', 'b');
      CREATE TABLE t (m other.mood DEFAULT 'a', n other.mood[]);
    ]])
    local text = p:ok("dump").out
    assert.matches('types.enum("mood", { "a", "b" }, { schema = "other", create_type = false })', text, 1, true)
    p:write("migrations/models.lua", text)
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
    local text = round(p, TABLES)
    assert.matches('enum("mood", { "a", "b" }, { comment = "it\'s a mood" })', text, 1, true)
    assert.matches('sequence("numbers", { comment = "of pages" })', text, 1, true)
    assert.matches('ops = { name = "text_pattern_ops" }', text, 1, true)
    assert.matches('index { "one", name = "v_one", unique = true }', text, 1, true)
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

  it("has indexes only where it is materialized", on_postgres(function(p)
    p:write("migrations/models.lua", 'return { view("v", "SELECT 1 AS a", { indexes = { index { "a" } } }) }')
    assert.matches("models.lua:1: view v: only a materialized view has indexes", p:fails(2, "check").err, 1, true)
  end))
end)

describe("columns of an enum", function()
  it("and arrays of it, get another enum with their values", on_postgres(function(p)
    p:sql([[
      CREATE TYPE old AS ENUM ('a', 'b');
      CREATE TABLE t (one old DEFAULT 'a', list old[] DEFAULT '{a}', CHECK (one <> 'b'));
      INSERT INTO t VALUES ('a', '{a,b}');
    ]])
    p:write("migrations/models.lua", (p:ok("dump").out:gsub("old", "new")))
    p:ok("revision --autogenerate -m x")
    p:ok("upgrade head")
    assert.equal(EQUAL, p:ok("check").out)
    assert.equal("a|{a,b}|new|new[]", p:sql("SELECT one, list, pg_typeof(one), pg_typeof(list) FROM t"))
    p:ok("downgrade base")
    assert.equal("a|{a,b}|old|old[]", p:sql("SELECT one, list, pg_typeof(one), pg_typeof(list) FROM t"))
  end))
end)

describe("a name with a quote", function()
  it("is found in a condition that is in the way of its column", on_postgres(function(p)
    p:sql([[
      CREATE TYPE mood AS ENUM ('a', 'b');
      CREATE TABLE t ("q""q" mood, CONSTRAINT not_b CHECK ("q""q" <> 'b'));
    ]])
    local check = '    check("\\"q\\"\\"q\\" <> \'b\'", { name = "not_b" }),\n'
    change(p, '{ "a", "b" }', '{ "a" }', check, "")
  end))
end)

describe("what PostgreSQL prints", function()
  it("of a sequence that fills a column is all of it, where SERIAL would not be", on_postgres(function(p)
    local text = round(p, [[
      CREATE SEQUENCE own INCREMENT 5;
      CREATE TABLE a (id serial PRIMARY KEY, b int DEFAULT nextval('own'), c text DEFAULT 'x');
      ALTER SEQUENCE own OWNED BY a.b;
      CREATE SEQUENCE words OWNED BY a.c;
      ALTER TABLE a ALTER c SET DEFAULT 'x' || nextval('words');
    ]])
    assert.matches('column("id", types.raw("SERIAL"), { primary_key = true })', text, 1, true)
    assert.matches('sequence("own", { increment = 5, owned_by = "a.b" })', text, 1, true)
    assert.matches("nextval('own'::regclass)", text, 1, true)
  end))

  it("and prints in other words when it reads that again is the same", on_postgres(function(p)
    p:sql("CREATE TABLE a (b varchar(9) CHECK (b IN ('x', 'y')))")
    local copy = moonbird.project("postgres")
    copy:sql(p:ok("dump --format sql").out)
    assert.equal("", p:ok({ "diff", copy.url }).out)
    assert.equal("", copy:ok({ "diff", p.url }).out)
    copy:remove()
  end))
end)
