-- references.lua: foreign keys around a table that is made anew: who refers to it, and whether all rows still find what
-- they refer to. Only keys that the changes touch are looked at: rows are copied as they are, so others are what they
-- were. Used by rebuild.lua.

local check = require("moonbird.check")
local checks = require("sqlite.checks")
local tokens = require("sqlite.tokens")

local references = {}

--- Foreign keys of other tables to this one, a row for each column: { table, id, from, column }. `column` is nil where
--- the key names none (it means the primary key).
function references.to_table(db, table_name, schema)
  local place = schema and '"' .. schema:gsub('"', '""') .. '"' or "main"
  return db:query(
    ([[
SELECT m.name AS "table", k.id AS id, k."from" AS "from", k."to" AS "column"
FROM %s.sqlite_schema AS m, pragma_foreign_key_list(m.name, ?) AS k
WHERE m.type = 'table' AND k."table" = ? COLLATE NOCASE AND m.name <> ? COLLATE NOCASE
ORDER BY m.name, k.id, k.seq]]):format(place),
    schema or "main",
    table_name,
    table_name
  )
end

-- The keys of one table: { [id] = { parent =, columns =, referent_columns = } }.
local function keys_of(db, table_name, schema)
  local keys = {}
  local rows = db:query(
    'SELECT id, "table" AS parent, "from", "to" FROM pragma_foreign_key_list(?, ?) ORDER BY id, seq',
    table_name,
    schema or "main"
  )
  for _, row in ipairs(rows) do
    local key = keys[row.id] or { parent = row.parent, columns = {}, referent_columns = {} }
    key.columns[#key.columns + 1] = row.from
    key.referent_columns[#key.referent_columns + 1] = row.to
    keys[row.id] = key
  end
  return keys
end

local function is_affected(work, names)
  for _, name in ipairs(names) do
    if work.affected[name:lower()] then
      return true
    end
  end
  return false
end

local function is_new(work, key)
  for _, new in ipairs(work.new_keys) do
    local is_same = tokens.same_name(new.referent_table, key.parent) and #new.columns == #key.columns
    for index, name in ipairs(new.columns) do
      is_same = is_same and tokens.same_name(name, key.columns[index])
    end
    if is_same then
      return true
    end
  end
  return false
end

-- Must rows of a key be looked at again? `owner` is the table that has it.
local function is_touched(work, owner, key)
  local is_own = tokens.same_name(owner, work.table)
  if is_own and (is_new(work, key) or is_affected(work, key.columns)) then
    return true
  elseif not tokens.same_name(key.parent, work.table) then
    return false
  end
  return #key.referent_columns == 0 and next(work.affected) ~= nil or is_affected(work, key.referent_columns)
end

local function has_touched(work, owner, keys)
  for _, key in pairs(keys) do
    if is_touched(work, owner, key) then
      return true
    end
  end
  return false
end

local function row_text(work, db, owner, key, rowid)
  if rowid == nil then
    return ""
  end
  local self, parts = work.dialect, {}
  local query = ("SELECT %s FROM %s WHERE rowid = %d"):format(
    self:ident_list(key.columns),
    self:table_name(owner, work.schema),
    rowid
  )
  local row = db:query(query)[1] or {}
  for index, name in ipairs(key.columns) do
    parts[index] = ("%s = %s"):format(name, checks.shown(row[name]))
  end
  return (", the first with rowid %d (%s)"):format(rowid, table.concat(parts, ", "))
end

local VIOLATIONS = [[
SELECT fkid, count(*) AS rows_found, min(rowid) AS first_row FROM pragma_foreign_key_check(%s, %s)
GROUP BY fkid ORDER BY fkid]]

local function check_rows(work, db, owner, keys)
  local self = work.dialect
  local place = self:string_literal(work.schema or "main")
  local query = VIOLATIONS:format(self:string_literal(owner), place)
  for _, found in ipairs(db:query(query)) do
    local key = keys[found.fkid]
    if key and is_touched(work, owner, key) then
      check.refuse(
        "%s: %d row%s refer%s to rows of %s that are not there%s",
        owner,
        found.rows_found,
        found.rows_found == 1 and "" or "s",
        found.rows_found == 1 and "s" or "",
        key.parent,
        row_text(work, db, owner, key, found.first_row)
      )
    end
  end
end

-- The tables that have keys to this one, and itself.
local function owners(work)
  local list, seen = { work.table }, {}
  for _, row in ipairs(work.references) do
    if not seen[row.table] then
      seen[row.table] = true
      list[#list + 1] = row.table
    end
  end
  return list
end

-- "foreign key mismatch - "child" referencing "parent"": where the parent is another table, that is the one at fault.
local function mismatch_of(work, owner, problem)
  local parent = problem:match(' referencing "(.*)"') or work.table
  if tokens.same_name(parent, work.table) then
    local format = "a foreign key of the table %s would refer to columns of %s that are not unique any more; "
      .. "drop it first"
    return format:format(owner, parent)
  end
  local format = "a foreign key of the table %s refers to columns of %s that are not unique; make them so first"
  return format:format(owner, parent)
end

-- A key must refer to something unique: SQLite says "foreign key mismatch" when it looks at one that does not.
local function check_targets(work, db)
  for _, owner in ipairs(owners(work)) do
    local statement = ("PRAGMA %sforeign_key_check(%s)"):format(
      work.schema_ident and work.schema_ident .. "." or "",
      work.dialect:string_literal(owner)
    )
    local problem = checks.problem_of(db, statement)
    if problem and problem:find("mismatch", 1, true) then
      check.refuse("%s (%s)", mismatch_of(work, owner, problem), problem)
    end
  end
end

--- Refuses what the new table breaks.
function references.verify(work, db)
  if work.keys_changed then
    check_targets(work, db)
  end
  for _, owner in ipairs(owners(work)) do
    local keys = keys_of(db, owner, work.schema)
    if has_touched(work, owner, keys) then
      if db.is_script then
        checks.rows_refer(work, db, owner)
      else
        check_rows(work, db, owner, keys)
      end
    end
  end
end

return references
