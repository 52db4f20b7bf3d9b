-- Rows that a backfill puts aside: list, show, retry, ignore, export, with keys of every kind; and the check of a
-- finished backfill: verify, finalize, log.
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

describe("bad rows", function()
  moonbird.each_database(describe, pending, function(kind)
    local p

    before_each(function()
      p = moonbird.project(kind)
      p:people(100)
      p:backfill("fill", FILL)
    end)

    after_each(function()
      p:remove()
    end)

    it("are listed, exported, done again and ignored", function()
      p:sql("UPDATE people SET full_name = 'poison' WHERE id IN (50, 77)")
      contains(p:fails(8, "backfill run fill").err, "2 bad rows\n")
      contains(p:fails(8, "backfill run fill").err, "backfill fill is done, but for 2 bad rows\n")
      contains(p:fails(8, "backfill finalize fill --json").out, '"exit_code":8')
      local list = p:ok("backfill bad list fill")
      assert.truthy(list.out:find("\n%[50%] +bad +%- +1 +fill.lua:8: no such name\n"), list.out)
      contains(p:ok("backfill bad show fill 77").out, "Key: [77]\n")
      contains(p:fails(2, "backfill bad show fill 78").err, "backfill fill has no bad row 78")
      local csv = p:ok("backfill bad export fill").out
      assert.truthy(csv:find("^id,state,sqlstate,message,attempts,range,batch_id,first_at,last_at\n50,bad,,"), csv)
      contains(p:ok("backfill bad export fill --format json").out, '"state": "bad"')
      p:ok({ "backfill", "bad", "export", "fill", "-o", p:path("bad.csv") })
      assert.equals(csv, p:read("bad.csv"))

      local function rows_done()
        return p:sql("SELECT sum(rows_done) FROM moonbird_backfill_range")
      end
      assert.equals("100", rows_done())
      contains(p:ok("backfill bad retry fill [50] 50").err, "1 bad row to do again")
      assert.equals("99", rows_done())
      contains(p:ok("backfill bad retry fill 50").err, "nothing to do: of backfill fill these rows are to be")
      assert.equals("99", rows_done())
      contains(p:fails(8, "backfill run fill").err, "2 bad rows")
      assert.equals("100", rows_done()) -- it is as bad as before

      p:ok("backfill bad ignore fill 77")
      contains(p:ok("backfill bad ignore fill 77").err, "these rows are ignored already")
      p:ok("backfill bad retry fill")
      contains(p:fails(8, "backfill run fill").err, "backfill fill is done, but for 1 bad row\n")
      p:sql("UPDATE people SET full_name = 'Ada Lovelace' WHERE id = 50")
      p:ok({ "backfill", "bad", "retry", "fill", "[50]" })
      p:ok("backfill run fill")
      for _, verb in ipairs({ "retry", "ignore" }) do -- what is mended is done
        contains(p:ok("backfill bad " .. verb .. " fill 50").err, "already, or mended")
      end
      p:ok("backfill run fill")
      assert.equals("99", p:sql("SELECT sum(counter) FROM people"))
      assert.equals("mended,ignored", table.concat({
        p:sql("SELECT state FROM moonbird_backfill_bad WHERE bad_key = '[50]'"),
        p:sql("SELECT state FROM moonbird_backfill_bad WHERE bad_key = '[77]'"),
      }, ","))
      assert.equals("done|0|100", p:sql("SELECT observed, quarantined, rows_done FROM moonbird_backfill"))
      assert.equals("100", rows_done())
      contains(p:ok("backfill retry fill").err, "nothing to do: backfill fill has no failed range")
    end)

    -- The checkpoint of the row that is put aside fails: then nothing must be known of it, however often that happens.
    it("are put aside in the transaction that goes beyond them, or not at all", function()
      p:sql("UPDATE people SET full_name = 'poison' WHERE id = 50")
      p:fails(3, "backfill run fill --max-rows 10")
      p:sql(kind == "sqlite" and [[
        CREATE TRIGGER broken BEFORE UPDATE ON moonbird_backfill_range WHEN NEW.cursor_key = '[50]'
        BEGIN SELECT RAISE(ABORT, 'not beyond 50'); END]] or [[
        CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          IF NEW.cursor_key = '[50]' THEN RAISE 'not beyond 50' USING ERRCODE = '53100'; END IF; RETURN NEW; END $$;
        CREATE TRIGGER broken BEFORE UPDATE ON moonbird_backfill_range FOR EACH ROW EXECUTE FUNCTION broken()]])
      for _ = 1, 2 do
        contains(p:fails(1, "backfill run fill").err, "not beyond 50")
        assert.equals("0|0|40", p:sql("SELECT quarantined, (SELECT count(*) FROM moonbird_backfill_bad),"
          .. " (SELECT sum(counter) FROM people) FROM moonbird_backfill"))
      end
      p:sql("DROP TRIGGER broken" .. (kind == "sqlite" and "" or " ON moonbird_backfill_range"))
      contains(p:fails(8, "backfill run fill").err, "1 bad row\n")
      assert.equals("[50]|1", p:sql("SELECT bad_key, attempts FROM moonbird_backfill_bad"))
      assert.equals("99", p:sql("SELECT sum(counter) FROM people"))
    end)

    it("are ignored all at once", function()
      p:sql("UPDATE people SET full_name = 'poison' WHERE id IN (50, 77)")
      p:fails(8, "backfill run fill")
      contains(p:ok("backfill bad ignore fill").err, "2 bad rows ignored")
      assert.equals("done|0", p:sql("SELECT observed, quarantined FROM moonbird_backfill"))
    end)
  end)
end)

