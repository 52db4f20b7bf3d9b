-- Backfills over wide rows: a batch has so many bytes at most, from the first one on, and is never in memory as a
-- whole.
local moonbird = require("support.moonbird")

describe("op.backfill over wide rows", function()
  moonbird.each_database(describe, pending, function(kind)
    local p
    before_each(function()
      p = moonbird.project(kind)
      local text = kind == "sqlite" and "replace(hex(zeroblob(%s)), '00', 'ab')" or "repeat('ab', %s)"
      p:sql("CREATE TABLE texts (id bigint NOT NULL PRIMARY KEY, body text, times integer NOT NULL)")
      p:sql(([[
INSERT INTO texts
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)
SELECT i, %s, 0 FROM n]]):format(text:format("CASE WHEN i <= 5 THEN 10 ELSE 500000 END")))
    end)
    after_each(function()
      p:remove()
    end)

    local function rows()
      return p:sql("SELECT count(*), sum(times), sum(CASE WHEN substr(body, 1, 2) = 'AB' THEN 1 ELSE 0 END) FROM texts")
    end

    local function limit_to_2_mib()
      local path = p:path("moonbird.ini")
      moonbird.write_file(path, moonbird.read_file(path) .. "\n[backfill]\nmax_bytes = 2MiB\n")
      p:sql("DELETE FROM texts WHERE id > 14")
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

    if kind == "postgres" then
      -- Narrow values come at once, wider ones only in pieces: which ones are wide depends on how many columns may be.
      for _, more in ipairs({ "", 'where = "id > 0", ', 'columns = { "a" }, ' }) do
        it("loses no value between narrow rows and wide ones " .. more, function()
          local seed, only_a = os.time(), more:find("columns", 1, true)
          p:sql(([[
            CREATE TABLE mixed (id int PRIMARY KEY, a text, b varchar, c bytea, d jsonb, sum int, times int DEFAULT 0);
            SELECT setseed(%.3f);
            INSERT INTO mixed (id, a, b, c, d)
            SELECT i * 3, CASE WHEN i %% 7 > 0 THEN repeat('ä', (random() * w)::int) END,
              repeat('b', CASE WHEN i %% 50 = 0 THEN 60 + i %% 9 WHEN i %% 31 = 0 THEN 255 + i %% 3 ELSE 9 END),
              CASE WHEN i %% 5 > 0 THEN decode(repeat('00', (random() * w)::int), 'hex') END,
              to_jsonb(repeat('d', (random() * w)::int))
            FROM (SELECT i, CASE WHEN i %% 97 = 0 THEN 20000 WHEN i %% 11 = 0 THEN 140 ELSE 20 END AS w
                  FROM generate_series(1, 2000) AS i) AS n]]):format(seed % 1000 / 1000))
          p:revision("a1", nil, ([[
  op.backfill { table = "mixed", size = 300, %%s row = function(r)
    local sum = #(r.a or "")
    %s
    return { sum = sum, times = 1 }
  end }]]):format(only_a and "" or "sum = sum + #(r.b or '') + #(r.c or '') + #r.d"):format(more))
          p:ok("upgrade head")
          local others = "+ coalesce(octet_length(b), 0) + coalesce(octet_length(c), 0) + octet_length(CAST(d AS text))"
          local sum = "coalesce(octet_length(a), 0) " .. (only_a and "" or others)
          assert.equals("0", p:sql("SELECT count(*) FROM mixed WHERE times <> 1 OR sum IS DISTINCT FROM " .. sum),
            "seed " .. seed)
        end)
      end

      it("writes what the function makes of narrow rows before it has grown too large", function()
        local path = p:path("moonbird.ini")
        moonbird.write_file(path, moonbird.read_file(path) .. "\n[backfill]\nmax_bytes = 1MiB\n")
        p:people(100)
        p:sql([[
          CREATE TABLE written (what text);
          CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN INSERT INTO written VALUES (TG_TABLE_NAME); RETURN NULL; END';
          CREATE TABLE texts2 (body text);
          CREATE TRIGGER note AFTER UPDATE ON people FOR EACH STATEMENT EXECUTE FUNCTION note();
          CREATE TRIGGER note AFTER INSERT ON texts2 FOR EACH STATEMENT EXECUTE FUNCTION note()]])
        p:revision("a1", nil, [[
  local text = ("x"):rep(100000)
  op.backfill { table = "people", columns = {}, size = 100, row = function(r, batch)
    if r.id > 50 then
      batch:insert("texts2", { body = text })
      return { counter = 1 }
    end
    return { full_name = text }
  end }]])
        p:ok("upgrade head")
        assert.equals("50|5000000", p:sql("SELECT count(*), sum(length(body)) FROM texts2"))
        assert.equals("50|50", p:sql(
          "SELECT count(*) FILTER (WHERE length(full_name) = 100000), count(*) FILTER (WHERE counter = 1) FROM people"))
        assert.equals("6|11", p:sql([[
          SELECT count(*) FILTER (WHERE what = 'texts2'), count(*) FILTER (WHERE what = 'people') FROM written]]))
      end)
    end

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
        limit_to_2_mib()
        local run = p:ok("upgrade head")
        assert.equals("14|14|14", (rows():gsub("%s", "")))
        local sizes = run.err:match("sizes: ([%d ]+)")
        assert.truthy(sizes:find("^5 [1-4] [123] [123]"), run:describe())
      end)
    end

    -- 2 MiB are three rows of a megabyte, as the third one makes them full. `first` is what the script looks at first.
    local function by_batches(more, first)
      return ([[
  local sizes, tries = {}, 0
  op.backfill { table = "texts", columns = { "body" }, %s batch = function(batch)
    tries = tries + 1
    assert(%s or true)
    local rows, bytes, wanted = batch.rows, 0, {}
    for _, row in ipairs(rows) do
      bytes, wanted[row.id] = bytes + #row.body, true
    end
    assert(bytes <= 3000100, bytes)
    sizes[#sizes + 1] = #rows
    for id in db:rows("SELECT id FROM texts WHERE " .. batch.range.predicate, batch.range.values) do
      wanted[id.id] = nil
    end
    assert(next(wanted) == nil and batch.count >= #rows, "the range is another one")
    db:exec("UPDATE texts SET times = times + 1 WHERE " .. batch.range.predicate, batch.range.values)
  end }
  print("sizes: " .. table.concat(sizes, " ") .. ", tries: " .. tries)
]]):format(more, first)
    end

    for _, case in ipairs({
      { "", "nil", "8 3 2 1, tries: 4" },
      { "", "batch.range", "8 3 2 1, tries: 6" }, -- twice taken back and done again with fewer rows
      { 'where = "id % 2 = 0",', "batch.count", "5 2, tries: 3" }, -- the range has the other rows too
      { 'effects = "external",', "batch.range", "8 3 2 1, tries: 4" }, -- cut before it is announced
    }) do
      local more, first, expected = table.unpack(case)
      it(("ends a batch whose rows are read where they are full, after %s %s"):format(first, more), function()
        limit_to_2_mib()
        p:revision("a1", nil, by_batches("size = 50, " .. more, first))
        local run = p:ok("upgrade head")
        assert.equals("14|1|1", p:sql("SELECT count(*), min(times), max(times) FROM texts"))
        moonbird.contains(run.err, "sizes: " .. expected)
      end)
    end

    it("ends a batch by its bytes at odd keys, also in a sample", function()
      limit_to_2_mib()
      local bytes = kind == "postgres" and "'\\x00ff'::bytea" or "x'00ff'"
      local type_name = kind == "postgres" and "bytea" or "blob"
      p:sql(("CREATE TABLE t (a %s, b double precision, body text, n integer, PRIMARY KEY (a, b))"):format(type_name))
      p:sql(("INSERT INTO t SELECT %s, id / 3.0, body, 0 FROM texts WHERE id > 5"):format(bytes))
      p:sql(("INSERT INTO t SELECT %s, 1e300 * id, body, 0 FROM texts WHERE id < 5"):format(bytes))
      p:backfill("fill", [[
return { table = "t", batch = function(batch)
  assert(batch.range)
  local sum = 0
  for _, row in ipairs(batch.rows) do
    sum = sum + #row.body
  end
  assert(sum <= 3000100)
  db:exec("UPDATE t SET n = n + 1 WHERE " .. batch.range.predicate, batch.range.values)
end }]])
      p:revision("a1", nil, 'op.backfill "fill"')
      moonbird.contains(p:ok("backfill plan fill --sample 1").out, " 3 rows in ")
      p:ok("upgrade head")
      assert.equals("13|1|1", p:sql("SELECT count(*), min(n), max(n) FROM t"))
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
