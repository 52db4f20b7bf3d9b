-- The everyday commands on both databases: init, revision, upgrade, downgrade, current, history, heads, show, stamp.
local moonbird = require("support.moonbird")

-- Three revisions in a line, each with a table of its own.
local function three_tables(p)
  p:revision("a1", nil, 'op.create_table("one", { column("id", types.integer()) })', 'op.drop_table("one")')
  p:revision("b2", "a1", 'op.create_table("two", { column("id", types.integer()) })', 'op.drop_table("two")')
  p:revision("c3", "b2", 'op.create_table("three", { column("id", types.integer()) })', 'op.drop_table("three")')
end

local function versions(p)
  return p:sql("SELECT version_num FROM moonbird_version ORDER BY 1"):gsub("\n", ",")
end

describe("commands", function()
  moonbird.each_database(describe, pending, function(kind)
    local p
    before_each(function()
      p = moonbird.project(kind)
    end)
    after_each(function()
      p:remove()
    end)

    it("upgrades to head, and a second time finds nothing to do", function()
      three_tables(p)
      local run = p:ok("upgrade head")
      assert.equals("", run.out)
      for _, word in ipairs({ "a1", "b2", "c3", "ok" }) do
        assert.truthy(run.err:find(word, 1, true), run.err)
      end
      assert.equals("c3", versions(p))
      assert.is_true(p:has_table("three"))
      run = p:ok("upgrade head")
      assert.falsy(run.err:find("c3.*ok"), run.err)
      assert.equals("3", p:sql("SELECT count(*) FROM moonbird_log"))
    end)

    it("upgrades and downgrades by absolute and relative names", function()
      three_tables(p)
      p:ok("upgrade +1")
      assert.equals("a1", versions(p))
      p:ok("upgrade a1+1")
      assert.equals("b2", versions(p))
      p:ok("upgrade c3")
      assert.equals("c3", versions(p))
      p:ok("downgrade -1 --yes")
      assert.equals("b2", versions(p))
      assert.is_false(p:has_table("three"))
      p:ok("downgrade a1")
      assert.equals("a1", versions(p))
      p:ok("upgrade heads")
      p:ok("downgrade base")
      assert.equals("", versions(p))
      assert.is_false(p:has_table("one"))
    end)

    it("shows the current revision as Alembic does, and writes nothing for it", function()
      three_tables(p)
      assert.equals("", p:ok("current").out)
      assert.is_false(p:has_table("moonbird_version"))
      p:ok("upgrade b2")
      assert.equals("b2\n", p:ok("current").out)
      p:ok("upgrade head")
      assert.equals("c3 (head)\n", p:ok("current").out)
      local verbose = p:ok("current -v").out
      assert.truthy(verbose:find("^Current revision%(s%) for [^\n]+:\nRev: c3 %(head%)\nParent: b2\nPath: "), verbose)
    end)

    it("fails current --check-heads with exit code 3 until all heads are applied", function()
      three_tables(p)
      p:ok("upgrade b2")
      local run = p:fails(3, "current --check-heads")
      assert.truthy(run.err:find("Database is not on all head revisions", 1, true), run.err)
      p:ok("upgrade head")
      p:ok("current --check-heads")
    end)

    it("marks the current revision in the history", function()
      three_tables(p)
      p:ok("upgrade b2")
      assert.equals(
        "b2 -> c3 (head), Revision c3\na1 -> b2 (current), Revision b2\n<base> -> a1, Revision a1\n",
        p:ok("history -i").out
      )
    end)

    it("stamps without running anything", function()
      three_tables(p)
      p:ok("stamp b2")
      assert.equals("b2", versions(p))
      assert.is_false(p:has_table("one"))
      p:ok("upgrade head")
      assert.is_true(p:has_table("three"))
      p:ok("stamp base")
      assert.equals("", versions(p))
    end)

    it("keeps one row for each head, and applies a merge", function()
      p:revision("a1", nil)
      p:revision("b1", "a1", nil, nil, { header = 'branch_labels = "left"' })
      p:revision("c1", "a1")
      local run = p:fails(4, "upgrade head")
      assert.truthy(run.err:find("Multiple head revisions are present", 1, true), run.err)
      p:ok("upgrade heads")
      assert.equals("b1,c1", versions(p))
      assert.equals("b1 (head)\nc1 (head)\n", p:ok("current").out)
      p:ok("downgrade left@base")
      p:ok("upgrade heads")
      p:revision("d1", { "b1", "c1" })
      p:ok("upgrade head")
      assert.equals("d1", versions(p))
      assert.equals("d1 (head) (mergepoint)\n", p:ok("current").out)
      local walk = p:fails(2, "downgrade -1")
      assert.truthy(walk.err:find("Ambiguous walk", 1, true), walk.err)
      p:ok("downgrade b1")
      assert.equals("b1,c1", versions(p))
    end)

    it("runs what a revision depends on first", function()
      p:revision("a1", nil, 'db:exec("CREATE TABLE first_one (id integer)")', 'op.drop_table("first_one")')
      p:revision("z1", nil, 'db:exec("INSERT INTO first_one VALUES (1)")', nil, { header = 'depends_on = "a1"' })
      p:ok("upgrade z1")
      assert.equals("z1", versions(p))
      assert.equals("1", p:sql("SELECT count(*) FROM first_one"))
      assert.equals("a1 (effective head)\nz1 (head)\n", p:ok("current").out)
    end)

    it("takes the start of an id, where one only begins so", function()
      p:revision("abcdef01", nil)
      p:revision("bbbbef02", "abcdef01")
      p:revision("bcccef03", "bbbbef02")
      p:ok("upgrade a")
      assert.equals("abcdef01", versions(p))
      p:fails(2, "upgrade b")
      p:ok("upgrade bc")
      assert.equals("bcccef03", versions(p))
    end)

    it("writes who did what into the log table", function()
      three_tables(p)
      p:ok("upgrade b2")
      p:ok("downgrade a1")
      assert.equals(
        "a1|upgrade\nb2|upgrade\nb2|downgrade",
        p:sql("SELECT revision, direction FROM moonbird_log ORDER BY started_at")
      )
      local text = p:sql("SELECT applied_text FROM moonbird_log WHERE revision = 'a1'")
      assert.truthy(text:find('op.create_table("one"', 1, true), text)
      assert.equals("64", p:sql("SELECT length(checksum) FROM moonbird_log WHERE revision = 'a1'"))
    end)

    it("names an id that is in the database and in no file", function()
      three_tables(p)
      p:ok("upgrade head")
      os.remove(p:path("migrations/versions/c3_test.lua"))
      for _, words in ipairs({ "upgrade head", "downgrade -1" }) do
        local run = p:fails(4, words)
        assert.truthy(run.err:find("Can't locate revision identified by 'c3'", 1, true), run.err)
      end
    end)

    it("takes over the version table of Alembic", function()
      p:remove()
      p = moonbird.project(kind, "version_table = alembic_version\n")
      three_tables(p)
      p:sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL,"
        .. " CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))")
      p:sql("INSERT INTO alembic_version VALUES ('a1')")
      p:ok("upgrade head")
      assert.equals("c3", p:sql("SELECT version_num FROM alembic_version"))
      assert.is_false(p:has_table("one"))
      assert.is_true(p:has_table("two"))
      assert.is_false(p:has_table("moonbird_version"))
    end)
  end)

  -- What follows asks no database.
  local p
  before_each(function()
    p = moonbird.project("sqlite")
  end)
  after_each(function()
    p:remove()
  end)

  it("makes a new environment that works as it is", function()
    os.remove(p:path("moonbird.ini"))
    p:ok("init db")
    assert.truthy(p:read("moonbird.ini"))
    assert.truthy(p:read("db/env.lua"))
    p:ok("revision -m First")
    local name = moonbird.shell("ls " .. p:path("db/versions")):match("%x+_first%.lua")
    assert.truthy(name)
    p:ok({ "--url", "sqlite:///data.db", "upgrade", "head" })
    assert.equals("1", p:sql("SELECT count(*) FROM moonbird_version"))
  end)

  it("does not overwrite an environment that exists", function()
    local run = p:fails(2, "init migrations")
    assert.truthy(run.err:find("already exists and is not empty", 1, true), run.err)
  end)

  it("writes revisions that follow the head, named by their message", function()
    p:ok({ "revision", "-m", "Split the names!", "--rev-id", "a1" })
    local text = p:read("migrations/versions/a1_split_the_names.lua")
    assert.truthy(text)
    assert.truthy(text:find("Split the names!", 1, true), text)
    p:ok({ "revision", "-m", "then", "--rev-id", "b2" })
    assert.equals("a1 -> b2 (head), then\n<base> -> a1, Split the names!\n", p:ok("history").out)
    p:ok("new another --rev-id c3")
    assert.equals("c3 (head)\n", p:ok("heads").out)
    p:ok("upgrade head")
  end)

  it("writes branches and merges", function()
    p:ok("revision -m a --rev-id a1")
    p:ok("revision -m b --rev-id b1")
    p:ok("revision -m c --rev-id c1 --head a1 --splice --branch-label side")
    assert.equals("b1 (head)\nc1 (side) (head)\n", p:ok("heads").out)
    p:ok("merge heads -m join --rev-id d1")
    assert.equals("d1 (side) (head)\n", p:ok("heads").out)
  end)

  it("says how heads are joined of which one depends on another", function()
    p:revision("a1", nil)
    p:revision("b1", nil, nil, nil, { header = 'depends_on = "a1"' })
    for _, words in ipairs({ "upgrade head", "revision -m x" }) do
      assert.matches("'moonbird merge a1 b1'", p:fails(4, words).err, 1, true)
    end
    local run = p:ok("merge heads -m x")
    assert.matches("nothing to do: all other heads are applied with b1", run.err, 1, true)
    assert.matches("'moonbird merge a1 b1' joins them", run.err, 1, true)
    p:ok("merge a1 b1 -m join --rev-id c1")
    p:ok("upgrade head")
    assert.equals("c1 (head) (mergepoint)\n", p:ok("current").out)
  end)

  it("shows a revision in full", function()
    p:revision("a1", nil, nil, nil, { message = "The summary\n--\n-- and more words" })
    p:revision("b2", "a1")
    local path = p:path("migrations/versions/a1_test.lua")
    assert.equals(
      "Rev: a1\nParent: <base>\nPath: " .. path .. "\n\n    The summary\n    \n    and more words\n\n",
      p:ok("show a1").out
    )
    assert.truthy(p:ok("show head").out:find("^Rev: b2 %(head%)\nParent: a1\n"))
  end)

  it("tells an unknown id, an ambiguous start and a wrong branch apart", function()
    p:revision("abcd1", nil, nil, nil, { header = 'branch_labels = "x"' })
    p:revision("abcd2", "abcd1")
    p:revision("def1", nil, nil, nil, { header = 'branch_labels = "y"' })
    local unknown = p:fails(2, "upgrade nope").err
    assert.truthy(unknown:find("Can't locate revision identified by 'nope'", 1, true), unknown)
    local ambiguous = p:fails(2, "upgrade abcd").err
    assert.truthy(ambiguous:find("abcd1", 1, true) and ambiguous:find("abcd2", 1, true), ambiguous)
    local wrong = p:fails(2, "upgrade y@abcd1").err
    assert.truthy(wrong:find("y", 1, true), wrong)
    assert.are_not.equal(ambiguous, unknown)
    assert.are_not.equal(wrong, unknown)
  end)

  it("does not run the code of a revision to show it", function()
    p:write(
      "migrations/versions/a1_x.lua",
      '--- Summary\nrevision = "a1"\ndown_revision = nil\nerror("this ran")\nfunction upgrade() end\n'
    )
    for _, words in ipairs({ "history", "heads", "show a1", "current" }) do
      p:ok(words)
    end
    assert.truthy(p:fails(1, "upgrade head").err:find("this ran", 1, true))
  end)

  it("refuses a header that is not a literal, with file and line", function()
    p:write("migrations/versions/a1_x.lua", '--- Summary\nrevision = "a" .. "1"\ndown_revision = nil\n')
    local run = p:fails(4, "history")
    assert.truthy(run.err:find("a1_x.lua:2", 1, true), run.err)
  end)

  it("runs .sql revisions in both directions", function()
    p:write(
      "migrations/versions/a1_sql.sql",
      [[
-- A table; with a trigger
--
-- revision: a1
-- down_revision:

-- migrate:up
CREATE TABLE people (id integer, note text DEFAULT 'a;b');
CREATE TRIGGER people_check AFTER INSERT ON people BEGIN
  UPDATE people SET note = 'seen; really' WHERE id = new.id;
  SELECT 1;
END;
INSERT INTO people (id) VALUES (1);

-- migrate:down
DROP TABLE people;
]]
    )
    p:ok("upgrade a1")
    assert.equals("1|seen; really", p:sql("SELECT id, note FROM people"))
    p:ok("downgrade base")
    assert.is_false(p:has_table("people"))
  end)

  it("explains itself, and knows words that are nearly right", function()
    local help = p:ok("--help").out
    for _, command in ipairs({ "init", "revision", "upgrade", "downgrade", "current", "history", "heads", "stamp" }) do
      assert.truthy(help:find(command, 1, true), command)
    end
    assert.truthy(p:ok("upgrade --help").out:find("upgrade", 1, true))
    local run = p:fails(2, "upgrde head")
    assert.truthy(run.err:find("upgrade", 1, true), run.err)
    assert.truthy(p:fails(2, "upgrade").err:find("REV", 1, true))
    assert.truthy(p:fails(2, "upgrade head --nope").err:find("nope", 1, true))
    assert.equals("moonbird 0.1.0\n", p:ok("--version").out)
  end)

  it("ends the line of a file that could not be made", function()
    local run = p:fails(2, "init /proc/nowhere")
    assert.equals("Creating directory /proc/nowhere ...  FAILED\n", run.out)
    local id = ("x"):rep(300)
    assert.matches("^Generating .*%.lua %.%.%.  FAILED\n$", p:fails(2, { "revision", "--rev-id", id }).out)
    os.execute("mkdir " .. moonbird.quote(p:path("old")))
    p:write("old/a1.py", ('"""one"""\nrevision = "%s"\ndown_revision = None\n'):format(id))
    assert.matches("^Generating .*%.lua %.%.%.  FAILED\n$", p:fails(2, "import alembic old").out)
  end)

  it("shows with -v the statements of a revision, and no values", function()
    p:revision("a1", nil, [[op.create_table("one", { column("name", types.text()) })
  db:exec("INSERT INTO one VALUES (?)", "somebody")]])
    assert.falsy(p:ok("upgrade a1 --sql -v").err:find("CREATE TABLE", 1, true))
    local run = p:ok("-v upgrade head")
    assert.truthy(run.err:find("CREATE TABLE one", 1, true), run.err)
    assert.truthy(run.err:find("INSERT INTO one VALUES (?)", 1, true), run.err)
    assert.falsy(run.err:find("somebody", 1, true), run.err)
    p:revision("b2", "a1", 'db:exec("DELETE FROM one")')
    assert.falsy(p:ok("upgrade head").err:find("DELETE", 1, true))
  end)

  it("gives listings and runs as JSON", function()
    three_tables(p)
    local run = p:ok("--json upgrade head")
    local count = 0
    for line in run.out:gmatch("[^\n]+") do
      assert.truthy(line:find("^{.*}$"), line)
      count = count + 1
    end
    assert.is_true(count >= 3)
    local current = p:ok("current --json").out
    assert.truthy(current:find('"id": ?"c3"'), current)
    assert.truthy(p:ok("history --json").out:find('"id": ?"a1"'))
  end)
end)
