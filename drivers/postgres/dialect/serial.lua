-- Columns that a sequence of their own fills. What SERIAL makes stays the type SERIAL; where the sequence has another
-- name or other options, the column has a default and the sequence stands beside the tables, so that nothing of it is
-- lost. Methods of the dialect (../dialect.lua takes them in). Asks no database.

local numbering = require("moonbird.schema.numbering")
local sql = require("moonbird.sql")

local serial = {}

local usual_types = { smallint = true, integer = true, bigint = true }
local unusual = { "start", "increment", "minvalue", "maxvalue", "cycle", "cache", "comment" }

local function key_of(part)
  return (part.schema or "") .. "\0" .. part.name
end

local function by_key(list)
  local map = {}
  for _, part in ipairs(list or {}) do
    map[key_of(part)] = part
  end
  return map
end

-- The server cuts long names in its own way.
local function is_usual_name(self, table_, column)
  local name = ("%s_%s_seq"):format(table_.name, column.name)
  local own = column.serial.name
  return own == name or #name > self.max_identifier and own:find("_seq$") ~= nil
end

-- Is it what SERIAL makes?
local function is_usual(self, table_, column, sequence)
  if not sequence or column.nullable or sequence.schema ~= table_.schema then
    return false
  end
  local options = numbering.trim(sequence, sequence.type.kind)
  for _, name in ipairs(unusual) do
    if options[name] ~= nil then
      return false
    end
  end
  return sequence.type == column.type and is_usual_name(self, table_, column)
end

local function is_only_nextval(column)
  return usual_types[column.type.kind] and column.serial.default:find("^nextval%('.*'::regclass%)$") ~= nil
end

local function column_of(table_, name)
  for _, column in ipairs(table_ and table_.columns or {}) do
    if column.name == name then
      return column
    end
  end
end

-- Has the live column a default and a sequence? `other` is the column of the models, `named` their sequence.
local function is_apart(self, table_, column, sequence, other, named)
  if not is_only_nextval(column) then
    return true
  elseif other and other.serial then
    return false
  end
  return named ~= nil or not is_usual(self, table_, column, sequence)
end

local function before(a, b)
  local first, second = a.schema or "", b.schema or ""
  if first ~= second then
    return first < second
  end
  return a.name < b.name
end

--- Gives columns of the live schema a default and a sequence instead of `serial` where SERIAL would not say it all, or
--- where the models say it so.
function serial:settle_serials(live, models)
  local tables, sequences = by_key(models and models.tables), by_key(models and models.sequences)
  local own = by_key(live.serials)
  for _, table_ in ipairs(live.tables) do
    for _, column in ipairs(table_.columns) do
      local key = column.serial and key_of(column.serial)
      local other = key and column_of(tables[key_of(table_)], column.name)
      if key and is_apart(self, table_, column, own[key], other, sequences[key]) then
        table.insert(live.sequences, own[key])
        column.server_default, column.serial = sql(column.serial.default), nil
      end
    end
  end
  table.sort(live.sequences, before)
end

return serial
