-- Drives the built program as a user would: projects in temporary folders, on SQLite and PostgreSQL, also behind a
-- pooler in transaction mode; the program with its output, exit code and a time limit, in front or behind; questions to
-- the database by its own shell.
--
-- Used by the specs of this folder: all that the parts beside it offer them. Knows nothing about the program's inside.

local files = require("support.files")
local process = require("support.process")
local project = require("support.project")
local run = require("support.run")
local uv = require("luv")

local moonbird = {
  program = run.program,
  root = uv.cwd(),
  postgres_url = project.postgres_url,
  pooler_url = project.pooler_url, -- the same server behind PgBouncer in transaction mode
  run = run.run,
  project = project.new,
  shell = process.shell,
  sleep = process.sleep,
  wait_until = process.wait_until,
  read_file = files.read,
  write_file = files.write,
  temporary_folder = files.temporary_folder,
  make_folder = files.make_folder,
  remove_folder = files.remove_folder,
}

--- A word for the shell.
function moonbird.quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

--- An error with the whole text where the part is not in it.
function moonbird.contains(text, part)
  if not text:find(part, 1, true) then
    error(("%q is not in:\n%s"):format(part, text), 2)
  end
end

--- A port that nobody listens on now.
function moonbird.free_port()
  local socket = uv.new_tcp()
  assert(socket:bind("127.0.0.1", 0))
  local port = socket:getsockname().port
  socket:close()
  uv.run("nowait")
  return ("%d"):format(port)
end

--- Variables of the environment for a run on a machine whose clock is so many seconds off; see other_clock.c.
function moonbird.other_clock(seconds)
  local library = moonbird.program:match("^(.*)/") .. "/tests/libother_clock.so"
  assert(uv.fs_stat(library), library .. " is not built")
  return {
    LD_PRELOAD = library,
    OTHER_CLOCK_S = tostring(seconds),
    ASAN_OPTIONS = (os.getenv("ASAN_OPTIONS") or "") .. ":verify_asan_link_order=0",
  }
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
