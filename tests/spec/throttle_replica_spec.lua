-- A backfill is held back by replicas that are behind and by WAL that a slot keeps: a real server and its real replica.

local moonbird = require("support.moonbird")
local servers = require("support.servers")
local throttle = require("support.throttle")

local project, done, assert_held, assert_ends =
  throttle.project, throttle.done, throttle.assert_held, throttle.assert_ends

describe("a replica", function()
  local cluster
  setup(function()
    cluster = servers.start("replica")
  end)
  teardown(function()
    cluster:stop()
  end)

  local function replica_sql(text)
    local command = ("psql -X -q -A -t %s -c %s"):format(moonbird.quote(cluster.replica_url), moonbird.quote(text))
    return (moonbird.shell(command):gsub("%s+$", ""))
  end

  -- By the database's clock: the limit, 2 s from then to the last commit, and 3 s for a machine that is busy.
  local function assert_stopped_in_time(p, paused_at)
    local question = "SELECT extract(epoch FROM max(committed_at) - '%s') FROM moonbird_backfill_range"
    local seconds = tonumber(p:sql(question:format(paused_at)))
    assert.is_true(seconds <= 1 + 2 + 3, ("the last commit was %.2f s after the replica stood still"):format(seconds))
  end

  local function held_by_pause(definition)
    local p = project("postgres", definition, { server_url = cluster.postgres_url, people = 1500 })
    local run = p:start("upgrade head")
    moonbird.wait_until("rows", 20, function()
      return done(p) > 50
    end)
    local paused_at = p:sql("SELECT clock_timestamp()")
    replica_sql("SELECT pg_wal_replay_pause()")
    assert_held(p, run, "throttled: replica lag: ", 15)
    assert_stopped_in_time(p, paused_at)
    replica_sql("SELECT pg_wal_replay_resume()")
    assert_ends(p, run)
    p:remove()
  end

  it("that the server knows stands still: it stops, and goes on", function()
    held_by_pause('{ max_lag = "1s" }')
  end)

  it("that is named stands still: it stops, and goes on", function()
    held_by_pause(('{ max_lag = "1s", replicas = %q }'):format(cluster.replica_url))
  end)

  it("that is behind by bytes", function()
    held_by_pause('{ max_lag = false, max_lag_bytes = "1kB" }')
  end)

  it("is behind, and the operator allows it while it runs", function()
    local p = project("postgres", '{ max_lag = "1s" }', { server_url = cluster.postgres_url, people = 1500 })
    local run = p:start("upgrade head")
    moonbird.wait_until("rows", 20, function()
      return done(p) > 50
    end)
    replica_sql("SELECT pg_wal_replay_pause()")
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

  it("a replication slot keeps WAL", function()
    local p = project("postgres", '{ max_slot_wal = "200kB" }', { server_url = cluster.postgres_url })
    p:sql("SELECT pg_create_physical_replication_slot('left_behind', true)")
    p:sql("CREATE TABLE big AS SELECT i, repeat('x', 500) FROM generate_series(1, 2000) i")
    local run = p:start("upgrade head")
    assert_held(p, run, "throttled: WAL kept by a replication slot: left_behind: ")
    p:sql("SELECT pg_drop_replication_slot('left_behind')")
    assert_ends(p, run)
    p:remove()
  end)

  -- The last one: from here on the cluster has two primaries.
  it("that is named is promoted: it is let go, said once; at the start it is refused", function()
    local definition = ('{ max_lag = "1s", replicas = %q }'):format(cluster.replica_url)
    local p = project("postgres", definition, { server_url = cluster.postgres_url, people = 800 })
    local run = p:start("upgrade head")
    moonbird.wait_until("rows", 20, function()
      return done(p) > 50
    end)
    replica_sql("SELECT pg_promote()")
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
