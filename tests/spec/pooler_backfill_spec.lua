-- A backfill with several workers and processes behind PgBouncer in transaction mode: killed at random instants,
-- joined, the pooler restarted. Each row is written once. backfill_workers_spec.lua stops workers behind it.

local moonbird = require("support.moonbird")
local servers = require("support.servers")

local fill = [[
return {
  table = "people",
  columns = { "counter" },
  workers = 3,
  size = 50,
  nice = %s,
  row = function(person)
    %s
    return { counter = person.counter + 1 }
  end,
}
]]

local function project(rows, nice, body)
  local p = moonbird.project("pooler", "lock_lease = 2s\n\n[backfill]\nlease = 2s\n")
  p:people(rows)
  p:backfill("fill", fill:format(nice or 0, body or ""))
  return p
end

local function done(p)
  local there = p:sql("SELECT to_regclass('moonbird_backfill_range') IS NOT NULL") == "t"
  return there and tonumber(p:sql("SELECT coalesce(sum(rows_done), 0) FROM moonbird_backfill_range")) or 0
end

local function counts(p)
  return p:sql("SELECT count(*), min(counter), max(counter) FROM people")
end

local function wait_for_rows(p, rows)
  moonbird.wait_until(rows .. " rows are done", 30, function()
    return done(p) >= rows
  end)
end

describe("a backfill", function()
  moonbird.behind_pooler(describe, pending, function()
    it("is killed again and again", function()
      local seed = tonumber(os.getenv("MOONBIRD_TEST_SEED")) or os.time()
      math.randomseed(seed)
      local p = project(2500, 1)
      for _ = 1, 6 do
        local run = p:start("backfill run fill")
        moonbird.sleep(0.2 + math.random() * 0.8)
        run:kill("KILL"):wait(10)
      end
      p:ok("backfill run fill")
      assert.equal("2500|1|1", counts(p), "with MOONBIRD_TEST_SEED=" .. seed)
      p:remove()
    end)

    it("is shared by two processes, one of which is killed", function()
      local p = project(2000, 1)
      local first = p:start("backfill run fill")
      wait_for_rows(p, 200)
      local second = p:start("backfill run fill --workers 2")
      wait_for_rows(p, 500)
      first:kill("KILL"):wait(10)
      assert.equal(0, second:wait(60).code)
      assert.equal("2000|1|1", counts(p))
      p:remove()
    end)

    -- The lease of the lock is renewed on a connection that the pooler's end has taken along.
    it("keeps the lock of its revision when the pooler restarts", function()
      local pooler = servers.start("pgbouncer")
      local p = moonbird.project("pooler", "lock_lease = 2s\n\n[backfill]\nlease = 2s\n", pooler.pooler_url)
      p:people(2000)
      p:revision("a1", nil, [[
        op.backfill({ table = "people", columns = { "counter" }, size = 20, nice = 40, row = function(person)
          return { counter = person.counter + 1 }
        end })
      ]])
      local run = p:start("upgrade head")
      wait_for_rows(p, 60)
      pooler:order("pgbouncer_restart")
      moonbird.sleep(3) -- longer than the lease
      local second = p:run("upgrade head --lock-timeout 0.1")
      assert.equal(5, second.code, second:describe())
      assert.is_true(run:is_running())
      p:ok("backfill set a1:1 nice=0")
      run:wait(60)
      assert.equal(0, run.code, run:describe())
      assert.equal("2000|1|1", counts(p))
      p:remove()
      pooler:stop()
    end)
  end)
end)
