-- A project of a test: an environment in a temporary folder with a database of its own, on SQLite, on PostgreSQL or on
-- PostgreSQL behind PgBouncer; its revisions and backfills, runs of the program in it, questions to the database.
--
-- Used through moonbird.lua.

local files = require("support.files")
local process = require("support.process")
local run = require("support.run")
local uv = require("luv")

local project = {
  postgres_url = os.getenv("MOONBIRD_TEST_POSTGRES_URL"),
  pooler_url = os.getenv("MOONBIRD_TEST_POOLER_URL"),
}

local Project = {}
Project.__index = Project

local postgres_number = 0

-- What a database's own shell prints, without the last line's end.
local function ask(words)
  local text, code = process.capture(words)
  if code ~= 0 then
    error(("%s\nended with %s: %s"):format(table.concat(words, " "), code, text), 2)
  end
  return (text:gsub("\n$", ""))
end

local function psql(url, text)
  return ask({ "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", url, "-c", text })
end

local function use_postgres(self, server_url)
  postgres_number = postgres_number + 1
  self.database = ("spec_%d_%d"):format(uv.os_getpid(), postgres_number)
  self.server_url = server_url
  psql(server_url, "CREATE DATABASE " .. self.database)
  self.shell_url = server_url:gsub("/[^/]*$", "/" .. self.database)
  self.url = self.shell_url
  local password = self.url:match("^%w+://[^:]+:([^@]+)@")
  if password then
    self.secrets = { password, (password:gsub("%%(%x%x)", function(hex)
      return string.char(tonumber(hex, 16))
    end)) }
  end
end

-- The pooler opens further server connections only while a client is there; transactions of the program shall meet on
-- different ones from the start.
local function use_pooler(self, pooler_url)
  use_postgres(self, project.postgres_url)
  self.kind = "postgres"
  self.url = pooler_url:gsub("/[^/]*$", "/" .. self.database)
  psql(self.url, "SELECT pg_sleep(0.8)")
end

--- An environment in a temporary folder, its database empty: kind is "sqlite", "postgres" or "pooler" (PostgreSQL
--- behind PgBouncer). `ini` is more of the ini, `server_url` another server than that of all specs.
function project.new(kind, ini, server_url)
  local self = setmetatable({ kind = kind, folder = files.temporary_folder(), secrets = {}, runs = {} }, Project)
  if kind == "postgres" then
    use_postgres(self, server_url or project.postgres_url)
  elseif kind == "pooler" then
    use_pooler(self, server_url or project.pooler_url)
  else
    self.url = "sqlite:///data.db"
  end
  files.make_folder(self.folder .. "/migrations/versions")
  local url = self.url:gsub("%%", "%%%%")
  self:write(
    "moonbird.ini",
    ("[moonbird]\nscript_location = %%(here)s/migrations\nurl = %s\n%s"):format(url, ini or "")
  )
  return self
end

--- Ends the programs that it has started and that have not ended.
function Project:stop_programs()
  for _, started in ipairs(self.runs) do
    started:stop()
  end
end

--- Ends its programs, and drops what the project has made.
function Project:remove()
  self:stop_programs()
  files.remove_folder(self.folder)
  if self.kind == "postgres" then
    psql(self.server_url, ("DROP DATABASE IF EXISTS %s WITH (FORCE)"):format(self.database))
  end
end

function Project:path(name)
  return self.folder .. "/" .. name
end

function Project:write(name, text)
  files.write(self:path(name), text)
end

function Project:read(name)
  return files.read(self:path(name))
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
  files.make_folder(self:path("migrations/backfills"))
  self:write("migrations/backfills/" .. name .. ".lua", text)
end

local function with_secrets(self, options)
  local copy = { secrets = self.secrets }
  for name, value in pairs(options or {}) do
    copy[name] = value
  end
  return copy
end

--- Starts the program in the project's folder; options: as of run.start.
function Project:start(words, options)
  local started = run.start(self.folder, words, with_secrets(self, options))
  table.insert(self.runs, started)
  return started
end

function Project:run(words, options)
  return self:start(words, options):wait(options and options.timeout)
end

--- Runs and expects exit code 0.
function Project:ok(words, options)
  local ended = self:run(words, options)
  if ended.code ~= 0 then
    error("expected to succeed: " .. ended:describe(), 2)
  end
  return ended
end

--- Runs and expects this exit code.
function Project:fails(code, words, options)
  local ended = self:run(words, options)
  if ended.code ~= code then
    error(("expected exit code %d: %s"):format(code, ended:describe()), 2)
  end
  return ended
end

--- What the database's own shell prints: columns parted by "|", one row a line, no line end behind the last.
function Project:sql(text)
  if self.kind == "postgres" then
    return psql(self.shell_url, text)
  end
  return ask({ "sqlite3", "-bail", "-cmd", ".timeout 10000", self:path("data.db"), text })
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

--- The schema as models, for comparing: on PostgreSQL in the order of the lines, since a column that comes back is the
--- last one there.
function Project:dump()
  local text, lines = self:ok("dump").out, {}
  if self.kind ~= "postgres" then
    return text
  end
  for line in text:gmatch("[^\n]+") do
    lines[#lines + 1] = line
  end
  table.sort(lines)
  return table.concat(lines, "\n")
end

--- A table `people` with n rows, id 1..n, full_name "First<id> Last<id>", counter 0.
function Project:people(n)
  self:sql("CREATE TABLE people (id bigint NOT NULL PRIMARY KEY, full_name text, counter integer NOT NULL)")
  self:sql(
    ("INSERT INTO people WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "):format(n)
      .. "SELECT i, 'First' || i || ' Last' || i, 0 FROM n"
  )
end

return project
