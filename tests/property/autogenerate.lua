-- Random models, changed at random: autogenerate, upgrade, check says equal; change, autogenerate, upgrade, check says
-- equal; downgrade, and the models as they were before are equal again. On SQLite, and on PostgreSQL where
-- $MOONBIRD_TEST_POSTGRES_URL names a server.
--
--   lua5.4 tests/property/autogenerate.lua [ROUNDS] [SEED]     20 rounds; a printed seed gives the same rounds again
--
-- Run by tests/spec/autogenerate_property_spec.lua. A round that fails prints its models and its revisions.

package.path = "./tests/spec/?.lua;" .. package.path
local moonbird = require("support.moonbird")

local random = math.random

local function chance(percent)
  return random(100) <= percent
end

local function pick(list)
  return list[random(#list)]
end

local function lua_text(text)
  return ("%q"):format(text):gsub("\n", "n")
end

-- --- the model: tables of columns, constraints and indexes; `kind` is the database ---

local odd_names = { "select", "имя", "a b", 'q"q', "Group", "x'y" }

local function new_name(model, prefix)
  model.names = model.names + 1
  return chance(20) and odd_names[model.names % #odd_names + 1] .. model.names or prefix .. model.names
end

local number_types = { "types.integer()", "types.bigint()", "types.smallint()" }
local text_types = { "types.text()", "types.varchar(%d)", "types.char(%d)" }
local other_types = {
  "types.boolean()",
  "types.date()",
  "types.timestamp()",
  "types.double()",
  "types.numeric(10, 2)",
  "types.blob()",
  "types.json()",
  "types.uuid()",
}

local function text_type()
  return pick(text_types):format(random(6, 90)) -- a default has six characters, and a row gets it with its column
end

local function new_column(model)
  local column = { name = new_name(model, "c") }
  local dice = random(10)
  if dice <= 4 then
    column.type, column.is_number = pick(number_types), true
    column.default = chance(40) and tostring(random(0, 99)) or nil
  elseif dice <= 7 then
    column.type, column.is_text = text_type(), true
    column.default = chance(40) and lua_text("it's " .. random(9)) or nil
  else
    column.type = pick(other_types)
  end
  column.is_required = chance(30)
  column.comment = model.kind == "postgres" and chance(15) and "a 'comment' " .. random(9) or nil
  return column
end

local function of_kind(table_, field)
  local found = {}
  for _, column in ipairs(table_.columns) do
    found[#found + 1] = column[field] and column or nil
  end
  return found
end

local function distinct(list, count)
  local copy, chosen = { table.unpack(list) }, {}
  for index = 1, math.min(count, #copy) do
    chosen[index] = table.remove(copy, random(#copy))
  end
  return chosen
end

local function names_of(columns)
  local names = {}
  for index, column in ipairs(columns) do
    names[index] = lua_text(column.name)
    column.is_used = true
  end
  return table.concat(names, ", ")
end

local function quoted(name)
  return '"' .. name:gsub('"', '""') .. '"'
end

local function new_check(model, table_)
  local numbers = of_kind(table_, "is_number")
  if #numbers == 0 then
    return
  end
  local column = pick(numbers)
  column.is_used = true
  local form = pick({ "%s > %d", "%s <> %d OR %s IS NULL", "%s BETWEEN %d AND 1000", "%s IN (%d, 2, 3)" })
  local text = form:gsub("%%s", (quoted(column.name):gsub("%%", "%%%%"))):gsub("%%d", tostring(random(0, 50)))
  return ("check(%s, { name = %s })"):format(lua_text(text), lua_text(new_name(model, "ck")))
end

local function new_index(model, table_)
  local plain = of_kind(table_, "is_number")
  table.move(of_kind(table_, "is_text"), 1, 99, #plain + 1, plain)
  if #plain == 0 then
    return
  end
  local columns = distinct(plain, random(2))
  local elements, options = names_of(columns), { "name = " .. lua_text(new_name(model, "ix")) }
  if columns[1].is_text and chance(30) then
    elements = ("sql %s"):format(lua_text("lower(" .. quoted(columns[1].name) .. ")"))
  elseif chance(20) then
    elements = ("sql %s"):format(lua_text(quoted(columns[1].name) .. " DESC"))
  end
  if chance(30) then
    options[#options + 1] = "where = " .. lua_text(quoted(columns[1].name) .. " IS NOT NULL")
  end
  if chance(20) then
    options[#options + 1] = "unique = true"
  end
  return ("index { %s, %s }"):format(elements, table.concat(options, ", "))
end

local function new_unique(model, table_)
  local numbers = of_kind(table_, "is_number")
  if #numbers == 0 then
    return
  end
  -- PostgreSQL makes one constraint of two that say the same
  local columns = distinct(numbers, 2)
  local set = {}
  for index, column in ipairs(columns) do
    set[index] = column.name
  end
  table.sort(set)
  local key = table.concat(set, "\0")
  table_.uniques = table_.uniques or {}
  if table_.uniques[key] then
    return
  end
  table_.uniques[key] = true
  return ("unique { %s, name = %s }"):format(names_of(columns), lua_text(new_name(model, "uq")))
end

local function new_key(model, table_, target)
  local column = { name = new_name(model, "fk"), type = "types.integer()", is_used = true }
  table.insert(table_.columns, column)
  local action = chance(50) and (", ondelete = %q"):format(pick({ "CASCADE", "SET NULL" })) or ""
  target.is_target = true
  return ("foreign_key { %s, references = %s, name = %s%s }"):format(
    lua_text(column.name),
    lua_text(target.name .. ".id"),
    lua_text(new_name(model, "fk")),
    action
  )
end

local makers = { new_check, new_index, new_unique }

-- --- what is not a table ---

local function new_enum(model)
  local values = {}
  for index = 1, random(2, 4) do
    values[index] = "v" .. index
  end
  local enum = { name = "e" .. new_name(model, "e"), values = values }
  table.insert(model.enums, enum)
  return enum
end

local function values_text(enum)
  local list = {}
  for index, value in ipairs(enum.values) do
    list[index] = lua_text(value)
  end
  return "{ " .. table.concat(list, ", ") .. " }"
end

-- A column whose type is an enum: its text is made when the models are printed, with the values of then.
local function new_enum_column(model)
  local enum = #model.enums > 0 and chance(50) and pick(model.enums) or new_enum(model)
  return { name = new_name(model, "c"), enum = enum, default_value = chance(30) and pick(enum.values) or nil }
end

-- A CHECK or an index whose condition names a value; it goes when the value goes.
local function new_enum_item(model, table_, value)
  local columns = of_kind(table_, "enum")
  if #columns == 0 then
    return
  end
  local column = pick(columns)
  value = value or pick(column.enum.values)
  column.is_used = true
  local condition = lua_text(("%s <> '%s'"):format(quoted(column.name), value))
  local text = chance(50) and ("check(%s, { name = %s })"):format(condition, lua_text(new_name(model, "ck")))
    or ('index { "id", name = %s, where = %s }'):format(lua_text(new_name(model, "ix")), condition)
  table.insert(table_.enum_items, { text = text, enum = column.enum, value = value })
end

-- Calls f(column, table) for each column of the enum.
local function each_user(model, enum, f)
  for _, table_ in ipairs(model.tables) do
    for _, column in ipairs(table_.columns) do
      if column.enum == enum then
        f(column, table_)
      end
    end
  end
end

local function new_computed(model, table_)
  local numbers = of_kind(table_, "is_number")
  if #numbers == 0 then
    return
  end
  local source = pick(numbers)
  source.is_used, source.is_source = true, true
  table.insert(table_.columns, {
    name = new_name(model, "c"),
    type = "types.bigint()",
    computed = ("%s + %d"):format(quoted(source.name), random(9)),
  })
end

-- Over the key, which no change takes away, and an enum.
local function new_view(model)
  local table_ = pick(model.tables)
  table_.is_target = true
  local more, enums = "", of_kind(table_, "enum")
  if #enums > 0 then
    more, enums[1].is_used = ", " .. quoted(enums[1].name) .. " AS e", true
  end
  table.insert(model.views, {
    name = "v" .. new_name(model, "v"),
    text = ("SELECT id + %d AS n%s FROM %s"):format(random(99), more, quoted(table_.name)),
  })
end

local function add_item(model, table_)
  local item = pick(makers)(model, table_)
  table.insert(table_.items, item)
end

local function new_table(model)
  local name = "t" .. new_name(model, "t"):gsub("%.", "")
  local table_ = { name = name, columns = {}, items = {}, enum_items = {} }
  for _ = 1, random(2, 5) do
    table.insert(table_.columns, new_column(model))
  end
  if model.kind == "postgres" and chance(30) then
    table.insert(table_.columns, new_enum_column(model))
  end
  if chance(50) then
    new_enum_item(model, table_)
  end
  if chance(20) then
    new_computed(model, table_)
  end
  for _ = 1, random(0, 3) do
    add_item(model, table_)
  end
  if #model.tables > 0 and chance(40) then
    table.insert(table_.items, new_key(model, table_, pick(model.tables)))
  end
  table.insert(model.tables, table_)
end

local function new_model(kind)
  local model = { kind = kind, names = 0, tables = {}, enums = {}, views = {}, sequences = {} }
  for _ = 1, random(1, 3) do
    new_table(model)
  end
  if chance(30) then
    new_view(model)
  end
  return model
end

-- --- changes ---

local function any_table(model)
  return pick(model.tables)
end

local function free_column(table_)
  local found = {}
  for index, column in ipairs(table_.columns) do
    found[#found + 1] = not column.is_used and index or nil
  end
  return #found > 0 and #table_.columns > 1 and pick(found) or nil
end

local changes = {
  add_table = new_table,
  drop_table = function(model)
    for index, table_ in ipairs(model.tables) do
      if not table_.is_target and #model.tables > 1 then
        table.remove(model.tables, index)
        return
      end
    end
  end,
  add_column = function(model)
    table.insert(any_table(model).columns, new_column(model))
  end,
  drop_column = function(model)
    local table_ = any_table(model)
    local index = free_column(table_)
    if index then
      table.remove(table_.columns, index)
    end
  end,
  change_type = function(model)
    local texts = of_kind(any_table(model), "is_text")
    if #texts > 0 then
      pick(texts).type = text_type()
    end
  end,
  change_number = function(model)
    local numbers = of_kind(any_table(model), "is_number")
    local column = #numbers > 0 and pick(numbers) or {}
    if not column.is_source then
      column.type = pick(number_types)
    end
  end,
  -- the new value is at once a default, or in a condition
  add_enum_value = function(model)
    if #model.enums == 0 then
      return
    end
    local enum, value = pick(model.enums), new_name(model, "new"):gsub("'", "")
    table.insert(enum.values, random(#enum.values + 1), value)
    each_user(model, enum, function(column, table_)
      column.default_value = chance(60) and value or column.default_value
      if chance(50) then
        new_enum_item(model, table_)
      end
    end)
  end,
  remove_enum_value = function(model)
    local enum = #model.enums > 0 and pick(model.enums)
    if not enum or #enum.values == 1 then
      return
    end
    local value = table.remove(enum.values, random(#enum.values))
    each_user(model, enum, function(column, table_)
      if column.default_value == value then
        column.default_value = chance(50) and pick(enum.values) or nil
      end
      for index = #table_.enum_items, 1, -1 do
        local item = table_.enum_items[index]
        if item.enum == enum and item.value == value then
          table.remove(table_.enum_items, index)
        end
      end
    end)
  end,
  add_enum_item = function(model)
    new_enum_item(model, any_table(model))
  end,
  add_enum = function(model)
    if model.kind == "postgres" then
      table.insert(any_table(model).columns, new_enum_column(model))
    end
  end,
  add_view = new_view,
  drop_view = function(model)
    table.remove(model.views)
  end,
  change_view = function(model)
    local view = model.views[1]
    if view then
      view.text = view.text:gsub("%+ %d+", "+ " .. random(100, 199))
    end
  end,
  add_sequence = function(model)
    if model.kind == "postgres" then
      table.insert(model.sequences, { name = "s" .. new_name(model, "s"), start = random(99), cache = 1 })
    end
  end,
  change_sequence = function(model)
    local sequence = model.sequences[1]
    if sequence then
      sequence.cache = random(2, 9)
    end
  end,
  change_table_comment = function(model)
    if model.kind == "postgres" then
      any_table(model).comment = chance(70) and "all of it " .. random(99) or nil
    end
  end,
  add_computed = function(model)
    new_computed(model, any_table(model))
  end,
  change_nullable = function(model)
    local column = pick(any_table(model).columns)
    column.is_required = not column.computed and not column.is_required and not column.name:find("^fk")
  end,
  change_default = function(model)
    local numbers = of_kind(any_table(model), "is_number")
    if #numbers > 0 then
      pick(numbers).default = chance(70) and tostring(random(100, 199)) or nil
    end
  end,
  change_comment = function(model)
    if model.kind == "postgres" then
      local column = pick(any_table(model).columns)
      column.comment = chance(70) and "another " .. random(99) or nil
    end
  end,
  add_item = function(model)
    add_item(model, any_table(model))
  end,
  drop_item = function(model)
    local table_ = any_table(model)
    if #table_.items > 0 then
      table.remove(table_.items, random(#table_.items))
    end
  end,
  add_key = function(model)
    local table_, target = any_table(model), any_table(model)
    table.insert(table_.items, new_key(model, table_, target))
  end,
}

local change_names = {}
for name in pairs(changes) do
  change_names[#change_names + 1] = name
end
table.sort(change_names)

-- --- as a file of models ---

local function column_line(column)
  local options = {}
  local function add(name, value)
    options[#options + 1] = value and ("%s = %s"):format(name, value) or nil
  end
  add("nullable", column.is_required and "false" or nil)
  add("server_default", column.default or column.default_value and lua_text(column.default_value))
  add("comment", column.comment and lua_text(column.comment))
  add("computed", column.computed and ("{ %s, persisted = true }"):format(lua_text(column.computed)))
  local type_ = column.enum and ("types.enum(%s, %s)"):format(lua_text(column.enum.name), values_text(column.enum))
  local tail = #options > 0 and ", { " .. table.concat(options, ", ") .. " }" or ""
  return ("    column(%s, %s%s),"):format(lua_text(column.name), type_ or column.type, tail)
end

local function models_text(model)
  local lines = { "return {" }
  for _, table_ in ipairs(model.tables) do
    lines[#lines + 1] = ("  table(%s, {"):format(lua_text(table_.name))
    lines[#lines + 1] = '    column("id", types.integer(), { primary_key = true }),'
    for _, column in ipairs(table_.columns) do
      lines[#lines + 1] = column_line(column)
    end
    for _, item in ipairs(table_.items) do
      lines[#lines + 1] = "    " .. item .. ","
    end
    for _, item in ipairs(table_.enum_items) do
      lines[#lines + 1] = "    " .. item.text .. ","
    end
    lines[#lines + 1] = table_.comment and ("  }, { comment = %s }),"):format(lua_text(table_.comment)) or "  }),"
  end
  for _, view in ipairs(model.views) do
    lines[#lines + 1] = ("  view(%s, %s),"):format(lua_text(view.name), lua_text(view.text))
  end
  for _, sequence in ipairs(model.sequences) do
    lines[#lines + 1] = ("  sequence(%s, { start = %d, cache = %d }),"):format(
      lua_text(sequence.name),
      sequence.start,
      sequence.cache
    )
  end
  lines[#lines + 1] = "}\n"
  return table.concat(lines, "\n")
end

-- --- a round ---

local function expect_equal(p, what)
  local run = p:run("check")
  if run.code ~= 0 then
    error(("%s: check says:\n%s%s"):format(what, run.out, run.err), 0)
  end
end

local function go(p, name)
  p:ok({ "revision", "--autogenerate", "--empty", "-q", "-m", name })
  p:ok("upgrade head -q")
end

local function play(p, kind)
  local model = new_model(kind)
  local before = models_text(model)
  p:write("migrations/models.lua", before)
  go(p, "first")
  expect_equal(p, "after the first revision")
  local done = {}
  for index = 1, random(1, 5) do
    done[index] = pick(change_names)
    changes[done[index]](model)
  end
  p:write("migrations/models.lua", models_text(model))
  go(p, "second")
  expect_equal(p, "after " .. table.concat(done, ", "))
  p:ok("downgrade -1 -q")
  p:write("migrations/models.lua", before)
  os.execute(("rm %s/migrations/versions/*second*"):format(moonbird.quote(p.folder)))
  expect_equal(p, "after the way back of " .. table.concat(done, ", "))
  p:ok("downgrade base -q")
  local left = p:ok("dump").out
  assert(left == "return {}\n", "after downgrade base something is left:\n" .. left)
end

local function round(kind)
  local p = moonbird.project(kind)
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
