-- Conditions that PostgreSQL prints in words which nobody writes: in dumps and revisions they stand as people write
-- them, and nothing differs because of that.

local dump = require("support.dump")
local moonbird = require("support.moonbird")

local EQUAL = dump.EQUAL
local on_postgres = dump.on_postgres

if not moonbird.postgres_url then
  pending("conditions of PostgreSQL: $MOONBIRD_TEST_POSTGRES_URL is not set")
  return
end

local PRINTED = [[
  SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 't'::regclass AND contype = 'c'
  UNION ALL SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 't'::regclass
  ORDER BY 1]]

-- What is made with the first text stands in the dump as the second.
local CONDITIONS = {
  { "v IN ('a', 'it''s')", "v IN ('a', 'it''s')" },
  { "v NOT IN ('a','b')", "v NOT IN ('a', 'b')" },
  { "v IN ('a')", "v = 'a'" },
  { "v IN ('a', NULL)", "v IN ('a', NULL)" },
  { "v IS NULL OR v IN ('a', 'b')", "(v IS NULL) OR (v IN ('a', 'b'))" },
  { "v BETWEEN 'a' AND 'b'", "(v >= 'a') AND (v <= 'b')" },
  { "v = ANY (ARRAY['a', 'b'])", "v IN ('a', 'b')" },
  { "v::text IN ('a', 'b')", "v IN ('a', 'b')" },
  { "v::text = ANY (ARRAY[('a'::varchar)::text, 'b'])", "v IN ('a', 'b')" },
  { "v IN ('a', x::char(2))", "(v = 'a') OR ((v)::bpchar = (x)::character(2))" },
  { "coalesce(v, 'c') IN ('a', 'b')", "(COALESCE(v, 'c'::character varying))::text IN ('a', 'b')" },
  { "v IN (x, 'a')", "((v)::text = x) OR (v = 'a')" },
  { "lower(v) IN ('a', 'b')", "lower((v)::text) IN ('a', 'b')" },
  { [["V q" IN ('a\b', '')]], [["V q" IN ('a\b', '')]] },
  { "x IN ('a', 'b')", "x IN ('a', 'b')" },
  { "x <> 'a'", "x <> 'a'" },
  { "x IN ('a'::varchar, 'b')", "x IN ('a', 'b')" },
  { "c IN ('a', 'b')", "c IN ('a', 'b')" },
  { "c NOT IN ('a  ', 'b')", "c NOT IN ('a  ', 'b')" },
  { "i IN (1, -2, NULL)", "i IN (1, -2, NULL)" },
  { "i NOT IN (1, 2)", "i NOT IN (1, 2)" },
  { "i BETWEEN -3 AND 3", "(i >= -3) AND (i <= 3)" },
  { "i IN (1, 3000000000)", "i IN (1, 3000000000)" },
  { "i::text IN ('1', '2')", "(i)::text IN ('1', '2')" },
  { "i IN (1, 2.5)", "(i)::numeric IN (1, 2.5)" },
  { "b IN (1, -2, 3000000000)", "b IN (1, -2, 3000000000)" },
  { "b IN (1, 2::bigint)", "b IN (1, 2)" },
  { "s IN (1, 2)", "s IN (1, 2)" },
  { "n IN (1, 2.5, -0.5)", "n IN (1, 2.5, -0.5)" },
  { "n >= 0 AND n < 99.5", "(n >= 0) AND (n < 99.5)" },
  { "d IN ('2020-01-01', '2021-01-01')", "d IN ('2020-01-01', '2021-01-01')" },
  { "m IN ('a', 'b') AND m <> 'c'", "(m IN ('a', 'b')) AND (m <> 'c')" },
  { "k IN ('a', 'b')", "(k)::text IN ('a', 'b')" },
}

local COLUMNS = [[v varchar(10), "V q" varchar, x text, c char(3), i int, b bigint, s smallint, n numeric(8, 2), d date,
  m mood, k short]]

