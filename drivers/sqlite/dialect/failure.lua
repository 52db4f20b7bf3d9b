-- failure.lua: why the rows of a table do not fit into the table that shall take its place: which column, which
-- constraint, which row. Called by rebuild.lua when copying has failed, while both tables are there.

local check = require("moonbird.check")
local checks = require("sqlite.checks")
local edit_table = require("sqlite.edit_table")

local failure = {}

-- The rows as they would be copied, under the names of the new columns, with the number of the row.
local function copied_rows(work)
  local self, list = work.dialect, {}
  for index, target in ipairs(work.targets) do
    list[index] = work.values[index] .. " AS " .. target
  end
  local is_numbered = work.old.with_rowid and not edit_table.column(work.old, "rowid")
  list[#list + 1] = (is_numbered and "rowid" or "NULL") .. ' AS "moonbird row"'
  return ("(SELECT %s FROM %s)"):format(table.concat(list, ", "), self:table_name(work.old_name, work.schema))
end

local function first_row(work, db, condition)
  local ok, rows = pcall(
    db.query,
    db,
    ("SELECT * FROM %s WHERE %s LIMIT 1"):format(copied_rows(work), condition)
  )
  return ok and rows[1] or nil
end

local function key_names(work)
  for _, element in ipairs(work.old.elements) do
    if element.kind == "primary_key" then
      return element.columns
    elseif element.kind == "column" and edit_table.piece(element, "primary_key") then
      return { element.name }
    end
  end
  return {}
end

-- " (the row with id = 3)": by the primary key, else by the rowid.
local function row_words(work, row)
  if not row then
    return ""
  end
  local parts = {}
  for _, name in ipairs(key_names(work)) do
    parts[#parts + 1] = row[name] ~= nil and ("%s = %s"):format(name, checks.shown(row[name])) or nil
  end
  if #parts == 0 then
    parts[1] = row["moonbird row"] and "rowid " .. row["moonbird row"]
  end
  return #parts > 0 and (" (the row with %s)"):format(table.concat(parts, ", ")) or ""
end

local function explain_null(work, db, column)
  local row = first_row(work, db, work.dialect:ident(column) .. " IS NULL")
  check.refuse(
    "%s.%s cannot be NOT NULL: a row has no value%s; fill it before",
    work.table,
    column,
    row_words(work, row)
  )
end

local function check_conditions(work)
  local list = {}
  for _, element in ipairs(work.tree.elements) do
    if element.kind == "check" then
      list[#list + 1] = element
    elseif element.kind == "column" then
      for _, piece in ipairs(element.pieces) do
        list[#list + 1] = piece.kind == "check" and piece or nil
      end
    end
  end
  return list
end

local function explain_check(work, db)
  for _, constraint in ipairs(check_conditions(work)) do
    local row = first_row(work, db, "NOT (" .. constraint.condition .. "\n)")
    if row then
      check.refuse(
        "%s: CHECK %s(%s) does not hold%s; correct the rows before",
        work.table,
        constraint.name and constraint.name .. " " or "",
        constraint.condition,
        row_words(work, row)
      )
    end
  end
end

local function explain_unique(work, db, names)
  local self, idents = work.dialect, {}
  for index, name in ipairs(names) do
    idents[index] = self:ident(name)
  end
  local list = table.concat(idents, ", ")
  local query = [[
SELECT %s, count(*) AS "moonbird count" FROM %s WHERE (%s) IS NOT NULL GROUP BY %s HAVING count(*) > 1 LIMIT 1]]
  query = query:format(list, copied_rows(work), table.concat(idents, " || '' || "), list)
  local ok, rows = pcall(db.query, db, query)
  local row = ok and rows[1]
  local parts = {}
  for index, name in ipairs(names) do
    parts[index] = row and ("%s = %s"):format(name, checks.shown(row[name])) or nil
  end
  check.refuse(
    "%s: the values of (%s) are not unique%s; remove the duplicates before",
    work.table,
    table.concat(names, ", "),
    row and (": %d rows have %s"):format(row["moonbird count"], table.concat(parts, ", ")) or ""
  )
end

local strict_types = {
  INTEGER = "integer",
  INT = "integer",
  REAL = "real",
  TEXT = "text",
  BLOB = "blob",
}

local function explain_type(work, db, problem)
  for _, column in ipairs(edit_table.columns(work.tree)) do
    local type_ = strict_types[column.type:upper()]
    local name = work.dialect:ident(column.name)
    if type_ and column.source and problem:find("." .. column.name, 1, true) then
      local condition = ("typeof(CAST(%s AS %s)) <> typeof(%s) OR CAST(%s AS %s) <> %s"):format(
        name,
        column.type,
        name,
        name,
        column.type,
        name
      )
      local row = first_row(work, db, ("%s IS NOT NULL AND (%s)"):format(name, condition))
      check.refuse(
        "%s.%s: %s is no %s, and the table is STRICT%s; correct the rows before",
        work.table,
        column.name,
        row and checks.shown(row[column.name]) or "a value",
        column.type,
        row_words(work, row)
      )
    end
  end
end

-- "people.a, people.b" -> { "a", "b" }
local function names_in(work, text)
  local names = {}
  for _, column in ipairs(edit_table.columns(work.tree)) do
    if (text .. ","):find(("%s.%s,"):format(work.table, column.name), 1, true) then
      names[#names + 1] = column.name
    end
  end
  return names
end

--- Throws what is wrong with the rows; what is not about them is passed on.
function failure.explain(work, db, problem)
  local text = tostring(problem)
  local null = text:match("NOT NULL constraint failed: (.*)")
  local unique = text:match("UNIQUE constraint failed: (.*)")
  if db.is_script then
    error(problem, 0)
  elseif null and names_in(work, null)[1] then
    explain_null(work, db, names_in(work, null)[1])
  elseif unique and #names_in(work, unique) > 0 then
    explain_unique(work, db, names_in(work, unique))
  elseif text:find("CHECK constraint failed", 1, true) then
    explain_check(work, db)
  elseif text:find("cannot store", 1, true) then
    explain_type(work, db, text)
  end
  error(problem, 0)
end

--- The same for an index: the old table is gone by now.
function failure.explain_index(work, index, problem)
  local text = tostring(problem)
  if text:find("UNIQUE constraint failed", 1, true) then
    check.refuse("the unique index %s of %s cannot be made: %s", index.name, work.table, text)
  end
  error(problem, 0)
end

return failure
