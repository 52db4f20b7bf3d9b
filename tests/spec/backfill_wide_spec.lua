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

    -- Five short rows, a batch for themselves; after them two or three are enough, four where they come in pairs.
    for _, more in ipairs({ "", 'where = "times = 0", ' }) do
      it("cuts a batch behind short ones by its bytes " .. more, function()
        p:revision("a1", nil, ([[
  local sizes, last = {}, nil
  op.backfill { table = "texts", columns = { "body", "times" }, size = { start = 5, min = 5 }, %s
    row = function(r, batch)
      if batch.id ~= last then
        last, sizes[#sizes + 1] = batch.id, 0
      end
      sizes[#sizes] = sizes[#sizes] + 1
      return { body = r.body:upper(), times = r.times + 1 }
    end }
  print("sizes: " .. table.concat(sizes, " "))
]]):format(more))
        local path = p:path("moonbird.ini")
        moonbird.write_file(path, moonbird.read_file(path) .. "\n[backfill]\nmax_bytes = 2MiB\n")
        p:sql("DELETE FROM texts WHERE id > 14")
        local run = p:ok("upgrade head")
        assert.equals("14|14|14", (rows():gsub("%s", "")))
        local sizes = run.err:match("sizes: ([%d ]+)")
        assert.truthy(sizes:find("^5 [1-4] [123] [123]"), run:describe())
      end)
    end

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
