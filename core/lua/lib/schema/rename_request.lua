-- The renames that --rename asks for: which tables and columns of the models and of the database its names mean, and
-- what is wrong with them. Called by command.lua before anything is compared; pure.

local rename_text = require("moonbird.schema.rename_text")

local rename_request = {}

-- --- names to objects ---

local function words(names, last)
  local list = {}
  for index = 1, last or #names do
    list[index] = names[index].name
  end
  return table.concat(list, ".")
end

local function place_of(table_)
  return (table_.schema and table_.schema .. "." or "") .. table_.name
end

-- The dots between names without quotes may be a part of one.
local function are_plain(names, last)
  for index = 1, last do
    if names[index].is_quoted then
      return false
    end
  end
  return true
end

local function is_at(table_, names, last)
  local schema = last == 2 and names[1].name or nil
  return last <= 2 and table_.name == names[last].name and table_.schema == schema
end

-- The table that the first `last` names say: "table", "schema.table".
local function find_table(schema, names, last)
  local plain = are_plain(names, last) and words(names, last)
  for _, table_ in ipairs(schema.tables) do
    if is_at(table_, names, last) or place_of(table_) == plain then
      return table_
    end
  end
end

-- A new name stands in the schema of the old one, where it names none itself.
local function find_beside(schema, old, names)
  if #names > 1 or not old.schema then
    return find_table(schema, names, #names)
  end
  return find_table(schema, { { name = old.schema, is_quoted = true }, names[1] }, 2)
end

local function has_column(table_, name)
  for _, column in ipairs(table_.columns) do
    if column.name == name then
      return true
    end
  end
  return false
end

-- --- one rename ---

local function table_rename(asked, model, live)
  local from = find_table(live, asked.old, #asked.old)
  if not from then
    return nil, ("the database has no table %s"):format(words(asked.old))
  end
  local to = find_beside(model, from, asked.new)
  if find_beside(live, from, asked.new) then
    return nil, ("the database has a table %s already"):format(words(asked.new))
  elseif not to then
    return nil, ("the models have no table %s"):format(words(asked.new))
  elseif to.schema ~= from.schema then
    return nil, "a table keeps its schema"
  end
  return { kind = "table", table = from.name, schema = from.schema, new_name = to.name }, from, to
end

-- The table of a column in the database and in the models, by the name that it has here or there; `renamed` has the
-- tables of the models by those of the database.
local function tables_of(asked, model, live, renamed)
  local last = #asked.old - 1
  local from, to = find_table(live, asked.old, last), find_table(model, asked.old, last)
  for old, new in pairs(renamed) do
    if old == from or not from and new == to then
      return old, new
    end
  end
  return from, to
end

local function column_rename(asked, model, live, renamed)
  local from, to = tables_of(asked, model, live, renamed)
  local old, new = asked.old[#asked.old].name, words(asked.new)
  if not from or not to then
    local place = words(asked.old, #asked.old - 1)
    return nil, ("no table %s is both in the database and in the models"):format(place)
  elseif not has_column(from, old) then
    return nil, ("the table %s of the database has no column %s"):format(place_of(from), old)
  elseif has_column(from, new) then
    return nil, ("the table %s of the database has a column %s already"):format(place_of(from), new)
  elseif not has_column(to, new) then
    return nil, ("the table %s of the models has no column %s"):format(place_of(to), new)
  end
  return { kind = "column", table = to.name, schema = to.schema, column = old, new_name = new }
end

-- --- all of them ---

-- A name takes part in one rename only.
local function add(list, taken, rename)
  local around = { rename.kind, rename.schema or "", rename.column and rename.table or "" }
  local key = table.concat(around, "\0") .. "\0"
  local old, new = key .. "old\0" .. (rename.column or rename.table), key .. "new\0" .. rename.new_name
  if taken[old] or taken[new] then
    return ("%s is in two renames"):format(taken[old] and (rename.column or rename.table) or rename.new_name)
  end
  taken[old], taken[new] = true, true
  list[#list + 1] = rename
end

local function is_of_table(asked, model, live)
  local from = find_table(live, asked.old, #asked.old)
  return #asked.old == 1 or from ~= nil and find_beside(model, from, asked.new) ~= nil
end

local function read(texts)
  local list = {}
  for index, text in ipairs(texts) do
    local old, new = rename_text.parse(text)
    if not old then
      return nil, text
    end
    list[index] = { text = text, old = old, new = new }
  end
  return list
end

local function complaint(text, problem)
  local hint = not text:find('"', 1, true) and rename_text.HINT or nil
  return nil, ("--rename %s: %s"):format(text, problem), hint
end

--- The renames of the texts ("table.old:new", "old_table:new_table"), tables first; or nil, a complaint and a hint.
function rename_request.parse(texts, model, live)
  local all, wrong = read(texts)
  if not all then
    local format = "--rename %s: must be TABLE.OLD:NEW for a column or OLD:NEW for a table"
    return nil, format:format(wrong), rename_text.HINT
  end
  local list, taken, renamed, columns = {}, {}, {}, {}
  for _, asked in ipairs(all) do
    if is_of_table(asked, model, live) then
      local rename, from, to = table_rename(asked, model, live)
      local problem = not rename and from or rename and add(list, taken, rename)
      if problem then
        return complaint(asked.text, problem)
      end
      renamed[from] = to
    else
      columns[#columns + 1] = asked
    end
  end
  for _, asked in ipairs(columns) do
    local rename, problem = column_rename(asked, model, live, renamed)
    problem = problem or add(list, taken, rename)
    if problem then
      return complaint(asked.text, problem)
    end
  end
  return list
end

return rename_request
