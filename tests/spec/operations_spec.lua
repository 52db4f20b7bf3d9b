-- Operations on real databases: what they do to schema and rows, that each way back leads to the schema as it was, and
-- that the script written with --sql makes the same schema as the run.
local moonbird = require("support.moonbird")
local quote = moonbird.quote
local schema = require("support.schema")

local schema_of, feed = schema.of, schema.feed

local kinds = { sqlite = "sqlite", postgres = "postgresql" }

-- a1 makes what is there before, b2 changes it.
local revisions = {
  sqlite = {
    [[
      op.create_table("people", {
        column("id", types.integer(), { primary_key = true }),
        column("full name", types.text(), { nullable = false }),
        column("age", types.integer()),
      }, { sqlite_autoincrement = true })
      op.create_table("Заметки", { column("person", types.integer(), { references = "people.id" }) })
      op.bulk_insert("people", { { ["full name"] = "Ada", age = 36 }, { ["full name"] = "O'Neil", age = null } })
    ]],
    [[
      op.drop_table("Заметки")
      op.drop_table("people")
    ]],
    [[
      op.alter_column("people", "full name", { new_column_name = "name" })
      op.add_column("people", column("active", types.boolean(), {
        nullable = false, server_default = true, index = true,
      }))
      op.create_index("ix grown", "people", { sql "lower(name)", "age" }, { where = "age > 17", unique = true })
      op.rename_table("Заметки", "notes")
      op.create_view("grown", "SELECT name FROM people WHERE age > 17")
      op.create_trigger("touch", "people", {
        timing = "AFTER", events = "UPDATE OF name", sqlite_body = "INSERT INTO notes (person) VALUES (NEW.id)",
      })
      op.batch_alter_table("notes", function(batch)
        batch.add_column(column("body", types.text(), { server_default = "it's" }))
        batch.create_index(nil, { "body" })
      end)
      op.execute("UPDATE people SET name = upper(name) WHERE name = ?", { "Ada" })
    ]],
    [[
      op.batch_alter_table("notes", function(batch)
        batch.drop_index("ix_notes_body")
        batch.drop_column("body")
      end)
      op.drop_trigger("touch", "people")
      op.drop_view("grown")
      op.rename_table("notes", "Заметки")
      op.drop_index("ix grown", "people")
      op.drop_index("ix_people_active", "people")
      op.drop_column("people", "active")
      op.alter_column("people", "name", { new_column_name = "full name" })
    ]],
    rows = { "SELECT name, age, active FROM people ORDER BY id", "ADA|36|1\nO'Neil||1" },
  },
  postgres = {
    [[
      op.create_schema("Other")
      op.create_extension("btree_gist")
      op.create_enum("mood", { "bad", "ok" })
      op.create_table("people", {
        column("id", types.integer(), { autoincrement = false, nullable = false }),
        column("full name", types.text(), { server_default = "nobody" }),
        column("age", types.text(), { comment = "in years" }),
        column("mood", types.enum("mood", { "bad", "ok" }, { create_type = false }), { server_default = "ok" }),
        column("doubled", types.integer(), { computed = "id * 2" }),
      }, { comment = "who is who" })
      op.create_table("Заметки", {
        column("person", types.integer()),
        column("during", types.raw("int4range")),
        column("tags", types.array(types.text())),
      }, { schema = "Other" })
      op.bulk_insert("people", {
        { id = 1, ["full name"] = "Ada", age = "36" }, { id = 2, ["full name"] = "O'Neil", age = null },
      })
    ]],
    [[
      op.drop_table("Заметки", { schema = "Other" })
      op.drop_table("people")
      op.drop_enum("mood")
      op.drop_extension("btree_gist")
      op.drop_schema("Other")
    ]],
    [[
      op.alter_column("people", "age", {
        type_ = types.integer(), nullable = false, server_default = 18, comment = null, new_column_name = "years",
        postgresql_using = "coalesce(age, '7')::integer",
      })
      op.alter_column("people", "full name", { server_default = null, nullable = false, comment = "all of it" })
      op.alter_column("people", "id", { identity = { always = true, start = 10 } })
      op.alter_column("people", "id", { identity = { start = 20, increment = 2 }, existing_identity = true })
      op.drop_column("people", "doubled")
      op.drop_table_comment("people")
      op.create_table_comment("Заметки", "notes, it's said", { schema = "Other" })
      op.create_primary_key("people_key", "people", { "id" })
      op.create_unique_constraint("one name", "people", { "full name", "years" }, {
        deferrable = true, initially = "DEFERRED", postgresql_include = { "mood" },
      })
      op.create_check_constraint("ck_years", "people", "years BETWEEN 0 AND 150", { postgresql_not_valid = true })
      op.validate_constraint("ck_years", "people")
      op.create_foreign_key("fk person", "Заметки", "people", { "person" }, { "id" }, {
        source_schema = "Other", ondelete = "SET NULL", onupdate = "CASCADE", match = "SIMPLE", deferrable = true,
      })
      op.create_exclude_constraint("never twice", "Заметки", { "person", "=" }, { "during", "&&" }, {
        schema = "Other", using = "gist", where = "person > 0",
      })
      op.create_index("ix", "people", { sql "years DESC NULLS LAST", sql "lower(\"full name\") text_pattern_ops" }, {
        postgresql_include = { "mood" }, postgresql_where = "years > 17", postgresql_with = { fillfactor = 70 },
      })
      op.create_index("ix_tags", "Заметки", { "tags" }, { schema = "Other", postgresql_using = "gin" })
      op.alter_enum("mood", { "awful", "ok", "splendid" }, { rename = { bad = "awful" } })
      op.rename_enum("mood", "Mood")
      op.create_sequence("tickets", {
        start = 5, increment = 5, maxvalue = 1000, cycle = true, owned_by = "people.years",
      })
      op.create_view("grown", "SELECT \"full name\" AS name FROM people WHERE years > 17", { comment = "of age" })
      op.create_view("counted", "SELECT count(*) AS n FROM people", { materialized = true })
      op.create_index("ix_counted", "counted", { "n" }, { unique = true })
      op.create_function("touch", "BEGIN RETURN NEW; END", { returns = "trigger" })
      op.create_trigger("touch", "people", {
        timing = "BEFORE", events = { "INSERT", "UPDATE OF years" }, postgresql_execute = "touch()",
        when = "NEW.years > 0",
      })
      op.rename_table("people", "Persons")
    ]],
    [[
      op.rename_table("Persons", "people")
      op.drop_trigger("touch", "people")
      op.drop_function("touch")
      op.drop_view("counted", { materialized = true })
      op.drop_view("grown")
      op.drop_sequence("tickets")
      op.rename_enum("Mood", "mood")
      op.alter_enum("mood", { "bad", "ok" }, { rename = { awful = "bad" } })
      op.drop_index("ix_tags", "Заметки", { schema = "Other" })
      op.drop_index("ix", "people")
      op.drop_constraint("never twice", "Заметки", "exclude", { schema = "Other" })
      op.drop_constraint("fk person", "Заметки", "foreignkey", { schema = "Other" })
      op.drop_constraint("ck_years", "people", "check")
      op.drop_constraint("one name", "people", "unique")
      op.drop_constraint("people_key", "people", "primary")
      op.drop_table_comment("Заметки", { schema = "Other" })
      op.create_table_comment("people", "who is who")
      op.alter_column("people", "id", { identity = null })
      op.add_column("people", column("doubled", types.integer(), { computed = "id * 2" }))
      op.alter_column("people", "full name", { server_default = "nobody", nullable = true, comment = null })
      op.alter_column("people", "years", {
        type_ = types.text(), nullable = true, server_default = null, comment = "in years", new_column_name = "age",
      })
    ]],
    rows = {
      'SELECT "full name", years, mood FROM "Persons" ORDER BY id',
      "Ada|36|ok\nO'Neil|7|ok",
    },
  },
}

