-- The scanner of SQL text in Lua, held to the cases of the one in C (tests/unit/test_placeholder.c).
local helper = dofile("tests/spec/unit/helper.lua")

local path = "tests/cases/placeholder.txt"

-- The rules under which the C test reads the cases.
local rules = { e_strings = true, dollar_quotes = true, backquotes = true, nested_comments = true }

-- { sql, count } of each case with `?`.
local function read_cases()
  local cases, lines = {}, {}
  for line in io.lines(path) do
    if line ~= "" and not line:find("^#") or #lines > 0 then
      lines[#lines + 1] = line
    end
    if #lines == 4 then
      local sql = lines[2]:gsub("\\n", "\n")
      if lines[1]:find("^position") and not sql:find("??", 1, true) then
        cases[#cases + 1] = { sql = sql, count = tonumber(lines[4]) }
      end
      lines = {}
    end
  end
  return cases
end

describe("SQL text", function()
  local dialect = setmetatable({ lexical = rules }, { __index = require("moonbird.dialect") })

  it("has its question marks where the host sees placeholders", function()
    local cases = read_cases()
    assert.is_true(#cases > 15, "cases were read")
    for _, case in ipairs(cases) do
      assert.equals(case.count, #dialect:verbatim(case.sql) - #case.sql, case.sql)
    end
  end)

  it("is one piece where its brackets are pairs and nothing ends it", function()
    for _, sql in ipairs({ "a = 1", "(a) OR (b)", [[f(')', "(") -- )]], "a = $$)$$ /* ( */", "a[1] = 2", "x = ';'" }) do
      assert.is_true(dialect:is_one_piece(sql), sql)
    end
    for _, sql in ipairs({ "a) OR (b", "(a", "a)", "a; DROP TABLE t", "f(()" }) do
      assert.is_false(dialect:is_one_piece(sql), sql)
    end
  end)

  it("is read by the rules of the database", function()
    local postgres, sqlite = helper.dialect("postgresql"), helper.dialect("sqlite")
    assert.equals("E'\\'?' ?? $x$?$x$", postgres:verbatim("E'\\'?' ? $x$?$x$"))
    assert.equals("/* /* ? */ ? */ ??", postgres:verbatim("/* /* ? */ ? */ ?"))
    assert.equals("/* /* ? */ ?? */ ??", sqlite:verbatim("/* /* ? */ ? */ ?"))
    assert.equals("`?` [?] ?? /*/ ? */ ??", sqlite:verbatim("`?` [?] ? /*/ ? */ ?"))
    assert.equals("VACUUM T", postgres:leading_words("/* /* */ */ -- x\n ; vacuum\n t"))
  end)
end)
