-- --sql: the script that upgrade, downgrade, stamp and ensure_version print. It is run by the database's own shell, and
-- must give what the online run of the same revisions gives.
local moonbird = require("support.moonbird")
local quote = moonbird.quote

-- --- running a script ---

-- Gives the script to psql or sqlite3, which must like all of it.
local function apply(p, script)
  moonbird.write_file(p:path("script.sql"), script)
  local path = quote(p:path("script.sql"))
  local command = p.kind == "postgres" and ("psql -X -q -v ON_ERROR_STOP=1 %s -f %s"):format(quote(p.url), path)
    or ("sqlite3 -bail %s <%s"):format(quote(p:path("data.db")), path)
  local text, code = moonbird.shell(command)
  assert(code == 0, ("the shell says: %s\n%s"):format(text, script))
end

-- Tables that only a run with a connection needs.
local function schema_of(p)
  if p.kind == "sqlite" then
    return p:sql([[SELECT type, name, sql FROM sqlite_schema
      WHERE tbl_name NOT LIKE 'moonbird_journal' AND tbl_name NOT LIKE 'moonbird_backfill%' ORDER BY name]])
  end
  local text, code = moonbird.shell(
    ("pg_dump --schema-only --no-owner -T 'moonbird_journal' -T 'moonbird_backfill*' %s"):format(quote(p.url))
  )
  assert(code == 0, text)
  -- two lines of newer releases hold a random word
  return (text:gsub("\\u?n?restrict [^\n]*", ""))
end

local function log_of(p)
  return p:sql("SELECT revision, direction, checksum, algorithm, applied_text, outcome, message FROM moonbird_log"
    .. " ORDER BY started_at, revision, direction")
end

local function versions(p)
  return p:sql("SELECT version_num FROM moonbird_version ORDER BY 1"):gsub("\n", ",")
end

local function has(text, part)
  assert(text:find(part, 1, true), ("%q is not in:\n%s"):format(part, text))
end

local function lacks(text, part)
  assert(not text:find(part, 1, true), ("%q is in:\n%s"):format(part, text))
end

