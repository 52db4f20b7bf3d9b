-- What other machines and operators do to a backfill at the same moment: one opens again what another verifies, two
-- register the same, or different code under the same name, the table changes. PostgreSQL only: elsewhere one process
-- has the file.
local moonbird = require("support.moonbird")
local contains = moonbird.contains

describe("a backfill that others meddle with", function()
  if not moonbird.postgres_url then
    pending("on PostgreSQL: $MOONBIRD_TEST_POSTGRES_URL is not set")
    return
  end
  local p
  before_each(function()
    p = moonbird.project("postgres", "\n[backfill]\nlease = 1s\n")
    p:people(200)
  end)
  after_each(function()
    p:remove()
  end)

  -- `first` runs when the file is loaded, `body` in each call of row().
  local function define(keys, body, first)
    p:backfill("fill", ([[
%s
return {
  table = "people", columns = { "counter" }, size = 50, %s
  row = function(person)
    %s
    return { counter = person.counter + 1 }
  end,
}]]):format(first or "", keys or "", body or ""))
  end

  local function counts()
    return p:sql("SELECT count(*), min(counter), max(counter) FROM people")
  end

  -- A session that holds a lock until there is a file `go`; then it does the rest and commits.
  local function hold(lock, rest)
    p:write("lock.sql", ("BEGIN;\n%s;\n\\! touch locked; until [ -e go ]; do sleep 0.02; done\n%s;\nCOMMIT;\n")
      :format(lock, rest or "SELECT 1"))
    local holder = p:start({ "-X", "-q", "-f", "lock.sql", p.shell_url }, { program = "psql" })
    moonbird.wait_until("the lock is held", 20, function()
      return p:read("locked")
    end)
    return holder
  end

  local function wait_for_blocked(text)
    moonbird.wait_until("it waits for the lock", 20, function()
      return p:sql("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        .. " AND wait_event_type = 'Lock' AND query LIKE '" .. text .. "'") ~= "0"
    end)
  end

  it("is not taken from who is at work by a downgrade of its revision", function()
    define(nil, [[
    while person.id == 70 and not io.open("go") do
      io.open("held", "w"):close()
    end]])
    local made = 'op.create_table("undone", { column("id", types.integer()) })'
    p:revision("a1", nil, 'op.backfill("fill", { defer = true })', made)
    p:ok("upgrade head")
    local run = p:start("backfill run fill")
    moonbird.wait_until("it is at work", 20, function()
      return p:read("held")
    end)
    local refused = p:fails(1, "downgrade base")
    contains(refused.err, "a worker of backfill fill is alive: host ")
    contains(refused.err, "`moonbird backfill cancel fill` ends it after its batch; then run the downgrade again")
    assert.is_nil(p:tables():find("undone", 1, true))
    p:write("go", "")
    assert.equals(0, run:wait(30).code, run:describe())
    assert.equals("200|1|1", counts())
    p:ok("downgrade base")
    assert.equals("0", p:sql("SELECT count(*) FROM moonbird_backfill"))
  end)

  -- Its `done` needs a table that is locked until it is let go.
  it("is not requeued by a verify that saw rows as they are no more", function()
    p:sql("CREATE TABLE gate ()")
    define([[on_error = "quarantine", done = "counter > 0 AND NOT EXISTS (SELECT FROM gate)",]],
      'if person.id == 7 and not io.open("mended") then error("poison") end')
    p:fails(8, "backfill run fill")
    p:write("mended", "")
    local holder = hold("LOCK TABLE gate")
    local verify = p:start("backfill verify fill --requeue")
    wait_for_blocked("%gate%")
    p:ok("backfill bad retry fill")
    p:write("go", "")
    holder:wait(20)
    assert.equals(3, verify:wait(20).code, verify:describe())
    contains(verify.err, "backfill fill was opened again while its rows were looked at")
    assert.equals("paused|1", p:sql("SELECT observed, (SELECT count(*) FROM moonbird_backfill_range"
      .. " WHERE state = 'pending') FROM moonbird_backfill"))
    p:ok("backfill run fill")
    assert.equals("200|1|1", counts())
    p:ok("backfill verify fill")
  end)

  -- Ends the connections of all programs that are at work.
  local cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database()"
    .. " AND application_name LIKE 'moonbird%'"

  -- It reads the state, then its file, and by then the other one has come and done some rows. It reads the file once
  -- more for the time of that run, and loses its connection at that.
  it("is registered once, by whoever comes first", function()
    define(nil, nil, ([[
if os.getenv("SLOW") then
  if not io.open("loading") then
    io.open("loading", "w"):close()
    os.execute("until [ -e go ]; do sleep 0.02; done")
  elseif not io.open("cut") then
    io.open("cut", "w"):close()
    os.execute("psql -X -q %s -c \"%s\" >/dev/null")
  end
end]]):format(p.shell_url, cut))
    local slow = p:start("backfill run fill", { env = { SLOW = "1" } })
    moonbird.wait_until("the file is loaded", 20, function()
      return p:read("loading")
    end)
    p:fails(3, "backfill run fill --max-rows 50")
    p:write("go", "")
    assert.equals(0, slow:wait(20).code, slow:describe())
    assert.truthy(p:read("cut"))
    assert.equals("200|1|1", counts())
    assert.equals("1", p:sql("SELECT count(*) FROM moonbird_backfill_log WHERE event = 'registered'"))
  end)

  it("begins in spite of a connection that is lost at its very start", function()
    define()
    p:fails(3, "backfill run fill --max-rows 50")
    local holder = hold("LOCK TABLE moonbird_backfill_worker IN SHARE MODE")
    local run = p:start("backfill run fill")
    wait_for_blocked("DELETE FROM moonbird_backfill_worker%")
    p:sql(cut)
    p:write("go", "")
    holder:wait(20)
    assert.equals(0, run:wait(20).code, run:describe())
    assert.equals("200|1|1", counts())
  end)

  -- The other one finishes between the look at the state and the first word of this one.
  it("stays done when another process has ended it at that moment", function()
    define()
    p:fails(3, "backfill run fill --max-rows 150")
    local holder = hold("SELECT FROM moonbird_backfill FOR UPDATE", "UPDATE people SET counter = 1;\n"
      .. "UPDATE moonbird_backfill_range SET state = 'done';\n"
      .. "UPDATE moonbird_backfill SET observed = 'done', planned = true, finished_at = now()")
    local run = p:start("backfill run fill")
    wait_for_blocked("UPDATE moonbird_backfill SET observed%")
    p:write("go", "")
    holder:wait(20)
    assert.equals(0, run:wait(20).code, run:describe())
    assert.equals("200|1|1", counts())
    assert.equals("done", p:sql("SELECT observed FROM moonbird_backfill"))
  end)

  -- By hand: what Moonbird has for it refuses while a worker is alive.
  it("stops when its state is dropped while it is at work", function()
    define(nil, 'if person.id == 60 then os.execute("touch begun; until [ -e go ]; do sleep 0.02; done") end')
    local run = p:start("backfill run fill")
    moonbird.wait_until("its second batch is open", 20, function()
      return p:read("begun")
    end)
    local drop = "DELETE FROM moonbird_backfill_range; DELETE FROM moonbird_backfill" -- waits for the batch
    local by_hand = p:start({ "-X", "-q", "-1", "-c", drop, p.shell_url }, { program = "psql" })
    wait_for_blocked("DELETE FROM moonbird_backfill_range%")
    p:write("go", "")
    assert.equals(0, by_hand:wait(20).code, by_hand:describe())
    assert.equals(4, run:wait(20).code, run:describe())
    contains(run.err, "error: the state of backfill fill is gone\n")
    contains(run.err, "`moonbird backfill log fill` tells who has dropped it")
  end)

  -- No batch was committed yet. The one that is open is of the old code; it is the last one.
  it("is not run by two with different code, from the first batch on", function()
    define(nil, 'if person.id == 1 then os.execute("touch begun; until [ -e go ]; do sleep 0.02; done") end')
    local first = p:start("backfill run fill")
    moonbird.wait_until("its first batch is open", 20, function()
      return p:read("begun")
    end)
    define(nil, "local other = true")
    contains(p:fails(4, "backfill run fill").err, "has begun with other code than its file has now")
    local second = p:start("backfill run fill --accept-code-change")
    moonbird.wait_until("the code is accepted", 20, function()
      return p:sql("SELECT count(*) FROM moonbird_backfill_log WHERE event = 'code changed'") ~= "0"
    end)
    p:write("go", "")
    assert.equals(4, first:wait(20).code, first:describe())
    contains(first.err, "error: backfill fill runs with other code now, that of another process")
    assert.equals(0, second:wait(20).code, second:describe())
    assert.equals("200|1|1", counts())
    assert.equals("done|200", p:sql("SELECT observed, rows_done FROM moonbird_backfill"))
  end)

  -- It waits for the batch that is open, and comes before the next one. Statements that are prepared know the old type.
  it("goes on when a column gets another type", function()
    define(nil, 'if person.id == 60 then os.execute("touch begun; until [ -e go ]; do sleep 0.02; done") end')
    local run = p:start("backfill run fill")
    moonbird.wait_until("its second batch is open", 20, function()
      return p:read("begun")
    end)
    local alter = p:start({ "-X", "-q", p.shell_url, "-c", "ALTER TABLE people ALTER COLUMN counter TYPE bigint" },
      { program = "psql" })
    moonbird.wait_until("ALTER TABLE waits", 20, function()
      return p:sql("SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"
        .. " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())") ~= "0"
    end)
    p:write("go", "")
    assert.equals(0, alter:wait(20).code, alter:describe())
    assert.equals(0, run:wait(20).code, run:describe())
    assert.equals("200|1|1", counts())
  end)

  it("knows a worker again that was taken for dead", function()
    define()
    p:fails(3, "backfill run fill --max-rows 50")
    p:ok("backfill throttle fill 1h")
    local function workers(condition)
      return p:sql("SELECT count(*) FROM moonbird_backfill_worker WHERE " .. condition)
    end
    local first = p:start("backfill run fill")
    local own = "pid = " .. first.process.pid
    moonbird.wait_until("it is at work", 20, function()
      return workers(own) == "1"
    end)
    first:kill("STOP")
    moonbird.wait_until("its lease is over", 20, function()
      return workers("lease_until > clock_timestamp()") == "0"
    end)
    local second = p:start("backfill run fill")
    moonbird.wait_until("another one has cleared it away", 20, function()
      return workers("pid = " .. second.process.pid) == "1" and workers(own) == "0"
    end)
    first:kill("CONT")
    moonbird.wait_until("it is there again", 20, function()
      return workers("lease_until > clock_timestamp()") == "2"
    end)
    p:ok("backfill unthrottle fill")
    assert.equals(0, first:wait(20).code, first:describe())
    assert.equals(0, second:wait(20).code, second:describe())
    assert.equals("200|1|1", counts())
    assert.equals("0", workers("true"))
  end)
end)
