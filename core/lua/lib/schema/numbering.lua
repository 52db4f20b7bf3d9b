-- What a sequence or an identity column is where nothing is said: catalogs tell all of it, models only what differs.
-- Pure. Called by diff.lua, text.lua and the dialects.

local numbering = {}

local limits = {
  smallint = { -32768, 32767 },
  integer = { -2147483648, 2147483647 },
  bigint = { math.mininteger, math.maxinteger },
}

local fields = { "start", "increment", "minvalue", "maxvalue", "cycle", "cache" }

local function defaults(spec, kind)
  local low, high = table.unpack(limits[kind] or limits.bigint)
  local increment = spec.increment or 1
  local minvalue = spec.minvalue or (increment > 0 and 1 or low)
  local maxvalue = spec.maxvalue or (increment > 0 and high or -1)
  return {
    increment = 1,
    minvalue = increment > 0 and 1 or low,
    maxvalue = increment > 0 and high or -1,
    start = increment > 0 and minvalue or maxvalue,
    cycle = false,
    cache = 1,
  }
end

local function copy(spec)
  local result = {}
  for key, value in pairs(spec) do
    result[key] = value
  end
  return result
end

--- A copy with every field set; `kind` is the kind of the integer type.
function numbering.fill(spec, kind)
  local result, usual = copy(spec), defaults(spec, kind)
  for _, field in ipairs(fields) do
    if result[field] == nil then
      result[field] = usual[field]
    end
  end
  return result
end

--- A copy with only what is not usual.
function numbering.trim(spec, kind)
  local result, usual = copy(spec), defaults(spec, kind)
  for _, field in ipairs(fields) do
    if result[field] == usual[field] then
      result[field] = nil
    end
  end
  return result
end

--- The names of the fields in which two filled ones differ.
function numbering.differences(a, b)
  local list = {}
  for _, field in ipairs(fields) do
    if a[field] ~= b[field] then
      list[#list + 1] = field
    end
  end
  return list
end

return numbering
