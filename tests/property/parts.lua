-- Random parts of models for autogenerate.lua: tables of columns, keys, constraints and indexes, and what stands beside
-- tables. A part remembers what it uses, so that changes.lua changes nothing away from under another one.
--
-- An item of a table is { text, name, remake }: "%s" in the text stands for the name, and remake() gives another text
-- of its kind.

local parts = {}

local random = math.random

-- --- chance, names, literals ---

function parts.chance(percent)
  return random(100) <= percent
end

function parts.pick(list)
  return list[random(#list)]
end

function parts.lua_text(text)
  return ("%q"):format(text):gsub("\n", "n")
end

function parts.quoted(name)
  return '"' .. name:gsub('"', '""') .. '"'
end

local chance, pick, lua_text, quoted = parts.chance, parts.pick, parts.lua_text, parts.quoted

local odd_names = { "select", "имя", "a b", 'q"q', "Group", "x'y" }

function parts.new_name(model, prefix)
  model.names = model.names + 1
  return chance(20) and odd_names[model.names % #odd_names + 1] .. model.names or prefix .. model.names
end

local new_name = parts.new_name

--- The name in SQL, with its schema.
function parts.place(table_)
  return (table_.schema and quoted(table_.schema) .. "." or "") .. quoted(table_.name)
end

local function distinct(list, count)
  local copy, chosen = { table.unpack(list) }, {}
  for index = 1, math.min(count, #copy) do
    chosen[index] = table.remove(copy, random(#copy))
  end
  return chosen
end

local function names_of(columns)
  local names = {}
  for index, column in ipairs(columns) do
    names[index] = lua_text(column.name)
    column.is_used = true
  end
  return table.concat(names, ", ")
end

-- "a = b" for every pair whose value is set, by chance.
local function options_text(options)
  local list = {}
  for _, option in ipairs(options) do
    list[#list + 1] = option[2] and ("%s = %s"):format(option[1], option[2]) or nil
  end
  return table.concat(list, ", ")
end

-- --- columns ---

parts.number_types = { "types.integer()", "types.bigint()", "types.smallint()" }

local text_types = { "types.text()", "types.varchar(%d)", "types.char(%d)" }
local collations = { sqlite = "NOCASE", postgres = "C" }

-- A type, and what may be its default.
local other_types = {
  { "types.boolean()", { "true", "false" } },
  { "types.date()", { '"2020-02-29"', 'sql "CURRENT_DATE"' } },
  { "types.timestamp()", { 'sql "now()"', '"2020-01-02 03:04:05"' } },
  { "types.timestamp({ timezone = true })", { 'sql "CURRENT_TIMESTAMP"' } },
  { "types.time()", { '"12:30:00"' } },
  { "types.double()", { "-1.5", "0.25", "1e300" } },
  { "types.float()", { "2" } },
  { "types.numeric(10, 2)", { 'sql "-2.50"', "3" } },
  { "types.blob()" },
  { "types.json()", { '\'{"a": [1, "it\\\'s"]}\'' } },
  { "types.uuid()", { '"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"' } },
  { "types.interval()" },
}

local postgres_types = {
  { "types.array(types.integer())", { '"{}"', 'sql "ARRAY[1, 2]"' } },
  { "types.array(types.text())", { 'sql "ARRAY[\'a\', \'b\'\'c\']"' } },
  { "types.array(types.varchar(9), { dimensions = 2 })" },
  { "types.jsonb()", { '\'{"a": 1,   "b": null}\'', "sql \"'[]'::jsonb\"" } },
  { "types.timestamp({ precision = 3 })", { 'sql "now() + interval \'1 day\'"' } },
  { 'types.interval({ fields = "DAY TO SECOND" })', { '"1 day 02:00"' } },
  { 'types.raw("inet")', { '"127.0.0.1"' } },
  { 'types.raw("int4range")', { '"[1,5)"' } },
  { 'types.raw("bit(3)")', { "sql \"B'101'\"" } },
}

function parts.text_type(model)
  local type_ = pick(text_types):format(random(6, 90)) -- a default has six characters, and a row gets it
  if chance(15) then
    local comma = type_:find("%d") and ", " or ""
    type_ = type_:gsub("%)$", comma .. ("{ collation = %q })"):format(collations[model.kind]))
  end
  return type_
end

-- Another default of the column, or none.
function parts.default_of(column)
  if column.is_number then
    return chance(60) and tostring(random(-99, 199)) or nil
  elseif column.is_text then
    return chance(60) and lua_text("it's " .. random(9)) or nil
  elseif column.defaults then
    return chance(60) and pick(column.defaults) or nil
  end
end

function parts.new_column(model)
  local column = { name = new_name(model, "c") }
  local dice = random(10)
  if dice <= 4 then
    column.type, column.is_number = pick(parts.number_types), true
  elseif dice <= 7 then
    column.type, column.is_text = parts.text_type(model), true
  else
    local row = pick(model.kind == "postgres" and chance(50) and postgres_types or other_types)
    column.type, column.defaults = row[1], row[2]
  end
  column.default = parts.default_of(column)
  column.is_required = chance(30)
  column.conflict = chance(10) and pick({ '"ignore"', '"replace"', '"abort"' }) or nil
  column.comment = model.kind == "postgres" and chance(15) and "a 'comment' " .. random(9) or nil
  return column
end

--- The columns that have the field.
function parts.of_kind(table_, field)
  local found = {}
  for _, column in ipairs(table_.columns) do
    found[#found + 1] = column[field] and column or nil
  end
  return found
end

local of_kind = parts.of_kind

function parts.new_computed(model, table_)
  local numbers = of_kind(table_, "is_number")
  if #numbers == 0 then
    return
  end
  local source = pick(numbers)
  source.is_used, source.is_source = true, true
  table.insert(table_.columns, {
    name = new_name(model, "c"),
    type = "types.bigint()",
    computed = ("%s + %d"):format(quoted(source.name), random(9)),
  })
end

-- --- constraints and indexes ---

local conflicts = { '"ignore"', '"REPLACE"', '"fail"', '"abort"', '"rollback"' }

-- What a constraint may have besides on one of the databases.
local function common_options(options)
  table.insert(options, { "postgresql_comment", chance(15) and lua_text("it's " .. random(9)) })
  table.insert(options, { "comment", chance(5) and '"passed over on SQLite"' })
  table.insert(options, { "sqlite_on_conflict", chance(20) and pick(conflicts) })
  return options_text(options)
end

local number_forms = {
  "%s > %d",
  "%s <> %d OR %s IS NULL",
  "%s BETWEEN -%d AND 1000",
  "%s IN (%d, 2, 3)",
  "%s NOT IN (-9, -8)",
}
local text_forms = {
  "%s IN ('a', 'it''s %d')",
  "%s NOT IN ('a', 'b%d')",
  "%s <> 'it''s'",
  "%s IS NULL OR %s IN ('a', 'b', NULL)",
  "%s BETWEEN '' AND 'z%d' OR %s IN ('{', '|')",
  "lower(%s) NOT IN ('a', 'b')",
}

local function new_check(_, table_)
  local kind = chance(50) and "is_number" or "is_text"
  local columns = of_kind(table_, kind)
  if #columns == 0 then
    return
  end
  local column = pick(columns)
  column.is_used = true
  local form = pick(kind == "is_number" and number_forms or text_forms)
  local text = form:gsub("%%s", (quoted(column.name):gsub("%%", "%%%%"))):gsub("%%d", tostring(random(0, 50)))
  local options = common_options({
    { "postgresql_not_valid", chance(15) and "true" },
    { "postgresql_no_inherit", chance(10) and "true" },
  })
  return "check(" .. lua_text(text) .. ", { name = %s" .. (options ~= "" and ", " .. options or "") .. " })"
end

-- An element of an index over a column: itself, an expression or an order.
local function element_of(model, column)
  local name = quoted(column.name)
  local dice = random(10)
  if column.is_text and dice <= 3 then
    return "sql " .. lua_text("lower(" .. name .. ")")
  elseif dice == 4 then
    return "sql " .. lua_text(name .. " DESC")
  elseif dice == 5 and model.kind == "postgres" then
    return "sql " .. lua_text(name .. pick({ " NULLS FIRST", " DESC NULLS LAST", " ASC" }))
  end
  return lua_text(column.name)
end

local function index_options(model, columns, is_plain)
  local is_unique = chance(20)
  local options = {
    { "where", chance(30) and lua_text(quoted(columns[1].name) .. " IS NOT NULL") },
    { "unique", is_unique and "true" },
  }
  if model.kind == "postgres" then
    table.move({
      { "nulls_not_distinct", is_unique and chance(50) and "true" },
      { "include", chance(15) and '{ "id" }' },
      { "with", chance(15) and "{ fillfactor = " .. random(50, 90) .. " }" },
      {
        "ops",
        is_plain and columns[1].is_text and columns[1].type:find("text") and chance(20)
          and "{ [" .. lua_text(columns[1].name) .. '] = "text_pattern_ops" }',
      },
      { "comment", chance(15) and lua_text("it's " .. random(9)) },
    }, 1, 5, 3, options)
  end
  return options_text(options)
end

local function new_index(model, table_)
  local plain = of_kind(table_, "is_number")
  table.move(of_kind(table_, "is_text"), 1, 99, #plain + 1, plain)
  if #plain == 0 then
    return
  end
  local columns, elements = distinct(plain, random(2)), {}
  for index, column in ipairs(columns) do
    column.is_used = true
    elements[index] = element_of(model, column)
  end
  local options = index_options(model, columns, elements[1] == lua_text(columns[1].name))
  local text = "index { " .. table.concat(elements, ", ") .. ", name = %s"
  return text .. (options ~= "" and ", " .. options or "") .. " }"
end

-- Of a method of its own.
local function new_other_index(model, table_)
  local numbers = of_kind(table_, "is_number")
  if model.kind ~= "postgres" or #numbers == 0 then
    return
  end
  local column = pick(numbers)
  column.is_used = true
  return "index { " .. lua_text(column.name) .. ", name = %s, using = " .. pick({ '"hash"', '"brin"' }) .. " }"
end

local function new_exclusion(model, table_)
  local numbers = of_kind(table_, "is_number")
  if model.kind ~= "postgres" or #numbers == 0 then
    return
  end
  local column = pick(numbers)
  if column.is_exclusive then
    return -- of two that say the same PostgreSQL makes one
  end
  column.is_used, column.is_exclusive = true, true
  local range = ("int4range(%s::integer, NULL)"):format(quoted(column.name))
  local options = options_text({
    { "using", '"gist"' },
    { "where", chance(40) and lua_text("id > " .. random(9)) },
    { "deferrable", chance(30) and "true" },
  })
  return "exclude { { sql " .. lua_text(range) .. ', "&&" }, name = %s, ' .. options .. " }"
end

-- PostgreSQL makes one constraint of two that say the same.
local function is_known_unique(table_, columns)
  local set = {}
  for index, column in ipairs(columns) do
    set[index] = column.name
  end
  table.sort(set)
  local key = table.concat(set, "\0")
  table_.uniques = table_.uniques or {}
  local is_known = table_.uniques[key]
  table_.uniques[key] = true
  return is_known
end

local function new_unique(_, table_)
  local columns = distinct(of_kind(table_, "is_number"), 2)
  if #columns == 0 or is_known_unique(table_, columns) then
    return
  end
  local options = common_options({
    { "postgresql_nulls_not_distinct", chance(20) and "true" },
    { "postgresql_include", chance(15) and '{ "id" }' },
    { "postgresql_deferrable", chance(20) and "true" },
  })
  return "unique { " .. names_of(columns) .. ", name = %s" .. (options ~= "" and ", " .. options or "") .. " }"
end

local function reference_text(target)
  if not target.schema then
    return lua_text(target.name .. ".id")
  end
  local format = '{ schema = %s, table = %s, column = "id" }'
  return format:format(lua_text(target.schema), lua_text(target.name))
end

--- A column of the table that refers to another one, and its key.
function parts.new_key(model, table_, target)
  local column = { name = new_name(model, "fk"), type = "types.integer()", is_used = true }
  table.insert(table_.columns, column)
  target.is_target = true
  local function make()
    local options = options_text({
      { "ondelete", chance(50) and lua_text(pick({ "CASCADE", "SET NULL", "RESTRICT", "no action" })) },
      { "onupdate", chance(30) and lua_text(pick({ "CASCADE", "SET NULL" })) },
      { "deferrable", chance(30) and "true" },
      { "postgresql_not_valid", chance(10) and "true" },
      { "postgresql_comment", chance(10) and '"a key"' },
    })
    local text = "foreign_key { " .. lua_text(column.name) .. ", references = " .. reference_text(target)
    return text .. ", name = %s" .. (options ~= "" and ", " .. options or "") .. " }"
  end
  return { text = make(), name = new_name(model, "fk"), remake = make }
end

local makers = {
  { new_check, "ck" },
  { new_index, "ix" },
  { new_unique, "uq" },
  { new_other_index, "io" },
  { new_exclusion, "ex" },
}

function parts.add_item(model, table_)
  local maker = pick(makers)
  local function make()
    return maker[1](model, table_)
  end
  local text = make()
  if text then
    table.insert(table_.items, { text = text, name = new_name(model, maker[2]), remake = make })
  end
end

-- --- what is not a table ---

local function new_enum(model)
  local values = {}
  for index = 1, random(2, 4) do
    values[index] = "v" .. index
  end
  local enum = { name = "e" .. new_name(model, "e"), values = values }
  table.insert(model.enums, enum)
  return enum
end

-- A column whose type is an enum, or an array of one: its text is made when the models are printed, with the values of
-- then.
function parts.new_enum_column(model)
  local enum = #model.enums > 0 and chance(50) and pick(model.enums) or new_enum(model)
  local name = new_name(model, "c")
  if chance(25) then
    return { name = name, enum_array = enum }
  end
  return { name = name, enum = enum, default_value = chance(30) and pick(enum.values) or nil }
end

--- A CHECK or an index whose condition names a value; it goes when the value goes.
function parts.new_enum_item(model, table_, value)
  local columns = of_kind(table_, "enum")
  if #columns == 0 then
    return
  end
  local column = pick(columns)
  value = value or pick(column.enum.values)
  column.is_used = true
  local condition = lua_text(("%s <> '%s'"):format(quoted(column.name), value))
  local text = chance(50) and ("check(%s, { name = %s })"):format(condition, lua_text(new_name(model, "ck")))
    or ('index { "id", name = %s, where = %s }'):format(lua_text(new_name(model, "ix")), condition)
  table.insert(table_.enum_items, { text = text, enum = column.enum, value = value })
end

-- What a view selects of a table: its key, which no change takes away, perhaps an enum and a number; or all.
local function query_of(table_)
  if chance(20) then
    table_.is_starred = true
    return "SELECT *, 2 * 3 AS six FROM " .. parts.place(table_)
  end
  local more, enums, numbers = "", of_kind(table_, "enum"), of_kind(table_, "is_number")
  if #enums > 0 then
    more, enums[1].is_used = ", " .. quoted(enums[1].name) .. " AS e", true
  end
  if #numbers > 0 then
    more, numbers[1].is_used = more .. ", " .. quoted(numbers[1].name) .. " AS c", true
  end
  return ("SELECT id + %d AS n%s FROM %s"):format(random(99), more, parts.place(table_))
end

function parts.new_view(model)
  local table_, below = pick(model.tables), chance(30) and pick(model.views)
  local view = { name = "v" .. new_name(model, "v") }
  if below and not below.columns and below.text:find(" AS n") then
    view.text = ("SELECT n + %d AS n FROM %s"):format(random(99), quoted(below.name))
  else
    table_.is_target = true
    view.text = query_of(table_)
  end
  if model.kind == "postgres" and chance(30) and view.text:find(" AS n") then
    view.is_materialized = true
    view.index = chance(60) and new_name(model, "ix") or nil
  end
  view.comment = model.kind == "postgres" and chance(20) and "a 'view' " .. random(9) or nil
  table.insert(model.views, view)
end

function parts.new_sequence(model)
  local sequence = { name = "s" .. new_name(model, "s"), start = random(99), cache = 1, increment = 1 }
  table.insert(model.sequences, sequence)
end

-- --- tables ---

-- How the key is made; "composite" has a column more, and `id` is unique all the same.
local key_kinds = { "single", "single", "single", "composite", "big" }

function parts.change_key(model, table_)
  table_.key = pick(key_kinds)
  table_.identity = model.kind == "postgres" and table_.key == "single" and chance(20) and pick({
    "true", "{ always = true }", "{ start = 5, increment = 2 }", "{ cache = 7, cycle = true }",
  }) or nil
end

local options = {
  sqlite = { "sqlite_with_rowid = false", "sqlite_autoincrement = true" },
  postgres = { "postgresql_with = { fillfactor = 70 }", "postgresql_with = { autovacuum_enabled = false }" },
}

function parts.change_options(model, table_)
  table_.option = chance(60) and pick(options[model.kind]) or nil
end

function parts.new_table(model)
  local name = "t" .. new_name(model, "t"):gsub("%.", "")
  local table_ = { name = name, columns = {}, items = {}, enum_items = {}, key = "single" }
  table_.schema = model.kind == "postgres" and chance(15) and "s 1" or nil
  if chance(25) then
    parts.change_key(model, table_)
  end
  if chance(15) then
    parts.change_options(model, table_)
  end
  for _ = 1, random(2, 5) do
    table.insert(table_.columns, parts.new_column(model))
  end
  if model.kind == "postgres" and chance(30) then
    table.insert(table_.columns, parts.new_enum_column(model))
  end
  if chance(50) then
    parts.new_enum_item(model, table_)
  end
  if chance(20) then
    parts.new_computed(model, table_)
  end
  for _ = 1, random(0, 3) do
    parts.add_item(model, table_)
  end
  if #model.tables > 0 and chance(40) then
    table.insert(table_.items, parts.new_key(model, table_, pick(model.tables)))
  end
  table.insert(model.tables, table_)
end

--- A whole model for the database `kind`.
function parts.new_model(kind)
  local model = { kind = kind, names = 0, tables = {}, enums = {}, views = {}, sequences = {} }
  for _ = 1, random(1, 3) do
    parts.new_table(model)
  end
  if chance(30) then
    parts.new_view(model)
  end
  return model
end

return parts
