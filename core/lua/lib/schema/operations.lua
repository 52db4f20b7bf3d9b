-- The operations of op.* that make or take away one thing of a schema, as data: a flat table with `kind` and what the
-- call is given. Pure. Called by difference.lua and diff.lua.

local operations = {}

local creators = {
  primary_key = "create_primary_key",
  unique = "create_unique_constraint",
  foreign_key = "create_foreign_key",
  check = "create_check_constraint",
  exclude = "create_exclude_constraint",
  index = "create_index",
}

local drop_words = {
  primary_key = "primary",
  unique = "unique",
  foreign_key = "foreignkey",
  check = "check",
  exclude = "exclude",
}

-- What only the catalog, or only the models, say.
local unsaid = { kind = true, name = true, invalid = true, has_made_name = true, shown = true }

--- An item as it is written: its texts may be compared in other words (texts.lua).
function operations.shown(item)
  return item.shown and operations.with_name(item.shown, item.name) or item
end

--- A copy of an item under this name (nil: none). Its fields are its own, since operations are made of all of them.
function operations.with_name(item, name)
  local copy = {}
  for key, value in pairs(item) do
    copy[key] = value
  end
  copy.name = name
  return copy
end

--- create_index(...) or create_..._constraint(...) for an item of a table.
function operations.create_item(table_, item)
  local operation = { kind = creators[item.kind], name = item.name, table = table_.name, schema = table_.schema }
  for key, value in pairs(item.shown or item) do
    if not unsaid[key] then
      operation[key] = value
    end
  end
  return operation
end

--- What takes it away. A constraint without a name is known by what it says.
function operations.drop_item(table_, item)
  if item.kind == "index" then
    return { kind = "drop_index", name = item.name, table = table_.name, schema = table_.schema }
  end
  return {
    kind = "drop_constraint",
    name = item.name,
    table = table_.name,
    schema = table_.schema,
    type_ = drop_words[item.kind],
    columns = not item.name and item.columns or nil,
    condition = not item.name and item.condition or nil,
  }
end

--- What looks at the rows that a constraint which is not valid passed over.
function operations.validate_item(table_, item)
  return { kind = "validate_constraint", name = item.name, table = table_.name, schema = table_.schema }
end

function operations.add_column(table_, column)
  return { kind = "add_column", table = table_.name, schema = table_.schema, column = column }
end

function operations.drop_column(table_, column)
  return { kind = "drop_column", table = table_.name, schema = table_.schema, column = column.name }
end

--- create_table with all items but the foreign keys in `later`.
function operations.create_table(table_, later)
  local operation = { kind = "create_table", table = table_.name, schema = table_.schema }
  operation.definition, operation.later = table_, later or {}
  return operation
end

function operations.drop_table(table_)
  return { kind = "drop_table", table = table_.name, schema = table_.schema }
end

--- What sets the comment of an item, or takes it away (nil).
function operations.item_comment(table_, item, comment)
  local kind = (comment and "create_" or "drop_") .. (item.kind == "index" and "index" or "constraint") .. "_comment"
  return { kind = kind, name = item.name, table = table_.name, schema = table_.schema, comment = comment }
end

function operations.table_comment(table_, comment)
  if comment == nil then
    return { kind = "drop_table_comment", table = table_.name, schema = table_.schema }
  end
  return { kind = "create_table_comment", table = table_.name, schema = table_.schema, comment = comment }
end

return operations
