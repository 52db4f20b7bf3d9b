-- rebuild.lua: carries out the changes of a table that SQLite's ALTER TABLE cannot, or not always, in the revision's
-- transaction: by SQLite's own statement where that does, else make_anew.lua makes the table as it shall be, once for
-- as many changes as can be. A method of the dialect (../dialect.lua takes it in), called by
-- core/lua/lib/statement.lua for the items of alter.lua.
--
-- `db` is a connection; where a script is written instead (db.is_script), it answers from the tables that the script
-- has made so far, and what would be asked of the rows becomes a statement that fails (checks.lua).

local changes = require("sqlite.changes")
local check = require("moonbird.check")
local checks = require("sqlite.checks")
local create_table = require("sqlite.create_table")
local edit_table = require("sqlite.edit_table")
local make_anew = require("sqlite.make_anew")
local references = require("sqlite.references")
local tokens = require("sqlite.tokens")

local rebuild = {}

-- --- what there is ---

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

-- --- one change after the other ---

local Runner = {}
Runner.__index = Runner

function Runner:load()
  self.work = load(self.dialect, self.db, self.spec)
end

-- Carries out what is pending.
function Runner:flush()
  if self.work.is_edited then
    make_anew(self.work, self.db)
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
    runner.dialect:at_change(change.operation or change, runner.apply, runner, change)
  end
  runner:apply_table_options()
  runner:flush()
end

-- --- all or nothing ---

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
  checks.is_as_described(db, self, spec.table, spec.schema)
end

-- Who runs the script may have attached it.
local function attach_schema(self, db, schema)
  local is_there = "SELECT count(*) FROM pragma_database_list WHERE lower(name) = lower(?)"
  if schema and db:scalar(is_there, schema) == 0 then
    db:suppose("ATTACH ':memory:' AS " .. self:ident(schema))
  end
end

-- A script that did not make the table can still say what SQLite's own statement does. True where that was all.
local function find_table(self, db, spec)
  attach_schema(self, db, spec.schema)
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
