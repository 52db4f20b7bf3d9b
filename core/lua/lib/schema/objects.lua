-- What differs between the enums and the sequences of the models and of the database. Pure. Called by diff.lua.

local changes = require("moonbird.schema.changes")
local difference = require("moonbird.schema.difference")
local match = require("moonbird.schema.match")
local numbering = require("moonbird.schema.numbering")
local reference = require("moonbird.reference")
local sql = require("moonbird.sql")

local objects = {}

local add, each_pair, key_of = changes.add, changes.each_pair, changes.key_of

-- --- enums ---

local function create_enum(enum)
  return { kind = "create_enum", name = enum.name, schema = enum.schema, values = enum.values, comment = enum.comment }
end

local function drop_enum(enum)
  return { kind = "drop_enum", name = enum.name, schema = enum.schema }
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
      added[#added + 1] = { value = value, after = before, before = not before and live.values[1] or nil }
    end
    before = value
  end
  return match.same_list(kept, live.values) and added or nil
end

local function columns_of_enum(schema, enum)
  local list = {}
  for _, table_ in ipairs(schema.tables) do
    for _, column in ipairs(table_.columns) do
      local type_ = column.type.kind == "array" and column.type.element or column.type
      if type_.kind == "enum" and type_.name == enum.name and type_.schema == enum.schema then
        list[#list + 1] = { table = table_, column = column }
      end
    end
  end
  return list
end

local function change_enum(state, model, live)
  local message = ("Detected changed enum '%s'"):format(difference.place(model))
  local added = added_values(model, live)
  local users = columns_of_enum(state.live, live)
  local back = state.dialect:enum_change(live, users)
  if not added then
    local review = {}
    for _, value in ipairs(live.values) do
      local is_kept = false
      for _, other in ipairs(model.values) do
        is_kept = is_kept or other == value
      end
      review[#review + 1] = not is_kept and ("no row may have the value '%s'"):format(value) or nil
    end
    local up = state.dialect:enum_change(model, users)
    add(state, "create_type", message, { up = up, down = back, review_up = review })
    return
  end
  local up, review = {}, {}
  for index, entry in ipairs(added) do
    up[index] = {
      kind = "add_enum_value",
      name = live.name,
      schema = live.schema,
      value = entry.value,
      after = entry.after,
      before = entry.before,
    }
    review[index] = ("no row may have the value '%s'"):format(entry.value)
  end
  add(state, "create_type", message, { up = up, down = back, review_down = review })
end

--- Adds the changes of enums to state.changes.
function objects.compare_enums(state)
  local foreign = state.model.foreign_enums or {}
  each_pair(state.model.enums, state.live.enums, function(model, live)
    local part = model or live
    if foreign[key_of(part)] or not state.filter("enum", part, nil, model == nil, model and live) then
      return
    elseif not live then
      local message = ("Detected added enum '%s'"):format(difference.place(model))
      add(state, "create_type", message, { up = { create_enum(model) }, down = { drop_enum(model) } })
    elseif not model then
      local message = ("Detected removed enum '%s'"):format(difference.place(live))
      add(state, "drop_type", message, { up = { drop_enum(live) }, down = { create_enum(live) } })
    elseif not match.same_list(model.values, live.values) then
      change_enum(state, model, live)
    end
  end)
end

-- --- sequences ---

local sequence_fields = { "start", "increment", "minvalue", "maxvalue", "cycle", "cache" }

local function create_sequence(sequence)
  local operation = numbering.trim(sequence, sequence.type.kind)
  operation.kind, operation.where, operation.uses, operation.owned_by = "create_sequence", nil, nil, nil
  operation.type, operation.type_ = nil, sequence.type.kind ~= "bigint" and sequence.type or nil
  return operation
end

local function drop_sequence(sequence)
  return { kind = "drop_sequence", name = sequence.name, schema = sequence.schema }
end

local function alter_sequence(from, to)
  local operation = { kind = "alter_sequence", name = to.name, schema = to.schema }
  local a, b = numbering.fill(from, from.type.kind), numbering.fill(to, to.type.kind)
  for _, field in ipairs(sequence_fields) do
    if a[field] ~= b[field] then
      operation[field] = b[field]
    end
  end
  operation.type_ = from.type ~= to.type and to.type or nil
  return operation
end

local function differ(operation)
  for key in pairs(operation) do
    if key ~= "kind" and key ~= "name" and key ~= "schema" then
      return true
    end
  end
  return false
end

local function own_sequence(sequence, owner)
  return { kind = "alter_sequence", name = sequence.name, schema = sequence.schema, owned_by = owner or sql.null }
end

-- A sequence goes with the column that owns it: it is set free before that one can go, and is owned when the new one is
-- there.
local function compare_owners(state, model, live, message)
  local new, old = model and model.owned_by, live and live.owned_by
  if reference.same(new, old) then
    return
  end
  local sequence = model or live
  if old then
    local change = { up = { own_sequence(sequence) }, down = { own_sequence(sequence, old) } }
    add(state, "disown", message, change)
  end
  if new then
    local change = { up = { own_sequence(sequence, new) }, down = { own_sequence(sequence) } }
    add(state, "own", not old and message or nil, change)
  end
end

--- Adds the changes of sequences to state.changes.
function objects.compare_sequences(state)
  each_pair(state.model.sequences, state.live.sequences, function(model, live)
    if not state.filter("sequence", model or live, nil, model == nil, model and live) then
      return
    end
    local is_altered = model and live and differ(alter_sequence(live, model))
    local changed = ("Detected changed sequence '%s'"):format(difference.place(model or live))
    compare_owners(state, model, live, model and live and not is_altered and changed or nil)
    if not live then
      local message = ("Detected added sequence '%s'"):format(difference.place(model))
      add(state, "create_type", message, { up = { create_sequence(model) }, down = { drop_sequence(model) } })
    elseif not model then
      local message = ("Detected removed sequence '%s'"):format(difference.place(live))
      add(state, "drop_type", message, { up = { drop_sequence(live) }, down = { create_sequence(live) } })
    elseif is_altered then
      local up, down = alter_sequence(live, model), alter_sequence(model, live)
      add(state, "create_type", changed, { up = { up }, down = { down } })
    end
  end)
end

return objects
