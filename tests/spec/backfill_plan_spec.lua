-- `backfill plan`: what it tells, that it changes nothing and needs no permission to, and what it refuses.
local moonbird = require("support.moonbird")
local contains = moonbird.contains

local SET = [[return { table = "people", set = { counter = sql "counter + 1" }, where = "counter >= 0" }]]
local ROW = [[return { table = "people", columns = { "full_name" }, row = function() end }]]

describe("backfill plan", function()
  moonbird.each_database(describe, pending, function(kind)
    local p

    before_each(function()
      p = moonbird.project(kind)
      p:people(100)
      p:backfill("fill", SET)
    end)

    after_each(function()
      p:remove()
    end)

    it("tells key, rows, plans, indexes, triggers and signals, and changes nothing", function()
      p:sql([[CREATE INDEX by_counter ON people (counter); CREATE INDEX by_name ON people (full_name)]])
      local tables = p:tables()
      local out = p:ok("backfill plan fill").out
      contains(out, "fill  people\n  key          id (")
      contains(out, "UPDATE of counter\n")
      contains(out, "  where        counter >= 0\n")
      contains(out, "  hop          ")
      contains(out, "  indexes      by_counter\n")
      contains(out, "  triggers     none\n")
      contains(out, "\n  would take   at least 0 s, for reading alone; --sample 5 tells")
      assert.equals(tables, p:tables())
      assert.equals("0|100", p:sql("SELECT max(counter), count(*) FROM people"))

      p:backfill("fill", ROW)
      out = p:ok("backfill plan fill").out
      contains(out, "  reads        full_name\n")
      contains(out, "by_counter, by_name (those whose columns the function changes)")
    end)

    it("tells each limit of the throttle and who has set it, and lets a probe write nothing", function()
      local limit = kind == "postgres" and "max_slot_wal" or "max_wal"
      local function assert_line(...)
        local out = p:ok("backfill plan fill").out
        local pattern = "\n[ %l]+" .. table.concat({ ... }, " +"):gsub("[%-:]", "%%%0") .. " *\n"
        assert.truthy((out .. "\n"):find(pattern), out .. pattern)
        for line in out:match("\n  throttle(.*)"):gmatch("[^\n]+") do
          assert.is_true(#line <= 80 or line:find("CANNOT BE READ", 1, true) ~= nil, line)
        end
      end
      assert_line(limit, "default", kind == "postgres" and "4 GiB" or "64 MiB")
      local ini = p:read("moonbird.ini")
      p:write("moonbird.ini", ini .. "\n[backfill]\n" .. limit .. " = 1GiB\nwindow = 22:00-06:00 UTC\n")
      assert_line(limit, "configuration", "1 GiB")
      assert_line("window", "configuration", "22:00-06:00 UTC")
      p:backfill("fill", SET:gsub("where", ('throttle = { %s = "2MiB", probe = "%%s" }, where'):format(limit):format(
        "UPDATE people SET counter = 7 RETURNING 0")))
      assert_line(limit, "definition", "2 MiB")
      contains(p:ok("backfill plan fill").out, "CANNOT BE READ: ")
      assert.equals("0", p:sql("SELECT max(counter) FROM people"))

      p:backfill("fill", (SET:gsub("where", ('throttle = { %s = "2MiB" }, where'):format(limit))))
      p:write("moonbird.ini", ini)
      p:fails(3, "backfill run fill --max-rows 1")
      p:ok("backfill set fill nice=2 " .. limit .. "=3MiB")
      assert_line(limit, "set", "3 MiB")
      contains(p:ok("backfill plan fill").out, "\n  set          ")
      local json = p:ok("backfill plan fill --json").out
      contains(json, '"limit": 3145728,\n      "readable": true,\n      "unit": "bytes"')
      contains(json, '"from": "set"')
      p:ok("backfill set fill " .. limit .. "=off")
      assert_line(limit, "set", "off")
      p:backfill("fill", (SET:gsub("where", "throttle = false, where")))
      p:ok("backfill set fill " .. limit .. "=")
      assert_line(limit, "definition", "off")
    end)

    it("gives the same as JSON", function()
      local out = p:ok("backfill plan fill --json").out
      contains(out, '"reads_all": false')
      contains(out, '"what": "hop"')
      contains(out, '"columns_set": [\n    "counter"\n  ]')
    end)

    it("fits the terminal, and no value of a row moves the cursor", function()
      p:sql("UPDATE people SET full_name = 'a \27[2J long name, ' || full_name || ' of words which do not fit here'")
      local out = p:ok("backfill plan fill --sample 1").out
      assert.falsy(out:find("\27", 1, true), out)
      p:backfill("fill", ROW:gsub("end }", "return { counter = 1 } end }"))
      local command = ("stty cols 60; exec %s backfill plan fill --sample 1"):format(moonbird.program)
      local script = ("cd %s; LC_ALL=C.UTF-8 script -qec %s /dev/null"):format(p.folder, moonbird.quote(command))
      local seen = moonbird.shell(script):gsub("\r", "")
      contains(seen, "  sample       ")
      for line in seen:gmatch("[^\n]+") do
        assert.is_true(#line <= 60, line)
      end
    end)

    it("says that an empty table has no plan", function()
      p:sql("DELETE FROM people")
      contains(p:ok("backfill plan fill").out, "the table is empty")
    end)

    it("tries some batches and takes them back, in every form", function()
      p:sql([[UPDATE people SET full_name = 'a"b\c, {д} ' WHERE id = 1; UPDATE people SET full_name = '' WHERE id = 2]])
      local before = p:sql("SELECT id, full_name, counter FROM people ORDER BY id")
      local forms = {
        SET,
        [[return { table = "people", size = 10, row = function(person, batch)
            if person.id == 3 then return batch.delete end
            if person.id == 4 then batch:quarantine("no") return end
            return { counter = person.counter + 1, full_name = person.full_name .. "!" }
          end }]],
        [[return { table = "people", size = 10, batch = function(batch)
            db:exec("UPDATE people SET counter = counter + 1 WHERE " .. batch.range.predicate, batch.range.values)
          end }]],
      }
      for number, text in ipairs(forms) do
        p:backfill("fill", text)
        local out = p:ok("backfill plan fill --sample 3").out
        contains(out, "  sample       from [1]: ")
        contains(out, "  sample       from [67]: ")
        contains(out, " ms a row")
        if number == 2 then
          contains(out, [[full_name=a"b\c, {д} !]])
          contains(out, ", 1 bad: put aside")
        end
        assert.equals(before, p:sql("SELECT id, full_name, counter FROM people ORDER BY id"))
      end
      contains(p:ok("backfill plan fill --sample 2 --json").out, '"pace": {')
      contains(p:ok("backfill plan fill --json").out, '"reading": {')
      contains(p:fails(2, "backfill plan fill --sample none").err, "whole number from 1 to 1000")
    end)

    it("names what is wrong", function()
      contains(p:fails(2, "backfill plan nothing").err, "there is no backfill 'nothing'")
      p:backfill("fill", 'return { table = "nobody", set = { a = 1 } }')
      contains(p:fails(1, "backfill plan fill").err, "there is no table nobody")
    end)
  end)

  it("works for a role that may only read, on PostgreSQL", function()
    if not moonbird.postgres_url then
      pending("no PostgreSQL")
      return
    end
    local p = moonbird.project("postgres")
    p:people(100)
    p:backfill("fill", SET)
    local role = "reader_" .. p.database
    p:sql(("CREATE ROLE %s LOGIN PASSWORD 'secret'; GRANT SELECT ON people TO %s"):format(role, role))
    local url = p.url:gsub("//[^@]+@", "//" .. role .. ":secret@")
    local function all()
      return p:tables() .. p:sql("SELECT id, counter, full_name, xmin, xmax FROM people ORDER BY id")
    end
    local before = all()
    local run = p:ok({ "backfill", "plan", "fill", "--url", url })
    contains(run.out, "  batch        ")
    assert.equals(before, all())
    p:sql(("DROP OWNED BY %s; DROP ROLE %s"):format(role, role))
    p:remove()
  end)

  it("works on a file that may only be read, on SQLite", function()
    local p = moonbird.project("sqlite")
    p:people(10)
    p:backfill("fill", SET)
    moonbird.shell(("chmod 444 %s; chmod 555 %s"):format(p:path("data.db"), p:path(".")))
    contains(p:ok("backfill plan fill").out, "  hop          SEARCH people")
    moonbird.shell("chmod 755 " .. p:path("."))
    p:remove()
  end)

  it("refuses to sort the whole table for each batch", function()
    local p = moonbird.project("sqlite")
    p:sql([[
      CREATE TABLE t (a integer NOT NULL, b integer NOT NULL, c integer, UNIQUE (b, a));
      INSERT INTO t VALUES (1, 2, 3), (4, 5, 6)]])
    p:backfill("fill", 'return { table = "t", key = { "a", "b" }, set = { c = 1 } }')
    local run = p:fails(1, "backfill plan fill")
    contains(run.err, "reads or sorts the whole table")
    contains(run.err, "a `key` whose index has the same columns in the same order")
    p:remove()
  end)
end)
