-- What a batch of a backfill must not contain although its first word is allowed: functions whose effect outlives the
-- transaction, SELECT ... INTO, and what stands in a DO block. Methods of the dialect (../dialect.lua takes them in);
-- called by core/lua/lib/forbidden.lua, which looks at first words and hands its `reason_of` in.
--
-- The body of a DO block is read as far as it takes to know where a statement begins in PL/pgSQL: only there is a word
-- looked at, so that a variable or a column may be called as it likes.

local batch_words = {}

-- --- functions ---

local function session_function(text)
  local lower = text:lower()
  for _, name in ipairs({ "pg_advisory_lock", "pg_try_advisory_lock" }) do
    if lower:find("%f[%w_]" .. name .. "%s*%(") or lower:find("%f[%w_]" .. name .. "_shared%s*%(") then
      local own = name:gsub("advisory", "advisory_xact")
      return name, ("the lock would outlive the batch; %s ends with its transaction"):format(own)
    end
  end
  if lower:find("%f[%w_]set_config%s*%(.-,%s*false%s*%)") then
    return "set_config(..., false)", "a setting would outlive the batch; with true it holds for its transaction"
  end
  return nil
end

-- --- SELECT ... INTO ---

-- `tokens` as dialect:tokens gives them. The word is reserved: behind INSERT or MERGE it is theirs, behind AS or a dot
-- it is a name.
local function select_into(tokens)
  for index = 2, #tokens do
    local before = tokens[index - 1]
    local is_other = before.word == "INSERT" or before.word == "MERGE" or before.word == "AS" or before.sign == "."
    if tokens[index].word == "INTO" and not is_other then
      return "SELECT ... INTO", "it makes a table: DDL belongs into a revision, before or after the backfill"
    end
  end
  return nil
end

-- --- DO blocks ---

-- The text that a string stands for, from the token at `index`; a doubled quote has made several tokens of one.
local function string_text(sql, tokens, index)
  local token = tokens[index]
  local piece = sql:sub(token.at, token.last)
  local tag = piece:match("^%$[^$]*%$")
  if tag then
    return piece:sub(#tag + 1, -#tag - 1)
  end
  local last = token.last
  while tokens[index + 1] and tokens[index + 1].at == last + 1 and tokens[index + 1].is_string do
    index = index + 1
    last = tokens[index].last
  end
  return (sql:sub(token.at, last):match("'(.*)'"):gsub("''", "'"))
end

-- The index behind the next `word` or `sign` that is not inside of a CASE expression.
local function behind(tokens, index, wanted)
  local depth = 0
  while tokens[index] do
    local token = tokens[index]
    if depth == 0 and (token.word == wanted or token.sign == wanted) then
      return index + 1
    elseif token.word == "CASE" then
      depth = depth + 1
    elseif token.word == "END" and depth > 0 then
      depth = depth - 1
    end
    index = index + 1
  end
  return index
end

-- Behind these a statement begins at once.
local opening = { BEGIN = true, LOOP = true, ELSE = true, EXCEPTION = true }
-- What begins so goes on up to that word, and then a statement begins.
local heads = {
  DECLARE = "BEGIN",
  IF = "THEN",
  ELSIF = "THEN",
  ELSEIF = "THEN",
  CASE = "THEN",
  WHEN = "THEN",
  FOR = "LOOP",
  FOREACH = "LOOP",
  WHILE = "LOOP",
}

-- EXECUTE 'text', EXECUTE format('text', ...): what is known of the statement that it runs.
local function executed_text(body, tokens, index)
  index = index + 1
  while tokens[index] and (tokens[index].sign == "(" or tokens[index].word == "FORMAT") do
    index = index + 1
  end
  return tokens[index] and tokens[index].is_string and string_text(body, tokens, index) or nil
end

-- Of the statement that begins at the token.
local function reason_at(body, tokens, index, reason_of)
  local token, next_one = tokens[index], tokens[index + 1]
  if not token.word or token.word == "END" or next_one and next_one.sign and next_one.sign:find("[:=%[.]") then
    return nil -- a block's end; a variable gets a value
  elseif token.word == "EXECUTE" then
    local text = executed_text(body, tokens, index)
    if text then
      return reason_of(text)
    end
    return nil
  end
  return reason_of(body:sub(token.at))
end

local function reason_in(self, body, reason_of)
  local tokens, index = self:tokens(body), 1
  while tokens[index] do
    local word, sign = tokens[index].word, tokens[index].sign
    if opening[word] or sign == ";" then
      index = index + 1
    elseif heads[word] then
      index = behind(tokens, index + 1, heads[word])
    elseif sign == "<" then
      index = index + 5 -- <<label>>
    elseif sign == "#" then
      index = index + 3 -- #option value
    else
      local found, reason = reason_at(body, tokens, index, reason_of)
      if found then
        return found, reason
      end
      index = behind(tokens, index, ";")
    end
  end
  return nil
end

-- Other languages have other statements: their blocks are left alone.
local function do_block(self, text, tokens, reason_of)
  local body
  for index, token in ipairs(tokens) do
    local next_one = tokens[index + 1]
    if token.word == "LANGUAGE" and next_one and not text:sub(next_one.at, next_one.last):lower():find("plpgsql") then
      return nil
    end
    local is_language = index > 1 and tokens[index - 1].word == "LANGUAGE"
    body = body or token.is_string and not is_language and string_text(text, tokens, index) or nil
  end
  if not body then
    return nil
  end
  local found, reason = reason_in(self, body, reason_of)
  return found and found .. " in a DO block", reason
end

local queries = { SELECT = true, WITH = true, [""] = true }

function batch_words:outlives_batch(text, reason_of)
  local found, reason = session_function(text)
  if found then
    return found, reason
  end
  local first = text:match("^%a*"):upper()
  if queries[first] then
    return select_into(self:tokens(text))
  elseif first == "DO" then
    return do_block(self, text, self:tokens(text), reason_of)
  end
  return nil
end

return batch_words
