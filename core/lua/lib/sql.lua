-- Values that need a word of their own: `sql "now()"` is raw SQL text, `blob "..."` is bytes. Everything in the library
-- that renders or binds a value asks here what it is; C knows both by the __name of their metatable, and their text
-- stands in field 1. Knows no dialect and no operation.

local host = require("moonbird.host")
local null = host.null

local Sql = { __name = "moonbird.sql" }
local Blob = { __name = "moonbird.blob" }

Sql.__tostring = function(value)
  return value[1]
end

Sql.__eq = function(a, b)
  return a[1] == b[1]
end

Blob.__len = function(value)
  return #value[1]
end

Blob.__eq = Sql.__eq

local sql = { null = null }

local function text_of(name, value)
  if type(value) ~= "string" then
    local what = value == nil and "nothing" or "a " .. type(value)
    error(("%s: argument 1 must be a string, got %s"):format(name, what), 3)
  end
  return value
end

function sql.new(text)
  return setmetatable({ text_of("sql", text) }, Sql)
end

function sql.blob(bytes)
  return setmetatable({ text_of("blob", bytes) }, Blob)
end

function sql.is(value)
  return getmetatable(value) == Sql
end

function sql.is_blob(value)
  return getmetatable(value) == Blob
end

function sql.is_null(value)
  return value == nil or value == null
end

-- op.f("name"): a name that a naming convention does not change.
local Final = { __name = "moonbird.final_name" }

Final.__tostring = Sql.__tostring

function sql.final(name)
  return setmetatable({ name }, Final)
end

function sql.is_final(value)
  return getmetatable(value) == Final
end

-- What stands behind the SQL of a call: nothing (nil), one table of parameters, or values, which become a list.
function sql.parameters(...)
  local count = select("#", ...)
  if count == 0 then
    return nil
  elseif count == 1 then
    local only = ...
    if type(only) == "table" and not sql.is(only) and not sql.is_blob(only) then
      return only
    end
  end
  local list = {}
  for index = 1, count do
    local value = select(index, ...)
    list[index] = value == nil and null or value
  end
  return list
end

-- SQL with texts in place of its placeholders: nil and their number where there are not so many. `??` becomes `?`. Only
-- with --sql (core/run/offline.c).
function sql.fill(text, texts)
  local pieces = host.sql_pieces(text, false)
  if #pieces ~= #texts + 1 then
    return nil, #pieces - 1
  end
  return sql.join(pieces, texts)
end

-- Pieces with one text between each two of them.
function sql.join(pieces, texts)
  local parts = { pieces[1] }
  for index, piece in ipairs(texts) do
    parts[#parts + 1] = piece
    parts[#parts + 1] = pieces[index + 1]
  end
  return table.concat(parts)
end

-- The text of `sql "..."`, or of a plain string where a string can only mean SQL.
function sql.text(value)
  return sql.is(value) and value[1] or value
end

-- Where the comment begins in which a text ends; nil where it does not.
function sql.last_comment(text)
  local at = text:find("--", 1, true) and text:find("['\"-]")
  while at do
    local first = text:sub(at, at)
    if first ~= "-" then
      at = text:find(first, at + 1, true) or #text
    elseif text:sub(at + 1, at + 1) == "-" then
      local last = text:find("\n", at, true)
      if not last then
        return at
      end
      at = last
    end
    at = text:find("['\"-]", at + 1)
  end
end

-- The same where more follows on the line, which a comment at the end must not swallow.
function sql.closed_text(value)
  local text = sql.text(value)
  return sql.last_comment(text) and text .. "\n" or text
end

return setmetatable(sql, {
  __call = function(_, text)
    return setmetatable({ text_of("sql", text) }, Sql)
  end,
})
