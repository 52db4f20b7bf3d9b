-- COPY ... FROM STDIN with its data, as dumps have it, as INSERT statements. A method of the dialect (../dialect.lua
-- takes it in). The format is that of COPY's text: lines of fields with tabs between, escapes with backslashes.

local check = require("moonbird.check")

local copy = {}

local ROWS_AT_ONCE, BYTES_AT_ONCE = 1000, 262144

local named = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", v = "\v" }

-- What one escape means: `\n`, `\101`, `\x41`; of any other character the character itself.
local function unescape(field)
  field = field:gsub("\\(.)([0-7x]?%x?%x?)", function(first, rest)
    local octal = (first .. rest):match("^[0-7][0-7]?[0-7]?")
    local hex = first == "x" and rest:match("^%x%x?")
    if hex then
      return string.char(tonumber(hex, 16)) .. rest:sub(#hex + 1)
    elseif octal then
      return string.char(tonumber(octal, 8) & 255) .. (first .. rest):sub(#octal + 1)
    end
    return (named[first] or first) .. rest
  end)
  return field
end

local function literal(field)
  if field == "\\N" then
    return "NULL"
  elseif field:find("\\", 1, true) then
    field = unescape(field)
  end
  local quoted = field:gsub("'", "''")
  if quoted:find("\\", 1, true) then
    return "E'" .. quoted:gsub("\\", "\\\\") .. "'" -- means the same whatever standard_conforming_strings says
  end
  return "'" .. quoted .. "'"
end

local function row_text(line)
  local fields = {}
  for field in (line .. "\t"):gmatch("(.-)\t") do
    fields[#fields + 1] = literal(field)
  end
  return "(" .. table.concat(fields, ", ") .. ")"
end

-- "public.t (a, b)"
local function target_of(text)
  local upper = text:upper()
  local first, last = upper:find("%sFROM%s+STDIN%f[^%w_]")
  local options = upper:sub(last + 1):gsub("^%s*WITH%f[^%w_]", "")
  if options:find("%S") then
    check.refuse(
      "COPY ... FROM STDIN with options (%s) cannot be run by a revision, only its text format as it is without any; "
        .. "write the rows as INSERT statements",
      options:match("^%s*(.-)%s*$")
    )
  end
  return (text:sub(1, first - 1):gsub("^%s*%a+%s+", ""))
end

--- An iterator over the statements that bring the rows of the data into the table: each with the number of rows before
--- it. Each row stands on a line of its own behind the first, as in the data, so that lines of errors are right.
function copy.statements_for_data(_, text, data)
  -- what a dump holds goes back as it is, also into columns that are GENERATED ALWAYS AS IDENTITY
  local head = "INSERT INTO " .. target_of(text) .. " OVERRIDING SYSTEM VALUE VALUES\n"
  local next_line = data:gmatch("(.-)\r?\n")
  local before, count = 0, 0
  return function()
    local rows, bytes = {}, 0
    before = before + count
    while #rows < ROWS_AT_ONCE and bytes < BYTES_AT_ONCE do
      local line = next_line()
      if not line then
        break
      end
      rows[#rows + 1] = row_text(line)
      bytes = bytes + #line
    end
    count = #rows
    return rows[1] and head .. table.concat(rows, ",\n") or nil, before
  end
end

return copy
