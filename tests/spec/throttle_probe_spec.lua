-- A probe that cannot be read any more says nothing, which is not "go": the backfill stops when its last answer has
-- grown old, tells why, and goes on with the next answer.

local moonbird = require("support.moonbird")
local throttle = require("support.throttle")

describe("a probe", function()
  it("that fails later: signal stale", function()
    local p = throttle.project(
      "sqlite",
      '{ probe = function() assert(not io.open("broken"), "the queue is gone") end }',
      { people = 20000 }
    )
    local run = p:start("upgrade head")
    moonbird.wait_until("rows", 20, function()
      return throttle.done(p) > 0
    end)
    p:write("broken", "")
    throttle.assert_held(p, run, "throttled: probe: signal stale, last read ", 30)
    assert.truthy(throttle.stderr(run):find("the queue is gone)", 1, true), throttle.stderr(run))
    os.remove(p:path("broken"))
    throttle.wait_for_text(run, "goes on")
    run:kill("TERM")
    assert.equal(3, run:wait(30).code)
    p:remove()
  end)
end)