local function project_of(kind)
  local project, texts = moonbird.project(kind), revisions[kind]
  project:revision("a1", nil, texts[1], texts[2])
  project:revision("b2", "a1", texts[3], texts[4])
  return project
end

describe("operations", function()
  moonbird.each_database(describe, pending, function(kind)
    it("change schema and rows, and back again to what it was", function()
      local p = project_of(kind)
      local empty = schema_of(p)
      p:ok("upgrade a1")
      local before = schema_of(p)
      p:ok("upgrade head")
      assert.are.equal(revisions[kind].rows[2], p:sql(revisions[kind].rows[1]))
      local after = schema_of(p)
      assert.are_not.equal(before, after)
      p:ok("downgrade a1")
      assert.are.equal(before, schema_of(p))
      p:ok("upgrade head")
      assert.are.equal(after, schema_of(p))
      p:ok("downgrade base")
      assert.are.equal(empty, schema_of(p))
      p:remove()
    end)

    it("make the same schema by a script, there and back", function()
      local p, q = project_of(kind), project_of(kind)
      p:ok("upgrade head")
      feed(q, q:ok("upgrade head --sql").out)
      assert.are.equal(schema_of(p), schema_of(q))
      assert.are.equal(revisions[kind].rows[2], q:sql(revisions[kind].rows[1]))
      p:ok("downgrade base")
      feed(q, q:ok("downgrade head:base --sql").out)
      assert.are.equal(schema_of(p), schema_of(q))
      p:remove()
      q:remove()
    end)

    it("give a script Alembic's words for what it has", function()
      local p = moonbird.project(kind)
      p:revision(
        "a1",
        nil,
        [[
        assert(op.get_context() == context and op.get_context().direction == "upgrade")
        assert(op.get_bind() == db and op.get_bind():scalar("SELECT 7") == 7)
        op.invoke { kind = "create_table", table = "t", items = { column("a", types.text()) } }
        op.execute("INSERT INTO t VALUES (" .. tostring(op.inline_literal("it's")) .. ")")
        print(context.dialect)]]
      )
      local run = p:ok("upgrade head")
      assert.is_truthy(run.err:find(kinds[kind], 1, true))
      assert.are.equal("it's", p:sql("SELECT a FROM t"))
      p:remove()
    end)

    it("take names from the environment's convention", function()
      local p = moonbird.project(kind)
      p:write("migrations/env.lua", 'return { naming_convention = { uq = "uq_%(table_name)s_%(column_0_N_name)s" } }')
      p:revision("a1", nil, [[
        op.create_table("t", { column("a", types.text()), column("b", types.text()), unique { "a", "b" } })
      ]])
      p:ok("upgrade head")
      assert.is_truthy(schema_of(p):find("CONSTRAINT uq_t_a_b UNIQUE", 1, true))
      p:write("migrations/env.lua", 'return { naming_convention = { unique = "uq" } }')
      local run = p:run("downgrade base")
      assert.are.equal(2, run.code)
      assert.is_truthy(run.err:find("naming_convention: unique is a token of your own", 1, true))
      p:remove()
    end)

    it("say where a call is wrong, and change nothing", function()
      local p = moonbird.project(kind)
      p:revision("a1", nil, [[
        op.create_table("t", { column("a", types.text()) })
        op.alter_column("t", "a", { nulable = true })
      ]])
      local run = p:fails(1, "upgrade head")
      local problem = 'a1_test.lua:8: op.alter_column: unknown option "nulable"; did you mean "nullable"?'
      assert(run.err:find(problem, 1, true), run.err)
      assert.is_false(p:has_table("t"))
      p:remove()
    end)
  end)

  it("of another database are refused on SQLite with what to do instead", function()
    local p = moonbird.project("sqlite")
    p:revision("a1", nil, 'op.create_enum("mood", { "ok" })')
    local run = p:fails(1, "upgrade head")
    assert.is_truthy(run.err:find("SQLite has no enum types", 1, true))
    p:remove()
  end)
end)

