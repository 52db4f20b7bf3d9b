-- What goes wrong around the program: several runners, a wrong password, a server that is gone, a file that may not be
-- written, a full disk, broken revisions. One clear message each, and nothing half done afterwards.
local moonbird = require("support.moonbird")

local function is_root()
  return moonbird.shell("id -u"):match("%d+") == "0"
end

local function versions(p)
  return p:has_table("moonbird_version") and p:sql("SELECT version_num FROM moonbird_version") or ""
end

-- Lua that makes the file "begun" and then works for so many seconds.
local function busy(p, seconds)
  return ('io.open("%s/begun", "w"):close() local stop = os.clock() + %s while os.clock() < stop do end'):format(
    p.folder,
    seconds
  )
end

describe("runners", function()
  moonbird.each_database(describe, pending, function(kind)
    local p
    before_each(function()
      p = moonbird.project(kind)
    end)
    after_each(function()
      p:remove()
    end)

    it("eight at once on an empty database apply each revision once", function()
      p:revision("a1", nil, [[
  op.create_table("people", {
    column("id", types.integer(), { primary_key = true }), column("counter", types.integer()),
  })
  for i = 1, 200 do db:exec("INSERT INTO people VALUES (?, 0)", i) end]])
      p:revision("b2", "a1", [[op.backfill { table = "people", size = 50, row = function(r)
    return { counter = r.counter + 1 }
  end }]])
      p:revision("c3", "b2", 'db:exec("INSERT INTO people VALUES (1000, 1)")')
      local runs = {}
      for i = 1, 8 do
        runs[i] = p:start("upgrade head")
      end
      local applied = 0
      for _, run in ipairs(runs) do
        run:wait(60)
        assert.equals(0, run.code, run:describe())
        applied = applied + select(2, run.err:gsub("  ok  ", ""))
      end
      assert.equals(3, applied)
      assert.equals("c3", versions(p))
      assert.equals("201|1|1", p:sql("SELECT count(*), min(counter), max(counter) FROM people"))
      assert.equals("3", p:sql("SELECT count(*) FROM moonbird_log WHERE outcome = 'done'"))
    end)

    if kind == "postgres" then
      it("wait for the disk at the last revision of a run, which makes those before it lasting", function()
        local look = 'io.write(db:scalar("SHOW synchronous_commit"), "\\n")'
        p:revision("a1", nil, look)
        p:revision("b2", "a1", look)
        p:revision("c3", "b2", look, look)
        p:revision("d4", "c3", look, look)
        assert.equals("off\noff\non\n", p:ok("upgrade c3").out)
        assert.equals("on\n", p:ok("upgrade head").out)
        assert.equals("off\non\n", p:ok("downgrade -2").out)
        p:revision("d4", "c3", look, look, { header = 'requires_backfill = "nobody"' })
        p:revision("c3", "b2", look, look)
        assert.equals("on\n", p:fails(3, "upgrade head").out)
      end)
    end

    it("wait for each other, say for whom, and give up with exit code 5", function()
      p:revision("a1", nil, busy(p, 2.5))
      local first = p:start("upgrade head")
      moonbird.wait_until("the first", 10, function()
        return p:read("begun") ~= nil
      end)
      local second = p:fails(5, "upgrade head --lock-timeout 0.5")
      assert.truthy(second.err:lower():find("lock", 1, true), second.err)
      assert.truthy(second.err:find("pid %d+") or second.err:find("process %d+"), second.err)
      local third = p:ok("upgrade head")
      assert.falsy(third.err:find("  ok  ", 1, true), third.err)
      assert.equals(0, first:wait().code)
      assert.equals("1", p:sql("SELECT count(*) FROM moonbird_log"))
    end)

    it("may look while another one works", function()
      p:revision("a1", nil)
      p:ok("upgrade head")
      p:revision("b2", "a1", busy(p, 2))
      local first = p:start("upgrade head")
      moonbird.wait_until("the first", 10, function()
        return p:read("begun") ~= nil
      end)
      assert.equals("a1\n", p:ok("current").out)
      assert.is_true(first:is_running())
      p:ok("upgrade a1") -- nothing to do, so no lock is asked for
      assert.is_true(first:is_running())
      assert.equals(0, first:wait().code)
    end)
  end)
end)

