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

--- Why a text must not run in a batch: the words of the statement, and the reason; nil where it may.
---@param text string
---@return string|nil words, string|nil reason
function forbidden.find(text)
  for _, part in ipairs(host.sql_statements(text)) do
    local first, second = part:upper():match("^([%a_][%w_]*)%s*([%w_]*)")
    local reason = reasons[first or ""]
    local is_local = first == "SET" and (second == "LOCAL" or second == "CONSTRAINTS")
    local is_savepoint = first == "ROLLBACK" and second == "TO"
    local is_question = first == "PRAGMA" and not part:find("=", 1, true)
    if reason and not is_local and not is_savepoint and not is_question then
      return first, reason
    end
  end
  return host.dialect:outlives_batch(text)
end

return forbidden
