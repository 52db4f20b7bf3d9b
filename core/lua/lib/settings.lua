-- settings.lua: settings of the session that a revision changes for itself, such as a search path. They are put back
-- when its script has ended, and meanwhile when Moonbird writes its journal. Called by revision.lua, sql_revision.lua
-- and, for commit points, statement.lua. Which settings those are is the dialect's (`kept_settings`).

local host = require("moonbird.host")

local settings = {}

local kept = {} -- name -> value before the script that runs; empty where it mentions none

-- Only what stands in the script: so revisions that set nothing ask for nothing.
local function mentioned()
  local names = {}
  for _, name in ipairs(host.dialect.kept_settings) do
    if host.script_mentions(name) then
      names[#names + 1] = name
    end
  end
  return names
end

local function read(names)
  local values = {}
  for name in pairs(names) do
    values[name] = host.dialect:setting(host.connection, name)
  end
  return values
end

local function restore(values, present)
  for name, value in pairs(values) do
    if value ~= present[name] then
      host.dialect:restore_setting(host.connection, name, value)
    end
  end
end

local function write_resets(names)
  for _, name in ipairs(names) do
    host.script_add(host.dialect:reset_setting(name))
  end
end

--- Calls f and puts the settings back. After an error the transaction is taken back, and they with it.
function settings.keep(f)
  local names = mentioned()
  if host.offline then
    f()
    write_resets(names)
    return
  end
  restore(kept, read(kept)) -- an earlier try that has failed may have left some
  local set = {}
  for _, name in ipairs(names) do
    set[name] = true
  end
  kept = read(set)
  f()
  local before = kept
  kept = {}
  restore(before, read(before))
end

--- Calls f, which writes Moonbird's own rows, with the settings as they were before the script.
function settings.own(f)
  if next(kept) == nil then
    f()
    return
  end
  local present = read(kept)
  restore(kept, present)
  f()
  restore(present, kept)
end

--- Throws where the script has changed what Moonbird's own tables are found by: a backfill works on them and on the
--- script's at once.
function settings.refuse_other_path(what)
  local name = host.dialect.path_setting
  if name == nil or kept[name] == nil or host.dialect:setting(host.connection, name) == kept[name] then
    return
  end
  local message = "%s: the revision has changed %s, by which Moonbird's own tables are found. Set it back before, and "
    .. "name the schema of the table by the option `schema`"
  error(message:format(what, name), 0)
end

return settings
