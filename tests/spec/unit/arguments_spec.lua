-- Every argument and every option of every operation, alone and in a batch, given what it cannot be: the error is at
-- the line of the script and names the operation, the argument or option, and what was expected.

local helper = dofile("tests/spec/unit/helper.lua")
local kinds = require("moonbird.kinds").rows

local GROUPS = { "tables", "columns", "indexes", "constraints", "rows", "objects" }

-- What no operation takes anywhere, and what few take. A type, sql and a blob are equal to nothing but compare by
-- functions of their own.
local function wrong_values()
  local env = helper.environment()
  return {
    { "print", print },
    { "types.text()", env.types.text() },
    { 'sql ""', env.sql("") },
    { 'blob("x")', env.blob("x") },
    { "1.5", 1.5 },
    { '"a\\0"', "a\0" },
    { "{ {} }", { {} } },
  }
end

local function in_batch(row)
  local arguments, options = {}, {}
  for _, argument in ipairs(row.arguments) do
    arguments[#arguments + 1] = argument[1] ~= "table" and argument or nil
  end
  for _, from in ipairs({ row.options or {}, row.batch_options or {} }) do
    for name, kind in pairs(from) do
      options[name] = name ~= "schema" and kind or nil
    end
  end
  return arguments, options
end

-- Calls try(call, expected) with each wrong call of one operation; FORMAT makes the call of its arguments.
local function each_wrong_call(name, format, arguments, options, try)
  local words = helper.right_values(arguments)
  for index, argument in ipairs(arguments) do
    local given = { table.unpack(words) }
    for _, value in ipairs(wrong_values()) do
      if not kinds[argument[2]].test(value[2]) then
        given[index] = value[1]
        try(format:format(table.concat(given, ", ")), ("%s: argument %d must be "):format(name, index))
      end
    end
    if not argument.optional then
      local short = table.concat(words, ", ", 1, index - 1)
      try(format:format(short), ("%s: argument %d must be "):format(name, index))
    end
  end
  for option, kind in pairs(options) do
    for _, value in ipairs(wrong_values()) do
      if not kinds[kind].test(value[2]) then
        local given = { table.unpack(words) }
        given[#given + 1] = ("{ %s = %s }"):format(option, value[1])
        try(format:format(table.concat(given, ", ")), ("%s: option %s must be "):format(name, option))
      end
    end
  end
end

for _, database in ipairs({ "postgresql", "sqlite" }) do
  describe("for " .. database .. " a wrong argument", function()
    for _, group in ipairs(GROUPS) do
      for kind, row in pairs(require("moonbird.op." .. group)) do
        it("of op." .. kind .. " is named", function()
          local dialect, count = helper.dialect(database), 0
          local function try(call, expected)
            local done, problem = helper.run("local unused\n" .. call, dialect)
            assert.is_nil(done, call .. " was accepted")
            assert.are.equal("script:2: " .. expected, tostring(problem):sub(1, #"script:2: " + #expected), call)
            count = count + 1
          end
          each_wrong_call("op." .. kind, "op." .. kind .. "(%s)", row.arguments, row.options or {}, try)
          if row.in_batch then
            local arguments, options = in_batch(row)
            local format = ('op.batch_alter_table("t", function(batch) batch.%s(%%s) end)'):format(kind)
            each_wrong_call("batch." .. kind, format, arguments, options, try)
          end
          assert.is_true(count > 0)
        end)
      end
    end
  end)
end
