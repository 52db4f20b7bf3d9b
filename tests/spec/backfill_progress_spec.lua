-- Percent and time left while a backfill runs, for keys of every kind: they never go back, and never say that all is
-- done before it is.
local moonbird = require("support.moonbird")

-- The key's columns, what is in them for row i, and whether the percentage is a guess.
local KEYS = {
  number = { columns = "id bigint", values = "i * 7", guessed = false },
  uuid = {
    columns = "id %s",
    values = "lower(substr(md5(i), 1, 8) || '-0000-4000-8000-' || substr(md5(i), 1, 12))",
    guessed = false,
  },
  text = { columns = "id varchar(40)", values = "'row ' || (i %% 100) || ' of ' || i", guessed = true },
  ["number and text"] = { columns = "tenant bigint, id varchar(40)", values = "i %% 3, 'row ' || i", guessed = true },
}

local ROWS = 2000

local ADD_ONE = [[
return {
  table = "t",
  size = 20,
  columns = { "counter" },
  throttle = false,
  row = function(row) return { counter = row.counter + 1 } end,
}]]

-- The values of a field in all events of a run that is shown as JSON.
local function field(out, name)
  local values = {}
  for line in out:gmatch("[^\n]+") do
    if line:find('"event":"backfill"', 1, true) then
      values[#values + 1] = line:match('"' .. name .. '":([^,}]+)')
    end
  end
  return values
end

describe("the percentage of a backfill", function()
  moonbird.each_database(describe, pending, function(kind)
    -- Digits that look like chance: SQLite has no md5().
    local digits = kind == "postgres" and "md5(CAST(i AS text))"
      or "printf('%08x%08x', i * 2654435761 %% 4294967296, i)"

    local function fill(p, key)
      local columns = key.columns:format(kind == "postgres" and "uuid" or "text")
      local names = columns:gsub("(%w+) [^,]+", "%1")
      local values = key.values:gsub("md5%(i%)", (digits:gsub("%%", "%%%%"))):gsub("%%%%", "%%")
      if columns:find("uuid") then
        values = "CAST(" .. values .. " AS uuid)"
      end
      p:sql(("CREATE TABLE t (%s, counter integer NOT NULL, PRIMARY KEY (%s))"):format(
        columns:gsub(",", " NOT NULL,") .. " NOT NULL",
        names
      ))
      p:sql(
        ("INSERT INTO t WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "):format(ROWS)
          .. ("SELECT %s, 0 FROM n"):format(values)
      )
      p:sql("ANALYZE t")
      p:backfill("fill", ADD_ONE)
    end

    for name, key in pairs(KEYS) do
      it("never goes back with a key of " .. name, function()
        local p = moonbird.project(kind)
        fill(p, key)
        local out = p:fails(3, "backfill run fill --json --max-rows 700 --workers 2").out
        local shown = tonumber(p:ok("backfill status fill --json").out:match('"fraction": ([%d.]+)'))
        local resumed = p:ok("backfill run fill --json --workers 3").out
        local first = tonumber(field(resumed, "fraction")[1])
        assert.is_true(first < 0.6, ("a run that goes on at %g begins with %g"):format(shown, first))
        out = out .. resumed
        local before = 0
        local fractions, ended = field(out, "fraction"), field(out, "ended")
        for i, text in ipairs(fractions) do
          local fraction = assert(tonumber(text), "no fraction in " .. text)
          assert.is_true(fraction >= before - 1e-9, ("%g comes after %g"):format(fraction, before))
          assert.is_true(fraction <= 0.999 or i == #fractions and fraction == 1 and ended[i] == "true")
          before = fraction
        end
        assert.equals(1, before)
        assert.is_true(#fractions > ROWS / 20)
        assert.is_true(shown > 0.25 and shown < 0.5, "after 700 rows it was " .. shown)
        assert.equals(tostring(key.guessed), field(out, "fraction_is_estimate")[10])
        assert.equals("1|1", p:sql("SELECT min(counter), max(counter) FROM t"))
        p:remove()
      end)
    end

    it("is not known of a table that nobody has counted, until it is begun", function()
      local p = moonbird.project(kind)
      fill(p, KEYS.text)
      p:sql("DELETE FROM t")
      p:revision("a1", nil, 'op.backfill("fill", { defer = true })')
      p:ok("upgrade head")
      p:sql("INSERT INTO t SELECT 'a' || i, 0 FROM (WITH RECURSIVE n (i) AS "
        .. "(SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200) SELECT i FROM n) AS numbers")
      p:sql("ANALYZE t")
      p:fails(3, "backfill run fill --max-rows 100")
      assert.truthy(p:ok("backfill status fill").out:find("about 50.0 %%\n  100 of about 200 rows"))
      p:remove()
    end)
  end)
end)
