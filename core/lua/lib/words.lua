-- words.lua: the words in braces of core/run/sql and core/backfill/sql: quoted names of Moonbird's own tables, and the
-- dialect's type names. Called once for a session by core/run/words.c.

local host = require("moonbird.host")
local own_tables = require("moonbird.own_tables")

--- All words for one dialect.
---@param dialect table
---@param version_table string
---@param schema string|nil
---@return table<string, string>
return function(dialect, version_table, schema)
  local words = {}
  for word, text in pairs(dialect.words) do
    words[(word:gsub("_$", ""))] = text
  end
  for word, name in pairs(own_tables) do
    words[word] = dialect:table_name(name, schema)
  end
  words.version = dialect:table_name(version_table, schema)
  words.claim = dialect:claim()
  words.claim_range = dialect:claim("r")
  words.claim_backfill = dialect:claim("b")
  words.claim_next = dialect:claim("r", true)
  words.clock = dialect:clock()
  words.later = dialect:later()
  -- what a script cannot ask: is the table there, and what time is it
  words.if_absent = host.offline and "IF NOT EXISTS " or ""
  words.now = words.now or "CURRENT_TIMESTAMP"
  words.version_pkc = dialect:ident(version_table .. "_pkc")
  return words
end