describe("a condition", function()
  it("stands in the dump as a person writes it, and makes the same again", on_postgres(function(p)
    p:sql("CREATE TYPE mood AS ENUM ('a', 'b', 'c'); CREATE DOMAIN short AS varchar(5)")
    local statements = { ("CREATE TABLE t (%s)"):format(COLUMNS) }
    for number, pair in ipairs(CONDITIONS) do
      statements[number + 1] = ("ALTER TABLE t ADD CONSTRAINT ck%02d CHECK (%s)"):format(number, pair[1])
    end
    p:sql(table.concat(statements, "; ") .. "; CREATE INDEX ix ON t (i) WHERE v IN ('a', 'b') AND x = 'c'")
    local models = p:ok("dump").out
    for number, pair in ipairs(CONDITIONS) do
      local found = models:match(('check%%(("[^\n]*"), {%%s*name = "ck%02d"'):format(number))
      assert.equal(pair[2], found and load("return " .. found)())
    end
    assert.matches([[where = "(v IN ('a', 'b')) AND x = 'c'"]], models, 1, true)
    p:write("migrations/models.lua", models)
    assert.equal(EQUAL, p:ok("check").out)
    local copy = moonbird.project("postgres")
    copy:sql("CREATE DOMAIN short AS varchar(5)")
    copy:write("migrations/models.lua", models)
    copy:ok("revision --autogenerate -m x")
    copy:ok("upgrade head")
    assert.equal(EQUAL, copy:ok("check").out)
    assert.equal(models, copy:ok("dump").out)
    -- a restored dump has the server's words as it reads them: casts of arrays become casts of their elements
    local restored = moonbird.project("postgres")
    restored:write("all.sql", moonbird.shell("pg_dump --no-owner -d " .. moonbird.quote(p.shell_url)))
    moonbird.shell(("psql -X -q %s -f %s"):format(moonbird.quote(restored.shell_url), restored:path("all.sql")))
    assert.are_not.equal(p:sql(PRINTED), restored:sql(PRINTED))
    restored:write("migrations/models.lua", models)
    assert.equal(EQUAL, restored:ok("check").out)
    restored:write("migrations/models.lua", (models:gsub("v IN", "v in"):gsub("%(k%)::text IN", "k IN")))
    assert.equal(EQUAL, restored:ok("check").out)
    assert.equal("", restored:ok({ "diff", p.url }).out)
    copy:remove()
    restored:remove()
  end))

  it("is not asked for where it stands in the models as the dump has it", on_postgres(function(p)
    p:sql("CREATE TABLE t (v varchar(9) CHECK (v IN ('a', 'b')))")
    p:write("migrations/models.lua", (p:ok("dump").out:gsub("v IN %('a', 'b'%)", "v in ('a','b')")))
    p:sql("ALTER DATABASE " .. p:sql("SELECT current_database()") .. " SET default_transaction_read_only = on")
    local run = p:ok("check")
    assert.equal(EQUAL, run.out)
    assert.is_nil(run.err:find("cannot be asked", 1, true))
  end))

  it("is another one where the type of its column changes", on_postgres(function(p)
    p:sql("CREATE TABLE t (v varchar(9), x text, c char(2), i int, n numeric);")
    for _, condition in ipairs({ "v IN ('a', 'b')", "x IN ('a')", "c NOT IN ('a', 'b')", "i IN (1, 2)", "n > 1" }) do
      p:sql(("ALTER TABLE t ADD CHECK (%s)"):format(condition))
    end
    local types = {
      { v = "text()", x = "varchar(3)", c = "varchar()", i = "bigint()", n = "double()" },
      { v = "varchar(20)", x = "char(3)", c = "text()", i = "numeric()", n = "integer()" },
    }
    for _, new in ipairs(types) do
      local pairs_ = {}
      for name, type_ in pairs(new) do
        local line = p:ok("dump").out:match(('    column%%("%s", [^\n]*'):format(name))
        table.move({ line, ('    column("%s", types.%s),'):format(name, type_) }, 1, 2, #pairs_ + 1, pairs_)
      end
      assert.is_nil(dump.change(p, table.unpack(pairs_)):find("ARRAY", 1, true))
    end
  end))

  it("stands in a revision as the models have it, and its way back as the dump has it", on_postgres(function(p)
    p:sql("CREATE TABLE t (v varchar(9), w varchar(9) CHECK (v IN ('a', 'b')), CHECK (w <> 'c'))")
    p:sql("CREATE INDEX ix ON t (lower(v)) WHERE v IN ('x', 'y')")
    local text = dump.change(
      p,
      "v IN ('a', 'b')",
      "v in('a','b','c')",
      [[    check("w <> 'c'", { name = "t_w_check" }),]],
      [[    check("w not in ('a','b') or v is null", { name = "new" }),]],
      [[v IN ('x', 'y')]],
      [[v in ('x')]]
    )
    assert.matches([["v in('a','b','c')"]], text, 1, true)
    assert.matches([["w not in ('a','b') or v is null"]], text, 1, true)
    assert.matches([["v in ('x')"]], text, 1, true)
    assert.matches([["v IN ('a', 'b')"]], text, 1, true)
    assert.matches([["w <> 'c'"]], text, 1, true)
    assert.matches([["v IN ('x', 'y')"]], text, 1, true)
  end))

  it("keeps its words when its column is renamed", on_postgres(function(p)
    p:sql("CREATE TABLE t (v varchar(9) CHECK (v IN ('a', 'b')), w varchar(9) CHECK (w IN ('a', 'b')))")
    local models = p:ok("dump").out
    p:write("migrations/models.lua", (models:gsub('"v"', '"in"'):gsub('"v IN', '"\\"in\\" IN')))
    p:ok("revision --autogenerate -m x --rename t.v:in")
    p:ok("upgrade head")
    assert.equal(EQUAL, p:ok("check").out)
    p:ok("downgrade base")
    assert.equal(models, p:ok("dump").out)
  end))

  it("at random is the same", function()
    local command = "cd %s && lua5.4 tests/property/readable.lua 1"
    local output, code = moonbird.shell(command:format(moonbird.quote(moonbird.root)))
    assert.are.equal(0, code, output)
  end)
end)
