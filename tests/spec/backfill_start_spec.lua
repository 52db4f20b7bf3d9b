-- A backfill that waits at its start for transactions that have written to its table: what others see of it, and what
-- ends the wait. PostgreSQL only: elsewhere writers exclude each other.
local moonbird = require("support.moonbird")
local contains = moonbird.contains

local FILL = [[
return {
  table = "people", columns = { "counter" }, size = 50,
  row = function(person)
    return { counter = person.counter + 1 }
  end,
}]]

describe("a backfill that waits for writers", function()
  if not moonbird.postgres_url then
    pending("on PostgreSQL: $MOONBIRD_TEST_POSTGRES_URL is not set")
    return
  end
  local p, writer, writer_pid
  before_each(function()
    p = moonbird.project("postgres")
    p:people(100)
    p:backfill("fill", FILL)
    p:write("writer.sql", "BEGIN;\nUPDATE people SET counter = counter WHERE id = 7;\n"
      .. "\\o writing\nSELECT pg_backend_pid();\n\\o\n\\! until [ -e commit ]; do sleep 0.02; done\nCOMMIT;\n")
    writer = p:start({ "-X", "-q", "-A", "-t", "-f", "writer.sql", p.shell_url }, { program = "psql" })
    moonbird.wait_until("a transaction writes", 20, function()
      return (p:read("writing") or ""):find("%d\n")
    end)
    writer_pid = p:read("writing"):match("%d+")
  end)
  after_each(function()
    p:stop_programs()
    p:remove()
  end)

  local function commit()
    p:write("commit", "")
    assert.equals(0, writer:wait(20).code, writer:describe())
  end

  -- `run` as it stands there now.
  local function wait_for_status(run, pattern)
    moonbird.wait_until("the status has " .. pattern, 20, function()
      assert(run:is_running(), run:describe())
      local status = p:run("backfill status fill")
      return status.code == 0 and status.out:find(pattern)
    end)
  end

  local function waiting(options)
    local run = p:start("backfill run fill" .. (options or ""))
    wait_for_status(run, "waiting for a transaction")
    return run
  end

  it("is seen with the session that it waits for, and since when", function()
    local run = waiting()
    local status = p:ok("backfill status fill").out
    contains(status, "running, waiting\n")
    contains(status, "  workers      1 on 1 host\n")
    local flat = status:gsub("%s+", " ")
    contains(flat, " start waiting for a transaction that writes to people: pid " .. writer_pid .. ", ")
    assert.truthy(flat:find("since %d%d%d%d%-%d%d%-%d%d .*, for %d+ s"), status)
    assert.is_nil(status:find("%%"), status)
    local json = p:ok("backfill status fill --json").out
    contains(json, '"state": "running"')
    contains(json, '"throttle_reason": "waiting for a transaction that writes to people: pid ' .. writer_pid .. ", ")
    assert.truthy(json:find('"throttled_for_s": %d'), json)
    commit()
    assert.equals(0, run:wait(30).code, run:describe())
    assert.equals("done|0|t|0", p:sql("SELECT observed, throttled_ms, throttle_reason IS NULL, "
      .. "(SELECT count(*) FROM moonbird_backfill_worker) FROM moonbird_backfill"))
  end)

  it("ends at an interrupt, a pause and a limit, each with exit code 3", function()
    local run = waiting()
    run:kill("INT")
    assert.equals(3, run:wait(20).code, run:describe())
    contains(run.err, "stopped at a safe point, after 0 rows")
    contains(p:ok("backfill status fill").out, ": SIGINT\n")

    run = waiting()
    p:ok("backfill pause fill --reason lunch")
    assert.equals(3, run:wait(20).code, run:describe())
    contains(run.err, "is paused, after 0 rows: by ")
    contains(run.err, ": lunch")

    run = p:fails(3, "backfill run fill --max-time 1s")
    contains(run.err, "stopped at a safe point, after 0 rows: --max-time is over")
    assert.equals("0|t", p:sql("SELECT (SELECT count(*) FROM moonbird_backfill_worker), throttle_reason IS NULL "
      .. "FROM moonbird_backfill"))
    commit()
  end)

  it("inside of a revision is seen as well, and an interrupt leaves the revision to be run again", function()
    p:revision("a1", nil, [[
      op.create_table("other", { column("id", types.integer()) })
      op.backfill { table = "people", set = { counter = sql "counter + 1" }, where = "counter = 0" }
    ]])
    local run = p:start("upgrade head")
    moonbird.wait_until("it waits", 20, function()
      local status = p:run("backfill status")
      return status.code == 0 and status.out:find("waiting for a transaction")
    end)
    run:kill("INT")
    assert.equals(3, run:wait(20).code, run:describe())
    commit()
    p:ok("upgrade head")
    assert.equals("1|1", p:sql("SELECT min(counter), max(counter) FROM people"))
  end)

  -- Killed, it leaves its reason in the table; the run after it is not held by that.
  it("that was killed there leaves nothing behind for the next run", function()
    local run = waiting()
    run:kill("KILL"):wait(20)
    commit()
    p:sql("UPDATE moonbird_backfill_worker SET lease_until = lease_until - interval '1 hour'")
    p:backfill("fill", (FILL:gsub("size = 50,", "size = 10, nice = 1000,")))
    run = p:start("backfill run fill")
    wait_for_status(run, "last commit")
    local status = p:ok("backfill status fill").out
    contains(status, "  workers      1 on 1 host\n")
    assert.is_nil(status:find("throttled", 1, true), status)
    run:kill("INT")
    assert.equals(3, run:wait(20).code, run:describe())
  end)
end)
