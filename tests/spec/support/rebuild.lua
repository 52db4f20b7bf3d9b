-- What the specs of rebuilt tables share: a table is made by sqlite3, changed by a revision, online and as a script,
-- and looked at.

local assert = require("luassert")
local moonbird = require("support.moonbird")

local rebuild = {}

--- The helpers around a project, which they make anew before each test (call it inside `describe`).
function rebuild.helpers(before_each, after_each)
  local p
  local t = {}

  local function start()
    p = moonbird.project("sqlite")
    t.project = p
  end

  --- A further project in the same test.
  function t.again()
    p:remove()
    start()
    return p
  end

  before_each(start)

  after_each(function()
    p:remove()
  end)

  -- Runs the setup in sqlite3 and `up` as a revision.
  local function run(setup, up, options)
    p:sql(setup)
    p:revision("a1", nil, up)
    local words = { "upgrade", "head" }
    if options and options.enforced then
      words = { "--url", p.url .. "?foreign_keys=on", "upgrade", "head" }
    end
    return p:run(words)
  end

  function t.check_database()
    assert.are.equal("ok", p:sql("PRAGMA integrity_check"))
    assert.are.equal("", p:sql("PRAGMA foreign_key_check"))
    assert.are.equal("0", p:sql("SELECT count(*) FROM sqlite_schema WHERE name LIKE '%moonbird_old%'"))
  end

  local SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_schema "
    .. "WHERE name NOT LIKE '%moonbird%' ORDER BY type, name"

  -- The same as a script, from an empty database, leaves the same.
  local function check_script(setup, up)
    local script = moonbird.project("sqlite")
    script:revision("a0", nil, "db:exec([==[" .. setup .. "]==])")
    script:revision("a1", "a0", up)
    script:write("script.sql", script:ok("upgrade head --sql").out)
    local output, code = moonbird.shell(("cd %s && sqlite3 -bail data.db < script.sql"):format(script.folder))
    assert.are.equal(0, code, output)
    assert.are.equal(p:sql(SCHEMA), script:sql(SCHEMA))
    assert.are.equal("ok", script:sql("PRAGMA integrity_check"))
    local rows = p:has_table("t") and "SELECT * FROM t" or "SELECT 1"
    assert.are.equal(p:sql(rows), script:sql(rows))
    script:remove()
  end

  function t.change(setup, up, options)
    local result = run(setup, up, options)
    assert.are.equal(0, result.code, result:describe())
    t.check_database()
    if not (options and options.online) then
      check_script(setup, up)
    end
    return result
  end

  --- Expects an error that says all of these, and that nothing was changed.
  function t.refuse(setup, up, ...)
    p:sql(setup)
    local before = p:sql(".dump")
    p:revision("a1", nil, up)
    local result = p:fails(1, "upgrade head")
    for _, text in ipairs({ ... }) do
      assert.is_truthy(result.err:find(text, 1, true), ("no %q in %s"):format(text, result.err))
    end
    p:sql("DROP TABLE IF EXISTS moonbird_version; DROP TABLE IF EXISTS moonbird_log")
    assert.are.equal(before, p:sql(".dump"))
  end

  function t.definition(name)
    return p:sql(("SELECT sql FROM sqlite_schema WHERE name = '%s'"):format(name or "t"))
  end

  function t.rows(columns)
    return p:sql(("SELECT %s FROM t ORDER BY 1"):format(columns or "*"))
  end

  return t
end

return rebuild
