-- The constructors of what a table is made of: columns, constraints, indexes. They return plain data that
-- op.create_table, op.add_column and models share; they check what they are given and know no dialect.

local check = require("moonbird.check")
local column_parts = require("moonbird.column_parts")
local reference = require("moonbird.reference")

local Item = { __name = "moonbird.item" }

local items = {}

local function new(item)
  return setmetatable(item, Item)
end

local function with(base, more)
  local all = {}
  for _, from in ipairs({ base, more }) do
    for key, value in pairs(from) do
      all[key] = value
    end
  end
  return all
end

-- --- references ---

local key_options = {
  name = "final_name",
  onupdate = "action",
  ondelete = "action",
  deferrable = "boolean",
  initially = "initially",
  match = "match",
  not_valid = "boolean",
  comment = "text",
}

-- Fills the referent_... fields of `key` from a list of "table.column"; returns the complaint.
local function add_referents(key, references, caller)
  key.referent_columns = {}
  for index, text in ipairs(references) do
    local place = reference.parse(text)
    if not place then
      return ('%s: the referenced column must be "table.column", got "%s"'):format(caller, text)
    elseif index > 1 and (place.table ~= key.referent_table or place.schema ~= key.referent_schema) then
      return ("%s: the referenced columns must be of one table, got %s and %s"):format(caller, references[1], text)
    end
    key.referent_schema, key.referent_table = place.schema, place.table
    key.referent_columns[index] = place.column
  end
end

-- What stands in braces beside the column, those of one database ("postgresql_not_valid") among it.
local function copy_key_options(key, given, place)
  for name, value in pairs(given) do
    key[name] = not place[name] and value or nil
  end
end

local function as_list(value)
  return type(value) == "string" and { value } or value
end

-- "o.id", { "o.id", ondelete = "CASCADE" }, or { table = "o", column = "id", schema = "s" } for names with dots
local function reference_of(given, caller)
  local key = {}
  if type(given) == "string" then
    return key, add_referents(key, { given }, caller)
  end
  local place = { table = "name", column = "name", schema = "name" }
  local known = with(key_options, place)
  local named = {}
  for name, value in pairs(given) do
    if name ~= 1 then
      named[name] = value
    end
  end
  local problem = check.fields(caller .. ": references", known, named)
  if problem then
    return nil, problem
  end
  copy_key_options(key, named, place)
  if type(given[1]) == "string" then
    return key, add_referents(key, { given[1] }, caller)
  elseif not given.table or not given.column then
    return nil, caller .. ': references needs "table.column" in front, or table and column'
  end
  key.referent_table, key.referent_schema, key.referent_columns = given.table, given.schema, { given.column }
  return key
end

-- --- column ---

local column_signature = {
  name = "column",
  kind = "column",
  arguments = { { "name", "name" }, { "type", "type" } },
  options = {
    nullable = "boolean",
    server_default = "default",
    default = "any",
    primary_key = "boolean",
    unique = "boolean",
    index = "boolean",
    autoincrement = "autoincrement",
    comment = "text",
    references = "reference",
    foreign_key = "reference",
    check = "expression",
    computed = "computed",
    identity = "identity",
    on_conflict_not_null = "conflict",
    on_conflict_primary_key = "conflict",
    on_conflict_unique = "conflict",
  },
}

local function take_references(column)
  if column.references and column.foreign_key then
    return "column: references and foreign_key are the same option, give one of them"
  end
  local given = column.references or column.foreign_key
  column.foreign_key = nil
  if given then
    local problem
    column.references, problem = reference_of(given, "column")
    return problem
  end
end

local function take_computed(column)
  local given = column.computed
  if given == nil then
    return nil
  elseif column.server_default ~= nil then
    return "column: a computed column has no server_default"
  elseif column.identity then
    return "column: a computed column has no identity"
  end
  local problem = column_parts.problem_of_computed("column: computed", given)
  if problem then
    return problem
  elseif check.is_plain_table(given) then
    column.computed = { sql = tostring(given[1]), persisted = given.persisted }
  else
    column.computed = { sql = tostring(given) }
  end
end

local function take_identity(column)
  if column.identity == true then
    column.identity = {}
  elseif column.identity then
    return column_parts.problem_of_identity("column: identity", column.identity)
  else
    column.identity = nil
  end
end

local function problem_of_default(column)
  if column.default ~= nil then
    return "column: default is a value that a program fills in, and a migration has none; "
      .. 'for a default of the database write server_default = "..."'
  end
end

-- A column of a key is NOT NULL, and so is one that the database numbers.
local function settle_nullable(column)
  if column.nullable == nil then
    column.nullable = not (column.primary_key or column.identity)
  end
end

function items.column(...)
  local column, problem = check.call(column_signature, table.pack(...))
  problem = problem or problem_of_default(column) or take_references(column) or take_computed(column)
  problem = problem or take_identity(column)
  if problem then
    error(problem, 2)
  end
  settle_nullable(column)
  return new(column)
end

-- --- constraints and indexes over a list of columns ---