describe("a broken revision", function()
  moonbird.each_database(describe, pending, function(kind)
    local p
    before_each(function()
      p = moonbird.project(kind)
      p:revision("a1", nil, 'op.create_table("one", { column("id", types.integer()) })')
    end)
    after_each(function()
      p:remove()
    end)

    it("with a syntax error stops everything before it begins", function()
      p:revision("b2", "a1", "\n  this is not Lua")
      local run = p:fails(1, "upgrade head")
      assert.truthy(run.err:find("b2_test.lua:8", 1, true), run.err)
      assert.is_false(p:has_table("one"))
      assert.equals("", versions(p))
    end)

    it("with an error of SQL is rolled back as a whole; those before it stay", function()
      p:revision("b2", "a1", [[
  op.create_table("two", { column("id", types.integer()) })
  db:exec("INSERT INTO two VALUES (1)")
  db:exec("INSERT INTO no_such_table VALUES (1)")]])
      local run = p:fails(1, "upgrade head")
      assert.truthy(run.err:find("no_such_table", 1, true), run.err)
      assert.truthy(run.err:find("b2_test.lua:9", 1, true), run.err)
      assert.truthy(run.err:find("42P01", 1, true), run.err)
      assert.truthy(run.err:find("INSERT INTO no_such_table", 1, true), run.err)
      assert.is_false(p:has_table("two"))
      assert.equals("a1", versions(p))
      -- no "ok" for it, one for the other
      assert.truthy(run.err:find("a1 [^\n]*  ok"), run.err)
      assert.falsy(run.err:find("b2 [^\n]*  ok"), run.err)
    end)

    it("with an error of Lua shows the traceback in the terms of the script", function()
      p:revision(
        "b2",
        "a1",
        "  helper(nil)",
        nil,
        { before = "local function helper(name)\n  return name.first\nend\n" }
      )
      local run = p:fails(1, "upgrade head")
      assert.truthy(run.err:find("b2_test.lua:6", 1, true), run.err)
      assert.truthy(run.err:find("b2_test.lua:10", 1, true), run.err)
      assert.falsy(run.err:find("moonbird/", 1, true), run.err)
      assert.falsy(run.err:find("[C]", 1, true), run.err)
    end)

    it("is rolled back together with all others when they share a transaction", function()
      p:remove()
      p = moonbird.project(kind, "transaction_per_migration = false\n")
      p:revision("a1", nil, 'op.create_table("one", { column("id", types.integer()) })')
      p:revision("b2", "a1", 'error("no")')
      local run = p:fails(1, "upgrade head")
      assert.is_false(p:has_table("one"))
      assert.equals("", versions(p))
      assert.falsy(run.err:find("  ok  ", 1, true), run.err)
      p:revision("b2", "a1")
      p:ok("upgrade head")
      assert.equals("b2", versions(p))
    end)

    it("whose verify() fails is rolled back", function()
      p:revision("b2", "a1", 'db:exec("INSERT INTO one VALUES (1)")', nil, {
        before = 'function verify()\n  assert(db:scalar("SELECT count(*) FROM one") == 2, "expected two")\nend',
      })
      assert.truthy(p:fails(1, "upgrade head").err:find("expected two", 1, true))
      assert.equals("0", p:sql("SELECT count(*) FROM one"))
      assert.equals("a1", versions(p))
    end)

    it("without downgrade() says so", function()
      p:write("migrations/versions/b2_x.lua", '--- X\nrevision = "b2"\ndown_revision = "a1"\nfunction upgrade() end\n')
      p:ok("upgrade head")
      assert.truthy(p:fails(1, "downgrade -1").err:find("downgrade", 1, true))
      assert.equals("b2", versions(p))
    end)
  end)
end)

