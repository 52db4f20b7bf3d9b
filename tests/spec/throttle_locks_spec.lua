-- Sessions that wait for a backfill: an ALTER TABLE gets its lock while four workers run, and a row that the
-- application wants makes the batches smaller.

local moonbird = require("support.moonbird")
local throttle = require("support.throttle")

-- Runs psql in the background; gives a function that waits for its end and tells the seconds it took.
local function psql(p, name, text)
  local file = p:path(name)
  local inner = "s=$(date +%%s.%%N); psql -X -q -A -t -v ON_ERROR_STOP=1 %s -c %s >%s.out 2>&1; r=$?; "
  local command = inner:format(moonbird.quote(p.shell_url), moonbird.quote(text), file)
  os.execute(("( %s echo $r $s $(date +%%s.%%N) >%s.new; mv %s.new %s ) &"):format(command, file, file, file))
  return function(seconds)
    moonbird.wait_until(name, seconds, function()
      return p:read(name)
    end)
    local code, from, to = p:read(name):match("(%d+) (%S+) (%S+)")
    return tonumber(code), tonumber(to) - tonumber(from), p:read(name .. ".out")
  end
end

describe("a session that waits", function()
  if not moonbird.postgres_url then
    pending("$MOONBIRD_TEST_POSTGRES_URL is not set")
    return
  end

  it("ALTER TABLE gets its lock while four workers run", function()
    local p = moonbird.project("postgres")
    p:people(40000)
    p:revision("a1", nil, [[
      op.backfill({
        table = "people",
        columns = { "counter" },
        workers = 4,
        size = 50,
        throttle = { lock_yield = "3s" },
        batch = function(batch)
          db:query("SELECT pg_sleep(0.4)")
          db:exec("UPDATE people SET counter = counter + 1 WHERE " .. batch.range.predicate, batch.range.values)
        end,
      })
    ]])
    local run = p:start("upgrade head")
    moonbird.wait_until("rows", 30, function()
      return throttle.done(p) > 400
    end)
    local code, seconds, out = psql(p, "alter", "ALTER TABLE people ADD COLUMN extra text")(30)
    assert.equal(0, code, out)
    -- 2 s and one batch of 0.4 s; the rest is for a machine that is busy
    assert.is_true(seconds < 8, ("it waited %.1f s for its lock"):format(seconds))
    moonbird.wait_until("rows after it", 30, function()
      return throttle.done(p) > 600
    end)
    run:kill("TERM")
    assert.equal(3, run:wait(30).code)
    assert.equal("1", p:sql("SELECT max(counter) FROM people"))
    p:remove()
  end)

  it("for a table lock: the batch ends, then it yields", function()
    local p = moonbird.project("postgres")
    p:people(1000)
    p:revision("a1", nil, [[
      op.backfill({
        table = "people",
        size = 50,
        throttle = { lock_yield = "4s" },
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
    local altered = psql(p, "alter", "ALTER TABLE people ADD COLUMN extra text")
    throttle.wait_for_text(run, "throttled: table lock: yields to a session that waits for it (pid ")
    assert.truthy(throttle.stderr(run):find("table people", 1, true))
    local code, _, out = altered(20)
    assert.equal(0, code, out)
    throttle.wait_for_text(run, "goes on")
    run:kill("TERM")
    run:wait(30)
    assert.truthy(tonumber(p:sql("SELECT throttled_ms FROM moonbird_backfill")) >= 2000)
    p:remove()
  end)

  it("for a row: the batches get smaller", function()
    -- with effects outside rows are locked as they are read
    local keys = 'effects = "external",'
    local p = throttle.project("postgres", "nil", { people = 20000, size = 2000, sleep = "0.02", keys = keys })
    local run = p:start("upgrade head", { env = { MOONBIRD_PROGRESS_INTERVAL = "500ms" } })
    -- the application wants rows that the batch in progress has locked
    for i = 1, 12 do
      psql(p, "update" .. i, "UPDATE people SET full_name = full_name WHERE id % 100 = 0 AND id < 20000")
      moonbird.sleep(0.5)
    end
    local ok = pcall(moonbird.wait_until, "smaller batches", 30, function()
      return throttle.stderr(run):find("batches of 1000,", 1, true)
        or throttle.stderr(run):find("batches of 500,", 1, true)
    end)
    assert.is_true(ok, throttle.stderr(run))
    run:kill("TERM")
    run:wait(40)
    p:remove()
  end)
end)
