--- Reads files of comma-separated values (RFC 4180): fields in quotes may hold commas, line ends and doubled quotes.
-- Revisions say require "csv": what stands in the environment's folder can be required by name.

local csv = {}

-- `require` gives a module its own path; files are named from the folder of this one.
local _, path = ...
local folder = path:match("^(.*)/") or "."

-- One field from `at` on; returns its text and where the separator behind it stands.
local function field(text, at)
  if text:sub(at, at) ~= '"' then
    local stop = text:find("[,\r\n]", at) or #text + 1
    return text:sub(at, stop - 1), stop
  end
  local from, quote = at + 1, at + 1
  repeat
    quote = assert(text:find('"', quote, true), "a quoted field has no end")
    local is_doubled = text:sub(quote + 1, quote + 1) == '"'
    quote = quote + (is_doubled and 2 or 0)
  until not is_doubled
  return text:sub(from, quote - 1):gsub('""', '"'), quote + 1
end

-- One record from `at` on; returns its fields and where the next record begins.
local function record(text, at)
  local fields = {}
  repeat
    fields[#fields + 1], at = field(text, at)
    local is_comma = text:sub(at, at) == ","
    at = at + (is_comma and 1 or 0)
  until not is_comma
  return fields, text:match("^\r?\n?()", at)
end

--- The rows of a text, each a table by the names in its first line.
function csv.parse(text)
  local names, at = record(text, 1)
  local rows = {}
  while at <= #text do
    local fields
    fields, at = record(text, at)
    local row = {}
    for index, name in ipairs(names) do
      row[name] = fields[index]
    end
    rows[#rows + 1] = row
  end
  return rows
end

--- The rows of a file; its name is relative to the environment's folder.
function csv.read(name)
  local file <close> = assert(io.open(folder .. "/" .. name, "rb"))
  return csv.parse(file:read("a"))
end

return csv
