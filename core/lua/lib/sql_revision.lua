-- sql_revision.lua: runs the sections of a .sql revision, statement by statement. Called by core/run/step.c as a task;
-- core/run/sqlfile.c cuts the text. Knows the journal only through statement.lua.

local followed = require("moonbird.followed")
local host = require("moonbird.host")
local lock_wait = require("moonbird.lock_wait")
local settings = require("moonbird.settings")
local statement = require("moonbird.statement")

local sql_revision = {}

local NO_TRANSACTIONS = "%s in a .sql revision: transactions are Moonbird's. Take the statement out; "
  .. "`-- transaction: false` in the header runs the revision without one"

-- What a statement changes of the rules by which those behind it are read.
local function follow(reader, rules)
  for rule, value in pairs(rules or {}) do
    reader:set(rule, value)
  end
end

-- Calls f(text, line, piece, data) for each statement of a section; its errors get the place.
local function each(file, reader, whole, f)
  local dialect = host.dialect
  while true do
    local text, line, piece, data = reader:next(whole)
    if not text then
      return
    end
    local ok, problem = pcall(f, text, line, piece, data)
    if not ok then
      file:fail(problem, line)
    end
    follow(reader, dialect:lexical_after(text))
  end
end

local function check_statement(text, _, _, data)
  local word = statement.transaction_word(text)
  if word then
    error(NO_TRANSACTIONS:format(word), 0)
  elseif data then
    host.dialect:statements_for_data(text, "") -- refuses what it does not know
  end
end

-- Reads all of a section before anything of it is done.
local function check_section(file, section, rules)
  local reader = file:statements(section)
  if reader then
    follow(reader, rules)
    each(file, reader, false, check_statement)
  end
end

-- --- running ---

local OUTSIDE = "the database refuses this statement in a transaction: `-- transaction: false` in the header runs the "
  .. "revision without one, each statement is then committed by itself"

local function hint_for(text, problem)
  if host.in_transaction() and host.dialect:outside_transaction(text) then
    return OUTSIDE
  end
  return type(problem) == "userdata" and host.dialect:advice(problem.sqlstate, true, problem.statement) or nil
end

local AT_ONCE, BYTES_AT_ONCE = 200, 65536

-- Statements that wait to be executed together: handing each to the connection's thread would take longer than most
-- take to run. All of them are DDL, or none.
local Queue = {}
Queue.__index = Queue

local function new_queue(file)
  return setmetatable({ file = file, texts = {}, lines = {}, bytes = 0, is_ddl = false }, Queue)
end

function Queue:flush()
  local first = 1
  if #self.texts > 0 then
    lock_wait.prepare(self.texts)
  end
  while first <= #self.texts do
    local done, problem = host.connection:exec_all(self.texts, first)
    first = first + done
    if problem then
      self.file:fail(problem, self.lines[first], hint_for(self.texts[first], problem))
    end
    local ok
    ok, problem = pcall(host.check_transaction)
    if not ok then
      self.file:fail(problem, self.lines[first - 1])
    end
  end
  self.texts, self.lines, self.bytes = {}, {}, 0
end

function Queue:add(text, line)
  local is_ddl = lock_wait.is_ddl({ text })
  if is_ddl ~= self.is_ddl then
    self:flush()
    self.is_ddl = is_ddl
  end
  self.texts[#self.texts + 1], self.lines[#self.lines + 1] = text, line
  self.bytes = self.bytes + #text
  if #self.texts >= AT_ONCE or self.bytes >= BYTES_AT_ONCE then
    self:flush()
  end
end

-- In a transaction that no statement of the revision can end nothing has to be recorded, and a file of a million
-- statements takes no memory.
local function run_plain(file, reader)
  local queue = new_queue(file)
  each(file, reader, false, function(text, line, _, data)
    if not data then
      queue:add(text, line)
      return
    end
    local _, more_lines = text:gsub("\n", "")
    for insert, lines_before in host.dialect:statements_for_data(text, data) do
      queue:add(insert, line + more_lines + lines_before)
    end
  end)
  queue:flush()
end

local function run_recorded(file, reader)
  each(file, reader, false, function(text, _, _, data)
    local items = { not data and text or nil }
    for insert in data and host.dialect:statements_for_data(text, data) or function() end do
      items[#items + 1] = insert
    end
    statement.perform("sql", statement.shorten(text), items)
  end)
end

local function write(file, reader)
  each(file, reader, true, function(text, _, piece, data)
    host.script_add(piece, data ~= nil)
    followed.note(text)
  end)
end

local function runner(section)
  if host.offline then
    return write
  elseif section == "verify" or host.in_transaction() and not host.is_resumed() then
    return run_plain
  end
  return run_recorded
end

local function run_section(file, section, rules)
  local reader = file:statements(section)
  if reader then
    follow(reader, rules)
    runner(section)(file, reader)
  end
end

local function sections_of(direction)
  return direction == "upgrade" and { "up", "verify" } or { "down" }
end

local function check_sections(file, direction, rules)
  file:check()
  local sections = sections_of(direction)
  if not file:statements(sections[1]) then
    local problem = ("the file has no section `-- migrate:%s`"):format(sections[1])
    file:fail(problem, 1, "such a line begins it; the section may be empty")
  end
  for _, section in ipairs(sections) do
    check_section(file, section, rules)
  end
  return sections
end

--- Looks for what is no statement, or none for a revision, without running anything.
function sql_revision.check(file, direction)
  check_sections(file, direction)
end

--- Runs the section for the direction, and after an upgrade `verify` if there is one.
function sql_revision.run(file, direction)
  local rules = not host.offline and host.dialect:lexical_now(host.connection) or nil
  local sections = check_sections(file, direction, rules)
  settings.keep(function()
    for _, section in ipairs(sections) do
      run_section(file, section, rules)
    end
  end)
end

return sql_revision
