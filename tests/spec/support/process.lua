-- Processes of a test: started without a shell, in front or behind, waited for with a time limit. One loop of libuv
-- notices what has ended, whichever process is waited for: a killed one leaves no zombie behind that looks alive.
--
-- Used by the specs' other helpers. Knows nothing about Moonbird.

local uv = require("luv")

local process = {}

-- Handles are closed by callbacks only: one that the loop has not seen closed crashes luv when Lua ends.
local timer = uv.new_timer()

-- Runs the loop until the test holds, at most so long. One turn of the loop may run the timer first and then wait for
-- what is left, without end: so the timer repeats.
local function run_loop(seconds, test)
  local is_late = false
  uv.update_time()
  timer:start(math.ceil(seconds * 1000), 10, function()
    is_late = true
  end)
  while not test() and not is_late do
    uv.run("once")
  end
  timer:stop()
end

local function never()
  return false
end

function process.sleep(seconds)
  run_loop(seconds, never)
end

--- Waits until a test holds, looking every 20 ms. `seconds` is what it may take on a machine that does nothing else;
--- three times as many are waited, not counting what the test itself takes, and then it is an error.
function process.wait_until(what, seconds, test)
  local tries = seconds * 150
  while not test() do
    tries = tries - 1
    if tries <= 0 then
      error("waited in vain for: " .. what, 2)
    end
    process.sleep(0.02)
  end
end

-- This process's environment with more variables, as libuv wants it.
local function environment(more)
  local all, list = uv.os_environ(), {}
  for name, value in pairs(more or {}) do
    all[name] = value
  end
  for name, value in pairs(all) do
    list[#list + 1] = name .. "=" .. value
  end
  return list
end

local Process = {}
Process.__index = Process

-- By pid, those that have not ended. They end with the Lua that has started them: a spec that fails in the middle
-- leaves nothing behind that goes on working.
local running = setmetatable({}, {
  __gc = function(all)
    for pid in pairs(all) do
      uv.kill(pid, "sigkill")
    end
  end,
})

--- Starts a program: words[1], looked for in the PATH, with its arguments. options: folder, env (more variables), stdio
--- (three file descriptors, which stay the caller's).
function process.start(words, options)
  options = options or {}
  local self = setmetatable({}, Process)
  local handle, pid = uv.spawn(words[1], {
    args = table.move(words, 2, #words, 1, {}),
    stdio = options.stdio,
    cwd = options.folder,
    env = environment(options.env),
  }, function(code, signal)
    self.code = signal > 0 and 128 + signal or code
    running[self.pid] = nil
    self.handle:close()
  end)
  if not handle then
    uv.run("nowait")
    error(words[1] .. ": " .. pid, 2)
  end
  self.handle, self.pid = handle, pid
  running[pid] = self
  return self
end

function Process:is_running()
  uv.run("nowait")
  return not self.code
end

--- Sends a signal ("KILL", "INT"); nothing when it has ended.
function Process:kill(signal)
  if self:is_running() then
    self.handle:kill("sig" .. signal:lower())
  end
end

--- Its exit code, as a shell says it (128 and the number of a signal); nil when it is still running after the time.
function Process:wait(seconds)
  run_loop(seconds, function()
    return self.code
  end)
  return self.code
end

--- Runs a program to its end and that of all who hold its outputs; gives what was written on both, and the exit code.
function process.capture(words)
  local ends = assert(uv.pipe({ nonblock = true }, {}))
  local null = assert(uv.fs_open("/dev/null", "r", 0))
  local started = process.start(words, { stdio = { null, ends.write, ends.write } })
  uv.fs_close(null)
  uv.fs_close(ends.write)
  local pipe, parts = uv.new_pipe(), {}
  assert(pipe:open(ends.read))
  pipe:read_start(function(_, part)
    parts[#parts + 1] = part
    if not part then
      pipe:close()
    end
  end)
  run_loop(600, function()
    return started.code and pipe:is_closing()
  end)
  return table.concat(parts), started.code
end

--- The same for a command of the shell.
function process.shell(command)
  return process.capture({ "sh", "-c", command })
end

return process
