-- What is wrong with a definition is said before anything of its revision is committed, with what could be meant.
local moonbird = require("support.moonbird")

describe("a definition that cannot be", function()
  moonbird.each_database(describe, pending, function(kind)
    local p
    before_each(function()
      p = moonbird.project(kind)
    end)
    after_each(function()
      p:remove()
    end)

    it("says before anything is committed what the database does not understand, and what could be the key", function()
      p:sql([[CREATE TABLE t (id integer NOT NULL PRIMARY KEY, a text, code text NOT NULL,
          twice integer GENERATED ALWAYS AS (id * 2) STORED, number integer);
        CREATE UNIQUE INDEX t_code ON t (code);
        CREATE VIEW v AS SELECT * FROM t]])
      local function problem(definition, words)
        p:revision("a1", nil, '  op.add_column("t", column("new", types.text()))\n  op.backfill ' .. definition)
        local err = p:fails(1, "upgrade head").err
        assert.truthy(err:find("a1_test.lua:8: op.backfill: " .. words, 1, true), err)
        assert.is_false(pcall(p.sql, p, "SELECT new FROM t"))
      end
      problem([[{ table = "t", where = "nope = 1", set = { a = "b" } }]], "where cannot be asked: ")
      problem([[{ table = "t", where = "a = = 1", row = print }]], "where cannot be asked: ")
      problem([[{ table = "t", set = { a = sql "nope(a)" } }]], "set of t cannot be done: ")
      problem([[{ table = "t", set = { A = 1 } }]], "t has no column A, did you mean a?")
      problem([[{ table = "t", set = { twice = 1 } }]],
        "set must not change the column twice, which the database computes")
      problem([[{ table = "t", key = "number", set = { a = 1 } }]],
        "the key (number) of t is not unique and NOT NULL (no unique index has these columns, in their own order and "
          .. "for all rows); there is (id), (code)")
      problem([[{ table = "v", set = { a = 1 } }]], "v has no primary key (a view has none); give a `key`")
      if kind == "postgres" then
        problem([[{ table = "t", set = { number = sql "a" } }]],
          'set of t cannot be done: column "number" is of type integer')
      end
      p:sql("INSERT INTO t (id, code) VALUES (1, 'x')")
      p:revision("a1", nil, '  op.backfill { table = "t", row = function() return { twice = 2 } end }')
      assert.matches("row() returned the column twice, which the database computes",
        p:fails(7, "upgrade head").err, 1, true)
    end)

    it("is refused in a block that commits each statement", function()
      p:people(3)
      p:revision("a1", nil, [[
  op.autocommit_block(function()
    op.backfill { table = "people", set = { counter = 1 } }
  end)]])
      assert.matches("a1_test.lua:8: op.backfill: a backfill commits its batches by itself: call it outside of op.auto",
        p:fails(7, "upgrade head").err, 1, true)
      assert.equals("0", p:sql("SELECT sum(counter) FROM people"))
    end)

    if kind == "postgres" then
      it("is refused where a policy hides rows of the table", function()
        p:people(4)
        p:sql("ALTER TABLE people ENABLE ROW LEVEL SECURITY")
        p:sql("CREATE POLICY even ON people USING (id % 2 = 0)")
        local role = "half_" .. p.database
        p:sql(("CREATE ROLE %s LOGIN PASSWORD 'secret'"):format(role))
        p:sql(("GRANT ALL ON people TO %s; GRANT ALL ON SCHEMA public TO %s"):format(role, role))
        p:revision("a1", nil, 'op.backfill { table = "people", set = { counter = 1 } }')
        local run = p:fails(1, "upgrade head --url " .. p.url:gsub("//[^@]+@", "//" .. role .. ":secret@"))
        assert.matches("row level security hides rows of people from the role " .. role, run.err, 1, true)
        p:ok("upgrade head")
        assert.equals("4|1|1", p:sql("SELECT count(*), min(counter), max(counter) FROM people"))
        p:sql(("DROP OWNED BY %s; DROP ROLE %s"):format(role, role))
      end)
    end
  end)
end)
