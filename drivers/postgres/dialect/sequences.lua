-- Sequences of PostgreSQL, and those behind identity columns. Methods of the dialect (../dialect.lua takes them in).

local list = require("moonbird.list")
local reference = require("moonbird.reference")
local sql = require("moonbird.sql")

local sequences = {}

local parts = {
  { "start", "START WITH %d" },
  { "increment", "INCREMENT BY %d" },
  { "minvalue", "MINVALUE %d" },
  { "maxvalue", "MAXVALUE %d" },
  { "cache", "CACHE %d" },
}

-- The options of a sequence as a list of phrases.
function sequences.sequence_words(_, options)
  local words = {}
  for _, part in ipairs(parts) do
    local value = options[part[1]]
    if value == sql.null then
      words[#words + 1] = "NO " .. part[2]:match("^%a+")
    elseif value ~= nil then
      words[#words + 1] = part[2]:format(value)
    end
  end
  if options.cycle ~= nil then
    words[#words + 1] = options.cycle and "CYCLE" or "NO CYCLE"
  end
  if options.restart then
    words[#words + 1] = options.restart == true and "RESTART" or ("RESTART WITH %d"):format(options.restart)
  end
  return words
end

local function owner_text(self, owner)
  if owner == sql.null then
    return "OWNED BY NONE"
  end
  local place = reference.parse(owner)
  return ("OWNED BY %s.%s"):format(self:table_name(place.table, place.schema), self:ident(place.column))
end

local function phrases(self, operation)
  local words = operation.type_ and { "AS " .. self:type_sql(operation.type_) } or {}
  list.add_all(words, self:sequence_words(operation))
  list.add(words, operation.owned_by and owner_text(self, operation.owned_by))
  return #words > 0 and " " .. table.concat(words, " ") or ""
end

function sequences:render_create_sequence(operation)
  local text = ("CREATE %sSEQUENCE %s%s%s"):format(
    operation.temporary and "TEMPORARY " or "",
    operation.if_not_exists and "IF NOT EXISTS " or "",
    self:table_name(operation.name, operation.schema),
    phrases(self, operation)
  )
  return { text, self:comment_on("SEQUENCE", operation) }
end

function sequences:render_alter_sequence(operation)
  local changes = phrases(self, operation)
  local guard = operation.if_exists and "IF EXISTS " or ""
  local place = self:table_name(operation.name, operation.schema)
  local statements = {}
  list.add(statements, changes ~= "" and ("ALTER SEQUENCE %s%s%s"):format(guard, place, changes))
  list.add(statements, self:comment_on("SEQUENCE", operation))
  return statements
end

function sequences:render_rename_sequence(operation)
  local place = self:table_name(operation.name, operation.schema)
  return { ("ALTER SEQUENCE %s RENAME TO %s"):format(place, self:ident(operation.new_name)) }
end

function sequences:render_drop_sequence(operation)
  return { self:drop_object("SEQUENCE", operation) }
end

return sequences
