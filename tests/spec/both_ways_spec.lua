-- Operations with all that they take (tests/cases/both_ways): by a run and by a script they make the same schema, as
-- the database's own tools write it, and the way back leads to the schema as it was.
--
-- A file of cases: `=== base` is what all begin with; each other case has `--- up`, `--- down` and perhaps
-- `--- before`.

local cases = require("support.cases")
local moonbird = require("support.moonbird")
local schema = require("support.schema")

-- What takes away the base, and what cases have made before.
local DROP_ALL = {
  sqlite = 'op.drop_table("u")\nop.drop_table("t")',
  postgres = [[
    op.drop_schema("S 1", { cascade = true })
    op.execute("DROP TABLE t, u CASCADE")
    op.drop_function("f")
    op.drop_extension("btree_gist", { if_exists = true })
  ]],
}

-- The text of the base, and the cases.
local function read_cases(kind)
  local list = cases.read(("tests/cases/both_ways/%s.txt"):format(kind))
  return table.remove(list, 1).sections[""], list
end

describe("an operation", function()
  moonbird.each_database(describe, pending, function(kind)
    local base, list = read_cases(kind)
    local p, q

    setup(function()
      p, q = moonbird.project(kind), moonbird.project(kind)
    end)
    teardown(function()
      p:remove()
      q:remove()
    end)

    -- A script of SQLite makes tables anew only where it has made them itself.
    local function run_script(words)
      if kind == "sqlite" then
        os.remove(q:path("data.db"))
      end
      schema.feed(q, q:ok(kind == "sqlite" and "upgrade b2 --sql" or words).out)
    end

    for _, case in ipairs(list) do
      it("goes both ways: " .. case.name, function()
        for _, project in ipairs({ p, q }) do
          project:revision("a1", nil, base .. (case.sections.before or ""), DROP_ALL[kind])
          project:revision("b2", "a1", case.sections.up, case.sections.down)
        end
        p:ok("upgrade a1")
        local before = schema.of(p)
        p:ok("upgrade b2")
        run_script("upgrade b2 --sql")
        assert.are.equal(schema.of(p), schema.of(q))
        p:ok("downgrade a1")
        assert.are.equal(before, schema.of(p))
        p:ok("downgrade base")
        if kind == "postgres" then
          schema.feed(q, q:ok("downgrade b2:base --sql").out)
        end
      end)
    end
  end)
end)
