-- An error that a script causes names the script's own line first, whatever part of Moonbird notices it: in upgrade(),
-- in functions that it hands over, in row() and batch(), in probes, in what a backfill's file says.
local moonbird = require("support.moonbird")
local contains = moonbird.contains

describe("an error of a script", function()
  local p

  before_each(function()
    p = moonbird.project("sqlite")
    p:people(20)
  end)

  after_each(function()
    p:remove()
  end)

  -- The lines of the file, from the third on in a table of the backfill; the error must have each of the other texts.
  local number = 0
  local function backfill(lines, ...)
    number = number + 1
    local name = "t" .. number
    p:backfill(name, 'return {\n  table = "people",\n' .. lines .. "\n}\n")
    local run = p:run("backfill run " .. name)
    assert.equals(1, run.code, run:describe())
    for _, part in ipairs({ ... }) do
      contains(run.err, (part:gsub("FILE", "migrations/backfills/" .. name .. ".lua")))
    end
    assert.falsy(run.err:find("error: [^\n]*[^/]moonbird/%a+%.lua:%d+:"), run.err)
  end

  it("names the line of batch()", function()
    backfill('batch = function()\n\n  db:exec("DROP TABLE people")\nend', "DROP in a batch", "FILE:5: in")
    backfill('batch = function()\n\n  db:exec("DROP TABLE people")\nend', "DROP in a batch", "FILE:5: in the")
    backfill("batch = function(batch)\n  return batch.rows.a.b\nend", "FILE:4: attempt to index")
    backfill('batch = function()\n  db:transaction(function()\n    db:query("SELECT nope")\n  end)\nend',
      "no such column", "FILE:5: in the function at line 4", "FILE:4: in the function at line 3")
    backfill("size = 1,\nbatch = function(batch)\n  if Kept then return Kept.rows end\n  Kept = batch\nend",
      "FILE:5: batch.rows is read while the function of its batch runs, not later")
    backfill("batch = function()\n  db:scalar(5)\nend", "FILE:4: db:scalar: argument 1 must be SQL text, got an int")
  end)

  it("names the line of row(), and that of its function where it returns what cannot be written", function()
    backfill('row = function()\n  db:exec("DELETE FROM people")\nend', "row id = 1: ", "FILE:4: row() runs while")
    backfill('row = function()\n  return db:query("SELECT 1")\nend', "row() runs while", "FILE:3: the function `row`")
    backfill("row = function(_, batch)\n  batch:copy()\nend", "FILE:4: batch:copy takes the row, not nothing")
    backfill("row = function(_, batch)\n  batch:insert('people')\nend",
      "FILE:4: batch:insert: the row must be a table { column = value }, not nothing")
    backfill("row = function(_, batch)\n  batch:insert({}, {})\nend",
      "FILE:4: batch:insert: the table must be a string, not a table")
    backfill("row = function(_, batch)\n  batch:quarantine()\nend",
      "FILE:4: batch:quarantine: the reason must be a string, not nothing")
    backfill("\nrow = function()\n  return { nope = 1 }\nend", "the column nope", "FILE:4: the function `row`")
    backfill("row = function()\n  return 5\nend", "must return a table", "FILE:3: the function `row`")
    backfill("row = function(person)\n  return { counter = person.id > 7 and null or 1 }\nend",
      "row id = 8: NOT NULL", "FILE:3: the function `row`")
  end)

  it("names the file for what its table says", function()
    backfill("set = { nope = 1 }", "FILE: people has no column nope")
    backfill("set = { counter = {} }", 'FILE:3: set: column counter takes a value or sql "...", not a table')
    backfill('set = { counter = sql "nope(" }', "syntax error", "FILE:3: set of people cannot be done: ")
    backfill('where = "nope = 1", row = function() end', "FILE:3: where cannot be asked: no such column: nope")
    backfill('key = "full_name", row = function() end', "FILE: the key (full_name) of people is not unique")
  end)

  it("names the line of a probe", function()
    backfill("row = function() end,\nthrottle = { probe = function()\n  error('p')\nend }", "FILE:5: p")
    backfill("row = function() end,\nthrottle = { probe = function()\n  return {}\nend }", "FILE:4: it must return nil")
    backfill("row = function() end,\nthrottle = { probe = function()\n  db:query('SELECT 1')\nend }",
      "FILE:5: a throttle's function runs beside the batches")
  end)

  it("names the lines of upgrade() and of the function in it", function()
    local function upgrade(lines, ...)
      p:revision("a1", nil, lines)
      local run = p:fails(1, "upgrade head")
      for _, part in ipairs({ ... }) do
        contains(run.err, part)
      end
    end
    upgrade('db:transaction(function()\n  db:exec("UPDATE nowhere SET a = 1")\nend)',
      "a1_test.lua:8: in the function at line 7\n", "a1_test.lua:7: in function 'upgrade'\n")
    upgrade("local rows = coroutine.wrap(function()\n  coroutine.yield(1)\n  return (nil).x\nend)\nrows()\nrows()",
      "error: migrations/versions/a1_test.lua:9: attempt to index a nil value\n",
      "a1_test.lua:9: in the function at line 7\n  migrations/versions/a1_test.lua:12: in function 'upgrade'\n")
    upgrade('coroutine.wrap(function()\n  coroutine.wrap(function()\n    db:exec("nowhere")\n  end)()\nend)()',
      "a1_test.lua:9: in the function at line 8\n", "a1_test.lua:8: in the function at line 7\n",
      "a1_test.lua:7: in function 'upgrade'\n")
    upgrade("assert(coroutine.resume(coroutine.create(function()\n  db:query(5)\nend)))",
      "a1_test.lua:8: db:query: argument 1", "a1_test.lua:8: in the function at line 7\n", "a1_test.lua:7: in function")
    upgrade("\ndb:query(5)", "a1_test.lua:8: db:query: argument 1 must be SQL text, got an integer")
    upgrade("op.backfill('nope')", "a1_test.lua:7: op.backfill: there is no backfill nope")
    p:backfill("wrong", 'return {\n  table = "people",\n  set = { nope = 1 },\n}\n')
    upgrade("op.backfill('wrong')", "a1_test.lua:7: ", "backfills/wrong.lua: people has no column nope")
  end)
end)
