-- tokens.lua: SQL text as SQLite's own tokenizer cuts it, and a cursor over it. Used by what reads definitions
-- (create_table.lua, create_index.lua) and expressions; knows no grammar. Spaces and comments are not tokens: they are
-- what lies between two of them.

local check = require("moonbird.check")

local tokens = {}

-- --- cutting ---

-- Where the blank or comment that begins at `at` ends; nil for anything else. A block comment may lack its end.
local function blank_end(text, at)
  local _, last = text:find("^[ \t\n\f\r]+", at)
  if last then
    return last
  elseif text:find("^%-%-", at) then
    return (text:find("\n", at, true) or #text + 1) - 1
  elseif text:find("^/%*", at) then
    _, last = text:find("*/", at + 2, true)
    return last or #text
  end
end

-- Past a quoted piece whose quote is doubled inside of it.
local function quoted_end(text, at, quote)
  local from = at + 1
  while true do
    local last = text:find(quote, from, true)
    if not last or text:sub(last + 1, last + 1) ~= quote then
      return last
    end
    from = last + 2
  end
end

local function number_end(text, at)
  local _, last = text:find("^0[xX]%x+", at)
  if last then
    return last
  end
  _, last = text:find("^%d*%.?%d*", at)
  local _, exponent = text:find("^[eE][+-]?%d+", last + 1)
  return exponent or last
end

local long_marks = { ["||"] = true, ["->"] = true, ["<<"] = true, [">>"] = true, ["<="] = true, ["<>"] = true }
for _, mark in ipairs({ ">=", "==", "!=" }) do
  long_marks[mark] = true
end

local function mark_end(text, at)
  if text:sub(at, at + 2) == "->>" then
    return at + 2
  end
  return long_marks[text:sub(at, at + 1)] and at + 1 or at
end

-- The kind of the token at `at`, and its last byte (nil where a quote has no end).
local function token_at(text, at)
  local first = text:sub(at, at)
  if text:find("^[%a_\x80-\xff]", at) then
    if text:find("^[xX]'", at) then
      return "blob", quoted_end(text, at + 1, "'")
    end
    local _, last = text:find("^[%w_$\x80-\xff]+", at)
    return "word", last
  elseif first == "'" then
    return "string", quoted_end(text, at, first)
  elseif first == '"' or first == "`" then
    return "quoted", quoted_end(text, at, first)
  elseif first == "[" then
    return "quoted", text:find("]", at, true)
  elseif text:find("^%.?%d", at) then
    return "number", number_end(text, at)
  end
  return "mark", mark_end(text, at)
end

--- All tokens: { kind, text, from, to, word }. `kind` is word, quoted, string, number, blob or mark; `word` is a bare
--- word in capitals. Gives nil and the place where the text cannot be cut.
function tokens.list(text)
  local list, at = {}, 1
  while at <= #text do
    local blank = blank_end(text, at)
    if blank then
      at = blank + 1
    else
      local kind, last = token_at(text, at)
      if not last then
        return nil, at
      end
      local piece = text:sub(at, last)
      list[#list + 1] = { kind = kind, text = piece, from = at, to = last, word = kind == "word" and piece:upper() }
      at = last + 1
    end
  end
  return list
end

local closing = { ["["] = "]", ['"'] = '"', ["`"] = "`", ["'"] = "'" }

--- What a token names, without its quotes; nil for what cannot be a name.
function tokens.name(token)
  if token.kind == "word" then
    return token.text
  elseif token.kind ~= "quoted" and token.kind ~= "string" then
    return nil
  end
  local inner, quote = token.text:sub(2, -2), token.text:sub(1, 1)
  if closing[quote] == "]" then
    return inner
  end
  return (inner:gsub(quote .. quote, (quote:gsub("%%", "%%%%"))))
end

--- Names are compared as SQLite does: without regard to the case of the ASCII letters.
function tokens.same_name(a, b)
  return a ~= nil and b ~= nil and a:lower() == b:lower()
end

--- Does the text between two tokens hold a comment?
function tokens.has_comment(gap)
  return gap:find("--", 1, true) ~= nil or gap:find("/*", 1, true) ~= nil
end

--- Does a text end inside of a line comment?
function tokens.ends_in_comment(text)
  local at = 1
  while at <= #text do
    local last = blank_end(text, at)
    if last == #text and text:find("^%-%-", at) then
      return text:sub(-1) ~= "\n"
    end
    if not last then
      local _, stop = token_at(text, at)
      last = stop or #text
    end
    at = last + 1
  end
  return false
end

-- One spelling for what means the same: a name in any quotes, a word in any case, a number as it is.
local function canonical(token)
  if token.kind == "quoted" then
    return '"' .. tokens.name(token):lower() .. '"'
  elseif token.word then
    return token.word:find("^[%a_][%w_]*$") and token.word:lower() or '"' .. token.text .. '"'
  end
  return token.text
end

--- The tokens of an expression with single blanks, words in small letters, comments left out: equal for texts that
--- differ only in how they are written.
function tokens.normalize(text)
  local list = tokens.list(text)
  if not list then
    return text
  end
  local words = {}
  for index, token in ipairs(list) do
    words[index] = canonical(token):gsub('^"([a-z_][a-z0-9_]*)"$', "%1")
  end
  return table.concat(words, " ")
end

-- --- the cursor ---

local Cursor = {}
Cursor.__index = Cursor

--- A cursor at the first token; `what` is named in the error when the text is not as expected.
function tokens.cursor(text, what)
  local list, place = tokens.list(text)
  local cursor = setmetatable({ text = text, list = list, at = 1, what = what }, Cursor)
  if not list then
    check.refuse("the definition of %s cannot be read: a quote has no end at byte %d: %s", what, place, text)
  end
  return cursor
end

function Cursor:fail()
  local token = self.list[self.at]
  check.refuse(
    "the definition of %s cannot be read %s: %s",
    self.what,
    token and ("near %q"):format(token.text) or "at its end",
    self.text
  )
end

function Cursor:token(offset)
  return self.list[self.at + (offset or 0)]
end

function Cursor:word(offset)
  local token = self:token(offset)
  return token and token.word or nil
end

function Cursor:is_mark(mark)
  local token = self:token()
  return token ~= nil and token.kind == "mark" and token.text == mark
end

--- Past these bare words, if they are the next ones.
function Cursor:accept(...)
  local wanted = { ... }
  for index, word in ipairs(wanted) do
    if self:word(index - 1) ~= word then
      return false
    end
  end
  self.at = self.at + #wanted
  return true
end

function Cursor:accept_mark(mark)
  if not self:is_mark(mark) then
    return false
  end
  self.at = self.at + 1
  return true
end

function Cursor:expect(...)
  if not self:accept(...) then
    self:fail()
  end
end

function Cursor:expect_mark(mark)
  if not self:accept_mark(mark) then
    self:fail()
  end
end

--- The name that stands here, without quotes.
function Cursor:name()
  local token = self:token()
  local name = token and tokens.name(token)
  if not name then
    self:fail()
  end
  self.at = self.at + 1
  return name
end

--- Past a parenthesis and all that is in it; gives the text inside.
function Cursor:group()
  local first, depth = self:token(), 1
  self:expect_mark("(")
  while depth > 0 do
    local token = self:token()
    if not token then
      self:fail()
    elseif token.kind == "mark" then
      depth = depth + (token.text == "(" and 1 or token.text == ")" and -1 or 0)
    end
    self.at = self.at + 1
  end
  return self.text:sub(first.to + 1, self.list[self.at - 1].from - 1)
end

--- The text from token number `first` to the one before the cursor.
function Cursor:text_from(first)
  return self.text:sub(self.list[first].from, self.list[self.at - 1].to)
end

-- --- lists of columns ---

local function ends_element(self)
  return self:token() == nil or self:is_mark(",") or self:is_mark(")")
end

-- COLLATE x, ASC or DESC, NULLS FIRST or LAST behind an element: where they begin is where its expression ends.
local function element_suffix(self, element)
  if self:accept("COLLATE") then
    element.collate = self:name()
  end
  if self:word() == "ASC" or self:word() == "DESC" then
    element.order = self:word()
    self.at = self.at + 1
  end
  if self:word() == "NULLS" then
    element.nulls = self:word(1)
    self.at = self.at + 2
  end
  element.autoincrement = self:accept("AUTOINCREMENT") or nil
  return ends_element(self)
end

-- Moves over one expression, up to a comma or bracket of its own level.
local function skip_expression(self)
  while not ends_element(self) do
    if self:is_mark("(") then
      self:group()
    else
      self.at = self.at + 1
    end
  end
end

-- The last words of an expression may be ASC, DESC or NULLS ...: they are not part of it.
local function cut_order(self, first, element)
  local last = self.at - 1
  local before = self.list[last - 1]
  if self.list[last].word and before and before.word == "NULLS" then
    element.nulls = self.list[last].word
    last = last - 2
  end
  local word = self.list[last].word
  if last > first and (word == "ASC" or word == "DESC") then
    element.order = word
    last = last - 1
  end
  element.expression = self.text:sub(self.list[first].from, self.list[last].to)
end

local function element(self)
  local first, result = self.at, {}
  local name = tokens.name(self:token() or { kind = "mark" })
  if name then
    self.at = self.at + 1
    if element_suffix(self, result) then
      result.name = name
      result.text = self:text_from(first)
      return result
    end
  end
  self.at, result = first, {}
  skip_expression(self)
  if self.at == first then
    self:fail()
  end
  cut_order(self, first, result)
  result.text = self:text_from(first)
  return result
end

--- "(a, b DESC, lower(c))" as a list of { name or expression, collate, order, nulls, autoincrement, text }.
function Cursor:elements()
  local list = {}
  self:expect_mark("(")
  repeat
    list[#list + 1] = element(self)
  until not self:accept_mark(",")
  self:expect_mark(")")
  return list
end

return tokens
