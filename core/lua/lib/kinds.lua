-- The kinds of value that arguments and options may be: for each a test, and the words for "must be ...". A new kind is
-- one more row. Used by check.lua alone.

local reference = require("moonbird.reference")
local sql = require("moonbird.sql")

local kinds = {}

-- --- tests ---

local function is_plain_table(value)
  return type(value) == "table" and getmetatable(value) == nil
end

local function has_name(value, name)
  local meta = getmetatable(value)
  return type(meta) == "table" and meta.__name == name
end

local function is_item(value)
  return has_name(value, "moonbird.item")
end

local function is_type(value)
  return has_name(value, "moonbird.type")
end

local function is_text(value)
  return type(value) == "string"
end

-- The text of a statement ends for a database at a NUL byte.
local function is_sql_text(value)
  return is_text(value) and not value:find("\0", 1, true)
end

local function is_name(value)
  return is_sql_text(value) and value ~= ""
end

local function is_raw_sql(value)
  return sql.is(value) and is_sql_text(value[1])
end

local function has_words(value)
  return is_raw_sql(value) and value[1]:find("%S") ~= nil
end

local function is_expression(value)
  return is_sql_text(value) and value:find("%S") ~= nil or has_words(value)
end

local function is_element(value)
  return is_name(value) or has_words(value)
end

local function is_scalar(value)
  return is_text(value) or type(value) == "number" or type(value) == "boolean"
end

-- The test of a list -> that of its entries.
local entry_tests = setmetatable({}, { __mode = "k" })

-- A list (keys 1 to n, nothing else) whose entries all pass.
local function list_of(test)
  local function is_list(value)
    if not is_plain_table(value) then
      return false
    end
    for key, entry in pairs(value) do
      if math.type(key) ~= "integer" or key < 1 or key > #value or not test(entry) then
        return false
      end
    end
    return true
  end
  entry_tests[is_list] = test
  return is_list
end

-- `test_whole` (or nil) is for the list itself.
local function filled_list_of(test, test_whole)
  local is_list = list_of(test)
  local function is_filled(value)
    return is_list(value) and #value > 0 and (not test_whole or test_whole(value))
  end
  entry_tests[is_filled] = test
  return is_filled
end

local function has_different_entries(list)
  local seen = {}
  for _, entry in ipairs(list) do
    if seen[entry] then
      return false
    end
    seen[entry] = true
  end
  return true
end

-- A table whose keys are names.
local function map_of(test)
  return function(value)
    if not is_plain_table(value) then
      return false
    end
    for key, entry in pairs(value) do
      if not is_name(key) or not test(entry) then
        return false
      end
    end
    return true
  end
end

local function either(a, b)
  return function(value)
    return a(value) or b(value)
  end
end

local function word_of(...)
  local known = {}
  for _, word in ipairs({ ... }) do
    known[word] = true
  end
  return function(value)
    return is_text(value) and known[value:upper()] ~= nil
  end
end

local is_action = word_of("CASCADE", "RESTRICT", "NO ACTION", "SET NULL", "SET DEFAULT")

-- PostgreSQL 15: SET NULL (a, b)
local function is_action_on_columns(value)
  return is_text(value) and value:upper():match("^SET %u+ %(.+%)$") ~= nil
end

local function is_computed(value)
  return is_expression(value) or is_plain_table(value) and is_expression(value[1])
end

-- SQLAlchemy's words for constraints
local constraint_types = { unique = true, foreignkey = true, primary = true, check = true, exclude = true }

-- { "room", "=" }
local function is_exclusion(value)
  return is_plain_table(value) and #value == 2 and is_element(value[1]) and is_text(value[2])
end

-- Of a naming convention: a text with tokens, or a token's own function.
local function is_template(value)
  return is_text(value) or type(value) == "function"
end

-- By name, for names with dots: { table = "a.b", ... }
local function is_place(value)
  return is_plain_table(value) and is_name(value.table)
end

-- "table.column", { table = "a.b", column = "c", schema = "s" }
local function is_column_place(value)
  if is_text(value) then
    return reference.parse(value) ~= nil
  end
  return is_place(value) and is_name(value.column) and (value.schema == nil or is_name(value.schema))
end

local function is_null(value)
  return value == sql.null
end

-- --- the rows ---

local function kind(name, test, words)
  kinds[name] = { test = test, words = words, entry_test = entry_tests[test] }
end

-- One of few words: a message shows the word that is none of them.
local function word(name, test, words)
  kind(name, test, words)
  kinds[name].is_word = true
end

local function is_anything()
  return true
end