-- Each as the text of an SQL literal; every row but the last two is poison.
local HARD_KEYS = { [[a"b]], "c,d", "line\nend", "Жёлудь", "it''s", "", "[1]", "null", "\27[2Jx", "good", "Хорошо" }

describe("bad rows with a key of text and number", function()
  moonbird.each_database(describe, pending, function(kind)
    local p

    before_each(function()
      p = moonbird.project(kind)
      p:sql([[CREATE TABLE t (state text NOT NULL, "the №" integer NOT NULL, note text, PRIMARY KEY (state, "the №"))]])
      for number, key in ipairs(HARD_KEYS) do
        local note = number <= #HARD_KEYS - 2 and "'poison'" or "NULL"
        p:sql(("INSERT INTO t VALUES ('%s', %d, %s)"):format(key, number, note))
      end
      p:backfill("fill", [[
return {
  table = "t",
  size = 3,
  on_error = "quarantine",
  row = function(row)
    if row.note == "poison" then
      error("no\n\27[31mgood: " .. row.state)
    end
    return { note = "done" }
  end,
}]])
      contains(p:fails(8, "backfill run fill").err, "but for 9 bad rows")
    end)

    after_each(function()
      p:remove()
    end)

    -- Fields of RFC 4180.
    local function parse_csv(text)
      local records, record, at = {}, {}, 1
      while at <= #text do
        local field, next_at
        if text:sub(at, at) == '"' then
          local stop = at + 1
          while text:sub(stop, stop + 1) == '""' or text:sub(stop, stop) ~= '"' do
            stop = stop + (text:sub(stop, stop + 1) == '""' and 2 or 1)
          end
          field, next_at = text:sub(at + 1, stop - 1):gsub('""', '"'), stop + 1
        else
          next_at = text:find("[,\n]", at)
          field = text:sub(at, next_at - 1)
        end
        record[#record + 1] = field
        if text:sub(next_at, next_at) == "\n" then
          records[#records + 1], record = record, {}
        end
        at = next_at + 1
      end
      return records
    end

    it("are exported with a column for each column of the key", function()
      local records = parse_csv(p:ok("backfill bad export fill").out)
      assert.equals(
        "key_state|the №|state|sqlstate|message|attempts|range|batch_id|first_at|last_at",
        table.concat(records[1], "|")
      )
      local seen = {}
      for i = 2, #records do
        assert.equals(10, #records[i])
        seen[records[i][1] .. "|" .. records[i][2]] = records[i][5]
      end
      for number = 1, #HARD_KEYS - 2 do
        local key = HARD_KEYS[number]:gsub("''", "'")
        contains(seen[key .. "|" .. number], "good: " .. key)
      end
      assert.equals(10, #records)
    end)

    it("are called by the key as the list shows it, and cannot move the cursor", function()
      local list = p:ok("backfill bad list fill").out
      assert.falsy(list:find("\27", 1, true), list)
      assert.equals(10, select(2, list:gsub("\n", "\n")))
      for key in list:gmatch("\n(%[.-%]) +bad ") do
        local shown = p:ok({ "backfill", "bad", "show", "fill", key }).out
        contains(shown, "Key: " .. key .. "\nState: bad\n")
        assert.falsy(shown:find("\27", 1, true), shown)
      end
      assert.falsy(p:run("backfill run fill").err:find("\27", 1, true))
      assert.falsy(p:fails(2, { "backfill", "bad", "show", "fill", "\27[2J" }).err:find("\27", 1, true))
    end)

    it("are done again one by one, then all", function()
      p:sql("UPDATE t SET note = NULL WHERE note = 'poison'")
      for _, key in ipairs({ '["a\\"b",1]', '[ "Жёлудь" , 4 ]', '["",6]' }) do
        local run = p:ok({ "backfill", "bad", "retry", "fill", key })
        contains(run.err, "1 bad row to do again: `moonbird backfill run fill`")
      end
      p:ok({ "backfill", "bad", "ignore", "fill", '["null",8]' })
      contains(p:fails(8, "backfill run fill").err, "but for 5 bad rows\n")
      assert.equals("5", p:sql("SELECT count(*) FROM t WHERE note = 'done'"))
      contains(p:ok("backfill bad retry fill").err, "5 bad rows to do again")
      p:ok("backfill run fill")
      assert.equals("null|8", p:sql([[SELECT state, "the №" FROM t WHERE note IS NULL]]))
      contains(p:ok("backfill bad retry fill").err, "nothing to do: backfill fill has no bad row")
      assert.equals("8|1", p:sql([[
        SELECT (SELECT count(*) FROM moonbird_backfill_bad WHERE state = 'mended'),
               (SELECT count(*) FROM moonbird_backfill_bad WHERE state = 'ignored')]]))
      assert.equals("done|0", p:sql("SELECT observed, quarantined FROM moonbird_backfill"))
    end)
  end)
end)

describe("a revision that requires a backfill", function()
  it("does not take its bad rows for done", function()
    local p = moonbird.project("sqlite")
    p:people(10)
    p:sql("UPDATE people SET full_name = 'poison' WHERE id = 5")
    p:backfill("fill", FILL)
    p:revision("a1", nil, 'op.drop_column("people", "full_name")', "", { header = 'requires_backfill = "fill"' })
    p:fails(8, "backfill run fill")
    local run = p:fails(8, "upgrade head")
    contains(run.err, "revision a1 requires the backfill fill, which is done but for 1 bad row\n")
    contains(run.err, "`moonbird backfill bad list fill` shows it")
    p:ok("backfill bad ignore fill")
    p:ok("upgrade head")
    p:remove()
  end)
end)

describe("a bad row of a revision", function()
  it("is not done again when the revision is applied", function()
    local p = moonbird.project("sqlite")
    p:people(10)
    p:revision("a1", nil, [[op.backfill({ table = "people", on_error = "quarantine", row = function(person)
      if person.id == 5 then error("no") end
    end })]])
    contains(p:ok("upgrade head").err, "warning: backfill a1:1 is done, but for 1 bad row; `moonbird backfill bad list")
    local run = p:fails(2, "backfill bad retry a1:1")
    contains(run.err, "backfill a1:1 has ended with its revision")
    contains(run.err, "`moonbird backfill bad ignore a1:1`")
    p:ok("backfill bad ignore a1:1 5")
    for _, verb in ipairs({ "run", "plan", "verify", "finalize" }) do
      run = p:fails(2, ("backfill %s a1:1"):format(verb))
      contains(run.err, "backfill a1:1 is inside of a revision, and has no file; it is done\n")
      contains(p:fails(2, ("backfill %s a1:2"):format(verb)).err, "there is no backfill 'a1:2' in this database")
    end
    p:remove()
  end)
end)

describe("a finished backfill", function()
  moonbird.each_database(describe, pending, function(kind)
    local p

    before_each(function()
      p = moonbird.project(kind)
      p:people(100)
      p:backfill("fill", (FILL:gsub("size = 10,", 'size = 10,\n  done = "counter > 0",')))
    end)

    after_each(function()
      p:remove()
    end)

    it("is verified, and what is not done is done again", function()
      contains(p:fails(3, "backfill verify fill").err, "backfill fill has not begun in this database")
      p:ok("backfill finalize fill")
      contains(p:ok("backfill verify fill").err, "every row is done")
      assert.equals("done|1", p:sql([[
        SELECT observed, CASE WHEN verified_at IS NULL THEN 0 ELSE 1 END FROM moonbird_backfill]]))
      p:sql("UPDATE people SET counter = 0 WHERE id IN (1, 33)")
      local run = p:fails(8, "backfill verify fill")
      contains(run.err, "2 rows are not done")
      contains(run.err, "--requeue")
      contains(p:fails(8, "backfill verify fill --json").out, '"rows_not_done":2')
      assert.equals("done", p:sql("SELECT observed FROM moonbird_backfill"))
      local again = p:fails(3, "backfill verify fill --requeue").err
      contains(again, "`moonbird backfill run fill` goes through 2 rows again, in 2 ranges\n")
      local status = p:ok("backfill status fill").out:gsub("%s+", " ") -- lines end where the terminal does
      assert.truthy(status:find(" stopped %d[^%[]+: to do again: ranges: 2, rows: 2 "), status)
      contains(p:ok("backfill status fill --json").out, '"rows_done": 98,')
      p:ok("backfill run fill")
      assert.equals("100|1|1", p:sql("SELECT count(*), min(counter), max(counter) FROM people")) -- and no other row
      assert.equals("100|100", p:sql([[
        SELECT rows_done, (SELECT sum(rows_done) FROM moonbird_backfill_range) FROM moonbird_backfill]]))
      p:ok("backfill verify fill")
      assert.equals("0", p:sql("SELECT count(*) FROM people WHERE counter = 0"))
    end)

    it("goes through done rows again only where the others lie scattered, and says so", function()
      p:sql("INSERT INTO people SELECT id + 100 * n, full_name, 0 FROM people, "
        .. "(SELECT 1 AS n UNION SELECT 2 UNION SELECT 3) AS more")
      p:ok("backfill run fill")
      p:sql("UPDATE people SET counter = 0 WHERE id % 2 = 0 AND id <= 300")
      p:sql("UPDATE people SET counter = 0 WHERE id BETWEEN 350 AND 370")
      local run = p:fails(3, "backfill verify fill --requeue --json")
      contains(run.out, '"rows_not_done":171,"requeued":true,"ranges":2,"rows_again":320,')
      contains(run.err, "goes through 320 rows again, in 2 ranges, with 149 that are done between them\n")
      p:ok("backfill run fill")
      p:ok("backfill verify fill")
      assert.equals("400", p:sql("SELECT rows_done FROM moonbird_backfill"))
    end)

    it("leaves ignored rows alone, and tells those that were put aside", function()
      p:sql("UPDATE people SET full_name = 'poison' WHERE id IN (50, 77)")
      p:fails(8, "backfill run fill")
      contains(p:fails(8, "backfill verify fill").err, "2 rows are not done\n"
        .. "  hint: they were put aside: `moonbird backfill bad list fill` shows them, `bad retry` and `bad ignore`")
      p:ok({ "backfill", "bad", "ignore", "fill", "50", "--reason", "no name at all" })
      contains(p:ok("backfill log fill").out, "[50]: no name at all\n")
      p:sql("UPDATE people SET counter = 0 WHERE id = 33")
      contains(p:fails(8, "backfill verify fill").err, "2 rows are not done\n  hint: `moonbird backfill verify fill "
        .. "--requeue` lets the next run do them again; 1 of them was put aside: `moonbird backfill bad list fill`\n")
      contains(p:fails(3, "backfill verify fill --requeue").err, "goes through 2 rows again, in 2 ranges\n")
      contains(p:fails(8, "backfill run fill").err, "1 bad row\n")
      p:ok({ "backfill", "bad", "ignore", "fill" })
      contains(p:ok("backfill verify fill").err, "backfill fill: every row is done, but for 2 that are ignored\n")
      contains(p:ok("backfill verify fill --json").out, '"rows_bad":0,"rows_ignored":2}')
      contains(p:ok("backfill log fill").out, "rows not done: 0, ignored: 2\n")
    end)

    it("counts a bad row once, whatever becomes of it", function()
      local function numbers()
        return p:sql([[SELECT observed, quarantined,
          (SELECT count(*) FROM moonbird_backfill_bad WHERE state IN ('bad', 'retry')), rows_done
          FROM moonbird_backfill]])
      end
      p:sql("UPDATE people SET full_name = 'poison' WHERE id IN (50, 51, 77)")
      p:fails(8, "backfill run fill")
      p:ok("backfill bad ignore fill 50")
      assert.equals("done with bad rows|2|2|100", numbers())
      contains(p:fails(3, "backfill verify fill --requeue").err, "goes through 2 rows again, in 2 ranges\n")
      p:fails(8, "backfill run fill")
      assert.equals("done with bad rows|2|2|100", numbers()) -- what is ignored stays so
      p:ok("backfill bad retry fill 50")
      p:fails(8, "backfill run fill") -- it is bad again
      assert.equals("done with bad rows|3|3|100", numbers())
      p:sql("UPDATE people SET full_name = 'Ada' WHERE id IN (50, 51)")
      contains(p:fails(3, "backfill verify fill --requeue").err, "goes through 3 rows again, in 3 ranges\n")
      p:fails(8, "backfill run fill")
      assert.equals("done with bad rows|1|1|100", numbers())
      assert.equals("2", p:sql("SELECT count(*) FROM moonbird_backfill_bad WHERE state = 'mended'"))
      p:ok("backfill bad ignore fill")
      p:ok("backfill run fill")
      assert.equals("done|0|0|100", numbers())
    end)

    it("has a log, after it was forgotten too", function()
      p:ok("backfill run fill")
      p:ok({ "backfill", "forget", "fill", "--yes", "--reason", "a new try" })
      local out = p:ok("backfill log fill").out
      assert.truthy(out:find("^AT +EVENT +BY +DETAIL\n"), out)
      assert.truthy(out:find("registered .*\n.*started .*\n.*finished .*\n.*forgotten .* a new try\n"), out)
      contains(p:ok("backfill log fill --json").out, '"event": "forgotten"')
      contains(p:fails(2, "backfill log fil").err, "there is no backfill 'fil'")
    end)

    it("cannot be verified without `done`", function()
      p:backfill("fill", FILL)
      p:ok("backfill run fill")
      contains(p:fails(2, "backfill verify fill").err, "has no `done`")
    end)
  end)
end)
