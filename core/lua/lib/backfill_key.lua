-- backfill_key.lua: keys of rows as the engine writes them (core/backfill/key.h has the form): JSON arrays, in which an
-- object stands for what JSON cannot say.

local host = require("moonbird.host")
local json = require("moonbird.json")
local sql = require("moonbird.sql")

local backfill_key = {}

local function from_hex(hex)
  return (hex:gsub("%x%x", function(digits)
    return string.char(tonumber(digits, 16))
  end))
end

--- Bytes as hexadecimal digits.
---@param text string
---@return string
function backfill_key.to_hex(text)
  return (text:gsub(".", function(byte)
    return ("%02x"):format(byte:byte())
  end))
end

local special_numbers = { inf = math.huge, ["-inf"] = -math.huge, nan = 0 / 0 }

--- The values of a key, as parameters.
---@param text string
---@return any[]
function backfill_key.values(text)
  local values = {}
  for index, value in ipairs(json.decode(text)) do
    if type(value) ~= "table" then
      values[index] = value
    elseif value.number then
      values[index] = special_numbers[value.number]
    else
      values[index] = value.hex and sql.blob(from_hex(value.hex)) or from_hex(value.text)
    end
  end
  return values
end

local function item(value, type_name)
  if type_name == "bytes" then
    return { hex = backfill_key.to_hex(value) }
  elseif type(value) == "string" and not utf8.len(value) then
    return { text = backfill_key.to_hex(value) }
  elseif value ~= value then
    return { number = "nan" }
  elseif value == math.huge or value == -math.huge then
    return { number = value > 0 and "inf" or "-inf" }
  end
  return value
end

--- The key of a row; `types` are those of its columns, as connection:query_within gives them: the key's come first.
---@param row table<string, any>
---@param names string[]
---@param types string[]
---@return string
function backfill_key.of_row(row, names, types)
  local items = {}
  for index, name in ipairs(names) do
    items[index] = item(row[name], types[index])
  end
  return json.encode(json.array(items))
end

--- The key that a query finds in its first row, or nil.
---@param text string
---@param values any[]
---@param names string[]
---@return string|nil
function backfill_key.find(text, values, names)
  local rows, _, _, types = host.connection:query_within(1, false, text, values)
  return rows[1] and backfill_key.of_row(rows[1], names, types)
end

return backfill_key
