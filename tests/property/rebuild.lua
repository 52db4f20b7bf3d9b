-- Random tables of SQLite with random rows, changed at random by Moonbird; then the rows, the schema and the integrity
-- of the file are what this program says, out of a model of its own. It knows nothing of how Moonbird does it.
--
--   lua5.4 tests/property/rebuild.lua [ROUNDS] [SEED]     40 rounds; a seed that is printed gives the same rounds again
--
-- Run by tests/spec/rebuild_property_spec.lua. A round that fails prints its table and its revision.

package.path = "./tests/spec/?.lua;" .. package.path
local moonbird = require("support.moonbird")

local random = math.random

local function chance(percent)
  return random(100) <= percent
end

local function pick(list)
  return list[random(#list)]
end

local function quoted(name)
  return '"' .. name:gsub('"', '""') .. '"'
end

local function lua_text(text)
  return ("%q"):format(text):gsub("\n", "n")
end

-- --- the model ---

-- A column: { name, type, is_required, default, collate, generated, source }: `source` is SQL over the table `orig`, in
-- which the first rows are kept.
local odd_names = { "select", "имя", "a b", 'q"q', "Group", "x'y", "[z]" }

local function new_name(model, prefix)
  model.names = model.names + 1
  if chance(25) then
    return odd_names[model.names % #odd_names + 1] .. model.names
  end
  return prefix .. model.names
end

local function find(model, test)
  local found = {}
  for index, column in ipairs(model.columns) do
    if test(column) then
      found[#found + 1] = index
    end
  end
  return #found > 0 and pick(found) or nil
end

local function is_int(column)
  return column.type == "INTEGER" and not column.generated
end

-- Is the column taken by something that a change would break?
local function is_free(model, column)
  return column ~= model.anchor and not column.is_key and not column.is_base
end

local function data_column(model)
  local column = { name = new_name(model, "c"), type = pick({ "INTEGER", "TEXT" }) }
  column.is_required = chance(30)
  if chance(30) then
    column.default = column.type == "TEXT" and "'it''s'" or "7"
  end
  if column.type == "TEXT" and chance(25) then
    column.collate = "NOCASE"
  end
  return column
end

local function add_primary(model)
  local form = random(4)
  if form == 1 then
    return -- only a rowid
  end
  local key = { name = new_name(model, "id"), type = "INTEGER", is_key = true, is_required = true }
  model.columns[1] = key
  model.primary = { key }
  model.is_autoincrement = form == 2
  model.without_rowid = form == 3
end

local function add_generated(model)
  local base = find(model, is_int)
  if base and chance(60) then
    local column = model.columns[base]
    column.is_base = true
    model.columns[#model.columns + 1] = {
      name = new_name(model, "g"),
      type = "INTEGER",
      generated = { base = column, is_stored = chance(50) },
    }
  end
end

local function new_model()
  local model = { names = 0, columns = {}, uniques = {}, checks = {}, keys = {}, indexes = {}, rows = random(0, 30) }
  model.is_strict = chance(25)
  add_primary(model)
  for _ = 1, random(2, 5) do
    model.columns[#model.columns + 1] = data_column(model)
  end
  model.anchor = model.columns[#model.columns]
  model.anchor.collate = nil
  add_generated(model)
  for index, column in ipairs(model.columns) do
    column.id = index
    column.source = "orig." .. quoted(column.name)
  end
  return model
end

-- --- its SQL ---

local function comment()
  return chance(20) and pick({ " /* a (comment, */", " -- to the end, )\n" }) or ""
end

local function column_sql(model, column)
  local parts = { quoted(column.name), column.type }
  parts[#parts + 1] = column.collate and "COLLATE " .. column.collate
  if column.generated then
    local kind = column.generated.is_stored and "STORED" or "VIRTUAL"
    parts[#parts + 1] = ("AS (%s * 2) %s"):format(quoted(column.generated.base.name), kind)
  end
  parts[#parts + 1] = column.default and "DEFAULT " .. column.default
  parts[#parts + 1] = column.is_required and "NOT NULL" .. comment()
  if column.is_key and not model.without_rowid then
    parts[#parts + 1] = "PRIMARY KEY" .. (model.is_autoincrement and " AUTOINCREMENT" or "")
  end
  local kept = {}
  for index = 1, 8 do
    kept[#kept + 1] = parts[index] or nil
  end
  return table.concat(kept, " ")
end

local function table_sql(model)
  local lines = {}
  for index, column in ipairs(model.columns) do
    lines[index] = column_sql(model, column) .. comment()
  end
  if model.without_rowid then
    lines[#lines + 1] = ("PRIMARY KEY (%s)"):format(quoted(model.primary[1].name))
  end
  if chance(20) then
    lines[#lines + 1] = ("CHECK (t.%s IS NOT 'never')"):format(quoted(model.anchor.name)) -- says the table's own name
  end
  local between = chance(50) and "," or ",\n  "
  local options = {}
  options[#options + 1] = model.without_rowid and "WITHOUT ROWID" or nil
  options[#options + 1] = model.is_strict and "STRICT" or nil
  local tail = table.concat(options, ", ")
  return ("CREATE TABLE t (%s%s) %s"):format(comment(), table.concat(lines, between), tail)
end

local function value_sql(column, row)
  if not column.is_required and chance(20) then
    return "NULL"
  elseif column.type == "TEXT" then
    return ("'%d'"):format(row * 100 + column.id) -- a number, so that it may become one
  end
  return tostring(row * 100 + column.id)
end

local function rows_sql(model)
  local statements = {}
  for row = 1, model.rows do
    local names, values = {}, {}
    if not model.primary then
      names[1], values[1] = "rowid", tostring(row * 3) -- with gaps, so that one sees whether they stay
    end
    for _, column in ipairs(model.columns) do
      if not column.generated then
        names[#names + 1] = quoted(column.name)
        values[#values + 1] = value_sql(column, row)
        column.has_null = column.has_null or values[#values] == "NULL"
      end
    end
    statements[#statements + 1] = ("INSERT INTO t (%s) VALUES (%s);"):format(
      table.concat(names, ", "),
      table.concat(values, ", ")
    )
  end
  return table.concat(statements, "\n")
end

-- Everything around the table: another one that refers to it, a view, triggers.
local function surroundings_sql(model)
  local anchor = quoted(model.anchor.name)
  local parts = {
    "CREATE TABLE o (id INTEGER PRIMARY KEY); CREATE TABLE log (x);",
    ("CREATE VIEW v AS SELECT %s AS shown FROM t; CREATE VIEW w AS SELECT shown FROM v;"):format(anchor),
    ("CREATE TRIGGER g AFTER UPDATE OF %s ON t BEGIN INSERT INTO log VALUES (new.%s); END;"):format(anchor, anchor),
    ("CREATE TRIGGER h AFTER INSERT ON o BEGIN UPDATE t SET %s = %s; END;"):format(anchor, anchor),
  }
  if model.primary then
    local key = quoted(model.primary[1].name)
    parts[#parts + 1] = ("CREATE TABLE child (p INTEGER REFERENCES t (%s) ON DELETE CASCADE);"):format(key)
    parts[#parts + 1] = ("INSERT INTO child SELECT %s FROM t;"):format(key)
  end
  local rowid = model.without_rowid and "NULL" or "rowid"
  parts[#parts + 1] = ("CREATE TABLE orig AS SELECT %s AS row_number, * FROM t;"):format(rowid)
  return table.concat(parts, "\n")
end

-- --- changes ---

local changes = {}

local function call(model, name, arguments)
  return { name = name, arguments = arguments, model = model }
end

function changes.type(model)
  local index = find(model, function(column)
    return not column.generated and not column.is_key and not column.is_base
  end)
  local column = index and model.columns[index]
  if not column then
    return nil
  end
  local to = column.type == "INTEGER" and "TEXT" or "INTEGER"
  -- the rows may have the text of a default that has gone since
  local has_text = column.default and column.default:find("'") or column.source:find("%a''%a")
  if has_text and to == "INTEGER" then
    return nil
  end
  column.source = ("CAST(%s AS %s)"):format(column.source, to)
  column.type = to
  if to == "INTEGER" then
    column.collate = nil
    for _, entry in ipairs(model.indexes) do
      if entry.column == column then
        entry.collate = nil
      end
    end
  end
  local type_ = to == "TEXT" and "types.text()" or "types.bigint()"
  return call(model, "alter_column", ("%s, { type_ = %s }"):format(lua_text(column.name), type_))
end

function changes.nullable(model)
  local index = find(model, function(column)
    return not column.generated and not column.is_key and not column.has_null
  end)
  local column = index and model.columns[index]
  if not column then
    return nil
  end
  column.is_required = not column.is_required
  local text = ("%s, { nullable = %s }"):format(lua_text(column.name), tostring(not column.is_required))
  return call(model, "alter_column", text)
end

function changes.default(model)
  local index = find(model, function(column)
    return not column.generated and not column.is_key
  end)
  local column = index and model.columns[index]
  if not column then
    return nil
  end
  if column.default then
    column.default = nil
    return call(model, "alter_column", lua_text(column.name) .. ", { server_default = null }")
  end
  column.default = column.type == "INTEGER" and "5" or "'5'"
  local value = column.type == "INTEGER" and "5" or '"5"'
  return call(model, "alter_column", ("%s, { server_default = %s }"):format(lua_text(column.name), value))
end

function changes.rename(model)
  local column = pick(model.columns)
  local old = column.name
  column.name = new_name(model, "r")
  return call(model, "alter_column", ("%s, { new_column_name = %s }"):format(lua_text(old), lua_text(column.name)))
end

function changes.add(model)
  local column = data_column(model)
  column.collate = nil
  if column.is_required and not column.default then
    column.default = column.type == "INTEGER" and "3" or "'3'"
  end
  column.source = column.default or "NULL"
  column.has_null = not column.default
  column.is_added = true
  local options = { "nullable = " .. tostring(not column.is_required) }
  if column.default then
    local is_text = column.default:find("'")
    local value = is_text and lua_text((column.default:sub(2, -2):gsub("''", "'"))) or column.default
    options[2] = "server_default = " .. value
  end
  table.insert(model.columns, column)
  return call(
    model,
    "add_column",
    ("column(%s, types.%s(), { %s })"):format(
      lua_text(column.name),
      column.type == "TEXT" and "text" or "integer",
      table.concat(options, ", ")
    )
  )
end

local function without(list, test)
  local kept = {}
  for _, entry in ipairs(list) do
    kept[#kept + 1] = not test(entry) and entry or nil
  end
  return kept
end

function changes.drop(model)
  local index = find(model, function(column)
    return is_free(model, column)
  end)
  if not index or #model.columns < 3 then
    return nil
  end
  local column = table.remove(model.columns, index)
  local function is_on(entry)
    return entry.column == column
  end
  if column.generated then
    column.generated.base.is_base = nil
  end
  for _, list in ipairs({ "uniques", "checks", "keys", "indexes" }) do
    model[list] = without(model[list], is_on)
  end
  return call(model, "drop_column", lua_text(column.name))
end

-- SQLite keeps one index for two such constraints on the same column.
local function may_be_unique(column)
  return not column.generated and not column.is_added and not column.is_key and not column.is_unique
end

function changes.unique(model)
  local index = find(model, may_be_unique)
  if not index then
    return nil
  end
  local entry = { name = new_name(model, "uq"), column = model.columns[index] }
  entry.column.is_unique = true
  table.insert(model.uniques, entry)
  return call(
    model,
    "create_unique_constraint",
    ("%s, %%s{ %s }"):format(lua_text(entry.name), lua_text(entry.column.name))
  )
end

function changes.check(model)
  local index = find(model, function(column)
    return not column.generated
  end)
  if not index then
    return nil
  end
  local entry = { name = new_name(model, "ck"), column = model.columns[index], number = -random(100000, 999999) }
  table.insert(model.checks, entry)
  local condition = ("%s <> %d"):format(quoted(entry.column.name), entry.number)
  return call(
    model,
    "create_check_constraint",
    ("%s, %%s%s"):format(lua_text(entry.name), lua_text(condition))
  )
end

function changes.drop_constraint(model)
  local list = pick({ model.uniques, model.checks, model.keys })
  if #list == 0 then
    return nil
  end
  local entry = table.remove(list, random(#list))
  entry.column.is_unique = list ~= model.uniques and entry.column.is_unique
  return call(model, "drop_constraint", lua_text(entry.name) .. "%s")
end

-- To a table without rows, so on a column that is empty.
function changes.foreign_key(model)
  local index = find(model, function(column)
    return column.source == "NULL" and column.type == "INTEGER"
  end)
  if not index then
    return nil
  end
  local entry = { name = new_name(model, "fk"), column = model.columns[index] }
  table.insert(model.keys, entry)
  return call(
    model,
    "create_foreign_key",
    ('%s, %%s"o", { %s }, { "id" }, { ondelete = "SET NULL" }'):format(
      lua_text(entry.name),
      lua_text(entry.column.name)
    )
  )
end

function changes.index(model)
  local column = pick(model.columns)
  local entry = { name = new_name(model, "ix"), column = column, is_descending = chance(50), is_partial = chance(40) }
  entry.collate = column.collate
  table.insert(model.indexes, entry)
  local element = quoted(column.name) .. (entry.is_descending and " DESC" or "")
  return call(
    model,
    "create_index",
    ("%s, %%s{ sql %s }%s"):format(
      lua_text(entry.name),
      lua_text(element),
      entry.is_partial and (", { where = %s }"):format(lua_text(quoted(column.name) .. " IS NOT NULL")) or ""
    )
  )
end

function changes.drop_index(model)
  if #model.indexes == 0 then
    return nil
  end
  local entry = table.remove(model.indexes, random(#model.indexes))
  return call(model, "drop_index", lua_text(entry.name))
end

local kinds = {
  "type", "nullable", "default", "rename", "rename", "add", "drop", "unique", "check", "drop_constraint", "foreign_key",
  "index", "drop_index",
}

-- The place of the table's name differs: op.create_index("i", "t", ...), but op.drop_column("t", "c").
local function call_text(change, is_batch)
  local name, arguments = change.name, change.arguments
  if is_batch then
    return ("  batch.%s(%s)"):format(name, (arguments:gsub("%%s", "")))
  elseif name == "drop_constraint" then
    return ("op.%s(%s)"):format(name, (arguments:gsub("%%s$", ', "t"')))
  elseif arguments:find("%s", 1, true) then
    return ("op.%s(%s)"):format(name, (arguments:gsub("%%s", '"t", ', 1)))
  elseif name == "drop_index" then
    return ("op.%s(%s)"):format(name, arguments)
  end
  return ('op.%s("t", %s)'):format(name, arguments)
end

local function revision_text(model)
  local lines = {}
  local is_batch = false
  for _ = 1, random(1, 8) do
    local change = changes[pick(kinds)](model)
    if change then
      if not is_batch and chance(35) then
        is_batch = true
        lines[#lines + 1] = 'op.batch_alter_table("t", function(batch)'
      end
      lines[#lines + 1] = call_text(change, is_batch)
      if is_batch and chance(25) then
        is_batch = false
        lines[#lines + 1] = "end)"
      end
    end
  end
  lines[#lines + 1] = is_batch and "end)" or nil
  return table.concat(lines, "\n")
end

-- --- what must be ---

local function sorted(lines)
  table.sort(lines)
  return table.concat(lines, "\n")
end

local function expected_columns(model)
  local lines = {}
  for index, column in ipairs(model.columns) do
    local hidden = column.generated and (column.generated.is_stored and 3 or 2) or 0
    lines[index] = table.concat({
      column.name,
      column.type,
      column.is_required and 1 or 0,
      column.default or "",
      column.is_key and 1 or 0,
      hidden,
    }, "|")
  end
  return table.concat(lines, "\n")
end

local function expected_indexes(model)
  local lines = {}
  for _, entry in ipairs(model.indexes) do
    lines[#lines + 1] = table.concat({
      entry.name,
      entry.is_partial and 1 or 0,
      entry.column.name,
      entry.is_descending and 1 or 0,
      entry.collate or "BINARY",
    }, "|")
  end
  return sorted(lines)
end

local function names_of(list)
  local lines = {}
  for _, entry in ipairs(list) do
    lines[#lines + 1] = entry.column.name
  end
  return sorted(lines)
end

local COLUMNS = 'SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(\'t\')'
local INDEXES = [[SELECT l.name, l.partial, x.name, x."desc", x.coll FROM pragma_index_list('t') AS l,
  pragma_index_xinfo(l.name) AS x WHERE l.origin = 'c' AND x.key ORDER BY 1]]
local UNIQUES = [[SELECT x.name FROM pragma_index_list('t') AS l, pragma_index_xinfo(l.name) AS x
  WHERE l.origin = 'u' AND x.key]]

local KEYS = [[SELECT "from" FROM pragma_foreign_key_list('t')]]

local function lines_of(text)
  local lines = {}
  for line in (text .. "\n"):gmatch("(.-)\n") do
    lines[#lines + 1] = line ~= "" and line or nil
  end
  return lines
end

local function compare(what, expected, actual)
  if expected ~= actual then
    error(("%s: expected\n%s\nfound\n%s"):format(what, expected, actual), 0)
  end
end

local function check_rows(model, p)
  local wanted, found = {}, {}
  for index, column in ipairs(model.columns) do
    wanted[index] = ("quote(%s)"):format(column.source)
    found[index] = ("quote(%s)"):format(quoted(column.name))
  end
  local order = model.primary and model.primary[1]
  if not model.without_rowid then
    table.insert(wanted, 1, "row_number")
    table.insert(found, 1, "rowid")
  end
  local template = "SELECT %s FROM %s ORDER BY %s"
  compare(
    "rows",
    p:sql(template:format(table.concat(wanted, ", "), "orig", order and order.source or "row_number")),
    p:sql(template:format(table.concat(found, ", "), "t", order and quoted(order.name) or "rowid"))
  )
end

local function check_schema(model, p)
  compare("columns", expected_columns(model), p:sql(COLUMNS))
  compare("indexes", expected_indexes(model), sorted(lines_of(p:sql(INDEXES))))
  compare("unique", names_of(model.uniques), sorted(lines_of(p:sql(UNIQUES))))
  compare("foreign keys", names_of(model.keys), sorted(lines_of(p:sql(KEYS))))
  compare(
    "options",
    ("%d|%d"):format(model.without_rowid and 1 or 0, model.is_strict and 1 or 0),
    p:sql("SELECT wr, strict FROM pragma_table_list('t') WHERE schema = 'main'")
  )
  local text = p:sql("SELECT sql FROM sqlite_schema WHERE name = 't'")
  local count = select(2, text:gsub("<> %-%d", ""))
  compare("number of CHECKs", tostring(#model.checks), tostring(count))
  for _, entry in ipairs(model.checks) do
    local found = text:find(("<> %d"):format(entry.number), 1, true)
    compare("CHECK " .. entry.name, true, found ~= nil)
  end
end

local function check_all(model, p, sequence)
  compare("integrity", "ok", p:sql("PRAGMA integrity_check"))
  compare("foreign keys", "", p:sql("PRAGMA foreign_key_check"))
  check_schema(model, p)
  check_rows(model, p)
  if model.primary then
    compare("rows of the other table", tostring(model.rows), p:sql("SELECT count(*) FROM child"))
  end
  compare("the view", tostring(model.rows), p:sql("SELECT count(*) FROM w"))
  compare("the log of the triggers", "0", p:sql("SELECT count(*) FROM log"))
  p:sql("INSERT INTO o VALUES (1)")
  compare("the triggers", tostring(model.rows), p:sql("SELECT count(*) FROM log"))
  if model.is_autoincrement then
    compare("the counter", sequence, p:sql("SELECT seq FROM sqlite_sequence WHERE name = 't'"))
  end
end

-- --- rounds ---

local function round(p)
  local model = new_model()
  local setup = table.concat({ table_sql(model) .. ";", rows_sql(model), surroundings_sql(model) }, "\n")
  p:sql(setup)
  local sequence = model.is_autoincrement and p:sql("SELECT seq FROM sqlite_sequence WHERE name = 't'")
  local revision = revision_text(model)
  p:revision("a1", nil, revision)
  local url = p.url .. (chance(50) and "?foreign_keys=on" or "")
  local ok, problem = pcall(function()
    p:ok({ "--url", url, "upgrade", "head" })
    check_all(model, p, sequence)
  end)
  if not ok then
    local text = p:sql("SELECT sql FROM sqlite_schema WHERE name = 't'")
    error(("%s\n--- setup\n%s\n--- revision\n%s\n--- table\n%s"):format(tostring(problem), setup, revision, text), 0)
  end
end

local rounds = tonumber(arg[1] or 40)
local seed = tonumber(arg[2] or os.time())
print(("seed %d, %d rounds"):format(seed, rounds))
for number = 1, rounds do
  math.randomseed(seed + number)
  local p = moonbird.project("sqlite")
  local ok, problem = pcall(round, p)
  p:remove()
  if not ok then
    print(("round %d fails; alone: lua5.4 tests/property/rebuild.lua 1 %d"):format(number, seed + number - 1))
    print(problem)
    os.exit(1)
  end
end
print("ok")
