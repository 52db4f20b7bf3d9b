-- forbidden.lua: statements that a batch of a backfill must not contain: what ends its transaction or outlives it
-- (COMMIT, session settings) and DDL. A text may hold several statements, so each one's first word counts. Pure; called
-- by statement.lua.

local forbidden = {}

local reasons = {}

local function add(reason, words)
  for word in words:gmatch("%u+") do
    reasons[word] = reason
  end
end

add(
  "the transaction of a batch is Moonbird's: it commits together with its checkpoint",
  "BEGIN START COMMIT END ROLLBACK ABORT"
)
add("a setting would outlive the batch; SET LOCAL holds for its transaction", "SET RESET DISCARD PRAGMA")
add(
  "DDL belongs into a revision, before or after the backfill",
  "CREATE ALTER DROP TRUNCATE RENAME COMMENT GRANT REVOKE REINDEX"
)
add("it cannot be in a batch's transaction", "VACUUM CLUSTER ATTACH DETACH LISTEN UNLISTEN PREPARE DEALLOCATE")

-- Patterns of what is no statement's text: blanks, comments, strings, quoted names. Each gives the position behind it.
local function skip(text, at)
  local two, one = text:sub(at, at + 1), text:sub(at, at)
  if two == "--" then
    return (text:find("\n", at, true) or #text) + 1
  elseif two == "/*" then
    local _, stop = text:find("*/", at + 2, true)
    return (stop or #text) + 1
  elseif one == "'" or one == '"' or one == "`" then
    return (text:find(one, at + 1, true) or #text) + 1
  end
  local tag = text:match("^%$[%a_]*[%w_]*%$", at)
  if tag then
    local _, stop = text:find(tag, at + #tag, true)
    return (stop or #text) + 1
  end
  return nil
end

-- The first two words of each statement of a text, in capitals.
local function heads(text)
  local list, at, words = {}, 1, nil
  while at <= #text do
    local behind = skip(text, at)
    if behind then
      at = behind
    elseif text:sub(at, at) == ";" then
      words, at = nil, at + 1
    else
      local word = text:match("^[%a_][%w_]*", at)
      if word and not words then
        words = { word:upper() }
        list[#list + 1] = words
      elseif word and #words < 2 then
        words[2] = word:upper()
      end
      at = at + (word and #word or 1)
    end
  end
  return list
end

--- Why a text must not run in a batch: the words of the statement, and the reason; nil where it may.
---@param text string
---@return string|nil words, string|nil reason
function forbidden.find(text)
  for _, words in ipairs(heads(text)) do
    local reason = reasons[words[1]]
    local is_local = words[1] == "SET" and (words[2] == "LOCAL" or words[2] == "CONSTRAINTS")
    local is_savepoint = words[1] == "ROLLBACK" and words[2] == "TO"
    if reason and not is_local and not is_savepoint then
      return words[1], reason
    end
  end
  return nil
end

return forbidden
