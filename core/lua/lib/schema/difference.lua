-- What differs between one table of the models and the same one in the database: a list of changes, each with its
-- operations in both directions. Pure. Called by diff.lua, which puts the changes of all tables in order.
--
-- A change: { phase, table, messages, up, down, review_up, review_down }; phases are steps of order.lua.

local columns = require("moonbird.schema.columns")
local expression = require("moonbird.schema.expression")
local match = require("moonbird.schema.match")
local operations = require("moonbird.schema.operations")
local sql = require("moonbird.sql")

local difference = {}

local function new_change(comparison, phase, message)
  local change = {
    phase = phase,
    table = comparison.model,
    messages = { message },
    up = {},
    down = {},
    review_up = {},
    review_down = {},
  }
  table.insert(comparison.changes, change)
  return change
end

function difference.place(table_)
  return (table_.schema and table_.schema .. "." or "") .. table_.name
end

-- --- items: constraints and indexes ---

local lists = { "uniques", "checks", "excludes", "indexes", "foreign_keys" }
local words = {
  unique = "unique constraint",
  check = "check constraint",
  exclude = "exclude constraint",
  index = "index",
  primary_key = "primary key",
}

local function element_names(item)
  local names = {}
  for index, element in ipairs(item.columns or {}) do
    names[index] = "'" .. (sql.is(element) and element[1] or element) .. "'"
  end
  return table.concat(names, ", ")
end

-- Alembic's words: "added index 'ix' on '('a', 'b')'", "added foreign key (b)(id) on table t"
local function item_message(verb, table_, item)
  local place = difference.place(table_)
  if item.kind == "foreign_key" then
    local format = "Detected %s foreign key (%s)(%s) on table %s"
    return format:format(verb, table.concat(item.columns, ", "), table.concat(item.referent_columns, ", "), place)
  elseif item.kind == "index" and verb == "added" then
    return ("Detected added index '%s' on '(%s)'"):format(item.name, element_names(item))
  elseif item.name then
    return ("Detected %s %s '%s' on '%s'"):format(verb, words[item.kind], item.name, place)
  end
  local what = item.condition and sql.text(item.condition) or element_names(item)
  return ("Detected %s %s (%s) on '%s'"):format(verb, words[item.kind], what, place)
end

-- A constraint that is added must have a name, or it could not be taken away again.
local function named(comparison, item)
  if item.name then
    return item
  end
  local name = comparison.dialect:constraint_name_of(comparison.model, item, comparison.names)
  comparison.names[name] = true
  return operations.with_name(item, name)
end

local function is_key(item)
  return item.kind == "foreign_key"
end

local function add_item(comparison, item, message)
  item = named(comparison, item)
  local change = new_change(comparison, is_key(item) and "create_key" or "create_item", message)
  change.up = { operations.create_item(comparison.model, item) }
  change.down = { operations.drop_item(comparison.model, item) }
  change.item = item
end

local function remove_item(comparison, item, message)
  local change = new_change(comparison, is_key(item) and "drop_key" or "drop_item", message)
  change.up = { operations.drop_item(comparison.model, item) }
  change.down = { operations.create_item(comparison.model, item) }
  change.item = item
end

local function replace_item(comparison, model, live, message)
  remove_item(comparison, live, message)
  add_item(comparison, operations.with_name(model, model.name or live.name), nil)
end

-- What was NOT VALID becomes valid in place; the way back is a new constraint.
local function validate_item(comparison, live, message)
  local change = new_change(comparison, is_key(live) and "create_key" or "create_item", message)
  change.up = { operations.validate_item(comparison.model, live) }
  change.down = { operations.drop_item(comparison.model, live), operations.create_item(comparison.model, live) }
  change.review_up = { ("every row of %s must satisfy %s"):format(difference.place(comparison.model), live.name) }
  change.item = live
end

local function wanted(comparison, kind, item, reflected, other)
  return comparison.filter(kind, item, comparison.model, reflected, other)
