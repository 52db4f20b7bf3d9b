-- MD5 (RFC 1321) of a short text, in hexadecimal digits: SQLAlchemy cuts long names by it, and a database that Alembic
-- made has such names. Used by dialect/names.lua alone; nothing here is about security.

-- The integer parts of abs(sin(i)) * 2^32, and by how many bits each step rotates.
local sines, shifts = {}, {}
local rotations = { { 7, 12, 17, 22 }, { 5, 9, 14, 20 }, { 4, 11, 16, 23 }, { 6, 10, 15, 21 } }

for index = 0, 63 do
  sines[index] = math.floor(math.abs(math.sin(index + 1)) * 4294967296)
  shifts[index] = rotations[index // 16 + 1][index % 4 + 1]
end

-- Each of the four rounds mixes three words and takes the words of the block in an order of its own.
local rounds = {
  function(b, c, d, index)
    return b & c | ~b & d, index
  end,
  function(b, c, d, index)
    return d & b | ~d & c, (5 * index + 1) % 16
  end,
  function(b, c, d, index)
    return b ~ c ~ d, (3 * index + 5) % 16
  end,
  function(b, c, d, index)
    return c ~ (b | ~d & 0xffffffff), 7 * index % 16
  end,
}

local function rotated(value, bits)
  value = value & 0xffffffff
  return (value << bits | value >> (32 - bits)) & 0xffffffff
end

local function mix(state, block)
  local a, b, c, d = table.unpack(state)
  for index = 0, 63 do
    local mixed, word = rounds[index // 16 + 1](b, c, d, index)
    local sum = a + mixed + sines[index] + block[word + 1]
    a, d, c, b = d, c, b, (b + rotated(sum, shifts[index])) & 0xffffffff
  end
  for index, value in ipairs({ a, b, c, d }) do
    state[index] = (state[index] + value) & 0xffffffff
  end
end

---@param text string
---@return string digits 32 of them
return function(text)
  local padded = text .. "\x80" .. ("\0"):rep((55 - #text) % 64) .. string.pack("<I8", #text * 8)
  local state = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476 }
  for at = 1, #padded, 64 do
    mix(state, { string.unpack("<" .. ("I4"):rep(16), padded, at) })
  end
  return (string.pack("<I4I4I4I4", table.unpack(state)):gsub(".", function(byte)
    return ("%02x"):format(byte:byte())
  end))
end
