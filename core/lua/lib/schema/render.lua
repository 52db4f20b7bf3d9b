-- Changes as the Lua of a revision: the bodies of upgrade() and downgrade(), as a person would write them. Called by
-- command.lua; pure.

local naming = require("moonbird.naming")
local reference = require("moonbird.reference")
local source = require("moonbird.schema.source")
local sql = require("moonbird.sql")
local text = require("moonbird.schema.text")

local render = {}

-- --- one operation ---

-- The arguments by position of each kind, then the options in the order in which they are written, then those that
-- only one database has.
local rows = {
  drop_table = { {}, {} },
  rename_table = { { "new_name" }, {} },
  drop_column = { { "column" }, {} },
  alter_column = {
    { "column" },
    {
      "new_column_name",
      "type_",
      "postgresql_using",
      "nullable",
      "server_default",
      "computed",
      "identity",
      "existing_identity",
      "comment",
    },
    { "on_conflict_not_null" },
  },
  create_index = {
    { "name", "table", "columns" },
    { "unique", "where", "using", "include", "ops", "with", "tablespace", "nulls_not_distinct", "comment" },
  },
  drop_index = { { "name", "table" }, {} },
  create_primary_key = {
    { "name", "table", "columns" },
    { "include", "deferrable", "initially", "comment" },
    { "on_conflict" },
  },
  create_unique_constraint = {
    { "name", "table", "columns" },
    { "include", "nulls_not_distinct", "deferrable", "initially", "comment" },
    { "on_conflict" },
  },
  create_check_constraint = {
    { "name", "table", "condition" },
    { "not_valid", "no_inherit", "comment" },
    { "on_conflict" },
  },
  create_foreign_key = {
    { "name", "table", "referent_table", "columns", "referent_columns" },
    {
      "source_schema",
      "referent_schema",
      "onupdate",
      "ondelete",
      "deferrable",
      "initially",
      "match",
      "not_valid",
      "comment",
    },
  },
  create_exclude_constraint = {
    { "name", "table", "elements" },
    { "using", "ops", "where", "deferrable", "initially", "comment" },
  },
  drop_constraint = { { "name", "table" }, { "type_", "columns", "condition" } },
  validate_constraint = { { "name", "table" }, {} },
  create_index_comment = { { "name", "table", "comment" }, {} },
  drop_index_comment = { { "name", "table" }, {} },
  create_constraint_comment = { { "name", "table", "comment" }, {} },
  drop_constraint_comment = { { "name", "table" }, {} },
  create_table_comment = { { "table", "comment" }, {} },
  drop_table_comment = { { "table" }, {} },
  create_schema = { { "name" }, {} },
  drop_schema = { { "name" }, {} },
  rename_enum = { { "name", "new_name" }, {} },
  create_enum = { { "name", "values" }, { "comment" } },
  drop_enum = { { "name" }, {} },
  create_enum_comment = { { "name", "comment" }, {} },
  drop_enum_comment = { { "name" }, {} },
  alter_enum = { { "name", "values" }, {} },
  add_enum_value = { { "name", "value" }, { "before", "after" } },
  create_sequence = {
    { "name" },
    { "type_", "start", "increment", "minvalue", "maxvalue", "cycle", "cache", "owned_by", "comment" },
  },
  alter_sequence = {
    { "name" },
    { "type_", "start", "increment", "minvalue", "maxvalue", "cycle", "cache", "owned_by", "comment" },
  },
  drop_sequence = { { "name" }, {} },
  create_view = { { "name", "definition" }, { "columns", "materialized", "comment" } },
  drop_view = { { "name" }, { "materialized" } },
  create_view_comment = { { "name", "comment" }, { "materialized" } },
  drop_view_comment = { { "name" }, { "materialized" } },
  execute = { { "text" }, {} },
}

for _, kind in ipairs({ "drop_table", "rename_table", "drop_column", "alter_column" }) do
  table.insert(rows[kind][1], 1, "table")
end

local function value_node(operation, name, style)
  local value = operation[name]
  if name == "name" and naming.changes_name(operation, style.convention) then
    return text.node(sql.final(value))
  elseif name == "type_" and type(value) == "table" then
    return text.type(value, style)
  elseif name == "owned_by" and type(value) == "table" and value.table then
    return text.place(value)
  elseif name == "computed" and value ~= sql.null then
    return text.computed(value)
  elseif value == nil then
    return "nil"
  end
  return text.node(value)
