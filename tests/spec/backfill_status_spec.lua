-- `backfill status` and its live screen, over states that are written into the tables as the engine writes them: a
-- backfill of 500 million rows cannot be run here.
local moonbird = require("support.moonbird")
local contains = moonbird.contains

-- A moment so many seconds ago, on the database's clock.
local function ago(p, seconds)
  return p.kind == "postgres" and ("now() - interval '%g seconds'"):format(seconds)
    or ("strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now', '%g seconds') || '000+00:00'"):format(-seconds)
end

local function insert(p, table_name, values)
  local names, texts = {}, {}
  for name, value in pairs(values) do
    names[#names + 1], texts[#texts + 1] = name, value
  end
  p:sql(("INSERT INTO %s (%s) VALUES (%s)"):format(table_name, table.concat(names, ", "), table.concat(texts, ", ")))
end

local function backfill(p, values)
  local row = {
    name = "'split'",
    fingerprint = "''",
    table_name = "'people'",
    key_columns = [['["id"]']],
    key_types = [['["bigint"]']],
    first_key = "'[1]'",
    last_key = "'[1001]'",
    frontier_key = "'[501]'",
    planned = p.kind == "postgres" and "false" or "0",
    ranges = "2",
    desired = "'run'",
    observed = "'running'",
    batch_size = "100",
    throttled_ms = "0",
    rows_done = "0",
    rows_estimated = "1000",
    quarantined = "0",
    run_time = "0",
    run_seed = "0",
    registered_at = ago(p, 200),
    started_at = ago(p, 100),
  }
  for name, value in pairs(values or {}) do
    row[name] = value
  end
  insert(p, "moonbird_backfill", row)
end

local function range(p, number, low, high, cursor, state)
  insert(p, "moonbird_backfill_range", {
    backfill = "'split'",
    number = number,
    low_key = ("'[%d]'"):format(low),
    high_key = ("'[%d]'"):format(high),
    cursor_key = cursor and ("'[%d]'"):format(cursor) or "NULL",
    state = ("'%s'"):format(state),
    worker = "'w1'",
    epoch = 1,
    attempts = 0,
    rows_done = cursor and cursor - low or 0,
    committed_at = ago(p, 3),
  })
end

local function worker(p, id, lease_s)
  insert(p, "moonbird_backfill_worker", {
    id = ("'%s'"):format(id),
    runner = "'r'",
    backfill = "'split'",
    host = "'db1'",
    pid = 4711,
    batch_size = 100,
    rate_1m = 3,
    rate_10m = 2,
    started_at = ago(p, 90),
    heartbeat_at = ago(p, 1),
    lease_until = ago(p, -lease_s),
  })
end

describe("backfill status", function()
  moonbird.each_database(describe, pending, function(kind)
    local p

    before_each(function()
      p = moonbird.project(kind)
      p:people(3)
      p:revision("a1", nil, [[op.backfill({ table = "people", set = { counter = sql("counter + 1") } })]])
      p:ok("upgrade head")
    end)

    after_each(function()
      p:remove()
    end)

    it("counts percent from the keys, and the time left from committed rows", function()
      backfill(p)
      range(p, 1, 1, 301, 301, "done")
      range(p, 2, 301, 401, 351, "active")
      range(p, 3, 401, 501, 401, "pending")
      worker(p, "w1", 60)
      worker(p, "w2", 60)
      worker(p, "dead", -60)
      local run = p:ok("backfill status split")
      contains(run.out, "running")
      contains(run.out, " 35.0 %")
      contains(run.out, "350 of about 1 000 rows, ")
      assert.truthy(run.out:find("rows, 2 min [34]"), run.out) -- 650 rows at 4 a second, less a moment
      contains(run.out, "6 over 1 min, 4 over 10 min")
      contains(run.out, "workers      2 on 1 host")
      contains(run.out, "no sign of life")
      assert.truthy(run.out:find("last commit  %d%."), run.out)
      local json = p:ok("backfill status split --json").out
      contains(json, '"fraction": 0.35')
      contains(json, '"rows_per_s_1m": 6')
      contains(json, '"name": "split"')
      p:sql(("UPDATE moonbird_backfill SET braked_until = %s"):format(ago(p, -3600)))
      run = p:ok("backfill status split")
      assert.truthy(run.out:find("rows, 1 h 0[123] min left"), run.out)
    end)

    it("does not go back for a range that was planned after its look at the frontier", function()
      backfill(p)
      range(p, 1, 1, 301, 301, "done")
      range(p, 2, 301, 501, 401, "active")
      range(p, 3, 501, 601, 501, "active")
      contains(p:ok("backfill status split").out, " 40.0 %")
    end)

    it("says that a percentage is an estimate, where keys are texts", function()
      backfill(p, { first_key = [['["a"]']], last_key = [['["z"]']], frontier_key = [['["k"]']] })
      range(p, 1, 0, 350, 350, "done")
      worker(p, "w1", 60)
      local out = p:ok("backfill status split").out
      contains(out, "  about 35.0 %\n  350 of about 1 000 rows, about 5 min 2") -- 650 rows at 2 a second
      contains(p:ok("backfill status split --json").out, '"fraction_is_estimate": true')
      p:sql("UPDATE moonbird_backfill SET rows_estimated = 300 WHERE name = 'split'")
      out = p:ok("backfill status split").out
      contains(out, "  about 99.9 %\n  350 rows, more than the estimated 300\n")
      p:sql("UPDATE moonbird_backfill SET rows_estimated = NULL WHERE name = 'split'")
      assert.falsy(p:ok("backfill status split").out:find("%%"))
    end)

    it("tells why nothing goes on", function()
      backfill(p, { throttle_reason = "'replica lag 12 s'", throttled_since = ago(p, 20), throttled_ms = "5000" })
      worker(p, "w1", 60)
      local text = p:ok("backfill status split").out
      contains(text, "throttled    replica lag 12 s, for 20 s, 25.")
      p:sql("DELETE FROM moonbird_backfill_worker")
      text = p:ok("backfill status split").out
      contains(text, "stopped")
      contains(text, "none; 'moonbird backfill run split' goes on")
      assert.is_nil(text:find("batches of", 1, true)) -- that is known of one that works, and of one that is done
      assert.is_nil(text:find("replica lag", 1, true)) -- nobody is held any more
      contains(p:ok("backfill status split --json").out, '"throttle_reason": null')
    end)

    it("has only keys that the manual names", function()
      backfill(p)
      worker(p, "w1", 60)
      local manual = moonbird.read_file("docs/commands.md"):match("`backfill status NAME %-%-json` is.-\n## ")
      for key in p:ok("backfill status split --json").out:gmatch('"([%w_]+)":') do
        contains(manual, "`" .. key .. "`")
      end
    end)

    it("gives an exit code when it is asked to", function()
      p:ok("backfill status --exit-code")
      backfill(p)
      p:ok("backfill status split")
      contains(p:fails(3, "backfill status split --exit-code").err, "the backfill 'split' is stopped")
      p:fails(3, "backfill status --exit-code")
      p:sql("UPDATE moonbird_backfill SET observed = 'failed' WHERE name = 'split'")
      p:fails(1, "backfill status --exit-code")
      p:sql("UPDATE moonbird_backfill SET observed = 'done with bad rows' WHERE name = 'split'")
      p:fails(8, "backfill status --exit-code --json")
      p:sql("UPDATE moonbird_backfill SET observed = 'done' WHERE name = 'split'")
      p:ok("backfill status split --exit-code")
    end)

    it("shows all that have not ended, and knows names that are nearly right", function()
      contains(p:ok("backfill status").out, "a1:1")
      backfill(p)
      local text = p:ok("backfill status").out
      contains(text, "split")
      assert.falsy(text:find("a1:1", 1, true), text)
      contains(p:fails(2, "backfill status splt").err, "did you mean 'split'?")
      contains(p:fails(2, "backfill status other").err, "'moonbird backfill list' shows all")
      p:backfill("other", "return {}")
      contains(p:fails(2, "backfill status other").err, "'moonbird backfill run other' begins it")
    end)

    it("is one event a second with --watch --json, and ends with the backfill", function()
      backfill(p)
      local run = p:start("backfill status split --watch --json")
      moonbird.wait_until("two events", 20, function()
        return select(2, run:so_far():gsub('"event":"status"', "")) >= 2
      end)
      p:sql("UPDATE moonbird_backfill SET observed = 'done' WHERE name = 'split'")
      assert.equals(0, run:wait(20).code)
      contains(run.out:match("[^\n]*\n$"), '"state":"done"')
    end)

    -- What a terminal gets; the program is ended by `finish`.
    local function on_terminal(finish)
      local command = ("exec %s backfill status split --watch"):format(moonbird.program)
      local script = ("cd %s; (sleep 1.5; %s) | LC_ALL=C.UTF-8 script -qefc %s /dev/null"):format(
        p.folder,
        finish,
        moonbird.quote(command)
      )
      return moonbird.shell("timeout 30 bash -c " .. moonbird.quote(script))
    end

    it("is a screen that is taken away again", function()
      backfill(p)
      for _, finish in ipairs({ "printf q; sleep 1", "printf '\\003'; sleep 1" }) do
        local text, code = on_terminal(finish)
        assert.equals(0, code, text)
        local enter = assert(text:find("\27[?1049h", 1, true), text)
        local leave = assert(text:find("\27[?1049l", enter, true), text)
        contains(text:sub(enter, leave), "split")
        assert.falsy(text:sub(enter, leave):find("[^H\n]\27%[K"), text) -- behind a full line it would cut that
        contains(text:sub(leave), "split") -- the last look stays
        assert.falsy(text:sub(leave + 8):find("\27[?", 1, true), text)
      end
    end)
  end)

  it("makes nothing in a database without backfills", function()
    local p = moonbird.project("sqlite")
    assert.equals("", p:ok("backfill status").out)
    p:ok("backfill status --exit-code")
    assert.is_nil(p:read("data.db"))
    contains(p:fails(2, "backfill status x").err, "no backfill has begun in this database")
    p:remove()
  end)
end)
