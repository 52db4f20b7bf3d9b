-- What a schema is made of as Lua source: types, columns, constraints, indexes, tables, in the words that models and
-- op.* share. Called by render.lua (revisions) and dump.lua (models).

local naming = require("moonbird.naming")
local numbering = require("moonbird.schema.numbering")
local operations = require("moonbird.schema.operations")
local reference = require("moonbird.reference")
local source = require("moonbird.schema.source")
local sql = require("moonbird.sql")

local text = {}

-- --- values ---

function text.value(value)
  if value == sql.null then
    return "null"
  elseif sql.is(value) then
    return "sql " .. source.string(value[1])
  elseif sql.is_final(value) then
    return "op.f(" .. source.string(tostring(value)) .. ")"
  elseif sql.is_blob(value) then
    return "blob(" .. source.string(value[1]) .. ")"
  elseif type(value) == "string" then
    return source.string(value)
  elseif type(value) == "number" then
    return source.number(value)
  end
  return tostring(value)
end

local function is_list(value)
  return #value > 0 or next(value) == nil
end

local function sorted_keys(map)
  local keys = {}
  for key in pairs(map) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  return keys
end

--- Any plain value: a scalar, a list, a table of names.
function text.node(value)
  if type(value) ~= "table" or sql.is(value) or sql.is_blob(value) or sql.is_final(value) or value == sql.null then
    return text.value(value)
  end
  local entries = {}
  if is_list(value) then
    for index, entry in ipairs(value) do
      entries[index] = text.node(entry)
    end
    return source.list(entries)
  end
  for index, key in ipairs(sorted_keys(value)) do
    entries[index] = source.field(key, text.node(value[key]))
  end
  return source.list(entries)
end

