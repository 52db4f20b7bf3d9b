-- What operators ask of a backfill: pause, resume, cancel, set, the brake, retry, forget.
local moonbird = require("support.moonbird")
local contains = moonbird.contains

-- One more on every row; a row called "poison" cannot be done.
local FILL = [[
return {
  table = "people",
  columns = { "counter", "full_name" },
  size = 10,
  on_error = "quarantine",
  row = function(person)
    if person.full_name == "poison" then
      error("no such name")
    end
    return { counter = person.counter + 1 }
  end,
}
]]

describe("an operator", function()
  moonbird.each_database(describe, pending, function(kind)
    local p

    before_each(function()
      p = moonbird.project(kind)
      p:people(100)
      p:backfill("fill", FILL)
      p:fails(3, "backfill run fill --max-rows 20")
    end)

    after_each(function()
      p:remove()
    end)

    local function state()
      return p:sql("SELECT desired, observed FROM moonbird_backfill")
    end

    local function log()
      return p:sql("SELECT event, detail, reason FROM moonbird_backfill_log ORDER BY at")
    end

    it("pauses, and run goes on", function()
      contains(p:ok({ "backfill", "pause", "fill", "--reason", "too hot" }).err, "`moonbird backfill run fill` goes on")
      assert.equals("pause|paused", state())
      contains(log(), "paused||too hot")
      local status = p:ok("backfill status fill").out
      assert.truthy(status:find("^fill  people +paused\n"), status)
      assert.truthy(status:find("\n  paused +%d[%d-]+ [%d:]+, [%w ]+, by [^\n]+@[^\n]+: too hot\n"), status)
      contains(status, "\n  workers      none; 'moonbird backfill run fill' goes on\n")
      contains(p:ok("backfill status fill --json").out, '"why": "too hot"')
      local err = p:ok("backfill run fill").err
      assert.truthy(err:find("backfill fill was paused by %S+@%S+ [^\n]+: too hot; this run ends the pause"), err)
      assert.truthy(err:find(" just now: too hot", 1, true) or err:find(" [%d.]+ s ago: too hot"), err)
      assert.equals("100|1|1", p:sql("SELECT count(*), min(counter), max(counter) FROM people"))
      for _, words in ipairs({ "pause fill", "throttle fill 5m", "unthrottle fill" }) do
        contains(p:ok("backfill " .. words).err, "nothing to do: backfill fill is done")
      end
      assert.is_nil(p:ok("backfill status fill").out:find("brake", 1, true))
      assert.equals("run|done", state())
    end)

    it("interrupts, and status says so", function()
      local status = p:ok("backfill status fill").out
      assert.truthy(status:find("^fill  people +stopped\n"), status)
      assert.truthy(status:find("\n  stopped +%d[^\n]+: %-%-max%-rows is reached\n"), status)
      for _, signal in ipairs({ "INT", "TERM", "HUP" }) do
        p:ok("backfill set fill nice=50")
        local run = p:start("backfill run fill", { before = { "env", "--default-signal=HUP" } })
        moonbird.wait_until("a worker has begun", 20, function()
          return p:sql("SELECT count(*) FROM moonbird_backfill_worker") == "1"
        end)
        run:kill(signal)
        assert.equals(3, run:wait().code, run:describe())
        status = p:ok("backfill status fill").out
        assert.truthy(status:find("^fill  people +stopped\n"), status)
        assert.truthy(status:find("\n  stopped +%d[^\n]+: SIG" .. signal .. "\n"), status)
        contains(status, "\n  workers      none; 'moonbird backfill run fill' goes on\n")
        contains(p:fails(3, "backfill status --exit-code").err, "the backfill 'fill' is stopped")
        contains(p:ok("backfill status fill --json").out, '"last_error": null')
      end
      local run = p:ok("backfill run fill")
      assert.falsy(run.err:find("paused", 1, true), run.err)
    end)

    it("cancels, and takes it up again on purpose", function()
      p:ok({ "backfill", "cancel", "fill", "--reason", "the wrong one" })
      assert.equals("cancel|cancelled", state())
      local status = p:ok("backfill status fill").out
      contains(status, ": the wrong one\n")
      contains(status, "none; 'moonbird backfill resume fill' takes it up again")
      local run = p:fails(3, "backfill run fill")
      contains(run.err, "backfill fill was cancelled")
      contains(run.err, "moonbird backfill resume fill")
      contains(p:ok("backfill pause fill").err, "nothing to do: backfill fill is cancelled")
      assert.equals("cancel|cancelled", state())
      p:ok("backfill resume fill")
      assert.equals("run|paused", state())
      p:ok("backfill run fill")
      assert.equals("100|1|1", p:sql("SELECT count(*), min(counter), max(counter) FROM people"))
    end)

    it("changes settings, checked and logged", function()
      p:ok("backfill set fill size=5 nice=0.01")
      p:ok("backfill set fill nice= max_bad=7")
      assert.equals('{"size":5,"max_bad":7}', p:sql("SELECT overrides FROM moonbird_backfill"))
      contains(log(), "set|size=5 nice=0.01|")
      local limit, off, other = "max_lag_bytes=65536KiB", "max_lag", "max_wal"
      if kind == "sqlite" then
        limit, off, other = "max_wal=65536KiB", "max_wal", "max_lag"
      end
      p:ok("backfill set fill " .. limit)
      local shown = ("\n  set          size=5 max_bad=7 %s=64MiB\n"):format(limit:match("^[^=]+"))
      contains(p:ok("backfill status fill").out, shown)
      p:ok(("backfill set fill %s=off"):format(off))
      contains(p:ok("backfill status fill --json").out, ('"%s": false'):format(off))
      contains(p:fails(2, ("backfill set fill %s=999"):format(other)).err, other .. ": this database has no such")
      contains(p:ok("backfill set fill nice=2 max_wal= max_lag= max_lag_bytes=").err,
        "fill: nice=2, max_wal as defined, max_lag as defined, max_lag_bytes as defined; from the next batch on")
      p:ok("backfill set fill nice=")
      local warned = p:ok("backfill set fill workers=2").err:find("one connection writes at a time", 1, true) ~= nil
      assert.equals(kind == "sqlite", warned)
      contains(p:fails(2, "backfill set fill sise=5").err, "did you mean 'size'?")
      for given, range in pairs({
        ["workers=0"] = "workers must be a whole number from 1 to 64, not '0'",
        ["workers=many"] = "workers must be a whole number from 1 to 64, not 'many'",
        ["size=0"] = "size must be a whole number from 1 to 1000000000, not '0'",
        ["nice=-1"] = "nice must be a number from 0 to 1000, not '-1'",
        ["target_ms=2h"] = "target_ms must be milliseconds or a duration from 1 to 3600000, not '2h'",
        ["max_lag=0"] = "max_lag must be a duration from 0.001s to 86400s, or off, not '0'",
        ["max_wal=much"] = "max_wal must be a size in bytes from 1 to 1024TiB, or off, not 'much'",
        ["min=9 max=8"] = "min=9 is above max=8",
        ["nice=1 nice=2"] = "nice stands twice",
      }) do
        contains(p:fails(2, "backfill set fill " .. given).err, range)
      end
      contains(p:fails(2, "backfill set fill").err, "the argument KEY=VALUE is missing")
      local json = p:ok("backfill set fill workers=1 --json").out
      contains(json, '"workers": 1')
      p:ok("backfill run fill")
      assert.equals("5", p:sql("SELECT batch_size FROM moonbird_backfill"))
    end)

    it("keeps what a colleague sets at the same moment", function()
      for _ = 1, 3 do
        p:ok("backfill set fill nice= max_bad= size=")
        local runs = {}
        for i, words in ipairs({ "nice=2", "max_bad=9", "size=5" }) do
          runs[i] = p:start("backfill set fill " .. words)
        end
        for _, run in ipairs(runs) do
          assert.equals(0, run:wait().code, run:describe())
        end
        local overrides = p:sql("SELECT overrides FROM moonbird_backfill")
        for _, part in ipairs({ '"nice":2', '"max_bad":9', '"size":5' }) do
          contains(overrides, part)
        end
      end
    end)

    it("brakes all, and the brake ends by itself", function()
      local brake = { "backfill", "throttle", "--all", "2s", "--reason", "incident\n\27[2J4711" }
      contains(p:ok(brake).err, "no batch begins for 2 s: fill")
      local status = p:ok("backfill status fill").out
      assert.truthy(status:find("\n  brake        for %d s, by %S+@%S+: incident %?%[2J4711\n"), status)
      local begun = os.time()
      p:ok("backfill run fill")
      assert.is_true(os.time() - begun >= 1)
      assert.equals("100|1|1", p:sql("SELECT count(*), min(counter), max(counter) FROM people"))
      contains(p:ok("backfill unthrottle --all").err, "no backfill is open in this database")
    end)

    it("brakes all beside colleagues who do the same", function()
      local brakes = {}
      for i = 1, 6 do
        brakes[i] = p:start(("backfill throttle --all %dm"):format(i))
      end
      for _, brake in ipairs(brakes) do
        assert.equals(0, brake:wait().code, brake:describe())
      end
      assert.equals("1", p:sql("SELECT count(*) FROM moonbird_backfill_brake"))
    end)

    it("brakes also what is registered meanwhile", function()
      p:ok("backfill forget fill --yes")
      p:sql("UPDATE people SET counter = 0")
      contains(p:ok("backfill throttle --all 1h --reason incident").err,
        "no batch begins for 1 h 00 min, of backfills that are registered from now on")
      contains(p:ok("backfill status").err, "the brake for all lasts for another ")
      local run = p:start("backfill run fill")
      moonbird.wait_until("it is held", 20, function()
        local _, err = run:so_far()
        return err:find("throttled: braked by an operator", 1, true)
      end)
      contains(p:ok("backfill status fill").out, ": incident")
      assert.equals("0", p:sql("SELECT sum(counter) FROM people"))
      contains(p:ok("backfill unthrottle --all").err, "the brake is off: fill")
      assert.equals(0, run:wait(30).code, run:describe())
      assert.equals("100|1|1", p:sql("SELECT count(*), min(counter), max(counter) FROM people"))
      assert.is_nil(p:ok("backfill status").out:find("brake", 1, true))
    end)

    it("leaves alone what was released by its name", function()
      p:ok("backfill throttle --all 1h")
      p:ok("backfill unthrottle fill")
      p:ok("backfill run fill")
      assert.equals("100|1|1", p:sql("SELECT count(*), min(counter), max(counter) FROM people"))
      assert.is_nil(p:ok("backfill status fill").out:find("by an operator", 1, true))
    end)

    it("takes a brake off", function()
      p:ok("backfill throttle fill 1h")
      contains(p:ok("backfill unthrottle fill").err, "the brake is off: fill")
      contains(p:ok("backfill unthrottle fill").err, "nothing to do: there was no brake on backfill fill")
      contains(p:ok("backfill unthrottle --all").err, "nothing to do: there was no brake")
      assert.falsy(log():find("brake released.*brake released"))
      assert.is_nil(p:ok("backfill status fill").out:find("brake", 1, true))
      contains(p:fails(2, "backfill throttle fill soon").err, "'soon' is no duration")
      contains(p:fails(2, "backfill throttle").err, "the argument DURATION is missing")
      contains(p:fails(2, "backfill throttle 30m").err, "give the name of a backfill, or --all")
      contains(p:fails(2, "backfill throttle --all fill 30m").err, "give the name of a backfill, or --all")
    end)

    it("has failed ranges done again", function()
      p:backfill("fill", (FILL:gsub('"quarantine"', '"stop"')))
      p:sql("UPDATE people SET full_name = 'poison' WHERE id = 50")
      p:fails(1, "backfill run fill")
      local status = p:ok("backfill status fill").out
      assert.truthy(status:find("\n  failed       %d[^\n]+, by %S+@%S+\n"), status)
      assert.truthy(status:find("\n  last error   [^\n]*row id = 50:.*no%s"), status)
      contains(status, "\n  ranges       1 of 1 failed; the next run does them again\n")
      contains(p:ok("backfill retry fill").err, "failed ranges to do again: 1")
      assert.equals("pending", p:sql("SELECT state FROM moonbird_backfill_range WHERE state <> 'done'"))
      p:sql("UPDATE people SET full_name = 'Ada' WHERE id = 50")
      p:ok("backfill run fill")
      assert.equals("100|1|1", p:sql("SELECT count(*), min(counter), max(counter) FROM people"))
    end)

    it("forgets, when that is meant, and keeps the log", function()
      contains(p:fails(2, "backfill forget fill").err, "add --yes")
      p:ok("backfill forget fill --yes")
      assert.equals("0|0", p:sql([[
        SELECT (SELECT count(*) FROM moonbird_backfill), (SELECT count(*) FROM moonbird_backfill_range)]]))
      contains(log(), "forgotten||")
      local run = p:fails(2, "backfill pause fill")
      contains(run.err, "there is no backfill 'fill' in this database")
      contains(run.err, "'moonbird backfill run fill' begins it")
    end)
  end)
end)