kind("any", is_anything, "anything")
kind("boolean", function(value)
  return type(value) == "boolean"
end, "true or false")
kind("integer", function(value)
  return math.type(value) == "integer"
end, "an integer")
kind("size", function(value)
  return math.type(value) == "integer" and value >= 0
end, "an integer from 0")
kind("text", is_sql_text, "a string")
kind("name", is_name, "a name (a string that is not empty)")
kind("names", filled_list_of(is_name), 'a list of names ({ "a", "b" })')
kind("name_or_names", either(is_name, filled_list_of(is_name)), "a name or a list of names")
kind("texts", filled_list_of(is_sql_text), 'a list of strings ({ "a", "b" })')
kind("labels", filled_list_of(is_sql_text, has_different_entries), 'a list of strings ({ "a", "b" })')
kind("elements", filled_list_of(is_element), 'a list of column names or expressions ({ "a", sql "lower(b)" })')
kind("expression", is_expression, 'an SQL text ("a > 0" or sql "a > 0")')
kind("type_text", either(is_sql_text, is_raw_sql), 'the name of a type in SQL ("tsvector")')
kind("type", is_type, "a type (types.text())")
kind("column", function(value)
  return is_item(value) and value.kind == "column"
end, 'a column (column("name", types.text()))')
kind("items", list_of(is_item), 'a list of columns and constraints ({ column("id", types.integer()), unique { "a" } })')
kind("rows", list_of(map_of(is_anything)), "a list of rows ({ { name = value }, ... })")
kind("default", function(value)
  return is_scalar(value) and (not is_text(value) or is_sql_text(value)) or has_words(value) or value == sql.null
end, 'a string, a number, a boolean or sql "..."')
kind(
  "reference",
  either(is_name, is_plain_table),
  'a column of another table ("table.column" or { "table.column", ondelete = "CASCADE" })'
)
kind(
  "references",
  either(is_name, either(filled_list_of(is_name), is_place)),
  'columns of another table ({ "table.a", "table.b" }, or { table = "t", columns = { "a", "b" } })'
)
word(
  "action",
  either(is_action, is_action_on_columns),
  '"CASCADE", "RESTRICT", "NO ACTION", "SET NULL" or "SET DEFAULT"'
)
word("initially", word_of("DEFERRED", "IMMEDIATE"), '"DEFERRED" or "IMMEDIATE"')
word("match", word_of("FULL", "SIMPLE", "PARTIAL"), '"FULL", "SIMPLE" or "PARTIAL"')
kind("scalars", map_of(is_scalar), "a table of named values ({ fillfactor = 70 })")
kind("autoincrement", function(value)
  return type(value) == "boolean" or value == "auto"
end, 'true, false or "auto"')
kind("computed", is_computed, 'an SQL expression ("a || b" or { "a || b", persisted = true })')
kind("identity", function(value)
  return type(value) == "boolean" or is_plain_table(value)
end, "true or a table ({ always = true, start = 1, increment = 1 })")
kind("changed_identity", function(value)
  return type(value) == "boolean" or value == sql.null or is_plain_table(value)
end, "true, null (none any more) or a table ({ always = true, start = 1, increment = 1 })")
kind("changed_computed", either(is_computed, is_null), 'an SQL expression ("a || b") or null (none any more)')
kind("changed_text", either(is_sql_text, is_null), "a string, or null (none any more)")
word("constraint_type", function(value)
  return constraint_types[value] ~= nil
end, '"unique", "foreignkey", "primary", "check" or "exclude"')
kind("exclusions", filled_list_of(is_exclusion), 'a list of elements with their operators ({ { "room", "=" } })')
word("recreate", function(value)
  return value == "auto" or value == "always" or value == "never"
end, '"auto", "always" or "never"')
kind("orders", list_of(filled_list_of(is_name)), 'a list of lists of column names ({ { "a", "b" } })')
kind("convention", map_of(is_template), 'a table of templates ({ uq = "uq_%(table_name)s_%(column_0_name)s" })')
kind("definition", function(value)
  return list_of(is_item)(value) or has_name(value, "moonbird.table")
end, 'a table as in a model, or a list of columns and constraints')
kind("function", function(value)
  return type(value) == "function"
end, "a function")
kind("final_name", function(value)
  return is_name(value) or sql.is_final(value)
end, "a name (a string that is not empty)")
kind("text_or_texts", either(is_sql_text, filled_list_of(is_sql_text)), 'a string or a list of strings ({ "a", "b" })')
word(
  "conflict",
  word_of("ROLLBACK", "ABORT", "FAIL", "IGNORE", "REPLACE"),
  '"rollback", "abort", "fail", "ignore" or "replace"'
)
word("moment", word_of("BEFORE", "AFTER", "INSTEAD OF"), '"BEFORE", "AFTER" or "INSTEAD OF"')
word("granularity", word_of("ROW", "STATEMENT"), '"ROW" or "STATEMENT"')
word("check_option", word_of("LOCAL", "CASCADED"), '"LOCAL" or "CASCADED"')
word("volatility", word_of("IMMUTABLE", "STABLE", "VOLATILE"), '"IMMUTABLE", "STABLE" or "VOLATILE"')
word("parallel", word_of("SAFE", "RESTRICTED", "UNSAFE"), '"SAFE", "RESTRICTED" or "UNSAFE"')
kind("renames", map_of(is_text), 'a table of new names by old ones ({ old = "new" })')
kind("limit", function(value)
  return math.type(value) == "integer" or is_null(value)
end, "an integer, or null (no limit)")
kind("restart", function(value)
  return math.type(value) == "integer" or value == true
end, "an integer, or true (from its start)")
kind("column_place", is_column_place, 'a column ("table.column", or { table = "t", column = "c" })')
kind("column_place_or_null", either(is_column_place, is_null), 'a column ("table.column"), or null (none)')
kind("table", is_plain_table, "a table with names")
kind("params", is_plain_table, "a list of values or a table of named values")

return { rows = kinds, is_item = is_item, is_type = is_type, is_plain_table = is_plain_table }
