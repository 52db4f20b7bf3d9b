-- What differs between the enums of the models and of the database. Values that only come are added, before everything
-- else; where values go or change their places, the type is made anew, and what holds its old values makes room first.
-- Pure. Called by diff.lua.

local changes = require("moonbird.schema.changes")
local difference = require("moonbird.schema.difference")
local match = require("moonbird.schema.match")
local operations = require("moonbird.schema.operations")
local sql = require("moonbird.sql")

local enums = {}

local add, each_pair, key_of = changes.add, changes.each_pair, changes.key_of

-- --- operations ---

local function create_enum(enum)
  return { kind = "create_enum", name = enum.name, schema = enum.schema, values = enum.values, comment = enum.comment }
end

local function drop_enum(enum)
  return { kind = "drop_enum", name = enum.name, schema = enum.schema }
end

local function alter_enum(enum)
  return { kind = "alter_enum", name = enum.name, schema = enum.schema, values = enum.values }
end

-- The values that come new, each with the one that it follows; nil where values go or change their places.
local function added_values(model, live)
  local known, kept, added = {}, {}, {}
  for _, value in ipairs(live.values) do
    known[value] = true
  end
  local before
  for _, value in ipairs(model.values) do
    if known[value] then
      kept[#kept + 1] = value
    else
      local operation = { kind = "add_enum_value", name = live.name, schema = live.schema, value = value }
      operation.after, operation.before = before, not before and live.values[1] or nil
      added[#added + 1] = operation
    end
    before = value
  end
  return match.same_list(kept, live.values) and added or nil
end

-- What a person must know: values of `from` that `to` has not.
local function reviews_of_loss(from, to)
  local kept, list = {}, {}
  for _, value in ipairs(to.values) do
    kept[value] = true
  end
  for _, value in ipairs(from.values) do
    list[#list + 1] = not kept[value] and ("no row may have the value '%s'"):format(value:gsub("'", "''")) or nil
  end
  return list
end

-- --- comparing ---

-- The columns of an enum: table key -> { column name = true }, into `places`.
local function note_columns(places, schema, enum)
  for _, table_ in ipairs(schema.tables) do
    for _, column in ipairs(table_.columns) do
      local type_ = column.type.kind == "array" and column.type.element or column.type
      if type_.kind == "enum" and type_.name == enum.name and type_.schema == enum.schema then
        local key = key_of(table_)
        places[key] = places[key] or {}
        places[key][column.name] = true
      end
    end
  end
end

local function change_enum(state, model, live)
  local added = added_values(model, live)
  note_columns(added and state.remade_back or state.remade, state.live, live)
  add(state, added and "add_value" or "change_type", ("Detected changed enum '%s'"):format(difference.place(model)), {
    up = added or { alter_enum(model) },
    down = { alter_enum(live) },
    review_up = reviews_of_loss(live, model),
    review_down = reviews_of_loss(model, live),
  })
end

local function set_comment(enum, comment)
  local kind = comment and "create_enum_comment" or "drop_enum_comment"
  return { kind = kind, name = enum.name, schema = enum.schema, comment = comment }
end

local function compare_comment(state, model, live)
  if model.comment ~= live.comment then
    add(state, "remark", ("Detected enum comment '%s'"):format(difference.place(model)), {
      up = { set_comment(model, model.comment) },
      down = { set_comment(model, live.comment) },
    })
  end
end

--- Adds the changes of enums to state.changes. state.remade gets the columns whose enum is made anew, state.remade_back
--- those for which this is so on the way back only: table key -> { column name = true }.
function enums.compare(state)
  local foreign = state.model.foreign_enums or {}
  each_pair(state.model.enums, state.live.enums, function(model, live)
    local part = model or live
    if foreign[key_of(part)] or not state.filter("enum", part, nil, model == nil, model and live) then
      return
    elseif not live then
      local message = ("Detected added enum '%s'"):format(difference.place(model))
      add(state, "create_type", message, { up = { create_enum(model) }, down = { drop_enum(model) } })
    elseif not model and live.is_used_elsewhere then
      return -- by a table in a schema that is not looked at
    elseif not model then
      local message = ("Detected removed enum '%s'"):format(difference.place(live))
      add(state, "drop_type", message, { up = { drop_enum(live) }, down = { create_enum(live) } })
    else
      if not match.same_list(model.values, live.values) then
        change_enum(state, model, live)
      end
      compare_comment(state, model, live)
    end
  end)
end

-- --- making room ---

local function set_default(table_, name, value)
  local operation = { kind = "alter_column", table = table_.name, schema = table_.schema, column = name }
  operation.server_default = value
  return operation
end

local function column_of(table_, name)
  for _, column in ipairs(table_.columns) do
    if column.name == name then
      return column
    end
  end
end

-- A default that goes or changes: it goes before the type is made anew, and comes back after that on the way back.
local function free_default(state, table_, name)
  local column = table_ and column_of(table_, name)
  if column and column.server_default ~= nil then
    add(state, "make_room", nil, {
      table = table_,
      up = { set_default(table_, name, sql.null) },
      down = { set_default(table_, name, column.server_default) },
    })
  end
end

local function without_default(column)
  local copy = setmetatable({}, getmetatable(column))
  for key, value in pairs(column) do
    copy[key] = key ~= "server_default" and value or nil
  end
  return copy
end

local make_room = {}

function make_room.drop_item(_, change, columns)
  change.phase = difference.touches(change.item, columns) and "make_room" or change.phase
end

function make_room.drop_table(_, change)
  change.phase = "drop_table_first"
end

function make_room.drop_column(state, change, columns, live)
  if columns[change.column.name] then
    free_default(state, live, change.column.name)
    change.down[1].column = without_default(change.column)
  end
end

function make_room.alter_column(state, change, columns, live)
  for _, operation in ipairs(change.down) do
    if operation.server_default ~= nil and columns[operation.column] then
      free_default(state, live, operation.column)
      operation.server_default = sql.null
    end
  end
end

-- Computed columns that go, and may come back, do so before the enum is made anew; what is built on them before them.
local function free_computed(state)
  local freed = {}
  for _, change in ipairs(state.changes) do
    local columns = change.phase == "drop_computed" and state.remade[key_of(change.table)]
    if columns and difference.is_computed_from(change.column, columns) then
      change.phase = "make_room_last"
      local key = key_of(change.table)
      freed[key] = freed[key] or {}
      freed[key][change.column.name] = true
    end
  end
  for _, change in ipairs(state.changes) do
    local columns = change.phase == "drop_item" and freed[key_of(change.table)]
    if columns and difference.touches(change.item, columns) then
      change.phase = "make_room"
    end
  end
end

-- Only on the way back, a computed column that stays goes before the enum is made anew, with what is built on it.
local function replace_on_the_way_back(state, table_, column)
  add(state, "no_column_first", nil, { table = table_, up = {}, down = { operations.drop_column(table_, column) } })
  local down = { operations.add_column(table_, column) }
  for _, item in ipairs(difference.items_on(table_, { [column.name] = true })) do
    down[#down + 1] = operations.create_item(table_, item)
  end
  add(state, "column_last", nil, { table = table_, up = {}, down = down })
end

local function free_computed_back(state)
  local models = changes.by_key(state.model.tables)
  for _, live in ipairs(state.live.tables) do
    local columns, model = state.remade_back[key_of(live)], models[key_of(live)]
    for _, column in ipairs(columns and model and live.columns or {}) do
      if difference.is_computed_from(column, columns) and column_of(model, column.name) then
        columns[column.name] = true -- views on it are in the way too
        replace_on_the_way_back(state, live, column)
      end
    end
  end
end

--- What has values of an enum that is made anew goes before that: conditions, defaults, tables.
function enums.make_room(state)
  local lives = changes.by_key(state.live.tables)
  free_computed(state)
  free_computed_back(state)
  for index = 1, #state.changes do
    local change = state.changes[index]
    local columns = change.table and state.remade[key_of(change.table)]
    local move = columns and make_room[change.phase]
    if move then
      move(state, change, columns, lives[key_of(change.table)])
    end
  end
end

return enums
