-- The operations that scripts call. Each is a row (op/*.lua): its arguments, its options and what a person calls it; a
-- call is checked, rendered by the dialect of the connection and handed to statement.perform. A new operation is one
-- more row there and one render method in dialect/. Nothing here writes SQL.
--
-- A row: arguments and options (see check.call), summary(operation), and where it is wanted
--   gather(args, at)      makes one list of the arguments from number `at` on, that of the last argument
--   prepare(operation)    settles fields; returns a complaint
--   result(operation, affected)   what the script gets
--   in_batch, batch_options       it is a method of op.batch_alter_table's batch, with further options
-- An operation is a flat table: kind, and the arguments and options by their names.
--
-- From moonbird.statement it needs dialect() (of the connection that the script runs on) and perform(kind, summary,
-- statements, operation).

local check = require("moonbird.check")
local naming = require("moonbird.naming")
local sql = require("moonbird.sql")
local statement = require("moonbird.statement")
local words = require("moonbird.op.words")

local op = {}

local rows = {}

for _, group in ipairs({ "tables", "columns", "indexes", "constraints", "rows", "objects" }) do
  for kind, row in pairs(require("moonbird.op." .. group)) do
    row.signature = { name = "op." .. kind, kind = kind, arguments = row.arguments, options = row.options }
    rows[kind] = row
  end
end

-- --- the machinery ---

local function settle(row, signature, operation)
  local problem = row.prepare and row.prepare(operation)
  if problem then
    return nil, signature.name .. ": " .. problem
  end
  return operation
end

-- The operation that a call asks for, or nil and the complaint.
local function build(row, signature, args, dialect)
  if row.gather then
    args = row.gather(args, #signature.arguments)
  end
  local operation, problem = check.call(signature, args, dialect)
  if not operation then
    return nil, problem
  end
  return settle(row, signature, operation)
end

-- Renders for the dialect of the connection; what the dialect refuses comes back as the second value.
local function render(dialect, operation)
  local done, result = pcall(dialect.render, dialect, operation)
  if done then
    return result
  elseif check.is_refusal(result) then
    return nil, ("op.%s: %s"):format(operation.kind, result.message)
  end
  error(result, 0)
end

-- What the script gets from the call, or nil and the complaint, that of building the operation included. The caller
-- raises it at the line of the script.
local function perform(row, operation, problem)
  if not operation then
    return nil, problem
  end
  operation.naming_convention = operation.naming_convention or naming.convention()
  local statements
  statements, problem = render(statement.dialect(), operation)
  if not statements then
    return nil, problem
  end
  local affected = 0
  if #statements > 0 then
    local shown = operation.kind .. " " .. row.summary(operation)
    affected = statement.perform(operation.kind, shown, statements, operation)
  end
  return row.result and row.result(operation, affected)
end

for kind, row in pairs(rows) do
  op[kind] = function(...)
    if rawequal((...), op) then
      error(("op.%s: it is called with a dot, op.%s(...)"):format(kind, kind), 2)
    end
    local result, problem = perform(row, build(row, row.signature, table.pack(...), statement.dialect()))
    if problem then
      error(problem, 2)
    end
    return result
  end
end

local function describe_no_operation(value)
  if not check.is_plain_table(value) then
    return check.describe(value)
  elseif type(value.kind) ~= "string" then
    return "a table whose kind is " .. check.describe(value.kind)
  end
  local near = check.nearest(value.kind, check.sorted_keys(rows))
  return ('the kind "%s"%s'):format(value.kind, near and ('; did you mean "%s"?'):format(near) or "")
end

--- Performs an operation that is given as data: { kind = "drop_table", table = "a" }.
function op.invoke(operation)
  local row = check.is_plain_table(operation) and rows[operation.kind]
  if not row then
    local got = describe_no_operation(operation)
    error("op.invoke: argument 1 must be an operation ({ kind = ..., ... }), got " .. got, 2)
  end
  local checked, problem = check.operation(row.signature, operation, statement.dialect())
  if checked then
    checked, problem = settle(row, row.signature, checked)
  end
  local result
  result, problem = perform(row, checked, problem)
  if problem then
    error(problem, 2)
  end
  return result
end

op.f = naming.final

--- A value as the dialect writes it, to be put together with other SQL.
function op.inline_literal(value)
  local done, text = pcall(statement.dialect().literal, statement.dialect(), value)
  if not done then
    error("op.inline_literal: " .. tostring(text), 2)
  end
  return sql.new(text)
end

-- --- batch ---

local function without_table(arguments)
  local list = {}
  for _, argument in ipairs(arguments) do
    list[#list + 1] = argument[1] ~= "table" and argument or nil
  end
  return list
end

local function batch_signature(kind, row)
  local options = {}
  for name, value in pairs(row.options or {}) do
    options[name] = name ~= "schema" and value or nil
  end
  for name, value in pairs(row.batch_options or {}) do
    options[name] = value
  end
  return {
    name = "batch." .. kind,
    kind = kind,
    arguments = without_table(row.arguments),
    options = next(options) and options,
  }
end

for kind, row in pairs(rows) do
  row.batch_signature = row.in_batch and batch_signature(kind, row)
end

-- A method takes down what it is asked for. It may be called with a dot or with a colon.
local function recorder(batch, kind, row, into)
  return function(...)
    local args = table.pack(...)
    if rawequal(args[1], batch) then
      args = table.pack(select(2, ...))
    end
    local operation, problem = build(row, row.batch_signature, args, statement.dialect())
    if not operation then
      error(problem, 2)
    end
    operation.line = debug.getinfo(2, "l").currentline
    if kind ~= "execute" then
      operation.table, operation.schema = into.table, into.schema
      operation.naming_convention = into.naming_convention
    end
    into.operations[#into.operations + 1] = operation
  end
end

local function new_batch(into)
  local batch = { f = op.f, inline_literal = op.inline_literal }
  for kind, row in pairs(rows) do
    batch[kind] = row.in_batch and recorder(batch, kind, row, into) or nil
  end
  return setmetatable(batch, {
    __index = function(_, name)
      local near = check.nearest(tostring(name), check.sorted_keys(batch))
      local hint = near and ("; did you mean batch.%s?"):format(near) or ""
      error(("batch.%s: no such operation in a batch%s"):format(tostring(name), hint), 2)
    end,
  })
end

-- table_kwargs are options of op.create_table; those of the database at hand may stand without its name.
local function problem_of_table_options(given)
  local dialect, options = statement.dialect(), {}
  for _, from in ipairs({ dialect.options and dialect.options.create_table or {}, rows.create_table.options }) do
    for name, kind in pairs(from) do
      options[name] = kind
    end
  end
  local signature = { name = "table_kwargs", kind = "create_table", arguments = {}, options = options }
  return select(2, check.call(signature, { n = 1, given }, dialect))
end

local batch_row = {
  arguments = { { "table", "name" }, { "change", "function" } },
  options = {
    schema = "name",
    recreate = "recreate",
    copy_from = "definition",
    table_args = "items",
    table_kwargs = "table",
    reflect_args = "items",
    reflect_kwargs = "any",
    naming_convention = "convention",
    partial_reordering = "orders",
  },
  summary = words.change_count,
  prepare = function(operation)
    return operation.naming_convention and naming.problem_of(operation.naming_convention)
      or problem_of_table_options(operation.table_kwargs)
  end,
}
batch_row.signature = {
  name = "op.batch_alter_table",
  kind = "batch_alter_table",
  arguments = batch_row.arguments,
  options = batch_row.options,
}

--- Changes of one table together: op.batch_alter_table("people", function(batch) batch.drop_column("a") end). A
--- database that must rebuild the table for them does it once.
function op.batch_alter_table(...)
  local operation, problem = build(batch_row, batch_row.signature, table.pack(...), statement.dialect())
  if not operation then
    error(problem, 2)
  end
  operation.operations = {}
  operation.naming_convention = operation.naming_convention or naming.convention()
  operation.change(new_batch(operation))
  operation.change = nil
  problem = select(2, perform(batch_row, operation))
  if problem then
    error(problem, 2)
  end
end

return op
