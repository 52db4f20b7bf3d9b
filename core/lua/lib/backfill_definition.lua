-- backfill_definition.lua: from what a script says of a backfill to what the engine works by: the catalog is asked for
-- the table, the dialect for the SQL, and the database whether it understands the conditions. Called by backfill.lua.

local batch_form = require("moonbird.backfill_batch")
local host = require("moonbird.host")
local json = require("moonbird.json")
local lists = require("moonbird.list")
local rows_of = require("moonbird.backfill_rows")
local table_of = require("moonbird.backfill_table")

local backfill_definition = {}

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

-- --- the definition ---

local function map(list, by_name, field)
  local values = {}
  for index, name in ipairs(list) do
    values[index] = by_name[name][field]
  end
  return values
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
    if t.value_bytes then
      definition["guarded_" .. from] = dialect:locked_guarded(t, from, limited)
      definition["versioned_guarded_" .. from] = t.version and dialect:versioned_guarded(t, from, limited)
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

-- The table as the dialect wants to know it.
local function describe_table(spec)
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
    has_twins = not spec.set and dialect:may_have_twins(host.connection, spec.table, spec.schema),
  }
  for name, column in pairs(by_name) do
    t.column_types[name] = column.type
  end
  if t.has_twins then
    t.row_bytes = false -- neither a piece nor a stream may end between two of them
  elseif not spec.set then
    t.row_bytes, t.value_bytes = dialect:row_bytes(host.connection, t)
  end
  return t, by_name
end

local function check_all(spec, by_name, key)
  check_set(spec, by_name, key)
  check_conditions(spec)
  try_conditions(spec)
end

--- The definition as core/backfill/definition.c reads it, the table as the dialect knows it, its columns by name.
--- `is_to_run`: whoever may not write is refused.
function backfill_definition.make(spec, name, is_to_run)
  local dialect = host.dialect
  local t, by_name = describe_table(spec)
  check_all(spec, by_name, t.key)
  spec.done = spec.done or spec.made_done
  local size = size_settings(spec)
  local limits = timeouts(name, size.target_ms)
  local definition = {
    name = name,
    form = spec.form,
    table_shown = dialect:table_name(spec.table, spec.schema),
    key = t.key,
    key_columns = json.encode(json.array(t.key)),
    key_types_json = json.encode(json.array(t.key_types)),
    key_transports = t.key_transports,
    bounded = spec.where ~= nil or spec.effects == "external" or t.has_twins,
    may_have_twins = t.has_twins,
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
    row_guard = spec.row and rows_of.guard(t, by_name),
    path = spec.file and spec.file.path,
    batch = spec.form == "batch" and batch_form.new_function(spec, t) or rows_of.new_batch(),
    writer = rows_of.new_writer(spec, t, by_name),
  }
  add_sql(definition, spec, t)
  if spec.set then
    try_update(spec, definition.update_first, t.key, is_to_run)
  end
  return definition, t, by_name
end

return backfill_definition
