-- Drives the built program as a user would: projects in temporary folders, on SQLite and PostgreSQL, also behind a
-- pooler in transaction mode; the program with its output, exit code and a time limit, in front or behind; questions to
-- the database by its own shell.
--
-- Used by the specs of this folder. Knows nothing about the program's inside. Every run fails its test when a sanitizer
-- has found something or when the password of the database is in the output.

local moonbird = {}

local function absolute(path)
  local pipe = assert(io.popen("pwd"))
  local here = pipe:read("l")
  pipe:close()
  return path:sub(1, 1) == "/" and path or here .. "/" .. path
end

moonbird.program = absolute(os.getenv("MOONBIRD_TEST_PROGRAM") or "build-dev/moonbird")
moonbird.root = absolute(""):gsub("/$", "")
moonbird.postgres_url = os.getenv("MOONBIRD_TEST_POSTGRES_URL")
moonbird.pooler_url = os.getenv("MOONBIRD_TEST_POOLER_URL") -- the same server behind PgBouncer in transaction mode

-- --- the shell ---

function moonbird.quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end
local quote = moonbird.quote

--- Runs a command of the shell; returns what it wrote on both outputs, and its exit code.
function moonbird.shell(command)
  local pipe = assert(io.popen("exec 2>&1; " .. command))
  local text = pipe:read("a")
  local _, _, code = pipe:close()
  return text, code
end

local function shell_ok(command)
  local text, code = moonbird.shell(command)
  if code ~= 0 then
    error(("%s\nended with %s: %s"):format(command, code, text), 2)
  end
  return text
end

function moonbird.sleep(seconds)
  os.execute(("sleep %.3f"):format(seconds))
end

function moonbird.read_file(path)
  local file = io.open(path, "rb")
  if not file then
    return nil
  end
  local text = file:read("a")
  file:close()
  return text
end

