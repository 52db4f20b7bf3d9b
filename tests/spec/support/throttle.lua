-- For the specs of what holds a backfill back: a backfill that takes its time, and what to expect of it.

local assert = require("luassert")
local moonbird = require("support.moonbird")

local throttle = {}

--- A project with people and a backfill whose `throttle` is this Lua text. A batch of 10 takes its time, but for those
--- after assert_ends.
function throttle.project(kind, definition, options)
  options = options or {}
  local p = moonbird.project(kind, options.ini, options.server_url)
  p:people(options.people or 120)
  p:revision(
    "a1",
    nil,
    ([[
    op.backfill({
      table = "people",
      columns = { "counter" },
      size = %d,
      nice = %s,
      throttle = %s,
      %s
      row = function(person)
        if person.id %% 10 == 0 and not io.open("hurry") then
          os.execute("sleep %s")
        end
        return { counter = person.counter + 1 }
      end,
    })
  ]]):format(options.size or 10, options.nice or "0", definition, options.keys or "", options.sleep or "0.02")
  )
  return p
end

function throttle.done(p)
  return tonumber(p:sql("SELECT count(*) FROM people WHERE counter = 1"))
end

function throttle.stderr(run)
  local _, err = run:so_far()
  return err
end

--- Waits for a text behind so many bytes of what the run has said; no longer than the run goes on.
function throttle.wait_for_text(run, text, seconds, behind)
  local ok = pcall(moonbird.wait_until, text, seconds or 20, function()
    local goes_on = run:is_running()
    local found = throttle.stderr(run):find(text, (behind or 0) + 1, true)
    assert(found or goes_on, "it has ended")
    return found
  end)
  assert(ok, ("waited in vain for %q in:\n%s"):format(text, throttle.stderr(run)))
end

--- Waits for the reason, and makes sure that nothing is written meanwhile.
function throttle.assert_held(p, run, text, seconds)
  throttle.wait_for_text(run, text, seconds)
  local before = throttle.done(p)
  moonbird.wait_until("it stands still", 5, function() -- the batch that was open may end
    local now = before
    moonbird.sleep(0.4)
    before = throttle.done(p)
    return before == now
  end)
  assert.is_true(before < tonumber(p:sql("SELECT count(*) FROM people")), "nothing was left to hold back")
  assert.is_true(run:is_running())
end

--- It goes on and writes each row once.
function throttle.assert_ends(p, run)
  throttle.wait_for_text(run, "goes on")
  p:write("hurry", "")
  local ended = run:wait(60)
  assert.equal(0, ended.code, ended:describe())
  assert.equal("1|1", p:sql("SELECT min(counter), max(counter) FROM people"))
end

return throttle
