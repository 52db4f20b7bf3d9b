-- What differs between the sequences of the models and of the database. Pure. Called by diff.lua.

local changes = require("moonbird.schema.changes")
local difference = require("moonbird.schema.difference")
local numbering = require("moonbird.schema.numbering")
local reference = require("moonbird.reference")
local sql = require("moonbird.sql")

local sequences = {}

local add, each_pair = changes.add, changes.each_pair

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
  if from.comment ~= to.comment then
    operation.comment = to.comment or sql.null
  end
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
function sequences.compare(state)
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

return sequences