-- Where transactions begin and end, and the revisions between: "BEGIN a1 COMMIT".
local function frame(script)
  local words = {}
  for line in (script .. "\n"):gmatch("(.-)\n") do
    if line:find("^BEGIN") or line == "COMMIT;" then
      words[#words + 1] = line:match("^%u+")
    elseif line:find("^%-%- Running") then
      words[#words + 1] = line:match("%S+$")
    end
  end
  return table.concat(words, " ")
end

local create_people = [[
  op.create_table("people", {
    column("id", types.bigint(), { primary_key = true }),
    column("email", types.varchar(40)),
    column("score", types.double()),
    column("amount", types.numeric()),
    column("active", types.boolean()),
    column("data", types.blob()),
  })
]]

describe("--sql", function()
  moonbird.each_database(describe, pending, function(kind)
    local p, online

    -- The same revisions in two projects: one is upgraded by a connection, one by a script.
    before_each(function()
      p, online = moonbird.project(kind), moonbird.project(kind)
    end)
    after_each(function()
      p:remove()
      online:remove()
    end)

    local function revision(...)
      p:revision(...)
      online:revision(...)
    end

    local function same(query)
      assert.equals(schema_of(online), schema_of(p))
      assert.equals(versions(online), versions(p))
      assert.equals(log_of(online), log_of(p))
      if query then
        local rows = online:sql(query)
        assert.truthy(rows ~= "", "the online run made no rows")
        assert.equals(rows, p:sql(query))
      end
    end

    local function two_tables()
      revision("a1", nil, create_people, 'op.drop_table("people")')
      revision("b2", "a1", 'op.create_index("ix_email", "people", { "email" })', 'op.drop_index("ix_email")')
    end

    it("writes an upgrade that gives schema and rows of the online run", function()
      revision(
        "a1",
        nil,
        create_people
          .. [[
  op.bulk_insert("people", {
    { id = 1, email = "it's ? :x", score = 0.1 + 0.2, amount = 19.99, active = true, data = blob "\0\1'" },
    { id = -2, email = null, score = -1.5, amount = 0.1 + 0.2, active = false },
  })
  db:exec("INSERT INTO people (id, email, score) VALUES (:id, ':id -- /* x', :score) -- :no parameter", {
    id = math.mininteger, score = 1e300,
  })
  db:exec("INSERT INTO people (id, email) VALUES (?, '?') /* ? */", 7)
  op.execute("UPDATE people SET email = 'a:b?' WHERE id = 7;")
  db:exec("UPDATE people SET score = 3-? WHERE id = ?", -4, 7)
  db:exec("UPDATE people SET email = ? WHERE id = ?;", "line\none;\n\n-- Running", -2)
]],
        'op.drop_table("people")'
      )
      revision("b2", "a1", 'op.create_index("ix_email", "people", { "email" })', 'op.drop_index("ix_email")')
      online:ok("upgrade head")
      apply(p, p:ok("upgrade head --sql").out)
      same("SELECT * FROM people ORDER BY id")
      assert.equals("", p:ok("upgrade head").out)
    end)

    it("needs no database: neither server nor file", function()
      two_tables()
      local url = kind == "postgres" and "postgresql://nobody@nowhere.invalid:1/nothing" or "sqlite:////no/such/x.db"
      local run = p:ok("--url " .. url .. " upgrade head --sql")
      has(run.out, "CREATE TABLE people")
      assert.equals("", run.err)
      if kind == "sqlite" then
        p:ok("upgrade head --sql")
        assert.is_nil(p:read("data.db"))
      end
    end)

    it("goes from base, or from what stands before the colon", function()
      two_tables()
      assert.equals("BEGIN a1 COMMIT", frame(p:ok("upgrade a1 --sql").out))
      local part = p:ok("upgrade a1:head --sql").out
      has(part, "-- Running upgrade a1 -> b2\n\n")
      lacks(part, "CREATE TABLE people")
      lacks(part, "TABLE IF NOT EXISTS moonbird_version")
      has(p:ok("upgrade base:+1 --sql").out, "-- Running upgrade  -> a1\n\n")
      assert.equals(part, p:ok("upgrade a1:+1 --sql").out)
      assert.equals(part, p:ok("upgrade a1: --sql").out)
      assert.equals("", p:ok("upgrade b2:head --sql").out)
      apply(p, p:ok("upgrade a1 --sql").out)
      apply(p, part)
      online:ok("upgrade head")
      same()
    end)

    it("writes a downgrade, and wants to know from where", function()
      two_tables()
      for _, words in ipairs({ "downgrade base --sql", "downgrade -1 --sql", "downgrade :a1 --sql", "down --sql" }) do
        has(p:fails(2, words).err, "downgrade with --sql requires <fromrev>:<torev>")
      end
      online:ok("upgrade head")
      online:ok("downgrade a1")
      p:ok("upgrade head")
      local script = p:ok("downgrade head:a1 --sql").out
      has(script, "-- Running downgrade b2 -> a1\n\n")
      apply(p, script)
      same()
      online:ok("downgrade base")
      script = p:ok("downgrade a1:base --sql").out
      has(script, "-- Running downgrade a1 -> \n\n")
      apply(p, script)
      same()
      apply(p, p:ok("upgrade head --sql").out)
      online:ok("upgrade head")
      same()
    end)

    it("refuses a range without --sql", function()
      two_tables()
      has(p:fails(2, "upgrade a1:b2").err, "Range revision not allowed")
      has(p:fails(2, "downgrade b2:a1").err, "Range revision not allowed")
      has(p:fails(2, "stamp a1:b2").err, "Range revision not allowed")
    end)

    it("writes a stamp", function()
      two_tables()
      online:ok("stamp a1")
      apply(p, p:ok("stamp a1 --sql").out)
      same()
      online:ok("stamp head")
      local script = p:ok("stamp a1:head --sql").out
      has(script, "-- Running stamp_revision a1 -> b2\n\n")
      apply(p, script)
      same()
      has(p:fails(2, "stamp head --sql --purge").err, "Can't use --purge with --sql mode")
      local run = p:fails(2, "stamp a1:b2 base:a1 --sql")
      has(run.err, "Stamp operation with --sql only supports a single starting revision at a time")
      assert.equals("", run.out)
    end)

    it("makes the version table and nothing else, by a connection or a script", function()
      two_tables()
      online:ok("ensure_version")
      assert.equals("moonbird_version", online:tables())
      online:ok("ensure-version")
      local script = p:ok("ensure_version --sql").out
      apply(p, script)
      apply(p, script)
      assert.equals("moonbird_version", p:tables())
      assert.equals(schema_of(online), schema_of(p))
      online:ok("upgrade head")
      online:ok("ensure_version")
      assert.equals("b2", versions(online))
    end)

    it("begins and commits as the runs do", function()
      two_tables()
      revision("c3", "b2", 'db:exec("UPDATE people SET email = NULL")', "", { header = "transaction = false" })
      local script = p:ok("upgrade a1:c3 --sql").out
      assert.equals("BEGIN b2 COMMIT c3 BEGIN COMMIT", frame(script))
      apply(p, p:ok("upgrade a1 --sql").out .. script)
      online:ok("upgrade head")
      same()
      local ini = p:read("moonbird.ini")
      p:write("moonbird.ini", ini .. "transaction_per_migration = false\n")
      assert.equals("BEGIN a1 b2 COMMIT", frame(p:ok("upgrade b2 --sql").out))
      assert.equals("BEGIN a1 b2 COMMIT c3 BEGIN COMMIT", frame(p:ok("upgrade c3 --sql").out))
    end)

    it("keeps together without a transaction what a run keeps together", function()
      revision(
        "a1",
        nil,
        'op.create_table("t", { column("a", types.integer(), { index = true }) })\n'
          .. 'db:exec("INSERT INTO t VALUES (1)")\n'
          .. 'db:exec("INSERT INTO t VALUES (2); INSERT INTO t VALUES (3)")\n'
          .. 'db:transaction(function() db:exec("INSERT INTO t VALUES (4)") end)\n'
          .. "pcall(function() db:transaction(function() db:exec('INSERT INTO t VALUES (5)') error('x') end) end)",
        "",
        { header = "transaction = false" }
      )
      local script = p:ok("upgrade head --sql").out
      local _, pairs_written = script:gsub("\nBEGIN[^\n]*;\n", "")
      assert.equals(5, pairs_written) -- table and index; two inserts; two blocks; version and log
      lacks(script:match("^(.-)INSERT INTO t VALUES %(1%)"):match("COMMIT;(.*)$"), "BEGIN")
      apply(p, script)
      online:ok("upgrade head")
      same("SELECT a FROM t ORDER BY a")
      assert.equals("4", p:sql("SELECT count(*) FROM t"))
    end)

    it("ends each statement with one semicolon and a blank line", function()
      p:revision(
        "a1",
        nil,
        'db:exec("CREATE TABLE one (a integer);")\n'
          .. 'db:exec("  CREATE TABLE two (a integer) ; -- with words; \\n")\n'
          .. 'db:exec("CREATE TABLE three (a integer) -- words; and\\n;; \\n")\n'
          .. 'db:exec("CREATE TABLE four (a text DEFAULT \';\')")',
        ""
      )
      local script = p:ok("upgrade head --sql").out
      has(script, "CREATE TABLE one (a integer);\n\nCREATE TABLE two (a integer);  -- with words;\n\n")
      has(script, "\n\nCREATE TABLE three (a integer); -- words; and\n\nCREATE TABLE four (a text DEFAULT ';');\n\n")
      lacks(script:match("^(.-)moonbird_version"), ";;")
      apply(p, script)
      assert.is_true(p:has_table("four"))
    end)

    it("writes the statements of .sql revisions with their comments", function()
      local body = "CREATE TABLE t (a text);\n\n  INSERT INTO t VALUES ('x?:y;');  -- ? :z\n"
      local header = "-- revision: a1\n-- down_revision:\n\n-- migrate:up\n"
      local text = header .. body .. "\n-- migrate:down\nDROP TABLE t\n"
      p:write("migrations/versions/a1_t.sql", text)
      online:write("migrations/versions/a1_t.sql", text)
      local script = p:ok("upgrade head --sql").out
      has(script, "-- Running upgrade  -> a1\n\nCREATE TABLE t (a text);\n\n")
      has(script, "\n\nINSERT INTO t VALUES ('x?:y;');  -- ? :z\n\n")
      apply(p, script)
      online:ok("upgrade head")
      same("SELECT a FROM t")
      script = p:ok("downgrade a1:base --sql").out
      has(script, "\n\nDROP TABLE t;\n\n")
      apply(p, script)
      assert.is_false(p:has_table("t"))
    end)

    it("refuses queries by their names, and prints nothing", function()
      two_tables()
      for name, call in pairs({
        query = 'db:query("SELECT 1")',
        rows = 'for _ in db:rows("SELECT 1") do end',
        one = 'db:one("SELECT 1")',
        scalar = 'db:scalar("SELECT 1")',
      }) do
        p:revision("c3", "b2", 'db:exec("UPDATE people SET email = NULL")\n' .. call, "")
        local run = p:fails(1, "upgrade head --sql")
        assert.equals("", run.out)
        has(run.err, "db:" .. name)
        has(run.err, "cannot be written as SQL")
        has(run.err, "if not context.offline")
        has(run.err, "c3_test.lua:8: in function 'upgrade'")
        p:revision("c3", "b2", "if not context.offline then " .. call .. " end", "")
        p:ok("upgrade head --sql")
      end
    end)

    it("passes verify() over, which has nothing to look at", function()
      p:revision("a1", nil, create_people, "", { before = 'function verify() db:scalar("SELECT 1") end' })
      has(p:ok("upgrade head --sql").out, "CREATE TABLE people")
    end)

    it("refuses a backfill that is a program, before anything is printed", function()
      two_tables()
      for _, form in ipairs({ "row", "batch" }) do
        p:revision(
          "c3",
          "b2",
          ('op.backfill { table = "people", %s = function() return nil end }'):format(form),
          ""
        )
        local run = p:fails(1, "upgrade head --sql")
        assert.equals("", run.out)
        has(run.err, "backfill people (" .. form)
        has(run.err, "c3_test.lua:7-7")
      end
    end)

    local function fill(project, rows)
      project:sql(
        "INSERT INTO people (id, email, amount) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
          .. (" WHERE i < %d) SELECT i * 3, 'USER' || i, 0 FROM n"):format(rows)
      )
    end

    it("writes a backfill with `set`, which gives the same rows", function()
      two_tables()
      local set = [[op.backfill {
        table = "people", size = 10, where = [=[id <> 9 AND email <> 'x?
   y']=],
        set = { email = sql "lower(email)", amount = 2.5 },
      }]]
      revision("c3", "b2", set, "")
      for _, project in ipairs({ p, online }) do
        project:ok("upgrade b2")
        fill(project, 95)
      end
      online:ok("upgrade c3")
      -- the key is known from the table that the script makes
      local script = p:ok("upgrade c3 --sql").out
      apply(p, script:match("COMMIT;\n\nBEGIN[^\n]*;\n\n%-%- Running upgrade a1 %-> b2.-COMMIT;\n\n(.*)$"))
      same("SELECT id, email, amount FROM people ORDER BY id")
      assert.equals("94", p:sql("SELECT count(*) FROM people WHERE email LIKE 'user%' AND amount = 2.5"))
      if kind == "sqlite" then
        has(script, "-- backfill people (set), in one statement\nUPDATE people SET ")
      else
        has(script, "COMMIT;\n\n-- backfill people (set), in batches of 10 rows, outside of a transaction\nDO $moon")
        has(script, "$moonbird$;\n\nBEGIN;\n\nUPDATE moonbird_version")
      end
    end)

    it("passes over a backfill of an empty table", function()
      two_tables()
      revision("c3", "b2", 'op.backfill { table = "people", set = { email = "x" } }', "")
      apply(p, p:ok("upgrade c3 --sql").out)
      online:ok("upgrade c3")
      same()
    end)

    it("writes a backfill by a key of two columns", function()
      revision("a1", nil, [[
        op.create_table("Pairs", { column("a", types.integer()), column("B", types.text()), column("c", types.json()),
          primary_key { "a", "B" } })]], "")
      revision("b2", "a1", 'op.backfill { table = "Pairs", size = 2, set = { c = sql "\'{\\"x\\": 1}\'" } }', "")
      for _, project in ipairs({ p, online }) do
        project:ok("upgrade a1")
        project:sql(
          [[INSERT INTO "Pairs" VALUES (1, 'a', '1'), (1, 'b', '2'), (1, 'c', '3'), (2, 'a', '4'), (3, 'a', NULL)]]
        )
      end
      online:ok("upgrade b2")
      apply(p, p:ok("upgrade b2 --sql").out:match("COMMIT;\n\n(.*)$"))
      same([[SELECT a, "B", c FROM "Pairs" ORDER BY 1, 2]])
    end)

    it("wants a key for a backfill where no script says it", function()
      two_tables()
      p:revision("c3", "b2", 'op.backfill { table = "people", set = { email = "x" } }', "")
      if kind == "sqlite" then
        p:ok("upgrade b2:c3 --sql")
      else
        local run = p:fails(1, "upgrade b2:c3 --sql")
        has(run.err, "op.backfill of people")
        has(run.err, "`key`")
        assert.equals("", run.out)
      end
      p:revision("c3", "b2", 'op.backfill { table = "people", key = "id", set = { email = "x" } }', "")
      p:ok("upgrade b2:c3 --sql")
      p:revision("c3", "b2", 'op.backfill { table = "people", key = "id", set = { id = 1 } }', "")
      has(p:fails(1, "upgrade b2:c3 --sql").err, "set must not change the key column id")
    end)

    it("refuses a value that has no SQL form, and parameters that do not fit", function()
      two_tables()
      for call, message in pairs({
        ['db:exec("SELECT ?", {1, 2})'] = "the SQL has 1 placeholders, but 2 values were given",
        ['db:exec("SELECT :a", {b = 1})'] = "the SQL has a parameter :a, but the table has no such field",
        ['db:exec("SELECT ?", print)'] = "parameter 1 is a function, which has no SQL form",
        ['db:exec("SELECT ?", "a\\0b")'] = "NUL byte",
        ['db:exec("SELECT 1\\0")'] = "NUL byte",
      }) do
        p:revision("c3", "b2", call, "")
        local run = p:fails(1, "upgrade b2:c3 --sql")
        has(run.err, message)
        assert.equals("", run.out)
      end
    end)

    it("puts lines of scripts on stderr", function()
      p:revision("a1", nil, 'print("one", context.offline) log.warn("two")', "")
      local run = p:ok("upgrade head --sql")
      has(run.err, "one\ttrue")
      has(run.err, "two")
      lacks(run.out:match("^(.-)moonbird_log"), "two")
    end)

    it("lets scripts and env.lua see --tag", function()
      local env = 'log.info("env sees", context.tag, context.x.a, context.offline)\n'
        .. 'return { before_each = function(c) log.info("hook sees", c.tag) end }'
      p:write("migrations/env.lua", env)
      p:revision("a1", nil, 'log.info("script sees", context.tag)', "")
      for _, words in ipairs({ "-x a=b upgrade head --sql --tag T1", "-x a=b upgrade head --tag T1" }) do
        local run = p:ok(words)
        local offline = words:find("--sql", 1, true) ~= nil
        has(run.err, ("env sees\tT1\tb\t%s"):format(offline))
        has(run.err, "hook sees\tT1")
        has(run.err, "script sees\tT1")
      end
      p:write("migrations/env.lua", "log.info('tag is', context.tag) return {}")
      has(p:ok("downgrade base").err, "tag is\tnil")
    end)

    it("writes what hooks of env.lua do, and refuses their queries", function()
      local env = 'return { before_each = function(_, db) db:%s("SELECT ?", 5) end }'
      p:write("migrations/env.lua", env:format("exec"))
      p:revision("a1", nil, "", "")
      has(p:ok("upgrade head --sql").out, "\n\nSELECT 5;\n\n")
      p:write("migrations/env.lua", env:format("scalar"))
      has(p:fails(1, "upgrade head --sql").err, "db:scalar")
    end)

    it("asks for no consent: a script changes nothing", function()
      two_tables()
      p:write("moonbird.ini", p:read("moonbird.ini") .. "environment = protected\n")
      has(p:ok("downgrade head:base --sql").out, "DROP TABLE people")
      p:fails(2, "downgrade base")
    end)

    it("gives the script as one event with --json", function()
      two_tables()
      local out = p:ok("upgrade head --sql --json").out
      assert.equals('{"event":"script","sql":"BEGIN', out:match("^.-BEGIN"))
      assert.equals(1, select(2, out:gsub("\n", "")))
    end)

    it("writes merges and branches with all their rows", function()
      revision("a1", nil, "", "")
      revision("b1", "a1", "", "")
      revision("b2", "a1", "", "")
      revision("m1", { "b1", "b2" }, "", "")
      local script = p:ok("upgrade heads --sql").out
      has(script, "-- Running upgrade b1, b2 -> m1\n\n")
      online:ok("upgrade heads")
      apply(p, script)
      assert.equals(versions(online), versions(p))
      script = p:ok("downgrade m1:b1 --sql").out
      has(script, "-- Running downgrade m1 -> b1, b2\n\n")
      online:ok("downgrade b1")
      apply(p, script)
      assert.equals(versions(online), versions(p))
    end)

    it("refuses what depends on the database", function()
      revision("a1", nil, create_people, "")
      p:revision(
        "b2",
        "a1",
        'op.add_column("people", column("x", types.text()), { if_not_exists = true })\n'
          .. '  op.add_column("people", column("x", types.text()), { if_not_exists = true })\n'
          .. '  op.drop_column("people", "y", { if_exists = true })',
        ""
      )
      if kind == "sqlite" then
        -- of a table that the script has made, it knows
        local _, count = p:ok("upgrade head --sql").out:gsub("ALTER TABLE people ADD COLUMN x", "")
        assert.equals(1, count)
        local run = p:fails(1, "upgrade a1:head --sql")
        has(run.err, "add_column people.x")
        has(run.err, "if_not_exists")
        assert.equals("", run.out)
      else
        has(p:ok("upgrade head --sql").out, "ADD COLUMN IF NOT EXISTS x")
      end
    end)

    it("does not take a table for known that may have been there before", function()
      revision("a1", nil, [[
        op.create_table("t", { column("a", types.integer()) }, { if_not_exists = true })
        op.alter_column("t", "a", { nullable = false })
      ]], "")
      if kind == "sqlite" then
        -- of the one that is there, all other columns would be lost
        has(p:fails(1, "upgrade head --sql").err, "the table t must be made anew for that")
        p:sql("CREATE TABLE t (a INTEGER, b TEXT)")
        p:ok("upgrade head")
        assert.equals("a,b", p:columns("t"))
      else
        has(p:ok("upgrade head --sql").out, "SET NOT NULL")
      end
    end)
  end)
end)
