-- COPY ... FROM STDIN with its data, as dumps have it, as INSERT statements. A method of the dialect (../dialect.lua
-- takes it in). The format is that of COPY's text: lines of fields with tabs between, escapes with backslashes.

local check = require("moonbird.check")

local copy = {}

local ROWS_AT_ONCE, BYTES_AT_ONCE = 1000, 262144

local named = { b = "\b", f = "\f", r = "\r", t = "\t", v = "\v" }

-- A character as it stands in E'...', where the quotes of the field are doubled already.
local function in_string(char)
  return (char:gsub("['\\]", { ["'"] = "''", ["\\"] = "\\\\" }))
end

-- One escape, for E'...': `\n`, `\101`, `\x41`; of any other character the character itself. A line end in the data is
-- one in the statement, `\n` is none, so that lines of errors are right.
local function unescape(first, rest)
  local octal = (first .. rest):match("^[0-7][0-7]?[0-7]?")
  local hex = first == "x" and rest:match("^%x%x?")
  if hex then
    return in_string(string.char(tonumber(hex, 16))) .. rest:sub(#hex + 1)
  elseif octal then
    return in_string(string.char(tonumber(octal, 8) & 255)) .. (first .. rest):sub(#octal + 1)
  elseif first == "n" then
    return "\\n" .. rest
  elseif first == "'" then
    return first .. rest -- the second one of the pair follows
  end
  return in_string(named[first] or first) .. rest
end

-- Means the same whatever standard_conforming_strings says.
local function literal(field)
  if field == "\\N" then
    return "NULL"
  end
  local text = field:gsub("'", "''")
  if not field:find("\\", 1, true) then
    return "'" .. text .. "'"
  end
  return "E'" .. text:gsub("\\(.)([0-7x]?%x?%x?)", unescape) .. "'"
end

-- Fields with tabs between; one behind a backslash belongs to its field.
local function fields_of(line)
  local fields, start, at = {}, 1, 1
  while true do
    local found = line:find("[\\\t]", at) or #line + 1
    if line:sub(found, found) == "\\" then
      at = found + 2
    else
      fields[#fields + 1] = literal(line:sub(start, found - 1))
      if found > #line then
        return fields
      end
      start, at = found + 1, found + 1
    end
  end
end

local function row_text(line)
  return "(" .. table.concat(fields_of(line), ", ") .. ")"
end

local function is_escaped_at_end(text)
  return text:byte(-1) == 92 and #text:match("\\+$") % 2 == 1
end

-- An iterator over the rows, each with the number of its lines: a line end behind a backslash belongs to a field.
local function rows_of(data)
  local start = 1
  return function()
    local at, lines = start, 1
    while true do
      local found = data:find("\n", at, true)
      if not found then
        return nil
      end
      local row = data:sub(start, found - 1):gsub("\r$", "")
      if not is_escaped_at_end(row) then
        start = found + 1
        return row, lines
      end
      at, lines = found + 1, lines + 1
    end
  end
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

--- An iterator over the statements that bring the rows of the data into the table: each with the number of lines before
--- it. Each row stands on lines of its own behind the first, as in the data, so that lines of errors are right.
function copy.statements_for_data(_, text, data)
  -- what a dump holds goes back as it is, also into columns that are GENERATED ALWAYS AS IDENTITY
  local head = "INSERT INTO " .. target_of(text) .. " OVERRIDING SYSTEM VALUE VALUES\n"
  local next_row = rows_of(data)
  local before, line_count = 0, 0
  return function()
    local rows, bytes = {}, 0
    before, line_count = before + line_count, 0
    while #rows < ROWS_AT_ONCE and bytes < BYTES_AT_ONCE do
      local row, lines = next_row()
      if not row then
        break
      end
      rows[#rows + 1] = row_text(row)
      bytes, line_count = bytes + #row, line_count + lines
    end
    return rows[1] and head .. table.concat(rows, ",\n") or nil, before
  end
end

return copy