if moonbird.postgres_url then
  describe("an index that is built concurrently", function()
    local BLOCK = [[op.autocommit_block(function()
      op.create_index("Ix 1", "t", { "a" }, { unique = true, postgresql_concurrently = true, if_not_exists = true })
    end)]]
    local VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = '\"Ix 1\"'::regclass"

    it("needs a block of its own, and the error says so", function()
      local p = moonbird.project("postgres")
      p:revision("a1", nil, [[
        op.create_table("t", { column("a", types.text()) })
        op.create_index("Ix 1", "t", { "a" }, { postgresql_concurrently = true })
      ]])
      local run = p:fails(1, "upgrade head")
      assert(run.err:find("hint: the database refuses this in a transaction: op.autocommit_block", 1, true), run.err)
      p:remove()
    end)

    it("is built anew when an earlier build has left it broken", function()
      local p = moonbird.project("postgres")
      p:revision("a1", nil, 'op.create_table("t", { column("a", types.text()) })')
      p:revision("b2", "a1", BLOCK, 'op.drop_index("Ix 1", "t")')
      p:ok("upgrade a1")
      p:sql("INSERT INTO t VALUES ('x'), ('x')")
      local run = p:run("upgrade head")
      assert.is_truthy(run.err:find("23505", 1, true))
      assert.are.equal("f", p:sql(VALID))
      p:sql("DELETE FROM t")
      p:ok("upgrade head")
      assert.are.equal("t", p:sql(VALID))
      p:ok("downgrade a1")
      assert.is_nil(p:ok("upgrade a1:b2 --sql").out:find("DROP INDEX", 1, true))
      p:remove()
    end)
  end)

  describe("a statement outside of a transaction that was done when its run died", function()
    local function run_and_kill(p, change)
      p:revision("a1", nil, 'op.create_table("t", { column("a", types.text()) })\nop.create_index("ix", "t", { "a" })')
      p:revision("b2", "a1", ("op.autocommit_block(function() %s end)"):format(change))
      p:ok("upgrade a1")
      p:write("hold.sql", "BEGIN; LOCK TABLE t IN ROW EXCLUSIVE MODE; SELECT pg_sleep(30);")
      local pid = moonbird.shell(
        ("psql -X -q %s -f %s >/dev/null 2>&1 & echo $!"):format(quote(p.shell_url), quote(p:path("hold.sql")))
      )
      moonbird.wait_until("the table is locked", 20, function()
        return p:sql("SELECT count(*) FROM pg_locks WHERE relation = 't'::regclass AND granted") == "1"
      end)
      local run = p:start("upgrade head")
      moonbird.wait_until("it waits for the lock", 20, function()
        return p:sql([[
          SELECT count(*) FROM pg_stat_activity
          WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '% INDEX %']]) == "1"
      end)
      run:kill("KILL")
      moonbird.shell("kill " .. pid)
      p:sql([[
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND query LIKE '%pg_sleep(30)%' AND pid <> pg_backend_pid()]])
    end

    local CREATE = 'op.create_index("ix2", "t", { "a" }, { postgresql_concurrently = true, comment = "of a" })'

    for what, case in pairs({
      create = { CREATE, "ix2", "1" },
      drop = { 'op.drop_index("ix", "t", { postgresql_concurrently = true })', "ix", "0" },
    }) do
      it("is not done again: " .. what, function()
        local p = moonbird.project("postgres")
        local count = "SELECT count(*) FROM pg_index WHERE indexrelid = to_regclass('%s') AND indisvalid"
        count = count:format(case[2])
        run_and_kill(p, case[1])
        moonbird.wait_until("the server has gone on", 20, function()
          return p:sql(count) == case[3]
        end)
        p:ok("upgrade head")
        assert.are.equal(case[3], p:sql(count))
        local comment = "SELECT obj_description(to_regclass('ix2'), 'pg_class')"
        assert.are.equal(what == "create" and "of a" or "", p:sql(comment))
        p:remove()
      end)
    end
  end)

  it("say in the words of a revision what to do where the server refuses", function()
    local p = moonbird.project("postgres")
    p:sql([[
      CREATE TYPE mood AS ENUM ('ok');
      CREATE TABLE t (a integer UNIQUE, b text, m mood, r integer REFERENCES t (a));
      CREATE VIEW v AS SELECT b FROM t;
    ]])
    local advice = {
      ['op.alter_column("t", "b", { type_ = types.char(3) })'] = "Take it away before, and make it again behind: op.",
      ['op.alter_column("t", "m", { type_ = types.integer() })'] = 'op.alter_column takes it as using = "..."',
      ['op.drop_column("t", "b")'] = "Drop them before it (op.drop_view, op.drop_constraint ...)",
      ['op.drop_table("t")'] = "Drop them before it (op.drop_view, op.drop_constraint ...)",
      ['op.drop_constraint("t_a_key", "t")'] = "The option cascade = true does that.",
      ['op.drop_enum("mood")'] = "The option cascade = true does that.",
      ['op.create_table("n", { column("m", types.enum("mood", { "ok" })) })'] = "{ create_type = false }",
    }
    for call, words in pairs(advice) do
      p:revision("a1", nil, call)
      moonbird.contains(p:fails(1, "upgrade head").err, words)
    end
    p:remove()
  end)

  describe("op.alter_enum", function()
    it("changes scalars, arrays, defaults and partitions, and refuses a row that has a value no more", function()
      local p = moonbird.project("postgres")
      p:revision(
        "a1",
        nil,
        [[
        op.create_schema("S 1")
        op.create_enum("Mo'od", { "a%", "b'", "c" }, { schema = "S 1" })
        local mood = types.enum("Mo'od", { "-" }, { schema = "S 1", create_type = false })
        op.create_table("one", {
          column("id", types.integer()),
          column("m", mood, { server_default = "b'" }),
          column("l", types.array(mood), { server_default = "{a%,c}" }),
        })
        op.create_table("parts", { column("id", types.integer()), column("m", mood) }, {
          postgresql_partition_by = "LIST (id)",
        })
        db:exec('CREATE TABLE part_1 PARTITION OF parts FOR VALUES IN (1)')
        db:exec("INSERT INTO one (id) VALUES (1)")
        db:exec("INSERT INTO one VALUES (2, 'c', NULL)")
        db:exec("INSERT INTO parts VALUES (1, 'a%')")
        op.create_index("ix_m", "one", { "m" })
      ]],
        nil
      )
      p:revision(
        "b2",
        "a1",
        [[op.alter_enum("Mo'od", { "x", "b'", "y%s" }, { schema = "S 1", rename = { ["a%"] = "x", c = "y%s" } })]]
      )
      p:revision("c3", "b2", [[op.alter_enum("Mo'od", { "x" }, { schema = "S 1" })]])
      p:ok("upgrade b2")
      assert.are.equal("1|b'|{x,y%s}\n2|y%s|", p:sql("SELECT id, m, l FROM one ORDER BY id"))
      assert.are.equal("x", p:sql("SELECT m FROM parts"))
      p:sql("INSERT INTO one (id) VALUES (3)")
      assert.are.equal("b'|{x,y%s}", p:sql("SELECT m, l FROM one WHERE id = 3"))
      assert.are.equal("1", p:sql("SELECT count(*) FROM pg_type WHERE typtype = 'e'"))
      local run = p:fails(1, "upgrade head")
      assert.is_truthy(run.err:find("22P02", 1, true))
      assert.are.equal("3", p:sql("SELECT count(*) FROM one"))
      p:remove()
    end)
  end)
else
  pending("what only PostgreSQL has: $MOONBIRD_TEST_POSTGRES_URL is not set")
end
