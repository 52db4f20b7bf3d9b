-- The whole schema as PostgreSQL's catalogs have it, in the shape that models have: a fixed number of queries, whatever
-- the number of tables. Methods of the dialect (../dialect.lua takes them in); `db` is a connection. Writes nothing.

local expression = require("moonbird.schema.expression")
local json = require("moonbird.json")
local queries = require("postgres.queries")
local sql = require("moonbird.sql")
local types = require("moonbird.types")

local schema = {}

--- What of a schema this database has (core/lua/lib/schema).
schema.schema_parts = { enums = true, sequences = true, views = true, comments = true, schemas = true }

-- A text array as PostgreSQL reads it; nil is SQL NULL.
local function text_array(list)
  if not list then
    return sql.null
  end
  local quoted = {}
  for index, text in ipairs(list) do
    quoted[index] = '"' .. text:gsub('[\\"]', "\\%0") .. '"'
  end
  return "{" .. table.concat(quoted, ",") .. "}"
end

local function decode(text)
  return text and json.decode(text) or nil
end

local function key_of(row)
  return (row.schema or "") .. "\0" .. (row.table_name or row.name)
end

-- { "fillfactor=70" } -> { fillfactor = 70 }
local function storage_options(text)
  local list = decode(text)
  if not list then
    return nil
  end
  local options = {}
  for _, entry in ipairs(list) do
    local name, value = entry:match("^(.-)=(.*)$")
    options[name] = tonumber(value) or value
    if value == "true" or value == "false" then
      options[name] = value == "true"
    end
  end
  return options
end

-- --- columns ---

local function type_of(self, row)
  local type_
  if row.enum_name then
    type_ = types.enum(row.enum_name, { "?" }, { schema = row.enum_schema })
    type_.values = nil -- filled in when the enums are read
    if row.type:find("%[%]$") then
      type_ = types.array(type_)
    end
  else
    type_ = self:type_of(row.type)
  end
  if type_.kind == "array" and row.dimensions > 1 then
    type_.dimensions = row.dimensions
  end
  type_.collation = row.collation
  return type_
end

local function unquote(text)
  return (text:gsub("''", "'"))
end

local number_kinds = { smallint = true, integer = true, bigint = true }
local float_kinds = { float = true, double = true }

-- What a column of floating point makes of "0.1", "'-1.5'::numeric" and "'1e+300'::double precision" is one number.
local function float_of(text, type_)
  local number = float_kinds[type_.kind] and tonumber(text)
  return number and number - number == 0 and number or nil
end

-- "'x'::character varying" is the text x, "'-1'::integer" the number, "true" the truth; all else stays SQL.
function schema.default_value(_, text, type_)
  local quoted, cast = text:match("^'(.*)'::([%w_ %[%]\"%.()]+)$")
  local float = float_of(quoted or text, type_)
  if float then
    return float
  elseif quoted and not quoted:gsub("''", ""):find("'", 1, true) then
    if number_kinds[type_.kind] then
      return math.tointeger(tonumber(quoted)) or sql(text)
    end
    return cast and unquote(quoted)
  elseif text:find("^NULL::") or text == "NULL" then
    return nil
  elseif text == "true" or text == "false" then
    return text == "true"
  elseif text:find("^%d+$") and math.tointeger(tonumber(text)) then
    return math.tointeger(tonumber(text))
  end
  return sql(text)
end

local function identity_of(row)
  return {
    always = row.identity == "a",
    start = row.start,
    increment = row.increment,
    minvalue = row.minvalue,
    maxvalue = row.maxvalue,
    cycle = row.cycle,
    cache = row.cache,
  }
end

local function column_of(self, row)
  local column = {
    kind = "column",
    name = row.name,
    type = type_of(self, row),
    nullable = not row.required,
    comment = row.comment,
  }
  if row.identity ~= "" then
    column.identity = identity_of(row)
  elseif row.generated ~= "" then
    column.computed = { sql = expression.bare(row.default_text), persisted = row.generated == "s" }
  elseif row.sequence_name then
    column.serial = { name = row.sequence_name, schema = row.sequence_schema, default = row.default_text }
  elseif row.default_text then
    column.server_default = self:default_value(row.default_text, column.type)
  end
  return column
end

-- --- constraints ---

local actions = { a = nil, r = "RESTRICT", c = "CASCADE", n = "SET NULL", d = "SET DEFAULT" }
local matches = { f = "FULL", p = "PARTIAL" }

local function timing(item, row)
  item.deferrable = row.deferrable or nil
  item.initially = row.deferred and "DEFERRED" or nil
  return item
end

local make = {}

function make.p(row)
  local columns, include = decode(row.columns), decode(row.include)
  return timing({ kind = "primary_key", name = row.name, columns = columns, include = include }, row)
end

function make.u(row)
  local item = { kind = "unique", name = row.name, columns = decode(row.columns), include = decode(row.include) }
  item.nulls_not_distinct = row.definition:find("^UNIQUE NULLS NOT DISTINCT") and true or nil
  return timing(item, row)
