-- The ready-made backfills: what each does to rows, in a revision and as a file of backfills/, and what it refuses.
local moonbird = require("support.moonbird")

describe("ready-made backfills", function()
  moonbird.each_database(describe, pending, function(kind)
    local p

    before_each(function()
      p = moonbird.project(kind)
      p:sql([[
        CREATE TABLE people (id integer PRIMARY KEY, email text, old_age text, age integer, posts integer DEFAULT 0);
        CREATE TABLE posts (id integer PRIMARY KEY, person_id integer, title text);
        CREATE TABLE "new people" (nr integer PRIMARY KEY, mail text, age integer);
        INSERT INTO people (id, email, old_age) VALUES
          (1, 'a@x', '30'), (2, 'b@x', NULL), (3, 'a@x', '7'), (4, NULL, '1'), (5, 'a@x', '2'), (6, NULL, '3');
        INSERT INTO posts VALUES (1, 1, 'one'), (2, 1, 'two'), (3, 99, 'lost'), (4, 3, 'three'), (5, NULL, 'free')]])
    end)

    after_each(function()
      p:remove()
    end)

    local function run(body)
      p:backfill("fill", "return " .. body)
      p:ok("backfill run fill")
      p:ok("backfill verify fill")
    end

    it("copy a column, converted", function()
      run([[backfill.copy_column { table = "people", from = "old_age", to = "age", with = "CAST({from} AS integer)" }]])
      assert.equals("30,-,7,1,2,3", (p:sql("SELECT coalesce(CAST(age AS text), '-') FROM people ORDER BY id")
        :gsub("\n", ",")))
    end)

    it("count what refers to a row", function()
      run([[backfill.reset_counter { table = "people", counter = "posts", from = "posts", column = "person_id" }]])
      assert.equals("2,0,1,0,0,0", (p:sql("SELECT posts FROM people ORDER BY id"):gsub("\n", ",")))
    end)

    it("delete what a condition finds", function()
      run([[backfill.delete_where { table = "people", where = "email IS NULL", size = 1 }]])
      assert.equals("1,2,3,5", (p:sql("SELECT id FROM people ORDER BY id"):gsub("\n", ",")))
    end)

    it("delete orphans", function()
      run([[backfill.delete_orphans { table = "posts", column = "person_id", references = "people.id" }]])
      assert.equals("1,2,4,5", (p:sql("SELECT id FROM posts ORDER BY id"):gsub("\n", ",")))
    end)

    it("leave one of those that are the same", function()
      run([[backfill.dedupe { table = "people", by = "email", key = "id", size = 2 }]])
      assert.equals("1,2,4,6", (p:sql("SELECT id FROM people ORDER BY id"):gsub("\n", ",")))
    end)

    it("leave the last of those that are the same", function()
      run([[backfill.dedupe { table = "people", by = { "email" }, key = "id", keep = "last", size = 2 }]])
      assert.equals("2,4,5,6", (p:sql("SELECT id FROM people ORDER BY id"):gsub("\n", ",")))
    end)

    it("leave one of those that are the same among the rows of `where`, by a key of two columns", function()
      p:sql([[
        CREATE TABLE mails (a integer NOT NULL, b text NOT NULL, email text, gone integer, PRIMARY KEY (a, b));
        INSERT INTO mails VALUES (1, 'x', 'm', 1), (1, 'y', 'm', 0), (2, 'a', 'm', 0), (2, 'b', 'm', 1),
          (0, 'z', 'n', 0)]])
      run([[backfill.dedupe { table = "mails", by = "email", key = { "a", "b" }, keep = "last", where = "gone = 0" }]])
      assert.equals("0|z\n1|x\n2|a\n2|b", p:sql("SELECT a, b FROM mails ORDER BY a, b"))
    end)

    it("copy a table, in a revision", function()
      p:revision("a1", nil, [[
        op.backfill(backfill.copy_table {
          table = "people", to = "new people", columns = { id = "nr", email = "mail", "age" }, size = 2,
        })]])
      p:ok("upgrade head")
      assert.equals("1|a@x|,2|b@x|,3|a@x|,4||,5|a@x|,6||",
        (p:sql([[SELECT nr, mail, age FROM "new people" ORDER BY nr]]):gsub("\n", ",")))
    end)

    if kind == "postgres" then
      it("copy the ids too, where the database numbers the other table", function()
        p:sql("CREATE TABLE copies (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, mail text)")
        run([[backfill.copy_table { table = "people", to = "copies", columns = { "id", email = "mail" },
          where = "id > 3", done = "true" }]])
        assert.equals("4,5,6", p:sql("SELECT string_agg(id::text, ',' ORDER BY id) FROM copies"))
      end)
    end

    it("are other ones when they were asked for something else", function()
      p:backfill("fill",
        'return backfill.copy_table { table = "people", to = "new people", columns = { id = "nr" }, size = 2 }')
      p:fails(3, "backfill run fill --max-rows 2")
      p:backfill("fill",
        'return backfill.copy_table { table = "people", to = "posts", columns = { "id" }, size = 2 }')
      p:fails(4, "backfill run fill")
    end)

    it("are known again by what they were asked for, and called by their name", function()
      p:backfill("fill", 'return backfill.delete_where { table = "people", where = "id > 1", size = 1 }')
      p:fails(3, "backfill run fill --max-rows 1")
      local before = p:sql("SELECT fingerprint FROM moonbird_backfill")
      p:backfill("fill", 'return backfill.delete_where { table = "people", where = "id > 2", size = 1 }')
      p:fails(4, "backfill run fill")
      p:backfill("fill", '\n\nreturn backfill.delete_where { size = 2, where = "id > 1", table = "people" }')
      p:ok("backfill run fill")
      assert.equals(before, p:sql("SELECT fingerprint FROM moonbird_backfill"))
      -- the code of Moonbird is no part of it, or a run could not go on with its next version
      local sum = io.popen([[printf 'backfill\0people\0\0\0\0id > 1\0delete_where' | sha256sum]])
      assert.equals(before, sum:read("a"):match("%x+"))
      sum:close()
      p:revision("a1", nil, 'op.backfill(backfill.delete_where { table = "people", where = "id > 1" })')
      assert.matches("backfill people (backfill.delete_where) is a program in Lua and cannot be written as SQL",
        p:fails(1, "upgrade head --sql").err, 1, true)
    end)

    it("say what is wrong", function()
      local function problem(body, wanted)
        p:backfill("fill", "return " .. body)
        local result = p:fails(1, "backfill run fill")
        assert.truthy(result.err:find(wanted, 1, true), result.err)
      end
      problem([[backfill.copy_column { table = "people", to = "age" }]],
        "fill.lua: backfill.copy_column: from must be a name, not nothing")
      problem([[backfill.delete_where { table = "people", where = 5 }]], "where must be SQL text, not an integer")
      problem([[backfill.dedupe { table = "people", by = "email", key = "id", keep = "best" }]], 'not "best"')
      problem([[backfill.delete_orphans { table = "posts", column = "person_id", references = "people" }]],
        'references must be "table.column"')
      problem([[backfill.delete_where { table = "people", where = "true", row = print }]], "row is for op.backfill")
      problem([[backfill.delete_where { table = "people", where = "1=1", sise = 3 }]],
        'unknown key "sise", did you mean "size"?; its own are table, where')
      problem([[backfill.copy_column { table = "people", from = "old_age", to = "age", wiht = "1" }]],
        'backfill.copy_column: unknown key "wiht", did you mean "with"?')
      problem([[backfill.dedupe { table = 5, by = "email", key = "id" }]],
        "fill.lua: backfill.dedupe: table must be a name, not an integer")
      problem([[backfill.copy_table { table = "people", to = "posts", columns = { "id", email = "id" } }]],
        "columns names id twice")
      problem([[backfill.copy_table { table = "people", to = "posts", columns = { email = 5 } }]],
        "columns must hold names, not an integer")
      problem([[backfill.dedupe { table = "people", by = { "email", 5 }, key = "id" }]],
        "by must be a column or a list of columns, not a table")
    end)
  end)
end)
