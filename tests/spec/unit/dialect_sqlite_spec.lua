-- Names, literals and transactions of SQLite.

local helper = dofile("tests/spec/unit/helper.lua")
local sql = require("moonbird.sql")

local dialect = helper.dialect("sqlite")

describe("the SQLite dialect", function()
  it("quotes where it must", function()
    local expected = {
      people = "people",
      first_name2 = "first_name2",
      _x = "_x",
      People = '"People"',
      ["order"] = '"order"',
      key = '"key"',
      ["returning"] = '"returning"',
      ["2nd"] = '"2nd"',
      ["a b"] = '"a b"',
      ['a"b'] = '"a""b"',
      ["a.b"] = '"a.b"',
      ["имя"] = '"имя"',
      ["a'b"] = '"a\'b"',
    }
    for name, wanted in pairs(expected) do
      assert.are.equal(wanted, dialect:ident(name))
    end
    assert.are.equal('"people"', dialect:quote("people"))
    assert.are.equal('main."a b"', dialect:table_name("a b", "main"))
    assert.has_error(function()
      dialect:quote("a\0b")
    end)
    assert.has_error(function()
      dialect:quote("")
    end)
  end)

  it("writes literals that read back as they were", function()
    local values = {
      { sql.null, "NULL" },
      { true, "1" },
      { false, "0" },
      { math.mininteger, "-9223372036854775808" },
      { 0.1, "0.1" },
      { 2.0, "2.0" },
      { 1e15, "1e+15" },
      { -0.30000000000000004, "-0.30000000000000004" },
      { math.huge, "9e999" },
      { "it's", "'it''s'" },
      { sql("a + 1"), "a + 1" },
      { sql(" NOW( ) "), "CURRENT_TIMESTAMP" },
      { sql.blob("\0\255"), "X'00FF'" },
    }
    for _, pair in ipairs(values) do
      assert.are.equal(pair[2], dialect:literal(pair[1]))
    end
    assert.are.equal("NULL", dialect:literal(nil))
    for _, value in ipairs({ "a\0b", 0 / 0, {}, print }) do
      assert.has_error(function()
        dialect:literal(value)
      end)
    end
  end)

  it("begins", function()
    assert.are.equal("BEGIN IMMEDIATE", dialect:begin_sql("revision"))
    assert.are.equal("BEGIN IMMEDIATE", dialect:begin_sql("interim"))
  end)

  it("knows what cannot run in a transaction", function()
    local outside = {
      "VACUUM",
      " -- x\n/* y */ vacuum into 'f'",
      "PRAGMA foreign_keys=ON",
      "pragma main.Journal_Mode(WAL)",
    }
    for _, text in ipairs(outside) do
      assert.is_true(dialect:outside_transaction(text), text)
    end
    for _, text in ipairs({ "SELECT 'VACUUM'", "PRAGMA foreign_keys", "PRAGMA table_info(t)", "", "-- VACUUM" }) do
      assert.is_false(dialect:outside_transaction(text), text)
    end
  end)
end)