end

function make.f(row)
  -- since 15, SET NULL (a, b)
  local some = row.definition:match("ON DELETE SET %u+ (%b())")
  local ondelete = actions[row.ondelete]
  return timing({
    kind = "foreign_key",
    name = row.name,
    columns = decode(row.columns),
    referent_schema = row.referent_schema,
    referent_table = row.referent_table,
    referent_columns = decode(row.referent_columns),
    onupdate = actions[row.onupdate],
    ondelete = some and ondelete .. " " .. some or ondelete,
    match = matches[row.match],
    not_valid = not row.validated or nil,
  }, row)
end

function make.c(row)
  return {
    kind = "check",
    name = row.name,
    condition = expression.bare(row.condition),
    not_valid = not row.validated or nil,
    no_inherit = row.no_inherit or nil,
  }
end

-- A name where the element is one, else SQL.
local function exclude_element(text)
  local inside = text:match('^"(.*)"$')
  if inside and not inside:gsub('""', ""):find('"', 1, true) then
    return (inside:gsub('""', '"'))
  end
  return text:find("^[%l_][%l%d_$]*$") and text or sql(text)
end

-- "EXCLUDE USING gist (room WITH =, lower(name) WITH =) WHERE (active)"
local function exclude_elements(text)
  local inside, elements, depth, from = text:match("(%b())"):sub(2, -2), {}, 0, 1
  for at = 1, #inside + 1 do
    local char = inside:sub(at, at)
    depth = depth + (char == "(" and 1 or char == ")" and -1 or 0)
    if char == "" or char == "," and depth == 0 then
      local element, operator = inside:sub(from, at - 1):match("^%s*(.-) WITH (.-)%s*$")
      elements[#elements + 1] = { exclude_element(element), operator }
      from = at + 1
    end
  end
  return elements
end

function make.x(row)
  local where = row.definition:match("WHERE %((.*)%)")
  return timing({
    kind = "exclude",
    name = row.name,
    elements = exclude_elements(row.definition),
    using = row.method ~= "gist" and row.method or nil,
    where = where and expression.bare(where),
  }, row)
end

local list_of = { u = "uniques", f = "foreign_keys", c = "checks", x = "excludes" }

local function add_constraint(table_, row)
  local item = make[row.type](row)
  item.comment = row.comment
  if row.type == "p" then
    table_.primary_key = item
  else
    table.insert(table_[list_of[row.type]], item)
  end
end

-- --- indexes ---

local DESC, NULLS_FIRST = 1, 2

local function order_text(flags)
  local text = flags & DESC ~= 0 and " DESC" or ""
  local is_first, is_default = flags & NULLS_FIRST ~= 0, (flags & DESC ~= 0) == (flags & NULLS_FIRST ~= 0)
  if is_default then
    return text
  end
  return text .. (is_first and " NULLS FIRST" or " NULLS LAST")
end

-- A name where the element is a plain column, else SQL.
local function add_element(self, index, row)
  if row.is_included then
    index.include = index.include or {}
    table.insert(index.include, row.column_name)
    return
  end
  local order = order_text(row.flags or 0)
  local collation = row.collation and " COLLATE " .. self:quote(row.collation) or ""
  if row.column_name and order == "" and collation == "" then
    table.insert(index.columns, row.column_name)
    if row.opclass then
      index.ops = index.ops or {}
      index.ops[row.column_name] = row.opclass
    end
    return
  end
  local name = row.column_name and self:ident(row.column_name) or row.expression
  table.insert(index.columns, sql(name .. collation .. (row.opclass and " " .. row.opclass or "") .. order))
end

local function new_index(row)
  local definition = row.definition or ""
  return {
    kind = "index",
    name = row.name,
    columns = {},
    unique = row.is_unique or nil,
    where = row.condition,
    using = row.method ~= "btree" and row.method or nil,
    with = storage_options(row.storage),
    tablespace = row.tablespace,
    nulls_not_distinct = definition:find(" NULLS NOT DISTINCT", 1, true) and true or nil,
    invalid = not row.is_valid or nil,
    comment = row.comment,
  }
end

local function add_indexes(self, found, rows)
  local last
  for _, row in ipairs(rows) do
    local owner = found[key_of(row)]
    if owner then
      if not last or last.owner ~= owner or last.index.name ~= row.name then
        last = { owner = owner, index = new_index(row) }
        table.insert(owner.indexes, last.index)
      end
      add_element(self, last.index, row)
    end
  end
end

-- --- tables ---

local function new_table(row)
  return {
    name = row.name,
    schema = row.schema,
    comment = row.comment,
    columns = {},
    uniques = {},
    foreign_keys = {},
    checks = {},
    excludes = {},
    indexes = {},
    options = {
      partition_by = row.partition_by,
      with = storage_options(row.storage),
      tablespace = row.tablespace,
      inherits = decode(row.parents),
      prefixes = row.persistence == "u" and { "UNLOGGED" } or nil,
    },
  }
end

local function read_tables(self, db, result, schemas, names)
  local found = {}
  for index, row in ipairs(db:query(queries.tables, schemas, names)) do
    result.tables[index] = new_table(row)
    found[key_of(row)] = result.tables[index]
  end
  for _, row in ipairs(db:query(queries.columns, schemas, names)) do
    table.insert(found[key_of(row)].columns, column_of(self, row))
  end
  for _, row in ipairs(db:query(queries.constraints, schemas, names)) do
    add_constraint(found[key_of(row)], row)
  end
  return found
end

-- --- the other objects ---

local function read_enums(db, query, schemas)
  local enums = {}
  for index, row in ipairs(db:query(query, schemas, schemas)) do
    enums[index] = {
      kind = "enum",
      name = row.name,
      schema = row.schema,
      values = decode(row.labels) or {},
      comment = row.comment,
      is_used_elsewhere = row.is_used_elsewhere,
    }
  end
  return enums
end

-- The types of columns get the values of these enums; gives the types that have none yet.
local function fill_enum_types(result, enums, is_foreign)
  local values, missing = {}, {}
  for _, enum in ipairs(enums) do
    values[key_of(enum)] = enum.values
  end
  for _, table_ in ipairs(result.tables) do
    for _, column in ipairs(table_.columns) do
      local type_ = column.type.kind == "array" and column.type.element or column.type
      if type_.kind == "enum" and not type_.values then
        type_.values = values[key_of(type_)]
        if not type_.values then
          missing[#missing + 1] = type_
        elseif is_foreign then
          type_.create_type = false
        end
      end
    end
  end
  return missing
end

-- An enum of a schema that is not read, or of an extension, is another's: the column says that its type is there.
local function fill_foreign_enums(db, result, missing)
  local names = {}
  for _, type_ in ipairs(missing) do
    names[#names + 1] = type_.schema or result.default_schema
  end
  if #names > 0 then
    fill_enum_types(result, read_enums(db, queries.all_enums, text_array(names)), true)
  end
end

local function owner_of(row)
  return row.owner_column and { table = row.owner_table, column = row.owner_column, schema = row.owner_schema }
end

local function read_sequences(self, db, result, schemas)
  result.serials = {}
  for _, row in ipairs(db:query(queries.sequences, schemas)) do
    table.insert(row.fills_owner and result.serials or result.sequences, {
      kind = "sequence",
      name = row.name,
      schema = row.schema,
      type = self:type_of(row.type),
      start = row.start,
      increment = row.increment,
      minvalue = row.minvalue,
      maxvalue = row.maxvalue,
      cycle = row.cycle,
      cache = row.cache,
      owned_by = owner_of(row),
      comment = row.comment,
    })
  end
end

local function read_views(db, result, schemas, found)
  for index, row in ipairs(db:query(queries.views, schemas)) do
    local view = {
      kind = "view",
      name = row.name,
      schema = row.schema,
      materialized = row.materialized,
      definition = row.definition:gsub("^%s+", ""):gsub("[%s;]+$", ""),
      comment = row.comment,
      uses = decode(row.uses) or {},
      indexes = {},
    }
    result.views[index] = view
    found[key_of(row)] = view
  end
end

local function wanted_schemas(filter, default, all)
  local wanted = { table.unpack(filter.schemas or { default }) }
  for _, name in ipairs(wanted) do
    if name == "*" then
      return all
    end
  end
  for _, name in ipairs(filter.further_schemas or {}) do
    wanted[#wanted + 1] = name
  end
  return wanted
end

--- Reads the schemas (nil: the default one; "*": all) and further ones, of them all tables or those in filter.tables.
function schema:schema(db, filter)
  filter = filter or {}
  local place = db:query(queries.place)[1]
  local all = decode(place.all_schemas)
  local wanted = wanted_schemas(filter, place.default_schema, all)
  local schemas = text_array(wanted)
  local result = { tables = {}, enums = {}, sequences = {}, views = {}, default_schema = place.default_schema }
  result.schemas, result.read_schemas = all, wanted
  local names = text_array(filter.tables)
  local found = read_tables(self, db, result, schemas, names)
  if not filter.tables then
    read_views(db, result, schemas, found)
    read_sequences(self, db, result, schemas)
  end
  result.enums = read_enums(db, queries.enums, schemas)
  add_indexes(self, found, db:query(queries.indexes, schemas, names))
  fill_foreign_enums(db, result, fill_enum_types(result, result.enums))
  return result
end

--- What a dump of the schema does not have: { kind, name }, and what has it.
function schema.left_out(_, db, live)
  local list = {}
  for index, row in ipairs(db:query(queries.left_out, text_array(live.read_schemas))) do
    list[index] = { kind = row.kind, name = row.name }
  end
  return list, "`pg_dump --schema-only` has that"
end

return schema
