-- schema.lua: all tables, indexes, views and triggers of a database as the schema model, out of the texts that
-- sqlite_schema keeps: one query for each schema, however many tables it has. Methods of the dialect (../dialect.lua
-- takes them in); the shape is the one that op.* and models have (core/lua/lib/items.lua).
--
-- Left out: SQLite's own tables, virtual tables and what they keep their rows in. Triggers stand in `triggers`, each
-- { name, table, schema, definition }.

local create_index = require("sqlite.create_index")
local create_table = require("sqlite.create_table")
local expression = require("moonbird.schema.expression")
local host = require("moonbird.host")
local items = require("moonbird.items")
local sql = require("moonbird.sql")
local tokens = require("sqlite.tokens")

local schema = {}

local Item = getmetatable(items.check("1"))

local function new(item)
  return setmetatable(item, Item)
end

-- --- columns ---

local function first_piece(column, kind)
  for _, piece in ipairs(column.pieces) do
    if piece.kind == kind then
      return piece
    end
  end
end

-- A literal where the dialect would write it so, else the SQL.
local function default_of(self, text, type_)
  if type_.kind == "boolean" and (text == "0" or text == "1") then
    return text == "1"
  end
  local value
  if text:upper() == "NULL" then
    return sql.null
  elseif text:find("^'") then
    value = text:sub(2, -2):gsub("''", "'")
  elseif text:find("^[+-]?[%d.]") then
    value = math.tointeger(tonumber(text)) and not text:find("[.eE]") and math.tointeger(tonumber(text))
      or tonumber(text)
  end
  if value ~= nil and self:default_text(value) == text then
    return value
  end
  return sql(text)
end


local function column_of(self, element, primary)
  local type_ = self:type_of(element.type)
  local collate, default = first_piece(element, "collate"), first_piece(element, "default")
  local generated, not_null = first_piece(element, "generated"), first_piece(element, "not_null")
  type_.collation = collate and collate.collation or nil
  local column = { kind = "column", name = element.name, type = type_, nullable = not_null == nil }
  for _, name in ipairs(primary and primary.columns or {}) do
    if tokens.same_name(name, element.name) then
      column.nullable = false -- what PRIMARY KEY means, and what op.create_table makes of it
    end
  end
  if default then
    column.server_default = default_of(self, default.value, type_)
  end
  if generated then
    column.computed = { sql = generated.expression, persisted = generated.is_stored or false }
  end
  column.on_conflict_not_null = not_null and not_null.conflict or nil
  return new(column)
end

-- --- constraints ---

local function key_item(kind, source, columns)
  return new({ kind = kind, name = source.name, columns = columns, on_conflict = source.conflict })
end

local function check_item(source)
  return new({
    kind = "check",
    name = source.name,
    condition = expression.bare(source.condition),
    on_conflict = source.conflict,
  })
end

local function reference_item(source, columns)
  return new({
    kind = "foreign_key",
    name = source.name,
    columns = columns,
    referent_table = source.referent_table,
    referent_columns = source.referent_columns,
    onupdate = source.onupdate,
    ondelete = source.ondelete,
    deferrable = source.deferrable,
    initially = source.initially,
    match = source.match,
  })
end

