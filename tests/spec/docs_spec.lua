-- Runs what the manual shows: each page of docs/ in a fresh folder, from its top to its end. Code blocks say what they
-- are behind their fence:
--
--   ```console           lines "$ command" with the output (both streams) that follows; "..." stands for anything in a
--                        line, a line that is only "..." for any number of lines
--   ```LANGUAGE title=F  the text of the file F
--   ```text              what is only looked at
--
-- Behind "console", the word "postgres" marks what needs a PostgreSQL server: its URL is $POSTGRES_URL in the
-- page's commands. "replica" marks the same on a page that has a server of its own, and its streaming replica at
-- $REPLICA_URL. "terminal" runs the commands on one of 80 columns: the output is what stays there behind a live screen.
-- $METRICS_PORT is a free port. Any other block (```lua, ```sh ...) is an error, so that nothing in the
-- manual stays unchecked by chance.
local moonbird = require("support.moonbird")
local servers = require("support.servers")
local quote = moonbird.quote

-- --- reading a page ---

local function block_of(info, line)
  local kind, rest = info:match("^(%S+)%s*(.*)$")
  local block = { kind = kind, line = line, lines = {}, title = rest:match("title=(%S+)") }
  block.replica = rest:find("replica", 1, true) ~= nil
  block.terminal = rest:find("terminal", 1, true) ~= nil
  block.postgres = block.replica or rest:find("postgres", 1, true) ~= nil
  assert(
    kind == "console" or kind == "text" or block.title,
    ("line %d: a block %q is neither console, text nor a file with a title"):format(line, info)
  )
  return block
end

local function blocks_of(path)
  local blocks, open, number = {}, nil, 0
  for line in io.lines(path) do
    number = number + 1
    local info = line:match("^```%s*(.-)%s*$")
    if open and info == "" then
      blocks[#blocks + 1], open = open, nil
    elseif open then
      open.lines[#open.lines + 1] = line
    elseif info then
      open = block_of(info, number)
    end
  end
  assert(not open, "a code block has no end")
  return blocks
end

-- The commands of a console block, each with the lines that it must print.
local function commands_of(block)
  local commands = {}
  for index, line in ipairs(block.lines) do
    local text = line:match("^%$ (.*)")
    if text then
      commands[#commands + 1] = { text = text, line = block.line + index, expected = {} }
    else
      local command = assert(commands[#commands], ("line %d: output without a command"):format(block.line + index))
      command.expected[#command.expected + 1] = line
    end
  end
  return commands
end

-- --- comparing ---

local function split_lines(text)
  local lines = {}
  for line in (text:gsub("\n+$", "") .. "\n"):gmatch("(.-)\n") do
    lines[#lines + 1] = (line:gsub("%s+$", ""))
  end
  return text:find("%S") and lines or {}
end

local function line_fits(expected, line)
  expected = expected:gsub("%s+$", "")
  -- a slow machine takes seconds
  local pattern = expected:gsub("%.%.%. ms%)", "... s)"):gsub("%p", "%%%0"):gsub("%%%.%%%.%%%. s", ".* m?s")
  pattern = pattern:gsub("%%%.%%%.%%%.", ".*")
  return line:find("^" .. pattern .. "$") ~= nil
end

local function lines_fit(expected, lines, i, j)
  i, j = i or 1, j or 1
  if i > #expected then
    return j > #lines
  elseif expected[i]:match("^%s*%.%.%.%s*$") then
    return lines_fit(expected, lines, i + 1, j) or j <= #lines and lines_fit(expected, lines, i, j + 1)
  end
  return j <= #lines and line_fits(expected[i], lines[j]) and lines_fit(expected, lines, i + 1, j + 1)
end

-- --- running ---

local function write_titled(folder, block)
  local path = folder .. "/" .. block.title
  moonbird.make_folder(path:match("^(.*)/"))
  moonbird.write_file(path, table.concat(block.lines, "\n") .. "\n")
end

local variables = { "MOONBIRD_CONFIG", "MOONBIRD_DATABASE_URL", "DATABASE_URL", "MOONBIRD_DRIVER_PATH", "VISUAL" }

-- The command in the shell of a user who has the program on the PATH and nothing of Moonbird's in the environment.
local function command_line(page, command)
  local words = {
    "cd " .. quote(page.folder) .. " && env -u " .. table.concat(variables, " -u "),
    "LC_ALL=C.UTF-8 EDITOR=cat HOME=.",
    "PATH=" .. quote(moonbird.program:match("^(.*)/")) .. ":$PATH",
    "MOONBIRD_SOURCE=" .. quote(moonbird.root),
    "POSTGRES_URL=" .. quote(page.url or ""),
    "REPLICA_URL=" .. quote(page.replica_url or ""),
    "METRICS_PORT=" .. page.metrics_port,
    "timeout 60 bash -c " .. quote(command.text) .. " </dev/null",
  }
  return table.concat(words, " ")
end

-- What stays on a terminal. Whoever shows a live screen must take it away again, and keep within the columns.
local function on_terminal(text)
  local screen, rest = text:match("^.-\27%[%?1049h(.-)\27%[%?1049l(.*)$")
  assert(screen, "there was no live screen:\n" .. text)
  for line in screen:gsub("\27%[H", "\n"):gsub("\27%[[%d;?]*%a", ""):gmatch("[^\r\n]+") do
    assert(utf8.len(line) <= 80, "too wide for the terminal: " .. line)
  end
  return (rest:gsub("\27%[[%d;?]*%a", ""):gsub("\r", ""))
end

-- A command of a block "terminal".
local function run_on_terminal(page, command)
  local inner = moonbird.quote("stty cols 80 rows 24; " .. command.text)
  local wrapped = { text = "script -qefc " .. inner .. " /dev/null" }
  return on_terminal(moonbird.shell(command_line(page, wrapped)))
end

local function run(page, command)
  local output = command.terminal and run_on_terminal(page, command) or moonbird.shell(command_line(page, command))
  assert(not output:find("Sanitizer", 1, true) and not output:find("runtime error:", 1, true), output)
  local lines = split_lines(output)
  if not lines_fit(command.expected, lines) then
    error(
      ("%s:%d: $ %s\n--- the page says\n%s\n--- it printed\n%s"):format(
        page.path,
        command.line,
        command.text,
        table.concat(command.expected, "\n"),
        table.concat(lines, "\n")
      ),
      0
    )
  end
end

local function run_blocks(page, blocks)
  for _, block in ipairs(blocks) do
    if block.title then
      write_titled(page.folder, block)
    elseif block.kind == "console" and (not block.postgres or page.url) then
      for _, command in ipairs(commands_of(block)) do
        command.terminal = block.terminal
        run(page, command)
      end
    end
  end
end

-- Does a block want what this word stands for?
local function needs(word, blocks)
  for _, block in ipairs(blocks) do
    if block[word] then
      return true
    end
  end
  return false
end

-- The URLs that a page's commands get; `close` ends what was made for it.
local function open_database(page, blocks)
  if not moonbird.postgres_url or not needs("postgres", blocks) then
    return function() end
  elseif needs("replica", blocks) then
    local cluster = servers.start("replica")
    page.url, page.replica_url = cluster.postgres_url, cluster.replica_url
    return function()
      cluster:stop()
    end
  end
  local project = moonbird.project("postgres")
  page.url = project.url
  return function()
    project:remove()
  end
end

-- Ends what the page has started behind its back: all that works in its folder.
local function end_leftovers(folder)
  local kill = 'for p in /proc/[0-9]*; do case "$(readlink $p/cwd)" in %s*) kill ${p#/proc/};; esac; done 2>/dev/null'
  os.execute(kill:format(folder))
end

-- --- pages ---

local function list_pages()
  local pages = {}
  for path in moonbird.shell("ls docs/*.md"):gmatch("[^\n]+") do
    pages[#pages + 1] = path
  end
  return pages
end

-- --- the names of the API ---

local print_names = [[
  for name, value in pairs(_ENV) do
    print("name", name)
    if type(value) == "table" and name ~= "_G" then
      for field in pairs(value) do print("name", name .. "." .. tostring(field)) end
    end
  end
  for method in pairs(getmetatable(db).__index) do print("name", "db." .. method) end
]]

local own_names = { revision = true, down_revision = true, upgrade = true, downgrade = true, print = true }
own_names.os, own_names["os.time"], own_names["os.date"] = true, true, true -- Lua's own, with a clock that stands still

local function names_that_a_script_sees()
  local project = moonbird.project("sqlite")
  project:revision("a1", nil, print_names)
  local names = {}
  for name in project:ok("upgrade head").err:gmatch("name%s+([%w_%.]+)\n") do
    names[name] = not own_names[name] and not name:find("%.__") or nil
  end
  project:remove()
  return names
end

describe("the manual", function()
  for _, path in ipairs(list_pages()) do
    local blocks = blocks_of(path)
    if needs("postgres", blocks) and not moonbird.postgres_url then
      pending(path .. ", where it speaks of PostgreSQL: $MOONBIRD_TEST_POSTGRES_URL is not set")
    end
    it("is right in " .. path, function()
      local page = { path = path, folder = moonbird.temporary_folder(), metrics_port = moonbird.free_port() }
      local close = open_database(page, blocks)
      local ok, problem = pcall(run_blocks, page, blocks)
      end_leftovers(page.folder)
      moonbird.remove_folder(page.folder)
      close()
      assert(ok, problem)
    end)
  end

  it("names, and library.lua declares, all that a script sees, and library.lua nothing else", function()
    local declared = {}
    for _, file in ipairs({ "library", "operations", "objects" }) do
      assert(loadfile("core/lua/annotations/" .. file .. ".lua", "t", declared))()
    end
    local names = names_that_a_script_sees()
    local page = ""
    for _, name in ipairs({ "lua-api", "operations", "schema-objects", "backfills" }) do
      page = page .. moonbird.read_file("docs/" .. name .. ".md")
    end
    for name, value in pairs(declared) do
      assert.is_true(names[name] == true, "library.lua declares " .. name)
      for field in pairs(type(value) == "table" and value or {}) do
        assert.is_true(names[name .. "." .. field] == true, ("library.lua declares %s.%s"):format(name, field))
      end
    end
    for name in pairs(names) do
      local place, field = name:match("^(.-)%.(.*)$")
      local known = place and (declared[place] or {})[field] or declared[name] ~= nil
      assert(known or name == "db.dialect" or place == "context", "library.lua lacks " .. name)
      assert(page:find("%f[%w]" .. (field or name) .. "%f[^%w_]"), "the manual lacks " .. name)
    end
  end)

  it("has no link that leads nowhere", function()
    for _, path in ipairs(list_pages()) do
      for target in moonbird.read_file(path):gmatch("%]%(([^)#]+)[^)]*%)") do
        local is_file = target:find("^%a+:") or moonbird.shell("ls docs/" .. quote(target)):find("No such") == nil
        assert(is_file, ("%s links to %s"):format(path, target))
      end
    end
  end)
end)