end

local filter_words = {
  uniques = "unique_constraint",
  checks = "check_constraint",
  excludes = "exclude_constraint",
  indexes = "index",
  foreign_keys = "foreign_key_constraint",
}

-- The comment of a constraint or an index that stays. Foreign keys may go and come back around what stands by table.
local function compare_item_comment(comparison, model, live)
  if model.comment == live.comment or not comparison.dialect.schema_parts.comments then
    return
  end
  local format = "Detected %s comment '%s' on '%s'"
  local place = difference.place(comparison.model)
  local message = format:format(is_key(live) and "foreign key" or words[live.kind], live.name, place)
  local change = new_change(comparison, is_key(live) and "remark" or "comment", message)
  change.up = { operations.item_comment(comparison.model, live, model.comment) }
  change.down = { operations.item_comment(comparison.model, live, live.comment) }
end

local function compare_items(comparison, list)
  local kind = filter_words[list]
  local added, removed, changed, kept = match.lists(comparison.model[list], comparison.live[list], comparison.dialect)
  for _, item in ipairs(added) do
    if wanted(comparison, kind, item, false) then
      add_item(comparison, item, item_message("added", comparison.model, item))
    end
  end
  for _, item in ipairs(removed) do
    if wanted(comparison, kind, item, true) then
      remove_item(comparison, item, item_message("removed", comparison.model, item))
    end
  end
  for _, pair in ipairs(kept) do
    if wanted(comparison, kind, pair[1], false, pair[2]) then
      compare_item_comment(comparison, pair[1], pair[2])
    end
  end
  for _, pair in ipairs(changed) do
    local model, live = pair[1], pair[2]
    if wanted(comparison, kind, model, false, live) then
      local message = item_message("changed", comparison.model, live)
      if match.is_validated(model, live, comparison.dialect) then
        validate_item(comparison, live, message)
        compare_item_comment(comparison, model, live)
      else
        replace_item(comparison, model, live, message)
      end
    end
  end
end

local function compare_primary(comparison)
  local model, live = comparison.model.primary_key, comparison.live.primary_key
  local is_renamed = model and live and model.name and live.name and model.name ~= live.name
  if model and live and not is_renamed and match.same(model, live, comparison.dialect) then
    compare_item_comment(comparison, model, live)
    return
  end
  local verb = not live and "added" or not model and "removed" or "changed"
  local message = ("Detected %s primary key on '%s'"):format(verb, difference.place(comparison.model))
  if live then
    remove_item(comparison, live, message)
  end
  if model then
    add_item(comparison, operations.with_name(model, model.name or live and live.name), not live and message or nil)
  end
end

-- --- columns ---

local function by_name(list)
  local map = {}
  for _, entry in ipairs(list) do
    map[entry.name] = entry
  end
  return map
end

local function needs_value(column)
  return not column.nullable
    and column.server_default == nil
    and not (column.computed or column.identity or column.numbered or column.serial)
end

local function value_review(table_, column)
  local format = "NOT NULL without a default: the table %s must be empty, or give it a server_default"
  return needs_value(column) and { format:format(difference.place(table_)) } or {}
end

local function column_message(verb, table_, column)
  return ("Detected %s column '%s.%s'"):format(verb, difference.place(table_), column.name)
end

-- What is computed comes after the columns that it is computed from.
local function add_column(comparison, column, message)
  local change = new_change(comparison, column.computed and "add_computed" or "add_column", message)
  change.up = { operations.add_column(comparison.model, column) }
  change.down = { operations.drop_column(comparison.model, column) }
  change.review_up = value_review(comparison.model, column)
  change.column = column
end

