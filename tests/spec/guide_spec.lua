-- The guide that Moonbird set out from (Samokoder's, for Alembic): every command of it as it is written there, and its
-- section on problems, answered by our messages.
local moonbird = require("support.moonbird")

local VARIABLE = "SAMOKODER_DATABASE_URL"

-- create database -> initial tables -> add user authentication -> email verification, each with a table or column.
local function chain(p)
  p:revision(
    "456def789ab1",
    nil,
    'op.create_table("projects", { column("id", types.integer(), { primary_key = true }) })',
    'op.drop_table("projects")',
    { message = "create database" }
  )
  p:revision(
    "abc123def456",
    "456def789ab1",
    'op.create_table("users", { column("id", types.integer(), { primary_key = true }),\n'
      .. '  column("full_name", types.text()) })',
    'op.drop_table("users")',
    { message = "initial tables" }
  )
  p:revision(
    "789ab1012cde",
    "abc123def456",
    'op.add_column("users", column("password", types.text()))',
    'op.drop_column("users", "password")',
    { message = "add user authentication" }
  )
end

describe("the guide", function()
  moonbird.each_database(describe, pending, function(kind)
    local p, environment

    -- The URL of a file beside the ini, or of the test's own database, as the guide's variable has it.
    local function url(name)
      return kind == "postgres" and p.url:gsub("^postgresql:", "postgresql+asyncpg:")
        or ("sqlite+aiosqlite:///%s/%s.db"):format(p.folder, name or "data")
    end

    before_each(function()
      p = moonbird.project(kind)
      p:write(
        "moonbird.ini",
        ("[moonbird]\nscript_location = %%(here)s/migrations\nurl = ${%s:-sqlite:///x.db}\n"):format(VARIABLE)
      )
      environment = { env = { [VARIABLE] = url() } }
      chain(p)
    end)
    after_each(function()
      p:remove()
    end)

    local function ok(words)
      return p:ok(words, environment)
    end

    local function current()
      return ok("current").out
    end

    it("upgrades: head, a revision, so many steps", function()
      ok("upgrade abc123")
      assert.equals("abc123def456\n", current())
      ok("upgrade +1")
      assert.equals("789ab1012cde (head)\n", current())
      ok("downgrade base")
      ok("upgrade +2")
      assert.equals("abc123def456\n", current())
      ok("upgrade head")
      assert.equals("789ab1012cde (head)\n", current())
      assert.equals("id,full_name,password", p:columns("users"))
    end)

    it("tells the current version, in short and in detail", function()
      ok("upgrade abc123")
      assert.equals("abc123def456\n", ok("current").out)
      local out = ok("current --verbose").out
      assert.truthy(out:find("^Current revision%(s%) for %w+[^\n]*:\nRev: abc123def456\nParent: 456def789ab1\n"), out)
      assert.truthy(out:find("\n\n    initial tables\n", 1, true), out)
    end)

    it("tells the history: all, a range, in detail", function()
      assert.equals(
        "abc123def456 -> 789ab1012cde (head), add user authentication\n"
          .. "456def789ab1 -> abc123def456, initial tables\n"
          .. "<base> -> 456def789ab1, create database\n",
        ok("history").out
      )
      assert.equals(
        "abc123def456 -> 789ab1012cde (head), add user authentication\n"
          .. "456def789ab1 -> abc123def456, initial tables\n",
        ok("history -r abc123:head").out
      )
      local out = ok("history --verbose").out
      assert.truthy(out:find("^Rev: 789ab1012cde %(head%)\nParent: abc123def456\nPath: /"), out)
      assert.truthy(out:find("\n\n    add user authentication\n\nRev: abc123def456\n", 1, true), out)
    end)

    it("writes a new revision by hand, which carries data over", function()
      local out = ok({ "revision", "-m", "migrate user data" }).out
      local path = out:match("^Generating (/.-%x+_migrate_user_data%.lua) %.%.%.  done\n$")
      assert.truthy(path, out)
      local text = moonbird.read_file(path)
      assert.truthy(text:find('\ndown_revision = "789ab1012cde" ', 1, true), text)
      text = text:gsub(
        "function upgrade%(%)\n",
        [[%0  op.add_column("users", column("email_verified", types.boolean(), { server_default = "false" }))
  op.execute("UPDATE users SET email_verified = false WHERE email_verified IS NULL")
]]
      )
      text = text:gsub("function downgrade%(%)\n", '%0  op.drop_column("users", "email_verified")\n')
      moonbird.write_file(path, text)
      ok("upgrade head")
      assert.equals("id,full_name,password,email_verified", p:columns("users"))
      ok("downgrade -1")
      assert.equals("id,full_name,password", p:columns("users"))
    end)

    it("goes back: one step, to a revision, to nothing", function()
      ok("upgrade head")
      ok("downgrade -1")
      assert.equals("abc123def456\n", current())
      ok("upgrade head")
      ok("downgrade abc123")
      assert.equals("abc123def456\n", current())
      ok("downgrade base")
      assert.equals("", current())
      assert.is_false(p:has_table("users"))
      assert.is_false(p:has_table("projects"))
    end)

    it("prints the SQL instead of running it", function()
      local sql = p:path("migration.sql")
      p:ok("upgrade head --sql", { env = environment.env, stdout = sql })
      local text = moonbird.read_file(sql)
      assert.truthy(text:find("CREATE TABLE users", 1, true) or text:find('CREATE TABLE "users"', 1, true), text)
      assert.equals("", current())
      if kind == "postgres" then
        local out, code = moonbird.shell(
          ("psql -X -q -v ON_ERROR_STOP=1 %s -f %s"):format(moonbird.quote(p.url), moonbird.quote(sql))
        )
        assert.equals(0, code, out)
      else
        local out, code = moonbird.shell(
          ("sqlite3 -bail %s <%s"):format(moonbird.quote(p:path("data.db")), moonbird.quote(sql))
        )
        assert.equals(0, code, out)
      end
      assert.equals("789ab1012cde (head)\n", current())
    end)

    it("joins two branches that were made at the same time", function()
      p:revision("ddd444ddd444", "789ab1012cde", nil, nil, { message = "mine" })
      p:revision("eee555eee555", "789ab1012cde", nil, nil, { message = "theirs" })
      -- "Multiple heads detected"
      local run = p:fails(4, "upgrade head", environment)
      assert.truthy(run.err:find("Multiple head revisions are present", 1, true), run.err)
      assert.truthy(run.err:find("ddd444ddd444", 1, true) and run.err:find("eee555eee555", 1, true), run.err)
      assert.truthy(run.err:find("merge", 1, true), run.err)
      assert.equals("ddd444ddd444 (head)\neee555eee555 (head)\n", ok("heads").out)
      local out = ok({ "merge", "ddd444", "eee555", "-m", "merge branches" }).out
      assert.truthy(out:find("_merge_branches.lua ...  done", 1, true), out)
      local line = "ddd444ddd444, eee555eee555 %-> %x+ %(head%) %(mergepoint%), merge branches"
      assert.truthy(ok("history").out:find(line))
      ok("upgrade head")
      assert.truthy(current():find("^%x+ %(head%) %(mergepoint%)\n$"))
    end)

    it("stamps", function()
      ok("stamp head")
      assert.equals("789ab1012cde (head)\n", current())
      assert.is_false(p:has_table("users"))
    end)

    it("takes the URL from the variable, before the ini, also from .env", function()
      p:write(".env", ("%s=%s\n"):format(VARIABLE, url()))
      p:ok("upgrade abc123")
      assert.equals("abc123def456\n", p:ok("current").out)
      assert.is_true(p:has_table("users"))
      assert.falsy(p:read("x.db"))
    end)

    it("answers: Can't locate revision identified by", function()
      local run = p:fails(2, "upgrade zzz999", environment)
      assert.truthy(run.err:find("Can't locate revision identified by 'zzz999'", 1, true), run.err)
      ok("upgrade head")
      os.remove(p:path("migrations/versions/789ab1012cde_test.lua"))
      run = p:fails(4, "upgrade head", environment)
      assert.truthy(run.err:find("Can't locate revision identified by '789ab1012cde'", 1, true), run.err)
      assert.truthy(run.err:find("hint:", 1, true), run.err)
      ok("stamp --purge head")
      assert.equals("abc123def456 (head)\n", current())
    end)

    it("answers: the migration was applied and the schema did not change", function()
      p:revision("fff666fff666", "789ab1012cde", 'op.execute("ALTER TABLE nowhere ADD COLUMN x integer")')
      local run = p:fails(1, "upgrade head --verbose", environment)
      assert.truthy(run.err:find("nowhere", 1, true), run.err)
      assert.truthy(run.err:find("fff666fff666", 1, true), run.err)
      assert.equals("789ab1012cde\n", current())
    end)

    it("answers: downgrade() is not there", function()
      local name = p:revision("fff666fff666", "789ab1012cde")
      p:write(name, (p:read(name):gsub("function downgrade.*", "")))
      ok("upgrade head")
      local run = p:fails(1, "downgrade -1", environment)
      assert.truthy(run.err:find("downgrade", 1, true) and run.err:find("fff666fff666", 1, true), run.err)
      assert.equals("fff666fff666 (head)\n", current())
    end)

    it("answers: Can't connect to database", function()
      local wrong = kind == "postgres" and "postgresql://user:pw@127.0.0.1:1/samokoder"
        or "sqlite:////nowhere/at/all/x.db"
      local run = p:fails(6, "upgrade head", { env = { [VARIABLE] = wrong } })
      assert.truthy(run.err:find("Can't connect to database", 1, true), run.err)
      assert.truthy(run.err:find("hint:", 1, true), run.err)
    end)
  end)

  it("takes a second database by the variable, for one command", function()
    local p = moonbird.project("sqlite", "")
    p:write(
      "moonbird.ini",
      ("[moonbird]\nscript_location = %%(here)s/migrations\nurl = ${%s:-sqlite:///x.db}\n"):format(VARIABLE)
    )
    chain(p)
    p:ok("upgrade head")
    assert.equals("789ab1012cde (head)\n", p:ok("current").out)
    local analytics = { env = { [VARIABLE] = "sqlite:///analytics.db" } }
    assert.equals("", p:ok("current", analytics).out)
    p:ok("upgrade abc123", analytics)
    assert.equals("abc123def456\n", p:ok("current", analytics).out)
    assert.equals("789ab1012cde (head)\n", p:ok("current").out)
    p:remove()
  end)
end)
