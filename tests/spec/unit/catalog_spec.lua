-- What the dialects read from the catalogs of real databases: odd names, views, partial and expression indexes, tables
-- without rowid, domains, partitions.

local helper = dofile("tests/spec/unit/helper.lua")

local function by_name(list)
  local map = {}
  for _, entry in ipairs(list) do
    map[entry.name] = entry
  end
  return map
end

local function names(list)
  local result = {}
  for index, entry in ipairs(list) do
    result[index] = entry.name
  end
  return result
end

local has_sqlite = helper.has_database("sqlite")
local has_postgres = helper.has_database("postgresql")

if has_sqlite then
  describe("the catalog of SQLite", function()
    local dialect, path, db = helper.dialect("sqlite"), nil, nil

    before_each(function()
      path = os.tmpname()
      db = helper.connection("sqlite", path)
    end)

    after_each(function()
      os.remove(path)
    end)

    it("finds tables and views, whatever the case, and nothing else", function()
      db:exec([[CREATE TABLE "Odd ""t'" (a); CREATE VIEW v AS SELECT 1; CREATE INDEX i ON "Odd ""t'" (a);]])
      assert.is_true(dialect:has_table(db, 'Odd "t\''))
      assert.is_true(dialect:has_table(db, 'odd "T\''))
      assert.is_true(dialect:has_table(db, "v"))
      assert.is_true(dialect:has_table(db, "v", "main"))
      assert.is_false(dialect:has_table(db, "v", "temp"))
      assert.is_false(dialect:has_table(db, "v", "nowhere"))
      assert.is_false(dialect:has_table(db, "i"))
      assert.is_false(dialect:has_table(db, "Odd"))
    end)

    it("describes columns", function()
      db:exec([[
        CREATE TABLE "имя" (
          id INTEGER PRIMARY KEY, "a b" VARCHAR(40) NOT NULL DEFAULT 'it''s', flag BOOLEAN, raw BLOB,
          twice INTEGER GENERATED ALWAYS AS (id * 2), bare
        );]])
      local list = dialect:columns(db, "имя")
      assert.are.same({ "id", "a b", "flag", "raw", "twice", "bare" }, names(list))
      local columns = by_name(list)
      assert.are.same({
        name = "id",
        type = "INTEGER",
        transport = "any",
        nullable = false,
        generated = false,
        identity = true,
        primary = 1,
      }, columns.id)
      assert.are.equal("'it''s'", columns["a b"].default)
      assert.is_false(columns["a b"].nullable)
      assert.is_nil(columns["a b"].primary)
      assert.are.equal("bool", columns.flag.transport)
      assert.are.equal("bytes", columns.raw.transport)
      assert.is_true(columns.twice.generated)
      assert.are.equal("", columns.bare.type)
      assert.are.same(list, dialect:columns(db, "имя", "main"))
      assert.are.same({}, dialect:columns(db, "nobody"))
    end)

    it("gives the rowid's name first, then whole unique indexes only", function()
      db:exec([[
        CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT UNIQUE, b TEXT, c TEXT);
        CREATE UNIQUE INDEX "z x" ON t (b, c);
        CREATE UNIQUE INDEX part ON t (b) WHERE c IS NOT NULL;
        CREATE UNIQUE INDEX expr ON t (lower(b), c);
        CREATE INDEX plain ON t (c);]])
      local keys = dialect:unique_keys(db, "t")
      assert.are.same({ name = "PRIMARY KEY", columns = { "id" }, primary = true }, keys[1])
      assert.are.same({ "PRIMARY KEY", "sqlite_autoindex_t_1", "z x" }, names(keys))
      assert.are.same({ "b", "c" }, keys[3].columns)
      assert.is_false(keys[3].primary)
      assert.are.same(keys, dialect:unique_keys(db, "t", "main"))
    end)

    it("knows primary keys that are no rowid", function()
      db:exec([[
        CREATE TABLE w (a TEXT, b INT, PRIMARY KEY (b, a)) WITHOUT ROWID;
        CREATE TABLE i (id INT PRIMARY KEY);
        CREATE TABLE d (id INTEGER PRIMARY KEY DESC);
        CREATE TABLE one (id INTEGER PRIMARY KEY) WITHOUT ROWID;
        CREATE TABLE none (id INTEGER);]])
      assert.are.same({ "b", "a" }, dialect:unique_keys(db, "w")[1].columns)
      assert.is_true(dialect:unique_keys(db, "w")[1].primary)
      local columns = by_name(dialect:columns(db, "w"))
      assert.are.equal(1, columns.b.primary)
      assert.are.equal(2, columns.a.primary)
      assert.is_false(columns.a.nullable)
      for _, name in ipairs({ "i", "d", "one" }) do
        local keys = dialect:unique_keys(db, name)
        assert.are.equal(1, #keys, name)
        assert.is_true(keys[1].primary)
        assert.is_false(dialect:columns(db, name)[1].identity, name)
      end
      -- SQLite lets NULL into a primary key that is neither the rowid nor WITHOUT ROWID
      assert.is_true(dialect:columns(db, "i")[1].nullable)
      assert.are.same({}, dialect:unique_keys(db, "none"))
    end)

    it("estimates rows without counting a large table", function()
      db:exec([[
        CREATE TABLE small (id INTEGER PRIMARY KEY);
        INSERT INTO small (id) VALUES (1), (1000000000);
        CREATE TABLE big (id INTEGER PRIMARY KEY);
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)
        INSERT INTO big SELECT i * 7 FROM n;
        CREATE TABLE sparse (k TEXT PRIMARY KEY) WITHOUT ROWID;
        CREATE VIEW v AS SELECT 1;]])
      assert.are.equal(2, dialect:row_estimate(db, "small"))
      assert.are.equal(50000, dialect:row_estimate(db, "big"))
      assert.are.equal(0, dialect:row_estimate(db, "sparse"))
      assert.is_nil(dialect:row_estimate(db, "v"))
      assert.is_nil(dialect:row_estimate(db, "nobody"))
      db:exec("ANALYZE; DELETE FROM big WHERE id > 70;")
      assert.are.equal(50000, dialect:row_estimate(db, "big", "main"))
    end)
  end)
