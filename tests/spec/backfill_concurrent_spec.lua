-- Others write to the table while a batch of a backfill is at work on it: rows are read without a lock, and a change
-- between the reading and the writing must be neither lost nor overwritten. PostgreSQL only: elsewhere a batch keeps
-- writers out.
local moonbird = require("support.moonbird")

describe("a backfill beside other writers", function()
  if not moonbird.postgres_url then
    pending("on PostgreSQL: $MOONBIRD_TEST_POSTGRES_URL is not set")
    return
  end
  local p
  before_each(function()
    p = moonbird.project("postgres")
    moonbird.shell("mkdir " .. p:path("migrations/backfills"))
  end)
  after_each(function()
    p:remove()
  end)

  -- The other writer is a script that row() starts when it comes to row 5, the first time. Its exit code is kept.
  local meddling = [[
    if person.id == 5 and not io.open("met") then
      local _, _, code = os.execute("sh ./meddle")
      io.open("met", "w"):write(code):close()
    end]]

  local function define(keys, body)
    p:write("migrations/backfills/fill.lua", ([[
local passes = 0
return {
  table = "people", columns = { "counter" }, %s
  row = function(person, batch)
    %s
  end,
}]]):format(keys, body))
  end

  -- Statements are separate transactions unless they say otherwise.
  local function meddle(statements, behind)
    local lines = {}
    for _, text in ipairs(statements) do
      lines[#lines + 1] = text .. ";"
    end
    p:write("meddle.sql", table.concat(lines, "\n") .. "\n")
    p:write("meddle", ("psql -X -q -v ON_ERROR_STOP=1 %s -f meddle.sql >meddle.out 2>&1%s\n"):format(
      moonbird.quote(p.url), behind or ""))
  end

  local function add_one(keys)
    define(keys or "", meddling .. "\n    return { counter = person.counter + 1 }")
  end

  local function counts()
    return p:sql("SELECT count(*), min(counter), max(counter), sum(counter) FROM people")
  end

  it("keeps a change that is committed between the reading and the writing of a row", function()
    p:people(100)
    add_one()
    meddle({ "UPDATE people SET counter = 1000 WHERE id = 20" })
    p:ok("backfill run fill")
    assert.equals("0", p:read("met"))
    assert.equals("100|1|1001|1100", counts())
  end)

  it("keeps one that is not committed yet when the row is written", function()
    p:people(100)
    add_one()
    local update = "UPDATE people SET counter = 1000 WHERE id = 20"
    meddle({ "BEGIN", update, "SELECT pg_sleep(1)", "COMMIT" }, " & sleep 0.5")
    p:ok("backfill run fill")
    assert.equals("100|1|1001|1100", counts())
  end)

  it("does a row again that was only touched, and one whose change was taken back just once", function()
    p:people(100)
    add_one("size = 50,")
    meddle({ "UPDATE people SET counter = counter WHERE id = 20",
      "BEGIN", "UPDATE people SET counter = 7 WHERE id = 30", "ROLLBACK" })
    p:ok("backfill run fill")
    assert.equals("100|1|1|100", counts())
  end)

  it("leaves a row deleted that was deleted meanwhile, and one alone that came at its place", function()
    p:people(100)
    add_one()
    meddle({ "DELETE FROM people WHERE id IN (20, 30)",
      "INSERT INTO people (id, full_name, counter) VALUES (30, 'New', 50)" })
    p:ok("backfill run fill")
    assert.equals("0", p:sql("SELECT count(*) FROM people WHERE id = 20"))
    assert.equals("51", p:sql("SELECT counter FROM people WHERE id = 30"))
    assert.equals("99|1|51|149", counts())
  end)

  it("does not delete a row that is worth keeping by now", function()
    p:people(100)
    define("", meddling .. "\n    return person.counter == 0 and batch.delete or nil")
    meddle({ "UPDATE people SET counter = 1 WHERE id = 20" })
    p:ok("backfill run fill")
    assert.equals("20", p:sql("SELECT string_agg(id::text, ',') FROM people"))
  end)

  it("loses nothing of a writer that never stops", function()
    p:people(2000)
    define("size = 100,", "return { counter = person.counter + 1 }")
    p:write("writer", ([[
n=0
while [ ! -e stop ]; do
  psql -X -q %s -c "UPDATE people SET counter = counter + 1000 WHERE id %% 7 = $((n %% 7))" && n=$((n + 1))
done
echo "$n" >count
]]):format(moonbird.quote(p.url)))
    moonbird.shell(("cd %s && sh ./writer >writer.out 2>&1 & sleep 0.3"):format(moonbird.quote(p:path("."))))
    local run = p:start("backfill run fill --workers 2"):wait(60)
    p:write("stop", "")
    moonbird.wait_until("the writer stops", 20, function()
      return p:read("count")
    end)
    assert.equals(0, run.code, run:describe())
    assert.equals("2000", p:sql("SELECT count(*) FROM people WHERE counter % 1000 = 1"))
    local written = tonumber(p:read("count"))
    local expected = 0
    for n = 0, written - 1 do
      expected = expected + tonumber(p:sql("SELECT count(*) FROM people WHERE id % 7 = " .. n % 7)) * 1000
    end
    assert.equals(tostring(expected + 2000), p:sql("SELECT sum(counter) FROM people"))
  end)

  -- Who changes the row after the insert must find what was inserted.
  it("locks the rows of batches that insert into other tables", function()
    p:people(100)
    p:sql("CREATE TABLE copies (id bigint PRIMARY KEY)")
    define("", [[
    batch:insert("copies", { id = person.id })
    passes = passes + (person.id == 1 and 1 or 0)
    if passes == 2 and person.id == 5 then
      local _, _, code = os.execute("sh ./meddle")
      io.open("met", "w"):write(code):close()
    end]])
    meddle({ "SET lock_timeout = 300", "UPDATE people SET counter = 1000 WHERE id = 2" })
    p:ok("backfill run fill")
    assert.equals("3", p:read("met"))
    assert.truthy(p:read("meddle.out"):find("lock timeout", 1, true))
    assert.equals("100", p:sql("SELECT count(*) FROM copies"))
  end)

  -- Each kind of row is written by a statement of its own: without locks row 25 would be locked before row 20.
  it("locks rows in the order of their key, also where they set different columns", function()
    p:people(30)
    p:sql("ALTER TABLE people ADD COLUMN odd bigint")
    p:sql("ALTER DATABASE " .. p.database .. " SET deadlock_timeout = '100ms'")
    define("", meddling .. [[

    return person.id % 2 == 0 and { counter = person.counter + 1 } or { odd = person.counter + 1 }]])
    meddle({ "BEGIN", "UPDATE people SET full_name = full_name WHERE id = 20", "SELECT pg_sleep(1)",
      "UPDATE people SET full_name = full_name WHERE id = 25", "COMMIT" }, " & sleep 0.4")
    p:ok("backfill run fill")
    moonbird.wait_until("the other writer ends", 20, function()
      return p:sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'psql'") == "1"
    end)
    assert.is_nil(p:read("meddle.out"):find("ERROR", 1, true), p:read("meddle.out"))
    assert.equals("0", p:sql("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"))
    assert.equals("15|15|30", p:sql("SELECT sum(counter), sum(odd), count(*) FROM people"))
  end)

  it("keeps a change in a partitioned table with a key of two columns", function()
    p:sql("CREATE TABLE people (id bigint, part text, counter bigint, PRIMARY KEY (part, id)) PARTITION BY LIST (part)")
    p:sql("CREATE TABLE people_a PARTITION OF people FOR VALUES IN ('a')")
    p:sql("CREATE TABLE people_b PARTITION OF people FOR VALUES IN ('b')")
    p:sql("INSERT INTO people SELECT i, p, 0 FROM generate_series(1, 50) i, unnest(ARRAY['a', 'b']) p")
    add_one()
    meddle({ "UPDATE people SET counter = 1000 WHERE id = 20 AND part = 'b'",
      "UPDATE people SET part = 'a', id = 1000 WHERE id = 30 AND part = 'b'" })
    p:ok("backfill run fill")
    assert.equals("0", p:read("met"))
    assert.equals("1001", p:sql("SELECT counter FROM people WHERE id = 20 AND part = 'b'"))
    assert.equals("100|1|1001|1100", counts())
  end)
end)
