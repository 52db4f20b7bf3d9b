-- check, diff, dump and revision --autogenerate on what is wrong or unusual: what they refuse, with which exit code,
-- which words and which next step; and that what they print is the same every time.

local moonbird = require("support.moonbird")

local function with_project(kind, models, f, ini)
  local p = moonbird.project(kind, ini)
  if models then
    p:write("migrations/models.lua", models)
  end
  f(p)
  p:remove()
end

local TWO = [[
return {
  table("a", { column("id", types.integer(), { primary_key = true }), column("n", types.varchar(9)), unique { "n" } }),
  table("b", { column("id", types.integer(), { primary_key = true }), check("id > 0", { name = "c" }) }),
}
]]

describe("diff with a URL", function()
  if moonbird.postgres_url then
    it("refuses a database of another kind, whichever it is", function()
      with_project("postgres", nil, function(p)
        local run = p:fails(2, "diff sqlite://")
        assert.matches("a postgres database cannot be compared with a sqlite one", run.err, 1, true)
        assert.matches("hint: give the URL of another postgres database", run.err, 1, true)
        run = p:fails(2, { "--url", "sqlite://", "diff", p.url })
        assert.matches("a sqlite database cannot be compared with a postgres one", run.err, 1, true)
      end)
    end)
  else
    pending("of another kind of database: $MOONBIRD_TEST_POSTGRES_URL is not set")
  end

  it("refuses a file that is not there, and makes none", function()
    with_project("sqlite", nil, function(p)
      local run = p:fails(6, "diff sqlite:///wrong.db")
      assert.matches("Can't connect to database sqlite:///wrong.db: there is no such file", run.err, 1, true)
      assert.is_nil(p:read("wrong.db"))
    end)
  end)
end)

describe("check and diff as JSON", function()
  it("print the same text every time", function()
    with_project("sqlite", TWO, function(p)
      local first = p:fails(3, "check --json").out
      for _ = 1, 5 do
        assert.are.equal(first, p:fails(3, "check --json").out)
        assert.are.equal(first, p:fails(8, "diff --json").out)
      end
      assert.is_true(first:find('"messages"', 1, true) < first:find('"operations"', 1, true))
      assert.is_true(first:find('"operations"', 1, true) < first:find('"reverse"', 1, true))
    end)
  end)
end)

describe("the setting schemas", function()
  it("takes * on SQLite too", function()
    with_project("sqlite", TWO, function(p)
      assert.are.equal("+ table 'a'\n+ table 'b'\n", p:fails(3, "check").out)
      assert.are.equal("return {}\n", p:ok("dump").out)
    end, "schemas = *\n")
  end)

  it("that names what SQLite has not attached is an error that says what there is", function()
    with_project("sqlite", TWO, function(p)
      local run = p:fails(1, "check")
      assert.matches("the setting schemas names shop", run.err, 1, true)
      assert.matches("these are there: main", run.err, 1, true)
    end, "schemas = main, shop\n")
  end)
end)
