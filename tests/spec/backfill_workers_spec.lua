-- Several processes on one backfill when one of them is stopped, fenced, cancelled, or loses its connection. PostgreSQL
-- only: elsewhere there is one worker. What the ranges' claims promise is told once more through PgBouncer.
local moonbird = require("support.moonbird")

local LEASE = "\n[backfill]\nlease = 2s\n"

-- 50 rows a batch; `body` runs first in each call of row().
local function add_one(keys, body)
  return ([[
return {
  table = "people", columns = { "counter" }, size = 50, %s
  row = function(person)
    %s
    return { counter = person.counter + 1 }
  end,
}]]):format(keys or "", body or "")
end

local function with_and_without_pooler(f)
  if moonbird.postgres_url then
    describe("on PostgreSQL", function()
      f("postgres")
    end)
  else
    pending("on PostgreSQL: $MOONBIRD_TEST_POSTGRES_URL is not set")
  end
  moonbird.behind_pooler(describe, pending, f)
end

describe("workers of a backfill", function()
  with_and_without_pooler(function(kind)
    local p
    before_each(function()
      p = moonbird.project(kind, LEASE)
    end)
    after_each(function()
      p:remove()
    end)

    local function define(text)
      p:backfill("fill", text)
    end

    local function counts()
      return p:sql("SELECT count(*), min(counter), max(counter) FROM people")
    end

    -- Rows that are committed, 0 before there are tables.
    local function done()
      local there = p:sql("SELECT to_regclass('moonbird_backfill_range') IS NOT NULL") == "t"
      return there and tonumber(p:sql("SELECT coalesce(sum(rows_done), 0) FROM moonbird_backfill_range")) or 0
    end

    local function wait_for_rows(rows)
      moonbird.wait_until(rows .. " rows are done", 20, function()
        return done() >= rows
      end)
    end

    local function wait_for_sleeper(pid_file)
      moonbird.wait_until("a worker sleeps inside of its batch", 20, function()
        return p:read(pid_file) ~= nil
      end)
    end

    it("that was stopped past its lease is fenced when it wakes, and no row is done twice", function()
      p:people(3000)
      define(add_one("nice = 2,"))
      local first = p:start("backfill run fill")
      wait_for_rows(100)
      -- between two batches: nice keeps it there for two thirds of the time
      moonbird.wait_until("it is stopped while no transaction is open", 20, function()
        first:kill("STOP")
        moonbird.sleep(0.1)
        local open = p:sql("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
          .. " AND state = 'idle in transaction'")
        if open == "0" then
          return true
        end
        first:kill("CONT")
        moonbird.sleep(0.03)
      end)
      local second = p:ok("backfill run fill")
      assert.equals("3000|1|1", counts())
      first:kill("CONT"):wait(20)
      assert.equals("3000|1|1", counts())
      assert.truthy(first.code == 0, first:describe())
      assert.truthy(first.err:find("was taken over", 1, true) or first.err:find("done", 1, true), first:describe())
      assert.truthy(second)
    end)

    -- The last range is that of the stopped one: nobody takes it while its transaction is open, nobody says "done".
    it("that was stopped inside of a batch keeps its range, and the others wait for it", function()
      p:people(1500)
      define(add_one("", [[
    if person.id == 60 and not io.open("slept") then
      io.open("slept", "w"):close()
      os.execute("kill -STOP $PPID")
    end]]))
      local first = p:start("backfill run fill")
      wait_for_sleeper("slept")
      local second = p:start("backfill run fill")
      wait_for_rows(500)
      moonbird.sleep(3) -- longer than the lease
      assert.is_true(second:is_running())
      assert.equals("running", p:sql("SELECT observed FROM moonbird_backfill"))
      assert.equals("0", p:sql("SELECT count(*) FROM people WHERE id <= 60 AND id > 50 AND counter > 0"))
      first:kill("CONT")
      assert.equals(0, second:wait(30).code, second:describe())
      assert.equals(0, first:wait(30).code, first:describe())
      assert.equals("1500|1|1", counts())
    end)

    it("ends although ten rows are inserted for each one that it does", function()
      p:people(1000)
      define(add_one("nice = 30,"))
      local run = p:start("backfill run fill")
      wait_for_rows(50)
      local writer = moonbird.start(p.folder, { "-X", "-q", p.shell_url or p.url, "-c",
        "DO $$ BEGIN FOR i IN 1..100000 LOOP INSERT INTO people SELECT 1000 + i * 500 + n, 'x', 1 FROM "
          .. "generate_series(1, 500) AS n; COMMIT; PERFORM pg_sleep(0.005); END LOOP; END $$" }, { program = "psql" })
      assert.equals(0, run:wait(60).code, run:describe())
      assert.is_true(writer:is_running(), writer:describe())
      local inserted = tonumber(p:sql("SELECT count(*) FROM people WHERE id > 1000"))
      writer:kill("TERM"):wait(20)
      assert.is_true(inserted >= 10000, "only " .. inserted .. " rows were inserted meanwhile")
      assert.equals("1|1", p:sql("SELECT min(counter), max(counter) FROM people"))
      assert.equals("done|1000", p:sql("SELECT observed, rows_done FROM moonbird_backfill"))
    end)

    if kind == "pooler" then
      return
    end

    it("takes over the range of one that was killed, when the lease is over", function()
      p:people(1500)
      define(add_one("workers = 2, nice = 1,"))
      local first = p:start("backfill run fill")
      wait_for_rows(100)
      first:kill("KILL"):wait(10)
      p:ok("backfill run fill")
      assert.equals("1500|1|1", counts())
      assert.equals("0", p:sql("SELECT count(*) FROM moonbird_backfill_worker"))
    end)

    it("pauses when a batch is cancelled on the server, and does not fight", function()
      p:people(500)
      define([[
return {
  table = "people", size = 50,
  batch = function(batch)
    db:exec("UPDATE people SET counter = counter + 1 WHERE " .. batch.range.predicate, batch.range.values)
    if batch.rows[1].id == 101 and not io.open("slept") then
      io.open("slept", "w"):close()
      db:scalar("SELECT pg_sleep(20)")
    end
  end,
}]])
      local run = p:start("backfill run fill")
      wait_for_sleeper("slept")
      moonbird.wait_until("it is cancelled", 10, function()
        return p:sql("SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity"
          .. " WHERE datname = current_database() AND query LIKE 'SELECT pg_sleep%'") ~= "0"
      end)
      assert.equals(3, run:wait(10).code, run:describe())
      assert.truthy(run.err:find("cancelled on the server", 1, true), run.err)
      assert.equals("paused|pause", p:sql("SELECT observed, desired FROM moonbird_backfill"))
      assert.equals("100", p:sql("SELECT sum(counter) FROM people"))
      p:ok("backfill run fill")
      assert.equals("500|1|1", counts())
    end)

    it("goes on when the server ends all its connections, again and again", function()
      p:people(3000)
      define(add_one("workers = 2, nice = 4,"))
      local run = p:start("backfill run fill")
      wait_for_rows(100)
      for _ = 1, 4 do
        if done() < 1500 then -- not while it says that all is done
          p:sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            .. " WHERE datname = current_database() AND application_name LIKE 'moonbird%'")
        end
        moonbird.sleep(0.3)
      end
      assert.equals(0, run:wait(60).code, run:describe())
      assert.equals("3000|1|1", counts())
    end)

    it("stops when the operator says so, on all machines", function()
      p:people(5000)
      define(add_one("workers = 2, nice = 15,"))
      local first = p:start("backfill run fill")
      wait_for_rows(100)
      local second = p:start("backfill run fill")
      moonbird.wait_until("the second one has joined", 20, function()
        return p:sql("SELECT count(*) FROM moonbird_backfill_worker") == "4"
      end)
      p:sql("UPDATE moonbird_backfill SET desired = 'pause'")
      assert.equals(3, first:wait(15).code, first:describe())
      assert.equals(3, second:wait(15).code, second:describe())
      assert.equals("0", p:sql("SELECT count(*) FROM moonbird_backfill_range WHERE state = 'active'"))
      p:sql("UPDATE moonbird_backfill SET overrides = '{\"nice\": 0, \"workers\": 4}'")
      p:ok("backfill run fill")
      assert.equals("5000|1|1", counts())
    end)

    it("are counted while they work, also when there are fewer and more again", function()
      p:people(4000)
      define(add_one("workers = 3, nice = 20,"))
      local function workers()
        return p:ok("backfill status fill").out:match("\n  workers +([^\n]*)")
      end
      local function wait_for_workers(count)
        moonbird.wait_until(count .. " workers", 20, function()
          return workers() == count .. " on 1 host"
        end)
      end
      local run = p:start("backfill run fill")
      wait_for_rows(100)
      wait_for_workers(3)
      p:ok("backfill set fill workers=1")
      wait_for_workers(1)
      wait_for_rows(done() + 200)
      assert.equals("1 on 1 host", workers())
      p:ok("backfill set fill workers=2")
      wait_for_workers(2)
      p:ok("backfill set fill nice=0 workers=1")
      assert.equals(0, run:wait(60).code, run:describe())
      assert.equals("4000|1|1", counts())
    end)

    it("leave it running for others when they stop", function()
      p:people(4000)
      define(add_one("nice = 10,"))
      local first = p:start("backfill run fill")
      wait_for_rows(100)
      p:fails(3, "backfill run fill --max-rows 100")
      local status = p:ok("backfill status fill").out
      assert.truthy(status:find("^fill  people +running "), status)
      assert.falsy(status:find("--max-rows", 1, true), status)
      p:ok("backfill set fill nice=0")
      assert.equals(0, first:wait(60).code, first:describe())
      assert.equals("4000|1|1", counts())
    end)
  end)
end)
