-- import alembic: revision files of an Alembic environment become Lua revisions with the same graph. The files are
-- written here as Alembic's users have them; where Alembic is installed, it makes them itself and both histories are
-- compared.
local moonbird = require("support.moonbird")

local function python_file(id, parent, more)
  more = more or {}
  local lines = {
    ('"""%s\n'):format(more.message or "Revision " .. id),
    "Revision ID: " .. id,
    "Revises: ",
    "Create Date: " .. (more.date or "2025-10-06 12:00:00.123456"),
    '\n"""',
    "from alembic import op\n",
    ("revision = '%s'"):format(id),
    "down_revision = " .. (parent or "None"),
    "branch_labels = " .. (more.labels or "None"),
    "depends_on = " .. (more.depends_on or "None"),
    "\n\ndef upgrade():\n    pass\n",
  }
  return table.concat(lines, "\n")
end

local function has_alembic()
  local _, code = moonbird.shell("command -v alembic")
  return code == 0
end

describe("import alembic", function()
  local p

  local function source(name, text)
    p:write("alembic/versions/" .. name, text)
  end

  local function written()
    return (moonbird.shell("cd " .. moonbird.quote(p:path("migrations/versions")) .. " && ls -A"):gsub("\n", " "))
  end

  before_each(function()
    p = moonbird.project("sqlite")
    os.execute("mkdir -p " .. moonbird.quote(p:path("alembic/versions")))
  end)
  after_each(function()
    p:remove()
  end)

  it("keeps ids, parents, labels, dependencies, messages and dates", function()
    source("a1_first.py", python_file("a1", nil, { labels = "('core', 'main')" }))
    source("b1_left.py", python_file("b1", "'a1'", { message = "Left \\u00e9 \\\"x\\\"\n\nwith reasons" }))
    source("b2_right.py", python_file("b2", "'a1'", { depends_on = "'n1'" }))
    source("m1_merge.py", python_file("m1", "('b1', 'b2')"))
    source("n1_other.py", python_file("n1", nil, { labels = "'net'" }))
    source("__init__.py", "x = 1\n")
    source("notes.txt", "not a revision")
    local run = p:ok("import alembic alembic")
    assert.truthy(run.out:find("Generating .-/migrations/versions/a1_revision_a1.lua ...  done\n"), run.out)
    assert.truthy(run.out:find("5 revisions imported, 5 with empty functions", 1, true), run.out)
    assert.truthy(run.out:find("version_table = alembic_version", 1, true), run.out)
    assert.equals(
      "b1, b2 -> m1 (core, main) (head) (mergepoint), Revision m1\n"
        .. 'a1 -> b1 (core, main), Left é "x"\n'
        .. "a1 (n1) -> b2 (core, main), Revision b2\n"
        .. "<base> -> n1 (net) (effective head), Revision n1\n"
        .. "<base> -> a1 (core, main) (branchpoint), Revision a1\n",
      p:ok("history").out
    )
    local text = p:read("migrations/versions/b1_left_é_x_with_reasons.lua")
    assert.truthy(text:find('--- Left é "x"\n--\n-- with reasons\n--\n-- Revision ID: b1\n', 1, true), text)
    assert.truthy(text:find("-- Create Date: 2025-10-06 12:00:00.123456\n", 1, true), text)
    assert.truthy(text:find("function upgrade()\n  -- upgrade() of versions/b1_left.py\nend\n", 1, true), text)
    assert.truthy(text:find("function downgrade()\n  -- downgrade() of versions/b1_left.py\nend\n", 1, true), text)
    p:ok("upgrade heads")
    p:ok("downgrade base")
  end)

  it("takes the folder of revisions too, and names files by file_template", function()
    p:remove()
    p = moonbird.project("sqlite", "file_template = %%(year)d_%%(month).2d_%%(day).2d_%%(hour).2d-%%(rev)s\n")
    os.execute("mkdir -p " .. moonbird.quote(p:path("alembic/versions")))
    source("a1.py", python_file("a1", nil, { date = "2024-02-03 04:05:06" }))
    p:ok("import alembic alembic/versions")
    assert.equals("2024_02_03_04-a1.lua ", written())
  end)

  it("tells what it made as JSON", function()
    source("a1.py", python_file("a1"))
    local run = p:ok("import alembic alembic --json")
    assert.truthy(run.out:find('"id": *"a1"'), run.out)
    assert.truthy(run.out:find('"source": *"alembic/versions/a1.py"'), run.out)
    assert.truthy(run.out:find('"path": *"/[^"]+/migrations/versions/a1_revision_a1.lua"'), run.out)
    assert.falsy(run.out:find("Generating"), run.out)
  end)

  it("names file and line of a header that is no literal, and writes nothing", function()
    source("a1.py", python_file("a1"))
    source("b1.py", "import x\n\nrevision = 'b1'\ndown_revision = x.PREVIOUS\n")
    local run = p:fails(4, "import alembic alembic")
    assert.truthy(run.err:find("alembic/versions/b1.py:4: down_revision must be a literal", 1, true), run.err)
    assert.equals("", written())
  end)

  it("writes nothing where an id is there already, a parent is missing, or the graph is broken", function()
    p:revision("b1")
    local before = written()
    source("a1.py", python_file("a1"))
    source("b1.py", python_file("b1", "'a1'"))
    local run = p:fails(4, "import alembic alembic")
    assert.truthy(run.err:find("Revision b1 of alembic/versions/b1.py is there already", 1, true), run.err)
    source("b1.py", python_file("c1", "'a0'"))
    run = p:fails(4, "import alembic alembic")
    assert.truthy(run.err:find("a0", 1, true) and run.err:find("alembic/versions/b1.py", 1, true), run.err)
    source("b1.py", python_file("a1"))
    run = p:fails(4, "import alembic alembic")
    assert.truthy(run.err:find("alembic/versions/b1.py", 1, true), run.err)
    assert.equals(before, written())
  end)

  it("writes nothing where two revisions get one file name, or a file is there", function()
    p:remove()
    p = moonbird.project("sqlite", "file_template = %%(slug)s\n")
    os.execute("mkdir -p " .. moonbird.quote(p:path("alembic/versions")))
    source("a1.py", python_file("a1", nil, { message = "same" }))
    source("b1.py", python_file("b1", "'a1'", { message = "same" }))
    local run = p:fails(2, "import alembic alembic")
    assert.truthy(run.err:find("would both be written to", 1, true), run.err)
    source("b1.py", python_file("b1", "'a1'", { message = "other" }))
    p:write("migrations/versions/other.lua", "-- mine\n")
    run = p:fails(2, "import alembic alembic")
    assert.truthy(run.err:find("other.lua exists already", 1, true), run.err)
    assert.equals("other.lua ", written())
  end)

  it("continues a history that is there", function()
    source("a1.py", python_file("a1"))
    p:ok("import alembic alembic")
    os.execute("mkdir -p " .. moonbird.quote(p:path("more/versions")))
    p:write("more/versions/b1.py", python_file("b1", "'a1'"))
    p:ok("import alembic more")
    assert.equals("b1 (head)\n", p:ok("heads").out)
  end)

  it("says what is wrong with the words", function()
    assert.truthy(p:fails(2, "import").err:find("usage: moonbird import alembic DIR", 1, true))
    assert.truthy(p:fails(2, "import flyway x").err:find("'flyway'", 1, true))
    assert.truthy(p:fails(2, "import alembic nowhere").err:find("nowhere", 1, true))
    assert.truthy(p:fails(2, "import alembic alembic").err:find("No revision files", 1, true))
  end)

  describe("with --sql-file", function()
    before_each(function()
      source("a1.py", python_file("a1"))
      source("b1.py", python_file("b1", "'a1'"))
    end)

    it("writes the statements of each revision into its functions, without what is Alembic's own", function()
      p:write(
        "up.sql",
        [=[
CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

-- Running upgrade  -> a1

CREATE TABLE people (id INTEGER, name TEXT);

CREATE TRIGGER t AFTER INSERT ON people BEGIN
  UPDATE people SET name = ']]' || ']==]' WHERE id = 9;
  UPDATE people SET name = 'x;' WHERE id = 8;
END;

INSERT INTO people VALUES (1, '-- Running upgrade x -> y;

?');;

INSERT INTO alembic_version (version_num) VALUES ('a1') RETURNING version_num;

-- Running upgrade a1 -> b1

-- what it is for
ALTER TABLE people ADD COLUMN email TEXT;

UPDATE alembic_version SET version_num='b1' WHERE alembic_version.version_num = 'a1';

]=]
      )
      p:write(
        "down.sql",
        "-- Running downgrade b1 -> a1\n\nALTER TABLE people DROP COLUMN email;\n\n"
          .. "UPDATE alembic_version SET version_num='a1' WHERE alembic_version.version_num = 'b1';\n\n"
          .. "-- Running downgrade a1 -> \n\nDROP TABLE people;\n\n"
          .. "DELETE FROM alembic_version WHERE alembic_version.version_num = 'a1';\n\n"
      )
      local run = p:ok("import alembic alembic --sql-file up.sql --sql-file down.sql")
      assert.falsy(run.out:find("empty functions", 1, true), run.out)
      local text = p:read("migrations/versions/b1_revision_b1.lua")
      local body = "op.execute [==[\n-- what it is for\nALTER TABLE people ADD COLUMN email TEXT\n]==]\nend"
      assert.truthy(text:find(body, 1, true), text)
      assert.falsy(text:find("alembic_version", 1, true), text)
      p:ok("upgrade head")
      assert.equals("-- Running upgrade x -> y;\n\n?|", p:sql("SELECT name, email FROM people"))
      assert.equals("1", p:sql("SELECT count(*) FROM sqlite_schema WHERE type = 'trigger'"))
      p:ok("downgrade -1")
      assert.equals("id,name", p:columns("people"))
      p:ok("downgrade base")
      assert.is_false(p:has_table("people"))
    end)

    it("keeps what stood outside of the script's transactions outside", function()
      p:write(
        "up.sql",
        "BEGIN;\n\nCREATE TABLE s.alembic_version (\n    version_num VARCHAR(32) NOT NULL\n);\n\n"
          .. "-- Running upgrade  -> a1\n\n"
          .. "CREATE TABLE t (x int);\n\nCOMMIT;\n\nCREATE INDEX CONCURRENTLY i ON t (x);\n\nBEGIN;\n\n"
          .. "INSERT INTO t VALUES (E'it\\'s; ', $$a;\n\n$$, $1, \"a;\"\"b\");\n\n"
          .. "INSERT INTO s.alembic_version (version_num) VALUES ('a1');\n\n"
          .. "-- Running upgrade a1 -> b1\n\nUPDATE s.alembic_version SET version_num='b1' WHERE "
          .. "s.alembic_version.version_num = 'a1';\n\nCOMMIT;\n\n"
      )
      p:ok("import alembic alembic --sql-file up.sql")
      local text = p:read("migrations/versions/a1_revision_a1.lua")
      assert.truthy(
        text:find(
          "  op.execute [==[\nCREATE TABLE t (x int)\n]==]\n  op.autocommit_block(function()\n"
            .. "    op.execute [==[\nCREATE INDEX CONCURRENTLY i ON t (x)\n]==]\n  end)\n"
            .. "  op.execute [==[\nINSERT INTO t VALUES (E'it\\'s; ', $$a;\n\n$$, $1, \"a;\"\"b\")\n]==]\nend",
          1,
          true
        ),
        text
      )
      text = p:read("migrations/versions/b1_revision_b1.lua")
      assert.truthy(text:find("function upgrade()\nend", 1, true), text)
    end)

    it("refuses a script that does not fit, and writes nothing", function()
      local scripts = {
        { "SELECT 1;\n", "up.sql:1: a statement stands before the first comment" },
        { "", "up.sql: no comment" },
        { "-- Running upgrade  -> zz\n\nSELECT 1;\n", "up.sql:1: no file of the import has revision zz" },
        { "-- Running upgrade  -> a1\n\n-- Running upgrade  -> a1\n", "up.sql:3: the statements of this revision" },
        { "-- Running upgrade  -> a1\n\nSELECT 'x;\n", "up.sql:3: a quote or comment in this statement is not closed" },
      }
      for _, script in ipairs(scripts) do
        p:write("up.sql", script[1])
        local run = p:fails(2, "import alembic alembic --sql-file up.sql")
        assert.truthy(run.err:find(script[2], 1, true), run.err)
      end
      p:fails(2, "import alembic alembic --sql-file nowhere.sql")
      assert.equals("", written())
    end)
  end)

  if not has_alembic() then
    pending("beside the real Alembic: the command alembic is not installed")
    return
  end

  describe("beside the real Alembic", function()
    -- In the folder of the project; its words as they are. Before 1.9 it took files in the order of the file system.
    local sorted = "import os; l = os.listdir; os.listdir = lambda *a: sorted(l(*a)); "
      .. "from alembic.config import main; main(prog='alembic')"
    local python = moonbird.shell("sed -n '1s/^#! *//p' \"$(command -v alembic)\""):gsub("\n", "")
    local function alembic(words)
      local text, code = moonbird.shell(
        ('cd %s && PYTHONWARNINGS=ignore %s -c "%s" %s 2>/dev/null'):format(
          moonbird.quote(p.folder),
          python,
          sorted,
          words
        )
      )
      assert(code == 0, words .. ": " .. text)
      return text
    end

    before_each(function()
      os.execute("rm -r " .. moonbird.quote(p:path("alembic")))
      alembic("init alembic")
      local ini = p:read("alembic.ini"):gsub("sqlalchemy.url = [^\n]*", "sqlalchemy.url = sqlite:///data.db")
      p:write("alembic.ini", ini)
      alembic([[revision --rev-id aaaa1 --branch-label core -m 'create "people"']])
      alembic("revision --rev-id bbbb1 -m 'Привет: 鳥 and a long message that does not fit into a file name at all'")
      alembic("revision --rev-id bbbb2 --head aaaa1 --splice -m \"it's 50% of a message; with -- dashes\"")
      alembic("revision --rev-id nnnn1 --head base --branch-label net --depends-on bbbb1 -m 'other base'")
      alembic("merge --rev-id mmmm1 -m 'merge' bbbb1 bbbb2")
      alembic("revision --rev-id mmmm2 --head core@head")
    end)

    it("gives the same history, heads, branches and revisions", function()
      p:ok("import alembic alembic")
      local listings = { "history", "heads", "heads --resolve-dependencies", "history -r aaaa1:mmmm1" }
      for _, words in ipairs(listings) do
        assert.equals(alembic(words), p:ok(words).out)
      end
      -- The children are in any order there.
      local first, second, rest = alembic("branches"):match("^([^\n]*\n)([^\n]*\n[^\n]*\n)(.*)$")
      local out = p:ok("branches").out
      local other = second:gsub("^([^\n]*\n)([^\n]*\n)$", "%2%1")
      assert.truthy(out == first .. second .. rest or out == first .. other .. rest, out)
      for _, id in ipairs({ "aaaa1", "bbbb1", "bbbb2", "mmmm1", "nnnn1", "mmmm2" }) do
        -- The path differs, Alembic leaves a blank behind "Revises:" of a base, and its children are in any order.
        local function plain(text)
          text = text:gsub("Path: [^\n]*", "Path:"):gsub("Revises: \n", "Revises:\n")
          return (text:gsub("into: bbbb2, bbbb1\n", "into: bbbb1, bbbb2\n"))
        end
        assert.equals(plain(alembic("show " .. id)), plain(p:ok("show " .. id).out))
      end
    end)

    it("works on one database with it, in turn", function()
      p:write("moonbird.ini", p:read("moonbird.ini") .. "version_table = alembic_version\n")
      p:ok("import alembic alembic")
      alembic("upgrade bbbb2")
      assert.equals("bbbb2\n", p:ok("current").out)
      p:ok("upgrade heads")
      local both = alembic("current") -- in any order
      assert.truthy(both == "mmmm2 (head)\nnnnn1 (head)\n" or both == "nnnn1 (head)\nmmmm2 (head)\n", both)
      assert.equals("mmmm2 (head)\nnnnn1 (head)\n", p:ok("current").out)
      alembic("downgrade base")
      assert.equals("", p:ok("current").out)
    end)

    it("takes the statements of a script that Alembic prints", function()
      local name = "alembic/versions/aaaa1_create_people.py"
      p:write(
        name,
        p:read(name):gsub(
          "def upgrade%(%) %-> None:\n    pass",
          "def upgrade() -> None:\n"
            .. '    op.create_table("people", sa.Column("id", sa.Integer, primary_key=True))\n'
            .. '    op.execute("INSERT INTO people VALUES (5)")'
        )
      )
      p:write("up.sql", alembic("upgrade heads --sql"))
      p:ok("import alembic alembic --sql-file up.sql")
      p:ok("upgrade heads")
      assert.equals("5", p:sql("SELECT id FROM people"))
    end)
  end)
end)
