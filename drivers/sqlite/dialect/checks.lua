-- checks.lua: what is looked at around a rebuild: may a column be added as it is, does every value survive a change of
-- type, do views and triggers that speak of the table still work. In a script, which cannot ask, a check is a statement
-- that fails with its name as the message. Used by rebuild.lua and references.lua.

local check = require("moonbird.check")
local edit_table = require("sqlite.edit_table")
local tokens = require("sqlite.tokens")

local checks = {}

-- --- what messages show ---

local SHOWN_WIDTH = 40

--- A value for a message.
function checks.shown(value)
  if value == nil then
    return "NULL"
  elseif type(value) ~= "string" then
    return tostring(value)
  end
  local text = #value > SHOWN_WIDTH and value:sub(1, SHOWN_WIDTH) .. "..." or value
  return "'" .. text:gsub("[^\x20-\x7e\x80-\xff]", "?") .. "'"
end

--- What SQLite has against a statement, without running it; nil if nothing.
function checks.problem_of(db, statement)
  local ok, problem = pcall(db.query, db, "EXPLAIN " .. statement)
  return not ok and tostring(problem) or nil
end

-- --- checks of a script ---

-- A statement that fails where `query` is not true.
local function script_check(db, name, query)
  local constraint = '"' .. name:gsub('"', '""') .. '"'
  db:exec(("CREATE TEMP TABLE moonbird_check (ok INTEGER CONSTRAINT %s CHECK (ok))"):format(constraint))
  db:exec("INSERT INTO temp.moonbird_check " .. query)
  db:exec("DROP TABLE temp.moonbird_check")
end

--- DROP TABLE deletes rows of other tables where foreign keys are enforced.
function checks.foreign_keys_off(db)
  script_check(
    db,
    "PRAGMA foreign_keys must be off while tables are rebuilt",
    "SELECT NOT foreign_keys FROM pragma_foreign_keys"
  )
end

function checks.rows_refer(work, db, owner)
  local self = work.dialect
  script_check(
    db,
    ("rows of %s refer to rows that are not there"):format(owner),
    ("SELECT NOT EXISTS (SELECT 1 FROM pragma_foreign_key_check(%s, %s))"):format(
      self:string_literal(owner),
      self:string_literal(work.schema or "main")
    )
  )
end

--- A table that the script did not make has no triggers or more indexes than copy_from says.
function checks.is_as_described(db, dialect, table_name, schema)
  local format = "SELECT NOT EXISTS (SELECT 1 FROM %s.sqlite_schema "
    .. "WHERE type = 'trigger' AND tbl_name = %s COLLATE NOCASE)"
  script_check(
    db,
    ("the table %s has triggers, which copy_from cannot say"):format(table_name),
    format:format(dialect:ident(schema or "main"), dialect:string_literal(table_name))
  )
end

-- --- values ---

local function refuse_value(work, db, column, from)
  local self = work.dialect
  local name = self:ident(column.source)
  local key = work.old.with_rowid and "rowid" or "NULL"
  local query = ("SELECT %s AS row_number, %s AS value FROM %s WHERE %s LIMIT 1"):format(key, name, from, column.guard)
  local row = db:query(query)[1]
  if not row then
    return
  end
  check.refuse(
    "%s.%s: %s cannot become %s without a loss%s; correct the rows before, or say how to convert them "
      .. "(sqlite_using = \"...\")",
    work.table,
    column.source,
    checks.shown(row.value),
    column.type,
    row.row_number and (" (the row with rowid %d)"):format(row.row_number) or ""
  )
end

--- Refuses values that the conversion of a column would change into others.
function checks.values(work, db)
  local from = work.dialect:table_name(work.old_name, work.schema)
  for _, column in ipairs(edit_table.columns(work.tree)) do
    if column.guard and db.is_script then
      script_check(
        db,
        ("values of %s.%s cannot become %s without a loss"):format(work.table, column.source, column.type),
        ("SELECT NOT EXISTS (SELECT 1 FROM %s WHERE %s)"):format(from, column.guard)
      )
    elseif column.guard then
      refuse_value(work, db, column, from)
    end
  end
end

-- --- native ADD COLUMN ---

--- Refuses a new column that needs a value and has none, when there are rows.
function checks.added_column(work, db, change)
  local column = change.operation.column
  local has_default = column.server_default ~= nil
  if column.nullable ~= false or has_default or column.computed or column.primary_key or db.is_script then
    return
  end
  local place = work.dialect:table_name(work.table, work.schema)
  if db:scalar(("SELECT EXISTS (SELECT 1 FROM %s)"):format(place)) == 1 then
    check.refuse(
      "%s.%s is NOT NULL without a server_default, and the table has rows; give it one, or add it nullable, fill it "
        .. "and then op.alter_column(%q, %q, { nullable = false })",
      work.table,
      column.name,
      work.table,
      column.name
    )
  end
end

-- --- views and triggers ---

local function trigger_event(text)
  for _, token in ipairs(tokens.list(text)) do
    if token.word == "INSERT" or token.word == "DELETE" or token.word == "UPDATE" then
      return token.word
    end
  end
end

-- The statement that a trigger is compiled into.
local function firing_statement(work, db, row)
  local self, event = work.dialect, trigger_event(row.sql)
  local place = self:table_name(row.tbl_name, work.schema)
  if event == "INSERT" then
    return ("INSERT INTO %s DEFAULT VALUES"):format(place)
  elseif event == "DELETE" then
    return "DELETE FROM " .. place
  end
  local columns = {}
  for _, column in
    ipairs(
      db:query(
        "SELECT name FROM pragma_table_xinfo(?, ?) WHERE hidden = 0",
        row.tbl_name,
        work.schema or "main"
      )
    )
  do
    local name = self:ident(column.name)
    columns[#columns + 1] = name .. " = " .. name
  end
  return ("UPDATE %s SET %s"):format(place, table.concat(columns, ", "))
end

-- The views and triggers that speak of the table, by themselves or through a view.
local function find_dependents(work, db)
  local rows = db:query(
    ("SELECT type, name, tbl_name, sql FROM %s.sqlite_schema WHERE type IN ('view', 'trigger') ORDER BY name"):format(
      work.schema_ident or "main"
    )
  )
  local names, found, is_found = { work.table }, {}, {}
  local at = 1
  while names[at] do
    for _, row in ipairs(rows) do
      if not is_found[row] and edit_table.mentions(row.sql, names[at]) then
        is_found[row] = true
        found[#found + 1] = row
        names[#names + 1] = row.type == "view" and row.name or nil
      end
    end
    at = at + 1
  end
  return found
end

--- The views and triggers that depend on the table -> what SQLite has against them (false for nothing).
function checks.dependents(work, db)
  local states = {}
  for _, row in ipairs(find_dependents(work, db)) do
    local statement = row.type == "view" and "SELECT * FROM " .. work.dialect:table_name(row.name, work.schema)
      or firing_statement(work, db, row)
    states[row.name] = { type = row.type, problem = checks.problem_of(db, statement) or false }
  end
  return states
end

--- Refuses where one of them worked before and does not now.
function checks.compare_dependents(work, db, before)
  local after = checks.dependents(work, db)
  for _, name in ipairs(check.sorted_keys(after)) do
    local state = after[name]
    local was_well = before[name] and not before[name].problem
    if was_well and state.problem then
      check.refuse(
        "the %s %s would not work any more: %s; drop or change it first",
        state.type,
        name,
        state.problem
      )
    end
  end
end

return checks
