-- Renames that --rename and the prompt say: names with dots, colons and quotes, several at once; and what is wrong with
-- them.

local dump = require("support.dump")
local moonbird = require("support.moonbird")

local function models(table_name, first, second)
  local computed = '"' .. second:gsub('"', '""') .. '" + 1'
  return ([[
return {
  table(%q, {
    column("id", types.integer(), { primary_key = true }),
    column(%q, types.text()),
    column(%q, types.integer(), { references = "other.id" }),
    column("c", types.integer(), { computed = { %q, persisted = true } }),
    index { %q, name = "ix" },
  }),
  table("other", { column("id", types.integer(), { primary_key = true }) }),
}
]]):format(table_name, first, second, computed, first)
end

local function with_models(kind, text, f)
  local p = moonbird.project(kind)
  p:write("migrations/models.lua", text)
  p:ok("revision --autogenerate -m first --rev-id a1")
  p:ok("upgrade head")
  f(p)
  p:remove()
end

-- The revision that the renames make: it drops nothing, and goes there and back.
local function assert_renames(p, text, words)
  local before = p:ok("dump").out
  p:write("migrations/models.lua", text)
  p:ok({ "revision", "--autogenerate", "-m", "second", "--rev-id", "b2", table.unpack(words) })
  local revision = p:read("migrations/versions/b2_second.lua")
  assert.is_nil(revision:find("drop", 1, true), revision)
  p:ok("upgrade head")
  assert.equal(dump.EQUAL, p:ok("check").out)
  p:ok("downgrade -1")
  assert.equal(before, p:ok("dump").out)
end

