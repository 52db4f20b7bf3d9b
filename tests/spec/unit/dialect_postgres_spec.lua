-- Names, literals and transactions of PostgreSQL.

local helper = dofile("tests/spec/unit/helper.lua")
local sql = require("moonbird.sql")

local dialect = helper.dialect("postgresql")

describe("the PostgreSQL dialect", function()
  it("quotes where it must", function()
    local expected = {
      people = "people",
      key = "key",
      user = '"user"',
      ["json_table"] = '"json_table"',
      People = '"People"',
      ["a$b"] = '"a$b"',
      ["имя"] = '"имя"',
      ['a"b'] = '"a""b"',
    }
    for name, wanted in pairs(expected) do
      assert.are.equal(wanted, dialect:ident(name))
    end
    assert.are.equal('s."Order"', dialect:table_name("Order", "s"))
  end)

  it("reads the data of COPY as the server does, and keeps its lines", function()
    local data = "1\ta\\nb\\tc\n2\tx\\\ny\n\\N\t\\\\N\n3\tit's \\' \\47 \\x5c7 \\\\ \\\tq \\x\n\\0601\t\\q\r\n"
    local statements = {}
    for text, lines in dialect:statements_for_data("COPY t FROM stdin", data) do
      statements[#statements + 1] = { text, lines }
    end
    assert.are.same({ {
      "INSERT INTO t OVERRIDING SYSTEM VALUE VALUES\n"
        .. "('1', E'a\\nb\tc'),\n('2', E'x\ny'),\n(NULL, E'\\\\N'),\n"
        .. "('3', E'it''s '' '' \\\\7 \\\\ \tq x'),\n(E'01', E'q')",
      0,
    } }, statements)
    local before = {}
    for _, lines in dialect:statements_for_data("COPY t FROM stdin", ("a\\\nb\n"):rep(1500)) do
      before[#before + 1] = lines
    end
    assert.are.same({ 0, 2000 }, before)
  end)

  it("writes literals that read back as they were", function()
    local values = {
      { true, "true" },
      { -3, "-3" },
      { 1.5, "1.5" },
      { math.huge, "'Infinity'::double precision" },
      { 0 / 0, "'NaN'::double precision" },
      { "back\\slash's", "'back\\slash''s'" },
      { sql("now()"), "now()" },
      { sql.blob("\0\255"), "'\\x00ff'::bytea" },
    }
    for _, pair in ipairs(values) do
      assert.are.equal(pair[2], dialect:literal(pair[1]))
    end
  end)

  it("knows what cannot run in a transaction", function()
    local outside = {
      "CREATE INDEX CONCURRENTLY i ON t (a)",
      "create unique\n index  concurrently i on t (a)",
      "-- why\n  DROP INDEX CONCURRENTLY i",
      "/* a */ REINDEX TABLE CONCURRENTLY t",
      "REINDEX (VERBOSE) DATABASE d",
      "VACUUM (ANALYZE) t",
      "CREATE DATABASE d",
      "ALTER SYSTEM SET a = 1",
      "ALTER TABLE t DETACH PARTITION p CONCURRENTLY",
    }
    for _, text in ipairs(outside) do
      assert.is_true(dialect:outside_transaction(text), text)
    end
    local inside = {
      "CREATE INDEX i ON t (a)",
      "CREATE INDEX concurrently_made ON t (a)",
      "REFRESH MATERIALIZED VIEW CONCURRENTLY v",
      "REINDEX TABLE t",
      "REINDEX TABLE system_log",
      "ALTER TABLE t ADD COLUMN a text",
      "SELECT 'VACUUM'",
    }
    for _, text in ipairs(inside) do
      assert.is_false(dialect:outside_transaction(text), text)
    end
  end)

  it("quotes all words that the server would quote", function()
    if not helper.has_database("postgresql") then
      return pending("no MOONBIRD_TEST_PSQL")
    end
    local db = helper.connection("postgresql")
    local words = db:query("SELECT word FROM pg_get_keywords() WHERE quote_ident(word) <> word")
    assert.is_true(#words > 100)
    for _, row in ipairs(words) do
      assert.are.equal('"' .. row.word .. '"', dialect:ident(row.word))
    end
  end)
end)
