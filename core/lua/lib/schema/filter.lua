-- What of a database counts: not Moonbird's own tables, and what env.lua's include_name and include_object say. Names
-- are asked for what the database has, objects for both sides, as in Alembic. Called by command.lua.
--
--   include_name(kind, name, parents)   parents: { schema_name, table_name, schema_qualified_table_name }
--   include_object(kind, name, object, reflected, other)   reflected: from the database; other: its counterpart
--
-- Kinds: schema, table, column, index, unique_constraint, foreign_key_constraint, check_constraint, exclude_constraint,
-- view, enum, sequence.

local own_tables = require("moonbird.own_tables")

local filter = {}

local function qualified(table_)
  return table_.schema and table_.schema .. "." .. table_.name or table_.name
end

local function parents_of(part, table_)
  local parents = { schema_name = (table_ or part).schema }
  if table_ then
    parents.table_name, parents.schema_qualified_table_name = table_.name, qualified(table_)
  end
  return parents
end

local function kept(list, test)
  local result = {}
  for _, entry in ipairs(list) do
    result[#result + 1] = test(entry) and entry or nil
  end
  return result
end

local lists = {
  columns = "column",
  indexes = "index",
  uniques = "unique_constraint",
  foreign_keys = "foreign_key_constraint",
  checks = "check_constraint",
  excludes = "exclude_constraint",
}

local function keep_named_parts(table_, include_name)
  for list, kind in pairs(lists) do
    table_[list] = kept(table_[list], function(item)
      return include_name(kind, item.name, parents_of(item, table_))
    end)
  end
end

local function keep_named(schema, include_name)
  for list, kind in pairs({ tables = "table", views = "view", enums = "enum", sequences = "sequence" }) do
    schema[list] = kept(schema[list], function(part)
      local is_schema_in = include_name("schema", part.schema, {})
      return is_schema_in and include_name(kind, part.name, parents_of(part, kind == "table" and part or nil))
    end)
  end
  for _, table_ in ipairs(schema.tables) do
    keep_named_parts(table_, include_name)
  end
end

--- Does include_name leave a table with this name in?
function filter.includes_table(settings, name, schema)
  local include_name = settings.include_name
  if not include_name then
    return true
  end
  local table_ = { name = name, schema = schema }
  return include_name("schema", schema, {}) and include_name("table", name, parents_of(table_, table_)) or false
end

local function own_names(version_table)
  local own = { [version_table] = true }
  for _, name in pairs(own_tables) do
    own[name] = true
  end
  return own
end

--- Refuses models of Moonbird's own tables: they are never compared.
function filter.check_models(schema, version_table, version_schema)
  local own = own_names(version_table)
  for _, table_ in ipairs(schema.tables) do
    if own[table_.name] and table_.schema == version_schema then
      error(("%s: the table %s is Moonbird's own: models leave it out"):format(table_.where, table_.name), 0)
    end
  end
end

--- Takes out of the live schema what does not count by its name alone.
function filter.names(schema, settings, version_table, version_schema)
  local own = own_names(version_table)
  schema.tables = kept(schema.tables, function(table_)
    return not (own[table_.name] and version_schema == table_.schema)
  end)
  if settings.include_name then
    keep_named(schema, settings.include_name)
  end
  return schema
end

--- The test of objects for diff.compare.
function filter.objects(settings)
  local include_object = settings.include_object
  return function(kind, object, table_, reflected, other)
    if not include_object then
      return true
    end
    if table_ then
      object = setmetatable({ table = table_ }, { __index = object })
    end
    return include_object(kind, object.name, object, reflected or false, other) ~= false
  end
end

--- A schema without what include_object leaves out, for dump.
function filter.apply(schema, settings)
  local wanted = filter.objects(settings)
  for list, kind in pairs({ tables = "table", views = "view", enums = "enum", sequences = "sequence" }) do
    schema[list] = kept(schema[list], function(part)
      return wanted(kind, part, nil, true)
    end)
  end
  for _, table_ in ipairs(schema.tables) do
    for list, kind in pairs(lists) do
      table_[list] = kept(table_[list], function(item)
        return wanted(kind, item, table_, true)
      end)
    end
  end
  return schema
end

return filter