end

if has_postgres then
  describe("the catalog of PostgreSQL", function()
    local dialect, db = helper.dialect("postgresql"), nil

    setup(function()
      db = helper.connection("postgresql")
      db:exec([[
        SET client_min_messages = warning;
        DROP SCHEMA IF EXISTS "mb 'cat" CASCADE;
        CREATE SCHEMA "mb 'cat";
        SET search_path = "mb 'cat";
        CREATE DOMAIN word AS varchar(5) NOT NULL;
        CREATE DOMAIN number AS integer;
        CREATE DOMAIN number2 AS number;
        CREATE TYPE "Mood" AS ENUM ('a');
        CREATE TABLE "Odd ""t'" (
          id bigint GENERATED ALWAYS AS IDENTITY, dropped int,
          "a b" varchar(40) NOT NULL DEFAULT 'it''s', c char(3), f real, flag boolean,
          raw bytea, w word, n number2, m "Mood", l varchar(3)[], nm numeric(10, 2),
          ts timestamp(0) with time zone, b bit(3), j jsonb, s serial, twice integer GENERATED ALWAYS AS (7 * 2) STORED,
          "имя?" text, o oid, i interval day to second(2),
          PRIMARY KEY (id) INCLUDE ("a b")
        );
        ALTER TABLE "Odd ""t'" DROP COLUMN dropped;
        CREATE VIEW v AS SELECT 1 AS x;
        CREATE TABLE k (a int NOT NULL, b text NOT NULL, c text, CONSTRAINT "z key" UNIQUE (c, a), PRIMARY KEY (b, a));
        CREATE UNIQUE INDEX part ON k (c) WHERE a > 0;
        CREATE UNIQUE INDEX expr ON k (lower(c));
        CREATE UNIQUE INDEX pattern ON k (c text_pattern_ops);
        CREATE UNIQUE INDEX coll ON k (c COLLATE "POSIX");
        CREATE INDEX plain ON k (c);
        CREATE TABLE never (x int);
        INSERT INTO never SELECT generate_series(1, 1000);
        CREATE TABLE counted (x int);
        INSERT INTO counted SELECT generate_series(1, 1000);
        ANALYZE counted;
        CREATE TABLE parent (x int) PARTITION BY RANGE (x);
        CREATE TABLE p1 PARTITION OF parent FOR VALUES FROM (0) TO (500);
        CREATE TABLE p2 PARTITION OF parent FOR VALUES FROM (500) TO (2000);
        INSERT INTO parent SELECT generate_series(1, 1000);
        ANALYZE p1; ANALYZE p2;
        CREATE TABLE empty (x int);]])
    end)

    teardown(function()
      db:exec([[SET client_min_messages = warning; DROP SCHEMA "mb 'cat" CASCADE;]])
    end)

    local schema = "mb 'cat"
    local odd = 'Odd "t\''

    it("finds tables and views in a schema and along the search path", function()
      assert.is_true(dialect:has_table(db, odd, schema))
      assert.is_true(dialect:has_table(db, "v", schema))
      assert.is_true(dialect:has_table(db, "parent", schema))
      assert.is_true(dialect:has_table(db, "pg_class"))
      assert.is_false(dialect:has_table(db, "v"))
      assert.is_false(dialect:has_table(db, "part", schema))
      assert.is_false(dialect:has_table(db, "v", "nowhere"))
      assert.is_false(dialect:has_table(db, ('"'):rep(9)))
    end)

    it("describes columns", function()
      local list = dialect:columns(db, odd, schema)
      local columns = by_name(list)
      assert.are.equal(19, #list)
      assert.are.same({
        name = "id",
        type = "bigint",
        cast = "bigint",
        transport = "int64",
        nullable = false,
        generated = false,
        identity = true,
        primary = 1,
      }, columns.id)
      assert.are.equal("character varying(40)", columns["a b"].type)
      assert.are.equal("character varying", columns["a b"].cast)
      assert.are.equal("'it''s'::character varying", columns["a b"].default)
      assert.is_nil(columns["a b"].primary)
      assert.is_true(columns.twice.generated)
      assert.is_nil(columns.twice.default)
      assert.is_false(columns.w.nullable)
      assert.is_true(columns["имя?"].nullable)
    end)

    it("sends every type in its form, and casts without modifiers", function()
      local columns = by_name(dialect:columns(db, odd, schema))
      local expected = {
        c = { "text", "bpchar" },
        f = { "float64", "real" },
        flag = { "bool", "boolean" },
        raw = { "bytes", "bytea" },
        w = { "text", "character varying" },
        n = { "int64", "integer" },
        m = { "text", [["mb 'cat"."Mood"]] },
        l = { "text", "character varying[]" },
        nm = { "text", "numeric" },
        ts = { "text", "timestamp with time zone" },
        b = { "text", '"bit"' },
        j = { "text", "jsonb" },
        s = { "int64", "integer" },
        o = { "int64", "oid" },
        i = { "text", "interval" },
      }
      for name, pair in pairs(expected) do
        assert.are.same(pair, { columns[name].transport, columns[name].cast }, name)
        -- the same from the type's text alone, but for domains
        if name ~= "w" and name ~= "n" then
          assert.are.equal(pair[2], dialect:cast_type(columns[name].type), name)
        end
      end
    end)

    it("gives the primary key first, then indexes that order as their columns do", function()
      local keys = dialect:unique_keys(db, "k", schema)
      assert.are.same({
        { name = "k_pkey", columns = { "b", "a" }, primary = true },
        { name = "z key", columns = { "c", "a" }, primary = false },
      }, keys)
      assert.are.same({ "id" }, dialect:unique_keys(db, odd, schema)[1].columns)
      assert.are.same({}, dialect:unique_keys(db, "nobody", schema))
    end)

    it("estimates rows", function()
      assert.are.equal(1000, dialect:row_estimate(db, "counted", schema))
      assert.are.equal(1000, dialect:row_estimate(db, "parent", schema))
      assert.are.equal(0, dialect:row_estimate(db, "empty", schema))
      assert.is_nil(dialect:row_estimate(db, "never", schema))
      assert.is_nil(dialect:row_estimate(db, "v", schema))
      assert.is_nil(dialect:row_estimate(db, "nobody", schema))
    end)
  end)
end
