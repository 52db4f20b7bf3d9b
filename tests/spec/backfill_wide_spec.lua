-- Backfills over wide rows: a batch has so many bytes at most, from the first one on, and is never in memory as a
-- whole.
local moonbird = require("support.moonbird")

describe("op.backfill over wide rows", function()
  moonbird.each_database(describe, pending, function(kind)
    local p
    before_each(function()
      p = moonbird.project(kind)
      local text = kind == "sqlite" and "replace(hex(zeroblob(%d)), '00', 'ab')" or "repeat('ab', %d)"
      p:sql("CREATE TABLE texts (id bigint NOT NULL PRIMARY KEY, body text, times integer NOT NULL)")
      for id = 1, 40 do
        p:sql(("INSERT INTO texts SELECT %d, %s, 0"):format(id, text:format(id <= 5 and 10 or 500000)))
      end
    end)
    after_each(function()
      p:remove()
    end)

    local function rows()
      return p:sql("SELECT count(*), sum(times), sum(CASE WHEN substr(body, 1, 2) = 'AB' THEN 1 ELSE 0 END) FROM texts")
    end

    it("cuts the very first batch by its bytes, though nobody knows how wide the rows are", function()
      p:revision("a1", nil, [[
  op.backfill { table = "texts", columns = { "body", "times" }, row = function(r)
    return { body = r.body:upper(), times = r.times + 1 }
  end }]])
      local run = p:ok("upgrade head")
      assert.equals("40|40|40", (rows():gsub("%s", "")))
      -- 16 MiB are seventeen rows of a megabyte; five short ones came before them.
      local size = tonumber(run.err:match("batches of (%d+)"))
      assert.is_true(size >= 15 and size <= 22, run:describe())
    end)

    it("finds the one bad row among them", function()
      p:revision("a1", nil, [[
  op.backfill { table = "texts", columns = { "body", "times" }, on_error = "quarantine", row = function(r)
    if r.id == 23 then error("unreadable") end
    return { body = r.body:upper(), times = r.times + 1 }
  end }]])
      p:ok("upgrade head")
      moonbird.contains(p:ok("backfill bad list a1:1").out, "unreadable")
      assert.equals("40|39|39", (rows():gsub("%s", "")))
    end)
  end)
end)