describe("--rename", function()
  moonbird.each_database(describe, pending, function(kind)
    it("takes names with dots, colons and quotes in double quotes", function()
      with_models(kind, models("a.b", "c.d", "e:f"), function(p)
        assert_renames(p, models("x:y", "it's", 'a"".q'), {
          "--rename",
          [["a.b":"x:y"]],
          "--rename",
          [["a.b"."c.d":it's]],
          "--rename",
          [["x:y"."e:f":"a"""".q"]],
        })
      end)
    end)

    it("takes names as they are where nothing in them must be told apart", function()
      with_models(kind, models("a.b", "c d", "имя"), function(p)
        local words = { "--rename", "a.b:b.a", "--rename", "b.a.c d:e f", "--rename", "a.b.имя:name.of" }
        assert_renames(p, models("b.a", "e f", "name.of"), words)
      end)
    end)

    it("is said by a warning as a shell takes it", function()
      with_models(kind, models("a.b", "it's", "old"), function(p)
        p:write("migrations/models.lua", models("a.b", 'a"b', "new_one"))
        local run = p:ok("revision --autogenerate -m second")
        assert.matches([["a.b".it's could be renamed to "a""b"; as it stands]], run.err, 1, true)
        assert.matches([[--rename '"a.b".it'\''s:"a""b"' makes it a rename]], run.err, 1, true)
        assert.matches([[--rename '"a.b".old:new_one' makes it a rename]], run.err, 1, true)
      end)
    end)
  end)

  it("says what is wrong", function()
    with_models("sqlite", models("a", "b", "c c"), function(p)
      p:write("migrations/models.lua", models("a", "n", "m"))
      local form = "must be TABLE.OLD:NEW for a column or OLD:NEW for a table"
      for _, case in ipairs({
        { "a", form },
        { "a.b:x:y", form },
        { "a.b:", form },
        { "a..b:x", form },
        { '"a.b:x', form },
        { '"a"b.c:x', form },
        { '"":x', form },
        { "nix:b", "the database has no table nix" },
        { "a:other", "the database has a table other already" },
        { "a:nix", "the models have no table nix" },
        { "a.nix:id", "the table a of the database has no column nix" },
        { '"a".b:id', "the table a of the database has a column id already" },
        { "a.b:nix", "the table a of the models has no column nix" },
        { "nix.b:n", "no table nix is both in the database and in the models" },
        { "a.b.c:n", "no table a.b is both in the database and in the models" },
      }) do
        local text = "--rename " .. case[1]
        local run = p:fails(2, { "diff", "--rename", case[1] })
        assert.matches(text .. ": " .. case[2], run.err, 1, true)
        assert.equal(case[1]:find('^"a"%.') == nil, run.err:find([[--rename '"a.b".c:"x:y"']], 1, true) ~= nil)
      end
      local twice = p:fails(2, { "diff", "--rename", "a.b:n", "--rename", "a.b:m" })
      assert.matches("--rename a.b:m: b is in two renames", twice.err, 1, true)
      twice = p:fails(2, { "revision", "--autogenerate", "-m", "x", "--rename", "a.b:n", "--rename", "a.c c:n" })
      assert.matches("--rename a.c c:n: n is in two renames", twice.err, 1, true)
    end)
  end)

  it("is asked for on a terminal, in the same words", function()
    with_models("sqlite", models("a.b", "d", "old"), function(p)
      p:write("migrations/models.lua", models("x:y", "c:d", "old"))
      local command = moonbird.quote(moonbird.program) .. " revision --autogenerate -m second --rev-id b2"
      local script = "cd %s; printf 'y\ny\n' | LC_ALL=C.UTF-8 script -qec %s /dev/null"
      local out = moonbird.shell(script:format(moonbird.quote(p.folder), moonbird.quote(command)))
      assert.matches([[Was the table "a.b" renamed to "x:y"? [y/N] ]], out, 1, true)
      assert.matches([[Was the column "x:y".d renamed to "c:d"? [y/N] ]], out, 1, true)
      p:ok("upgrade head")
      assert.equal(dump.EQUAL, p:ok("check").out)
    end)
  end)

  it("is asked for once, and what is none is dropped with a line of review", function()
    with_models("sqlite", models("a", "d", "old"), function(p)
      p:write("migrations/models.lua", models("a", "e", "old"))
      local command = moonbird.quote(moonbird.program) .. " revision --autogenerate -m second --rev-id b2"
      local script = "cd %s; printf 'not y\nn\n' | LC_ALL=C.UTF-8 script -qec %s /dev/null"
      local out = moonbird.shell(script:format(moonbird.quote(p.folder), moonbird.quote(command)))
      assert.equal(1, select(2, out:gsub("renamed to e%?", "")))
      assert.matches("-- review: the values of a.d are lost\n", p:read("migrations/versions/b2_second.lua"), 1, true)
      os.remove(p:path("migrations/versions/b2_second.lua"))
      p:ok("revision --autogenerate -m second --rev-id b2")
      local review = "-- review: the values of a.d are lost; or was it renamed? --rename a.d:e\n"
      assert.matches(review, p:read("migrations/versions/b2_second.lua"), 1, true)
    end)
  end)

  if not moonbird.postgres_url then
    return
  end

  it("takes along what a table has beside it: schemas, sequences, exclusions, views", function()
    local p = moonbird.project("postgres")
    p:write("moonbird.ini", p:read("moonbird.ini") .. 'schemas = public, "s.1"\n')
    p:sql([[
      CREATE SCHEMA "s.1"; CREATE SEQUENCE own INCREMENT 5;
      CREATE TABLE "s.1".t (id int PRIMARY KEY, during int4range, EXCLUDE USING gist (during WITH &&));
      CREATE TABLE t (id int PRIMARY KEY, n int DEFAULT nextval('own')); ALTER SEQUENCE own OWNED BY t.n;
      CREATE VIEW v AS SELECT t.n, s.during FROM t JOIN "s.1".t AS s USING (id);
    ]])
    local before = p:ok("dump").out
    local after = before:gsub('"during"', '"while"'):gsub("during int4", "while int4"):gsub('"t.n"', '"t.number"')
    after = after:gsub('column%("n"', 'column("number"'):gsub("t%.n,", "t.number AS n,")
    after = after:gsub("s%.during", 's."while" AS during'):gsub('"t_during_excl"', '"t_during_excl"')
    p:write("migrations/models.lua", after)
    p:ok({ "revision", "--autogenerate", "-m", "x", "--rename", '"s.1".t.during:while', "--rename", "t.n:number" })
    local text = moonbird.shell("cat " .. p.folder .. "/migrations/versions/*.lua")
    assert.is_nil(text:find("constraint", 1, true), text)
    assert.is_nil(text:find("sequence", 1, true), text)
    p:ok("upgrade head")
    assert.equal(dump.EQUAL, p:ok("check").out)
    p:ok("downgrade base")
    assert.equal(before, p:ok("dump").out)
    p:remove()
  end)
end)
