-- SQLite's promise: one worker at a time on a file, and kill -9 or SIGSTOP at any place of a batch neither doubles nor
-- skips a row. What several workers promise elsewhere is in backfill_workers_spec.
local moonbird = require("support.moonbird")

-- `signal` is sent to the program once, from row `at` of the run that finds no file `struck`.
local function strike(signal, at)
  return ([[
return {
  table = "people", columns = { "counter" }, size = 50,
  row = function(person)
    if person.id == %d and not io.open("struck") then
      io.open("struck", "w"):close()
      os.execute("kill -%s $PPID; sleep 0.1")
    end
    return { counter = person.counter + 1 }
  end,
}]]):format(at, signal)
end

describe("a backfill of a SQLite file", function()
  local p
  before_each(function()
    p = moonbird.project("sqlite", "\n[backfill]\nlease = 1s\n")
    p:people(400)
  end)
  after_each(function()
    p:remove()
  end)

  local function assert_done()
    assert.equals("400|1|1", p:sql("SELECT count(*), min(counter), max(counter) FROM people"))
    assert.equals("done|400", p:sql("SELECT observed, rows_done FROM moonbird_backfill"))
  end

  local function wait_for_strike()
    moonbird.wait_until("the strike", 20, function()
      return p:read("struck")
    end)
  end

  -- the first, a middle and the last row of a batch, of the first and of the last batch
  for _, at in ipairs({ 1, 50, 51, 225, 351, 400 }) do
    it("that was killed at row " .. at .. " goes on, each row once", function()
      p:backfill("fill", strike("KILL", at))
      local first = p:start("backfill run fill")
      wait_for_strike()
      first:wait(20)
      assert.is_true(first.code ~= 0, first:describe())
      p:ok("backfill run fill", { timeout = 30 })
      assert_done()
    end)
  end

  it("that is stopped inside of a batch is waited for by a second process", function()
    p:backfill("fill", strike("STOP", 60))
    local first = p:start("backfill run fill")
    wait_for_strike()
    local second = p:start("backfill run fill")
    moonbird.sleep(2) -- longer than the lease
    assert.is_true(second:is_running())
    assert.equals("0", p:sql("SELECT count(*) FROM people WHERE counter > 0 AND id > 50"))
    first:kill("CONT")
    assert.equals(0, first:wait(30).code, first:describe())
    assert.equals(0, second:wait(30).code, second:describe())
    assert.truthy(second.err:find("waiting for the lock that ", 1, true), second:describe())
    assert_done()
  end)

  it("is run by two processes at once, each row once", function()
    p:backfill("fill", strike("CONT", 1))
    local first, second = p:start("backfill run fill"), p:start("backfill run fill")
    assert.equals(0, first:wait(30).code, first:describe())
    assert.equals(0, second:wait(30).code, second:describe())
    assert_done()
  end)

  -- They do not stand in a line: whoever waits looks every 100 ms whether the file is free just then.
  it("lets the application write, though its batches come one upon another", function()
    p:backfill("fill", [[
return {
  table = "people", columns = { "counter" }, size = 1,
  row = function(person)
    os.execute("sleep 0.1")
    return { counter = person.counter + 1 }
  end,
}]])
    p:sql("CREATE TABLE visit (at text)")
    local run = p:start("backfill run fill")
    moonbird.wait_until("the first batch", 20, function()
      return p:sql("SELECT count(*) FROM people WHERE counter > 0") ~= "0"
    end)
    for _ = 1, 4 do
      p:sql("INSERT INTO visit VALUES (datetime())")
    end
    assert.is_true(run:is_running())
    run:kill("INT")
    run:wait(30)
  end)
end)
