-- What happens to an interrupted backfill whose script has changed meanwhile, what a resumed run sees of time and
-- chance, and how a row that cannot be written is named.
local moonbird = require("support.moonbird")

local GATE = '  assert(io.open("go"), "not yet")'

local function split(row)
  return ('op.backfill { table = "people", size = 10, row = function(p) %s end }'):format(row)
end

describe("a backfill that has begun", function()
  moonbird.each_database(describe, pending, function(kind)
    local p
    before_each(function()
      p = moonbird.project(kind)
      p:sql("CREATE TABLE people (id integer PRIMARY KEY, n integer NOT NULL)")
      local rows = {}
      for id = 1, 100 do
        rows[id] = ("(%d, 0)"):format(id)
      end
      p:sql("INSERT INTO people VALUES " .. table.concat(rows, ", "))
    end)
    after_each(function()
      p:remove()
    end)

    local BAD = split('if p.id == 55 then error("no") end return { n = p.n + 1 }')
    local GOOD = split("return { n = p.n + 1 }")

    it("goes on with changed code only when that is accepted, each row once", function()
      p:revision("a1", nil, BAD)
      local run = p:fails(7, "upgrade head")
      assert.truthy(run.err:find("row id = 55", 1, true), run.err)
      p:revision("a1", nil, GOOD)
      run = p:fails(7, "upgrade head")
      assert.truthy(run.err:find("--accept-code-change", 1, true), run.err)
      p:ok("upgrade head --accept-code-change")
      assert.equals("100|1|1", p:sql("SELECT count(*), min(n), max(n) FROM people"))
      assert.equals("0", p:sql("SELECT count(*) FROM moonbird_journal"))
    end)

    it("takes changed code as it is while no batch is committed", function()
      p:revision("a1", nil, split('error("no")'))
      p:fails(7, "upgrade head")
      p:revision("a1", nil, GOOD)
      p:ok("upgrade head")
      assert.equals("100|1|1", p:sql("SELECT count(*), min(n), max(n) FROM people"))
    end)

    it("never goes on over another table", function()
      p:revision("a1", nil, BAD)
      p:fails(7, "upgrade head")
      p:sql("CREATE TABLE others (id integer PRIMARY KEY, n integer NOT NULL)")
      p:revision("a1", nil, (GOOD:gsub('"people"', '"others"')))
      local run = p:fails(7, "upgrade head --accept-code-change")
      assert.truthy(run.err:find("has begun over people", 1, true), run.err)
    end)

    it("names the one row whose value the database refuses, and keeps those before it", function()
      p:sql("CREATE UNIQUE INDEX one_n ON people (n) WHERE n > 0")
      p:revision("a1", nil, (split("return { n = p.id == 77 and 3 or p.id }"):gsub("size = 10", "size = 50")))
      local run = p:fails(7, "upgrade head")
      assert.truthy(run.err:find("row id = 77", 1, true), run.err)
      assert.equals("76", p:sql("SELECT count(*) FROM people WHERE n = id"))
    end)

    it("gives a resumed run the time and the chance of the first one", function()
      p:sql("CREATE TABLE seen (time bigint, chance bigint)")
      p:revision("a1", nil, [[
  db:exec("INSERT INTO seen VALUES (?, ?)", os.time(), math.random(1, 1000000000))
]] .. GOOD .. "\n" .. GATE .. '\n  db:exec("INSERT INTO seen VALUES (?, 0)", os.time())')
      p:fails(7, "upgrade head")
      moonbird.sleep(1.1)
      p:write("go", "")
      p:ok("upgrade head")
      assert.equals("2|1", p:sql("SELECT count(*), count(DISTINCT time) FROM seen"))
    end)

    it("must not follow a query that changes rows", function()
      p:revision("a1", nil, 'db:scalar("UPDATE people SET n = 5 WHERE id = 1 RETURNING n")\n' .. GOOD)
      local run = p:fails(1, "upgrade head")
      assert.truthy(run.err:find("db:exec", 1, true), run.err)
      assert.equals("0", p:sql("SELECT max(n) FROM people"))
    end)

    it("must have ended before a revision that requires it", function()
      p:write("migrations/versions/a1.lua", [[
revision = "a1"
down_revision = nil
requires_backfill = "fill_names"
function upgrade() end
function downgrade() end
]])
      local run = p:fails(3, "upgrade head")
      assert.truthy(run.err:find("requires that the backfill fill_names has ended", 1, true), run.err)
    end)

    it("leaves a partly applied run at exit code 7 when all revisions share a transaction", function()
      p:write("moonbird.ini", p:read("moonbird.ini") .. "\ntransaction_per_migration = false\n")
      p:revision("a1", nil, GOOD)
      p:revision("a2", "a1", 'error("second")')
      p:fails(7, "upgrade head")
      p:revision("a2", "a1", "")
      p:ok("upgrade head")
      assert.equals("100|1|1", p:sql("SELECT count(*), min(n), max(n) FROM people"))
    end)
  end)
end)
