-- op.backfill as a developer uses it: its three forms, keys, sizes, progress, wrong definitions. Kills and interrupts
-- are in interrupt_spec.lua.
local moonbird = require("support.moonbird")

-- A trigger that writes down the id of every row that an UPDATE touches, into the table `touched`.
local function watch_updates(p)
  p:sql("CREATE TABLE touched (id bigint)")
  if p.kind == "sqlite" then
    p:sql("CREATE TRIGGER watch AFTER UPDATE ON people BEGIN INSERT INTO touched VALUES (new.id); END")
  else
    p:sql("CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS"
      .. " $$ BEGIN INSERT INTO touched VALUES (new.id); RETURN new; END $$")
    p:sql("CREATE TRIGGER watch AFTER UPDATE ON people FOR EACH ROW EXECUTE FUNCTION watch()")
  end
end

local function counts(p)
  return p:sql("SELECT min(counter), max(counter), count(*) FROM people")
end

describe("op.backfill", function()
  moonbird.each_database(describe, pending, function(kind)
    local p
    before_each(function()
      p = moonbird.project(kind)
    end)
    after_each(function()
      p:remove()
    end)

    -- A revision that consists of one backfill, applied.
    local function apply(definition, options)
      p:revision("a1", nil, "op.backfill " .. definition)
      return p:ok("upgrade head", options)
    end

    describe("by row", function()
      it("splits a column, in one revision with the DDL around it, and back", function()
        p:people(2500)
        p:revision(
          "a1",
          nil,
          [[
  op.add_column("people", column("first_name", types.text()))
  op.add_column("people", column("last_name", types.text()))
  op.backfill {
    table = "people",
    columns = { "full_name" },
    row = function(person)
      local first, last = person.full_name:match("^(%S+)%s+(.+)$")
      return { first_name = first, last_name = last }
    end,
  }
  op.drop_column("people", "full_name")]],
          [[
  op.add_column("people", column("full_name", types.text()))
  op.backfill {
    table = "people",
    row = function(person) return { full_name = person.first_name .. " " .. person.last_name } end,
  }
  op.drop_column("people", "first_name")
  op.drop_column("people", "last_name")]]
        )
        p:ok("upgrade head")
        assert.equals("id,counter,first_name,last_name", p:columns("people"))
        assert.equals("0", p:sql("SELECT count(*) FROM people WHERE first_name <> 'First' || id"
          .. " OR last_name <> 'Last' || id OR first_name IS NULL OR last_name IS NULL"))
        p:ok("downgrade base")
        assert.equals("id,counter,full_name", p:columns("people"))
        assert.equals("0", p:sql("SELECT count(*) FROM people WHERE full_name IS NULL"
          .. " OR full_name <> 'First' || id || ' Last' || id"))
      end)

      it("leaves the rows for which nothing is returned", function()
        p:people(100)
        watch_updates(p)
        apply('{ table = "people", row = function(r) if r.id % 10 == 0 then return { counter = 1 } end end }')
        assert.equals("10|550", p:sql("SELECT count(*), sum(id) FROM touched"))
        assert.equals("10", p:sql("SELECT sum(counter) FROM people"))
      end)

      it("changes only the columns that were returned, row by row", function()
        p:people(30)
        p:sql("ALTER TABLE people ADD COLUMN note text")
        p:sql("UPDATE people SET note = 'kept'")
        apply([[{ table = "people", row = function(r)
          if r.id % 3 == 0 then return { note = "new" } end
          if r.id % 3 == 1 then return { counter = 7 } end
          return { note = null, counter = 8 }
        end }]])
        assert.equals(
          "10|kept|7\n10|new|0\n10||8",
          p:sql("SELECT count(*), note, counter FROM people GROUP BY note, counter ORDER BY coalesce(note, 'z')")
        )
      end)

      it("deletes rows", function()
        p:people(50)
        apply('{ table = "people", row = function(r, batch) if r.id % 2 == 0 then return batch.delete end end }')
        assert.equals("25|625", p:sql("SELECT count(*), sum(id) FROM people"))
      end)

      it("reads only the columns that were asked for, and the key", function()
        p:people(3)
        local run = apply([[{ table = "people", columns = { "counter" }, row = function(r)
          assert(r.full_name == nil and r.counter == 0 and r.id)
          return { counter = r.id * 10 }
        end }]])
        local _, warnings = run.err:gsub("row%(%) looks at the column full_name", "")
        assert.equals(1, warnings)
        assert.equals("10,20,30", p:sql("SELECT counter FROM people ORDER BY id"):gsub("\n", ","))
      end)

      it("writes values of every type, and NULL", function()
        p:sql(
          kind == "sqlite"
              and "CREATE TABLE t (id integer PRIMARY KEY, b boolean, i bigint, f double, n numeric,"
                .. " s text, y blob, d date)"
            or "CREATE TABLE t (id integer PRIMARY KEY, b boolean, i bigint, f double precision, n numeric(30, 10),"
              .. " s text, y bytea, d date)"
        )
        p:sql("INSERT INTO t (id) VALUES (1), (2), (3)")
        apply([[{ table = "t", row = function(r)
          if r.id == 3 then return { b = null, s = "" } end
          return {
            b = r.id == 1, i = math.mininteger + r.id, f = 0.1, n = "12345678901234567890.0123456789",
            s = "Zoë 'quoted' \\ \n line", y = blob("\0\1\255"), d = "2024-02-29",
          }
        end }]])
        local hex = kind == "sqlite" and "hex(y)" or "upper(encode(y, 'hex'))"
        local rows = p:sql("SELECT i, f, s, " .. hex .. ", d FROM t WHERE id = 1")
        assert.equals("-9223372036854775807|0.1|Zoë 'quoted' \\ \n line|0001FF|2024-02-29", rows)
        assert.equals("1", p:sql("SELECT count(*) FROM t WHERE id = 3 AND b IS NULL AND s = '' AND i IS NULL"))
        assert.equals("1", p:sql("SELECT count(*) FROM t WHERE b AND id = 1"))
        if kind == "postgres" then
          assert.equals("12345678901234567890.0123456789", p:sql("SELECT n FROM t WHERE id = 1"))
        end
      end)

      it("gives a copy of a row that stays, and the row table again and again", function()
        p:people(10)
        apply([[{ table = "people", row = function(r, batch)
          Seen = Seen or {}
          Seen[#Seen + 1] = batch:copy(r)
          if #Seen == 10 then
            for index, row in ipairs(Seen) do
              assert(row.id == index and row.full_name == "First" .. index .. " Last" .. index)
            end
            return { counter = 10 }
          end
        end }]])
        assert.equals("10", p:sql("SELECT sum(counter) FROM people"))
      end)

      it("keeps a large text whole", function()
        p:people(20)
        apply('{ table = "people", row = function(r) return { full_name = ("é"):rep(100000) .. r.id } end }')
        assert.equals("20", p:sql("SELECT count(*) FROM people WHERE length(full_name) - length('' || id) = 100000"))
      end)
    end)

    describe("by set", function()
      it("touches only the rows that differ", function()
        p:people(1000)
        p:sql("UPDATE people SET full_name = lower(full_name) WHERE id <= 400")
        watch_updates(p)
        apply('{ table = "people", size = 100, set = { full_name = sql "lower(full_name)" } }')
        assert.equals("600", p:sql("SELECT count(*) FROM touched"))
        assert.equals("0", p:sql("SELECT count(*) FROM people WHERE full_name <> lower(full_name)"))
      end)

      it("takes plain values, and looks at NULL as a value", function()
        p:people(10)
        p:sql("UPDATE people SET full_name = NULL WHERE id > 5")
        apply('{ table = "people", set = { full_name = "x", counter = 3 } }')
        assert.equals("10", p:sql("SELECT count(*) FROM people WHERE full_name = 'x' AND counter = 3"))
      end)

      it("keeps to `where`", function()
        p:people(1000)
        apply('{ table = "people", size = 90, where = "id > 10 AND id <= 20 OR id = 999", set = { counter = 1 } }')
        assert.equals("11|1154", p:sql("SELECT count(*), sum(id) FROM people WHERE counter = 1"))
      end)
    end)

    describe("by batch", function()
      it("gives the rows and a predicate for them", function()
        p:people(1000)
        p:sql("CREATE TABLE initials (person bigint, letter text)")
        apply([[{ table = "people", size = 130, batch = function(batch)
          db:exec("INSERT INTO initials SELECT id, substr(full_name, 1, 1) FROM people WHERE " .. batch.range.predicate,
            batch.range.values)
          local sum = 0
          for _, row in ipairs(batch.rows) do sum = sum + row.id end
          db:exec("UPDATE people SET counter = counter + 1 WHERE id = ?", batch.rows[1].id)
          assert(#batch.rows <= 130)
        end }]])
        assert.equals("1000|1000", p:sql("SELECT count(*), count(DISTINCT person) FROM initials"))
        assert.equals("8", p:sql("SELECT sum(counter) FROM people"))
      end)

      it("finds the row on which it fails, after those before it", function()
        p:people(1000)
        p:revision("a1", nil, [[op.backfill { table = "people", batch = function(batch)
          for _, row in ipairs(batch.rows) do
            assert(row.id ~= 777, "unreadable")
            db:exec("UPDATE people SET counter = counter + 1 WHERE id = ?", row.id)
          end
        end }]])
        local run = p:fails(7, "upgrade head")
        assert.truthy(run.err:find("error: backfill of people, row id = 777: ", 1, true), run.err)
        assert.equals("776|776", p:sql("SELECT sum(counter), max(id) FROM people WHERE counter > 0"))
      end)
    end)

    describe("with `where`", function()
      it("visits the rows that match, once each, however sparse they are", function()
        p:people(3000)
        apply([[{ table = "people", size = 50, where = "id % 100 = 7",
          row = function(r) return { counter = r.counter + 1 } end }]])
        assert.equals("30|30", p:sql("SELECT sum(counter), count(*) FROM people WHERE id % 100 = 7"))
        assert.equals("0", p:sql("SELECT sum(counter) FROM people WHERE id % 100 <> 7"))
      end)
    end)

    describe("over keys", function()
      local function each_row_once(rows)
        apply('{ table = "people", size = 7, row = function(r) return { counter = r.counter + 1 } end }')
        assert.equals("1|1|" .. rows, counts(p))
      end

      it("of two columns, a text and an integer", function()
        p:sql("CREATE TABLE people (town text NOT NULL, number integer NOT NULL, counter integer NOT NULL,"
          .. " PRIMARY KEY (town, number))")
        p:sql("INSERT INTO people WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)"
          .. " SELECT 'Straße ''' || (i % 9) || '''', i, 0 FROM n")
        each_row_once(500)
      end)

      it("of text, with blanks, accents and quotes", function()
        p:sql("CREATE TABLE people (name text NOT NULL PRIMARY KEY, counter integer NOT NULL)")
        local names = { "", " ", "a", "A", "é", "É", "z''", '"', "\\", "日本", "a b", "ab", "a-b", "Zz", "zz", "%" }
        p:sql("INSERT INTO people VALUES ('" .. table.concat(names, "', 0), ('") .. "', 0)")
        each_row_once(16)
      end)

      it("of UUIDs", function()
        local uuid = kind == "sqlite" and "text" or "uuid"
        local value = kind == "sqlite" and "lower(hex(randomblob(16)))" or "gen_random_uuid()"
        p:sql(("CREATE TABLE people (id %s NOT NULL PRIMARY KEY, counter integer NOT NULL)"):format(uuid))
        p:sql("INSERT INTO people WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)"
          .. " SELECT " .. value .. ", 0 FROM n")
        each_row_once(300)
      end)

      it("of numbers that are negative, sparse and at the ends of 64 bits", function()
        p:sql("CREATE TABLE people (id bigint NOT NULL PRIMARY KEY, counter integer NOT NULL)")
        p:sql("INSERT INTO people VALUES (-9223372036854775808, 0), (-5, 0), (0, 0), (1000000000, 0),"
          .. " (9007199254740993, 0), (9007199254740994, 0), (9223372036854775806, 0), (9223372036854775807, 0)")
        each_row_once(8)
      end)

      -- Whoever computes with the numbers has nearly a million empty batches here.
      it("of numbers that are sparse: 10,000 of them over 10^9, in full batches", function()
        p:sql("CREATE TABLE people (id bigint NOT NULL PRIMARY KEY, counter integer NOT NULL)")
        p:sql("INSERT INTO people WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)"
          .. " SELECT -500000000 + i * 100003, 0 FROM n")
        apply([[{ table = "people", size = 1000, batch = function(batch)
          assert(#batch.rows == 1000, #batch.rows)
          db:exec("UPDATE people SET counter = counter + 1 WHERE " .. batch.range.predicate, batch.range.values)
        end }]])
        assert.equals("1|1|10000", counts(p))
      end)

      it("of bytes", function()
        local bytes = kind == "sqlite" and "blob" or "bytea"
        p:sql(("CREATE TABLE people (id %s NOT NULL PRIMARY KEY, counter integer NOT NULL)"):format(bytes))
        local list = {}
        for i = 0, 49 do
          local hex = ("%02x00%02x"):format(i * 5, 255 - i)
          list[#list + 1] = (kind == "sqlite" and "(x'%s', 0)" or "('\\x%s', 0)"):format(hex)
        end
        p:sql("INSERT INTO people VALUES " .. table.concat(list, ","))
        each_row_once(50)
      end)

      it("of times", function()
        p:sql("CREATE TABLE people (at timestamp NOT NULL PRIMARY KEY, counter integer NOT NULL)")
        local list = {}
        for i = 1, 40 do
          list[#list + 1] = ("('2024-02-29 12:%02d:07.%06d', 0)"):format(i, i)
        end
        p:sql("INSERT INTO people VALUES " .. table.concat(list, ","))
        each_row_once(40)
      end)

      it("that are unique and NOT NULL, named by `key`", function()
        p:sql("CREATE TABLE people (id integer, email text NOT NULL UNIQUE, counter integer NOT NULL)")
        p:sql("INSERT INTO people VALUES (1, 'b', 0), (1, 'a', 0), (NULL, 'c', 0)")
        apply([[{ table = "people", key = "email", size = 2,
          row = function(r) return { counter = r.counter + 1 } end }]])
        assert.equals("1|1|3", counts(p))
      end)

      it("with names that need quotes", function()
        p:sql('CREATE TABLE "odd table" ("the ""id""" integer NOT NULL PRIMARY KEY, "select" text)')
        p:sql("INSERT INTO \"odd table\" VALUES (1, 'a'), (2, 'b'), (3, 'c')")
        apply([[{ table = "odd table", size = 1, row = function(r)
          return { select = r["select"] .. r['the "id"'] }
        end }]])
        assert.equals("a1,b2,c3", p:sql('SELECT "select" FROM "odd table" ORDER BY 1'):gsub("\n", ","))
      end)

      it("that are not unique, or may be NULL, is refused with the reason", function()
        p:sql("CREATE TABLE people (id integer, email text UNIQUE, at timestamp NOT NULL, counter integer)")
        p:sql("CREATE INDEX by_at ON people (at)")
        p:sql("INSERT INTO people VALUES (1, 'a', '2026-01-31 12:00:00', 0), (2, 'b', '2026-01-31 12:00:00', 0)")
        for key, why in pairs({ email = "(email may be NULL)", at = "(no unique index has these columns, " }) do
          p:revision("a1", nil, ('op.backfill { table = "people", key = "%s", set = { counter = 1 } }'):format(key))
          local run = p:fails(1, "upgrade head")
          assert.truthy(run.err:find("(" .. key .. ") of people is not unique and NOT NULL " .. why, 1, true), run.err)
          assert.truthy(run.err:find("a1_test.lua:7", 1, true), run.err)
        end
        assert.equals("0|0|2", counts(p))
        p:revision("a1", nil, 'op.backfill { table = "people", set = { counter = 1 } }')
        assert.truthy(p:fails(1, "upgrade head").err:find("primary key", 1, true))
      end)
    end)

    it("does nothing on an empty table, and all on a table of one row", function()
      p:people(0)
      p:sql("DELETE FROM people WHERE id > 0") -- the recursion always makes one
      apply('{ table = "people", row = function() error("called") end }')
      p:sql("INSERT INTO people VALUES (5, 'a b', 0)")
      p:revision("b2", "a1", 'op.backfill { table = "people", row = function() return { counter = 1 } end }')
      p:ok("upgrade head")
      assert.equals("1|1|1", counts(p))
    end)

    it("does not chase rows that come after its start", function()
      p:people(20)
      apply([[{ table = "people", size = 5, batch = function(batch)
        db:exec("UPDATE people SET counter = counter + 1 WHERE " .. batch.range.predicate, batch.range.values)
        db:exec("INSERT INTO people SELECT max(id) + 1, 'new', 0 FROM people")
      end }]])
      assert.equals("20|4", p:sql("SELECT sum(counter), sum(CASE WHEN id > 20 THEN 1 ELSE 0 END) FROM people"))
    end)

    it("keeps to a fixed size, and says it", function()
      p:people(100)
      p:sql("CREATE TABLE sizes (n integer)")
      local run = apply([[{ table = "people", size = 30, batch = function(batch)
        db:exec("INSERT INTO sizes VALUES (?)", #batch.rows)
      end }]])
      assert.equals("30,30,30,10", p:sql("SELECT n FROM sizes ORDER BY n DESC"):gsub("\n", ","))
      assert.truthy(run.err:find("batches of 30", 1, true), run.err)
    end)

    it("lets the size follow the duration that batches are to take", function()
      p:people(400)
      p:sql("CREATE TABLE sizes (number integer, n integer)")
      apply([[{ table = "people", size = { target_ms = 10, start = 100, min = 2 }, batch = function(batch)
        Number = (Number or 0) + 1
        db:exec("INSERT INTO sizes VALUES (?, ?)", Number, #batch.rows)
        local stop = os.clock() + #batch.rows * 0.001 -- a millisecond for each row
        while os.clock() < stop do end
      end }]])
      assert.equals("100", p:sql("SELECT n FROM sizes WHERE number = 1"))
      local smallest = tonumber(p:sql("SELECT min(n) FROM sizes WHERE number < (SELECT max(number) FROM sizes)"))
      assert.is_true(smallest >= 2 and smallest <= 25, "smallest " .. smallest)
      assert.equals("400", p:sql("SELECT sum(n) FROM sizes"))
    end)

    it("prints plain lines without a terminal", function()
      p:people(400)
      local run = apply(
        [[{ table = "people", size = 20, row = function(r)
        local stop = os.clock() + 0.002
        while os.clock() < stop do end
        return { counter = 1 }
      end }]],
        { env = { MOONBIRD_PROGRESS_INTERVAL = "0.2" } }
      )
      assert.equals("", run.out)
      assert.falsy(run.err:find("[\r\27]"), run.err)
      local lines = select(2, run.err:gsub("backfill [^\n]+ rows[^\n]+\n", ""))
      assert.is_true(lines >= 3, run.err)
      assert.truthy(run.err:find("%d+%.%d %%"), run.err)
      assert.truthy(run.err:find("backfill [^\n]*400 rows in [^\n]*done\n"), run.err)
    end)

    it("shows a bar on a terminal", function()
      p:people(300)
      p:revision("a1", nil, [[op.backfill { table = "people", size = 10, row = function(r)
        local stop = os.clock() + 0.003
        while os.clock() < stop do end
        return { counter = 1 }
      end }]])
      local command = moonbird.quote("stty cols 100; " .. moonbird.program .. " upgrade head")
      local text, code = moonbird.shell(("cd %s && LC_ALL=C.UTF-8 script -qec %s /dev/null"):format(p.folder, command))
      assert.equals(0, code, text)
      assert.truthy(text:find("\r[^\n]*%[[^\n]*%d %%[^\n]* rows"), text)
      assert.truthy(text:find("300 rows in", 1, true), text)
    end)

    it("tells events as JSON", function()
      p:people(50)
      p:revision("a1", nil, 'op.backfill { table = "people", row = function() return { counter = 1 } end }')
      local run = p:ok("upgrade head --json")
      assert.truthy(run.out:find("backfill", 1, true), run.out)
      for line in run.out:gmatch("[^\n]+") do
        assert.truthy(line:find("^{.*}$"), line)
      end
    end)

    it("runs more than once in a revision, and in many revisions", function()
      p:people(100)
      for i = 1, 3 do
        p:revision(
          "r" .. i,
          i > 1 and "r" .. i - 1 or nil,
          [[for _ = 1, 2 do
            op.backfill { table = "people", size = 40, row = function(r) return { counter = r.counter + 1 } end }
          end]]
        )
      end
      p:ok("upgrade head")
      assert.equals("6|6|100", counts(p))
    end)

    it("stops at an error of the row function with its line and the row's key", function()
      p:people(100)
      p:revision("a1", nil, [[
  op.backfill { table = "people", size = 10, row = function(r)
    if r.id == 57 then error("cannot split") end
    return { counter = r.counter + 1 }
  end }]])
      local run = p:fails(7, "upgrade head")
      assert.truthy(run.err:find("cannot split", 1, true), run.err)
      assert.truthy(run.err:find("a1_test.lua:8", 1, true), run.err)
      assert.truthy(run.err:find("57", 1, true), run.err)
      -- the batches before are kept, the one of the error is not
      assert.equals("50", p:sql("SELECT sum(counter) FROM people"))
    end)

    it("goes on after an error of the data was mended, every row once", function()
      p:people(100)
      p:sql("CREATE TABLE strict_people (id bigint NOT NULL PRIMARY KEY,"
        .. " counter integer NOT NULL CHECK (counter < 5))")
      p:sql("INSERT INTO strict_people SELECT id, CASE WHEN id = 57 THEN 4 ELSE 0 END FROM people")
      p:revision("a1", nil, [[
  op.create_table("before_it", { column("id", types.integer()) })
  op.backfill { table = "strict_people", size = 10, row = function(r)
    return { counter = r.counter + 1 }
  end }]])
      local run = p:fails(7, "upgrade head")
      assert.truthy(run.err:lower():find("check constraint", 1, true), run.err)
      assert.truthy(run.err:match("error:.*"):find("%f[%d]57%f[%D]"), run.err) -- the key of the row
      p:sql("UPDATE strict_people SET counter = 0 WHERE id = 57")
      p:ok("upgrade head")
      assert.equals("1|1", p:sql("SELECT min(counter), max(counter) FROM strict_people"))
    end)

    it("takes no statement that would end its batch", function()
      p:people(10)
      for _, statement in ipairs({ "COMMIT", "ROLLBACK", "  /* x */ commit;", "BEGIN" }) do
        local batch = ('function() db:exec("%s") end'):format(statement)
        p:revision("a1", nil, ('op.backfill { table = "people", batch = %s }'):format(batch))
        local run = p:run("upgrade head")
        assert.are_not.equal(0, run.code, statement .. "\n" .. run:describe())
        assert.truthy(run.err:find("a1_test.lua:7", 1, true), statement .. "\n" .. run:describe())
      end
      assert.equals("", p:ok("current").out)
    end)

    describe("tells wrong definitions at their line:", function()
      local cases = {
        { "an unknown key", '{ table = "people", colums = {}, row = print }', "colums" },
        { "an unknown table", '{ table = "peple", set = { counter = 1 } }', "peple" },
        { "an unknown column to read", '{ table = "people", columns = { "nme" }, row = function() end }', "nme" },
        { "an unknown column to set", '{ table = "people", set = { nme = 1 } }', "nme" },
        { "no form", '{ table = "people" }', "row" },
        { "two forms", '{ table = "people", row = print, set = { counter = 1 } }', "set" },
        { "no table", "{ row = print }", "table" },
        { "a size that is none", '{ table = "people", size = 0, set = { counter = 1 } }', "size" },
        { "a text instead of a function", '{ table = "people", row = "x" }', "row" },
        { "no table at all", '"x y"', "backfill" },
      }
      for _, case in ipairs(cases) do
        it(case[1], function()
          p:people(3)
          p:revision("a1", nil, "-- a line\nop.backfill(" .. case[2] .. ")")
          local run = p:fails(1, "upgrade head")
          assert.truthy(run.err:find(case[3], 1, true), run.err)
          assert.truthy(run.err:find("a1_test.lua:8", 1, true), run.err)
          assert.equals("", p:ok("current").out)
        end)
      end
    end)

    it("refuses what a row function may not return", function()
      p:people(3)
      for _, returned in ipairs({ "{ nme = 1 }", "{ id = 9 }", '"text"', "{ counter = {} }", "{ counter = print }" }) do
        p:revision("a1", nil, ('op.backfill { table = "people", row = function() return %s end }'):format(returned))
        local run = p:run("upgrade head")
        assert.is_true(run.code == 1 or run.code == 7, returned .. "\n" .. run:describe())
        assert.truthy(run.err:find("a1_test.lua", 1, true), returned .. "\n" .. run:describe())
        p:ok("stamp base")
        assert.equals("0|0|3", counts(p))
      end
    end)
  end)
end)
