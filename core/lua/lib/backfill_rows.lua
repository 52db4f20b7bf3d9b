-- backfill_rows.lua: the form `row` of a backfill: what its function gets, and the statements that write what it gives.
-- Called by backfill_definition.lua; the engine (core/backfill/chunk.c) calls what is made here.

local check = require("moonbird.check")
local host = require("moonbird.host")
local lists = require("moonbird.list")
local log = require("moonbird.log")
local spec_of = require("moonbird.backfill_spec")
local table_of = require("moonbird.backfill_table")

local backfill_rows = {}

local function update_writer(spec, t, by_name, names, versioned)
  local columns = {}
  for index, name in ipairs(names) do
    local column = by_name[name]
    if lists.contains(t.key, name) then
      error(("row() must not change the key column %s: return the columns that change alone"):format(name), 0)
    elseif column and column.generated then
      error(("row() returned the column %s, which the database computes"):format(name), 0)
    end
    if not column then
      local more = table_of.meant(name, by_name)
      error(("row() returned the column %s, which %s does not have%s"):format(name, spec.table, more), 0)
    end
    columns[index] = column
  end
  return host.dialect:update_rows(t, columns, versioned)
end

local function insert_writer(names, table_name, schema, known)
  local place = spec_of.place(table_name, schema)
  local shown_place = host.dialect:table_name(place.table, place.schema)
  if not known[shown_place] then
    local ok, problem, by_name = pcall(table_of.columns, place)
    if not ok then
      error(type(problem) == "string" and problem:gsub("^op%.backfill", "batch:insert") or problem, 0)
    end
    known[shown_place] = by_name
  end
  local columns = {}
  for index, name in ipairs(names) do
    columns[index] = known[shown_place][name]
    if not columns[index] then
      local more = table_of.meant(name, known[shown_place])
      error(("batch:insert: %s has no column %s%s"):format(table_name, name, more), 0)
    elseif columns[index].generated then
      error(("batch:insert: the database computes %s.%s"):format(table_name, name), 0)
    end
  end
  return host.dialect:insert_rows(place.table, place.schema, columns)
end

--- function(kind, { column names }, table, schema) -> { sql, bind, transports }. For an insert the engine lends its
--- connection: the other table's columns are read from the catalog, once for a run. "update version" and "delete
--- version" are for rows that were read without a lock.
function backfill_rows.new_writer(spec, t, by_name)
  local known = {}
  return function(kind, names, table_name, schema)
    local verb, versioned = kind:match("^(%a+)(.*)$")
    versioned = versioned ~= ""
    if verb == "delete" then
      return host.dialect:delete_rows(t, versioned)
    elseif verb == "insert" then
      return insert_writer(names, table_name, schema, known)
    end
    return update_writer(spec, t, by_name, names, versioned)
  end
end

--- The second argument of row(): the engine adds `delete`, `insert`, `quarantine` and `id`.
function backfill_rows.new_batch()
  return {
    copy = function(_, row)
      if type(row) ~= "table" then
        error("batch:copy takes the row, not " .. check.describe(row), 2)
      end
      local copy = {}
      for name, value in pairs(row) do
        copy[name] = value
      end
      return copy
    end,
  }
end

--- The metatable of the rows that row() gets. A name that is no column is a mistake; a column that was not read is nil,
--- as a NULL is, which is said once. What is not filled anew for each row must not be set: it would stay for the next.
function backfill_rows.guard(t, by_name)
  local is_read, is_nil = {}, {}
  for _, list in ipairs({ t.key, t.columns }) do
    for _, name in ipairs(list) do
      is_read[name], is_nil[name] = true, true
    end
  end
  local function look(_, name)
    if is_nil[name] then
      return nil
    elseif not by_name[name] then
      error(("the row has no column %s%s"):format(tostring(name), table_of.meant(name, by_name)), 2)
    end
    is_nil[name] = true
    log.warn(("row() looks at the column %s, which `columns` does not name: it is not read, and nil"):format(name))
    return nil
  end
  local function set(row, name, value)
    if is_read[name] then
      rawset(row, name, value)
    elseif by_name[name] then
      error(("the row has no %s to set, which `columns` does not name: return { %s = ... }"):format(name, name), 2)
    else
      local hint = "; what is not a column belongs into a local variable"
      error(("the row has no column %s%s"):format(tostring(name), table_of.meant(name, by_name) .. hint), 2)
    end
  end
  return { __index = look, __newindex = set }
end

return backfill_rows
