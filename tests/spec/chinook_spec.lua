-- A real schema, with its data, on both databases: its dump is its models; each of many changes of the models becomes a
-- revision that makes the database what they say, and whose downgrade gives back the dump letter for letter.

local moonbird = require("support.moonbird")

local data = os.getenv("MOONBIRD_TEST_DATA") or "../shared/data"

-- --- changes of the models ---

local ARTIST_NAME = 'column("{name}", {text:120})'
local GENRE_INDEX = 'index { "{genre_id}", '
local QUANTITY = 'column("{quantity}", types.integer(), { nullable = false })'

-- A name, what stands in the dump, what stands there instead, as for string.gsub where `pattern` is set. `rename` is
-- for --rename, `only` is the database that has such a thing. {album_id} is album_id on PostgreSQL and AlbumId on
-- SQLite, {text:9} the type of a text.
local changes = {
  {
    "a table more",
    "return {\n",
    [[return {
      table("label", {
        column("id", types.integer(), { primary_key = true }),
        column("title", types.text(), { nullable = false, unique = true }),
        column("artist_id", types.integer(), {
          index = true,
          references = { "{artist}.{artist_id}", ondelete = "SET NULL" },
        }),
        check("title <> ''", { name = "has_title" }),
      }),
    ]],
  },
  { "a table less", '  table%("{playlist_track}".-\n  }%),\n', "", pattern = true },
  { "a column more", ARTIST_NAME, ARTIST_NAME .. ', column("country", types.varchar(2))' },
  {
    "a column more that has a value",
    ARTIST_NAME,
    ARTIST_NAME .. ', column("rank", types.integer(), { nullable = false, server_default = 7 })',
  },
  { "a column less", 'column("{email}", {text:60}),', "" },
  {
    "a computed column",
    QUANTITY,
    QUANTITY .. ', column("double", types.integer(), { computed = { "quantity * 2", persisted = true } })',
  },
  { "a longer text", ARTIST_NAME, 'column("{name}", {text:200})' },
  { "a larger number", 'column("{bytes}", types.integer())', 'column("{bytes}", types.bigint())' },
  { "NOT NULL", ARTIST_NAME, 'column("{name}", {text:120}, { nullable = false })' },
  {
    "no NOT NULL",
    'column("{first_name}", {text:40}, { nullable = false })',
    'column("{first_name}", {text:40})',
  },
  { "a default", QUANTITY, (QUANTITY:gsub("false", "false, server_default = 1")) },
  { "an index of a part", GENRE_INDEX, 'index { "{composer}", where = "composer IS NOT NULL" }, ' .. GENRE_INDEX },
  { "an index of an expression", GENRE_INDEX, 'index { sql "lower(name)", name = "ix_lower" }, ' .. GENRE_INDEX },
  { "an index less", 'index { "{genre_id}"[^}]*},\n', "", pattern = true },
  { "an index on more", GENRE_INDEX, 'index { "{genre_id}", "{name}", ' },
  { "a unique constraint", GENRE_INDEX, 'unique { "{name}", "{track_id}", name = "uq_track" }, ' .. GENRE_INDEX },
  {
    "another action of a foreign key",
    'references = "{album}.{album_id}"',
    'references = { "{album}.{album_id}", ondelete = "CASCADE" }',
  },
  { "a foreign key less", "    foreign_key {[^\n]*\n", "", pattern = true },
  { "a CHECK", GENRE_INDEX, 'check("milliseconds > 0", { name = "has_length" }), ' .. GENRE_INDEX },
  {
    "another primary key",
    'primary_key { "{playlist_id}", "{track_id}"',
    'primary_key { "{track_id}", "{playlist_id}"',
  },
  { "a column's name", '"{billing_state}"', '"region"', rename = "{invoice}.{billing_state}:region" },
  { "a table's name", '"{media_type}([".])', '"kind%1', pattern = true, rename = "{media_type}:kind" },
  { "a view", "return {\n", 'return {\n  view("long", "SELECT name FROM track WHERE milliseconds > 600000"),\n' },
  { "a comment", ARTIST_NAME, 'column("{name}", {text:120}, { comment = "it\'s" })', only = "postgres" },
  { "an enum", ARTIST_NAME, ARTIST_NAME .. ', column("on", types.enum("medium", { "cd", "lp" }))', only = "postgres" },
  { "a sequence", "return {\n", 'return {\n  sequence("numbers", { start = 5, cache = 5 }),\n', only = "postgres" },
  {
    "an identity",
    '"genre_id", types.integer(), { primary_key = true, autoincrement = false }',
    '"genre_id", types.integer(), { primary_key = true, identity = { always = true } }',
    only = "postgres",
  },
  {
    "a table without rowid",
    '(table%("PlaylistTrack".-\n  })',
    "%1, { sqlite_with_rowid = false }",
    pattern = true,
    only = "sqlite",
    alone = true, -- the table that another change takes away
  },
}

-- "album_id" -> "AlbumId"
local function pascal(name)
  return (("_" .. name):gsub("_(%l)", string.upper))
end

local function in_words_of(kind, text)
  local type_ = kind == "sqlite" and 'types.raw("NVARCHAR(%1)")' or "types.varchar(%1)"
  text = text:gsub("{text:(%d+)}", type_)
  return (text:gsub("{(%l[%l_]*)}", kind == "sqlite" and pascal or "%1"))
end

local function replace(change, kind, text)
  local old, new = in_words_of(kind, change[2]), in_words_of(kind, change[3])
  local result, count
  if change.pattern then
    result, count = text:gsub(old, new)
  else
    local first, last = text:find(old, 1, true)
    result, count = first and text:sub(1, first - 1) .. new .. text:sub(last + 1), first and 1 or 0
  end
  assert(count > 0, change[1] .. ": the dump has no " .. old .. ":\n" .. text)
  return result
end

-- --- the database ---

local function script_of(kind)
  return moonbird.read_file(("%s/chinook_%s.sql"):format(data, kind == "postgres" and "postgresql" or "sqlite"))
end

local function load(p, script)
  if p.kind == "postgres" then
    script = script:gsub("DROP DATABASE[^\n]*\n", ""):gsub("CREATE DATABASE[^\n]*\n", ""):gsub("\\c [^\n]*\n", "")
  end
  p:write("chinook.sql", script)
  local file = moonbird.quote(p:path("chinook.sql"))
  local shell = p.kind == "postgres" and "psql -q -v ON_ERROR_STOP=1 " .. moonbird.quote(p.shell_url)
    or "sqlite3 " .. moonbird.quote(p:path("data.db"))
  local output, code = moonbird.shell(("%s < %s"):format(shell, file))
  assert.equal(0, code, output)
end

-- The numbers of rows, by which lost data would be noticed.
local function rows_of(p)
  local counts = {}
  for index, name in ipairs({ "track", "album", "artist", "invoice_line", "customer" }) do
    counts[index] = ("(SELECT count(*) FROM %s)"):format(p.kind == "sqlite" and pascal(name) or name)
  end
  return p:sql("SELECT " .. table.concat(counts, ", "))
end

local function autogenerate(p, renames)
  local words = { "revision", "--autogenerate", "-m", "change" }
  for _, rename in ipairs(renames) do
    table.move({ "--rename", in_words_of(p.kind, rename) }, 1, 2, #words + 1, words)
  end
  return p:ok(words)
end

-- Up and down again; what the revision is in the messages of tests that fail.
local function go_there_and_back(p, models, dump, renames)
  p:write("migrations/models.lua", models)
  autogenerate(p, renames)
  local revision = moonbird.shell("cat " .. moonbird.quote(p.folder) .. "/migrations/versions/*.lua")
  local ok, problem = pcall(function()
    local rows = rows_of(p)
    p:ok("upgrade head")
    assert.equal("", p:run("diff").out)
    assert.equal("No new upgrade operations detected.\n", p:ok("check").out)
    p:ok("downgrade base")
    assert.equal(dump, p:ok("dump").out)
    assert.equal(rows:match("^%d+|%d+|%d+"), rows_of(p):match("^%d+|%d+|%d+"))
  end)
  os.execute("rm -f " .. moonbird.quote(p.folder) .. "/migrations/versions/*.lua")
  p.is_spoilt = not ok
  assert(ok, tostring(problem) .. "\n" .. revision)
end

describe("the database of a music shop", function()
  moonbird.each_database(describe, pending, function(kind)
    local script = script_of(kind)
    if not script then
      pending("has no script: chinook_*.sql is missing in " .. data)
      return
    end

    local p, dump

    local function remove()
      if p then
        p:remove()
      end
    end

    -- loaded once for all, and again after a test that failed
    before_each(function()
      if p and not p.is_spoilt then
        return
      end
      remove()
      p = moonbird.project(kind)
      load(p, script)
      dump = p:ok("dump").out
    end)

    teardown(remove)

    it("is equal to the models that are its dump", function()
      p:ok("dump -o migrations/models.lua")
      assert.equal(dump, p:read("migrations/models.lua"))
      assert.equal("No new upgrade operations detected.\n", p:ok("check").out)
    end)

    it("comes out as SQL that makes the same schema", function()
      local other = moonbird.project(kind)
      load(other, p:ok("dump --format sql").out)
      assert.equal(dump, other:ok("dump").out)
      other:remove()
    end)

    local all = {}
    for _, change in ipairs(changes) do
      if not change.only or change.only == kind then
        all[#all + 1] = not change.alone and change or nil
        it("gets, and loses again, " .. change[1], function()
          go_there_and_back(p, replace(change, kind, dump), dump, { change.rename })
        end)
      end
    end

    it("gets, and loses again, all of them at once", function()
      local models, renames = dump, {}
      for index = #all, 1, -1 do
        local ok, text = pcall(replace, all[index], kind, models)
        models = ok and text or models -- what another change has taken away
        renames[#renames + 1] = ok and all[index].rename or nil
      end
      go_there_and_back(p, models, dump, renames)
    end)
  end)
end)
