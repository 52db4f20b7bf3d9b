-- Enums of PostgreSQL whose values change: revisions that autogenerate writes for it run as they are, both ways and by
-- a script; op.alter_enum takes along what compares with the type; a value that is used too early is answered by what
-- to do.
local moonbird = require("support.moonbird")
local quote = moonbird.quote

if not moonbird.postgres_url then
  pending("enums: $MOONBIRD_TEST_POSTGRES_URL is not set")
  return
end

local function models(values, default, condition, view)
  return ([[
    local mood = types.enum("mood", { %s })
    return {
      table("t", {
        column("id", types.integer(), { primary_key = true }),
        column("m", mood, { server_default = "%s" }),
        column("l", types.array(mood), { server_default = "{ok}" }),
        check("m <> '%s' OR id > 7", { name = "ck_m" }),
        check("id IN (1, 8, 9)", { name = "ck_id" }),
        index { "id", name = "ix_m", where = "m = '%s'" },
      }),
      view("v", "SELECT m, id FROM t"),
      view("w", "SELECT m FROM v%s"),
    }
  ]]):format(values, default, condition, condition, view or "")
end

local BEFORE = models('"bad", "ok"', "ok", "bad")

local changes = {
  ["gets values, which are used at once"] = models(
    '"bad", "it\'s", "ok", "great"',
    "great",
    "it''s",
    " WHERE m < 'great'"
  ),
  ["loses a value that was a default and in conditions"] = models('"ok", "bad too"', "bad too", "bad too"),
  ["gets its values in another order"] = models('"ok", "bad"', "bad", "ok"),
}

local function feed(p, script)
  p:write("script.sql", script)
  local output, code = moonbird.shell(
    ("psql -X -q -v ON_ERROR_STOP=1 %s -f %s"):format(quote(p.shell_url), quote(p:path("script.sql")))
  )
  assert(code == 0, output)
end

local function expect_equal(p)
  assert.are.equal("No new upgrade operations detected.\n", p:ok("check").out)
end

describe("an enum of the models", function()
  for what, after in pairs(changes) do
    it(what, function()
      local p = moonbird.project("postgres")
      p:write("migrations/models.lua", BEFORE)
      p:ok("revision --autogenerate -m first --rev-id a1")
      p:ok("upgrade head")
      p:sql("INSERT INTO t VALUES (8, 'ok', '{ok}')")
      p:write("migrations/models.lua", after)
      p:ok("revision --autogenerate -m second --rev-id b2")
      for _, run in ipairs({
        function(words)
          p:ok(words[1])
        end,
        function(words)
          feed(p, p:ok(words[2]).out)
        end,
      }) do
        run({ "upgrade b2", "upgrade a1:b2 --sql" })
        expect_equal(p)
        assert.are.equal("ok|{ok}", p:sql("SELECT m, l FROM w JOIN t USING (m)"))
        p:write("migrations/models.lua", BEFORE)
        run({ "downgrade a1", "downgrade b2:a1 --sql" })
        os.execute("mv " .. quote(p:path("migrations/versions/b2_second.lua")) .. " " .. quote(p:path("kept")))
        expect_equal(p)
        os.execute("mv " .. quote(p:path("kept")) .. " " .. quote(p:path("migrations/versions/b2_second.lua")))
        p:write("migrations/models.lua", after)
      end
      p:remove()
    end)
  end

  it("that gets a value which nothing uses yet does it in the revision's transaction", function()
    local p = moonbird.project("postgres")
    p:write("migrations/models.lua", BEFORE)
    p:ok("revision --autogenerate -m first --rev-id a1")
    p:ok("upgrade head")
    p:write("migrations/models.lua", models('"bad", "ok", "great"', "ok", "bad"))
    p:ok("revision --autogenerate -m second --rev-id b2")
    local text = p:read("migrations/versions/b2_second.lua")
    assert.is_truthy(text:find('\n  op.add_enum_value("mood", "great", { after = "ok" })\nend', 1, true))
    assert.is_nil(text:find("autocommit_block", 1, true))
    p:remove()
  end)
end)

