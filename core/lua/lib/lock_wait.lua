-- lock_wait.lua: DDL of a revision waits for its locks for a short time only, where the database can say so and the
-- revision can be run again (core/run/lock_tries.c does that). Other statements wait as long as the connection lets
-- them. Called by statement.lua around each statement in a transaction, and by sql_revision.lua around several.

local host = require("moonbird.host")

local lock_wait = {}

local current -- the transaction that `limited` is said of
local limited -- true: our limit is set; false: it is not; "own": the script or the role has set one, which stands
local is_free = false -- true: a new transaction has no limit, as far as we have seen

local ddl_words = {
  ALTER = true,
  CLUSTER = true,
  COMMENT = true,
  CREATE = true,
  DROP = true,
  REFRESH = true,
  REINDEX = true,
  TRUNCATE = true,
}

--- Does one of the statements wait for locks that everybody else then waits behind?
function lock_wait.is_ddl(items)
  if not host.dialect.lock_wait_start then
    return false
  end
  for _, item in ipairs(items) do
    local text = type(item) == "string" and item or item[1]
    local word = text:match("^%s*(%a+)") or host.dialect:leading_words(text):match("^%a+")
    if word and ddl_words[word:upper()] then
      return true
    end
  end
  return false
end

-- The first time, and after a statement that is about the limit, the database is asked whether there is one.
local function start(timeout_ms, is_new)
  if is_new and is_free then
    host.connection:exec(host.dialect:lock_wait_set(timeout_ms))
    limited = true
  else
    limited = host.connection:scalar(host.dialect:lock_wait_start(timeout_ms)) and true or "own"
    is_free = is_new and limited == true
  end
  host.note_lock_limit(limited == true)
end

local function stop()
  host.connection:exec(host.dialect:lock_wait_stop())
  limited = false
  host.note_lock_limit(false)
end

local ABOUT = 200 -- bytes: where a statement says what it is about

local function is_about_limit(items)
  for _, item in ipairs(items) do
    local text = type(item) == "string" and item or item[1]
    if text:sub(1, ABOUT):find(host.dialect.lock_wait_word, 1, true) then
      return true
    end
  end
end

--- Before a statement: sets the limit, or takes it away.
function lock_wait.prepare(items)
  local timeout_ms = items and host.dialect.lock_wait_start and host.ddl_lock_timeout_ms() or 0
  if timeout_ms == 0 then
    return
  end
  local transaction, wanted = host.transaction_number(), lock_wait.is_ddl(items)
  local is_new = transaction ~= current
  if is_new then
    current, limited = transaction, false
  end
  if limited ~= "own" and wanted ~= limited then
    (wanted and start or stop)(timeout_ms, is_new)
  end
  is_free = is_free and (wanted or not is_about_limit(items))
end

--- A savepoint was taken back, and with it perhaps what was set after it.
function lock_wait.forget()
  current = nil
end

return lock_wait
