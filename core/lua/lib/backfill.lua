-- backfill.lua: op.backfill. Asks the catalog for the key and the columns and the dialect for the SQL, and hands the
-- result to the engine (core/backfill), inside a revision as one statement of the journal, or for `backfill run`.

local autocommit = require("moonbird.autocommit")
local batch_form = require("moonbird.backfill_batch")
local check = require("moonbird.check")
local file = require("moonbird.backfill_file")
local host = require("moonbird.host")
local json = require("moonbird.json")
local lists = require("moonbird.list")
local log = require("moonbird.log")
local offline = require("moonbird.offline")
local op = require("moonbird.op")
local spec_of = require("moonbird.backfill_spec")
local settings = require("moonbird.settings")
local statement = require("moonbird.statement")
local table_of = require("moonbird.backfill_table")

local backfill = {}

local function fail(message, ...)
  error("op.backfill: " .. message:format(...), 0)
end

-- --- what the database says of the definition ---

-- Conditions stand in brackets beside the range of a batch.
local function check_conditions(spec)
  for _, key in ipairs({ "where", "done" }) do
    if spec[key] and not host.dialect:is_one_piece(spec[key]) then
      fail("%s is no condition: a bracket in it closes or opens nothing, or a semicolon ends it", key)
    end
  end
end

-- A mistake in `where` would be seen in the first batch, when all before it is committed, one in `done` at the end.
local function try_conditions(spec)
  for _, key in ipairs({ "where", "done" }) do
    if spec[key] then
      local text = host.dialect:try_condition(spec, spec[key])
      local ok, problem = pcall(host.connection.query, host.connection, text)
      if not ok then
        fail("%s cannot be asked: %s", key, tostring(problem))
      end
    end
  end
end

local NO_PERMISSION = "42501"

-- A mistake in `set` neither. Who may only read may plan and verify.
local function try_update(spec, update, key, is_to_run)
  local values = {}
  for index = 1, 2 * #key do
    values[index] = host.null
  end
  local ok, problem = pcall(host.connection.query, host.connection, "EXPLAIN " .. update, values)
  local sqlstate = not ok and type(problem) ~= "string" and problem.sqlstate
  if not ok and (is_to_run or sqlstate ~= NO_PERMISSION) then
    fail("set of %s cannot be done: %s", spec.table, tostring(problem))
  end
end

local function check_set(spec, by_name, key)
  for name in pairs(spec.set or {}) do
    local column = table_of.known_column(spec, by_name, name)
    if lists.contains(key, name) then
      fail("set must not change the key column %s", name)
    elseif column.generated then
      fail("set must not change the column %s, which the database computes", name)
    end
  end
end

