-- What operators change while a backfill runs. A flag file holds the run until the wish is written, so that nothing
-- here depends on how fast the machine is.
local moonbird = require("support.moonbird")
local throttle = require("support.throttle")

-- One more on every row; it takes its time while there is a file "slow".
local FILL = [[
return {
  table = "people",
  columns = { "counter" },
  size = 10,
  throttle = { flag_file = "stop" },
  row = function(person)
    local slow = io.open("slow")
    if slow then
      slow:close()
      os.execute("sleep 0.1")
    end
    return { counter = person.counter + 1 }
  end,
}
]]

describe("while a backfill runs, an operator", function()
  moonbird.each_database(describe, pending, function(kind)
    local p

    before_each(function()
      p = moonbird.project(kind)
      p:people(300)
      p:backfill("fill", FILL)
    end)

    after_each(function()
      p:remove()
    end)

    -- A run that has begun, and waits before its first batch.
    local function start_held()
      p:write("stop", "")
      local run = p:start({ "backfill", "run", "fill", "--metrics", p:path("metrics.prom") })
      throttle.wait_for_text(run, "throttled: flag file")
      return run
    end

    local function assert_ends(run)
      local ended = run:wait(60)
      assert.equals(0, ended.code, ended:describe())
      assert.equals("1|1", p:sql("SELECT min(counter), max(counter) FROM people"))
    end

    it("sets the size, and the next batch has it", function()
      local run = start_held()
      p:ok("backfill set fill size=4")
      os.remove(p:path("stop"))
      assert_ends(run)
      assert.equals("4", p:sql("SELECT batch_size FROM moonbird_backfill"))
      local committed = p:read("metrics.prom"):match('batches_total{backfill="fill",result="committed"} (%d+)')
      assert.is_true(tonumber(committed) >= 75, committed .. " batches for 300 rows")
    end)

    it("sets the limits of the size, also beyond those of the script", function()
      p:backfill("fill", (FILL:gsub("size = 10,", "size = { start = 10, min = 10, max = 20 },")))
      local run = start_held()
      p:ok("backfill set fill max=4")
      os.remove(p:path("stop"))
      assert_ends(run)
      assert.equals("4", p:sql("SELECT batch_size FROM moonbird_backfill"))
    end)

    it("sets the time that a batch shall take, and they grow", function()
      p:backfill("fill", (FILL:gsub("size = 10,", "size = { start = 1, min = 1, target_ms = 1 },")))
      local run = start_held()
      p:ok("backfill set fill target_ms=100s")
      os.remove(p:path("stop"))
      assert_ends(run)
      assert.is_true(tonumber(p:sql("SELECT batch_size FROM moonbird_backfill")) > 5)
    end)

    if kind == "postgres" then
      it("sets the workers of each process, of one that has joined too", function()
        local function wait_for_workers(count)
          moonbird.wait_until(count .. " workers", 30, function()
            return p:sql("SELECT count(*) FROM moonbird_backfill_worker") == count
          end)
        end
        local runs = { start_held(), p:start("backfill run fill") }
        wait_for_workers("2")
        p:ok("backfill set fill workers=3")
        wait_for_workers("6")
        p:ok("backfill set fill workers=1")
        wait_for_workers("2")
        runs[3] = p:start("backfill run fill --workers 2")
        throttle.wait_for_text(runs[3], "warning: --workers 2 does not count: `backfill set` has workers=1; `moonbird")
        os.remove(p:path("stop"))
        for _, run in ipairs(runs) do
          assert_ends(run)
        end
        local log = p:sql("SELECT event, detail FROM moonbird_backfill_log ORDER BY at")
        assert.truthy(log:find("throttled|flag file: [^\n]*stop exists"), log)
        assert.truthy(log:find("unthrottled|after [%d.]+ s: flag file: "), log)
      end)
    end

    it("sets nice, and the next pause has it", function()
      -- batches of a second, and after each a pause of minutes
      p:backfill("fill", (FILL:gsub("size = 10,", "size = 10, nice = 1000,")))
      p:write("slow", "")
      local run = start_held()
      p:ok("backfill set fill nice=0")
      os.remove(p:path("stop"))
      moonbird.wait_until("the second batch", 30, function()
        return throttle.done(p) > 10
      end)
      os.remove(p:path("slow"))
      assert_ends(run)
    end)

    it("sets max_bad, and the first row beyond it ends the run", function()
      local text = FILL:gsub("size = 10,", 'size = 10, on_error = "quarantine",')
      p:backfill("fill", (text:gsub("    return {", '    assert(person.id ~= 50, "no such name")\n%0')))
      local run = start_held()
      p:ok("backfill set fill max_bad=0")
      os.remove(p:path("stop"))
      assert.equals(8, run:wait(60).code, run:describe())
      moonbird.contains(run.err, "more than 0 bad rows (max_bad), such as [50]")
      assert.is_true(throttle.done(p) < 60)
    end)

    it("pauses or cancels, and the run tells who and why", function()
      for verb, said in pairs({ pause = "is paused", cancel = "is cancelled" }) do
        local run = start_held()
        p:ok({ "backfill", verb, "fill", "--reason", "load test" })
        local ended = run:wait(30)
        assert.equals(3, ended.code, ended:describe())
        assert.truthy(ended.err:find(said .. ", after 0 rows: by [^\n]+@[^\n]+: load test\n"), ended.err)
        assert.is_nil(ended.err:find("\ngoes on\n", 1, true), ended.err) -- held, and then no more
        p:ok("backfill resume fill")
      end
    end)

    it("brakes, and no further batch begins", function()
      p:backfill("fill", (FILL:gsub("size = 10,", "size = 1,")))
      p:write("slow", "")
      local run = p:start("backfill run fill")
      moonbird.wait_until("rows", 20, function()
        return throttle.done(p) > 0
      end)
      p:ok({ "backfill", "throttle", "fill", "1h", "--reason", "incident 4711" })
      local before = throttle.done(p)
      throttle.wait_for_text(run, "throttled: braked by an operator")
      assert.truthy(throttle.stderr(run):find("braked by an operator: [^\n]+@[^\n]+: incident 4711\n"))
      local after = throttle.done(p)
      assert.is_true(after <= before + 1, ("%d batches were done under the brake"):format(after - before))
      assert.is_true(run:is_running())
      os.remove(p:path("slow"))
      p:ok("backfill unthrottle fill")
      assert_ends(run)
    end)
  end)
end)
