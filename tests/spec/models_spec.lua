-- Models: what a file of models may say, and what its mistakes are answered with; the first revision made from it, on
-- both databases.

local moonbird = require("support.moonbird")

local PEOPLE = [[
return {
  table("people", {
    column("id", types.integer(), { primary_key = true }),
    column("name", types.varchar(40), { nullable = false, unique = true }),
    column("age", types.integer(), { server_default = 3, check = "age > 0" }),
    column("born", types.timestamp(), { server_default = sql "now()" }),
    index { "name", "age" },
  }),

  table("orders", {
    column("id", types.bigint(), { primary_key = true }),
    column("person_id", types.integer(), { index = true, references = { "people.id", ondelete = "CASCADE" } }),
    column("total", types.numeric(10, 2), { nullable = false, server_default = sql "0.5 + 1" }),
    column("double_total", types.numeric(10, 2), { computed = { "total * 2", persisted = true } }),
    check("total >= 0", { name = "positive" }),
    index { sql "lower(cast(total as text))", name = "ix_text", where = "total > 10" },
  }),
}
]]

local function with_models(kind, text, f, ini)
  local p = moonbird.project(kind, ini)
  p:write("migrations/models.lua", text)
  f(p)
  p:remove()
end

local function revision_text(p)
  return moonbird.shell("cat " .. p.folder .. "/migrations/versions/*.lua")
end

