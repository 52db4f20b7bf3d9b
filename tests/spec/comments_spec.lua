-- Comments of what stands in tables and beside them: in models, in dumps, in revisions, by operations. SQLite has none.

local dump = require("support.dump")
local moonbird = require("support.moonbird")

local change = dump.change
local with_project = dump.with_project

describe("comments of views, sequences and enums", function()
  if not moonbird.postgres_url then
    pending("on PostgreSQL: $MOONBIRD_TEST_POSTGRES_URL is not set")
    return
  end

  it("change without what they stand at", with_project("postgres", function(p)
    p:sql([[
      CREATE TYPE mood AS ENUM ('a', 'b'); CREATE SEQUENCE s;
      CREATE TABLE t (a int, b text, m mood);
      CREATE MATERIALIZED VIEW m AS SELECT a, b FROM t; CREATE INDEX mi ON m (a);
      CREATE VIEW v AS SELECT a FROM m; CREATE VIEW w AS SELECT a AS b FROM v;
      COMMENT ON VIEW w IS 'the last'; COMMENT ON TYPE mood IS 'how'; COMMENT ON SEQUENCE s IS 'of s';
    ]])
    local before = p:ok("dump").out
    local models = before:gsub("materialized = true", '%0, comment = "it\'s kept"')
    models = models:gsub("%]%]%),\n\n  view", ']], { comment = "of m" }),\n\n  view')
    models = models:gsub("the last", "last"):gsub("how", "how one is"):gsub(', { comment = "of s" }', "")
    p:write("migrations/models.lua", models)
    p:ok("revision --autogenerate -m c --rev-id c1")
    local text = p:read("migrations/versions/c1_c.lua")
    assert.matches('op.create_view_comment("m", "it\'s kept", { materialized = true })', text, 1, true)
    assert.matches('op.create_view_comment("v", "of m")', text, 1, true)
    assert.is_nil(text:find("drop_view(", 1, true))
    assert.is_nil(text:find("_index", 1, true))
    p:ok("upgrade head")
    assert.equal(dump.EQUAL, p:ok("check").out)
    p:ok("downgrade base")
    assert.equal(before, p:ok("dump").out)
    os.remove(p:path("migrations/versions/c1_c.lua"))
    -- a view that is made anew has its comment, the old one or another
    change(p, "SELECT t.a,", "SELECT t.a + 1 AS a,", '"the last"', '"the very last"', '"how"', '"what"')
  end))
end)