-- kind of a piece or element -> { list of the table, maker }; `columns` is that of the column for a piece.
local takers = {
  primary_key = function(table_, source, columns)
    table_.primary_key = key_item("primary_key", source, columns)
    table_.options.autoincrement = source.autoincrement or nil
  end,
  unique = function(table_, source, columns)
    table_.uniques[#table_.uniques + 1] = key_item("unique", source, columns)
  end,
  check = function(table_, source)
    table_.checks[#table_.checks + 1] = check_item(source)
  end,
  references = function(table_, source, columns)
    table_.foreign_keys[#table_.foreign_keys + 1] = reference_item(source, columns)
  end,
}
takers.foreign_key = takers.references

local function take_constraints(table_, tree)
  for _, element in ipairs(tree.elements) do
    if element.kind == "column" then
      for _, piece in ipairs(element.pieces) do
        local take = takers[piece.kind]
        if take then
          take(table_, piece, { element.name })
        end
      end
    elseif takers[element.kind] then
      takers[element.kind](table_, element, element.columns)
    end
  end
end

-- --- tables ---

--- A tree of create_table.lua as a table of the model, without its indexes.
function schema:table_of(tree, schema_name)
  local table_ = {
    name = tree.name,
    schema = schema_name,
    columns = {},
    uniques = {},
    foreign_keys = {},
    checks = {},
    excludes = {},
    indexes = {},
    options = { strict = tree.strict },
  }
  if not tree.with_rowid then
    table_.options.with_rowid = false
  end
  take_constraints(table_, tree)
  for _, element in ipairs(tree.elements) do
    if element.kind == "column" then
      table_.columns[#table_.columns + 1] = column_of(self, element, table_.primary_key)
    end
  end
  return table_
end

local function index_element(element)
  return element.name and not element.collate and not element.order and not element.nulls and element.name
    or sql(element.text)
end

--- The text of a CREATE INDEX as an item of the model.
function schema.index_of(_, text)
  local parsed = create_index.parse(text)
  local item = { kind = "index", name = parsed.name, columns = {}, where = parsed.where }
  item.unique = parsed.unique or nil
  for position, element in ipairs(parsed.elements) do
    item.columns[position] = index_element(element)
  end
  return new(item), parsed.table
end

-- --- the database ---

-- Tables in which virtual ones keep their rows; asked for only where there is a virtual one.
local function shadow_names(db, place)
  local names = {}
  for _, row in
    ipairs(db:query("SELECT name FROM pragma_table_list WHERE type = 'shadow' AND schema = ? COLLATE NOCASE", place))
  do
    names[row.name] = true
  end
  return names
end

local function is_virtual(text)
  return text:find("^%s*[Cc][Rr][Ee][Aa][Tt][Ee]%s+[Vv][Ii][Rr][Tt][Uu][Aa][Ll]%s") ~= nil
end

local function wants_table(filter, name)
  if type(filter) == "function" then
    return filter(name)
  elseif type(filter) == "table" then
    for _, wanted in ipairs(filter) do
      if tokens.same_name(wanted, name) then
        return true
      end
    end
    return false
  end
  return true
end

local readers = {}

function readers.table(self, found, row)
  if is_virtual(row.sql) or found.shadows[row.name] then
    return
  end
  local table_ = self:table_of(create_table.parse(row.sql, "table " .. row.name), found.schema)
  table_.name = row.name
  found.tables[row.name:lower()] = table_
  found.list[#found.list + 1] = table_
end

function readers.index(self, found, row)
  local table_ = found.tables[row.tbl_name:lower()]
  if table_ then
    table_.indexes[#table_.indexes + 1] = self:index_of(row.sql)
  end
end

function readers.view(_, found, row)
  local definition, columns = create_index.view(row.sql)
  found.views[#found.views + 1] = {
    name = row.name,
    schema = found.schema,
    definition = definition,
    columns = columns,
    materialized = false,
  }
end

function readers.trigger(_, found, row)
  found.triggers[#found.triggers + 1] = {
    name = row.name,
    table = row.tbl_name,
    schema = found.schema,
    definition = row.sql,
  }
end

-- REFERENCES t without columns means the primary key of t.
local function complete_references(found)
  for _, table_ in ipairs(found.list) do
    for _, key in ipairs(table_.foreign_keys) do
      local other = found.tables[key.referent_table:lower()]
      key.referent_columns = key.referent_columns or other and other.primary_key and other.primary_key.columns or {}
    end
  end
end

-- Tables come before what stands on them.
local QUERY = [[
SELECT type, name, tbl_name, sql FROM %s.sqlite_schema
WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\_%%' ESCAPE '\'
ORDER BY type = 'table' DESC, name, rowid]]

local function read_schema(self, db, place, filter, result)
  local rows = db:query(QUERY:format(self:ident(place)))
  local found = {
    schema = place:lower() ~= "main" and place or nil,
    tables = {},
    list = result.tables,
    views = result.views,
    triggers = result.triggers,
    shadows = {},
  }
  for _, row in ipairs(rows) do
    if row.type == "table" and is_virtual(row.sql) then
      found.shadows = shadow_names(db, place)
      break
    end
  end
  for _, row in ipairs(rows) do
    if wants_table(filter, row.type == "view" and row.name or row.tbl_name) then
      readers[row.type](self, found, row)
    end
  end
  complete_references(found)
end

-- The databases that are attached: all of them for "*". What is in temp is the connection's alone.
local function attached(db, wanted)
  local places, known = {}, {}
  for _, row in ipairs(db:query("SELECT name FROM pragma_database_list WHERE name <> 'temp' ORDER BY seq")) do
    places[#places + 1] = row.name
    known[row.name:lower()] = true
  end
  for _, name in ipairs(wanted) do
    if name == "*" then
      return places
    elseif not known[name:lower()] then
      host.fail(
        "usage",
        ("the setting schemas names %s, which the database does not have"):format(name),
        "a schema of SQLite is an attached file; these are there: " .. table.concat(places, ", ")
      )
    end
  end
  return wanted
end

--- The live schema. `options.schemas` are names of attached databases ("main" is the default one, whose tables have
--- schema nil), "*" is all of them; `options.tables` is a list of names or function(name).
function schema:schema(db, options)
  options = options or {}
  local result = { tables = {}, enums = {}, sequences = {}, views = {}, triggers = {} }
  for _, place in ipairs(options.schemas and attached(db, options.schemas) or { "main" }) do
    read_schema(self, db, place, options.tables, result)
  end
  return result
end

-- The names that `live` has in one schema, in small letters.
local function names_in(live, place)
  local names = {}
  for _, list in ipairs({ live.tables, live.views }) do
    for _, object in ipairs(list) do
      if (object.schema or "main"):lower() == place:lower() then
        names[object.name:lower()] = true
      end
    end
  end
  return names
end

local function places_of(live)
  local places, seen = {}, {}
  for _, list in ipairs({ live.tables, live.views }) do
    for _, object in ipairs(list) do
      local place = object.schema or "main"
      places[#places + 1] = not seen[place] and place or nil
      seen[place] = true
    end
  end
  return places
end

local kinds = { table = "TABLE", index = "INDEX", view = "VIEW", trigger = "TRIGGER" }

-- By name, so that one schema is one text: what a key or a view names is looked for only when it is used.
local SCRIPT = [[
SELECT type, tbl_name, sql FROM %s.sqlite_schema
WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\_%%' ESCAPE '\'
ORDER BY instr('table index view trigger', type), name]]

--- The statements that make what a schema (of dialect:schema) has: the texts that SQLite keeps.
function schema:schema_script(db, live)
  local statements = {}
  for _, place in ipairs(places_of(live)) do
    local names = names_in(live, place)
    local prefix = place:lower() ~= "main" and self:ident(place) or nil
    for _, row in ipairs(db:query(SCRIPT:format(self:ident(place)))) do
      if names[row.tbl_name:lower()] then
        statements[#statements + 1] = create_index.in_schema(row.sql, kinds[row.type], prefix)
      end
    end
  end
  return statements
end

--- What a dump of the schema does not have: { kind, name }, and what has it. Only models lack the triggers.
function schema:left_out(db, _, format)
  local list = {}
  for _, row in ipairs(db:query("SELECT type, name, sql FROM main.sqlite_schema ORDER BY type, name")) do
    local kind = row.type == "table" and is_virtual(row.sql) and "virtual table"
      or row.type == "trigger" and format ~= "sql" and "trigger"
    list[#list + 1] = kind and { kind = kind, name = self:ident(row.name) } or nil
  end
  return list, "`.schema` of sqlite3 has that"
end

--- One spelling of an SQL expression, for comparing two of them.
function schema.normalize(_, text)
  return tokens.normalize(sql.text(text))
end

return schema
