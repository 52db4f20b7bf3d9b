-- Foreign keys and the unique keys that they lead to: what must be there first, what must be gone first. Moves changes
-- of tables and keys to other steps, and takes keys that stay out of the way of other changes. Pure. Called by
-- diff.lua, when the changes of all tables are known.

local changes = require("moonbird.schema.changes")
local list = require("moonbird.list")
local operations = require("moonbird.schema.operations")

local keys = {}

local add, each_pair, key_of = changes.add, changes.each_pair, changes.key_of

local function referent_of(key)
  return (key.referent_schema or "") .. "\0" .. key.referent_table
end

-- --- unique keys that come and go ---

local function is_referred_to(item)
  return item.kind == "unique" or item.kind == "primary_key" or item.unique
end

local goes, comes = { drop_item = true, make_room = true }, { create_item = true }

-- The columns of those that go, or come: table key -> list of column lists.
local function unique_keys(state, phases)
  local found = {}
  for _, change in ipairs(state.changes) do
    local item = change.item
    if phases[change.phase] and item and is_referred_to(item) then
      local key = key_of(change.table)
      found[key] = found[key] or {}
      table.insert(found[key], item.columns)
    end
  end
  return found
end

local function leads_to(key, uniques)
  for _, columns in ipairs(uniques[referent_of(key)] or {}) do
    if list.same_names(columns, key.referent_columns) then
      return true
    end
  end
  return false
end

local function any_moved(columns, moved)
  for _, name in ipairs(columns) do
    if moved and moved[name] then
      return true
    end
  end
  return false
end

local function changes_type(state, key)
  return any_moved(key.referent_columns, state.moved[referent_of(key)])
end

-- --- tables that come and go ---

-- Does a key of the table wait for another change, or for a table that does?
local function waits(state, change, uniques, waiting)
  for _, key in ipairs(change.table.foreign_keys) do
    local is_inline = not (change.later and change.later[key])
    if is_inline and (waiting[referent_of(key)] or leads_to(key, uniques) or changes_type(state, key)) then
      return true
    end
  end
  return false
end

local function move_tables(state, phase, new_phase, uniques)
  local waiting, is_settled = {}, false
  for _, change in ipairs(state.changes) do
    if change.phase == new_phase then
      waiting[key_of(change.table)] = true
    end
  end
  while not is_settled do
    is_settled = true
    for _, change in ipairs(state.changes) do
      if change.phase == phase and waits(state, change, uniques, waiting) then
        change.phase, waiting[key_of(change.table)], is_settled = new_phase, true, false
      end
    end
  end
  return waiting
end

--- A new table comes after the unique keys that it refers to; a table that goes does so before them.
function keys.place_tables(state)
  move_tables(state, "drop_table", "drop_table_first", unique_keys(state, goes))
  state.last_tables = move_tables(state, "create_table", "create_table_last", unique_keys(state, comes))
end

-- --- keys of tables that stay ---

--- Where a table is changed by copying it, its keys are a part of that; but a key that leads to another table's unique
--- key goes before that does, and comes after it.
function keys.set_apart(state)
  local uniques = {
    drop_key = unique_keys(state, goes),
    create_key = unique_keys(state, comes),
  }
  for _, change in ipairs(state.changes) do
    local found = uniques[change.phase]
    if found and change.item and referent_of(change.item) ~= key_of(change.table) then
      local is_late = change.phase == "create_key" and state.last_tables[referent_of(change.item)]
      change.is_apart = is_late or leads_to(change.item, found)
    end
  end
end

local function changed_items(state)
  local items = {}
  for _, change in ipairs(state.changes) do
    items[change.item or 0] = true
  end
  return items
end

local function is_in_the_way(state, table_, key, dropped)
  return leads_to(key, dropped) or any_moved(key.columns, state.moved[key_of(table_)]) and changes_type(state, key)
end

--- Elsewhere a key that stays the same goes and comes back where the key that it leads to is changed.
function keys.replace_in_the_way(state)
  local known, dropped = changed_items(state), unique_keys(state, goes)
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

return keys
