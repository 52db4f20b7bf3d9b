-- How batches of a backfill begin, and how their rows are written in SQLite. Methods of the dialect (../dialect.lua
-- takes them in); the rest of the SQL of backfills is the base dialect's (core/lua/lib/keyset.lua).

local backfill = {}

backfill.distinct_words = "IS NOT"
backfill.same_words = "IS"
backfill.backfill_target_ms = 100 -- writers wait for the whole batch

local moment = "strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now'%s) || '000+00:00'" -- as Moonbird itself writes one

function backfill.clock()
  return moment:format("")
end

function backfill.later()
  return moment:format(", CAST(? AS TEXT) || ' seconds'")
end

function backfill.batch_begin()
  return "BEGIN IMMEDIATE"
end

-- A value keeps the type that it has in Lua; only bytes that came as a string must say so.
function backfill.transport(_, type_text)
  local name = type_text:upper()
  if name:find("BLOB", 1, true) then
    return "bytes"
  end
  return name:find("BOOL", 1, true) and "bool" or "any"
end

local function key_transports(self, t)
  local list = {}
  for index in ipairs(t.key) do
    list[index] = t.key_transports and t.key_transports[index] or self:transport(t.key_types[index])
  end
  return list
end

-- "id = ?1 AND part = ?2"
local function key_condition(self, t)
  local list = {}
  for index, name in ipairs(t.key) do
    list[index] = ("%s = ?%d"):format(self:ident(name), index)
  end
  return table.concat(list, " AND ")
end

local MOST_COLUMNS = 64 -- of moonbird_rows, a table that the driver makes of the parameters

-- One statement for all rows: each is found by its key, as with a placeholder.
local function update_all(self, t, columns)
  local assignments, conditions = {}, {}
  for index, column in ipairs(columns) do
    assignments[index] = ("%s = r.c%d"):format(self:ident(column.name), #t.key + index)
  end
  for index, name in ipairs(t.key) do
    conditions[index] = ("t.%s = r.c%d"):format(self:ident(name), index)
  end
  return ("UPDATE %s AS t SET %s FROM moonbird_rows AS r WHERE %s"):format(
    self:table_name(t.table, t.schema),
    table.concat(assignments, ", "),
    table.concat(conditions, " AND ")
  )
end

local function update_one(self, t, columns)
  local assignments = {}
  for index, column in ipairs(columns) do
    assignments[index] = ("%s = ?%d"):format(self:ident(column.name), #t.key + index)
  end
  return ("UPDATE %s SET %s WHERE %s"):format(
    self:table_name(t.table, t.schema),
    table.concat(assignments, ", "),
    key_condition(self, t)
  )
end

function backfill:update_rows(t, columns)
  local transports = key_transports(self, t)
  for _, column in ipairs(columns) do
    transports[#transports + 1] = column.transport
  end
  local single = update_one(self, t, columns)
  local text = #transports <= MOST_COLUMNS and update_all(self, t, columns) or single
  return { sql = text, single = single, bind = "each", transports = transports }
end

function backfill:delete_rows(t)
  local text = ("DELETE FROM %s WHERE %s"):format(self:table_name(t.table, t.schema), key_condition(self, t))
  return { sql = text, bind = "each", transports = key_transports(self, t) }
end

function backfill:insert_rows(table_name, schema, columns)
  local names, places, transports = {}, {}, {}
  for index, column in ipairs(columns) do
    names[index], places[index], transports[index] = column.name, "?" .. index, column.transport
  end
  local text = ("INSERT INTO %s (%s) VALUES (%s)"):format(
    self:table_name(table_name, schema),
    self:ident_list(names),
    table.concat(places, ", ")
  )
  return { sql = text, bind = "each", transports = transports }
end

return backfill
