-- Servers that a spec has for itself, because it freezes or restarts them or watches all of their sessions:
-- scripts/lib/postgres.sh, replica.sh and pgbouncer.sh. They end with stop(), and by themselves when the spec's process
-- has died.

local moonbird = require("support.moonbird")
local uv = require("luv")

local servers = {}

local Servers = {}
Servers.__index = Servers

--- Starts "postgres" (a server), "replica" (a server and its replica) or "pgbouncer" (in front of the server of all
--- specs); options: env. Gives what the script's MOONBIRD_TEST_... variables say: postgres_url, postgres_pid,
--- replica_url, replica_pid, pooler_url, pooler_pid.
function servers.start(kind, options)
  local self = setmetatable({ files = moonbird.temporary_folder() }, Servers)
  local files, words = self.files, { "env" }
  for name, value in pairs(options and options.env or {}) do
    words[#words + 1] = moonbird.quote(name .. "=" .. value)
  end
  words[#words + 1] = ("%s/scripts/lib/%s.sh --serve %s %d"):format(moonbird.root, kind, files, uv.os_getpid())
  os.execute(("( %s; rm -f %s/env ) >%s/log 2>&1 </dev/null &"):format(table.concat(words, " "), files, files))
  moonbird.wait_until(kind .. " starts", 60, function()
    return moonbird.read_file(files .. "/env")
  end)
  for name, value in moonbird.read_file(files .. "/env"):gmatch("MOONBIRD_TEST_([%u_]+)=([^\n]*)") do
    self[name:lower()] = value
  end
  return self
end

--- Has a word of the scripts done, such as "postgres_restart immediate 1"; waits for it unless `is_patient` is false.
function Servers:order(text, is_patient)
  os.remove(self.files .. "/done")
  moonbird.write_file(self.files .. "/new", text)
  os.rename(self.files .. "/new", self.files .. "/order")
  if is_patient ~= false then
    self:wait_for_order(text)
  end
end

function Servers:wait_for_order(text)
  moonbird.wait_until(text, 60, function()
    local failed = moonbird.read_file(self.files .. "/failed")
    assert(not failed, failed)
    return moonbird.read_file(self.files .. "/done")
  end)
end

--- Sends a signal ("STOP", "CONT") to a process and its children.
function servers.signal(pid, signal)
  moonbird.shell(("kill -%s %s $(ps -o pid= --ppid %s)"):format(signal, pid, pid))
end

--- Ends the servers and removes what they have written.
function Servers:stop()
  moonbird.write_file(self.files .. "/stop", "")
  moonbird.wait_until("servers end", 60, function()
    return not moonbird.read_file(self.files .. "/env")
  end)
  moonbird.remove_folder(self.files)
end

return servers
