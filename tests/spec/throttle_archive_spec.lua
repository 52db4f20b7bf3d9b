-- WAL that waits for an archive which takes nothing holds a backfill back until the archive takes it again.

local moonbird = require("support.moonbird")
local servers = require("support.servers")
local throttle = require("support.throttle")

local project, done, assert_held, assert_ends =
  throttle.project, throttle.done, throttle.assert_held, throttle.assert_ends

describe("an archive", function()
  local server
  setup(function()
    server = servers.start("postgres", { env = { POSTGRES_OPTIONS = "-c archive_mode=on" } })
  end)
  teardown(function()
    server:stop()
  end)

  local fillers = 0
  local function fill(p, segments)
    for _ = 1, segments do
      fillers = fillers + 1
      p:sql(("CREATE TABLE filler%d (i integer)"):format(fillers))
      p:sql("SELECT pg_switch_wal()")
    end
  end

  local function set_command(p, command)
    p:sql(("ALTER SYSTEM SET archive_command = '%s'"):format(command))
    p:sql("SELECT pg_reload_conf()")
  end

  -- `allowed`: may the role count the segments that are ready, or does it only see which one was archived last?
  local function held_by_archive(allowed)
    local p = project("postgres", "{ max_archive_backlog = 3 }", { server_url = server.postgres_url, people = 2000 })
    set_command(p, "/bin/false")
    fill(p, 1)
    moonbird.wait_until("the archive fails", 30, function()
      return p:sql("SELECT failed_count > 0 FROM pg_stat_archiver") == "t"
    end)
    local url = p.url
    if not allowed then
      p:sql("CREATE ROLE blind LOGIN PASSWORD 'blind'")
      p:sql("GRANT ALL ON SCHEMA public TO blind; GRANT ALL ON people TO blind")
      url = url:gsub("//.-@", "//blind:blind@")
    end
    local run = p:start({ "--url", url, "upgrade", "head" })
    moonbird.wait_until("rows", 20, function()
      return done(p) > 0
    end)
    fill(p, 5)
    assert_held(p, run, "throttled: WAL segments to archive: ")
    assert.truthy(throttle.stderr(run):find("WAL segments to archive: %d+, above 3"))
    set_command(p, "/bin/true")
    -- after three failures the archiver sleeps until a segment is full
    for _ = 1, 20 do
      fill(p, 1)
      moonbird.sleep(0.3)
      if p:sql("SELECT archived_count > 0 FROM pg_stat_archiver") == "t" then
        break
      end
    end
    assert_ends(p, run)
    p:remove()
  end

  it("that fails, and is mended", function()
    held_by_archive(true)
  end)

  it("that fails, as a role sees it that may not list the segments", function()
    held_by_archive(false)
  end)
end)
