-- check, diff, dump and revision --autogenerate on what is wrong or unusual: what they refuse, with which exit code,
-- which words and which next step; and that what they print is the same every time.

local moonbird = require("support.moonbird")

local function with_project(kind, models, f, ini)
  local p = moonbird.project(kind, ini)
  if models then
    p:write("migrations/models.lua", models)
  end
  f(p)
  p:remove()
end

local TWO = [[
return {
  table("a", { column("id", types.integer(), { primary_key = true }), column("n", types.varchar(9)), unique { "n" } }),
  table("b", { column("id", types.integer(), { primary_key = true }), check("id > 0", { name = "c" }) }),
}
]]

describe("diff with a URL", function()
  if moonbird.postgres_url then
    it("refuses a database of another kind, whichever it is", function()
      with_project("postgres", nil, function(p)
        local run = p:fails(2, "diff sqlite://")
        assert.matches("a postgres database cannot be compared with a sqlite one", run.err, 1, true)
        assert.matches("hint: give the URL of another postgres database", run.err, 1, true)
        run = p:fails(2, { "--url", "sqlite://", "diff", p.url })
        assert.matches("a sqlite database cannot be compared with a postgres one", run.err, 1, true)
      end)
    end)
  else
    pending("of another kind of database: $MOONBIRD_TEST_POSTGRES_URL is not set")
  end

  it("refuses a file that is not there, and makes none", function()
    with_project("sqlite", nil, function(p)
      local run = p:fails(6, "diff sqlite:///wrong.db")
      assert.matches("Can't connect to database sqlite:///wrong.db: there is no such file", run.err, 1, true)
      assert.is_nil(p:read("wrong.db"))
    end)
  end)
end)

describe("check and diff as JSON", function()
  it("print the same text every time", function()
    with_project("sqlite", TWO, function(p)
      local first = p:fails(3, "check --json").out
      for _ = 1, 5 do
        assert.are.equal(first, p:fails(3, "check --json").out)
        assert.are.equal(first, p:fails(8, "diff --json").out)
      end
      assert.is_true(first:find('"messages"', 1, true) < first:find('"operations"', 1, true))
      assert.is_true(first:find('"operations"', 1, true) < first:find('"reverse"', 1, true))
    end)
  end)
end)

describe("the setting schemas", function()
  it("takes * on SQLite too", function()
    with_project("sqlite", TWO, function(p)
      assert.are.equal("+ table 'a'\n+ table 'b'\n", p:fails(3, "check").out)
      assert.are.equal("return {}\n", p:ok("dump").out)
    end, "schemas = *\n")
  end)

  it("that names what SQLite has not attached is an error that says what there is", function()
    with_project("sqlite", TWO, function(p)
      local run = p:fails(2, "check")
      assert.matches("the setting schemas names shop", run.err, 1, true)
      assert.matches("these are there: main", run.err, 1, true)
    end, "schemas = main, shop\n")
  end)
end)

local ORDERS = [[
return {
  table("persons", { column("id", types.integer(), { primary_key = true }) }),
  table("orders", {
    column("id", types.integer(), { primary_key = true }),
    column("person_id", types.integer(), { references = "%s.id" }),
  }),
}
]]

describe("a foreign key to a table that the models do not have", function()
  moonbird.each_database(describe, pending, function(kind)
    it("is an error with its place when nobody has it", function()
      with_project(kind, ORDERS:format("persns"), function(p)
        local run = p:fails(2, "revision --autogenerate -m x")
        local message = "models.lua:3: table orders: the foreign key of person_id leads to persns.id, "
          .. "and the models have no table persns"
        assert.matches(message, run.err, 1, true)
        assert.matches("hint: did you mean persons?", run.err, 1, true)
        p:write("migrations/models.lua", ORDERS:format("zzzzzzzzzz"))
        assert.matches("hint: the database has no such table either: add it", p:fails(2, "check").err, 1, true)
        p:fails(2, "diff")
      end)
    end)

    it("is an error when a revision would drop that table", function()
      with_project(kind, ORDERS:format("people"), function(p)
        p:sql("CREATE TABLE people (id integer PRIMARY KEY)")
        assert.matches("a revision would drop it: add it to the models", p:fails(2, "check").err, 1, true)
      end)
    end)

    it("is right when the table is left out by include_name or include_object", function()
      with_project(kind, ORDERS:format("people"), function(p)
        p:write(
          "migrations/env.lua",
          'return { include_name = function(kind, name) return kind ~= "table" or name ~= "people" end }'
        )
        p:fails(3, "check") -- not made yet
        p:sql("CREATE TABLE people (id integer PRIMARY KEY)")
        p:fails(3, "check")
        p:write(
          "migrations/env.lua",
          "return { include_object = function(kind, _, _, reflected, other)\n"
            .. '  return not (kind == "table" and reflected and not other) end }'
        )
        p:ok("revision --autogenerate -m orders")
        p:ok("upgrade head")
        p:ok("check")
        assert.is_true(p:has_table("people"))
      end)
    end)
  end)

  it("is right in a schema that nobody looks at", function()
    if not moonbird.postgres_url then
      return pending("$MOONBIRD_TEST_POSTGRES_URL is not set")
    end
    with_project("postgres", ORDERS:format("shop.people"), function(p)
      assert.are.equal("+ table 'orders'\n+ table 'persons'\n", p:fails(3, "check").out)
      p:write("moonbird.ini", p:read("moonbird.ini") .. "schemas = public, shop\n")
      assert.matches("and the models have no table shop.people", p:fails(2, "check").err, 1, true)
    end)
  end)

  it("is right on SQLite when the database has the same key, and whatever its letters", function()
    with_project("sqlite", ORDERS:format("PERSONS"), function(p)
      p:fails(3, "check")
      p:sql("CREATE TABLE persons (id INTEGER PRIMARY KEY)")
      p:sql("CREATE TABLE orders (id INTEGER PRIMARY KEY, person_id INTEGER REFERENCES gone (id))")
      p:ok("dump -o migrations/models.lua")
      p:ok("check")
    end)
  end)
end)