local function remove_column(comparison, column, message, after)
  local change = new_change(comparison, column.computed and "drop_computed" or "drop_column", message)
  change.up = { operations.drop_column(comparison.model, column) }
  local back = operations.add_column(comparison.model, column)
  back.insert_after = comparison.dialect.alters_by_copy and after or nil
  change.down = { back }
  if not column.computed then
    local place = difference.place(comparison.model) .. "." .. column.name
    change.review_up = { columns.lost_values(place) .. (column.could_be or "") }
  end
  change.review_down = value_review(comparison.model, column)
  change.column = column
  return change
end

local function mentions(text, names)
  for _, token in ipairs(expression.tokens(text)) do
    if names[token] or names[token:match('^"(.*)"$') or 0] then
      return true
    end
  end
  return false
end

local function replace_column(comparison, model, live)
  local change = remove_column(comparison, live, column_message("changed", comparison.model, live))
  if live.computed and not model.computed then
    change.review_up = { columns.lost_values(difference.place(comparison.model) .. "." .. live.name) }
  end
  add_column(comparison, model, nil)
end

-- serial is a default and a sequence of its own.
local function compare_serial(comparison, model, live)
  if columns.same_numbering(model, live) or not (model.serial or live.serial) then
    return
  end
  local change = new_change(
    comparison,
    "alter_column",
    ("Detected identity change on column '%s.%s'"):format(difference.place(comparison.model), model.name)
  )
  change.up, change.down = comparison.dialect:serial_change(comparison.model, model, live)
  change.review_up = { ("set the counter of %s past the numbers that are there"):format(model.name) }
  change.review_down = change.review_up
end

local function compare_column(comparison, model, live)
  if not comparison.dialect.alters_by_copy and columns.computed_differs(model, live, comparison.dialect) then
    replace_column(comparison, model, live)
    return
  end
  compare_serial(comparison, model, live)
  local found = columns.compare(comparison.model, model, live, comparison.dialect)
  if found then
    local change = new_change(comparison, "alter_column")
    change.messages, change.up, change.down = found.messages, found.up, found.down
    change.review_up, change.review_down = found.review_up, found.review_down
    comparison.moved[model.name] = found.changes_type or nil
  end
end

--- Is the column computed from one of these columns, or one of them itself?
function difference.is_computed_from(column, names)
  return column.computed and (names[column.name] or mentions(column.computed.sql, names)) and true or false
end

-- A computed column stands in the way of its columns' new types, unless the table is copied.
local function replace_dependents(comparison, model_columns, live_columns)
  if comparison.dialect.alters_by_copy then
    return
  end
  for name, live in pairs(live_columns) do
    local model = model_columns[name]
    local is_same = model and live.computed and not columns.computed_differs(model, live, comparison.dialect)
    local is_in_the_way = mentions(live.computed and live.computed.sql or "", comparison.moved)
    if is_same and (is_in_the_way or difference.is_computed_from(live, comparison.remade)) then
      replace_column(comparison, model, live)
    end
  end
end

local function compare_columns(comparison)
  local model_columns, live_columns = by_name(comparison.model.columns), by_name(comparison.live.columns)
  for _, model in ipairs(comparison.model.columns) do
    local live = live_columns[model.name]
    if not wanted(comparison, "column", model, false, live) then
      comparison.ignored[model.name] = true
    elseif live then
      compare_column(comparison, model, live)
    else
      add_column(comparison, model, column_message("added", comparison.model, model))
    end
  end
  -- from the last to the first: the way back adds each after the one before it, at the end without a word
  local is_last = true
  for index = #comparison.live.columns, 1, -1 do
    local live, after = comparison.live.columns[index], comparison.live.columns[index - 1]
    if not model_columns[live.name] and wanted(comparison, "column", live, true) then
      local message = column_message("removed", comparison.model, live)
      remove_column(comparison, live, message, not is_last and after and after.name or nil)
      comparison.gone[live.name] = true
    else
      is_last = false
    end
  end
  replace_dependents(comparison, model_columns, live_columns)
end

-- --- the table itself ---

