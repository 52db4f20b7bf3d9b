-- A replica that does not answer any more is not one without lag: the backfill stops when what it knows has grown old.

local moonbird = require("support.moonbird")
local servers = require("support.servers")
local throttle = require("support.throttle")

local project, done, assert_held = throttle.project, throttle.done, throttle.assert_held

describe("a replica", function()
  it("that does not answer any more: signal stale", function()
    local cluster = servers.start("replica")
    local p = project("postgres", ("{ replicas = %q }"):format(cluster.replica_url), {
      server_url = cluster.postgres_url,
      people = 20000,
    })
    local run = p:start("upgrade head")
    moonbird.wait_until("rows", 20, function()
      return done(p) > 50
    end)
    servers.signal(cluster.replica_pid, "STOP")
    assert_held(p, run, "signal stale", 30)
    assert.is_nil(throttle.stderr(run):find("moon%3Abird", 1, true))
    servers.signal(cluster.replica_pid, "CONT")
    throttle.wait_for_text(run, "goes on")
    run:kill("TERM") -- SIGINT is passed over while the script waits for its sleep
    assert.equal(3, run:wait(30).code)
    p:remove()
    cluster:stop()
  end)
end)
