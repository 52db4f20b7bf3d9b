-- make_anew.lua: the procedure that SQLite's documentation prescribes for what ALTER TABLE cannot: a new table is made,
-- the rows are copied, the old one is dropped, indexes and triggers are made again from their texts. Called by
-- rebuild.lua with what changes.lua has made of the table; knows no operation. The caller takes back what a failure
-- leaves.

-- The old table is moved out of the way instead of the new one being moved in: so the new one has its text as it is,
-- with its own name in CHECKs and in references to itself. legacy_alter_table keeps all other texts from following the
-- old table's name. Foreign keys are not enforced meanwhile, else DROP TABLE would delete the rows of other tables;
-- references.lua looks at them at the end. A table whose own text says its name in front of a column (CHECK (t.a > 0))
-- cannot be moved so: its rows are copied out and in again.

local changes = require("sqlite.changes")
local checks = require("sqlite.checks")
local create_index = require("sqlite.create_index")
local create_table = require("sqlite.create_table")
local edit_table = require("sqlite.edit_table")
local failure = require("sqlite.failure")
local references = require("sqlite.references")
local tokens = require("sqlite.tokens")

local OLD_NAME = "_moonbird_old_"

-- A free name for the old table.
local function old_name(work, db)
  local name, number = OLD_NAME .. work.table, 1
  while work.dialect:has_table(db, name, work.schema) do
    number = number + 1
    name = OLD_NAME .. number .. "_" .. work.table
  end
  return name
end

-- --- copying ---

-- The number of the row under a name that no column takes; nil where there is none.
local function rowid_word(tree)
  if not tree.with_rowid then
    return nil
  end
  for _, word in ipairs({ "rowid", "_rowid_", "oid" }) do
    if not edit_table.column(tree, word) then
      return word
    end
  end
end

-- The column that is the rowid under a name of its own.
local function rowid_column(tree)
  local primary, column = changes.primary_of(tree)
  if not primary or not tree.with_rowid then
    return nil
  elseif not column then
    column = #primary.columns == 1 and edit_table.column(tree, primary.columns[1])
  elseif primary.order == "DESC" then
    return nil
  end
  return column and column.type:upper() == "INTEGER" and column or nil
end

