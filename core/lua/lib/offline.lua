-- offline.lua: what stands for the connection when a run is written as a script (--sql). Statements go to the script,
-- with literals for their parameters (core/run/offline.c); what would need an answer is refused. Beside that it
-- remembers what the scripts have said of tables, because there is no catalog to ask.

local followed = require("moonbird.followed")
local host = require("moonbird.host")
local sql = require("moonbird.sql")

local offline = {}

local GUARD = "put what asks the database into `if not context.offline then ... end`, or run it online"

-- --- values ---

local function literal(value, name)
  local kind = type(value)
  local is_value = kind == "string" or kind == "number" or kind == "boolean" or sql.is_blob(value)
  if not is_value and not sql.is_null(value) then
    error(("parameter %s is a %s, which has no SQL form"):format(name, kind), 0)
  end
  local ok, text = pcall(host.dialect.parameter_literal, host.dialect, value)
  if not ok then
    error(("parameter %s: %s"):format(name, tostring(text)), 0)
  end
  return text
end

local function named_literals(names, params)
  local texts = {}
  for index, name in ipairs(names) do
    if params[name] == nil then
      error(
        ("the SQL has a parameter :%s, but the table has no such field (use null for SQL NULL)"):format(name),
        0
      )
    end
    texts[index] = literal(params[name], name)
  end
  return texts
end

local function listed_literals(params)
  local texts = {}
  for index = 1, #params do
    texts[index] = literal(params[index], index)
  end
  return texts
end

-- A table without entries of a list is one of names, as for a connection.
local function fill(text, params)
  if #params == 0 then
    local pieces, names = host.sql_pieces(text, true)
    return sql.join(pieces, named_literals(names, params))
  end
  local filled, wanted = sql.fill(text, listed_literals(params))
  if not filled then
    error(("the SQL has %d placeholders, but %d values were given"):format(wanted, #params), 0)
  end
  return filled
end

-- --- the connection ---

local connection = {}
offline.connection = connection

--- Writes a statement. Nobody knows how many rows it will change.
function connection:exec(text, ...)
  local params = sql.parameters(...)
  text = params and fill(text, params) or text
  host.script_add(text)
  followed.note(text)
  return 0
end

for _, method in ipairs({ "query", "rows", "one", "scalar" }) do
  connection[method] = function()
    host.script_refuse(
      ("db:%s asks the database, and a script with queries cannot be written as SQL"):format(method),
      GUARD
    )
  end
end

-- --- statements ---

--- The statements without those that clear away what an earlier, broken run has left: a script has had none.
function offline.written(items)
  local written = {}
  for _, item in ipairs(items) do
    written[#written + 1] = (type(item) == "string" or not item.clears) and item or nil
  end
  return written
end

--- Throws for a statement that depends on what is in the database.
function offline.check(shown, item)
  if type(item) == "table" and item.when and followed.wants(item.when) == nil then
    host.script_refuse(
      shown .. " does something only if the database wants it, and the script has not made the table",
      "leave if_exists or if_not_exists away, or run it online"
    )
  end
end

-- What is done as a whole online, too, where the revision has no transaction. Without `items`: a db:transaction.
local function needs_transaction(items)
  if host.in_transaction() then
    return false
  elseif not items then
    return true
  end
  for _, item in ipairs(items) do
    if host.dialect:outside_transaction(type(item) == "string" and item or item.text or item[1]) then
      return false
    end
  end
  return #items > 1 or items[1].rebuild ~= nil or (type(items[1]) == "string" and items[1]:find(";%s*%S") ~= nil)
end

--- Writes what one call of a script does; `body` executes it on the connection above.
function offline.pass(body, items)
  if not needs_transaction(items) then
    return body()
  end
  host.begin()
  local ok, result = pcall(body)
  if not ok then
    host.rollback()
    error(result, 0)
  end
  host.script_commit()
  return result
end

-- --- what is known of tables ---

local tables = {}

local function place(operation, name)
  return (operation.schema or "") .. "\0" .. (name or operation.table)
end

local notes = {}

function notes.create_table(operation)
  local known = { types = {} }
  local primary = host.dialect:primary_of(operation.items, operation)
  known.key = primary and primary.columns
  for _, item in ipairs(operation.items) do
    if item.kind == "column" then
      known.types[item.name] = item.type.kind
    end
  end
  tables[place(operation)] = known
end

function notes.drop_table(operation)
  tables[place(operation)] = nil
end

function notes.rename_table(operation)
  local from = place(operation)
  tables[place(operation, operation.new_name)], tables[from] = tables[from], nil
end

function notes.add_column(operation)
  local known = tables[place(operation)] or { types = {} }
  known.types[operation.column.name] = operation.column.type.kind
  tables[place(operation)] = known
end

--- Takes down an operation of op.*.
function offline.note(operation)
  local take = operation and notes[operation.kind]
  if take then
    take(operation)
  end
end

-- --- backfills ---

local BATCH = 10000 -- nobody measures how long a batch takes

local function key_of(spec, known)
  local key = spec.key or known and known.key
  if host.dialect.update_needs_key and not key then
    host.script_refuse(
      ("op.backfill of %s: its key is not known without a connection"):format(spec.table),
      "give it `key`, the columns of a unique key that are NOT NULL"
    )
  end
  for _, name in ipairs(key or {}) do
    if spec.set[name] ~= nil then
      error(("op.backfill: set must not change the key column %s"):format(name), 0)
    end
  end
  return key
end

local function batch_size(spec)
  local given, defaults = spec.size or {}, host.backfill_defaults
  local size = given.fixed or not spec.size and defaults.size or given.start or defaults.start or BATCH
  return math.tointeger(size) or BATCH
end

--- Writes a backfill of the form `set`, which is SQL; any other one is a program.
function offline.backfill(spec, shown)
  if not spec.set then
    host.script_refuse(
      shown .. " is a program in Lua and cannot be written as SQL",
      spec.recipe and "run it online; or say it with op.execute where context.offline is true"
        or "write it with `set`, guard it with `if not context.offline`, or run it online"
    )
  end
  local known = tables[place(spec)]
  local key = key_of(spec, known)
  local t = { table = spec.table, schema = spec.schema, key = key, where = spec.where }
  t.column_kinds = known and known.types or {}
  local size = batch_size(spec)
  local text, is_batched = host.dialect:update_script(t, spec.set, size)
  local had_transaction = host.in_transaction()
  if is_batched and had_transaction then
    host.script_commit()
  end
  local how = is_batched and ("in batches of %d rows, outside of a transaction"):format(size) or "in one statement"
  host.script_add(("-- %s, %s\n%s"):format(shown:gsub("%c", " "), how, text))
  if is_batched and had_transaction then
    host.begin()
  end
  return 0
end

return offline