describe("op.alter_enum", function()
  it("takes along what compares with the type", function()
    local p = moonbird.project("postgres")
    p:revision(
      "a1",
      nil,
      [[
      op.create_enum("mood", { "a", "b'", "c" }, { comment = "how one feels" })
      local mood = types.enum("mood", { "-" }, { create_type = false })
      op.create_table("kinds", { column("m", mood, { primary_key = true }) })
      op.create_table("t", {
        column("id", types.integer()),
        column("m", mood, { references = "kinds.m" }),
        column("before", mood),
        check("m IN ('a', 'b''')", { name = "among" }),
        check("m <> before", { name = "changed" }),
        index { "id", name = "only_b", where = "m = 'b'''" },
        index { sql "(m = 'a')", name = "is_a" },
        index { "m", name = "plain" },
      })
      op.execute("COMMENT ON INDEX only_b IS 'some of it'; COMMENT ON CONSTRAINT among ON t IS 'it''s so'")
      db:exec("INSERT INTO kinds VALUES ('a'), ('b''')")
      db:exec("INSERT INTO t VALUES (1, 'a', 'c'), (2, 'b''', 'a')")
    ]]
    )
    p:revision("b2", "a1", [[
      op.alter_enum("mood", { "c", "a", "z" }, { rename = { a = "c", c = "a", ["b'"] = "z" } })
    ]])
    p:ok("upgrade b2")
    assert.are.equal("1|c|a\n2|z|c", p:sql("SELECT * FROM t ORDER BY id"))
    local constraints = "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
      .. "WHERE conrelid = 't'::regclass ORDER BY 1"
    assert.are.equal(
      "among|CHECK ((m = ANY (ARRAY['c'::mood, 'z'::mood])))\nchanged|CHECK ((m <> before))\n"
        .. "t_m_fkey|FOREIGN KEY (m) REFERENCES kinds(m)",
      p:sql(constraints)
    )
    local indexes = p:sql("SELECT indexdef FROM pg_indexes WHERE tablename = 't' ORDER BY indexname")
    assert.is_truthy(indexes:find("is_a ON public.t USING btree (((m = 'c'::mood)))", 1, true), indexes)
    assert.is_truthy(indexes:find("only_b ON public.t USING btree (id) WHERE (m = 'z'::mood)", 1, true), indexes)
    assert.are.equal(
      "some of it|it's so|how one feels",
      p:sql("SELECT obj_description('only_b'::regclass, 'pg_class'), obj_description(c.oid, 'pg_constraint'), "
        .. "obj_description('mood'::regtype, 'pg_type') FROM pg_constraint AS c WHERE conname = 'among'")
    )
    p:remove()
  end)

  it("names all that is in its way, and what to do with it", function()
    local p = moonbird.project("postgres")
    p:sql([[
      CREATE TYPE mood AS ENUM ('a', 'b');
      CREATE DOMAIN dm AS mood;
      CREATE TABLE t (id int, m mood DEFAULT 'a',
        "G" text GENERATED ALWAYS AS (CASE WHEN m = 'a' THEN 'x' END) STORED,
        n boolean DEFAULT ('a'::mood = 'b'), CHECK (m < 'b'));
      CREATE VIEW "My V" AS SELECT m FROM t;
      CREATE MATERIALIZED VIEW mv AS SELECT m FROM t;
      CREATE POLICY po ON t USING (m = 'a');
      CREATE FUNCTION f(mood) RETURNS int LANGUAGE sql AS 'SELECT 1';
      CREATE FUNCTION tr() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
      CREATE TRIGGER tr BEFORE UPDATE OF m ON t FOR EACH ROW EXECUTE FUNCTION tr();
      CREATE STATISTICS plain ON id, m FROM t;
      CREATE STATISTICS st ON (m = 'a'), id FROM t;
      CREATE TABLE parts (m mood) PARTITION BY LIST (m);
      CREATE TABLE guess (m mood) PARTITION BY LIST ((m = 'a'));
    ]])
    p:revision("a1", nil, 'op.alter_enum("mood", { "b", "a" })')
    local run = p:fails(1, "upgrade head")
    local problem = "error: the type mood is used by default value for column n of table t, "
      .. 'computed column "G" of table t, function f(mood), trigger tr on table t, materialized view mv, view "My V", '
      .. "policy po on table t, statistics object st, type dm, partition key of table guess, "
      .. "partition key of table parts\n"
    moonbird.contains(run.err, problem)
    moonbird.contains(run.err, "SQLSTATE 2BP01")
    moonbird.contains(
      run.err,
      "hint: take away before op.alter_enum, and make again behind it: op.alter_column with server_default, "
        .. "op.drop_column and op.add_column, op.drop_function and op.create_function, op.drop_trigger and "
        .. "op.create_trigger, op.drop_view and op.create_view, op.execute with DROP POLICY and CREATE POLICY, "
        .. "op.execute with DROP or ALTER and with what makes it again; "
        .. "a partition key keeps its type: op.add_enum_value"
    )
    p:sql([[
      ALTER TABLE t DROP COLUMN "G", DROP COLUMN n;
      DROP VIEW "My V"; DROP MATERIALIZED VIEW mv; DROP POLICY po ON t; DROP FUNCTION f; DROP TRIGGER tr ON t;
      DROP STATISTICS st; DROP TABLE parts, guess; DROP DOMAIN dm;
    ]])
    p:ok("upgrade head")
    p:remove()
  end)

  it("makes the indexes of partitions again, by their names", function()
    local p = moonbird.project("postgres")
    p:sql([[
      CREATE TYPE mood AS ENUM ('a', 'b');
      CREATE TABLE t (id int, m mood) PARTITION BY RANGE (id);
      CREATE TABLE "t 1" PARTITION OF t FOR VALUES FROM (0) TO (9) PARTITION BY RANGE (id);
      CREATE TABLE t11 PARTITION OF "t 1" FOR VALUES FROM (0) TO (5);
      CREATE INDEX "on ON ONLY t" ON t ((m = 'a'));
      ALTER INDEX t11_expr_idx RENAME TO "it's";
      COMMENT ON INDEX "it's" IS 'small';
    ]])
    local indexes = "SELECT c.relname, i.indisvalid, h.inhparent::regclass, obj_description(c.oid, 'pg_class') "
      .. "FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid "
      .. "LEFT JOIN pg_inherits AS h ON h.inhrelid = c.oid WHERE i.indexprs IS NOT NULL ORDER BY 1"
    local before = p:sql(indexes)
    p:revision("a1", nil, 'op.alter_enum("mood", { "b", "a" })')
    p:ok("upgrade head")
    assert.are.equal(before, p:sql(indexes))
    p:remove()
  end)
end)