describe("models", function()
  moonbird.each_database(describe, pending, function(kind)
    it("become a revision that makes the schema, and takes it away", function()
      with_models(kind, PEOPLE, function(p)
        local run = p:fails(3, "check")
        assert.equal("+ table 'people'\n+ table 'orders'\n", run.out)
        assert.matches("New upgrade operations detected: 2 operations", run.err, 1, true)
        run = p:ok("revision --autogenerate -m first")
        assert.matches("Detected added table 'people'", run.err, 1, true)
        assert.matches("Detected added table 'orders'", run.err, 1, true)
        p:ok("upgrade head")
        run = p:ok("check")
        assert.equal("No new upgrade operations detected.\n", run.out)
        local json = p:ok("check --json").out
        for _, name in ipairs({ "messages", "operations", "reverse" }) do
          assert.matches(('"%s": []'):format(name), json, 1, true)
        end
        p:ok("downgrade base")
        assert.is_false(p:has_table("people"))
        assert.equal("return {}\n", p:ok("dump").out)
      end)
    end)

    it("are compared without writing anything", function()
      with_models(kind, PEOPLE, function(p)
        p:fails(3, "check")
        assert.equal("", p:tables())
        p:fails(8, "diff")
        p:ok("dump")
        assert.equal("", p:tables())
      end)
    end)

    it("come out of a database that has none, and say the same", function()
      with_models(kind, PEOPLE, function(p)
        p:ok("revision --autogenerate -m first")
        p:ok("upgrade head")
        local dump = p:ok("dump").out
        p:ok("dump -o migrations/models.lua")
        assert.equal(dump, p:read("migrations/models.lua"))
        assert.equal("No new upgrade operations detected.\n", p:ok("check").out)
        assert.equal("", p:ok("diff").out)
      end)
    end)

    it("need a database that is at the heads", function()
      with_models(kind, PEOPLE, function(p)
        p:revision("a1", nil)
        local run = p:fails(3, "revision --autogenerate -m x")
        assert.matches("Target database is not up to date.", run.err, 1, true)
        run = p:fails(3, "check")
        assert.matches("Target database is not up to date.", run.err, 1, true)
      end)
    end)

    it("that are the database's write no revision, unless one is asked for", function()
      with_models(kind, "return {}", function(p)
        local run = p:ok("revision --autogenerate -m x")
        assert.matches("nothing differs", run.err, 1, true)
        assert.equal("", moonbird.shell("ls " .. p.folder .. "/migrations/versions"))
        p:ok("revision --autogenerate --empty -m x")
        assert.matches("function upgrade%(%)\nend", revision_text(p))
      end)
    end)
  end)

  it("may stand in several files, which see the same names", function()
    with_models("sqlite", 'return { require "tables.people", require "tables.orders" }', function(p)
      os.execute("mkdir " .. p.folder .. "/migrations/tables")
      p:write("migrations/tables/people.lua", 'return table("people", { column("id", types.integer()) })')
      p:write("migrations/tables/orders.lua", 'return { table("orders", { column("id", types.integer()) }) }')
      assert.equal("+ table 'orders'\n+ table 'people'\n", p:fails(3, "check").out)
    end)
  end)

  it("may be named by env.lua, by path or as they are", function()
    for _, text in ipairs({
      'return { models = "other.lua" }',
      'return { models = require "other" }',
      'return { models = { table("a", { column("id", types.integer()) }) } }',
    }) do
      local p = moonbird.project("sqlite")
      p:write("migrations/env.lua", text)
      p:write("migrations/other.lua", 'return { table("a", { column("id", types.integer()) }) }')
      assert.equal("+ table 'a'\n", p:fails(3, "check").out)
      p:remove()
    end
  end)

  it("take names from a naming convention", function()
    local text = [[
      return {
        naming_convention = { uq = "uq_%(table_name)s_%(column_0_name)s", pk = "pk_%(table_name)s" },
        table("a", {
          column("id", types.integer(), { primary_key = true }),
          column("b", types.text(), { unique = true }),
        }),
      }]]
    with_models("sqlite", text, function(p)
      p:ok("revision --autogenerate -m x")
      assert.matches('unique { "b", name = "uq_a_b" }', revision_text(p), 1, true)
      assert.matches('primary_key { "id", name = "pk_a" }', revision_text(p), 1, true)
    end)
  end)

  moonbird.each_database(describe, pending, function(kind)
    local CONVENTION = 'naming_convention = { ck = "ck_%(table_name)s_%(constraint_name)s" }'
    local MODELS = [[
      table("a", {
        column("id", types.integer(), { check = "id > 0" }),
        check("id < 9", { name = "low" }),
        check("id < 8", { name = op.f("low") }),
      }) }]]

    local function names(p)
      local list = {}
      for name in p:ok("dump").out:gmatch("[%w_]*low[%w_]*") do
        list[#list + 1] = name
      end
      list[#list + 1] = p:read("migrations/models.lua"):match("ck_a_id")
      table.sort(list)
      return table.concat(list, ",")
    end

    it("name a column's own check too, by their convention or that of env.lua", function()
      for _, place in ipairs({ "models", "env" }) do
        local p = moonbird.project(kind)
        p:write("migrations/models.lua", "return { " .. (place == "models" and CONVENTION .. ", " or "") .. MODELS)
        p:write("migrations/env.lua", "return { " .. (place == "env" and CONVENTION or "") .. " }")
        p:ok("revision --autogenerate -m x")
        p:ok("upgrade head")
        p:ok("check")
        p:ok("dump -o migrations/models.lua")
        p:ok("check")
        assert.equal("ck_a_id,ck_a_low,low", names(p))
        p:revision("b1", p:ok("heads").out:match("%w+"), [[
          op.create_table("b", { column("c", types.integer(), { check = "c > 0" }) })
          op.add_column("b", column("d", types.integer(), { check = "d > 0" }))
        ]])
        p:ok("upgrade head")
        local is_made = p:ok("dump").out:find('"ck_b_c".*"ck_b_d"') ~= nil
        assert.equal(place == "env", is_made)
        p:remove()
      end
    end)
  end)

  moonbird.each_database(describe, pending, function(kind)
    it("from a database without names equal it whatever the convention is", function()
      local p = moonbird.project(kind)
      p:sql("CREATE TABLE a (b int PRIMARY KEY, c int UNIQUE, d int REFERENCES a (c), e int, CHECK (b > 0))")
      p:sql("CREATE INDEX ix_a_e ON a (e)")
      p:write("migrations/env.lua", [[
        return { naming_convention = {
          pk = "pk_%(table_name)s", uq = "uq_%(table_name)s", fk = "fk_%(column_0_name)s",
          ix = "i_%(column_0_name)s", ck = "ck_%(table_name)s",
        } }]])
      p:ok("dump -o migrations/models.lua")
      assert.equal("", p:ok("diff").out)
      assert.matches('index { "e", name = "ix_a_e" }', p:read("migrations/models.lua"), 1, true)
      p:remove()
    end)
  end)

  moonbird.each_database(describe, pending, function(kind)
    it("name an enum by its name alone where its values are said elsewhere", function()
      local text = [[
        return {
          schema = %s,
          table("a", { column("b", types.enum("mood")), column("c", types.enum("m2", { "x" })) }),
          enum("mood", { "sad", "happy" }),
          table("d", { column("e", types.enum("m2")) }),
        }]]
      with_models(kind, text:format("nil"), function(p)
        p:ok("revision --autogenerate -m x")
        p:ok("upgrade head")
        p:ok("check")
        assert.is_falsy(p:ok("dump").out:find("enum%(\"m%w+\"%)"))
      end)
      with_models(kind, text:format('"app"'), function(p)
        if kind == "postgres" then
          p:ok("revision --autogenerate -m x")
          p:ok("upgrade head")
          p:ok("check")
        end
      end)
    end)

    it("end where they say so: os.exit is no way out of them, nor of a revision", function()
      with_models(kind, "return {}", function(p)
        p:revision("a1", nil, 'op.execute("CREATE TABLE kept (a int)")\n os.exit(0)')
        local run = p:fails(1, "upgrade head")
        assert.matches(":%d+: os.exit ends nothing here", run.err)
        assert.is_false(p:has_table("kept"))
      end)
    end)
  end)

  local mistakes = {
    { 'return { table("a", { column("id") }) }', "models.lua:1: column: argument 2 must be a type" },
    { 'return {\n table("a", {}, { strict = 1 }) }', "models.lua:2: table: " },
    { 'return { tables = {} }', "models.lua: the models have no setting tables" },
    { 'return { 5 }', "entry 1 of the models must be a table(...)" },
    { 'return 5', "must return a list of tables, got an integer" },
    { 'local t = table("a", {})\nreturn { t, t }', "models.lua:1: the table a is there twice" },
    {
      'return {\n  table("a", { column("b", types.text()), index { "c" } }),\n}',
      "models.lua:2: table a: an index (ix_a_c) names the column c, which the table has not",
    },
    {
      'return {\n  table("a", { column("b", types.text(), { references = "c.d" }) }),\n'
        .. '  table("c", { column("e", types.text()) }),\n}',
      "models.lua:2: table a: a foreign key refers to c.d, and that table has no such column",
    },
    { 'return { naming_convention = { uq = 5 } }', "naming_convention must be" },
    { "return {", "models.lua:1: " },
    { 'return { require "models" }', "requires itself" },
    { 'return { enum("a", { "b" }), tabel_of_the_other_file, enum("c", { "d" }) }', "entry 2 of the models must be" },
    { "local t = {}\nt[1] = t\nreturn t", "a list of the models is an entry of itself" },
    { "return table", "must return a list of tables, got Lua's library `table`" },
    { "\27Lua", "models.lua: attempt to load a binary chunk" },
    { 'return { table("a", {}), table("A", {}) }', "models.lua:1: the table A has the name of another table" },
    { 'return {\n table("a", {}), view("a", "SELECT 1") }', "the view a has the name of another table, view or index" },
    {
      'return { table("moonbird_version", { column("a", types.text()) }) }',
      "the table moonbird_version is Moonbird's own: models leave it out",
    },
    { 'return { table("moonbird_log", { column("a", types.text()) }) }', "the table moonbird_log is Moonbird's own" },
    { '\nreturn { require "nix.da" }', 'models.lua:2: require "nix.da": there is no such module' },
    { 'return require "nix"', 'models.lua: require "nix": there is no such module' },
    { "return { require(nil) }", "models.lua:1: require: the name of a module must be a string, got nothing" },
    {
      'return { table("a", { column("b", types.text()), 5 }) }',
      "models.lua:1: table: argument 2 must be a list of columns and constraints "
        .. '({ column("id", types.integer()), unique { "a" } }), got a list whose entry 2 is an integer',
    },
    { 'return { table("a", { b = column("b", types.text()) }) }', "got a table with the name b in it" },
    { 'return {\n  talbe("a", {}) }', "hint: did you mean table?" },
    { 'return { table("a", { colum("b", types.text()) }) }', "hint: did you mean column?" },
    { 'return { table("a", { column("b", types.intger()) }) }', "hint: did you mean types.integer?" },
    {
      'return { table("a", { column("b", types.text(), { server_default = "a\\0b" }) }) }',
      "got a string with a NUL byte",
    },
    { 'return { table("a", { check("a\\0 > b") }) }', "got a string with a NUL byte" },
    { 'return { table("a", {}, { comment = "a\\0" }) }', "got a string with a NUL byte" },
    { 'return { view("a", sql "SELECT\\0") }', "got sql with a NUL byte" },
    {
      'return {\n table("a", { column("b", types.enum("mood")) }) }',
      "models.lua:2: no enum mood with values is in the models",
    },
    { "\nos.exit(0)\nreturn {}", "models.lua:2: os.exit ends nothing here" },
    { 'return {\n table("a", {}) }', "models.lua:2: table a: SQLite has no table without columns" },
    {
      'return {\n table("a", { column("b", types.array(types.text())) }) }',
      "models.lua:2: table a: SQLite has no arrays",
    },
    {
      'return {\n table("a", { column("b", types.text()), column("B", types.text()) }) }',
      "table a has two columns B",
    },
    {
      'return { table("a", { column("b", types.text(), { index = true }) }),\n'
        .. ' table("c", { column("b", types.text()), index { "b", name = "ix_a_b" } }) }',
      "models.lua:2: the index ix_a_b of c has the name of another table, view or index (",
    },
    { 'return { enum("a", { "b", "b" }) }', 'got a list with "b" in it twice' },
    { 'return { table("a", { column("b", types.int()) }) }', "hint: did you mean types.integer?" },
    { 'op.create_table("a", {})', "hint: op.create_table is there in revisions only" },
  }
  for _, mistake in ipairs(mistakes) do
    it("with a mistake are answered with its place: " .. mistake[2], function()
      with_models("sqlite", mistake[1], function(p)
        local run = p:fails(2, "check")
        assert.matches(mistake[2], run.err, 1, true)
        assert.is_nil(run.err:find("moonbird/", 1, true), run.err)
      end)
    end)
  end

  it("that are not there are an error that says how to get them", function()
    local p = moonbird.project("sqlite")
    local run = p:fails(2, "check")
    assert.matches("there are no models: ", run.err, 1, true)
    assert.matches("hint: `moonbird dump -o ", run.err, 1, true)
    p:write("migrations/env.lua", 'return { models = "schema/all.lua" }')
    run = p:fails(2, "revision --autogenerate -m x")
    assert.matches("schema/all.lua does not exist, env.lua names it", run.err, 1, true)
    p:remove()
  end)
end)