-- The fields of `from` that are set, in the order of `names`; false and true are said, nil is not.
local function fields(entries, from, names)
  for _, name in ipairs(names) do
    if from[name] ~= nil then
      entries[#entries + 1] = source.field(name, text.node(from[name]))
    end
  end
  return entries
end

text.fields = fields

-- The same for what only the style's database has: under its name.
local function own_fields(entries, from, names, style)
  for _, name in ipairs(names) do
    if from[name] ~= nil then
      entries[#entries + 1] = source.field(style.dialect.name .. "_" .. name, text.node(from[name]))
    end
  end
  return entries
end

text.own_fields = own_fields

-- A call whose last argument is a table of options, left out where it is empty.
local function call_with_options(name, arguments, options)
  if #options > 0 then
    arguments[#arguments + 1] = source.list(options)
  end
  return source.call(name, table.unpack(arguments))
end

text.call_with_options = call_with_options

-- --- types ---

local type_arguments = { "length", "precision", "scale" }
local moments = { time = true, timestamp = true }

-- style.enums_exist: the type of an enum is made on its own.
function text.type(type_, style)
  local arguments, options = {}, {}
  if type_.kind == "raw" then
    arguments[1] = source.string(type_.sql)
  elseif type_.kind == "enum" then
    arguments = { source.string(type_.name), type_.values and text.node(type_.values) }
    fields(options, type_, { "schema", "create_constraint" })
    if style and style.enums_exist or type_.create_type == false then
      options[#options + 1] = source.field("create_type", "false")
    end
  elseif type_.kind == "array" then
    arguments[1] = text.type(type_.element, style)
    fields(options, type_, { "dimensions" })
  elseif moments[type_.kind] or type_.kind == "interval" then
    fields(options, type_, { "timezone", "fields", "precision" })
  else
    for _, name in ipairs(type_arguments) do
      arguments[#arguments + 1] = type_[name] and tostring(type_[name])
    end
  end
  fields(options, type_, { "collation" })
  return call_with_options("types." .. type_.kind, arguments, options)
end

-- --- columns ---

local function identity_node(column)
  local option = numbering.trim(column.identity, column.type.kind)
  option.always = option.always or nil
  local entries = fields({}, option, { "always", "start", "increment", "minvalue", "maxvalue", "cycle", "cache" })
  return #entries == 0 and "true" or source.list(entries)
end

--- What a column is computed from, and whether the values are kept.
function text.computed(computed)
  if computed.persisted == nil then
    return source.string(computed.sql)
  end
  return source.list({ source.string(computed.sql), source.field("persisted", tostring(computed.persisted)) })
end

local serial_names = { smallint = "SMALLSERIAL", integer = "SERIAL", bigint = "BIGSERIAL" }

-- NO ACTION is what databases do where nothing is said.
local function without_no_action(key)
  local said = {}
  for name, value in pairs(key) do
    local is_action = name == "onupdate" or name == "ondelete"
    said[name] = not (is_action and value:upper() == "NO ACTION") and value or nil
  end
  return said
end

local function place_entries(place)
  return fields({}, place, { "schema", "table", "column", "columns" })
end

--- A column of another table: "table.column", or by name where a name has a dot.
function text.place(place)
  local short = reference.text(place)
  return short and source.string(short) or source.list(place_entries(place))
end

local function reference_node(key)
  key = without_no_action(key)
  local place = { schema = key.referent_schema, table = key.referent_table, column = key.referent_columns[1] }
  local short = reference.text(place)
  local entries = short and { source.string(short) } or place_entries(place)
  fields(entries, key, { "name", "onupdate", "ondelete", "deferrable", "initially", "match", "comment" })
  return short and #entries == 1 and entries[1] or source.list(entries)
end

--- A column; `inline` has what of the table stands at it: primary_key, unique, index (true), references (a key),
--- autoincrement.
function text.column(column, inline, style)
  inline = inline or {}
  local options = {}
  local function add(name, node)
    options[#options + 1] = source.field(name, node)
  end
  if inline.primary_key then
    add("primary_key", "true")
  elseif column.nullable == (column.identity ~= nil) then
    add("nullable", tostring(column.nullable))
  end
  own_fields(options, column, { "on_conflict_not_null" }, style)
  fields(options, column, { "server_default" })
  fields(options, inline, { "autoincrement" })
  if column.identity then
    add("identity", identity_node(column))
  end
  if column.computed then
    add("computed", text.computed(column.computed))
  end
  if inline.references then
    add("references", reference_node(inline.references))
  end
  for _, name in ipairs({ "unique", "index" }) do
    if inline[name] then
      add(name, "true")
    end
  end
  fields(options, column, { "comment" })
  local type_ = column.serial and source.call("types.raw", source.string(serial_names[column.type.kind]))
    or text.type(column.type, style)
  return call_with_options("column", { source.string(column.name), type_ }, options)
end

-- --- items ---

local function names_of(item)
  local entries = {}
  for index, element in ipairs(item.columns) do
    entries[index] = text.value(element)
  end
  return entries
end

local items = {}

function items.primary_key(item, style)
  local entries = fields(names_of(item), item, { "name", "include", "deferrable", "initially", "comment" })
  return source.apply("primary_key", own_fields(entries, item, { "on_conflict" }, style))
end

function items.unique(item, style)
  local options = { "name", "include", "nulls_not_distinct", "deferrable", "initially", "comment" }
  local entries = fields(names_of(item), item, options)
  return source.apply("unique", own_fields(entries, item, { "on_conflict" }, style))
end

local function referents(key)
  local place, list = { schema = key.referent_schema, table = key.referent_table }, {}
  for index, name in ipairs(key.referent_columns) do
    place.column = name
    local short = reference.text(place)
    if not short then
      place.column, place.columns = nil, key.referent_columns
      return source.list(place_entries(place))
    end
    list[index] = source.string(short)
  end
  return #list == 1 and list[1] or source.list(list)
end

function items.foreign_key(item)
  item = without_no_action(item)
  local entries = names_of(item)
  entries[#entries + 1] = source.field("references", referents(item))
  local options = { "name", "onupdate", "ondelete", "deferrable", "initially", "match", "not_valid", "comment" }
  return source.apply("foreign_key", fields(entries, item, options))
end

function items.check(item, style)
  local condition = source.string(sql.text(item.condition))
  local options = fields({}, item, { "name", "not_valid", "no_inherit", "comment" })
  return call_with_options("check", { condition }, own_fields(options, item, { "on_conflict" }, style))
end

function items.exclude(item)
  local entries = {}
  for index, element in ipairs(item.elements) do
    entries[index] = source.list({ text.value(element[1]), source.string(element[2]) })
  end
  local options = { "name", "using", "ops", "where", "deferrable", "initially", "comment" }
  return source.apply("exclude", fields(entries, item, options))
end

function items.index(item)
  local entries = fields(names_of(item), item, { "name", "unique", "where", "using", "include", "ops", "with" })
  return source.apply("index", fields(entries, item, { "tablespace", "nulls_not_distinct", "comment" }))
end

--- An item; a name that style.convention would change is final.
function text.item(item, style)
  item = operations.shown(item)
  if naming.changes_name(item, style and style.convention) then
    item = operations.with_name(item, sql.final(item.name))
  end
  return items[item.kind](item, style)
end

-- --- tables ---

local lists = { "uniques", "foreign_keys", "checks", "excludes", "indexes" }

local function sort_key(item)
  local parts = { item.name or "" }
  for _, element in ipairs(item.columns or {}) do
    parts[#parts + 1] = sql.text(element)
  end
  parts[#parts + 1] = item.condition and sql.text(item.condition) or ""
  return table.concat(parts, "\0")
end

--- A copy of a list of items in an order that does not depend on how they came to be.
function text.sorted(list)
  local copy = table.move(list, 1, #list, 1, {})
  table.sort(copy, function(a, b)
    return sort_key(a) < sort_key(b)
  end)
  return copy
end

local function is_bare(item, allowed)
  for key in pairs(item) do
    if key ~= "kind" and key ~= "columns" and not allowed[key] then
      return false
    end
  end
  return true
end

local inline_fields = {
  primary_key = {},
  unique = {},
  index = { name = true },
  foreign_key = {
    referent_schema = true,
    referent_table = true,
    referent_columns = true,
    onupdate = true,
    ondelete = true,
    deferrable = true,
    initially = true,
    match = true,
    comment = true,
  },
}

-- What of the lists may stand at its column: one column, no name of its own.
local function can_inline(item, table_, dialect, convention)
  if #item.columns ~= 1 or sql.is(item.columns[1]) or not is_bare(item, inline_fields[item.kind]) then
    return false
  elseif item.kind == "index" then
    local index = { kind = "index", table = table_.name, columns = item.columns, naming_convention = convention }
    return item.name == dialect:index_name(index)
  elseif item.kind == "foreign_key" then
    -- at the only column of the key it would say that the column is not numbered
    local primary = table_.primary_key
    return not (primary and primary.columns[1] == item.columns[1])
  end
  return true
end

local inline_names = { unique = "unique", index = "index", foreign_key = "references" }

local function take_inline(inline, item, table_, dialect, convention)
  local name = inline_names[item.kind]
  if not name or not can_inline(item, table_, dialect, convention) then
    return false
  end
  local at = inline[item.columns[1]]
  -- unique and index together would be one unique index
  if not at or at[name] or name == "unique" and at.index or name == "index" and at.unique then
    return false
  end
  at[name] = name == "references" and item or true
  return true
end

-- An integer that is the whole key is numbered unless it says that it is not; elsewhere that need not be said.
local function numbering_of(column, table_, dialect)
  local primary = table_.primary_key
  local is_said = column.autoincrement == true or column.numbered or column.identity or column.serial
  if is_said or not dialect.numbers_columns then
    return column.autoincrement or nil
  end
  local asked = setmetatable({ autoincrement = "auto" }, { __index = column })
  if primary and dialect:is_numbered(asked, primary) then
    return false
  end
end

local function is_usual_name(dialect, table_, item)
  return item.name == dialect:constraint_name_of(table_, item, {})
end

-- A copy of the item without its name, where that is the usual one.
local function without_usual_name(item, table_, dialect)
  local is_named_anew = naming.has_template(item.kind, naming.convention())
  if not item.name or is_named_anew or not is_usual_name(dialect, table_, item) then
    return item
  end
  return operations.with_name(item, nil)
end

--- A copy of the table without names that are given anyway where nothing is said. `later` (or nil) has foreign keys
--- that stay as they are.
function text.without_usual_names(table_, dialect, later)
  local result = setmetatable({}, { __index = table_ })
  for _, list in ipairs({ "uniques", "foreign_keys" }) do
    result[list] = {}
    for index, item in ipairs(table_[list]) do
      local is_later = later and later[item]
      result[list][index] = is_later and item or without_usual_name(item, table_, dialect)
    end
  end
  result.primary_key = table_.primary_key and without_usual_name(table_.primary_key, table_, dialect)
  return result
end

--- The entries of a table's list of items. `later` has foreign keys that are left out.
function text.table_items(table_, later, dialect, style)
  local inline, rest = {}, {}
  for _, column in ipairs(table_.columns) do
    inline[column.name] = {}
  end
  local primary = table_.primary_key
  if primary and can_inline(primary, table_, dialect) then
    inline[primary.columns[1]].primary_key = true
  elseif primary then
    rest[1] = text.item(primary, style)
  end
  for _, list in ipairs(lists) do
    for _, item in ipairs(text.sorted(table_[list])) do
      if not later[item] and not take_inline(inline, item, table_, dialect, style.convention) then
        rest[#rest + 1] = text.item(item, style)
      end
    end
  end
  local entries = {}
  for index, column in ipairs(table_.columns) do
    local own = inline[column.name]
    own.autoincrement = numbering_of(column, table_, dialect)
    entries[index] = text.column(column, own, style)
  end
  return table.move(rest, 1, #rest, #entries + 1, entries)
end

--- The options of a table: schema, comment, and under the database's name what only it has.
function text.table_options(table_, dialect)
  local options = fields({}, table_, { "schema", "comment" })
  if table_.options.prefixes then
    options[#options + 1] = source.field("prefixes", text.node(table_.options.prefixes))
  end
  for _, name in ipairs(sorted_keys(table_.options)) do
    local value = table_.options[name]
    if name ~= "prefixes" and (value or dialect.option_defaults[name] and value == false) then
      options[#options + 1] = source.field(dialect.name .. "_" .. name, text.node(value))
    end
  end
  return options
end

return text