describe("comments of constraints and indexes", function()
  moonbird.each_database(describe, pending, function(kind)
    it("are in the models, whatever the database does with them", with_project(kind, function(p)
      p:write("migrations/models.lua", [[
        return {
          table("o", {
            column("id", types.integer(), { nullable = false }),
            column("b", types.text()),
            primary_key { "id", comment = "it's the key" },
            unique { "b", comment = "once" },
            check("id > 0", { comment = "more" }),
            index { "b", "id", name = "ix b", comment = "ключ" },
          }),
          table("t", {
            column("o", types.integer(), { references = { "o.id", comment = "whose" } }),
            column("p", types.integer()),
            foreign_key { "p", references = "o.id", comment = "" },
            index { "p", comment = "" },
            column("q", types.integer(), { postgresql_comment = "of PostgreSQL" }),
            unique { "q", postgresql_comment = "of it too" },
          }, { comment = "" }),
        }]])
      p:ok("revision --autogenerate -m all")
      p:ok("upgrade head")
      assert.equal(dump.EQUAL, p:ok("check").out)
      local models = p:ok("dump").out
      for _, comment in ipairs({ "it's the key", "once", "more", "ключ", "whose", "of PostgreSQL", "of it too" }) do
        assert.equal(kind == "postgres", models:find(('comment = "%s"'):format(comment), 1, true) ~= nil)
      end
      p:ok("downgrade base")
    end))

    it("are set and taken away by operations", with_project(kind, function(p)
      p:revision("a1", nil, [[
        op.create_table("t", { column("a", types.integer()), column("b", types.integer()) })
        op.create_index("ix", "t", { "a" }, { comment = "one" })
        op.create_unique_constraint("uq", "t", { "a" }, { comment = "two" })
        op.create_check_constraint("ck", "t", "a > 0", { comment = "three" })
      ]], 'op.drop_table("t")')
      p:revision("b2", "a1", [[
        op.drop_index_comment("ix", "t")
        op.create_constraint_comment("uq", "t", "2nd", { existing_comment = "two" })
        op.batch_alter_table("t", function(batch)
          batch.drop_constraint_comment("ck")
          batch.create_index("ix2", { "b" }, { comment = "four" })
        end)
      ]], [[
        op.batch_alter_table("t", function(batch)
          batch.create_constraint_comment("ck", "three")
          batch.drop_index("ix2")
        end)
        op.create_constraint_comment("uq", "t", "two")
        op.create_index_comment("ix", "t", "one")
      ]])
      local function found()
        local list = {}
        for comment in p:ok("dump").out:gmatch('comment = "(%w+)"') do
          list[#list + 1] = comment
        end
        table.sort(list)
        return table.concat(list, " ")
      end
      p:ok("upgrade a1")
      assert.equal(kind == "postgres" and "one three two" or "", found())
      p:ok("upgrade b2")
      assert.equal(kind == "postgres" and "2nd four" or "", found())
      p:ok("downgrade a1")
      assert.equal(kind == "postgres" and "one three two" or "", found())
    end))
  end)

  if not moonbird.postgres_url then
    return
  end

  it("of every kind are dumped, compared and changed", with_project("postgres", function(p)
    local text = dump.round(p, [[
      CREATE TABLE o (id int PRIMARY KEY, b text UNIQUE, c int CHECK (c > 0), d int4range);
      ALTER TABLE o ADD CONSTRAINT o_excl EXCLUDE USING gist (d WITH &&);
      CREATE TABLE "T t" (id int PRIMARY KEY, o int REFERENCES o, p int REFERENCES o ON DELETE CASCADE);
      CREATE INDEX "ix b" ON o (b) WHERE c > 1;
      CREATE MATERIALIZED VIEW m AS SELECT id FROM o; CREATE INDEX mi ON m (id);
      COMMENT ON CONSTRAINT o_pkey ON o IS 'it''s "the" key'; COMMENT ON CONSTRAINT o_b_key ON o IS 'once';
      COMMENT ON CONSTRAINT o_c_check ON o IS 'more'; COMMENT ON CONSTRAINT o_excl ON o IS 'not two';
      COMMENT ON CONSTRAINT "T t_o_fkey" ON "T t" IS 'whose';
      COMMENT ON INDEX "ix b" IS 'ключ'; COMMENT ON INDEX mi IS 'of a view';
    ]])
    assert.matches('references = { "o.id", comment = "whose" }', text, 1, true)
    assert.matches([[primary_key { "id", comment = "it's \"the\" key" }]], text, 1, true)
    assert.matches('index { "b", name = "ix b", where = "c > 1", comment = "ключ" }', text, 1, true)
    local key = [["it's \"the\" key"]]
    local up = change(p, ', comment = "whose" }', " }", key, '"the key"', ', comment = "ключ" }', " }")
    assert.matches('op.create_constraint_comment("o_pkey", "o", "the key")', up, 1, true)
    assert.matches('op.drop_constraint_comment("T t_o_fkey", "T t")', up, 1, true)
    assert.matches('op.drop_index_comment("ix b", "o")', up, 1, true)
    assert.is_nil(up:find("drop_constraint(", 1, true))
    -- what is made anew has its comment, the old one or another
    change(
      p,
      'ondelete = "CASCADE"',
      'ondelete = "CASCADE", comment = "too"',
      "types.text()",
      "types.varchar(9)",
      'primary_key { "id", comment',
      'primary_key { "id", name = "pk", comment',
      '"once"',
      '"once more"',
      "c > 0",
      "c > 9",
      '"not two"',
      '"one"',
      '"ключ"',
      '"key"',
      "of a view",
      "a view"
    )
  end))
end)
