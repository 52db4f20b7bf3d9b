-- Random models (parts.lua), changed at random (changes.lua): autogenerate, upgrade, check says equal; change,
-- autogenerate, upgrade, check says equal; downgrade, and the models as they were before are equal again, and so is the
-- dump. Now and then the dump stands in for the models: as Lua, and loaded as SQL. On SQLite, and on PostgreSQL where
-- $MOONBIRD_TEST_POSTGRES_URL names a server.
--
--   lua5.4 tests/property/autogenerate.lua [ROUNDS] [SEED]     20 rounds; a printed seed gives the same rounds again
--
-- Run by tests/spec/autogenerate_property_spec.lua. A round that fails prints its models and its revisions.

package.path = "./tests/spec/?.lua;./tests/property/?.lua;" .. package.path
local changes = require("changes")
local moonbird = require("support.moonbird")
local parts = require("parts")

local random = math.random
local chance, lua_text, pick = parts.chance, parts.lua_text, parts.pick

local change_names = {}
for name in pairs(changes) do
  change_names[#change_names + 1] = name
end
table.sort(change_names)

local INI = { postgres = 'schemas = public, "s 1"\n' }

-- --- as a file of models ---

local function values_text(enum)
  local list = {}
  for index, value in ipairs(enum.values) do
    list[index] = lua_text(value)
  end
  return "{ " .. table.concat(list, ", ") .. " }"
end

local function enum_text(enum)
  return ("types.enum(%s, %s)"):format(lua_text(enum.name), values_text(enum))
end

local function type_text(column)
  if column.enum_array then
    return "types.array(" .. enum_text(column.enum_array) .. ")"
  end
  return column.enum and enum_text(column.enum) or column.type
end

local function braces(options)
  return #options > 0 and ", { " .. table.concat(options, ", ") .. " }" or ""
end

local function column_line(column)
  local options = {}
  local function add(name, value)
    options[#options + 1] = value and ("%s = %s"):format(name, value) or nil
  end
  add("nullable", column.is_required and "false" or nil)
  add("sqlite_on_conflict_not_null", column.is_required and column.conflict or nil)
  add("server_default", column.default or column.default_value and lua_text(column.default_value))
  add("comment", column.comment and lua_text(column.comment))
  add("computed", column.computed and ("{ %s, persisted = true }"):format(lua_text(column.computed)))
  return ("    column(%s, %s%s),"):format(lua_text(column.name), type_text(column), braces(options))
end

local function add_key_lines(lines, table_)
  if table_.key == "composite" then
    lines[#lines + 1] = '    column("id", types.integer(), { nullable = false, unique = true }),'
    lines[#lines + 1] = '    column("k", types.integer(), { nullable = false, server_default = 0 }),'
    lines[#lines + 1] = '    primary_key { "id", "k" },'
    return
  end
  local type_ = table_.key == "big" and "types.bigint()" or "types.integer()"
  local identity = table_.identity and ", identity = " .. table_.identity or ""
  lines[#lines + 1] = ('    column("id", %s, { primary_key = true%s }),'):format(type_, identity)
end

-- Only a single column numbers itself.
local function table_options(table_)
  local options = {}
  options[#options + 1] = table_.schema and "schema = " .. lua_text(table_.schema)
  options[#options + 1] = table_.comment and "comment = " .. lua_text(table_.comment)
  local is_wrong = table_.key == "composite" and table_.option == "sqlite_autoincrement = true"
  options[#options + 1] = not is_wrong and table_.option or nil
  return braces(options)
end

local function add_table_lines(lines, table_)
  lines[#lines + 1] = ("  table(%s, {"):format(lua_text(table_.name))
  add_key_lines(lines, table_)
  for _, column in ipairs(table_.columns) do
    lines[#lines + 1] = column_line(column)
  end
  for _, item in ipairs(table_.items) do
    lines[#lines + 1] = "    " .. item.text:gsub("%%s", function()
      return lua_text(item.name)
    end, 1) .. ","
  end
  for _, item in ipairs(table_.enum_items) do
    lines[#lines + 1] = "    " .. item.text .. ","
  end
  lines[#lines + 1] = "  }" .. table_options(table_) .. "),"
end

local function view_line(view)
  local options = {}
  options[#options + 1] = view.comment and "comment = " .. lua_text(view.comment)
  options[#options + 1] = view.is_materialized and "materialized = true" or nil
  options[#options + 1] = view.index and ('indexes = { index { "n", name = %s } }'):format(lua_text(view.index)) or nil
  return ("  view(%s, %s%s),"):format(lua_text(view.name), lua_text(view.text), braces(options))
end

local function sequence_line(sequence)
  local type_ = sequence.type and ", type = " .. sequence.type or ""
  local format = "  sequence(%s, { start = %d, cache = %d, increment = %d%s }),"
  return format:format(lua_text(sequence.name), sequence.start, sequence.cache, sequence.increment, type_)
end

local function models_text(model)
  local lines = { "return {" }
  for _, table_ in ipairs(model.tables) do
    add_table_lines(lines, table_)
  end
  for _, view in ipairs(model.views) do
    lines[#lines + 1] = view_line(view)
  end
  for _, sequence in ipairs(model.sequences) do
    lines[#lines + 1] = sequence_line(sequence)
  end
  lines[#lines + 1] = "}\n"
  return table.concat(lines, "\n")
end

-- --- renames ---

-- The names that the database has now.
local function note_originals(model)
  for _, table_ in ipairs(model.tables) do
    table_.original = table_.name
    for _, column in ipairs(table_.columns) do
      column.original = column.name
    end
  end
end

-- The words of --rename: in double quotes, where a name is more than a word. A table is called by its new name.
local function rename_words(model)
  local words = {}
  local function add(old, new)
    table.move({ "--rename", old .. ":" .. parts.quoted(new) }, 1, 2, #words + 1, words)
  end
  for _, table_ in ipairs(model.tables) do
    if table_.original and table_.original ~= table_.name then
      add(parts.quoted(table_.original), table_.name)
    end
    for _, column in ipairs(table_.columns) do
      if column.original and column.original ~= column.name then
        add(parts.quoted(table_.name) .. "." .. parts.quoted(column.original), column.name)
      end
    end
  end
  return words
end

-- --- a round ---

local function expect_equal(p, what, words)
  local run = p:run(words or "check")
  if run.code ~= 0 then
    error(("%s: it says:\n%s%s"):format(what, run.out, run.err), 0)
  end
end

local function go(p, name, words)
  local all = { "revision", "--autogenerate", "--empty", "-q", "-m", name }
  p:ok(table.move(words or {}, 1, #(words or {}), #all + 1, all))
  p:ok("upgrade head -q")
end

-- The dump as models, and as SQL in another database.
local function try_dump(p, what)
  p:write("migrations/models.lua", p:ok("dump").out)
  expect_equal(p, "the dump as models " .. what)
  local copy = moonbird.project(p.kind, INI[p.kind])
  copy:write("dump.sql", p:ok("dump --format sql").out)
  local file, format = moonbird.quote(copy:path("dump.sql")), "psql -q -X -v ON_ERROR_STOP=1 %s < %s 2>&1"
  local target = copy.shell_url
  if p.kind == "sqlite" then
    format, target = "sqlite3 -bail %s < %s 2>&1", copy:path("data.db")
  end
  local output, code = moonbird.shell(format:format(moonbird.quote(target), file))
  local problem = code ~= 0 and "the dump as SQL does not load: " .. output
  local run = not problem and p:run({ "diff", p.kind == "sqlite" and "sqlite:///" .. target or copy.url })
  copy:remove()
  if problem or run.code ~= 0 then
    error(problem or ("the dump as SQL %s is another schema:\n%s%s"):format(what, run.out, run.err), 0)
  end
end

local function play(p, kind)
  local model = parts.new_model(kind)
  local before = models_text(model)
  p:write("migrations/models.lua", before)
  go(p, "first")
  expect_equal(p, "after the first revision")
  local dump = p:dump()
  note_originals(model)
  local done = {}
  for index = 1, random(1, 5) do
    done[index] = pick(change_names)
    changes[done[index]](model)
  end
  p:write("migrations/models.lua", models_text(model))
  local what = "after " .. table.concat(done, ", ")
  go(p, "second", rename_words(model))
  expect_equal(p, what)
  if chance(25) then
    try_dump(p, what)
  end
  p:ok("downgrade -1 -q")
  p:write("migrations/models.lua", before)
  os.execute(("rm %s/migrations/versions/*second*"):format(moonbird.quote(p.folder)))
  expect_equal(p, "after the way back of " .. table.concat(done, ", "))
  local again = p:dump()
  if again ~= dump then
    error(("the dump after the way back of %s was\n%s\nand is\n%s"):format(table.concat(done, ", "), dump, again), 0)
  end
  p:ok("downgrade base -q")
  local left = p:ok("dump").out
  assert(left == "return {}\n", "after downgrade base something is left:\n" .. left)
end

local function round(kind)
  local p = moonbird.project(kind, INI[kind])
  local ok, problem = pcall(play, p, kind)
  if not ok then
    print(moonbird.shell(("cat %s/migrations/models.lua %s/migrations/versions/*"):format(p.folder, p.folder)))
    print(tostring(problem))
  end
  p:remove()
  return ok
end

local rounds, seed = tonumber(arg[1]) or 20, tonumber(arg[2]) or os.time()
print(("%d rounds from seed %d"):format(rounds, seed))
for number = 1, rounds do
  for _, kind in ipairs(moonbird.postgres_url and { "sqlite", "postgres" } or { "sqlite" }) do
    math.randomseed(seed + number - 1)
    if not round(kind) then
      print(("round %d on %s failed; again: lua5.4 tests/property/autogenerate.lua 1 %d"):format(
        number,
        kind,
        seed + number - 1
      ))
      os.exit(1)
    end
  end
end
print("ok")