describe("a database that fails", function()
  it("is no mistake in the models: the table of a foreign key is looked up", function()
    with_project("sqlite", ORDERS:format("persns"), function(p)
      p:sql("CREATE TABLE persons (id INTEGER PRIMARY KEY)")
      p:write("migrations/env.lua", [[
        return { include_name = function(kind, name)
          if name == "persns" then
            local file <close> = assert(io.open("data.db", "r+"))
            file:write(("x"):rep(100))
          end
          return true
        end }]])
      local run = p:fails(1, "check")
      assert.matches("is not a database", run.err, 1, true)
    end)
  end)
end)

describe("names that are not UTF-8", function()
  it("are shown, written in revisions, and replaced in JSON", function()
    local models = 'return { table("a\\xff", { column("id", types.integer(), { primary_key = true }) }) }'
    with_project("sqlite", models, function(p)
      assert.matches("table 'a", p:fails(3, "check").out, 1, true)
      local out = p:fails(3, "check --json").out
      assert.matches("Detected added table 'a\u{FFFD}'", out, 1, true)
      p:ok("revision --autogenerate -m x")
      p:ok("upgrade head")
      p:ok("check")
      p:ok("dump -o migrations/models.lua")
      assert.matches('table("a\\255"', p:read("migrations/models.lua"), 1, true)
      p:ok("check")
    end)
  end)
end)

describe("models that never end", function()
  for _, words in ipairs({ "check", "diff", "revision --autogenerate -m x" }) do
    it("are ended by Ctrl-C: " .. words, function()
      with_project("sqlite", 'io.stderr:write("here\\n") while true do pcall(error) end', function(p)
        local run = p:start(words)
        moonbird.wait_until("the loop", 20, function()
          return select(2, run:so_far()):find("here", 1, true)
        end)
        run:kill("INT"):wait(10)
        assert.are.equal(130, run.code)
        assert.matches("interrupted", run.err, 1, true)
      end)
    end)
  end
end)

describe("revision with --sql", function()
  local ENV = [[
io.stderr:write("env.lua: offline = ", tostring(context.offline), "\\n")
if context.x.refuse then error("no revision today", 0) end
return {}
]]

  it("is a mistake without revision_environment, and with --autogenerate, in Alembic's words", function()
    with_project("sqlite", nil, function(p)
      local run = p:fails(2, "revision -m x --sql")
      local message = "Using --sql with the revision command when revision_environment is not configured does not make "
      assert.matches(message .. "any sense", run.err, 1, true)
      run = p:fails(2, "revision -m x --sql --autogenerate")
      assert.matches("Using --sql with --autogenerate does not make any sense", run.err, 1, true)
      assert.are.equal("", moonbird.shell("ls " .. p.folder .. "/migrations/versions"))
    end)
  end)

  it("runs env.lua without a connection; without it env.lua is run on the database", function()
    with_project("sqlite", nil, function(p)
      p:write("migrations/env.lua", ENV)
      local nowhere = { env = { MOONBIRD_DATABASE_URL = "sqlite:////proc/none/none.db" } }
      local run = p:ok("revision -m x --sql --rev-id a1", nowhere)
      assert.matches("env.lua: offline = true", run.err, 1, true)
      assert.is_nil(run.out:find("DROP", 1, true))
      assert.matches("no revision today", p:fails(2, "-x refuse revision -m y --sql").err, 1, true)
      assert.matches("no revision today", p:fails(2, "-x refuse new y").err, 1, true)
      assert.matches("env.lua: offline = false", p:ok("revision -m y --rev-id a2").err, 1, true)
      assert.are.equal("a1_x.lua\na2_y.lua\n", moonbird.shell("ls " .. p.folder .. "/migrations/versions"))
      assert.is_nil(p:read("data.db"))
    end, "revision_environment = true\n")
  end)

  it("leaves env.lua alone where nothing is set", function()
    with_project("sqlite", nil, function(p)
      p:write("migrations/env.lua", ENV)
      assert.is_nil(p:ok("revision -m x").err:find("env.lua:", 1, true))
    end)
  end)
end)

