-- What the comparisons of tables, views and types share: parts of a schema by their names, and how a change is written
-- down. Pure. Called by diff.lua, views.lua and types.lua.
--
-- A change: { phase (a step of order.lua), table (what it belongs to), messages, up, down, review_up, review_down }.

local changes = {}

--- The schema and name of a part in one word.
function changes.key_of(part)
  return (part.schema or "") .. "\0" .. part.name
end

--- { key = part }
function changes.by_key(list)
  local map = {}
  for _, part in ipairs(list) do
    map[changes.key_of(part)] = part
  end
  return map
end

--- Adds a change to state.changes; `message` may be nil.
function changes.add(state, phase, message, change)
  change.phase = phase
  change.messages = { message }
  change.review_up, change.review_down = change.review_up or {}, change.review_down or {}
  table.insert(state.changes, change)
  return change
end

--- Pairs of parts by name: call(model, live), either may be nil.
function changes.each_pair(models, lives, call)
  local model_by_key, live_by_key = changes.by_key(models), changes.by_key(lives)
  for _, model in ipairs(models) do
    call(model, live_by_key[changes.key_of(model)])
  end
  for _, live in ipairs(lives) do
    if not model_by_key[changes.key_of(live)] then
      call(nil, live)
    end
  end
end

return changes