describe("a value of an enum that is used too early", function()
  local p

  before_each(function()
    p = moonbird.project("postgres")
    p:sql("CREATE TYPE mood AS ENUM ('ok'); CREATE TABLE t (m mood)")
  end)
  after_each(function()
    p:remove()
  end)

  it("is answered in a revision in Lua", function()
    p:revision("a1", nil, 'op.add_enum_value("mood", "great")\ndb:exec("INSERT INTO t VALUES (\'great\')")')
    local run = p:fails(1, "upgrade head")
    assert.is_truthy(run.err:find("SQLSTATE 55P04", 1, true))
    local hint = "hint: New enum values must be committed before they can be used. op.autocommit_block"
    assert.is_truthy(run.err:find(hint, 1, true), run.err)
  end)

  it("is answered in a revision in SQL, and the advice is right", function()
    local text = "-- revision: a1\n-- down_revision:\n%s-- migrate:up\n"
      .. "ALTER TYPE mood ADD VALUE 'great';\nINSERT INTO t VALUES ('great');\n"
    p:write("migrations/versions/a1.sql", text:format(""))
    local run = p:fails(1, "upgrade head")
    assert.is_truthy(run.err:find("a1.sql:5", 1, true), run.err)
    assert.is_truthy(run.err:find("`-- transaction: false` in the header", 1, true), run.err)
    p:write("migrations/versions/a1.sql", text:format("-- transaction: false\n"))
    p:ok("upgrade head")
    assert.are.equal("great", p:sql("SELECT m FROM t"))
  end)
end)