describe("Moonbird's own tables", function()
  it("are no difference, also where version_table_schema names the schema that is meant anyway", function()
    if not moonbird.postgres_url then
      return pending("$MOONBIRD_TEST_POSTGRES_URL is not set")
    end
    with_project("postgres", "return {}", function(p)
      p:ok("ensure_version")
      p:ok("check")
      assert.are.equal("return {}\n", p:ok("dump").out)
    end, "version_table_schema = public\n")
  end)
end)

describe("a review of a value that goes", function()
  it("quotes it as SQL does", function()
    if not moonbird.postgres_url then
      return pending("$MOONBIRD_TEST_POSTGRES_URL is not set")
    end
    with_project("postgres", [[return { enum("mood", { "it's", "b" }) }]], function(p)
      p:ok("revision --autogenerate -m x --rev-id a1")
      p:ok("upgrade head")
      p:write("migrations/models.lua", 'return { enum("mood", { "b" }) }')
      p:ok("revision --autogenerate -m y --rev-id a2")
      assert.matches("-- review: no row may have the value 'it''s'", p:read("migrations/versions/a2_y.lua"), 1, true)
    end)
  end)
end)

describe("many tables whose expressions the server writes in another way", function()
  local MANY = [[
local list = { table("t1", { column("name", types.varchar(9)), check("name <> ''") }, { schema = "shop" }) }
for i = 1, 60 do
  local name = "t" .. i
  list[#list + 1] = table(name, {
    column("name", types.varchar(9), { server_default = "x" }),
    check(name == broken and "no_such_function(name)" or "name <> ''"),
    index { sql "lower(name)", name = "ix_" .. name },
  })
end
return list
]]

  it("equal the models, but for one of which the server cannot be asked", function()
    if not moonbird.postgres_url then
      return pending("$MOONBIRD_TEST_POSTGRES_URL is not set")
    end
    with_project("postgres", MANY, function(p)
      p:ok("revision --autogenerate -m x")
      p:ok("upgrade head")
      p:ok("check")
      p:write("migrations/models.lua", 'local broken = "t7"\n' .. MANY)
      local lines = p:fails(8, "diff").out
      assert.matches("check constraint .* on 't7'", lines)
      assert.is_nil(lines:find("'t[^7]"), lines)
    end, "schemas = public, shop\n")
  end)
end)

describe("dump", function()
  it("says that there is no file, where a URL is wrong", function()
    with_project("sqlite", nil, function(p)
      local run = p:ok("--url sqlite:///wrong.db dump")
      assert.are.equal("return {}\n", run.out)
      assert.matches("warning: there is no file yet for sqlite:///wrong.db: its schema is empty", run.err, 1, true)
      p:sql("CREATE TABLE a (b)")
      assert.are.equal("", p:ok("dump").err)
    end)
  end)
end)

describe("what the database has and a dump has not", function()
  it("is named on SQLite: virtual tables, and triggers where it is models", function()
    with_project("sqlite", nil, function(p)
      p:sql([[CREATE TABLE t (a int); CREATE VIRTUAL TABLE "full text" USING fts5(body);
        CREATE TRIGGER tr AFTER INSERT ON t BEGIN DELETE FROM t; END]])
      local wanted = 'warning: not in the dump: virtual table "full text", trigger tr; `.schema` of sqlite3 has that\n'
      assert.equal(wanted, p:ok("dump").err)
      assert.equal((wanted:gsub(", trigger tr", "")), p:ok("dump --format sql").err)
      p:sql('DROP TABLE "full text"; DROP TRIGGER tr')
      assert.equal("", p:ok("dump").err)
    end)
  end)

  if moonbird.postgres_url then
    it("is named on PostgreSQL, but for what belongs to an extension or to another schema", function()
      with_project("postgres", nil, function(p)
        p:sql([[
          CREATE TABLE t (a int, b int GENERATED ALWAYS AS IDENTITY, UNIQUE (a));
          CREATE TABLE c (a int REFERENCES t (a));
          CREATE VIEW v AS SELECT a FROM t; CREATE TYPE e AS ENUM ('x');
          CREATE SCHEMA other; CREATE DOMAIN other.d AS int]])
        assert.equal("", p:ok("dump").err)
        p:sql([[
          CREATE EXTENSION hstore; CREATE DOMAIN "a b" AS int; CREATE TYPE pair AS (a int);
          CREATE TYPE r AS RANGE (subtype = int);
          CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 1']])
        local run = p:ok("dump --format sql")
        local wanted = 'not in the dump: extension hstore, domain "a b", type pair, type r, function f(integer)'
        assert.matches(wanted, run.err, 1, true)
      end)
    end)
  end
end)
