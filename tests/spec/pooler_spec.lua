-- Behind PgBouncer in transaction mode: every command, and the lock as a lease in a table. The pooler hands its server
-- connections out in turn, so what is left in a session is missed by the next transaction.

local moonbird = require("support.moonbird")

-- A project with three revisions: tables, a backfill of 5000 people, an index.
local function project(ini)
  local p = moonbird.project("pooler", ini)
  p:people(5000)
  p:revision("a1", nil, [[
    op.create_table("notes", { column("id", types.integer(), { primary_key = true }), column("text", types.text()) })
    op.bulk_insert("notes", { { id = 1, text = "it's" }, { id = 2, text = "Привет" }, { id = 3, text = null } })
  ]], 'op.drop_table("notes")')
  p:revision("a2", "a1", [[
    op.backfill({
      table = "people",
      columns = { "counter", "full_name" },
      size = 100,
      row = function(person)
        return { counter = person.counter + 1, full_name = person.full_name:upper() }
      end,
    })
  ]], 'op.backfill({ table = "people", size = 700, set = { counter = 0, full_name = sql("lower(full_name)") } })')
  p:revision("a3", "a2", [[
    op.autocommit_block(function()
      db:exec("CREATE INDEX CONCURRENTLY people_name ON people (full_name)")
    end)
    db:exec("UPDATE notes SET text = ? WHERE id = ?", "O'Brien; ü", 3)
    local seen = 0
    for row in db:rows("SELECT id, text FROM notes WHERE id > ?", 0) do
      seen = seen + row.id
    end
    assert(seen == 6)
  ]], 'db:exec("DROP INDEX people_name")')
  return p
end

-- A revision that waits until `free` is there.
local function waiting(p)
  p:revision("w1", nil, [[
    db:exec("CREATE TABLE waited (i integer)")
    io.open("waiting", "w"):close()
    for _ = 1, 1500 do
      if io.open("free") then
        return
      end
      db:query("SELECT pg_sleep(0.02)")
    end
  ]])
end

local function wait_for_file(p, name)
  moonbird.wait_until(name, 30, function()
    return p:read(name)
  end)
end

describe("commands", function()
  moonbird.behind_pooler(describe, pending, function()
    it("upgrade, downgrade, stamp and current", function()
      local p = project()
      p:ok("upgrade head")
      assert.equal("5000|1|1", p:sql("SELECT count(*), min(counter), max(counter) FROM people"))
      assert.equal("FIRST7 LAST7", p:sql("SELECT full_name FROM people WHERE id = 7"))
      assert.equal("O'Brien; ü", p:sql("SELECT text FROM notes WHERE id = 3"))
      assert.equal("1", p:sql("SELECT count(*) FROM pg_indexes WHERE indexname = 'people_name'"))
      assert.equal("a3 (head)\n", p:ok("current").out)
      p:ok("downgrade base")
      assert.equal("5000|0|0", p:sql("SELECT count(*), min(counter), max(counter) FROM people"))
      p:ok("stamp a2")
      assert.equal("a2\n", p:ok("current").out)
      p:remove()
    end)

    it("a failing revision leaves nothing", function()
      local p = moonbird.project("pooler")
      p:revision("b1", nil, 'db:exec("CREATE TABLE t (i integer)") db:exec("INSERT INTO t VALUES (?)", "no number")')
      local run = p:fails(1, "upgrade head")
      assert.truthy(run.err:find("invalid input syntax", 1, true))
      assert.is_false(p:has_table("t"))
      p:remove()
    end)

    it("a statement is cancelled by Ctrl-C", function()
      local p = moonbird.project("pooler")
      p:revision("b1", nil, 'io.open("waiting", "w"):close() db:query("SELECT pg_sleep(60)")')
      local run = p:start("upgrade head")
      wait_for_file(p, "waiting")
      run:kill("INT")
      assert.equal(130, run:wait(30).code)
      p:remove()
    end)

    it("no server session keeps a setting, a lock or a prepared statement", function()
      local p = project()
      p:ok("upgrade head")
      local left = {}
      for _ = 1, 6 do
        local url = moonbird.quote(p.url)
        local text = moonbird.shell(("psql -X -A -t %s -c %s"):format(url, moonbird.quote([[
          SELECT pg_backend_pid(), (SELECT count(*) FROM pg_prepared_statements),
                 (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()),
                 current_setting('synchronous_commit'), current_setting('lock_timeout')]])))
        local pid, rest = text:match("^(%d+)|([^\n]*)")
        left[pid] = rest
      end
      local sessions = 0
      for _, rest in pairs(left) do
        sessions = sessions + 1
        assert.equal("0|0|on|0", rest)
      end
      assert.is_true(sessions > 1)
      p:remove()
    end)

    it("spelling of values that cannot be mended is refused", function()
      local p = moonbird.project("pooler")
      p:sql(("ALTER DATABASE %s SET extra_float_digits = 0"):format(p.database))
      local others = "datname = current_database() AND pid <> pg_backend_pid()"
      p:sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE " .. others)
      local run = p:fails(6, "current")
      assert.truthy(run.err:find("spell values in another way", 1, true))
      assert.truthy(run.err:find("ALTER ROLE", 1, true))
      p:remove()
    end)
  end)
end)