describe("a wrong call", function()
  local cases = {
    { 'op.add_column("people", "name")', "column" },
    { 'op.create_table("t", { column("id", types.integr()) })', "integr" },
    { 'op.create_table("t", { column("id", types.integer(), { nulable = false }) })', "nulable" },
    { 'op.create_table("t", { column("id", "integer") })', "type" },
    { 'op.drop_table()', "table" },
    { 'op.drop_table(nil)', "table" },
    { 'op.creat_table("t", {})', "creat_table" },
    { 'op.create_index("i", "t", { "x" }, { unqiue = true })', "unqiue" },
    { 'op.rename_table("t", 5)', "op.rename_table" },
    { 'op.bulk_insert("t", { 1, 2 })', "op.bulk_insert" },
    { "op.execute(5)", "op.execute" },
    { "db:exec()", "db:exec" },
    { 'db:query("SELECT ?")', "placeholder" },
    { 'db:query("SELECT ?", {}, 2)', "a1_test.lua" },
    { 'db:transaction("x")', "db:transaction" },
  }
  for _, case in ipairs(cases) do
    it("is an error at its line: " .. case[1], function()
      local p = moonbird.project("sqlite")
      p:revision("a1", nil, "  local x = 1\n  " .. case[1] .. "\n  return x")
      local run = p:fails(1, "upgrade head")
      assert.truthy(run.err:find("a1_test.lua:8", 1, true), run.err)
      assert.truthy(run.err:find(case[2], 1, true), run.err)
      assert.is_false(p:has_table("t"))
      p:remove()
    end)
  end
end)

describe("a database that cannot be reached", function()
  local p
  after_each(function()
    p:remove()
  end)

  local server = moonbird.postgres_url
  local it_with_server = server and it or pending

  it_with_server("for a wrong password, says so and exits 6", function()
    p = moonbird.project("postgres")
    p:revision("a1", nil)
    local url = p.url:gsub(":[^:@]+@", ":wrong-secret@")
    local run = p:fails(6, { "--url", url, "upgrade", "head" }, { secrets = { "wrong-secret" } })
    assert.truthy(run.err:find("Can't connect to database", 1, true), run.err)
    assert.truthy(run.err:find("password authentication failed", 1, true), run.err)
    assert.equals("", versions(p))
  end)

  it_with_server("for a database that does not exist, says so", function()
    p = moonbird.project("postgres")
    p:revision("a1", nil)
    local run = p:fails(6, { "--url", (p.url:gsub("[^/]*$", "no_such_db")), "current" })
    assert.truthy(run.err:find("no_such_db", 1, true), run.err)
  end)

  it("for a server that is not there, says so and exits 6", function()
    p = moonbird.project("sqlite")
    p:revision("a1", nil)
    for _, words in ipairs({ "upgrade head", "current", "downgrade base --yes" }) do
      local url = "--url postgresql://u:hidden-word@127.0.0.1:1/x "
      local run = p:fails(6, url .. words, { secrets = { "hidden-word" } })
      assert.truthy(run.err:find("Can't connect to database", 1, true), run.err)
      assert.falsy(run.err:find("pooler", 1, true), run.err)
      assert.truthy(run.err:find("127.0.0.1", 1, true), run.err)
      assert.is_true(select(2, run.err:gsub("error:", "")) == 1, run.err)
    end
  end)

  it_with_server("because the server ended the connection in the middle, says so and leaves nothing", function()
    p = moonbird.project("postgres")
    p:revision("a1", nil, 'op.create_table("t", { column("id", types.integer()) }) db:query("SELECT pg_sleep(20)")')
    local run = p:start("upgrade head")
    moonbird.wait_until("the statement", 10, function()
      return p:sql("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        .. " AND query LIKE '%pg_sleep(20)%' AND pid <> pg_backend_pid()") == "1"
    end)
    p:sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
      .. " AND query LIKE '%pg_sleep(20)%' AND pid <> pg_backend_pid()")
    run:wait(10)
    assert.is_true(run.code == 1 or run.code == 6, run:describe())
    assert.truthy(run.err:find("error:", 1, true), run.err)
    assert.equals("", p:tables())
  end)

  it_with_server("because all connections were ended within a backfill, goes on when it is run again", function()
    p = moonbird.project("postgres")
    p:people(200)
    p:revision("a1", nil, [[op.backfill { table = "people", size = 20, row = function(r)
      local stop = os.clock() + 0.01
      while os.clock() < stop do end
      return { counter = r.counter + 1 }
    end }]])
    local run = p:start("upgrade head")
    moonbird.wait_until("a batch", 20, function()
      return tonumber(p:sql("SELECT sum(counter) FROM people")) >= 40
    end)
    p:sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
      .. " AND pid <> pg_backend_pid()")
    run:wait(30)
    assert.is_true(run.code == 0 or run.code == 7 or run.code == 6, run:describe())
    p:ok("upgrade head")
    assert.equals("1|1", p:sql("SELECT min(counter), max(counter) FROM people"))
  end)

  it_with_server("for want of a right to create tables, says so and leaves nothing", function()
    p = moonbird.project("postgres")
    p:revision("a1", nil)
    local role = p.database .. "_reader"
    p:sql(("CREATE ROLE %s LOGIN PASSWORD 'another-secret'"):format(role))
    local url = p.url:gsub("//.-@", "//" .. role .. ":another-secret@")
    local run = p:run({ "--url", url, "upgrade", "head" }, { secrets = { "another-secret" } })
    local look = p:run({ "--url", url, "current" }, { secrets = { "another-secret" } })
    local brake = p:run({ "--url", url, "backfill", "throttle", "--all", "5m" }, { secrets = { "another-secret" } })
    local tables = p:tables()
    p:sql("DROP ROLE " .. role)
    for _, refused in ipairs({ run, brake }) do
      assert.equals(1, refused.code, refused:describe())
      assert.truthy(refused.err:find("permission denied", 1, true), refused.err)
      assert.truthy(refused.err:find("hint: the state is kept in tables of Moonbird's own", 1, true), refused.err)
    end
    assert.equals("", tables)
    assert.equals(0, look.code, look:describe())
  end)

  it("because there is no driver for it, lists every place that was tried", function()
    p = moonbird.project("sqlite")
    local run = p:run("--url oracle://u@h/x current", { env = { MOONBIRD_DRIVER_PATH = "/nowhere" } })
    assert.is_true(run.code == 2 or run.code == 6, run:describe())
    assert.truthy(run.err:find("oracle", 1, true), run.err)
    assert.truthy(run.err:find("/nowhere", 1, true), run.err)
  end)

  it("because its folder does not exist, says so and exits 6", function()
    p = moonbird.project("sqlite")
    p:revision("a1", nil)
    local run = p:fails(6, "--url sqlite:///no/such/folder/x.db upgrade head")
    assert.truthy(run.err:find("no/such/folder/x.db", 1, true), run.err)
  end)

  it("because it is no database, says so", function()
    p = moonbird.project("sqlite")
    p:revision("a1", nil)
    p:write("data.db", ("This is a letter, not a database. "):rep(100))
    local run = p:run("upgrade head")
    assert.is_true(run.code == 6 or run.code == 1, run:describe())
    assert.truthy(run.err:find("not a .*database"), run.err)
    assert.truthy(run.err:find("data.db", 1, true), run.err)
  end)
