-- DDL that does not get its lock: it waits for a short time, the revision is taken back and run again, and in the end
-- it is done once, or says why not. A session of psql holds the lock.
local moonbird = require("support.moonbird")
local quote = moonbird.quote

-- Holds a lock in a transaction until release() is called.
local function hold(project, statement)
  local stop = project:path("release")
  local body = ("BEGIN; %s; \\! touch %s\n\\! while [ ! -e %s ]; do sleep 0.02; done\nCOMMIT;\n"):format(
    statement,
    project:path("held"),
    stop
  )
  project:write("hold.sql", body)
  os.execute("rm -f " .. quote(project:path("held")) .. " " .. quote(stop))
  os.execute(
    ("timeout 60 psql -X -q %s -f %s >/dev/null 2>&1 &"):format(
      quote(project.shell_url),
      quote(project:path("hold.sql"))
    )
  )
  moonbird.wait_until("the lock is held", 20, function()
    return moonbird.read_file(project:path("held")) ~= nil
  end)
  return function()
    moonbird.write_file(stop, "")
  end
end

local function project_with(ini, change)
  local p = moonbird.project("postgres", ini)
  p:revision("a1", nil, [[
    op.create_table("t", { column("id", types.integer(), { primary_key = true }), column("a", types.text()) })
    op.create_table("noted", { column("a", types.text()) })
    op.bulk_insert("t", { { a = "x" }, { a = "y" } })
  ]])
  p:revision("b2", "a1", change)
  p:ok("upgrade a1")
  return p
end

local function wait_for_try(run, number)
  moonbird.wait_until("try " .. number, 30, function()
    local _, err = run:so_far()
    return err:find(("try %d of"):format(number), 1, true)
  end)
end

local CHANGE = [[
  db:exec("INSERT INTO noted VALUES ('once')")
  op.add_column("t", column("b", types.integer()))
]]

if not moonbird.postgres_url then
  pending("DDL that waits for a lock: $MOONBIRD_TEST_POSTGRES_URL is not set")
  return
end

