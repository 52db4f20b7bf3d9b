-- examples/samokoder: the system's guide, command by command, on both databases: nine tables, email verification, and
-- the move of names from two columns to one and back, on data.
local moonbird = require("support.moonbird")
local quote = moonbird.quote

local TABLES = "branches,exec_logs,file_contents,files,project_states,projects,specifications,user_inputs,users"

-- A copy of the example, with the URL in the variable that it reads.
local function copy_of_example(kind)
  local p = moonbird.project(kind)
  moonbird.shell(("cp -r examples/samokoder/. %s && rm -f %s"):format(quote(p.folder), quote(p:path("data.db"))))
  local url = kind == "postgres" and p.url:gsub("^postgresql:", "postgresql+asyncpg:")
    or ("sqlite+aiosqlite:///%s/data.db"):format(p.folder)
  return p, { env = { SAMOKODER_DATABASE_URL = url } }
end

local function without_own(tables)
  local list = {}
  for name in tables:gmatch("[^,]+") do
    list[#list + 1] = not name:find("^moonbird_") and name or nil
  end
  return table.concat(list, ",")
end

local USERS = [[
INSERT INTO users (email, hashed_password, first_name, last_name, created_at) VALUES
  ('ada@example.org', 'x', 'Ada', 'King Lovelace', '2024-12-31 12:00:00'),
  ('plato@example.org', 'x', 'Plato', NULL, '2025-02-01 12:00:00'),
  ('nobody@example.org', 'x', NULL, NULL, '2025-03-01 12:00:00'),
  ('anna@example.org', 'x', 'Анна', 'Ахматова', '2024-06-01 12:00:00')]]

describe("the example samokoder", function()
  moonbird.each_database(describe, pending, function(kind)
    local p, environment
    before_each(function()
      p, environment = copy_of_example(kind)
    end)
    after_each(function()
      p:remove()
    end)

    local function ok(words)
      return p:ok(words, environment).out
    end

    it("upgrades to head, says where it is and how it came there", function()
      assert.equals("", ok("current"))
      ok("upgrade head")
      assert.equals("789ghi012jkl (head)\n", ok("current"))
      assert.equals(
        "abc123def456 -> 789ghi012jkl (head), full name in one column\n"
          .. "456def789ghi -> abc123def456, Add email verification\n"
          .. "<base> -> 456def789ghi, initial tables\n",
        ok("history")
      )
      assert.truthy(ok("history --verbose"):find("Users that were there before 2025 count as verified", 1, true))
      assert.truthy(ok("current --verbose"):find("Rev: 789ghi012jkl (head)\nParent: abc123def456\n", 1, true))
      assert.equals(TABLES, without_own(p:tables()))
    end)

    it("goes to a revision, by steps, back to one and to nothing", function()
      ok("upgrade abc123")
      assert.equals("abc123def456\n", ok("current"))
      ok("upgrade +1")
      ok("downgrade -1")
      assert.equals("abc123def456\n", ok("current"))
      ok("downgrade base")
      ok("upgrade +2")
      assert.equals("abc123def456\n", ok("current"))
      assert.truthy(ok("history -r abc123:head"):find("^abc123def456 %-> 789ghi012jkl"))
      ok("upgrade head")
      ok("downgrade base")
      assert.equals("", without_own(p:tables()))
      if kind == "postgres" then
        assert.equals("0", p:sql("SELECT count(*) FROM pg_type WHERE typtype = 'e'"))
      end
      ok("upgrade head")
    end)

    it("verifies the emails of those who were there before", function()
      ok("upgrade 456def789ghi")
      p:sql(USERS)
      ok("upgrade abc123def456")
      local verified = "SELECT email FROM users WHERE email_verified ORDER BY id"
      assert.equals("ada@example.org\nanna@example.org", p:sql(verified))
      p:sql("INSERT INTO users (email, hashed_password) VALUES ('new@example.org', 'x')")
      assert.equals("1", p:sql("SELECT count(*) FROM users WHERE email = 'new@example.org' AND NOT email_verified"))
      local index = kind == "postgres" and "SELECT count(*) FROM pg_indexes WHERE indexname = 'ix_users_email_verified'"
        or "SELECT count(*) FROM sqlite_schema WHERE name = 'ix_users_email_verified'"
      assert.equals("1", p:sql(index))
      ok("downgrade -1")
      assert.equals("0", p:sql(index))
      assert.is_nil(p:columns("users"):find("email_verified", 1, true))
    end)

    it("moves the names into one column and back, on data", function()
      ok("upgrade abc123")
      p:sql(USERS)
      local names = "SELECT coalesce(first_name, '-') || '|' || coalesce(last_name, '-') FROM users ORDER BY id"
      local before = p:sql(names)
      ok("upgrade head")
      assert.equals(
        "Ada King Lovelace\nPlato\n-\nАнна Ахматова",
        p:sql("SELECT coalesce(full_name, '-') FROM users ORDER BY id")
      )
      assert.is_nil(p:columns("users"):find("first_name", 1, true))
      ok("downgrade -1")
      assert.equals(before, p:sql(names))
      assert.is_nil(p:columns("users"):find("full_name", 1, true))
    end)

    it("keeps what belongs together", function()
      ok("upgrade head")
      local a, b = "00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b"
      local keys = kind == "sqlite" and "PRAGMA foreign_keys = ON;" or ""
      local rows = [[
        INSERT INTO users (email, hashed_password) VALUES ('ada@example.org', 'x');
        INSERT INTO projects (id, user_id, name, folder_name) VALUES ('A', 1, 'Engine', 'engine');
        INSERT INTO branches (id, project_id) VALUES ('A', 'A');
        INSERT INTO specifications (description) VALUES ('computes');
        INSERT INTO project_states (id, branch_id, specification_id) VALUES ('A', 'A', 1);
        INSERT INTO project_states (id, branch_id, specification_id, prev_state_id, step_index)
          VALUES ('B', 'A', 1, 'A', 2);
        INSERT INTO file_contents VALUES ('sum', 'print(1)');
        INSERT INTO files (project_state_id, content_id, path) VALUES ('A', 'sum', 'a.lua'), ('B', 'sum', 'a.lua');
        INSERT INTO user_inputs (branch_id, project_state_id, question) VALUES ('A', 'B', 'why?');
        INSERT INTO exec_logs (branch_id, project_state_id, command) VALUES ('A', 'B', 'make');]]
      p:sql(keys .. rows:gsub("'A'", "'" .. a .. "'"):gsub("'B'", "'" .. b .. "'"))
      p:sql(keys .. ("DELETE FROM project_states WHERE id = '%s'"):format(b))
      assert.equals("1|1|1", p:sql([[
        SELECT (SELECT count(*) FROM files), (SELECT count(*) FROM user_inputs WHERE project_state_id IS NULL),
          (SELECT count(*) FROM exec_logs WHERE project_state_id IS NULL)]]))
      local refused = kind == "sqlite" and "PRAGMA foreign_keys = ON; DELETE FROM file_contents"
        or "DELETE FROM file_contents"
      assert.is_false((pcall(p.sql, p, refused)))
      p:sql(keys .. "DELETE FROM users")
      assert.equals("0|1", p:sql("SELECT (SELECT count(*) FROM files), (SELECT count(*) FROM file_contents)"))
    end)

    it("writes the migration as SQL, which makes the same tables", function()
      p:write("migration.sql", ok("upgrade head --sql"))
      assert.equals("", without_own(p:tables()))
      local file = quote(p:path("migration.sql"))
      local shell = kind == "postgres" and "psql -X -q -v ON_ERROR_STOP=1 " .. quote(p.shell_url)
        or "sqlite3 -bail " .. quote(p:path("data.db"))
      local output, code = moonbird.shell(shell .. " < " .. file)
      assert.equals(0, code, output)
      assert.equals(TABLES, without_own(p:tables()))
      assert.equals("789ghi012jkl (head)\n", ok("current"))
    end)

    it("has models that say what the revisions make, and gets its next revision from them", function()
      p:fails(3, "check", environment)
      ok("upgrade head")
      assert.equals("No new upgrade operations detected.\n", ok("check"))
      local user = p:read("migrations/models/user.lua")
      local phone = '    column("phone", types.varchar(40), { index = true }),\n'
      p:write("migrations/models/user.lua", (user:gsub("    common%.created_at", phone .. "%0")))
      local run = p:fails(3, "check", environment)
      assert.truthy(run.out:find("phone", 1, true), run:describe())
      ok({ "revision", "--autogenerate", "-m", "add a phone" })
      ok("upgrade head")
      assert.truthy(p:columns("users"):find("phone", 1, true))
      assert.equals("No new upgrade operations detected.\n", ok("check"))
      ok("downgrade -1")
      assert.is_nil(p:columns("users"):find("phone", 1, true))
    end)

    it("takes two branches of the work together", function()
      ok("upgrade head")
      ok({ "revision", "-m", "one", "--rev-id", "aaa111" })
      ok({ "revision", "-m", "two", "--rev-id", "bbb222", "--head", "789ghi012jkl", "--splice" })
      assert.equals("aaa111 (head)\nbbb222 (head)\n", ok("heads"))
      p:fails(4, "upgrade head", environment)
      ok({ "merge", "aaa111", "bbb222", "-m", "merge branches", "--rev-id", "ccc333" })
      ok("upgrade head")
      assert.equals("ccc333 (head) (mergepoint)\n", ok("current"))
    end)
  end)

  it("reads its URL from .env, and has a file for development without one", function()
    local p = copy_of_example("sqlite")
    p:ok("upgrade head")
    assert.equals("3", (moonbird.shell("sqlite3 " .. quote(p:path("data/database/samokoder.db")) ..
      " 'SELECT count(*) FROM moonbird_log'"):gsub("\n", "")))
    p:write(".env", "SAMOKODER_DATABASE_URL=sqlite:///analytics.db\n")
    assert.equals("", p:ok("current").out)
    p:ok("upgrade head")
    assert.truthy(p:read("analytics.db"))
    p:remove()
  end)
end)
