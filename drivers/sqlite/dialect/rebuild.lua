-- rebuild.lua: carries out the changes of a table that SQLite's ALTER TABLE cannot, in the revision's transaction: a
-- new table is made, the rows are copied, the old one is dropped, indexes and triggers are made again from their texts.
-- A method of the dialect (../dialect.lua takes it in); core/lua/lib/statement.lua calls it for the items of alter.lua.
--
-- `db` is a connection; where a script is written instead (db.is_script), it answers from the tables that the script
-- has made so far, and what would be asked of the rows becomes a statement that fails (checks.lua).

-- The old table is moved out of the way instead of the new one being moved in: so the new one has its text as it is,
-- with its own name in CHECKs and in references to itself. legacy_alter_table keeps all other texts from following the
-- old table's name. Foreign keys are not enforced meanwhile, else DROP TABLE would delete the rows of other tables;
-- references.lua looks at them at the end. A savepoint takes back what a failure leaves.

local changes = require("sqlite.changes")
local check = require("moonbird.check")
local checks = require("sqlite.checks")
local create_index = require("sqlite.create_index")
local create_table = require("sqlite.create_table")
local edit_table = require("sqlite.edit_table")
local failure = require("sqlite.failure")
local references = require("sqlite.references")
local tokens = require("sqlite.tokens")

local rebuild = {}

-- --- what there is ---

local OLD_NAME = "_moonbird_old_"

local function definitions(self, db, spec)
  local place = spec.schema and self:ident(spec.schema) or "main"
  return db:query(
    ([[
SELECT type, name, sql FROM %s.sqlite_schema
WHERE tbl_name = ? COLLATE NOCASE AND sql IS NOT NULL ORDER BY rowid]]):format(place),
    spec.table
  )
end

local function definition_of(rows, spec)
  for _, row in ipairs(rows) do
    if row.type == "view" and tokens.same_name(row.name, spec.table) then
      check.refuse("%s is a view, which has no columns and constraints of its own", spec.table)
    elseif row.type == "table" then
      if row.sql:upper():find("^%s*CREATE%s+VIRTUAL%s") then
        check.refuse("%s is a virtual table, which only its module can change", spec.table)
      end
      return row
    end
  end
  check.refuse("no such table: %s", spec.table)
end

-- A free name for the old table.
local function old_name(self, db, spec)
  local name, number = OLD_NAME .. spec.table, 1
  while self:has_table(db, name, spec.schema) do
    number = number + 1
    name = OLD_NAME .. number .. "_" .. spec.table
  end
  return name
end

