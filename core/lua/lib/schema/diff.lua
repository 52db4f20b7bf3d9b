-- What differs between the models and a database: a list of changes in the order in which they can be made, each with
-- its operations in both directions. Pure: both schemas are data, texts are compared by the dialect. Called by
-- command.lua.

local changes = require("moonbird.schema.changes")
local difference = require("moonbird.schema.difference")
local enums = require("moonbird.schema.enums")
local keys = require("moonbird.schema.keys")
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

local function create_keys(table_, wanted, dialect, names)
  local ups, downs = {}, {}
  for _, key in ipairs(table_.foreign_keys) do
    if wanted[key] then
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
    local late = later_keys(state, later, table_)
    add(state, "create_table", ("Detected added table '%s'"):format(difference.place(table_)), {
      table = table_,
      later = late,
      up = { operations.create_table(table_, late) },
      down = { operations.drop_table(table_) },
    })
    if late then
      local ups, downs = create_keys(table_, late, state.dialect, {})
      add(state, "create_key", nil, { table = table_, up = ups, down = downs })
    end
  end
end

local function remove_tables(state, tables)
  local list, later = order.tables(tables)
  for index = #list, 1, -1 do
    local table_ = list[index]
    local late = later_keys(state, later, table_)
    if late then
      local ups, downs = create_keys(table_, late, state.dialect, {})
      add(state, "drop_key", nil, { table = table_, up = downs, down = ups })
    end
    add(state, "drop_table", ("Detected removed table '%s'"):format(difference.place(table_)), {
      table = table_,
      later = late,
      up = { operations.drop_table(table_) },
      down = { operations.create_table(table_, late) },
      review_up = { ("all rows of %s are lost%s"):format(difference.place(table_), table_.could_be or "") },
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
      local remade = state.remade[key_of(live)] or {}
      local found, moved, gone = difference.compare(model, live, state.dialect, state.filter, remade)
      table.move(found, 1, #found, #state.changes + 1, state.changes)
      state.moved[key_of(model)], state.gone[key_of(model)] = moved, gone
    end
  end)
  add_tables(state, added)
  remove_tables(state, removed)
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
    grown = {},
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
  keys.place_tables(state)
  if dialect.alters_by_copy then
    keys.set_apart(state)
  else
    keys.replace_in_the_way(state)
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
