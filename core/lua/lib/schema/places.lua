-- The schemas that parts of a schema are in: those of the models that the database lacks are made first, and one that
-- only the models name is looked at for what they name in it. Pure. Called by command.lua and diff.lua.

local changes = require("moonbird.schema.changes")

local places = {}

local lists = { "tables", "enums", "sequences", "views" }

--- The schemas that a schema's parts name, in the order of their names.
function places.of_parts(schema)
  local names, seen = {}, {}
  for _, list in ipairs(lists) do
    for _, part in ipairs(schema[list]) do
      if part.schema and not seen[part.schema] then
        seen[part.schema] = true
        names[#names + 1] = part.schema
      end
    end
  end
  table.sort(names)
  return names
end

local function keys_of(schema)
  local keys = {}
  for _, list in ipairs(lists) do
    for _, part in ipairs(schema[list]) do
      keys[list .. changes.key_of(part)] = true
    end
  end
  return keys
end

local function set_of(names)
  local set = {}
  for _, name in ipairs(names) do
    set[name] = true
  end
  return set
end

--- Takes out of `live` what is in a schema that only the models name, unless they name it too: nobody said that all
--- of such a schema is theirs. `read` is the setting `schemas`.
function places.leave_alone(live, read, models)
  local is_read, named = set_of(read), keys_of(models)
  if is_read["*"] then
    return
  end
  local is_default_read = #read == 0 or is_read[live.default_schema or "main"]
  for _, list in ipairs(lists) do
    local kept = {}
    for _, part in ipairs(live[list]) do
      local is_read_whole = part.schema == nil and is_default_read or is_read[part.schema or 0]
      local is_wanted = is_read_whole or named[list .. changes.key_of(part)]
      kept[#kept + 1] = is_wanted and part or nil
    end
    live[list] = kept
  end
end

--- Adds the schemas that are missing to state.changes.
function places.compare(state)
  local known = set_of(state.live.schemas or {})
  for _, name in ipairs(places.of_parts(state.model)) do
    if not known[name] and state.filter("schema", { kind = "schema", name = name }, nil, false, nil) then
      changes.add(state, "create_schema", ("Detected added schema '%s'"):format(name), {
        up = { { kind = "create_schema", name = name } },
        down = { { kind = "drop_schema", name = name } },
      })
    end
  end
end

return places
