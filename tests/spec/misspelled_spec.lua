-- What a script calls or looks into by a wrong name is answered with the place and the nearest right one.
local moonbird = require("support.moonbird")

describe("a name that is not there", function()
  local p

  setup(function()
    p = moonbird.project("sqlite")
  end)
  teardown(function()
    p:remove()
  end)

  local hints = {
    { "op.create_tabel('t', {})", "op.create_table" },
    { "op.autocomit_block(print)", "op.autocommit_block" },
    { "op.bckfill {}", "op.backfill" },
    { "backfill.copy_colum {}", "backfill.copy_column" },
    { "backfill.dedup {}", "backfill.dedupe" },
    { "bakfill.dedupe {}", "backfill" },
    { "types.varhcar(3)", "types.varchar" },
    { "colunm('a', types.text())", "column" },
    { "db:exce('x')", "db:exec" },
    { "log.inf('x')", "log.info" },
    { "json.encod({})", "json.encode" },
    { "print(contxt.dialect)", "context" },
    { "string.fromat('x')", "string.format" },
  }
  for _, case in ipairs(hints) do
    it("is answered with the one that was meant: " .. case[1], function()
      p:revision("a1", nil, case[1])
      local run = p:fails(1, "upgrade head")
      moonbird.contains(run.err, "a1_test.lua:7: ")
      moonbird.contains(run.err, "hint: did you mean " .. case[2] .. "?\n")
    end)
  end

  it("is not guessed where nothing is near", function()
    p:revision("a1", nil, "op.xyz()")
    local run = p:fails(1, "upgrade head")
    moonbird.contains(run.err, "a1_test.lua:7: attempt to call a nil value (field 'xyz')")
    assert.is_nil(run.err:find("hint", 1, true), run.err)
  end)

  it("is no colon for a dot, and no dot for a colon", function()
    p:revision("a1", nil, 'op:drop_table("t")')
    moonbird.contains(p:fails(1, "upgrade head").err, "a1_test.lua:7: op.drop_table: it is called with a dot")
    for _, method in ipairs({ "exec", "query", "rows", "one", "scalar", "transaction" }) do
      p:revision("a1", nil, ('db.%s("SELECT 1")'):format(method))
      local problem = ("a1_test.lua:7: db:%s: it is called with a colon"):format(method)
      moonbird.contains(p:fails(1, "upgrade head").err, problem)
    end
  end)

  it("of a backfill stands in front of its options", function()
    p:revision("a1", nil, 'op.backfill({ table = "t", set = { a = 1 } }, { defer = true })')
    local problem = "a1_test.lua:7: op.backfill: argument 2 is for a backfill that is named"
    moonbird.contains(p:fails(1, "upgrade head").err, problem)
  end)
end)
