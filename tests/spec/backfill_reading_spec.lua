-- What looks at a backfill needs no permission to write: a role that only reads, a replica, a file that is only read.
-- Even `verify` counts there, and says that its result is not recorded.
local moonbird = require("support.moonbird")
local servers = require("support.servers")
local contains = moonbird.contains

local FILL = [[
return {
  table = "people", columns = { "counter" }, where = "counter = 0", done = "counter = 1", on_error = "quarantine",
  row = function(person)
    assert(person.id ~= 13, "bad luck")
    return { counter = person.counter + 1 }
  end,
}]]

-- What a walk that is not recorded leaves as it is.
local STATE = "SELECT observed, verified_at IS NULL, (SELECT count(*) FROM moonbird_backfill_log) "
  .. "FROM moonbird_backfill"

local function project(kind, server_url)
  local p = moonbird.project(kind, nil, server_url)
  p:people(100)
  p:backfill("fill", FILL)
  p:fails(8, "backfill run fill")
  return p
end

-- Everything that only looks, at `url`; `why` is what the database says of a write.
local function assert_readable(p, url, why)
  local function words(text)
    return ("backfill %s --url %s"):format(text, url)
  end
  local before = p:sql(STATE)
  contains(p:ok(words("status fill")).out, "done with bad rows")
  contains(p:ok(words("status --json")).out, '"bad_rows": 1')
  contains(p:ok(words("list")).out, "done with bad rows")
  contains(p:ok(words("log fill")).out, "finished")
  contains(p:ok(words("bad list fill")).out, "bad luck")
  contains(p:ok(words("bad show fill 13")).out, "bad luck")
  contains(p:ok(words("bad export fill")).out, "bad luck")
  contains(p:ok(words("plan fill")).out, "\n  throttle     ")

  local run = p:fails(8, words("verify fill"))
  contains(run.err, "backfill fill: 1 row is not done")
  contains(run.err, "warning: the result is not recorded: ")
  contains(run.err, why)
  run = p:fails(8, words("verify fill --json"))
  contains(run.out, '"rows_not_done":1')
  contains(run.out, '"recorded":false,"not_recorded_because":"')
  run = p:fails(1, words("verify fill --requeue"))
  contains(run.err, why)

  p:sql("UPDATE people SET counter = 1 WHERE id = 13")
  moonbird.wait_until("nothing is left to do", 20, function()
    run = p:run(words("verify fill"))
    return run.code == 0
  end)
  contains(run.err, "backfill fill: every row is done\n")
  contains(run.err, "the result is not recorded")
  assert.equals(before, p:sql(STATE))
  run = p:ok("backfill verify fill --json")
  contains(run.out, '"recorded":true,"not_recorded_because":null')
end

describe("a backfill can be looked at", function()
  it("in a SQLite file that is only read", function()
    local p = project("sqlite")
    assert_readable(p, "sqlite:///data.db?mode=ro", "readonly database")
    p:remove()
  end)

  if not moonbird.postgres_url then
    pending("on PostgreSQL: $MOONBIRD_TEST_POSTGRES_URL is not set")
    return
  end

  it("by a role that only reads", function()
    local p = project("postgres")
    local role = "reader_" .. p.database
    local url = p.url:gsub("//[^@]+@", "//" .. role .. ":secret@")
    p:sql(("CREATE ROLE %s LOGIN PASSWORD 'secret'"):format(role))
    p:sql(("GRANT SELECT ON ALL TABLES IN SCHEMA public TO %s"):format(role))
    assert_readable(p, url, "permission denied for table moonbird_backfill")

    -- It may say that it verifies, but not what it has found.
    p:sql(("GRANT UPDATE ON moonbird_backfill TO %s"):format(role))
    local run = p:ok("backfill verify fill --url " .. url)
    contains(run.err, "the result is not recorded: permission denied for table moonbird_backfill_log")
    assert.equals("done with bad rows", p:sql("SELECT observed FROM moonbird_backfill"))
    p:sql(("DROP OWNED BY %s; DROP ROLE %s"):format(role, role))
    p:remove()
  end)

  it("on a replica", function()
    local cluster = servers.start("replica")
    local p = project("postgres", cluster.postgres_url)
    local replica = cluster.replica_url:gsub("/[^/]*$", "/" .. p.database)
    moonbird.wait_until("the replica has it", 20, function()
      local run = p:run("backfill status fill --url " .. replica)
      return run.code == 0 and run.out:find("done with bad rows", 1, true)
    end)
    assert_readable(p, replica, "cannot execute UPDATE in a read-only transaction")
    p:remove()
    cluster:stop()
  end)
end)
