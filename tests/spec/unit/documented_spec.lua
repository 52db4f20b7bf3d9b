-- Every option that exists is annotated for editors and documented, and what is annotated or documented exists. What
-- exists is asked of the library itself: a wrong option is answered with those that are known.

local helper = dofile("tests/spec/unit/helper.lua")
local databases = { "postgresql", "sqlite" }

local function read(path)
  local file = assert(io.open(path))
  local text = file:read("a")
  file:close()
  return text
end

-- --- what exists ---

-- The options that a call with UNKNOWN in it knows, on both databases; a bare one may have a database's name in front.
local UNKNOWN = "no_such_option_at_all = 1"

local function known_options(call)
  local known = {}
  for _, database in ipairs(databases) do
    local _, problem = helper.run("local item = " .. call:gsub("UNKNOWN", UNKNOWN), database)
    local list = tostring(problem):match("%(known: (.-)%)$") or error(call .. ": " .. tostring(problem))
    for name in list:gmatch("[%w_]+") do
      known[name] = true
    end
  end
  return known
end

local function without_database(name)
  return name:match("^postgresql_(.+)") or name:match("^sqlite_(.+)") or name
end

local function is_known(known, name)
  return known[name] or known[without_database(name)]
end

-- --- annotations ---

-- Class -> { parent, fields }, function -> class of its last parameter, class that is spoken of -> file.
local classes, functions, used = {}, {}, {}

-- What the lines above a function or a class have said so far.
local class, options

local function read_line(line, file)
  local name, parent = line:match("^%-%-%-@class (moonbird[%w_.]+):? ?([%w_.]*)")
  if name then
    assert(not classes[name], name .. " is annotated twice")
    classes[name] = { parent = parent ~= "" and parent or nil, fields = {} }
    class = name
  end
  classes[line:match("^%-%-%-@alias (moonbird[%w_.]+)") or ""] = {}
  for word in line:gsub("^%-%-%-@class moonbird[%w_.]+", ""):gmatch("moonbird%.%u[%w_]*") do
    used[word] = file
  end
  local field = line:match("^%-%-%-@field ([%w_]+)")
  if field then
    classes[class].fields[field] = true
  end
  options = line:match("^%-%-%-@param .*(moonbird%.%w+Options?)") or options
  functions[line:match("^function ([%w_.]+)") or ""] = options or ""
  if not line:find("^%-%-%-") then
    class, options = nil, nil
  end
end

for _, file in ipairs({ "library", "operations", "objects", "models" }) do
  for line in read("core/lua/annotations/" .. file .. ".lua"):gmatch("[^\n]*") do
    read_line(line, file)
  end
end

local function fields_of(name)
  local fields = {}
  while name do
    local found = classes[name] or error("no class " .. name)
    for field in pairs(found.fields) do
      fields[field] = true
    end
    name = found.parent
  end
  return fields
end

-- --- documentation ---

local manual = read("docs/operations.md") .. "\n" .. read("docs/schema-objects.md") .. "\n" .. read("docs/lua-api.md")

-- The names in the second column of the row of the tables that begins with `op.create_index(...)`.
local function documented_options(start)
  for line in manual:gmatch("[^\n]+") do
    if line:find("^| `") and line:find("`" .. start, 1, true) then
      local names = {}
      for name in line:match("^|[^|]*|(.*)|$"):gmatch("`([%l_]+)`") do
        names[name] = true
      end
      return names
    end
  end
end

-- --- the comparison ---

local function expect_same(what, known, told, place)
  local tells = {}
  for name in pairs(told) do
    assert(is_known(known, name), ("%s: %s has %s, which does not exist"):format(what, place, name))
    tells[without_database(name)] = true
  end
  for name in pairs(known) do
    assert(tells[without_database(name)], ("%s: %s does not have %s"):format(what, place, name))
  end
end

local operations = {}
for _, group in ipairs({ "tables", "columns", "indexes", "constraints", "rows", "objects" }) do
  for kind, row in pairs(require("moonbird.op." .. group)) do
    operations[kind] = row
  end
