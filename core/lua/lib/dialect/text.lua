-- SQL text that somebody else wrote: where its strings, quoted names and comments end. Methods of the base dialect
-- (../dialect.lua takes them in), pure like it. The same rules as the scanner in C (core/sql/token.c), which reads the
-- same table `lexical`; tests/cases/placeholder.txt holds both to it.

local text = {}

-- The last byte of a quoted piece that begins at `at`. A doubled quote begins a further piece: that comes to the same.
local function quote_end(sql, at, quote)
  return sql:find(quote, at + 1, true) or #sql
end

local function escaped_end(sql, at)
  while true do
    at = sql:find("[\\']", at + 1)
    if not at then
      return #sql
    elseif sql:sub(at, at) == "'" then
      return at
    end
    at = at + 1
  end
end

local function comment_end(sql, at, nests)
  local depth = 1
  while depth > 0 do
    at = sql:find("[*/][*/]", at + 2)
    if not at then
      return #sql
    end
    local sign = sql:sub(at, at + 1)
    if sign == "*/" then
      depth = depth - 1
    elseif sign == "/*" and nests then
      depth = depth + 1
    else
      at = at - 1 -- `/` and `*` may begin another pair
    end
  end
  return at + 1
end

local function dollar_end(sql, at)
  local tag = sql:match("^%$%$", at) or sql:match("^%$[%a_\x80-\xff][%w_\x80-\xff]*%$", at)
  if not tag then
    return nil
  end
  local _, last = sql:find(tag, at + #tag, true)
  return last or #sql
end

-- The last byte of the string, quoted name, comment or word that begins at `at`; nil where there is none of these.
local function opaque_end(sql, at, rules)
  local first = sql:sub(at, at)
  if rules.e_strings and sql:find("^[eE]'", at) then
    return escaped_end(sql, at + 1)
  elseif first:find("[%w_\x80-\xff]") then
    return select(2, sql:find("^[%w_$\x80-\xff]+", at))
  elseif first == "'" then
    return rules.backslash_escapes and escaped_end(sql, at) or quote_end(sql, at, "'")
  elseif first == '"' or first == "`" and rules.backquotes then
    return quote_end(sql, at, first)
  elseif first == "[" and rules.brackets then
    return quote_end(sql, at, "]")
  elseif sql:find("^%-%-", at) or first == "#" and rules.hash_comments then
    return sql:find("\n", at, true) or #sql
  elseif sql:find("^/%*", at) then
    return comment_end(sql, at, rules.nested_comments)
  end
  return first == "$" and rules.dollar_quotes and dollar_end(sql, at) or nil
end

--- SQL that stands in a statement with parameters: a question mark of its own (an operator of jsonb) is doubled, so
--- that it is not taken for a placeholder.
function text:verbatim(sql)
  if not sql:find("?", 1, true) then
    return sql
  end
  local pieces, at = {}, 1
  while at <= #sql do
    local last = opaque_end(sql, at, self.lexical) or at
    local piece = sql:sub(at, last)
    pieces[#pieces + 1] = piece == "?" and "??" or piece
    at = last + 1
  end
  return table.concat(pieces)
end

--- Is the text one piece, so that it can stand in brackets? In "a) OR (b" the first bracket would end there, and what
--- is behind it would not be held by what is in front; a semicolon would end the statement.
function text:is_one_piece(sql)
  local at, depth = 1, 0
  while at <= #sql do
    local last = opaque_end(sql, at, self.lexical)
    local sign = not last and sql:sub(at, at)
    depth = depth + (sign == "(" and 1 or sign == ")" and -1 or 0)
    if depth < 0 or sign == ";" then
      return false
    end
    at = (last or at) + 1
  end
  return depth == 0
end

--- The tokens of a text without blanks and comments: { at =, last =, word = in capitals | sign = | is_string = true };
--- of a quoted name only its place.
function text:tokens(sql)
  local tokens, at, e_strings = {}, 1, self.lexical.e_strings
  while at <= #sql do
    local last, first = opaque_end(sql, at, self.lexical), sql:sub(at, at)
    local is_comment = last and (sql:find("^%-%-", at) or sql:find("^/%*", at) or first == "#")
    if not is_comment and not first:find("%s") then
      local token = { at = at, last = last or at, sign = not last and first or nil }
      token.is_string = last and (first == "'" or first == "$" or e_strings and sql:find("^[eE]'", at) ~= nil) or nil
      token.word = last and not token.is_string and first:find("[%w_\x80-\xff]") and sql:sub(at, last):upper() or nil
      tokens[#tokens + 1] = token
    end
    at = (last or at) + 1
  end
  return tokens
end

--- The first words of a statement in capitals with single blanks, comments in front passed over: enough to see what
--- kind of statement it is.
function text:leading_words(sql)
  local at, rules = 1, self.lexical
  while true do
    at = sql:find("[^%s;]", at) or #sql + 1
    local is_comment = sql:find("^%-%-", at) or sql:find("^/%*", at) or rules.hash_comments and sql:find("^#", at)
    if not is_comment then
      break
    end
    at = opaque_end(sql, at, rules) + 1
  end
  return (sql:sub(at, at + 999):upper():gsub("%s+", " "):gsub(" $", ""))
end

return text
