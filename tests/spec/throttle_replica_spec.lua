-- A backfill is held back by replicas that are behind and by WAL that a slot keeps: a real server and its real replica.

local moonbird = require("support.moonbird")
local servers = require("support.servers")
local throttle = require("support.throttle")

local project, done, assert_held, assert_ends =
  throttle.project, throttle.done, throttle.assert_held, throttle.assert_ends

describe("a replica", function()
  local cluster
  setup(function()
    local options = "-c log_statement=all -c log_line_prefix=%a|%n|"
    cluster = servers.start("replica", { env = { POSTGRES_OPTIONS = options } })
  end)
  teardown(function()
    cluster:stop()
  end)

  local function replica_sql(text)
    local command = ("psql -X -q -A -t %s -c %s"):format(moonbird.quote(cluster.replica_url), moonbird.quote(text))
    return (moonbird.shell(command):gsub("%s+$", ""))
  end

  local function pause_replay()
    replica_sql("SELECT pg_wal_replay_pause()")
    moonbird.wait_until("the replay stands still", 20, function()
      return replica_sql("SELECT pg_get_wal_replay_pause_state()") == "paused"
    end)
  end

  -- In looks, by the server's log: those of the limit, then two. There is one a second, so that is 2 s on a machine
  -- that keeps up; another one is late with its looks as well, but not with all of them.
  local function read_looks(p)
    local log = p:sql("SELECT pg_read_file(current_setting('data_directory') || '/../log')")
    local looks, looks_before_write, before_s, least_s = 0, 0, nil, math.huge
    for line in log:match(".*'the replay stands still'(.*)"):gmatch("[^\n]+") do
      local who, at_s = line:match("^(moonbird:%a+)[^|]*|([%d.]+)|")
      if who == "moonbird:throttle" and line:find("SELECT NULL::text, (pg_current_wal_lsn()", 1, true) then
        looks = looks + 1
        least_s = math.min(least_s, at_s - (before_s or -math.huge))
        before_s = at_s
      elseif who == "moonbird:backfill" and line:find("UPDATE people", 1, true) then
        looks_before_write = looks
      end
    end
    return looks, looks_before_write, least_s
  end

  local function assert_stopped_in_time(p, limit_s)
    moonbird.wait_until("two looks", 20, function()
      return read_looks(p) >= 2
    end)
    local looks, before_write, least_s = read_looks(p)
    assert.is_true(before_write <= limit_s + 2, ("written after %d looks"):format(before_write))
    assert.is_true(least_s < 1.5, ("%d looks, %g s from one to the next"):format(looks, least_s))
  end

  local function held_by_pause(definition, limit_s)
    local p = project("postgres", definition, { server_url = cluster.postgres_url, people = 1500 })
    local run = p:start("upgrade head")
    moonbird.wait_until("rows", 20, function()
      return done(p) > 50 and p:sql("SELECT throttled_since IS NULL FROM moonbird_backfill") == "t"
    end)
    pause_replay()
    p:sql("SELECT 'the replay stands still'")
    assert_held(p, run, "throttled: replica lag: ", 15)
    assert_stopped_in_time(p, limit_s)
    replica_sql("SELECT pg_wal_replay_resume()")
    assert_ends(p, run)
    p:remove()
  end

  it("that the server knows stands still: it stops, and goes on", function()
    held_by_pause('{ max_lag = "1s" }', 1)
  end)

  it("that is named stands still: it stops, and goes on", function()
    held_by_pause(('{ max_lag = "1s", replicas = %q }'):format(cluster.replica_url), 1)
  end)

  it("that is behind by bytes", function()
    held_by_pause('{ max_lag = false, max_lag_bytes = "1kB" }', 0)
  end)

  it("is behind, and the operator allows it while it runs", function()
    local p = project("postgres", '{ max_lag = "1s" }', { server_url = cluster.postgres_url, people = 1500 })
    local run = p:start("upgrade head")
    moonbird.wait_until("rows", 20, function()
      return done(p) > 50
    end)
    pause_replay()
    assert_held(p, run, "throttled: replica lag: ", 15)
    local reason = p:sql("SELECT throttle_reason FROM moonbird_backfill WHERE throttled_since IS NOT NULL")
    assert.truthy(reason:find("^replica lag: replica.*: [%d.]+ s, above 1 s$"), reason)
    p:ok({ "backfill", "set", "a1:1", "max_lag=off" })
    assert_ends(p, run)
    replica_sql("SELECT pg_wal_replay_resume()")
    assert.is_true(tonumber(p:sql("SELECT throttled_ms FROM moonbird_backfill")) >= 800)
    assert.equal("", p:sql("SELECT throttle_reason FROM moonbird_backfill"))
    p:remove()
  end)

  it("a role that may not see replicas is told at the start", function()
    local p = project("postgres", "nil", { server_url = cluster.postgres_url, people = 20 })
    p:sql("DROP ROLE IF EXISTS blind")
    p:sql("CREATE ROLE blind LOGIN PASSWORD 'blind'")
    p:sql(("GRANT ALL ON DATABASE %s TO blind"):format(p.database))
    p:sql("GRANT ALL ON SCHEMA public TO blind; GRANT ALL ON people TO blind")
    local url = p.url:gsub("//.-@", "//blind:blind@")
    local run = p:run({ "--url", url, "upgrade", "head" })
    assert.is_true(run.code ~= 0)
    local text = 'the role blind may not see how far replicas are behind: GRANT pg_read_all_stats TO "blind"'
    assert.truthy(run.err:find(text, 1, true), run.err)
    assert.equal(0, done(p))
    p:remove()
  end)

  local function held_by_slot(definition, meanwhile)
    local p = project("postgres", definition, { server_url = cluster.postgres_url, people = 800, sleep = "0.1" })
    p:sql("SELECT pg_create_physical_replication_slot('left_behind', true)")
    p:sql("CREATE TABLE big AS SELECT i, repeat('x', 500) FROM generate_series(1, 2000) i")
    local run = p:start("upgrade head")
    meanwhile(p)
    assert_held(p, run, "throttled: WAL kept by a replication slot: left_behind: ")
    p:sql("SELECT pg_drop_replication_slot('left_behind')")
    assert_ends(p, run)
    p:remove()
  end

  it("a replication slot keeps WAL", function()
    held_by_slot('{ max_slot_wal = "200kB" }', function() end)
  end)

  it("a limit that the definition turns off is set while it runs", function()
    held_by_slot("{ max_slot_wal = false, max_lag = false, max_lag_bytes = false }", function(p)
      moonbird.wait_until("rows", 20, function()
        return done(p) > 0
      end)
      p:ok("backfill set a1:1 max_slot_wal=200kB")
    end)
  end)

  -- The last one: from here on the cluster has two primaries.
  it("that is named is promoted: it is let go, said once; at the start it is refused", function()
    local definition = ('{ max_lag = "1s", replicas = %q }'):format(cluster.replica_url)
    local p = project("postgres", definition, { server_url = cluster.postgres_url, people = 800, sleep = "0.2" })
    local run = p:start("upgrade head")
    moonbird.wait_until("rows", 20, function()
      return done(p) > 20
    end)
    replica_sql("SELECT pg_promote()")
    throttle.wait_for_text(run, "is no replica any more")
    p:write("hurry", "")
    local ended = run:wait(60)
    assert.equal(0, ended.code, ended:describe())
    local _, said = ended.err:gsub("is no replica any more, it has become a primary", "")
    assert.equal(1, said, ended.err)
    assert.is_nil(ended.err:find("signal stale", 1, true), ended.err)
    p:revision("a2", "a1", ([[
      op.backfill({ table = "people", set = { counter = 5 }, throttle = %s })
    ]]):format(definition))
    local refused = p:fails(7, "upgrade head")
    assert.truthy(refused.err:find("it is no replica but a primary: take it out of `replicas`", 1, true), refused.err)
    p:remove()
  end)
end)
