-- What differs between the models and a database: a list of changes in the order in which they can be made, each with
-- its operations in both directions. Pure: both schemas are data, texts are compared by the dialect. Called by
-- command.lua.

local changes = require("moonbird.schema.changes")
local difference = require("moonbird.schema.difference")
local enums = require("moonbird.schema.enums")
local operations = require("moonbird.schema.operations")
local order = require("moonbird.schema.order")
local places = require("moonbird.schema.places")
local sequences = require("moonbird.schema.sequences")
local views = require("moonbird.schema.views")

local diff = {}

local add, each_pair, key_of = changes.add, changes.each_pair, changes.key_of

-- --- renames ---

local function add_renames(state, renames)
  for _, rename in ipairs(renames) do
    local place = (rename.schema and rename.schema .. "." or "") .. rename.table
    if rename.kind == "table" then
      add(state, "rename", ("Detected renamed table '%s' to '%s'"):format(place, rename.new_name), {
        up = { { kind = "rename_table", table = rename.table, schema = rename.schema, new_name = rename.new_name } },
        down = { { kind = "rename_table", table = rename.new_name, schema = rename.schema, new_name = rename.table } },
      })
    else
      local function alter(from, to)
        local operation = { kind = "alter_column", table = rename.table, schema = rename.schema, column = from }
        operation.new_column_name = to
        return operation
      end
      add(state, "rename", ("Detected renamed column '%s.%s' to '%s'"):format(place, rename.column, rename.new_name), {
        up = { alter(rename.column, rename.new_name) },
        down = { alter(rename.new_name, rename.column) },
      })
    end
  end
end

-- --- tables ---

local function create_keys(table_, keys, dialect, names)
  local ups, downs = {}, {}
  for _, key in ipairs(table_.foreign_keys) do
    if keys[key] then
      local item = operations.with_name(key, key.name or dialect:constraint_name_of(table_, key, names))
      names[item.name] = true
      ups[#ups + 1] = operations.create_item(table_, item)
      table.insert(downs, 1, operations.drop_item(table_, item))
    end
  end
  return ups, downs
end

-- Where a key may lead to a table that is not there yet, all keys stand in their tables.
local function later_keys(state, later, table_)
  return not state.dialect.alters_by_copy and later[table_] or nil
end

local function add_tables(state, tables)
  local list, later = order.tables(tables)
  for _, table_ in ipairs(list) do
    local keys = later_keys(state, later, table_)
    add(state, "create_table", ("Detected added table '%s'"):format(difference.place(table_)), {
      table = table_,
      up = { operations.create_table(table_, keys) },
      down = { operations.drop_table(table_) },
    })
    if keys then
      local ups, downs = create_keys(table_, keys, state.dialect, {})
      add(state, "create_key", nil, { table = table_, up = ups, down = downs })
    end
  end
end

local function remove_tables(state, tables)
  local list, later = order.tables(tables)
  for index = #list, 1, -1 do
    local table_ = list[index]
    local keys = later_keys(state, later, table_)
    if keys then
      local ups, downs = create_keys(table_, keys, state.dialect, {})
      add(state, "drop_key", nil, { table = table_, up = downs, down = ups })
    end
    add(state, "drop_table", ("Detected removed table '%s'"):format(difference.place(table_)), {
      table = table_,
      up = { operations.drop_table(table_) },
      down = { operations.create_table(table_, keys) },
      review_up = { ("all rows of %s are lost"):format(difference.place(table_)) },
    })
  end
end

local function compare_tables(state)
  local added, removed = {}, {}
  each_pair(state.model.tables, state.live.tables, function(model, live)
    if not state.filter("table", model or live, nil, model == nil, model and live) then
      return
    elseif not live then
      added[#added + 1] = model
    elseif not model then
      removed[#removed + 1] = live
    else
      local found, moved, gone = difference.compare(model, live, state.dialect, state.filter)
      table.move(found, 1, #found, #state.changes + 1, state.changes)
      state.moved[key_of(model)], state.gone[key_of(model)] = moved, gone
    end
  end)
  add_tables(state, added)
  remove_tables(state, removed)
end

-- --- foreign keys in the way of other changes ---

local function changed_items(state)
  local items = {}
  for _, change in ipairs(state.changes) do
    items[change.item or 0] = true
  end
  return items
end

local function is_referred_to(item)
  return item.kind == "unique" or item.kind == "primary_key" or item.unique
end

-- The columns of keys that go: table key -> list of column lists.
local function dropped_keys(state)
  local dropped = {}
  for _, change in ipairs(state.changes) do
    local item = change.item
    if change.phase == "drop_item" and item and is_referred_to(item) then
      local key = key_of(change.table)
      dropped[key] = dropped[key] or {}
      table.insert(dropped[key], item.columns)
    end
  end
  return dropped
end

local function same_names(a, b)
  if #a ~= #b then
    return false
  end
  local set = {}
  for _, name in ipairs(a) do
    set[name] = true
  end
  for _, name in ipairs(b) do
    if not set[name] then
      return false
    end
  end
  return true
end

local function any_moved(columns, moved)
  for _, name in ipairs(columns) do
    if moved and moved[name] then
      return true
    end
  end
  return false
end

local function is_in_the_way(state, table_, key, dropped)
  local referent = (key.referent_schema or "") .. "\0" .. key.referent_table
  for _, columns in ipairs(dropped[referent] or {}) do
    if same_names(columns, key.referent_columns) then
      return true
    end
  end
  return any_moved(key.columns, state.moved[key_of(table_)])
    and any_moved(key.referent_columns, state.moved[referent])
end

-- A foreign key that stays the same goes and comes back where the key that it leads to is changed.
local function replace_keys_in_the_way(state)
  local known, dropped = changed_items(state), dropped_keys(state)
  each_pair(state.model.tables, state.live.tables, function(model, live)
    for _, key in ipairs(model and live and live.foreign_keys or {}) do
      if not known[key] and is_in_the_way(state, live, key, dropped) then
        local create, drop = operations.create_item(model, key), operations.drop_item(model, key)
        add(state, "drop_key", nil, { table = model, up = { drop }, down = { create } })
        add(state, "create_key", nil, { table = model, up = { create }, down = { drop } })
      end
    end
  end)
end

-- --- the whole ---

local function accept_all()
  return true
end

--- The changes from `live` to `model`. options: filter(kind, object, table, reflected, other), renames (already applied
--- to `live`).
function diff.compare(model, live, dialect, options)
  options = options or {}
  local state = {
    model = model,
    live = live,
    dialect = dialect,
    filter = options.filter or accept_all,
    changes = {},
    moved = {},
    gone = {},
    replaced = {},
    remade = {},
    remade_back = {},
    dropped_tables = {},
  }
  local parts = dialect.schema_parts
  add_renames(state, options.renames or {})
  if parts.schemas then
    places.compare(state)
  end
  if parts.sequences then
    sequences.compare(state)
  end
  if parts.enums then
    enums.compare(state)
  end
  compare_tables(state)
  enums.make_room(state)
  if not dialect.alters_by_copy then
    replace_keys_in_the_way(state)
  end
  if parts.views then
    views.compare(state)
  end
  return order.changes(state.changes, dialect.alters_by_copy)
end

--- The lines of the log, in the order of the changes.
function diff.messages(found)
  local list = {}
  for _, change in ipairs(found) do
    for _, message in ipairs(change.messages) do
      list[#list + 1] = message
    end
  end
  return list
end

return diff