-- Targets and the expressions that fill them. A column that is computed is left out; a new key is filled with the
-- rowids, and rows keep their rowids where both tables have them.
local function copied_columns(work)
  local self, targets, values = work.dialect, {}, {}
  local old_rowid, alias = rowid_word(work.old), rowid_column(work.tree)
  for _, column in ipairs(edit_table.columns(work.tree)) do
    local is_new_key = column == alias and not column.source
    local value = is_new_key and old_rowid or column.copy or column.source and self:ident(column.source)
    if value and not edit_table.piece(column, "generated") then
      targets[#targets + 1], values[#values + 1] = self:ident(column.name), value
    end
  end
  local new_rowid = rowid_word(work.tree)
  if old_rowid and new_rowid and not alias then
    table.insert(targets, 1, new_rowid)
    table.insert(values, 1, old_rowid)
  end
  return targets, values
end

-- OR ABORT: a constraint's own ON CONFLICT must not drop rows here.
local function copy_statement(work)
  local self = work.dialect
  local targets, values = copied_columns(work)
  work.targets, work.values = targets, values
  return ("INSERT OR ABORT INTO %s (%s) SELECT %s FROM %s"):format(
    self:table_name(work.table, work.schema),
    table.concat(targets, ", "),
    table.concat(values, ", "),
    self:table_name(work.old_name, work.schema)
  )
end

local function copy_rows(work, db)
  checks.values(work, db)
  local ok, problem = pcall(db.exec, db, copy_statement(work))
  if not ok then
    failure.explain(work, db, problem)
  end
end

local function is_counted(tree)
  local primary = changes.primary_of(tree)
  return primary and primary.autoincrement
end

local function rename_counter(work, db, from, to)
  local self = work.dialect
  if is_counted(work.old) then
    local place = (work.schema_ident or "main") .. ".sqlite_sequence"
    db:exec(("DELETE FROM %s WHERE name = %s"):format(place, self:string_literal(to)))
    db:exec(
      ("UPDATE %s SET name = %s WHERE name = %s"):format(place, self:string_literal(to), self:string_literal(from))
    )
  end
end

-- The counter of AUTOINCREMENT goes on where it was; that of a table that counts no more is dropped with it.
local function move_counter(work, db)
  if is_counted(work.tree) then
    rename_counter(work, db, work.old_name, work.table)
  elseif is_counted(work.old) then
    local place = (work.schema_ident or "main") .. ".sqlite_sequence"
    db:exec(("DELETE FROM %s WHERE name = %s"):format(place, work.dialect:string_literal(work.old_name)))
  end
end

-- --- the old table ---

-- Does a text say the name of the table in front of a column?
local function qualifies(text, name)
  local list = tokens.list(text)
  for index, token in ipairs(list) do
    local following = list[index + 1]
    if following and following.text == "." and tokens.same_name(tokens.name(token), name) then
      return true
    end
  end
  return false
end

local function is_qualified(work)
  local found = qualifies(create_table.print(work.old), work.table)
  for _, index in ipairs(work.indexes) do
    found = found or qualifies(index.text, work.table)
  end
  return found
end

-- The columns of the old table as they are, without what is demanded of them. ANY has a meaning of its own only in
-- STRICT tables.
local function plain_columns(work)
  local parts, names = {}, {}
  for index, column in ipairs(edit_table.columns(work.old)) do
    local type_text = column.type:upper() ~= "ANY" and column.type or ""
    local collate = edit_table.piece(column, "collate")
    names[index] = work.dialect:ident(column.name)
    parts[index] = table.concat({ names[index], type_text, collate and collate.text or "" }, " ")
  end
  return parts, names
end

local function copy_out(work, db, place, old_place)
  local parts, names = plain_columns(work)
  local rowid = rowid_word(work.old)
  db:exec(("CREATE TABLE %s (%s)"):format(old_place, table.concat(parts, ", ")))
  if rowid then
    table.insert(names, 1, rowid)
  end
  local list = table.concat(names, ", ")
  db:exec(("INSERT INTO %s (%s) SELECT %s FROM %s"):format(old_place, list, list, place))
  rename_counter(work, db, work.table, work.old_name)
  db:exec("DROP TABLE " .. place)
end

local function move_away(work, db)
  local self = work.dialect
  local place, old_place = self:table_name(work.table, work.schema), self:table_name(work.old_name, work.schema)
  if is_qualified(work) then
    copy_out(work, db, place, old_place)
  else
    db:exec(("ALTER TABLE %s RENAME TO %s"):format(place, self:ident(work.old_name)))
  end
end

-- --- the procedure ---

local function replace(work, db)
  local self = work.dialect
  move_away(work, db)
  db:exec(create_table.print(work.tree, work.schema_ident))
  copy_rows(work, db)
  move_counter(work, db)
  db:exec("DROP TABLE " .. self:table_name(work.old_name, work.schema))
  for _, index in ipairs(work.indexes) do
    local text = index.is_new and index.text or create_index.in_schema(index.text, "INDEX", work.schema_ident)
    local ok, problem = pcall(db.exec, db, text)
    if not ok then
      failure.explain_index(work, index, problem)
    end
  end
  for _, trigger in ipairs(work.triggers) do
    db:exec(create_index.in_schema(trigger.text, "TRIGGER", work.schema_ident))
  end
end

-- What must be put back whatever happens: both are settings of the connection, which no ROLLBACK touches.
local function with_settings(db, body)
  local enforced = 0
  if db.is_script then
    checks.foreign_keys_off(db)
  else
    enforced = db:scalar("SELECT moonbird_foreign_keys(0)")
  end
  local was_legacy = not db.is_script and db:scalar("PRAGMA legacy_alter_table") or 0
  local function restore()
    if was_legacy == 0 then
      db:exec("PRAGMA legacy_alter_table = OFF")
    end
    if enforced == 1 then
      db:scalar("SELECT moonbird_foreign_keys(1)")
    end
  end
  db:exec("PRAGMA legacy_alter_table = ON")
  local ok, problem = pcall(body)
  if not ok then
    pcall(restore) -- what was thrown says more than what fails after it
    error(problem, 0)
  end
  restore()
end

--- Makes the table as `work` has it.
return function(work, db)
  work.old_name = old_name(work, db)
  local before = checks.dependents(work, db)
  with_settings(db, function()
    replace(work, db)
  end)
  checks.compare_dependents(work, db, before)
  references.verify(work, db)
end
