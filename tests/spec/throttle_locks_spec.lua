-- Sessions that wait for a backfill: an ALTER TABLE gets its lock while four workers run, and a row that the
-- application wants makes the batches smaller.

local moonbird = require("support.moonbird")
local throttle = require("support.throttle")

-- Runs psql in the background; an ALTER TABLE notes how long it waited for its lock, by the server's clock.
local function start_psql(p, text)
  return p:start({ "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", text, p.shell_url }, { program = "psql" })
end

local ALTER = [[
DO $$ DECLARE begun timestamptz := clock_timestamp();
BEGIN
  ALTER TABLE people ADD COLUMN extra text;
  INSERT INTO waited SELECT extract(epoch FROM clock_timestamp() - begun);
END $$]]

describe("a session that waits", function()
  if not moonbird.postgres_url then
    pending("$MOONBIRD_TEST_POSTGRES_URL is not set")
    return
  end

  -- Within 2 s and one batch. How long a batch takes is the machine's affair, so each notes it: without its COMMIT, for
  -- which the 2 s have room.
  it("ALTER TABLE gets its lock while four workers run", function()
    local p = moonbird.project("postgres")
    p:people(40000)
    p:sql("CREATE TABLE waited (s double precision); CREATE TABLE batches (s double precision)")
    p:revision("a1", nil, [[
      op.backfill({
        table = "people",
        columns = { "counter" },
        workers = 4,
        size = 50,
        throttle = { lock_yield = "2s" },
        batch = function(batch)
          db:query("SELECT pg_sleep(0.4)")
          db:exec("UPDATE people SET counter = counter + 1 WHERE " .. batch.range.predicate, batch.range.values)
          db:exec("INSERT INTO batches SELECT extract(epoch FROM clock_timestamp() - now())")
        end,
      })
    ]])
    local run = p:start("upgrade head")
    moonbird.wait_until("rows", 30, function()
      return throttle.done(p) > 400
    end)
    local alter = start_psql(p, ALTER)
    assert.equal(0, alter:wait(60).code, alter:describe())
    local before = throttle.done(p)
    local times = p:sql("SELECT w.s, max(b.s) FROM waited w, batches b GROUP BY w.s")
    local waited, batch = times:match("(.*)|(.*)")
    local problem = ("it waited %s s, and a batch takes %s s"):format(waited, batch)
    assert.is_true(tonumber(waited) <= 2 + tonumber(batch), problem)
    moonbird.wait_until("rows after it", 30, function()
      return throttle.done(p) > before
    end)
    run:kill("TERM")
    assert.equal(3, run:wait(30).code)
    assert.equal("1", p:sql("SELECT max(counter) FROM people"))
    p:remove()
  end)

  it("for a table lock: the batch ends, then it yields", function()
    local p = moonbird.project("postgres")
    p:people(1000)
    p:sql("CREATE TABLE waited (s double precision)")
    p:revision("a1", nil, [[
      op.backfill({
        table = "people",
        size = 50,
        throttle = { lock_yield = "2s" },
        batch = function(batch)
          db:exec("UPDATE people SET counter = counter + 1 WHERE " .. batch.range.predicate, batch.range.values)
          db:query("SELECT pg_sleep(2.5)")
        end,
      })
    ]])
    local run = p:start("upgrade head")
    moonbird.wait_until("rows", 30, function()
      return throttle.done(p) > 0
    end)
    local alter = start_psql(p, ALTER)
    throttle.wait_for_text(run, "throttled: table lock: yields to a session that waits for it (pid ")
    assert.truthy(throttle.stderr(run):find("table people", 1, true))
    assert.equal(0, alter:wait(20).code, alter:describe())
    throttle.wait_for_text(run, "goes on")
    moonbird.wait_until("the time is counted", 10, function()
      return tonumber(p:sql("SELECT throttled_ms FROM moonbird_backfill")) >= 1000
    end)
    p:remove()
  end)

  it("for a row: the batches get smaller", function()
    -- with effects outside rows are locked as they are read
    local keys = 'effects = "external",'
    local p = throttle.project("postgres", "nil", { people = 20000, size = 1000, sleep = "0.02", keys = keys })
    local run = p:start("upgrade head", { env = { MOONBIRD_PROGRESS_INTERVAL = "200ms" } })
    -- the application wants rows that the batch in progress has locked
    local update
    moonbird.wait_until("smaller batches", 20, function()
      if not (update and update:is_running()) then
        update = start_psql(p, "UPDATE people SET full_name = full_name WHERE id % 100 = 0 AND id < 20000")
      end
      assert.is_true(run:is_running(), throttle.stderr(run))
      local size = tonumber((throttle.stderr(run):match(".*batches of (%d+)")))
      return size and size <= 500
    end)
    local told = "a session waited [%d.]+ s for a batch %(pid %d+, user moonbird[^\n]*%): batches have 1/2 of"
    assert.truthy(throttle.stderr(run):find(told), throttle.stderr(run))
    p:remove()
  end)

  -- The other way round: a batch that waits for others stands still, and says for what.
  it("for a row of somebody else's: the run tells that its batch fails again and again", function()
    local p = moonbird.project("postgres", "\n[backfill]\nlock_timeout = 50ms\n")
    p:people(20)
    p:backfill("fill", 'return { table = "people", set = { counter = sql "counter + 1" } }')
    local holder = start_psql(p, "BEGIN; SELECT 1 FROM people WHERE id = 5 FOR UPDATE; SELECT pg_sleep(60)")
    local sleeping = "FROM pg_stat_activity WHERE query LIKE 'BEGIN; SELECT 1 FROM people%' AND pid <> pg_backend_pid()"
    moonbird.wait_until("the row is locked", 20, function()
      return p:sql("SELECT count(*) " .. sleeping .. " AND wait_event = 'PgSleep'") == "1"
    end)
    local run = p:start("backfill run fill")
    throttle.wait_for_text(run, "a batch has failed 2 times, and is tried again: canceling statement due to lock")
    p:sql("SELECT pg_terminate_backend(pid) " .. sleeping)
    holder:wait(20)
    local ended = run:wait(60)
    assert.equal(0, ended.code, ended:describe())
    assert.equal("1|1", p:sql("SELECT min(counter), max(counter) FROM people"))
    p:remove()
  end)
end)