describe("DDL that does not get its lock", function()
  it("is tried again, and done once", function()
    local p = project_with("ddl_lock_timeout = 0.1s\n", CHANGE)
    local release = hold(p, "SELECT * FROM t")
    local run = p:start("upgrade head")
    wait_for_try(run, 3)
    -- between the tries nobody stands behind it
    assert.are.equal("2", p:sql("SELECT count(*) FROM t"))
    release()
    assert.are.equal(0, run:wait().code)
    assert.is_truthy(run.err:find("b2%s+Revision b2%s+ok"))
    assert.are.equal("id,a,b", p:columns("t"))
    assert.are.equal("once", p:sql("SELECT a FROM noted"))
    p:remove()
  end)

  it("passes over what the revision had committed", function()
    local p = project_with(
      "ddl_lock_timeout = 0.1s\n",
      'op.backfill { table = "t", set = { a = sql "a || \'!\'" } }\n' .. CHANGE
    )
    local release = hold(p, "SELECT * FROM noted")
    local blocked = hold(p, "SELECT * FROM t")
    local run = p:start("upgrade head")
    wait_for_try(run, 3)
    release()
    blocked()
    assert.are.equal(0, run:wait().code)
    assert.are.equal("x!,y!", p:sql("SELECT string_agg(a, ',' ORDER BY id) FROM t"))
    assert.are.equal("once", p:sql("SELECT a FROM noted"))
    p:remove()
  end)

  it("is tried again with all revisions that share its transaction", function()
    local p = project_with("ddl_lock_timeout = 0.1s\ntransaction_per_migration = false\n", [[
      db:exec("INSERT INTO noted VALUES ('before')")
    ]])
    p:revision("c3", "b2", CHANGE)
    local release = hold(p, "SELECT * FROM t")
    local run = p:start("upgrade head")
    wait_for_try(run, 3)
    assert.are.equal("0", p:sql("SELECT count(*) FROM noted"))
    release()
    assert.are.equal(0, run:wait().code)
    assert.are.equal(1, select(2, run.err:gsub("Revision b2%s+ok", "")))
    assert.are.equal(1, select(2, run.err:gsub("Revision c3%s+ok", "")))
    assert.are.equal("before,once", p:sql("SELECT string_agg(a, ',' ORDER BY a) FROM noted"))
    assert.are.equal("a1,b2,c3", p:sql("SELECT string_agg(revision, ',' ORDER BY revision) FROM moonbird_log"))
    p:remove()
  end)

  it("begins behind what a backfill has committed of a shared transaction", function()
    local p = project_with("ddl_lock_timeout = 0.1s\ntransaction_per_migration = false\n", [[
      db:exec("INSERT INTO noted VALUES ('before')")
    ]])
    p:revision("c3", "b2", 'op.backfill { table = "t", set = { a = sql "a || \'!\'" } }')
    p:revision("d4", "c3", CHANGE)
    local release = hold(p, "SELECT * FROM noted")
    local blocked = hold(p, "SELECT * FROM t")
    local run = p:start("upgrade head")
    wait_for_try(run, 3)
    release()
    blocked()
    assert.are.equal(0, run:wait().code)
    for _, id in ipairs({ "b2", "c3", "d4" }) do
      assert.are.equal(1, select(2, run.err:gsub("Revision " .. id .. "%s+ok", "")), run.err)
    end
    assert.are.equal("x!,y!", p:sql("SELECT string_agg(a, ',' ORDER BY id) FROM t"))
    assert.are.equal("before,once", p:sql("SELECT string_agg(a, ',' ORDER BY a) FROM noted"))
    p:remove()
  end)

  it("is tried again when it is the log that is locked", function()
    local p = project_with("ddl_lock_timeout = 0.1s\n", CHANGE)
    local release = hold(p, "LOCK TABLE moonbird_log IN EXCLUSIVE MODE")
    local run = p:start("upgrade head")
    wait_for_try(run, 2)
    release()
    assert.are.equal(0, run:wait().code)
    assert.are.equal("once", p:sql("SELECT a FROM noted"))
    p:remove()
  end)

  it("ends a run whose revisions share a transaction after the last try, with one row in the log", function()
    local ini = "ddl_lock_timeout = 0.1s\nddl_lock_tries = 2\ntransaction_per_migration = false\n"
    local p = project_with(ini, CHANGE)
    local release = hold(p, "SELECT * FROM t")
    local run = p:fails(1, "upgrade head")
    release()
    assert.is_truthy(run.err:find("the lock was not free within 0.1 s, in 2 tries", 1, true), run.err)
    assert.are.equal(1, select(2, run.err:gsub("FAILED", "")))
    assert.are.equal("b2|failed", p:sql("SELECT revision, outcome FROM moonbird_log WHERE outcome <> 'done'"))
    p:ok("upgrade head")
    p:remove()
  end)

  it("gives up after the last try, and says so", function()
    local p = project_with("ddl_lock_timeout = 0.1s\nddl_lock_tries = 2\n", CHANGE)
    local release = hold(p, "SELECT * FROM t")
    local run = p:fails(1, "upgrade head")
    release()
    assert.is_truthy(run.err:find("the lock was not free within 0.1 s, in 2 tries", 1, true))
    assert.is_truthy(run.err:find("SQLSTATE 55P03", 1, true))
    assert.is_truthy(run.err:find("raise ddl_lock_timeout", 1, true))
    assert.are.equal("0", p:sql("SELECT count(*) FROM noted"))
    p:ok("upgrade head")
    p:remove()
  end)

  it("is tried again in a revision without a transaction, from where it was", function()
    local p = moonbird.project("postgres", "ddl_lock_timeout = 0.1s\n")
    p:revision("a1", nil, [[
      op.create_table("t", { column("a", types.text()) })
      op.create_table("noted", { column("a", types.text()) })
    ]])
    p:revision("b2", "a1", CHANGE, nil, { header = "transaction = false" })
    p:ok("upgrade a1")
    local release = hold(p, "SELECT * FROM t")
    local run = p:start("upgrade head")
    wait_for_try(run, 2)
    assert.are.equal("once", p:sql("SELECT a FROM noted"))
    release()
    assert.are.equal(0, run:wait().code)
    assert.are.equal("once", p:sql("SELECT a FROM noted"))
    assert.are.equal("a,b", p:columns("t"))
    p:remove()
  end)

  it("is tried again in a .sql revision, whose other statements wait", function()
    local p = project_with("ddl_lock_timeout = 0.1s\n", "")
    os.remove(p:path("migrations/versions/b2_test.lua"))
    p:write(
      "migrations/versions/b2.sql",
      "-- revision: b2\n-- down_revision: a1\n-- migrate:up\nINSERT INTO noted VALUES ('once');\n"
        .. "ALTER TABLE t ADD COLUMN b integer;\nUPDATE t SET b = 1;\n-- migrate:down\nSELECT 1;\n"
    )
    local release = hold(p, "SELECT * FROM t")
    local run = p:start("upgrade head")
    wait_for_try(run, 3)
    release()
    assert.are.equal(0, run:wait().code)
    assert.are.equal("once", p:sql("SELECT a FROM noted"))
    assert.are.equal("2", p:sql("SELECT count(*) FROM t WHERE b = 1"))
    p:remove()
  end)

  it("can be interrupted between two tries", function()
    local p = project_with("ddl_lock_timeout = 0.1s\n", CHANGE)
    local release = hold(p, "SELECT * FROM t")
    local run = p:start("upgrade head")
    wait_for_try(run, 8)
    run:kill("INT")
    local code = run:wait(20).code
    release()
    assert.are.equal(130, code)
    assert.are.equal("id,a", p:columns("t"))
    p:ok("upgrade head")
    p:remove()
  end)
end)

describe("the limit of DDL", function()
  it("leaves statements alone that change rows", function()
    local p = project_with("ddl_lock_timeout = 0.05s\n", [[
      op.create_index("ix", "noted", { "a" })
      db:exec("UPDATE t SET a = 'z' WHERE id = 1")
      op.create_index("ix2", "noted", { "a" })
    ]])
    local release = hold(p, "UPDATE t SET a = 'held' WHERE id = 1")
    local run = p:start("upgrade head")
    moonbird.wait_until("the UPDATE waits", 20, function()
      local waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'UPDATE t%'"
      return p:sql(waiting) == "1"
    end)
    moonbird.sleep(0.3)
    release()
    assert.are.equal(0, run:wait().code)
    assert.is_nil(run.err:find("try", 1, true))
    assert.are.equal("z", p:sql("SELECT a FROM t WHERE id = 1"))
    p:remove()
  end)

  it("gives way to one that the script sets", function()
    local p = project_with("ddl_lock_timeout = 60s\n", "op.execute(\"SET LOCAL lock_timeout = '50ms'\")" .. CHANGE)
    local release = hold(p, "SELECT * FROM t")
    local run = p:fails(1, "upgrade head")
    release()
    assert.is_truthy(run.err:find("SQLSTATE 55P03", 1, true))
    assert.is_nil(run.err:find("try", 1, true))
    p:remove()
  end)

  it("is not set with 0", function()
    local show = 'print(db:scalar("SHOW lock_timeout"))'
    local p = project_with("ddl_lock_timeout = 0s\n", show .. CHANGE .. show)
    local run = p:ok("upgrade head")
    assert.are.equal("0\n0\n", run.err:match("^(0\n0\n)"))
    p:remove()
  end)
end)
