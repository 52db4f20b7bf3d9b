-- settings.lua: settings of the session that a revision changes for itself, such as a search path: they are put back
-- when its script has ended, before Moonbird writes its own rows and before the next revision. Called by revision.lua
-- and sql_revision.lua. Which settings those are is the dialect's (`kept_settings`).

local host = require("moonbird.host")

local settings = {}

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

--- Calls f and puts the settings back. After an error the transaction is taken back, and they with it.
function settings.keep(f)
  local names, values = mentioned(), {}
  for _, name in ipairs(names) do
    values[name] = not host.offline and host.dialect:setting(host.connection, name) or nil
  end
  f()
  for _, name in ipairs(names) do
    if host.offline then
      host.script_add(host.dialect:reset_setting(name))
    else
      host.dialect:restore_setting(host.connection, name, values[name])
    end
  end
end

return settings
