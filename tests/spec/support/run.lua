-- A run of the program: started in a folder, in front or behind, with its outputs in files, a time limit and an exit
-- code. No secret may be in what it says, and no finding of a sanitizer is taken for an answer.
--
-- Used through moonbird.lua. Knows nothing about projects and databases.

local files = require("support.files")
local process = require("support.process")
local uv = require("luv")

local run = {}

local program = os.getenv("MOONBIRD_TEST_PROGRAM") or "build-dev/moonbird"
run.program = program:sub(1, 1) == "/" and program or uv.cwd() .. "/" .. program

local Run = {}
Run.__index = Run

local function add_words(list, words)
  if type(words) == "table" then
    table.move(words, 1, #words, #list + 1, list)
  else
    for word in words:gmatch("%S+") do
      list[#list + 1] = word
    end
  end
end

-- The words of the command, and those of a shell around it where the options have some for it.
local function command_words(words, options)
  local list = {}
  if options.shell then
    add_words(list, { "bash", "-c", options.shell .. '; exec "$@"', "bash" })
  end
  add_words(list, options.before or {})
  list[#list + 1] = options.program or run.program
  add_words(list, words)
  return list
end

-- Nothing that the program says may hold a secret, and a finding of a sanitizer is never an answer.
local function check_output(self)
  for _, text in ipairs({ self.out, self.err }) do
    assert(not text:find("Sanitizer", 1, true) and not text:find("runtime error:", 1, true), self:describe())
    for _, secret in ipairs(self.secrets) do
      assert(not text:find(secret, 1, true), "the password is shown:\n" .. self:describe())
    end
  end
  assert(self.code ~= 99, self:describe())
end

function Run:describe()
  return ("%s\nexit code %s\n--- stdout\n%s--- stderr\n%s"):format(self.command, self.code, self.out, self.err)
end

--- Waits for the end, at most so many seconds; fills code, out, err. Past the time, the process is killed: an error.
function Run:wait(seconds)
  seconds = seconds or 60
  self.code = self.process:wait(seconds)
  self.out, self.err = self:so_far()
  if not self.code then
    self:kill("KILL")
    error(("did not end within %d s:\n%s"):format(seconds, self:describe()), 2)
  end
  check_output(self)
  files.remove_folder(self.files)
  return self
end

--- Ends it, if it has not ended, and drops what it has written.
function Run:stop()
  if not self.code then
    self:kill("KILL")
    self.process:wait(20)
    files.remove_folder(self.files)
  end
end

--- What it has written until now: stdout, stderr.
function Run:so_far()
  return files.read(self.files .. "/out") or "", files.read(self.files .. "/err") or ""
end

--- Sends a signal ("KILL", "INT") to the program itself.
function Run:kill(signal)
  self.process:kill(signal)
  return self
end

function Run:is_running()
  return self.process:is_running()
end

--- Starts the program in a folder; options: env, program, before (words in front, such as "nice"), stdin (a path),
--- stdout (a path instead of the captured output), shell (commands of the shell that run before it), secrets.
function run.start(folder, words, options)
  options = options or {}
  local self = setmetatable({ files = files.temporary_folder(), secrets = options.secrets or {} }, Run)
  local list = command_words(words, options)
  self.command = table.concat(list, " ")
  local stdio = {
    assert(uv.fs_open(options.stdin or "/dev/null", "r", 0)),
    assert(uv.fs_open(options.stdout or self.files .. "/out", "w", 420)), -- 0644
    assert(uv.fs_open(self.files .. "/err", "w", 420)),
  }
  self.process = process.start(list, { folder = folder, env = options.env, stdio = stdio })
  for _, descriptor in ipairs(stdio) do
    uv.fs_close(descriptor)
  end
  return self
end

--- Runs the program to its end: a table with code, out, err.
function run.run(folder, words, options)
  return run.start(folder, words, options):wait(options and options.timeout)
end

return run
