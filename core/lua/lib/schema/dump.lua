-- A schema as a file of models: what model.lua reads back to the same schema. The order of everything depends on names
-- alone, so the same schema gives the same bytes. Called by command.lua; pure.

local naming = require("moonbird.naming")
local numbering = require("moonbird.schema.numbering")
local order = require("moonbird.schema.order")
local source = require("moonbird.schema.source")
local text = require("moonbird.schema.text")

local dump = {}

-- --- parts ---

local function named_call(name, arguments, part, fields)
  local options = text.fields({}, part, fields)
  return text.call_with_options(name, arguments, options)
end

local function enum_node(enum)
  return named_call("enum", { source.string(enum.name), text.node(enum.values) }, enum, { "schema", "comment" })
end

local function sequence_node(sequence)
  local trimmed = numbering.trim(sequence, sequence.type.kind)
  local options = text.fields({}, trimmed, { "schema" })
  if sequence.type.kind ~= "bigint" then
    options[#options + 1] = source.field("type", text.type(sequence.type))
  end
  text.fields(options, trimmed, { "start", "increment", "minvalue", "maxvalue", "cycle", "cache" })
  if sequence.owned_by then
    options[#options + 1] = source.field("owned_by", text.place(sequence.owned_by))
  end
  text.fields(options, trimmed, { "comment" })
  return text.call_with_options("sequence", { source.string(sequence.name) }, options)
end

local function view_node(view)
  local options = text.fields({}, view, { "schema" })
  if view.materialized then
    options[1 + #options] = source.field("materialized", "true")
  end
  if view.columns and #view.columns > 0 then
    options[1 + #options] = source.field("columns", text.node(view.columns))
  end
  text.fields(options, view, { "comment" })
  if view.indexes and #view.indexes > 0 then
    local indexes = {}
    for index, item in ipairs(text.sorted(view.indexes)) do
      indexes[index] = text.item(item, { convention = naming.convention() })
    end
    options[#options + 1] = source.field("indexes", source.list(indexes))
  end
  return text.call_with_options("view", { source.string(view.name), source.string(view.definition) }, options)
end

local function table_node(table_, dialect)
  local plain = text.without_usual_names(table_, dialect)
  local style = { convention = naming.convention(), dialect = dialect }
  local items = source.list(text.table_items(plain, {}, dialect, style), true)
  return text.call_with_options("table", { source.string(table_.name), items }, text.table_options(table_, dialect))
end

-- Enums that a column uses are declared by it; others, and those with a comment, stand on their own.
local function used_enums(schema)
  local used = {}
  for _, table_ in ipairs(schema.tables) do
    for _, column in ipairs(table_.columns) do
      local type_ = column.type.kind == "array" and column.type.element or column.type
      if type_.kind == "enum" then
        used[(type_.schema or "") .. "\0" .. type_.name] = true
      end
    end
  end
  return used
end

--- The file of models for a schema.
function dump.models(schema, dialect)
  local nodes, used = {}, used_enums(schema)
  for _, enum in ipairs(schema.enums) do
    if enum.comment or not used[(enum.schema or "") .. "\0" .. enum.name] then
      nodes[#nodes + 1] = enum_node(enum)
    end
  end
  for _, sequence in ipairs(schema.sequences) do
    nodes[#nodes + 1] = sequence_node(sequence)
  end
  for _, table_ in ipairs(schema.tables) do
    nodes[#nodes + 1] = table_node(table_, dialect)
  end
  for _, view in ipairs(order.views(schema.views)) do
    nodes[#nodes + 1] = view_node(view)
  end
  if #nodes == 0 then
    return "return {}\n"
  end
  local parts = {}
  for index, node in ipairs(nodes) do
    parts[index] = "  " .. source.text(node, "  ") .. ","
  end
  return "return {\n" .. table.concat(parts, "\n\n") .. "\n}\n"
end

return dump