local function compare_comment(comparison)
  local model, live = comparison.model, comparison.live
  if model.comment == live.comment or not comparison.dialect.schema_parts.comments then
    return
  end
  local change = new_change(comparison, "comment", ("Detected table comment '%s'"):format(difference.place(model)))
  change.up = { operations.table_comment(model, model.comment) }
  change.down = { operations.table_comment(model, live.comment) }
end

local function same_option(a, b)
  if type(a) == "table" and type(b) == "table" and not sql.is(a) then
    return match.same_map(a, b)
  end
  return a == b
end

-- What is not said is false, or what the database does then.
local function option_value(options, name, dialect)
  local value = options[name]
  if value == nil then
    value = dialect.option_defaults[name]
  end
  return value or false
end

local function compare_options(comparison)
  local model, live, dialect = comparison.model.options, comparison.live.options, comparison.dialect
  local names = {}
  for _, options in ipairs({ model, live }) do
    for name in pairs(options) do
      names[name] = true
    end
  end
  local up, down, is_different = {}, {}, false
  for name in pairs(names) do
    local new, old = option_value(model, name, dialect), option_value(live, name, dialect)
    if not same_option(new, old) then
      up[name], down[name], is_different = new, old, true
    end
  end
  if not is_different then
    return
  end
  local message = ("Detected changed options of table '%s'"):format(difference.place(comparison.model))
  local change = new_change(comparison, "options", message)
  change.up, change.down, change.fixed = dialect:option_changes(comparison.model, up, down)
end

--- Does an item have one of these columns?
function difference.touches(item, names)
  for _, element in ipairs(item.columns or {}) do
    if sql.is(element) and mentions(element[1], names) or names[element] then
      return true
    end
  end
  local condition = item.condition or item.where
  return condition ~= nil and mentions(sql.text(condition), names)
end

--- Constraints and indexes of a table that have one of these columns.
function difference.items_on(table_, names)
  local found = {}
  for _, list in ipairs(lists) do
    for _, item in ipairs(table_[list]) do
      found[#found + 1] = difference.touches(item, names) and item or nil
    end
  end
  return found
end

-- A constraint or index on a column that goes and comes back goes and comes back with it.
local function replace_touched(comparison)
  local replaced = {}
  for _, change in ipairs(comparison.changes) do
    if change.phase == "drop_computed" and change.column and not comparison.gone[change.column.name] then
      replaced[change.column.name] = true
    end
  end
  if next(replaced) == nil then
    return
  end
  local done = {}
  for _, change in ipairs(comparison.changes) do
    done[change.item or 0] = true
  end
  for _, item in ipairs(difference.items_on(comparison.live, replaced)) do
    if not done[item] then
      replace_item(comparison, item, item, nil)
    end
  end
end

local function used_names(table_)
  local names = {}
  for _, list in ipairs(lists) do
    for _, item in ipairs(table_[list]) do
      names[item.name or 0] = true
    end
  end
  return names
end

--- The changes of the indexes of a view that stays.
function difference.compare_indexes(model, live, dialect, filter)
  local comparison = { model = model, live = live, dialect = dialect, filter = filter, changes = {}, names = {} }
  compare_items(comparison, "indexes")
  return comparison.changes
end

--- The changes from the live table to the model's. `filter(kind, item, table, reflected, other)` says what counts;
--- `remade` has the columns whose enum is made anew. The second value has the columns whose type changes and those that
--- go.
function difference.compare(model, live, dialect, filter, remade)
  local comparison = {
    model = model,
    live = live,
    dialect = dialect,
    filter = filter,
    changes = {},
    moved = {},
    remade = remade,
    gone = {},
    ignored = {},
    names = used_names(live),
  }
  compare_columns(comparison)
  compare_primary(comparison)
  for _, list in ipairs(lists) do
    compare_items(comparison, list)
  end
  replace_touched(comparison)
  compare_comment(comparison)
  compare_options(comparison)
  return comparison.changes, comparison.moved, comparison.gone
end

return difference
