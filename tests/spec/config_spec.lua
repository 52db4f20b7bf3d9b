-- Configuration as a user meets it: where the ini is found, its sections and interpolation, .env, the order in which a
-- URL is found, passwords that are never shown, warnings about unknown keys.
local moonbird = require("support.moonbird")

describe("configuration", function()
  local p
  before_each(function()
    p = moonbird.project("sqlite")
    p:revision("a1", nil)
  end)
  after_each(function()
    p:remove()
  end)

  local function ini(text)
    p:write("moonbird.ini", text)
  end

  local function exists(name)
    return p:read(name) ~= nil
  end

  it("is found by -c, then $MOONBIRD_CONFIG, then in the current folder", function()
    for _, name in ipairs({ "one", "two", "three" }) do
      p:write(name .. ".ini", ("[moonbird]\nscript_location = migrations\nurl = sqlite:///%s.db\n"):format(name))
    end
    os.rename(p:path("three.ini"), p:path("moonbird.ini"))
    p:ok("upgrade head")
    assert.is_true(exists("three.db"))
    local options = { env = { MOONBIRD_CONFIG = "two.ini" } }
    p:ok("upgrade head", options)
    assert.is_true(exists("two.db"))
    p:ok("-c one.ini upgrade head", options)
    assert.is_true(exists("one.db"))
    p:ok("upgrade head -c one.ini")
    assert.truthy(p:fails(2, "-c nope.ini current").err:find("nope.ini", 1, true))
  end)

  it("has a section for each database", function()
    ini([[
[moonbird]
script_location = %(here)s/migrations
url = sqlite:///main.db

[archive]
script_location = %(here)s/migrations
url = sqlite:///archive.db
]])
    p:ok("-n archive upgrade head")
    assert.is_true(exists("archive.db"))
    assert.is_false(exists("main.db"))
    local run = p:fails(2, "-n archiv current")
    assert.truthy(run.err:find("archiv", 1, true), run.err)
  end)

  it("interpolates %(here)s, other keys, and the environment with defaults", function()
    ini([[
[moonbird]
script_location = %(here)s/migrations
base = ${BASE:-plain}
url = sqlite:///%(here)s/%(base)s%%20${NAME}.db
]])
    p:ok("upgrade head", { env = { NAME = "x" } })
    assert.is_true(exists("plain x.db"))
    p:ok("upgrade head", { env = { NAME = "y", BASE = "other" } })
    assert.is_true(exists("other y.db"))
    local run = p:fails(2, "current")
    assert.truthy(run.err:find("NAME", 1, true), run.err)
  end)

  it("works from another folder", function()
    local url = "sqlite:///" .. p:path("x.db")
    local run = moonbird.run("/", { "-c", p:path("moonbird.ini"), "--url", url, "upgrade", "head" })
    assert.equals(0, run.code, run:describe())
    assert.is_true(exists("x.db"))
  end)

  it("reads .env beside the ini, which never overrides the real environment", function()
    ini("[moonbird]\nscript_location = %(here)s/migrations\nurl = sqlite:///${NAME}.db\n")
    p:write(".env", "# a comment\nNAME=from_file\nexport OTHER='x y'\n")
    p:ok("upgrade head")
    assert.is_true(exists("from_file.db"))
    p:ok("upgrade head", { env = { NAME = "from_environment" } })
    assert.is_true(exists("from_environment.db"))
  end)

  it("takes the URL from --url, $MOONBIRD_DATABASE_URL, env.lua, the ini, $DATABASE_URL, in this order", function()
    local env = { MOONBIRD_DATABASE_URL = "sqlite:///2.db", DATABASE_URL = "sqlite:///5.db" }
    p:write("migrations/env.lua", 'return { url = "sqlite:///3.db" }')
    ini("[moonbird]\nscript_location = %(here)s/migrations\nsqlalchemy.url = sqlite:///4.db\n")
    local function is(number)
      assert.is_true(exists(number .. ".db"), number)
      os.remove(p:path(number .. ".db"))
    end
    p:ok("--url sqlite:///1.db upgrade head", { env = env })
    is(1)
    p:ok("upgrade head", { env = env })
    is(2)
    env.MOONBIRD_DATABASE_URL = nil
    p:ok("upgrade head", { env = env })
    is(3)
    p:write("migrations/env.lua", "return {}")
    p:ok("upgrade head", { env = env })
    is(4)
    ini("[moonbird]\nscript_location = %(here)s/migrations\n")
    p:ok("upgrade head", { env = env })
    is(5)
    local run = p:fails(2, "current")
    assert.truthy(run.err:lower():find("url", 1, true), run.err)
  end)

  it("accepts the URLs of SQLAlchemy", function()
    for _, url in ipairs({ "sqlite+aiosqlite:///s1.db", "sqlite:///" .. p:path("s2.db"), "sqlite:///s%33.db" }) do
      p:ok({ "--url", url, "upgrade", "head" })
    end
    assert.is_true(exists("s1.db") and exists("s2.db") and exists("s3.db"))
    p:ok("--url sqlite:// upgrade head")
    if moonbird.postgres_url then
      local other = moonbird.project("postgres")
      other:revision("a1", nil)
      other:ok({ "--url", (other.url:gsub("^postgresql:", "postgresql+asyncpg:")), "upgrade", "head" })
      assert.equals("a1", other:sql("SELECT version_num FROM moonbird_version"))
      other:remove()
    end
  end)

  it("warns about an unknown key with the nearest one, and goes on", function()
    ini("[moonbird]\nscript_location = %(here)s/migrations\nurl = sqlite:///data.db\nlock_timeot = 5\n")
    local run = p:ok("upgrade head")
    assert.truthy(run.err:find("lock_timeot", 1, true), run.err)
    assert.truthy(run.err:find("lock_timeout", 1, true), run.err)
  end)

  it("refuses a value of the wrong type, with file and line", function()
    ini("[moonbird]\nscript_location = %(here)s/migrations\nurl = sqlite:///data.db\n"
      .. "transaction_per_migration = perhaps\n")
    local run = p:fails(2, "current")
    assert.truthy(run.err:find("transaction_per_migration", 1, true), run.err)
    assert.truthy(run.err:find("perhaps", 1, true), run.err)
    assert.truthy(run.err:find("moonbird.ini:4", 1, true), run.err)
  end)

  it("says what to do where there is no ini and no environment", function()
    os.remove(p:path("moonbird.ini"))
    local run = p:fails(2, "current")
    assert.truthy(run.err:find("init", 1, true), run.err)
  end)

  it("shows no password, wherever the URL comes from", function()
    local url = "postgresql://someone:very%20secret@127.0.0.1:1/x?password=also-secret"
    local secrets = { "very%20secret", "very secret", "also-secret" }
    local function look(words, env)
      local run = p:run(words, { env = env, secrets = secrets })
      assert.equals(6, run.code, run:describe())
      assert.truthy(run.err:find("someone", 1, true) or run.err:find("127.0.0.1", 1, true), run.err)
    end
    look({ "--url", url, "current", "-v" })
    look({ "--url", url, "upgrade", "head", "--json" })
    look("current -v", { MOONBIRD_DATABASE_URL = url })
    ini("[moonbird]\nscript_location = %(here)s/migrations\nurl = " .. url:gsub("%%", "%%%%") .. "\n")
    look("upgrade head -v")
    ini("[moonbird]\nscript_location = %(here)s/migrations\nurl = " .. url:gsub("%%20", " ") .. "x:y@z\n")
    assert.are_not.equal(0, p:run("upgrade head -v", { secrets = secrets }).code)
  end)

  it("hides the password from scripts and from the log", function()
    if not moonbird.postgres_url then
      pending("$MOONBIRD_TEST_POSTGRES_URL is not set")
      return
    end
    local other = moonbird.project("postgres")
    other:revision("a1", nil, 'print(context.url, context.dialect, context.direction, context.x.name)')
    local run = other:ok("upgrade head -v -x name=value")
    assert.truthy(run.err:find("***", 1, true), run.err)
    assert.truthy(run.err:find("value", 1, true), run.err)
    other:ok("current -v")
    assert.truthy(other:sql("SELECT count(*) FROM moonbird_log"))
    other:remove()
  end)

  it("names new revisions by file_template", function()
    ini("[moonbird]\nscript_location = %(here)s/migrations\nurl = sqlite:///data.db\n"
      .. "file_template = %%(year)d_%%(rev)s_%%(slug)s\ntruncate_slug_length = 12\n")
    p:ok({ "revision", "-m", "Many words that make a long name", "--rev-id", "b2" })
    local name = moonbird.shell("ls " .. p:path("migrations/versions"))
    assert.truthy(name:find("%d%d%d%d_b2_many_words"), name)
  end)
end)