-- primary_key { "a", "b", name = "pk" }, { columns = { "a" } }, or as in Alembic: ("a", "b", { name = "pk" }).
local function split_arguments(args)
  local first = args[1]
  if check.is_plain_table(first) and args.n == 1 then
    return first
  end
  local given = {}
  for index = 1, args.n do
    if index == args.n and check.is_plain_table(args[index]) then
      for key, value in pairs(args[index]) do
        given[key] = value
      end
    else
      given[index] = args[index]
    end
  end
  return given
end

local function list_item(kind, column_kind, options)
  local signature = { name = kind, kind = kind, arguments = { { "columns", column_kind } }, options = options }
  return function(given)
    local columns, named = {}, {}
    for key, value in pairs(given) do
      if math.type(key) == "integer" then
        columns[key] = value
      else
        named[key] = value
      end
    end
    columns = next(columns) == nil and named.columns or columns
    named.columns = nil
    local item, problem = check.call(signature, { n = 2, columns, named })
    -- "argument 1" is a table that the script never wrote as such
    return item, problem and problem:gsub("argument 1 must be", "the columns must be")
  end
end

local timing = { name = "final_name", deferrable = "boolean", initially = "initially", comment = "text" }

local makers = {
  primary_key = list_item("primary_key", "names", with(timing, { include = "names", on_conflict = "conflict" })),
  unique = list_item(
    "unique",
    "names",
    with(timing, { include = "names", nulls_not_distinct = "boolean", on_conflict = "conflict" })
  ),
  foreign_key = list_item("foreign_key", "names", with(key_options, { references = "references" })),
  exclude = list_item("exclude", "exclusions", with(timing, { using = "name", where = "expression", ops = "scalars" })),
  index = list_item("index", "elements", {
    name = "final_name",
    unique = "boolean",
    where = "expression",
    using = "name",
    include = "names",
    ops = "scalars",
    with = "scalars",
    tablespace = "name",
    nulls_not_distinct = "boolean",
    comment = "text",
  }),
}

local function constructor(kind)
  return function(...)
    local item, problem = makers[kind](split_arguments(table.pack(...)))
    if not item then
      error(problem, 2)
    end
    return new(item)
  end
end

items.primary_key = constructor("primary_key")
items.unique = constructor("unique")
items.index = constructor("index")

-- exclude { { "room", "=" }, { "during", "&&" }, using = "gist" }
function items.exclude(given)
  if not check.is_plain_table(given) then
    error('exclude: must be written as exclude { { "column", "=" }, using = "gist" }, got ' .. check.describe(given), 2)
  end
  local item, problem = makers.exclude(given)
  if not item then
    error(problem, 2)
  end
  item.elements, item.columns = item.columns, nil
  return new(item)
end

-- foreign_key { "a", references = "o.id" }, or as in Alembic: ({ "a" }, { "o.id" }, { ondelete = "CASCADE" }).
local function foreign_key_arguments(args)
  if args.n <= 1 then
    return args[1]
  elseif args.n > 3 then
    return nil, ("foreign_key: takes 3 arguments, got %d"):format(args.n)
  elseif args[3] ~= nil and not check.is_plain_table(args[3]) then
    return nil, "foreign_key: argument 3 must be a table of options, got " .. check.describe(args[3])
  end
  local given = with(args[3] or {}, { columns = as_list(args[1]) })
  given.references = args[2]
  return given
end

local target_fields = { table = "name", column = "name", columns = "names", schema = "name" }

-- { "o.id" }, or { table = "o", columns = { "id" }, schema = "s" } for names with dots
local function take_referents(key)
  local given = key.references
  if type(given) == "string" or given[1] ~= nil then
    return add_referents(key, as_list(given), "foreign_key")
  end
  local problem = check.fields("foreign_key: references", target_fields, given)
  if problem then
    return problem
  elseif not given.table or (given.column == nil) == (given.columns == nil) then
    return "foreign_key: references by name needs table, and column or columns"
  end
  key.referent_table, key.referent_schema = given.table, given.schema
  key.referent_columns = given.columns or { given.column }
end

function items.foreign_key(...)
  local given, wrong = foreign_key_arguments(table.pack(...))
  if wrong then
    error(wrong, 2)
  elseif not check.is_plain_table(given) then
    error(
      'foreign_key: must be written as foreign_key { "column", references = "table.column" }, got '
        .. check.describe(given),
      2
    )
  end
  local item, problem = makers.foreign_key(given)
  if item and not item.references then
    problem = 'foreign_key: references = "table.column" is missing'
  end
  problem = problem or take_referents(item)
  if not problem and #item.referent_columns ~= #item.columns then
    problem = ("foreign_key: %d columns refer to %d"):format(#item.columns, #item.referent_columns)
  end
  if problem then
    error(problem, 2)
  end
  item.references = nil
  return new(item)
end

local check_signature = {
  name = "check",
  kind = "check",
  arguments = { { "condition", "expression" } },
  options = {
    name = "final_name",
    not_valid = "boolean",
    no_inherit = "boolean",
    on_conflict = "conflict",
    comment = "text",
  },
}

function items.check(...)
  local item, problem = check.call(check_signature, table.pack(...))
  if not item then
    error(problem, 2)
  end
  item.condition = tostring(item.condition)
  return new(item)
end

return items