describe("an operator without any backfill", function()
  it("is told so, and nothing is made", function()
    local p = moonbird.project("sqlite")
    for _, words in ipairs({ "pause x", "cancel x", "set x nice=1", "bad list x", "retry x", "forget x --yes" }) do
      contains(p:fails(2, "backfill " .. words).err, "there is no backfill 'x' in this database")
    end
    contains(p:ok("backfill unthrottle --all").err, "no backfill is open in this database")
    assert.equals("", p:tables())
    p:remove()
  end)
end)

describe("a pause of a backfill inside of a revision", function()
  it("keeps its reason, however often the revision is tried", function()
    local p = moonbird.project("sqlite")
    p:people(10)
    p:revision("a1", nil, [[op.backfill({ table = "people", size = 1, row = function(person)
      assert(person.id < 5 or os.getenv("GO"), "not yet")
      return { counter = person.counter + 1 }
    end })]])
    p:fails(7, "upgrade head")
    local said = p:ok({ "backfill", "pause", "a1:1", "--reason", "night" }).err
    contains(said, "`moonbird backfill resume a1:1 && moonbird upgrade a1` goes on")
    for _ = 1, 2 do
      assert.truthy(p:fails(3, "upgrade head").err:find("is paused, after 4 rows: by %S+@%S+: night\n"))
    end
    p:ok("backfill resume a1:1")
    p:ok("upgrade head", { env = { GO = "1" } })
    assert.equals("10|1|1", p:sql("SELECT count(*), min(counter), max(counter) FROM people"))
    p:remove()
  end)
end)
