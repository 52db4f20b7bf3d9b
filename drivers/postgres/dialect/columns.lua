-- Columns of PostgreSQL: how they are numbered, collated and changed. Methods of the dialect (../dialect.lua takes them
-- in).

local base = require("moonbird.dialect")
local sql = require("moonbird.sql")

local columns = {}

local function generated(identity)
  return identity.always and "ALWAYS" or "BY DEFAULT"
end

local function identity_clause(self, identity)
  local words = self:sequence_words(identity)
  local options = #words > 0 and (" (%s)"):format(table.concat(words, " ")) or ""
  return ("GENERATED %s AS IDENTITY%s"):format(generated(identity), options)
end

function columns:identity_text(column, primary)
  if column.identity or self:is_numbered(column, primary) then
    return identity_clause(self, column.identity or {})
  end
end

function columns:collate_text(type_)
  return type_.collation and "COLLATE " .. self:quote(type_.collation)
end

function columns:alter_type(operation)
  local collation = self:collate_text(operation.type_)
  local using = self:option(operation, "using")
  local text = base.alter_type(self, operation) .. (collation and " " .. collation or "")
  return using and text .. " USING " .. sql.text(using) or text
end

-- Where old values need an expression to become new ones, so would the old default: it goes before the type comes.
function columns:render_alter_column(operation)
  local is_converted = operation.type_ ~= nil and self:option(operation, "using") ~= nil
  if not is_converted or operation.server_default == nil then
    return base.render_alter_column(self, operation)
  end
  local statements = { self:alter_column_start(operation) .. "DROP DEFAULT" }
  local rest = {}
  for name, value in pairs(operation) do
    if name ~= "server_default" or value ~= sql.null then
      rest[name] = value
    end
  end
  for _, statement in ipairs(base.render_alter_column(self, rest)) do
    statements[#statements + 1] = statement
  end
  return statements
end

-- What differs between two identities; all that is given where the old one is not known.
local function identity_changes(self, identity, existing)
  local changed = {}
  for name, value in pairs(identity) do
    if value ~= existing[name] then
      changed[name] = value
    end
  end
  local words = {}
  if changed.always ~= nil or next(identity) == nil then
    words[1] = "SET GENERATED " .. generated(identity)
  end
  for _, word in ipairs(self:sequence_words(changed)) do
    words[#words + 1] = word:find("^RESTART") and word or "SET " .. word
  end
  return table.concat(words, " ")
end

local function as_table(identity)
  return type(identity) == "table" and not sql.is_null(identity) and identity or {}
end

function columns:alter_identity(operation)
  local start = self:alter_column_start(operation)
  if sql.is_null(operation.identity) or operation.identity == false then
    return start .. "DROP IDENTITY"
  end
  local identity, existing = as_table(operation.identity), operation.existing_identity
  if not existing or sql.is_null(existing) then
    return start .. "ADD " .. identity_clause(self, identity)
  end
  local changes = identity_changes(self, identity, as_table(existing))
  return changes ~= "" and start .. changes
end

-- A column can stop being computed; it keeps the values that it has.
function columns:alter_computed(operation)
  if sql.is_null(operation.computed) then
    return self:alter_column_start(operation) .. "DROP EXPRESSION"
  end
  return base.alter_computed(self, operation)
end

return columns
