-- The order in which things can be made: tables after the tables that they refer to, views after what they read; and
-- the order of the changes of a whole schema. Taken back, everything goes the other way round. Pure. Called by diff.lua
-- and dump.lua.

local expression = require("moonbird.schema.expression")

local order = {}

local function key_of(schema, name)
  return (schema or "") .. "\0" .. name
end

-- Depth first over `list`, in its order; what lies on a cycle comes where it is met first.
local function sorted(list, needs)
  local result, state = {}, {}
  local function visit(entry)
    if state[entry] then
      return
    end
    state[entry] = "open"
    for _, other in ipairs(needs(entry)) do
      visit(other)
    end
    result[#result + 1] = entry
  end
  for _, entry in ipairs(list) do
    visit(entry)
  end
  return result
end

-- The tables that it has columns of, as text: "name" or "schema.name".
local function parents_of(table_)
  local parents = table_.options.inherits or {}
  return type(parents) == "string" and { parents } or parents
end

--- The tables in the order in which they can be made; and for each the foreign keys that must come later, because they
--- lead to a table that comes after it.
function order.tables(tables)
  local by_key, by_place = {}, {}
  for _, table_ in ipairs(tables) do
    by_key[key_of(table_.schema, table_.name)] = table_
    by_place[(table_.schema and table_.schema .. "." or "") .. table_.name] = table_
  end
  local list = sorted(tables, function(table_)
    local needed = {}
    for _, parent in ipairs(parents_of(table_)) do
      needed[#needed + 1] = by_place[parent]
    end
    for _, key in ipairs(table_.foreign_keys) do
      needed[#needed + 1] = by_key[key_of(key.referent_schema, key.referent_table)]
    end
    return needed
  end)
  local is_made, later = {}, {}
  for _, table_ in ipairs(list) do
    is_made[table_] = true
    for _, key in ipairs(table_.foreign_keys) do
      local referent = by_key[key_of(key.referent_schema, key.referent_table)]
      if referent and not is_made[referent] then
        later[table_] = later[table_] or {}
        later[table_][key] = true
      end
    end
  end
  return list, later
end

--- The views in the order in which they can be made: after those that their queries name.
function order.views(views)
  local by_name = {}
  for _, view in ipairs(views) do
    by_name[view.name] = view
  end
  return sorted(views, function(view)
    local needed = {}
    for _, token in ipairs(expression.tokens(view.definition)) do
      local other = by_name[token] or by_name[token:match('^"(.*)"$') or 0]
      if other and other ~= view then
        needed[#needed + 1] = other
      end
    end
    return needed
  end)
end

-- The steps of a whole migration. Those of a table come together, table by table.
local steps = {
  "view_last",
  "column_last",
  "add_value",
  "no_column_first",
  "no_view_first",
  "drop_view",
  { "create_schema", "rename" },
  { "disown", "drop_key" },
  { "make_room", "make_room_last" },
  "drop_table_first",
  "change_type",
  "create_type",
  "create_table",
  {
    "drop_item",
    "drop_computed",
    "add_column",
    "alter_column",
    "drop_column",
    "add_computed",
    "create_item",
    "options",
    "comment",
    by_table = true,
  },
  "create_table_last",
  { "create_key", "own", "remark" },
  "drop_table",
  "drop_type",
  "create_view",
}

-- Where a table is changed by copying it, its foreign keys are a part of that, unless they are set apart.
local with_keys = { drop_key = "drop_item", create_key = "create_item" }

-- The place of each phase: { step, place within it }; and the step that goes table by table.
local function ranks_of()
  local ranks, by_table = {}, nil
  for rank, step in ipairs(steps) do
    local phases = type(step) == "table" and step or { step }
    by_table = phases.by_table and rank or by_table
    for index, phase in ipairs(phases) do
      ranks[phase] = { rank, index }
    end
  end
  return ranks, by_table
end

--- Puts changes in order; stable within a step. `in_one`: foreign keys belong to the changes of their table.
function order.changes(changes, in_one)
  local ranks, by_table = ranks_of()
  local place, rank, tables, count = {}, {}, {}, 0
  for index, change in ipairs(changes) do
    place[change] = index
    rank[change] = ranks[in_one and not change.is_apart and with_keys[change.phase] or change.phase]
    local key = change.table and key_of(change.table.schema, change.table.name) or ""
    if not tables[key] then
      count = count + 1
      tables[key] = count
    end
    change.group = tables[key]
    change.step = rank[change][1]
  end
  table.sort(changes, function(a, b)
    local x, y = rank[a], rank[b]
    if x[1] ~= y[1] then
      return x[1] < y[1]
    elseif x[1] == by_table and a.group ~= b.group then
      return a.group < b.group
    elseif x[2] ~= y[2] then
      return x[2] < y[2]
    end
    return place[a] < place[b]
  end)
  return changes
end

return order