describe("the lock", function()
  moonbird.behind_pooler(describe, pending, function()
    it("is a lease that keeps another run out, with its holder", function()
      local p = moonbird.project("pooler", "lock_lease = 2s\n")
      waiting(p)
      local first = p:start("upgrade head")
      wait_for_file(p, "waiting")
      -- longer than the lease: the heartbeat keeps it
      local second = p:fails(5, "--lock-timeout 3 upgrade head")
      assert.truthy(second.err:find("held by somebody else (host ", 1, true))
      assert.truthy(second.err:find("pid %d+, user %S+, since [%d-]+ [%d:]+"))
      assert.truthy(second.err:find("lease until", 1, true))
      p:write("free", "")
      assert.equal(0, first:wait().code)
      assert.equal("0", p:sql("SELECT count(*) FROM moonbird_lock"))
      p:remove()
    end)

    it("is free when the lease of a killed run has ended", function()
      local p = moonbird.project("pooler", "lock_lease = 2s\n")
      waiting(p)
      local first = p:start("upgrade head")
      wait_for_file(p, "waiting")
      first:kill("KILL")
      p:write("free", "")
      p:fails(5, "--lock-timeout 0 upgrade head")
      p:ok("--lock-timeout 20 upgrade head")
      assert.equal("w1", p:sql("SELECT version_num FROM moonbird_version"))
      p:remove()
    end)

    it("stops a run that slept while somebody took it over", function()
      local p = moonbird.project("pooler", "lock_lease = 1s\n")
      waiting(p)
      local first = p:start("upgrade head")
      wait_for_file(p, "waiting")
      first:kill("STOP")
      p:sql("SELECT pg_sleep(1.5)")
      -- somebody takes the lock as another run would, and keeps it
      local taken = p:sql(
        "WITH t AS (UPDATE moonbird_lock SET owner = 'other', host = 'elsewhere', "
          .. "lease_until = now() + interval '1 hour' WHERE lease_until < now() RETURNING 1) SELECT count(*) FROM t"
      )
      assert.equal("1", taken)
      p:write("free", "")
      first:kill("CONT")
      local run = first:wait()
      assert.equal(5, run.code)
      assert.truthy(run.err:find("elsewhere", 1, true))
      assert.is_false(p:has_table("waited"))
      assert.equal("other", p:sql("SELECT owner FROM moonbird_lock"))
      p:remove()
    end)

    it("excludes a run with a direct connection, either way round", function()
      local p = moonbird.project("pooler")
      waiting(p)
      local through = p:start("upgrade head")
      wait_for_file(p, "waiting")
      local direct = p:fails(5, { "--url", p.shell_url, "--lock-timeout", "0.5", "upgrade", "head" })
      assert.truthy(direct.err:find("lease until", 1, true))
      p:write("free", "")
      assert.equal(0, through:wait().code)

      os.remove(p:path("waiting"))
      os.remove(p:path("free"))
      p:ok("downgrade base")
      p:sql("DROP TABLE waited; DROP TABLE moonbird_lock")
      direct = p:start({ "--url", p.shell_url, "upgrade", "head" })
      wait_for_file(p, "waiting")
      local late = p:fails(5, "--lock-timeout 0.5 upgrade head")
      assert.truthy(late.err:find("moonbird:lock", 1, true))
      p:write("free", "")
      assert.equal(0, direct:wait().code)
      p:remove()
    end)

    it("the setting pooler says what is there", function()
      local p = moonbird.project("postgres", "pooler = transaction\n")
      p:revision("a1", nil, 'op.create_table("t", { column("id", types.integer()) })')
      p:ok("upgrade head")
      assert.is_true(p:has_table("moonbird_lock"))
      p:remove()
      p = moonbird.project("postgres")
      p:revision("a1", nil, 'op.create_table("t", { column("id", types.integer()) })')
      p:ok("upgrade head")
      assert.is_false(p:has_table("moonbird_lock"))
      local run = p:fails(6, { "--url", p.url .. "?pooler=statement", "current" })
      assert.truthy(run.err:find("pooler must be auto, none, session or transaction", 1, true))
      p:remove()
    end)
  end)
end)
