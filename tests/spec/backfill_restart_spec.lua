-- A server that restarts, fails over to its replica or never comes back, while a backfill works. PostgreSQL only, on
-- servers of this spec's own.
local moonbird = require("support.moonbird")
local servers = require("support.servers")

local function fill(keys)
  return ([[
return {
  table = "people", columns = { "counter" }, size = 50, workers = 2, nice = 15, %s
  row = function(person)
    return { counter = person.counter + 1 }
  end,
}]]):format(keys or "")
end

describe("a backfill whose server goes away", function()
  local server, p
  setup(function()
    server = servers.start("postgres", { env = { POSTGRES_OPTIONS = "-c max_prepared_transactions=2" } })
  end)
  teardown(function()
    server:stop()
  end)

  local function begin(cluster, rows, keys, ini)
    p = moonbird.project("postgres", "\n[backfill]\nlease = 5s\n" .. (ini or ""), cluster.postgres_url)
    p:people(rows)
    p:backfill("fill", fill(keys))
  end
  after_each(function()
    p:stop_programs()
    moonbird.remove_folder(p.folder)
  end)

  local function done()
    local there = p:sql("SELECT to_regclass('moonbird_backfill_range') IS NOT NULL") == "t"
    return there and tonumber(p:sql("SELECT coalesce(sum(rows_done), 0) FROM moonbird_backfill_range")) or 0
  end

  local function start(rows)
    local run = p:start("backfill run fill")
    moonbird.wait_until(rows .. " rows are done", 20, function()
      return done() >= rows
    end)
    return run
  end

  -- Nothing has to happen meanwhile any more.
  local function assert_ends(run, rows)
    p:ok("backfill set fill nice=0")
    assert.equals(0, run:wait(60).code, run:describe())
    assert.equals(rows .. "|1|1", p:sql("SELECT count(*), min(counter), max(counter) FROM people"))
    assert.equals("done|" .. rows, p:sql("SELECT observed, rows_done FROM moonbird_backfill"))
  end

  local function wait_for_text(run, text, seconds)
    moonbird.wait_until(text, seconds, function()
      local _, err = run:so_far()
      return err:find(text, 1, true)
    end)
  end

  local function wait_for_workers(count)
    moonbird.wait_until(count .. " workers", 20, function()
      return tonumber(p:sql("SELECT count(*) FROM moonbird_backfill_worker")) >= count
    end)
  end

  local function forbid_writing()
    p:sql("ALTER SYSTEM SET default_transaction_read_only = on")
    p:sql("SELECT pg_reload_conf()")
  end

  local function allow_writing()
    local writer = { shell_url = p.shell_url .. "?options=-cdefault_transaction_read_only%3Doff" }
    setmetatable(writer, { __index = p }):sql("ALTER SYSTEM RESET default_transaction_read_only")
    p:sql("SELECT pg_reload_conf()")
  end

  it("goes on after a crash of the server and after a restart, each row once", function()
    begin(server, 4000)
    local run = start(200)
    server:order("postgres_restart immediate 1")
    assert.is_true(done() < 3500) -- there is something left to do
    server:order("postgres_restart fast")
    assert_ends(run, 4000)
    assert.truthy(run.err:find("has lost its connection: .-; it connects again\n"), run.err)
    assert.truthy(run.err:find("has its connection again", 1, true), run.err)
  end)

  it("goes on when it was still waiting for writers, before its first batch", function()
    begin(server, 200)
    local update = "BEGIN; UPDATE people SET counter = counter WHERE id = 1;"
    p:write("writer", ("(echo '%s'; sleep 30) | psql -X -q %s\n"):format(update, moonbird.quote(p.shell_url)))
    local writer = moonbird.shell("sh " .. p:path("writer") .. " >/dev/null 2>&1 & echo $!")
    moonbird.wait_until("a writer", 20, function()
      return p:sql("SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'") == "1"
    end)
    local run = p:start("backfill run fill")
    moonbird.wait_until("the run looks for writers", 20, function()
      return p:sql("SELECT to_regclass('moonbird_backfill') IS NOT NULL") == "t"
    end)
    moonbird.sleep(1)
    assert.is_true(run:is_running())
    assert.equals(0, done())
    server:order("postgres_restart immediate 1")
    assert_ends(run, 200)
    assert.truthy(run.err:find("the connection is lost", 1, true), run.err)
    os.execute("kill " .. writer)
  end)

  -- Nobody is connected that holds its locks, and it outlives the server.
  it("waits for a prepared transaction, before and after a crash of the server", function()
    begin(server, 200)
    p:sql("BEGIN; INSERT INTO people (id, counter) VALUES (-1, 0), (1000, 0); PREPARE TRANSACTION 'one'")
    local run = p:start("backfill run fill")
    moonbird.wait_until("the run looks for writers", 20, function()
      return p:sql("SELECT to_regclass('moonbird_backfill') IS NOT NULL") == "t"
    end)
    server:order("postgres_restart immediate 1")
    moonbird.sleep(1)
    assert.is_true(run:is_running())
    assert.equals(0, done())
    p:sql("COMMIT PREPARED 'one'")
    assert_ends(run, 202)
  end)

  it("waits for the promotion of the replica that has taken the server's place", function()
    local cluster = servers.start("replica")
    begin(cluster, 4000)
    local run = start(200)
    p:ok("backfill set fill nice=100")
    cluster:order("replica_takes_over")
    local before = done()
    moonbird.sleep(1)
    assert.equals(before, done())
    assert.is_true(run:is_running())
    p:sql("SELECT pg_promote()")
    -- who has taken over is not missed among the replicas
    wait_for_text(run, "throttle: another server writes now, and its replicas count", 20)
    assert_ends(run, 4000)
    cluster:stop()
  end)

  it("waits while the server only reads", function()
    begin(server, 4000)
    local run = start(200)
    forbid_writing()
    moonbird.sleep(0.5)
    local before = done()
    moonbird.sleep(1)
    assert.equals(before, done())
    assert.is_true(run:is_running())
    allow_writing()
    assert_ends(run, 4000)
    assert.truthy(run.err:find("may only read: .-; it waits until it may write\n"), run.err)
  end)

  it("ends when it only reads for longer than `reconnect`", function()
    begin(server, 6000, nil, "reconnect = 2s\n")
    local run = start(200)
    forbid_writing()
    assert.equals(6, run:wait(30).code, run:describe())
    assert.truthy(run.err:find("nothing could be written for 2 s: ", 1, true), run.err)
    assert.truthy(run.err:find("read-only transaction", 1, true), run.err)
    allow_writing()
  end)

  -- No worker asks the database anything while the throttle holds it.
  it("ends when the server never comes back, even while it is held", function()
    begin(server, 6000, 'throttle = { flag_file = "stop" },', "reconnect = 2s\n")
    local run = start(200)
    p:write("stop", "")
    wait_for_text(run, "throttled: flag file", 10)
    server:order("postgres_halt immediate")
    assert.equals(6, run:wait(30).code, run:describe())
    assert.truthy(run.err:find("nothing could be written for 2 s: ", 1, true), run.err)
    assert.truthy(run.err:find("Can't connect to database", 1, true), run.err)
    assert.truthy(run.err:find("run the same command", 1, true), run.err)
    server:order('postgres_launch "$(postgres_bin)"')
  end)

  -- What has been committed stays, the range is taken over when its lease is over.
  local function assert_left(run, text)
    assert.equals(3, run:wait(20).code, run:describe())
    assert.truthy(run.err:find("was stopped without its database, after %d+ rows that are known of" .. text), run.err)
    assert.truthy(run.err:find("run the same command", 1, true), run.err)
  end

  it("ends at the first interrupt and at the limits of time while it waits for it", function()
    begin(server, 4000)
    local run = start(200)
    p:ok("backfill set fill nice=1000") -- it shall not end by itself
    local limited = p:start("backfill run fill --max-time 3s")
    wait_for_workers(4)
    server:order("postgres_halt immediate")
    wait_for_text(run, "the connection is lost; connecting again", 20)
    run:kill("INT")
    assert_left(run, ": .*Can't connect to database")
    assert.truthy(run.err:find("stopping, without waiting for the database", 1, true), run.err)
    assert.equals(3, limited:wait(20).code, limited:describe()) -- a slow machine may not come to the wait
    assert.truthy(limited.err:find("--max-time is over", 1, true), limited.err)
    server:order('postgres_launch "$(postgres_bin)"')
    assert.truthy(p:ok("backfill status fill").out:find("stopped", 1, true))
    p:ok("backfill set fill nice=0")
    p:ok("backfill run fill")
    assert.equals("4000|1|1", p:sql("SELECT count(*), min(counter), max(counter) FROM people"))
  end)

  it("ends at the first interrupt before its first batch, too", function()
    begin(server, 200)
    p:sql("BEGIN; INSERT INTO people (id, counter) VALUES (-1, 0); PREPARE TRANSACTION 'two'")
    local run = p:start("backfill run fill")
    moonbird.wait_until("it waits", 20, function()
      return p:run("backfill status fill").out:find("waiting for a transaction", 1, true)
    end)
    server:order("postgres_halt immediate")
    wait_for_text(run, "the connection is lost", 20)
    run:kill("INT")
    assert.equals(3, run:wait(20).code, run:describe())
    assert.truthy(run.err:find("stopped while it waited for the database: ", 1, true), run.err)
    server:order('postgres_launch "$(postgres_bin)"')
    p:sql("ROLLBACK PREPARED 'two'")
    p:ok("backfill run fill")
    assert.equals("200|1|1", p:sql("SELECT count(*), min(counter), max(counter) FROM people"))
  end)

  it("that is frozen without a word: ends as well, at an interrupt too", function()
    begin(server, 6000, nil, "reconnect = 2s\nstatement_timeout = 1s\n")
    local run = start(200)
    local other = p:start("backfill run fill")
    wait_for_workers(4)
    local pid = p:sql("SELECT pg_read_file('postmaster.pid')"):match("%d+") -- it was restarted
    servers.signal(pid, "STOP")
    local ok, problem = pcall(function()
      other:kill("INT")
      assert_left(other, "")
      run:wait(60)
    end)
    servers.signal(pid, "CONT")
    assert(ok, problem)
    assert.equals(6, run.code, run:describe())
    assert.truthy(run.err:find("nothing could be written for 2 s: ", 1, true), run.err)
  end)
end)
