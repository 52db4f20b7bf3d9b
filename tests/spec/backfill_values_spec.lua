-- What becomes of a value on its way from a row through Lua into a column: nothing is rounded, cut or taken for
-- another type without a word. Values outside of backfills are in values_spec.lua.
local moonbird = require("support.moonbird")

describe("a value in a backfill", function()
  moonbird.each_database(describe, pending, function(kind)
    local p
    before_each(function()
      p = moonbird.project(kind)
    end)
    after_each(function()
      p:remove()
    end)

    -- Each value, a Lua expression, is refused for the column `v` with these words.
    local function refuses(type_name, cases)
      p:sql(("CREATE TABLE t (id integer NOT NULL PRIMARY KEY, v %s)"):format(type_name))
      p:sql("INSERT INTO t (id) VALUES (1)")
      for value, words in pairs(cases) do
        p:revision("a1", nil, ([[
  op.backfill { table = "t", columns = {}, row = function() return { v = %s } end }]]):format(value))
        local r = p:fails(7, "upgrade head")
        assert.matches("row id = 1: column v takes " .. words, r.err, 1, true)
        p:ok("stamp --purge base")
      end
      assert.equals("0", p:sql("SELECT count(*) FROM t WHERE v IS NOT NULL"))
    end

    it("keeps all digits of a number, in a column of texts or numerics too", function()
      p:sql("CREATE TABLE t (id integer NOT NULL PRIMARY KEY, f double precision, s varchar(30), n numeric)")
      p:sql("INSERT INTO t (id, f) VALUES (1, 123456789012345.67), (2, 0.30000000000000004), (3, 0.5), (4, 1e22)")
      p:revision("a1", nil, [[
  op.backfill { table = "t", row = function(r) return { n = r.f, s = r.f } end }]])
      p:ok("upgrade head")
      assert.equals("4", p:sql("SELECT count(*) FROM t WHERE n = f"))
      -- SQLite itself writes a number into a column of texts, with 15 digits
      local texts = p:sql("SELECT s FROM t ORDER BY id")
      assert.equals(kind == "sqlite" and "0.3" or "0.30000000000000004", texts:match("\n(%C+)"))
    end)

    it("is refused as bytes when it is a number", function()
      refuses(kind == "sqlite" and "blob" or "bytea", {
        ["5"] = "a string of bytes, not 5",
        ["1.5"] = "a string of bytes, not 1.5",
        ["true"] = "a string of bytes, not a boolean",
      })
    end)

    describe("that row() puts into the row table", function()
      local function run(body, verb)
        p:sql("CREATE TABLE t (id integer NOT NULL PRIMARY KEY, a text, b text, other text)")
        p:sql("INSERT INTO t VALUES (1, 'x', NULL, 'o'), (2, 'y', NULL, 'o')")
        p:revision("a1", nil, ([[
  op.backfill { table = "t", columns = { "a", "b" }, row = function(r) %s end }]]):format(body))
        return verb == "ok" and p:ok("upgrade head").err or p:fails(7, "upgrade head").err
      end
      local function has(text, words)
        assert.truthy(text:find(words, 1, true), text)
      end

      it("is not written, which is said once", function()
        local err = run('r.a = "z"', "ok")
        has(err, "warning: row() has changed a in the table that it got (row id = 1) and returned nothing, "
          .. "so nothing is written: return { a = ... }")
        local _, count = err:gsub("warning:", "")
        assert.equals(1, count)
      end)

      it("is nobody's concern where something is returned", function()
        assert.is_nil(run('r.a, r.b = "z", "w" return { other = r.a .. r.b }', "ok"):find("warning"))
        assert.equals("zw\nzw", p:sql("SELECT other FROM t"))
      end)

      it("must be a column that is read, or it would stay for the next row", function()
        has(run("if r.id == 1 then r.seen = true end"), "row id = 1: ")
        has(p:fails(7, "upgrade head").err,
          "the row has no column seen; what is not a column belongs into a local variable")
        p:sql("DROP TABLE t")
        p:ok("stamp --purge base")
        has(run('r.other = "z"'), "the row has no other to set, which `columns` does not name: return { other = ... }")
      end)

      it("comes to nothing when the row itself is returned", function()
        has(run('r.a = "z" return r'),
          "row id = 1: row() returned the row itself: return a table of the columns to change, { column = value }")
        p:sql("DROP TABLE t")
        p:ok("stamp --purge base")
        has(run("return null"), "row() must return a table of columns, nil or batch.delete, not null")
        p:sql("DROP TABLE t")
        p:ok("stamp --purge base")
        has(run("return { A = 1 }"), "row() returned the column A, which t does not have, did you mean a?")
      end)
    end)

    it("that cannot be stored is named with its column", function()
      p:sql("CREATE TABLE t (id integer NOT NULL PRIMARY KEY, a text, b double precision, c text)")
      p:sql("INSERT INTO t (id) VALUES (1), (2), (3)")
      p:revision("a1", nil, ([[
  op.backfill { table = "t", columns = {}, row = function(r)
    return { a = "x", b = r.id == 2 and %s or 1.5, c = r.id == 2 and %s or "y" }
  end }]]):format(kind == "sqlite" and "0 / 0" or "2", kind == "sqlite" and '"y"' or '"\\xff"'))
      local err = p:fails(7, "upgrade head").err
      assert.matches("row id = 2: ", err, 1, true)
      assert.matches("parameter %d is the column " .. (kind == "sqlite" and "b" or "c"), err)
    end)

    it("that is a boolean on SQLite is one whatever its neighbours are", function()
      if kind ~= "sqlite" then
        return -- elsewhere a column has one type
      end
      p:sql("CREATE TABLE t (id integer PRIMARY KEY, b boolean, seen text)")
      p:sql("INSERT INTO t (id, b) VALUES (1, 1), (2, 2), (3, 'x'), (4, 0), (5, NULL), (6, 1)")
      p:revision("a1", nil, [[
  op.backfill { table = "t", row = function(r) return { seen = tostring(r.b) } end }
  for _, r in ipairs(db:query("SELECT b, seen FROM t")) do
    assert(tostring(r.b) == r.seen, r.seen)
  end]])
      p:ok("upgrade head")
      assert.equals("true\n2\nx\nfalse\nnil\ntrue", p:sql("SELECT seen FROM t ORDER BY id"))
    end)

    if kind == "postgres" then
      it("of bytes is refused as a text, where its digits would be written", function()
        refuses("text", { ['blob("x")'] = "a string, not blob(...)" })
      end)

      it("says what it would have to be", function()
        refuses("bigint", {
          ["5.5"] = "an integer of 64 bits, not 5.5",
          ["2^63"] = "an integer of 64 bits, not 9.223372036854776e+18",
          ['"5"'] = "an integer of 64 bits, not a string",
          ['sql "now()"'] = 'an integer of 64 bits, not sql "...", which the form `set` takes',
        })
        p:sql("DROP TABLE t")
        refuses("jsonb", { ["{ a = 1 }"] = "a string, not a table (json.encode makes a string of one)" })
      end)

      it("that is no number or has no end is the same in a numeric", function()
        p:sql("CREATE TABLE t (id integer NOT NULL PRIMARY KEY, f float8, n numeric)")
        p:sql("INSERT INTO t (id, f) VALUES (1, 'NaN'), (2, 'Infinity'), (3, '-Infinity')")
        p:revision("a1", nil, [[
  op.backfill { table = "t", row = function(r) return { n = r.id == 1 and 0 / 0 or r.f } end }]])
        p:ok("upgrade head")
        assert.equals("NaN\nInfinity\n-Infinity", p:sql("SELECT n FROM t ORDER BY id"))
      end)
    end
  end)
end)
