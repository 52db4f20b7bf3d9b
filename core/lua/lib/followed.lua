-- followed.lua: with --sql, what the script has made so far: a database in memory, of the same kind as the one that the
-- script is for, in which all its definitions are run as well. A dialect that must look at a table to change it
-- (dialect.rebuild) looks here, and what it does goes into the script. Used by offline.lua, sql_revision.lua and
-- statement.lua; knows no database by name.

local host = require("moonbird.host")

local followed = {}

local scratch -- the connection; false where the driver has no databases in memory

local function open()
  if scratch == nil then
    scratch = host.dialect.rebuild and host.script_scratch() or false
  end
  return scratch
end

-- Definitions that could not be followed: { text, problem }. What they speak of is not known.
local missed = {}

local function defines_something(text)
  local upper = text:upper()
  return upper:find("%f[%a]CREATE%f[%A]") or upper:find("%f[%a]ALTER%f[%A]") or upper:find("%f[%a]DROP%f[%A]")
end

-- CREATE TABLE IF NOT EXISTS, and the script has not made it: it may be there, and be another one.
local function may_be_another(text)
  local _, stop = text:upper():find("^%s*CREATE%s+TABLE%s+IF%s+NOT%s+EXISTS%f[%A]")
  if not stop then
    return false
  end
  scratch:exec("SAVEPOINT moonbird_followed")
  local is_new = pcall(scratch.exec, scratch, "CREATE TABLE" .. text:sub(stop + 1))
  scratch:exec("ROLLBACK TO moonbird_followed")
  scratch:exec("RELEASE moonbird_followed")
  return is_new
end

--- Takes down what the script says.
function followed.note(text)
  local instead = host.dialect.followed_text and host.dialect:followed_text(text)
  if not (instead or defines_something(text)) or not open() or may_be_another(text) then
    return
  end
  local ok, problem = pcall(scratch.exec, scratch, instead or text)
  if not ok then
    missed[#missed + 1] = { text = text, problem = tostring(problem) }
  end
end

--- The answer to an item's `when`: true or false, or nil where the script has not made the table.
function followed.wants(when)
  if not open() or not host.dialect:has_table(scratch, when.table, when.schema) then
    return nil
  end
  local wanted = scratch:scalar(when[1], when[2])
  return wanted == true or wanted == 1
end

-- --- the connection for dialect.rebuild ---

local connection = { is_script = true, missed = missed }

--- Goes into the script if it can be done.
function connection:exec(text)
  scratch:exec(text)
  host.script_add(text)
  return 0
end

function connection:query(text, ...)
  return scratch:query(text, ...)
end

function connection:scalar(text, ...)
  return scratch:scalar(text, ...)
end

--- Goes into the script alone.
function connection:write(text)
  host.script_add(text)
end

--- Is only made known.
function connection:suppose(text)
  scratch:exec(text)
end

function connection:refuse(message, hint)
  host.script_refuse(message, hint)
end

--- What answers dialect.rebuild while a script is written.
function followed.connection(shown)
  if not open() then
    host.script_refuse(
      shown .. " must look at the table, and a script has no connection",
      "run it online"
    )
  end
  return connection
end

return followed