function moonbird.write_file(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  assert(file:close())
end

function moonbird.temporary_folder()
  return (shell_ok("mktemp -d \"${TMPDIR:-/tmp}\"/moonbird-spec.XXXXXX"):gsub("\n", ""))
end

--- An error with the whole text where the part is not in it.
function moonbird.contains(text, part)
  if not text:find(part, 1, true) then
    error(("%q is not in:\n%s"):format(part, text), 2)
  end
end

--- A port that nobody listens on now.
function moonbird.free_port()
  local out = moonbird.shell([[/usr/bin/python3 -c '
import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])']])
  return out:match("%d+")
end

-- --- a run of the program ---

local Run = {}
Run.__index = Run

local function words_of(words)
  if type(words) == "table" then
    return words
  end
  local list = {}
  for word in words:gmatch("%S+") do
    list[#list + 1] = word
  end
  return list
end

-- The command line, with its environment and time limit, for the shell.
local function command_line(words, options)
  local parts = { "env" }
  for name, value in pairs(options.env or {}) do
    parts[#parts + 1] = quote(name .. "=" .. value)
  end
  if options.before then
    parts[#parts + 1] = options.before
  end
  parts[#parts + 1] = quote(options.program or moonbird.program)
  for _, word in ipairs(words_of(words)) do
    parts[#parts + 1] = quote(word)
  end
  return table.concat(parts, " ")
end

-- Nothing that the program says may hold a secret, and a finding of a sanitizer is never an answer.
local function check_output(run)
  for _, text in ipairs({ run.out, run.err }) do
    assert(not text:find("Sanitizer", 1, true) and not text:find("runtime error:", 1, true), run:describe())
    for _, secret in ipairs(run.secrets) do
      assert(not text:find(secret, 1, true), "the password is shown:\n" .. run:describe())
    end
  end
  assert(run.code ~= 99, run:describe())
end

function Run:describe()
  return ("%s\nexit code %s\n--- stdout\n%s--- stderr\n%s"):format(self.command, self.code, self.out, self.err)
end

--- Waits for the end, at most so many seconds; fills code, out, err. Past the time, the process is killed: an error.
function Run:wait(seconds)
  seconds = seconds or 60
  os.execute(("n=%d; while [ ! -s %s ] && [ $n -gt 0 ]; do sleep 0.02; n=$((n - 1)); done"):format(
    seconds * 50,
    quote(self.files .. "/code")
  ))
  local code = moonbird.read_file(self.files .. "/code")
  if not code or code == "" then
    self:kill("KILL")
    self.out, self.err = self:so_far()
    error(("did not end within %d s:\n%s"):format(seconds, self:describe()), 2)
  end
  self.code = tonumber(code)
  self.out, self.err = self:so_far()
  check_output(self)
  os.execute("rm -rf " .. quote(self.files))
  return self
end

--- What it has written until now: stdout, stderr.
function Run:so_far()
  return moonbird.read_file(self.files .. "/out") or "", moonbird.read_file(self.files .. "/err") or ""
end

--- Sends a signal ("KILL", "INT") to the program itself.
function Run:kill(signal)
  local pid = moonbird.read_file(self.files .. "/pid")
  if pid then
    os.execute(("kill -%s %s 2>/dev/null"):format(signal, pid:match("%d+")))
  end
  return self
end

function Run:is_running()
  local code = moonbird.read_file(self.files .. "/code")
  return not code or code == ""
end

--- Waits until a test holds, looking every 20 ms; an error after so many seconds.
function moonbird.wait_until(what, seconds, test)
  local tries = seconds * 50
  while not test() do
    tries = tries - 1
    if tries <= 0 then
      error("waited in vain for: " .. what, 2)
    end
    moonbird.sleep(0.02)
  end
end

--- Starts the program in a folder; options: env, program, before (words in front, such as "nice"), stdin (a path),
--- stdout (a path instead of the captured output), shell (commands of the shell that run before it), secrets.
function moonbird.start(folder, words, options)
  options = options or {}
  local run = setmetatable({ files = moonbird.temporary_folder(), secrets = options.secrets or {} }, Run)
  run.command = command_line(words, options)
  local files = run.files
  local inner = ("cd %s && echo $$ >%s/pid && %s exec %s"):format(
    quote(folder),
    run.files,
    options.shell and options.shell .. ";" or "",
    run.command
  )
  local stdin, stdout = quote(options.stdin or "/dev/null"), quote(options.stdout or files .. "/out")
  local body = ("bash -c %s <%s >%s 2>%s/err; echo $? >%s/new"):format(quote(inner), stdin, stdout, files, files)
  os.execute(("( %s; mv %s/new %s/code ) >/dev/null 2>&1 &"):format(body, files, files))
  return run
end

--- Runs the program to its end: a table with code, out, err.
function moonbird.run(folder, words, options)
  return moonbird.start(folder, words, options):wait(options and options.timeout)
end

-- --- projects ---

local Project = {}
Project.__index = Project

local postgres_number = 0

local function psql(url, text)
  return shell_ok(("psql -X -q -A -t -v ON_ERROR_STOP=1 %s -c %s"):format(quote(url), quote(text)))
end

local function use_postgres(project, server_url)
  postgres_number = postgres_number + 1
  project.database = ("spec_%s_%d"):format(shell_ok("echo $PPID-$$"):gsub("%s", ""):gsub("-", "_"), postgres_number)
  project.server_url = server_url
  psql(server_url, "CREATE DATABASE " .. project.database)
  project.shell_url = server_url:gsub("/[^/]*$", "/" .. project.database)
  project.url = project.shell_url
  local password = project.url:match("^%w+://[^:]+:([^@]+)@")
  if password then
    project.secrets = { password, (password:gsub("%%(%x%x)", function(hex)
      return string.char(tonumber(hex, 16))
    end)) }
  end
end

-- The pooler opens further server connections only while a client is there; transactions of the program shall meet on
-- different ones from the start.
local function use_pooler(project, pooler_url)
  use_postgres(project, moonbird.postgres_url)
  project.kind = "postgres"
  project.url = pooler_url:gsub("/[^/]*$", "/" .. project.database)
  psql(project.url, "SELECT pg_sleep(0.8)")
end

--- An environment in a temporary folder, its database empty: kind is "sqlite", "postgres" or "pooler" (PostgreSQL
--- behind PgBouncer). `ini` is more of the ini, `server_url` another server than that of all specs.
function moonbird.project(kind, ini, server_url)
  local project = setmetatable({ kind = kind, folder = moonbird.temporary_folder(), secrets = {} }, Project)
  if kind == "postgres" then
    use_postgres(project, server_url or moonbird.postgres_url)
  elseif kind == "pooler" then
    use_pooler(project, server_url or moonbird.pooler_url)
  else
    project.url = "sqlite:///data.db"
  end
  shell_ok("mkdir -p " .. project.folder .. "/migrations/versions")
  local url = project.url:gsub("%%", "%%%%")
  project:write(
    "moonbird.ini",
    ("[moonbird]\nscript_location = %%(here)s/migrations\nurl = %s\n%s"):format(url, ini or "")
  )
  return project
end

--- Drops what the project has made.
function Project:remove()
  os.execute("chmod -R u+w " .. quote(self.folder) .. " 2>/dev/null; rm -rf " .. quote(self.folder))
  if self.kind == "postgres" then
    psql(self.server_url, ("DROP DATABASE IF EXISTS %s WITH (FORCE)"):format(self.database))
  end
end

function Project:path(name)
  return self.folder .. "/" .. name
end

function Project:write(name, text)
  moonbird.write_file(self:path(name), text)
end

function Project:read(name)
  return moonbird.read_file(self:path(name))
end

local function lua_literal(value)
  if value == nil then
    return "nil"
  elseif type(value) == "table" then
    return '{ "' .. table.concat(value, '", "') .. '" }'
  end
  return '"' .. value .. '"'
end

--- Writes versions/ID_test.lua; `up` and `down` are the bodies of its functions. options: before (text between the
--- header and the functions), header (more lines of the header), message.
function Project:revision(id, parent, up, down, options)
  options = options or {}
  local name = ("migrations/versions/%s_test.lua"):format(id)
  self:write(
    name,
    table.concat({
      "--- " .. (options.message or "Revision " .. id),
      ("revision = %q"):format(id),
      "down_revision = " .. lua_literal(parent),
      options.header or "",
      options.before or "",
      "function upgrade()\n" .. (up or "") .. "\nend\n",
      "function downgrade()\n" .. (down or "") .. "\nend\n",
    }, "\n")
  )
  return name
end

--- Writes backfills/NAME.lua: the text of a file that returns the table of a backfill.
function Project:backfill(name, text)
  shell_ok("mkdir -p " .. quote(self:path("migrations/backfills")))
  self:write("migrations/backfills/" .. name .. ".lua", text)
end

local function with_secrets(project, options)
  local copy = { secrets = project.secrets }
  for name, value in pairs(options or {}) do
    copy[name] = value
  end
  return copy
end

function Project:run(words, options)
  return moonbird.run(self.folder, words, with_secrets(self, options))
end

function Project:start(words, options)
  return moonbird.start(self.folder, words, with_secrets(self, options))
end

--- Runs and expects exit code 0.
function Project:ok(words, options)
  local run = self:run(words, options)
  if run.code ~= 0 then
    error("expected to succeed: " .. run:describe(), 2)
  end
  return run
end

--- Runs and expects this exit code.
function Project:fails(code, words, options)
  local run = self:run(words, options)
  if run.code ~= code then
    error(("expected exit code %d: %s"):format(code, run:describe()), 2)
  end
  return run
end

--- What the database's own shell prints: columns parted by "|", one row a line, no line end behind the last.
function Project:sql(text)
  local output
  if self.kind == "postgres" then
    output = psql(self.shell_url, text)
  else
    output = shell_ok(("sqlite3 -bail -cmd '.timeout 10000' %s %s"):format(quote(self:path("data.db")), quote(text)))
  end
  return (output:gsub("\n$", ""))
end

--- Names of all tables, sorted, with commas.
function Project:tables()
  return self:sql(
    self.kind == "postgres"
        and "SELECT string_agg(tablename, ',' ORDER BY tablename) FROM pg_tables WHERE schemaname = 'public'"
      or "SELECT group_concat(name) FROM (SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name)"
  )
end

function Project:has_table(name)
  return ("," .. self:tables() .. ","):find("," .. name .. ",", 1, true) ~= nil
end

--- Names of the columns of a table, in order, with commas.
function Project:columns(name)
  return self:sql(
    (
      self.kind == "postgres"
        and "SELECT string_agg(column_name, ',' ORDER BY ordinal_position) FROM information_schema.columns"
          .. " WHERE table_name = '%s'"
      or "SELECT group_concat(name) FROM pragma_table_info('%s')"
    ):format(name)
  )
end

--- A table `people` with n rows, id 1..n, full_name "First<id> Last<id>", counter 0.
function Project:people(n)
  self:sql("CREATE TABLE people (id bigint NOT NULL PRIMARY KEY, full_name text, counter integer NOT NULL)")
  self:sql(
    ("INSERT INTO people WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "):format(n)
      .. "SELECT i, 'First' || i || ' Last' || i, 0 FROM n"
  )
end

--- Calls f("pooler") inside a `describe`, as each_database does.
function moonbird.behind_pooler(describe, pending, f)
  if moonbird.pooler_url then
    describe("behind PgBouncer", function()
      f("pooler")
    end)
  else
    pending("behind PgBouncer: $MOONBIRD_TEST_POOLER_URL is not set")
  end
end

--- Calls f(kind) inside a `describe` for each database; PostgreSQL is pending where no server was named.
function moonbird.each_database(describe, pending, f)
  describe("on SQLite", function()
    f("sqlite")
  end)
  if moonbird.postgres_url then
    describe("on PostgreSQL", function()
      f("postgres")
    end)
  else
    pending("on PostgreSQL: $MOONBIRD_TEST_POSTGRES_URL is not set")
  end
end

return moonbird
