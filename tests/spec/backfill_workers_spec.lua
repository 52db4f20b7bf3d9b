-- Several processes on one backfill when one of them is stopped, fenced, cancelled, or loses its connection. PostgreSQL
-- only: elsewhere there is one worker. What the ranges' claims promise is told once more through PgBouncer.
local moonbird = require("support.moonbird")
local throttle = require("support.throttle")

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

    -- Those whose row of the table of workers has run out a second ago: longer than anybody needs to see it.
    local function wait_for_lease_to_end(run)
      moonbird.wait_until("the lease is over", 20, function()
        return p:sql(("SELECT count(*) FROM moonbird_backfill_worker WHERE pid = %d"
          .. " AND lease_until < clock_timestamp() - interval '1 s'"):format(run.process.pid)) ~= "0"
      end)
    end

    -- All rows are one range. A batch takes 0.05 s and is followed by a second without a transaction: there it stops.
    it("that was stopped past its lease is fenced when it wakes, and no row is done twice", function()
      p:people(400)
      define(add_one("nice = 20,", 'if person.id % 50 == 0 then os.execute("sleep 0.05") end'))
      local first = p:start("backfill run fill")
      wait_for_rows(50)
      moonbird.wait_until("it is stopped while no transaction is open", 20, function()
        first:kill("STOP")
        moonbird.sleep(0.05)
        local open = p:sql("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
          .. " AND pid <> pg_backend_pid() AND (state = 'active' OR state LIKE 'idle in transaction%')")
        if open == "0" then
          return true
        end
        first:kill("CONT")
        moonbird.sleep(0.03)
      end)
      assert.equals("1|active|1", p:sql("SELECT number, state, epoch FROM moonbird_backfill_range"))
      p:ok("backfill set fill nice=0")
      local second = p:ok("backfill run fill")
      assert.equals("400|1|1", counts())
      assert.equals("1|done|2", p:sql("SELECT number, state, epoch FROM moonbird_backfill_range"))
      first:kill("CONT")
      assert.equals(0, first:wait(60).code, first:describe())
      assert.truthy(first.err:find("range 1 of backfill fill was taken over by ", 1, true), first:describe())
      assert.falsy(second.err:find("taken over", 1, true), second:describe())
      assert.equals("400|1|1", counts())
      assert.equals("done|400", p:sql("SELECT observed, rows_done FROM moonbird_backfill"))
    end)

    -- The last range is that of the stopped one: nobody takes it while its transaction is open, nobody says "done".
    it("that was stopped inside of a batch keeps its range, and the others wait for it", function()
      p:people(1200)
      define(add_one("", [[
    if person.id == 60 and not io.open("slept") then
      io.open("slept", "w"):close()
      os.execute("kill -STOP $PPID")
    end]]))
      local first = p:start("backfill run fill")
      wait_for_sleeper("slept")
      local second = p:start("backfill run fill", { env = { MOONBIRD_PROGRESS_INTERVAL = "100ms" } })
      throttle.wait_for_text(second, "waiting for the range of ")
      wait_for_lease_to_end(first)
      local out, err = second:so_far()
      throttle.wait_for_text(second, "waiting for the range of ", 20, #err)
      assert.is_true(second:is_running())
      assert.falsy((out .. throttle.stderr(second)):find("done", 1, true), throttle.stderr(second))
      assert.equals("running|0", p:sql("SELECT observed, (SELECT count(*) FROM moonbird_backfill_log"
        .. " WHERE event = 'finished') FROM moonbird_backfill"))
      assert.equals("250|51|1000", p:sql("SELECT sum(counter), min(id) FILTER (WHERE counter = 0),"
        .. " max(id) FILTER (WHERE counter = 0) FROM people"))
      first:kill("CONT")
      assert.equals(0, second:wait(30).code, second:describe())
      assert.equals(0, first:wait(30).code, first:describe())
      assert.falsy((first.err .. second.err):find("taken over", 1, true), first:describe())
      assert.equals("1200|1|1", counts())
    end)

    it("ends although ten rows are inserted for each one that it does", function()
      p:people(500)
      define(add_one("", 'if person.id % 50 == 0 then os.execute("sleep 0.1") end'))
      local run = p:start("backfill run fill")
      wait_for_rows(50)
      local writer = p:start({ "-X", "-q", p.shell_url, "-c",
        "DO $$ BEGIN FOR i IN 1..100000 LOOP INSERT INTO people SELECT 500 + i * 200 + n, 'x', 1 FROM "
          .. "generate_series(1, 200) AS n; COMMIT; PERFORM pg_sleep(0.02); END LOOP; END $$" }, { program = "psql" })
      assert.equals(0, run:wait(60).code, run:describe())
      assert.is_true(writer:is_running(), writer:describe())
      local inserted = tonumber(p:sql("SELECT count(*) FROM people WHERE id > 500"))
      writer:kill("TERM"):wait(20)
      assert.is_true(inserted >= 5000, "only " .. inserted .. " rows were inserted meanwhile")
      assert.equals("1|1", p:sql("SELECT min(counter), max(counter) FROM people"))
      assert.equals("done|500", p:sql("SELECT observed, rows_done FROM moonbird_backfill"))
    end)

    -- Begins a transaction that inserts a row and stays open; gives a function that commits it.
    local function insert_late(id)
      local lines = ("BEGIN;\nINSERT INTO people VALUES (%d, 'late', 0);\n\\! touch inserted; "
        .. "until [ -e commit ]; do sleep 0.02; done\nCOMMIT;\n"):format(id)
      p:write("late.sql", lines)
      local words = { "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", "late.sql", p.shell_url }
      local writer = p:start(words, { program = "psql" })
      moonbird.wait_until("the row is inserted", 20, function()
        return p:read("inserted")
      end)
      return function()
        p:write("commit", "")
        assert.equals(0, writer:wait(20).code, writer:describe())
      end
    end

    it("do not begin before a transaction that wrote earlier has ended, however low its key is", function()
      p:people(100)
      define(add_one())
      local commit = insert_late(-5)
      local run = p:start("backfill run fill")
      moonbird.wait_until("it looks for writers", 20, function()
        return p:sql("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
          .. " AND query LIKE '%pg_locks%' AND pid <> pg_backend_pid()") ~= "0"
      end)
      moonbird.sleep(0.3) -- more than one look
      assert.equals("t", p:sql("SELECT first_key IS NULL FROM moonbird_backfill"))
      commit()
      assert.equals(0, run:wait(30).code, run:describe())
      assert.equals("101|1|1", counts())
    end)

    it("leave a row that is committed behind them to `verify`", function()
      p:people(100)
      p:sql("DELETE FROM people WHERE id = 30")
      define(add_one('where = "counter = 0", done = "counter > 0",'))
      p:fails(3, "backfill run fill --max-rows 50")
      local commit = insert_late(30)
      p:ok("backfill run fill")
      commit()
      assert.equals("100|0|1", counts())
      local verified = p:fails(8, "backfill verify fill")
      assert.truthy(verified.err:find("1 row is not done", 1, true), verified.err)
      p:fails(3, "backfill verify fill --requeue")
      p:ok("backfill run fill")
      p:ok("backfill verify fill")
      assert.equals("100|1|1", counts())
    end)

    if kind == "pooler" then
      return
    end

    -- Its clock is an hour ahead: a lease by that clock would not be over for an hour.
    it("takes over the range of one that was killed, when the lease is over by the database's clock", function()
      p:people(1200)
      define(add_one("workers = 2, nice = 1,"))
      local first = p:start("backfill run fill", { env = moonbird.other_clock(3600) })
      wait_for_rows(100)
      first:kill("KILL"):wait(10)
      p:ok("backfill run fill")
      assert.equals("1200|1|1", counts())
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

    -- The clock of the first one is an hour late: a lease by that clock would always be over.
    it("stops when the operator says so, on all machines, each of which has kept its ranges", function()
      p:people(5000)
      define(add_one("workers = 2, nice = 15,"))
      local first = p:start("backfill run fill", { env = moonbird.other_clock(-3600) })
      wait_for_rows(100)
      local second = p:start("backfill run fill")
      moonbird.wait_until("the second one has joined", 20, function()
        return p:sql("SELECT count(*) FROM moonbird_backfill_worker") == "4"
      end)
      p:sql("UPDATE moonbird_backfill SET desired = 'pause'")
      assert.equals(3, first:wait(15).code, first:describe())
      assert.equals(3, second:wait(15).code, second:describe())
      assert.equals("0", p:sql("SELECT count(*) FROM moonbird_backfill_range WHERE state = 'active'"))
      assert.falsy((first.err .. second.err):find("taken over", 1, true), first:describe())
      p:sql("UPDATE moonbird_backfill SET overrides = '{\"nice\": 0, \"workers\": 4}'")
      p:ok("backfill run fill")
      assert.equals("5000|1|1", counts())
    end)

    it("are counted while they work, also when there are fewer and more again", function()
      p:people(4000)
      define(add_one("workers = 3, nice = 20,"))
      local function wait_for_workers(count)
        moonbird.wait_until(count .. " workers", 20, function()
          return p:sql("SELECT count(*) FROM moonbird_backfill_worker") == tostring(count)
        end)
        local out = p:ok("backfill status fill").out
        assert.truthy(out:find("\n  workers +" .. count .. " on 1 host\n"), out)
      end
      local run = p:start("backfill run fill")
      wait_for_rows(100)
      wait_for_workers(3)
      p:ok("backfill set fill workers=1")
      wait_for_workers(1)
      wait_for_rows(done() + 200)
      wait_for_workers(1)
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
