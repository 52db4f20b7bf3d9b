-- What is wrong in the definition of a backfill, as far as it can be said without a database.

dofile("tests/spec/unit/helper.lua")
local spec_of = require("moonbird.backfill_spec")
local sql = require("moonbird.sql")

local function define(keys)
  local spec = { table = "t", set = { n = 1 } }
  for key, value in pairs(keys) do
    spec[key] = value
  end
  return spec
end

local nan, inf = 0 / 0, math.huge

-- A key, a value, and what is said of it.
local mistakes = {
  { "tabel", "x", 'unknown key "tabel", did you mean "table"? Known are batch, columns, done,' },
  { "table", "", "table must be a string, not an empty string" },
  { "schema", 5, "schema must be a string, not an integer" },
  { "key", "", "key must be a column or a list of columns, not an empty string" },
  { "key", {}, "key must be a column or a list of columns, not a table" },
  { "key", { "id", 5 }, "key must hold column names, not an integer" },
  { "columns", { a = "id" }, "columns must be a column or a list of columns, not a table" },
  { "columns", { "" }, "columns must hold column names, not an empty string" },
  { "where", true, "where must be SQL text, not a boolean" },
  { "where", " \n", "where must be SQL text, not an empty one" },
  { "done", sql.new(""), "done must be SQL text, not an empty one" },
  { "set", { [1] = 5 }, "set must name the column of each value" },
  { "set", {}, "set names no column" },
  { "row", function() end, "only one of set, row and batch may be given" },
  { "size", 0, "size must be a whole number from 1 to 1000000000, not 0" },
  { "size", math.maxinteger, "size must be a whole number from 1 to 1000000000, not 9223372036854775807" },
  { "size", "big", 'size must be a whole number from 1 to 1000000000, not "big"' },
  { "size", { target = 5 }, 'size: unknown key "target"' },
  { "size", { target_ms = 0 }, "size.target_ms must be a whole number from 1 to 3600000, not 0" },
  { "size", { min = 100, start = 10 }, "size.start, 10, is not between size.min and size.max" },
  { "nice", -1, "nice must be a number from 0 to 1000, not -1" },
  { "nice", nan, "nice must be a number from 0 to 1000, not " },
  { "nice", inf, "nice must be a number from 0 to 1000, not inf" },
  { "workers", 65, "workers must be a whole number from 1 to 64, not 65" },
  { "max_bad", 1.5, "max_bad must be a whole number from 0 to 1000000000000, not 1.5" },
  { "on_error", "skip", 'on_error must be "stop" or "quarantine", not "skip"' },
  { "effects", "mail", 'effects must be "database" or "external", not "mail"' },
  { "effects", "external", 'effects = "external" is for row and batch' },
  { "throttle", 5, "throttle: it must be a table" },
  { "throttle", { max_lga = 1 }, 'throttle: unknown key "max_lga", did you mean "max_lag"?' },
  { "throttle", { max_lag = nan }, 'throttle: max_lag must be a time such as "5s", 0.001s to 86400s, or false' },
  { "throttle", { flag_file = { "a", "b" } }, "throttle: flag_file must be the path of a file, or false" },
  { "throttle", { replicas = {} }, "throttle: replicas must be a URL or a list of them, not an empty list" },
  { "throttle", { probe = {} }, "throttle: probe must be SQL text, a function, or a list of them, not an empty list" },
}

describe("the definition of a backfill", function()
  for _, mistake in ipairs(mistakes) do
    it(("refuses %s: %s"):format(mistake[1], mistake[3]), function()
      local ok, problem = pcall(spec_of.check, define({ [mistake[1]] = mistake[2] }))
      assert.is_false(ok)
      assert.equal(mistake[3], (problem:gsub("^op%.backfill: ", "")):sub(1, #mistake[3]))
    end)
  end

  it("takes what is right", function()
    local keys = { key = "id", size = { start = 20, max = 20 }, max_bad = 0, throttle = false }
    local checked = spec_of.check(define(keys))
    assert.same({ "id" }, checked.key)
    assert.equal("set", checked.form)
    assert.is_false(checked.throttle)
  end)

  it("takes a schema in front of the table", function()
    local function place(name, schema)
      local checked = spec_of.check(define({ table = name, schema = schema }))
      return { checked.schema, checked.table }
    end
    assert.same({ "shop", "people" }, place("shop.people"))
    assert.same({ "shop", "a.b" }, place("a.b", "shop"))
    assert.same({ nil, "people" }, place("people"))
  end)
end)