end)

describe("a SQLite file", function()
  local p
  before_each(function()
    p = moonbird.project("sqlite")
    p:revision("a1", nil, 'op.create_table("one", { column("id", types.integer()) })')
    p:revision("b2", "a1", 'op.create_table("two", { column("id", types.integer()) })')
  end)
  after_each(function()
    p:remove()
  end)

  it("is not made by a command that only looks", function()
    p:ok("current")
    assert.is_nil(p:read("data.db"))
  end)

  it("that may not be written is read by current, and refused by upgrade", function()
    p:ok("upgrade a1")
    moonbird.shell(("chmod a-w %s %s"):format(p:path("data.db"), p.folder))
    -- root may write everything: then another user looks
    local before = is_root() and "setpriv --reuid 65534 --regid 65534 --clear-groups" or nil
    if is_root() then
      moonbird.shell("chmod a+rx " .. p.folder .. "; chmod -R a+rX " .. p.folder)
      local _, code = moonbird.shell(before .. " test -x " .. moonbird.quote(moonbird.program))
      if code ~= 0 then
        pending("the program is in a folder that other users cannot enter")
        return
      end
    end
    local look = p:ok("current", { before = before })
    assert.equals("a1\n", look.out)
    local run = p:run("upgrade head", { before = before })
    assert.is_true(run.code == 1 or run.code == 6, run:describe())
    assert.truthy(run.err:lower():find("read%-?only") or run.err:find("write permission", 1, true), run.err)
    moonbird.shell(("chmod u+w %s %s"):format(p:path("data.db"), p.folder))
    assert.equals("a1", versions(p))
    assert.is_false(p:has_table("two"))
  end)

  -- A disk that is full: a small tmpfs where mounting is allowed; else a limit on the size of files, which SQLite meets
  -- as an error of writing.
  it("on a full disk is left as it was, with one clear message", function()
    p:revision("c3", "b2", [[
  op.create_table("big", { column("text", types.text()) })
  for _ = 1, 200 do db:exec("INSERT INTO big VALUES (?)", ("x"):rep(100000)) end]])
    local disk = p:path("disk")
    os.execute("mkdir " .. disk)
    local mounted = os.execute(("mount -t tmpfs -o size=2m none %s 2>/dev/null"):format(disk)) == true
    local options = { timeout = 60 }
    if not mounted then
      options.shell = "trap '' XFSZ; ulimit -f 2048"
    end
    local url = "sqlite:///disk/data.db"
    p:ok({ "--url", url, "upgrade", "b2" })
    local run = p:run({ "--url", url, "upgrade", "head" }, options)
    local file = moonbird.quote(disk .. "/data.db")
    local version = moonbird.shell("sqlite3 " .. file .. " 'SELECT version_num FROM moonbird_version'")
    local tables = moonbird.shell("sqlite3 " .. file .. " .tables")
    local check = moonbird.shell("sqlite3 " .. file .. " 'PRAGMA integrity_check'")
    if mounted then
      os.execute("umount " .. disk)
    end
    assert.equals(1, run.code, run:describe())
    assert.truthy(run.err:lower():find("full") or run.err:find("disk I/O error"), run.err)
    assert.truthy(run.err:find("c3_test.lua:8", 1, true), run.err)
    assert.equals("b2\n", version)
    assert.falsy(tables:find("big"), tables)
    assert.equals("ok\n", check)
  end)

  it("on a disk that fills up within a backfill keeps its batches, and goes on when there is room", function()
    local disk = p:path("disk")
    os.execute("mkdir " .. disk)
    if os.execute(("mount -t tmpfs -o size=3m none %s 2>/dev/null"):format(disk)) ~= true then
      pending("mounting a small disk is not permitted here")
      return
    end
    p:revision("c3", "b2", [[
  op.create_table("people", { column("id", types.integer(), { primary_key = true }), column("text", types.text()),
    column("counter", types.integer()) })
  for i = 1, 400 do db:exec("INSERT INTO people VALUES (?, '', 0)", i) end
  op.backfill { table = "people", size = 20, row = function(r)
    return { text = ("x"):rep(10000), counter = r.counter + 1 }
  end }]])
    local url = "sqlite:///disk/data.db"
    local run = p:run({ "--url", url, "upgrade", "head" })
    os.execute(("mount -o remount,size=30m none %s"):format(disk))
    local again = p:run({ "--url", url, "upgrade", "head" })
    local query = "SELECT min(counter), max(counter), count(*) FROM people"
    local rows = moonbird.shell(("sqlite3 %s/data.db '%s'"):format(disk, query))
    os.execute("umount " .. disk)
    assert.equals(7, run.code, run:describe())
    assert.truthy(run.err:lower():find("full"), run.err)
    assert.equals(0, again.code, again:describe())
    assert.equals("1|1|400\n", rows)
  end)

  it("cannot lose output unnoticed", function()
    p:ok("upgrade head")
    local run = p:run("current", { stdout = "/dev/full" })
    assert.are_not.equal(0, run.code, run:describe())
  end)

  it("runs where the caller has closed standard output or error", function()
    for number = 0, 2 do
      local run = p:run("upgrade head", { shell = ("exec %d>&-"):format(number) })
      assert.equals(0, run.code, run:describe())
      assert.equals("b2", versions(p))
    end
    local unseen = p:run("current", { shell = "exec >&- 2>&-" })
    assert.equals(1, unseen.code, unseen:describe())
  end)

  it("does not take a wrong path for an empty database", function()
    local run = p:fails(6, "--url sqlite:///missing/data.db current")
    assert.truthy(run.err:find("missing: No such file or directory", 1, true), run.err)
  end)
end)