-- The table as changes.lua wants it.
local function load(self, db, spec)
  local rows = definitions(self, db, spec)
  local definition = definition_of(rows, spec)
  local work = {
    dialect = self,
    table = definition.name,
    schema = spec.schema,
    schema_ident = spec.schema and self:ident(spec.schema),
    tree = create_table.parse(definition.sql, "table " .. spec.table),
    old = create_table.parse(definition.sql),
    indexes = {},
    triggers = {},
    is_edited = false, -- is there anything in the tree that is not in the database?
    affected = {},
    new_keys = {},
    convention = spec.naming_convention or spec.changes[1] and spec.changes[1].operation.naming_convention,
    references = references.to_table(db, definition.name, spec.schema),
  }
  for _, column in ipairs(edit_table.columns(work.tree)) do
    column.source = column.name
  end
  for _, row in ipairs(rows) do
    local list = row.type == "index" and work.indexes or row.type == "trigger" and work.triggers
    if list then
      list[#list + 1] = { name = row.name, text = row.sql }
    end
  end
  return work
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

-- Targets and the expressions that fill them. A column that is computed is left out, and so is a new one without a
-- default; rows keep their rowids where both tables have them.
local function copied_columns(work)
  local self, targets, values = work.dialect, {}, {}
  local old_rowid, alias = rowid_word(work.old), rowid_column(work.tree)
  for _, column in ipairs(edit_table.columns(work.tree)) do
    local value = column.copy or column.source and self:ident(column.source)
    value = value or column == alias and old_rowid
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

local function make_anew(work, db)
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

local SAVEPOINT = "moonbird_rebuild"

-- A script that catches the error goes on with the table as it was.
local function with_savepoint(db, body)
  if db.is_script then
    return body()
  end
  db:exec("SAVEPOINT " .. SAVEPOINT)
  local ok, problem = pcall(body)
  if not ok then
    -- where that fails the transaction is gone, and what was thrown says why
    pcall(db.exec, db, ("ROLLBACK TO %s; RELEASE %s"):format(SAVEPOINT, SAVEPOINT))
    error(problem, 0)
  end
  db:exec("RELEASE " .. SAVEPOINT)
end

-- Makes the table as `work` has it.
local function carry_out(work, db, spec)
  local self = work.dialect
  work.old_name = old_name(self, db, spec)
  local before = checks.dependents(work, db)
  with_settings(db, function()
    make_anew(work, db)
  end)
  checks.compare_dependents(work, db, before)
  references.verify(work, db)
end

-- --- one change after the other ---

local Runner = {}
Runner.__index = Runner

function Runner:load()
  self.work = load(self.dialect, self.db, self.spec)
end

-- Carries out what is pending.
function Runner:flush()
  if self.work.is_edited then
    carry_out(self.work, self.db, self.spec)
    self:load()
  end
end

function Runner:native(change)
  local item = change.native
  if type(item) == "string" then
    self.db:exec(item)
  else
    self.db:exec(item[1], item[2])
  end
  self:load()
end

-- ALTER TABLE RENAME COLUMN changes triggers, views and other tables with it. What is pending is renamed here.
function Runner:rename_column(change)
  local work, operation = self.work, change.operation
  local old, new = operation.column, operation.new_column_name
  if work.is_edited and edit_table.column(work.old, new) then
    self:flush() -- a column of that name is there until the table is made anew
    work = self.work
  end
  local column = edit_table.column(work.tree, old)
  if not column then
    check.refuse("the table %s has no column %s", work.table, old)
  end
  if not work.is_edited then
    return self:native(change)
  end
  self:rename_pending(work, column, new, change)
end

-- The column has another name in the database than in the pending table if it was renamed before; its values come from
-- `source` in any case.
function Runner:rename_pending(work, column, new, change)
  local old, source = column.name, column.source
  local new_ident = self.dialect:ident(new)
  edit_table.rename_column(work.tree, old, new_ident)
  for _, index in ipairs(work.indexes) do
    index.text = index.is_new and edit_table.rename_in(index.text, old, new_ident) or index.text
  end
  work.affected[new:lower()], work.affected[old:lower()] = work.affected[old:lower()], nil
  if not source then
    return
  end
  self.db:exec(change.native)
  local fresh = load(self.dialect, self.db, self.spec)
  edit_table.column(work.tree, new).source = new
  for _, other in ipairs(edit_table.columns(work.tree)) do
    for _, key in ipairs({ "copy", "guard" }) do
      other[key] = other[key] and edit_table.rename_in(other[key], source, new_ident)
    end
  end
  work.old, work.triggers, work.references = fresh.old, fresh.triggers, fresh.references
  for _, index in ipairs(work.indexes) do
    for _, found in ipairs(fresh.indexes) do
      index.text = not index.is_new and found.name == index.name and found.text or index.text
    end
  end
end

function Runner:edit(change)
  changes[change.kind](self.work, change)
  self.work.is_edited = true
end

function Runner:apply(change)
  if change.kind == "rename_column" then
    self:rename_column(change)
  elseif change.kind == "execute" then
    self:flush()
    self:native(change)
  elseif change.is_plain and not self.work.is_edited and self.spec.recreate ~= "always" then
    self:native(change)
  else
    self:edit(change)
  end
end

local function has_table_options(spec)
  return spec.recreate == "always" or (spec.table_args or spec.table_kwargs or spec.partial_reordering) ~= nil
end

-- The settings of the whole table that batch_alter_table takes.
function Runner:apply_table_options()
  local spec, work = self.spec, self.work
  for _, item in ipairs(spec.table_args or {}) do
    changes.add_item(work, item, self.dialect:constraint(item))
  end
  if spec.table_kwargs then
    changes.set_options(work, spec.table_kwargs)
  end
  if spec.partial_reordering then
    changes.reorder(work, spec.partial_reordering)
  end
  work.is_edited = work.is_edited or has_table_options(spec)
end

-- SQLite's own statement for one change, where it takes it. Whether it does is decided by SQLite.
local function try_native(runner, change)
  if change.kind == "drop_column" then
    changes.drop_column(load(runner.dialect, runner.db, runner.spec), change) -- refuses what makes no sense
  elseif change.kind == "add_column" then
    checks.added_column(runner.work, runner.db, change)
  end
  return (pcall(runner.native, runner, change))
end

-- recreate = "never"
local function run_native(runner)
  for _, change in ipairs(runner.spec.changes) do
    if not change.native or not try_native(runner, change) then
      check.refuse(
        'recreate = "never", and SQLite\'s ALTER TABLE cannot do this to %s: %s',
        runner.spec.table,
        change.text:gsub("%s+", " ")
      )
    end
  end
end

local function run(runner)
  local spec = runner.spec
  local only = #spec.changes == 1 and not has_table_options(spec) and spec.changes[1]
  if spec.recreate == "never" then
    return run_native(runner)
  elseif only and only.native and try_native(runner, only) then
    return
  end
  for _, change in ipairs(spec.changes) do
    runner:apply(change)
  end
  runner:apply_table_options()
  runner:flush()
end

-- --- scripts ---

-- Something that was said of the table and could not be followed: it is not known what it is like now.
local function check_missed(db, spec)
  for _, statement in ipairs(db.missed) do
    if edit_table.mentions(statement.text, spec.table) then
      db:refuse(
        ("%s cannot be rebuilt: a statement of the script before could not be followed (%s): %s"):format(
          spec.table,
          statement.problem,
          statement.text:gsub("%s+", " ")
        ),
        "run it online"
      )
    end
  end
end

-- The table as the caller describes it.
local function suppose_table(self, db, spec)
  local given = spec.copy_from
  local operation = { kind = "create_table", table = spec.table, schema = spec.schema, items = given.items or given }
  setmetatable(operation, { __index = given.options })
  for _, statement in ipairs(self:render(operation)) do
    db:suppose(statement)
  end
  checks.is_as_described(db, self, spec.table)
end

-- A script that did not make the table can still say what SQLite's own statement does. True where that was all.
local function find_table(self, db, spec)
  if self:has_table(db, spec.table, spec.schema) then
    check_missed(db, spec)
    return false
  elseif spec.copy_from then
    suppose_table(self, db, spec)
    return false
  end
  for _, change in ipairs(spec.changes) do
    if type(change.native) ~= "string" then
      db:refuse(
        ("the table %s must be made anew for that, and the script has not said what it is like"):format(spec.table),
        "put it into op.batch_alter_table with copy_from = { column(...), ... }, or run it online"
      )
    end
  end
  for _, change in ipairs(spec.changes) do
    db:write(change.native)
  end
  return true
end

--- Carries out an item of alter.lua.
---@return integer affected
function rebuild:rebuild(db, spec)
  if db.is_script and find_table(self, db, spec) then
    return 0
  end
  local runner = setmetatable({ dialect = self, db = db, spec = spec }, Runner)
  with_savepoint(db, function()
    runner:load()
    run(runner)
  end)
  return 0
end

return rebuild