end

describe("an operation is annotated and documented with its options:", function()
  for kind, row in pairs(operations) do
    it("op." .. kind, function()
      assert(functions["op." .. kind], "not annotated")
      local told = documented_options("op." .. kind .. "(") or error("not in a table of the manual")
      if row.options then
        local call = ("op.%s(%s, { UNKNOWN })"):format(kind, helper.right_words(row.arguments))
        local known = known_options(call)
        local annotated = functions["op." .. kind]
        expect_same(kind, known, annotated ~= "" and fields_of(annotated) or {}, "its annotation")
        expect_same(kind, known, told, "the manual")
      end
      assert.are.equal(row.in_batch, fields_of("moonbird.BatchOperations")[kind], "annotated for a batch")
    end)
  end

  it("op.batch_alter_table", function()
    local known = known_options('op.batch_alter_table("t", print, { UNKNOWN })')
    expect_same("batch", known, fields_of("moonbird.BatchOptions"), "its annotation")
    for name in pairs(known) do
      assert.is_truthy(manual:find("`" .. name .. "`", 1, true), name .. " is not documented")
    end
  end)
end)

describe("an item or a type is annotated and documented with its options:", function()
  -- the call, the class, the start of its row in the manual; "default" is there to be refused
  local items = {
    { 'column("a", types.text(), { UNKNOWN })', "moonbird.ColumnOptions", "column(", except = "default" },
    { 'primary_key { "a", UNKNOWN }', "moonbird.PrimaryKeySpec", "primary_key {" },
    { 'unique { "a", UNKNOWN }', "moonbird.UniqueSpec", "unique {" },
    { 'foreign_key { "a", references = "b.c", UNKNOWN }', "moonbird.ForeignKeySpec", "foreign_key {" },
    { 'check("a", { UNKNOWN })', "moonbird.CheckOptions", "check(" },
    { 'index { "a", UNKNOWN }', "moonbird.IndexSpec", "index {" },
    { 'exclude { { "a", "=" }, UNKNOWN }', "moonbird.ExcludeSpec", "exclude {" },
    { 'column("a", types.text(), { references = { "a.b", UNKNOWN } })', "moonbird.Reference" },
    { 'column("a", types.text(), { identity = { UNKNOWN } })', "moonbird.Identity" },
    { 'column("a", types.text(), { computed = { "a", UNKNOWN } })', "moonbird.Computed" },
    { 'op.alter_column("t", "a", { identity = { UNKNOWN } })', "moonbird.ChangedIdentity" },
    { "types.text { UNKNOWN }", "moonbird.TextOptions" },
    { "types.varchar(1, { UNKNOWN })", "moonbird.TextOptions" },
    { "types.timestamp { UNKNOWN }", "moonbird.TimeOptions" },
    { "types.interval { UNKNOWN }", "moonbird.IntervalOptions" },
    { 'types.enum("a", { "b" }, { UNKNOWN })', "moonbird.EnumOptions" },
    { "types.array(types.text(), { UNKNOWN })", "moonbird.ArrayOptions" },
  }
  -- what a list of columns takes besides, and what the first column of the manual's table says
  local in_front = { columns = true, name = true, references = true }

  for _, case in ipairs(items) do
    it(case[1], function()
      local known, fields = known_options(case[1]), fields_of(case[2])
      known[case.except or ""] = nil
      fields.columns = nil
      expect_same(case[1], known, fields, "its annotation")
      local told = case[3] and documented_options(case[3])
      if told then
        for name in pairs(known) do
          told[name] = told[name] or case[3] ~= "column(" and in_front[name] or nil
        end
        expect_same(case[1], known, told, "the manual")
      end
    end)
  end
end)

it("annotations speak of classes that are there", function()
  for name, file in pairs(used) do
    assert(classes[name], ("%s of %s.lua is not defined"):format(name, file))
  end
end)