describe("the tables of Moonbird", function()
  moonbird.each_database(describe, pending, function(kind)
    local p
    after_each(function()
      p:remove()
    end)

    local TABLE_AND_BACKFILL = [[
  op.create_table("t", { column("id", types.integer(), { primary_key = true }), column("n", types.integer()) })
  db:exec("INSERT INTO t VALUES (1, 1)")
  op.backfill { table = "t", set = { n = sql "n + 1" } }
]]

    it("may have names that must be quoted", function()
      p = moonbird.project(kind, 'version_table = Ревизии "1"\n')
      p:revision("a1", nil, 'op.create_table("t", { column("id", types.integer()) })', 'op.drop_table("t")')
      p:ok("upgrade head")
      assert.equals("a1", p:sql('SELECT version_num FROM "Ревизии ""1"""'))
      assert.equals("a1 (head)\n", p:ok("current").out)
      p:ok("downgrade base")
    end)

    if kind == "postgres" then
      it("are in the schema that version_table_schema names, which must be there", function()
        p = moonbird.project(kind, "version_table_schema = Аудит 1\n")
        p:revision("a1", nil, TABLE_AND_BACKFILL)
        p:revision("b1", "a1")
        local run = p:fails(1, "upgrade head")
        assert.truthy(run.err:find("version_table_schema names the schema 'Аудит 1': create it", 1, true), run.err)
        assert.equals("", p:ok("current").out)
        p:sql('CREATE SCHEMA "Аудит 1"')
        p:ok("upgrade b1")
        assert.equals("b1 (head)\n", p:ok("current").out)
        assert.equals("2", p:sql('SELECT count(*) FROM "Аудит 1".moonbird_log WHERE outcome = \'done\''))
        assert.equals("t", p:sql("SELECT string_agg(tablename, ',') FROM pg_tables WHERE schemaname = 'public'"))
      end)
    end
  end)
end)