-- Columns to read besides the key.
local function columns_to_read(spec, list, by_name, key)
  local is_key, names = {}, {}
  for _, name in ipairs(key) do
    is_key[name] = true
  end
  if spec.columns then
    for _, name in ipairs(spec.columns) do
      table_of.known_column(spec, by_name, name)
      names[#names + 1] = not is_key[name] and name or nil
    end
    return names
  end
  for _, column in ipairs(list) do
    names[#names + 1] = not is_key[column.name] and column.name or nil
  end
  return names
end

-- --- the definition for the engine ---

local function map(list, by_name, field)
  local values = {}
  for index, name in ipairs(list) do
    values[index] = by_name[name][field]
  end
  return values
end

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

-- function(kind, { column names }, table, schema) -> { sql, bind, transports }. For an insert the engine lends its
-- connection: the other table's columns are read from the catalog, once for a run. "update version" and "delete
-- version" are for rows that were read without a lock.
local function new_writer(spec, t, by_name)
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

-- The second argument of row(): the engine adds `delete`, `insert`, `quarantine` and `id`.
local function new_row_batch()
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

-- The metatable of the rows that row() gets. A name that is no column is a mistake; a column that was not read is nil,
-- as a NULL is, which is said once. What is not filled anew for each row must not be set: it would stay for the next.
local function row_guard(t, by_name)
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

-- How many rows a range will add to those that are done, whatever its form.
local function count_again(dialect, spec, t, from)
  return spec.batch and dialect:count_range(t, from) or dialect:count_work(t, from, spec.set)
end

local function add_sql(definition, spec, t)
  local dialect = host.dialect
  local limited = not definition.bounded
  definition.first_key, definition.last_key = dialect:first_key(t), dialect:last_key(t)
  for _, from in ipairs({ "first", "after" }) do
    definition["hop_" .. from] = dialect:hop(t, from)
    definition["page_" .. from] = dialect:page(t, from, limited, true)
    definition["versioned_page_" .. from] = t.version and dialect:versioned_page(t, from, limited) or nil
    if type(t.row_bytes) == "string" then
      definition["piece_" .. from] = dialect:locked_piece(t, from)
      definition["versioned_piece_" .. from] = t.version and dialect:versioned_piece(t, from)
    end
    definition["count_" .. from] = spec.batch and dialect:count_range(t, from) or nil
    definition["update_" .. from] = spec.set and dialect:update_range(t, spec.set, from) or nil
    definition["undone_" .. from] = spec.done and dialect:count_undone(t, from, spec.done) or nil
    definition["marked_" .. from] = spec.done and dialect:mark_undone(t, from, spec.done) or nil
    definition["again_" .. from] = spec.done and count_again(dialect, spec, t, from) or nil
  end
  definition.writers = dialect:writers(spec.table, spec.schema)
  definition.streams = t.row_bytes == nil
end

-- The size of batches: the script's, else that of the section [backfill] of moonbird.ini, else the dialect's.
local function size_settings(spec)
  local given, defaults = spec.size or {}, host.backfill_defaults
  local size = {
    fixed = given.fixed or not spec.size and defaults.size or nil,
    target_ms = given.target_ms or defaults.target_ms or host.dialect.backfill_target_ms or 500,
    start = given.start or defaults.start,
    min = given.min or defaults.min,
    max = given.max or defaults.max,
  }
  local least, most = size.min or 10, size.max or 50000 -- as core/backfill/definition.c has them
  if spec.size and not size.fixed and least > most then
    fail("size.min, %d, is above size.max, %d", least, most)
  end
  return size
end

local function seconds_to_ms(seconds)
  return seconds and seconds * 1000
end

-- Time-outs of a batch's session (BACKFILL.md, section 7).
local function timeouts(name, target_ms)
  local defaults = host.backfill_defaults
  return {
    lock_timeout_ms = seconds_to_ms(defaults.lock_timeout) or 2000,
    statement_timeout_ms = seconds_to_ms(defaults.statement_timeout) or math.max(10 * target_ms, 10000),
    idle_timeout_ms = 60000,
    application_name = ("moonbird:backfill:%s:{worker}"):format(name), -- the engine knows who it is
  }
end

local function define(spec, name, is_to_run)
  local dialect = host.dialect
  local list, by_name = table_of.columns(spec)
  local key = table_of.key(spec, by_name)
  table_of.check_visible(spec)
  local t = {
    table = spec.table,
    schema = spec.schema,
    key = key,
    key_types = map(key, by_name, "type"),
    key_transports = map(key, by_name, "transport"),
    columns = columns_to_read(spec, list, by_name, key),
    where = spec.where,
    column_types = {},
    version = spec.row and dialect:row_version(host.connection, spec.table, spec.schema) or nil,
  }
  for column_name, column in pairs(by_name) do
    t.column_types[column_name] = column.type
  end
  local has_twins = not spec.set and dialect:may_have_twins(host.connection, spec.table, spec.schema)
  if not spec.set and not has_twins then
    t.row_bytes = dialect:row_bytes(host.connection, t)
  elseif has_twins then
    t.row_bytes = false -- neither a piece nor a stream may end between two of them
  end
  check_set(spec, by_name, key)
  check_conditions(spec)
  try_conditions(spec)
  spec.done = spec.done or spec.made_done
  local size = size_settings(spec)
  local limits = timeouts(name, size.target_ms)
  local definition = {
    name = name,
    form = spec.form,
    table_shown = dialect:table_name(spec.table, spec.schema),
    key = key,
    key_columns = json.encode(json.array(key)),
    key_types_json = json.encode(json.array(t.key_types)),
    key_transports = t.key_transports,
    bounded = spec.where ~= nil or spec.effects == "external" or has_twins,
    may_have_twins = has_twins,
    external = spec.effects == "external",
    version_columns = t.version and #t.version or 0,
    quarantines = spec.on_error == "quarantine",
    max_bad = spec.max_bad,
    workers = spec.workers or host.backfill_defaults.workers,
    throttle = spec.throttle,
    estimate = dialect:row_estimate(host.connection, spec.table, spec.schema),
    nice = spec.nice or host.backfill_defaults.nice,
    size_fixed = size.fixed,
    target_ms = size.target_ms,
    size_start = size.start,
    size_min = size.min,
    size_max = size.max,
    max_bytes = host.backfill_defaults.max_bytes,
    begin = dialect:batch_begin(limits),
    statement_timeout_ms = limits.statement_timeout_ms,
    sync = dialect:batch_sync(),
    row = spec.row,
    row_guard = spec.row and row_guard(t, by_name),
    path = spec.file and spec.file.path,
    batch = spec.form == "batch" and batch_form.new_function(spec, t) or new_row_batch(),
    writer = new_writer(spec, t, by_name),
  }
  add_sql(definition, spec, t)
  if spec.set then
    try_update(spec, definition.update_first, key, is_to_run)
  end
  return definition, t, by_name
end

-- --- op.backfill ---

-- What makes a backfill another one: table, key, columns, rows and what is done; not its size.
local function fingerprint(spec)
  local parts = { "backfill", spec.table, spec.schema or "", table.concat(spec.key or {}, ",") }
  parts[#parts + 1] = table.concat(spec.columns or {}, ",")
  parts[#parts + 1] = spec.where or ""
  if spec.recipe then
    parts[#parts + 1] = spec.recipe
  elseif spec.set then
    for _, name in ipairs(check.sorted_keys(spec.set)) do
      parts[#parts + 1] = name .. "=" .. host.dialect:literal(spec.set[name])
    end
  else
    parts[#parts + 1] = statement.function_text(spec.row or spec.batch)
  end
  return table.concat(parts, "\0")
end

local function what_is_done(spec)
  if spec.recipe then
    return "backfill." .. spec.recipe:match("^[%a_]+")
  end
  return spec.set and "set" or spec.form .. " " .. statement.function_place(spec.row or spec.batch)
end

local function shown(spec)
  return ("backfill %s (%s)"):format(host.dialect:table_name(spec.table, spec.schema), what_is_done(spec))
end

local function has_tables()
  return host.dialect:has_table(host.connection, "moonbird_backfill", host.version_table_schema)
end

-- --- named ones ---

--- For `backfill run`: the definition of a named backfill, the text that its fingerprint is taken of, and whether the
--- state tables are there.
function backfill.open_named(name, time, seed)
  local spec = file.load(name, time, seed)
  return file.protect(spec, define, spec, name), file.protect(spec, fingerprint, spec), has_tables()
end

--- For `backfill plan`: what the file says, the definition, the table's description and its columns by name.
function backfill.look_named(name)
  local spec = file.load(name, os.time(), 0)
  return spec, file.protect(spec, define, spec, name)
end

-- --- inside a revision ---

-- The code is another one than that of the interrupted run. Nothing is lost where no batch of it was committed; else
-- only the user knows whether rows of both may stand side by side.
local function accept_change(entry, name)
  local begun = host.backfill_has_begun(name)
  if begun and not host.accepts_code_change() then
    host.statement_refuse(entry)
  end
  host.statement_accept(entry)
  return begun and "resume" or "run"
end

local function run(spec, name, deferred)
  if host.savepoint_depth() > 0 then
    fail("a backfill commits its batches, so it cannot run inside db:transaction or another backfill")
  elseif autocommit.depth > 0 then
    fail("a backfill commits its batches by itself: call it outside of op.autocommit_block")
  end
  if host.offline then
    return offline.backfill(spec, shown(spec))
  end
  local label = name and ("%s: %s"):format(name, shown(spec)) or shown(spec)
  local verdict, entry, result = host.statement_next("backfill", fingerprint(spec), label)
  local own_name = name or host.backfill_name(entry)
  if verdict == "skip" then
    return result
  elseif verdict == "changed" then
    verdict = accept_change(entry, own_name)
  end
  return host.backfill_run(file.protect(spec, define, spec, own_name, true), entry, {
    resumed = verdict == "resume",
    has_tables = has_tables(),
    named = name ~= nil,
    deferred = deferred,
  })
end

local function run_named(name, options)
  options = options or {}
  if type(options) ~= "table" then
    fail("argument 2 must be a table { defer = true }, not %s", check.describe(options))
  end
  for key, value in pairs(options) do
    if key ~= "defer" then
      fail("unknown option %s; known is defer", tostring(key))
    elseif type(value) ~= "boolean" then
      fail("defer must be true or false, not %s", check.describe(value))
    end
  end
  return run(file.load(name, os.time(), 0), name, options.defer)
end

--- What a revision had registered goes when it is taken back; called after its downgrade().
function backfill.forget_revision(revision)
  if not host.offline and has_tables() then
    host.backfill_forget(revision)
  end
end

--- Runs a backfill there and then: what the revision did before is committed, then batch after batch. An interrupted
--- one goes on where it was. Returns the rows that were gone through. A name stands for backfills/NAME.lua.
function op.backfill(spec, options)
  local ok, done = pcall(settings.refuse_other_path, "op.backfill")
  if not ok then
    error(done, 2)
  elseif type(spec) == "string" then
    ok, done = pcall(run_named, spec, options)
  else
    ok, done = pcall(function()
      if options ~= nil then
        fail('argument 2 is for a backfill that is named: op.backfill("name", { defer = true })')
      end
      return run(spec_of.check(spec))
    end)
  end
  if not ok then
    local has_place = type(done) ~= "string" or done:find("^[^\n:]+:%d+: ")
    error(done, has_place and 0 or 2)
  end
  return done
end

return backfill