end

local special = {}

function special.create_table(operation, style)
  local table_ = operation.definition
  if style.dialect.names_constraints then
    table_ = text.without_usual_names(table_, style.dialect, operation.later)
  end
  local items = source.list(text.table_items(table_, operation.later, style.dialect, style), true)
  return { source.string(table_.name), items }, text.table_options(table_, style.dialect)
end

function special.add_column(operation, style)
  local arguments = { text.column(operation.column, {}, style) }
  if not style.batch then
    table.insert(arguments, 1, source.string(operation.table))
  end
  return arguments, style.batch and text.fields({}, operation, { "insert_after" }) or {}
end

local function arguments_of(operation, style)
  if special[operation.kind] then
    return special[operation.kind](operation, style)
  end
  local row, arguments, options = rows[operation.kind], {}, {}
  for _, name in ipairs(row[1]) do
    if not (style.batch and name == "table") then
      arguments[#arguments + 1] = value_node(operation, name, style)
    end
  end
  for _, name in ipairs(row[2]) do
    if operation[name] ~= nil then
      options[#options + 1] = source.field(name, value_node(operation, name, style))
    end
  end
  text.own_fields(options, operation, row[3] or {}, style)
  return arguments, options
end

local has_own_schema = { create_table = true, execute = true, create_foreign_key = true }

local function operation_node(operation, style)
  local arguments, options = arguments_of(operation, style)
  local schema = not style.batch and operation.schema
  if schema and operation.kind == "create_foreign_key" then
    table.insert(options, 1, source.field("source_schema", source.string(schema)))
  elseif schema and not has_own_schema[operation.kind] then
    table.insert(options, 1, source.field("schema", source.string(schema)))
  end
  return text.call_with_options((style.batch and "batch." or "op.") .. operation.kind, arguments, options)
end

-- --- values of enums that are used at once ---

-- Is the word part of one of the strings in `value`? `seen` has the tables that are known.
local function mentions(value, word, seen)
  if type(value) == "string" then
    return value:find(word, 1, true) ~= nil
  elseif type(value) ~= "table" or seen[value] then
    return false
  end
  seen[value] = true
  for _, part in pairs(value) do
    if mentions(part, word, seen) then
      return true
    end
  end
  return false
end

-- A value that comes new can be used only after a commit.
local function is_used_at_once(operation, entries)
  for _, entry in ipairs(entries) do
    if entry.operation.kind ~= "add_enum_value" and mentions(entry.operation, operation.value, {}) then
      return true
    end
  end
  return false
end

-- --- a body ---

local function add_operation(lines, entry, style, indent)
  for _, review in ipairs(entry.review) do
    lines[#lines + 1] = indent .. "-- review: " .. review:gsub("%c", " ")
  end
  lines[#lines + 1] = indent .. source.text(operation_node(entry.operation, style), indent)
end

local function is_index(operation)
  return operation.kind == "create_index" or operation.kind == "drop_index"
end

-- Operations on one table that stand together are one rebuild where tables are altered by copying them; renames and
-- what makes or takes a whole table are not among them.
local apart = { rename_table = true, create_table = true, drop_table = true, execute = true }

local function batch_key(operation, dialect)
  local is_apart = apart[operation.kind] or not operation.table or operation.new_column_name
  if not dialect.alters_by_copy or is_apart then
    return nil
  end
  return (operation.schema or "") .. "\0" .. operation.table
end

-- What stands together: the changes of a batch, the values that are committed first.
local function group_key(entry, entries, dialect)
  if entry.operation.kind == "add_enum_value" then
    return is_used_at_once(entry.operation, entries) and "committed" or nil
  end
  return batch_key(entry.operation, dialect)
end

local function groups_of(entries, dialect)
  local groups = {}
  for _, entry in ipairs(entries) do
    local key, last = group_key(entry, entries, dialect), groups[#groups]
    if key and last and last.key == key then
      table.insert(last, entry)
    else
      groups[#groups + 1] = { entry, key = key }
    end
  end
  return groups
end

local function add_committed(lines, group, style)
  lines[#lines + 1] = "  -- a new value can be used only after a commit: the block commits each call by itself"
  lines[#lines + 1] = "  op.autocommit_block(function()"
  for _, entry in ipairs(group) do
    add_operation(lines, entry, style, "    ")
  end
  lines[#lines + 1] = "  end)"
end

-- Is the group worth a batch? Indexes alone are made and dropped without a copy; a column has a place in a copy only.
local function is_batch(group)
  local copying = 0
  for _, entry in ipairs(group) do
    copying = copying + (is_index(entry.operation) and 0 or 1)
  end
  local first = group[1].operation
  return copying > 0 and (#group > 1 or first.kind == "table_options" or first.insert_after ~= nil)
end

local function batch_options(group)
  local operation, options = group[1].operation, {}
  text.fields(options, operation, { "schema" })
  for _, entry in ipairs(group) do
    if entry.operation.kind == "table_options" then
      options[#options + 1] = source.field("recreate", source.string("always"))
      options[#options + 1] = source.field("table_kwargs", text.node(entry.operation.options))
    end
  end
  return options
end

local function add_batch(lines, group, style)
  local inner = setmetatable({ batch = true }, { __index = style })
  lines[#lines + 1] = ("  op.batch_alter_table(%s, function(batch)"):format(source.string(group[1].operation.table))
  for _, entry in ipairs(group) do
    if entry.operation.kind ~= "table_options" then
      add_operation(lines, entry, inner, "    ")
    end
  end
  local options = batch_options(group)
  local tail = #options > 0 and ", " .. source.text(source.list(options), "  ") or ""
  lines[#lines + 1] = "  end" .. tail .. ")"
end

-- What a group is about: a blank line stands between two subjects, and around what takes several lines.
local function subject(group)
  local operation = group[1].operation
  return (operation.schema or "") .. "\0" .. (operation.table or operation.name or "")
end

--- The body of a function from { operation, review } entries: Lua text, indented by two blanks.
function render.body(entries, dialect)
  local style = { dialect = dialect, enums_exist = dialect.schema_parts.enums, convention = naming.convention() }
  local lines, last = {}, nil
  for _, group in ipairs(groups_of(entries, dialect)) do
    local block = {}
    if group.key == "committed" then
      add_committed(block, group, style)
    elseif is_batch(group) then
      add_batch(block, group, style)
    else
      for _, entry in ipairs(group) do
        add_operation(block, entry, style, "  ")
      end
    end
    local body = table.concat(block, "\n")
    local is_tall = body:find("\n", 1, true) ~= nil
    local is_apart = last and last.subject ~= subject(group) and last.kind ~= group[1].operation.kind
    if last and (is_tall or last.is_tall or is_apart) then
      lines[#lines + 1] = ""
    end
    lines[#lines + 1] = body
    last = { is_tall = is_tall, subject = subject(group), kind = group[1].operation.kind }
  end
  return table.concat(lines, "\n")
end

-- --- a revision ---

local function append(entries, operations, reviews)
  for index, operation in ipairs(operations) do
    entries[#entries + 1] = { operation = operation, review = index == #operations and reviews or {} }
  end
end

--- Both directions of a list of changes: entries for render.body.
function render.directions(changes)
  local up, down = {}, {}
  for index, change in ipairs(changes) do
    append(up, change.up, change.review_up)
    local back = changes[#changes + 1 - index]
    append(down, back.down, back.review_down)
  end
  return up, down
end

--- { kind = "create_index", name = "ix", ... } as JSON can have it.
function render.data(operation)
  local result = {}
  for key, value in pairs(operation) do
    if sql.is(value) then
      result[key] = value[1]
    elseif key == "type_" or key == "type" then
      result[key] = tostring(value)
    elseif key == "owned_by" and type(value) == "table" and value.table then
      result[key] = reference.text(value) or { schema = value.schema, table = value.table, column = value.column }
    elseif type(value) ~= "table" then
      result[key] = value
    elseif #value > 0 then
      local list = {}
      for index, entry in ipairs(value) do
        list[index] = type(entry) == "table" and (sql.is(entry) and entry[1] or tostring(entry)) or entry
      end
      result[key] = list
    end
  end
  result.column = type(operation.column) == "table" and operation.column.name or operation.column
  return result
end

return render
