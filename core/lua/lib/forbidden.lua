-- forbidden.lua: statements that a batch of a backfill must not contain: what ends its transaction or outlives it
-- (COMMIT, session settings) and DDL. A text may hold several statements, so each one's first word counts. Called by
-- statement.lua.

local host = require("moonbird.host")

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

-- Of one statement, by its first words: which, and why not; nil where it may run.
local function reason_of(part)
  local first, second = part:sub(1, 200):upper():match("^%s*([%a_][%w_]*)%s*([%w_]*)")
  local reason = reasons[first or ""]
  local is_local = first == "SET" and (second == "LOCAL" or second == "CONSTRAINTS")
  local is_savepoint = first == "ROLLBACK" and second == "TO"
  local is_question = first == "PRAGMA" and not part:find("=", 1, true)
  if reason and not is_local and not is_savepoint and not is_question then
    return first, reason
  end
  return nil
end

local function look(text)
  for _, part in ipairs(host.sql_statements(text)) do
    local words, reason = reason_of(part)
    if not words then
      words, reason = host.dialect:outlives_batch(part, reason_of)
    end
    if words then
      return words, reason
    end
  end
  return nil
end

-- A batch runs the same texts again and again.
local seen, seen_count, MOST_SEEN, LONGEST_SEEN = {}, 0, 64, 4096

--- Why a text must not run in a batch: the words of the statement, and the reason; nil where it may.
---@param text string
---@return string|nil words, string|nil reason
function forbidden.find(text)
  if seen[text] then
    return nil
  end
  local words, reason = look(text)
  if not words and #text <= LONGEST_SEEN then
    if seen_count == MOST_SEEN then
      seen, seen_count = {}, 0
    end
    seen[text], seen_count = true, seen_count + 1
  end
  return words, reason
end

return forbidden
