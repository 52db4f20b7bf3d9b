-- backfill_sample.lua: some batches of a named backfill at keys far apart, done and taken back, for `moonbird backfill
-- plan NAME --sample N`; or only read, for a plan without. What the engine does in C for speed is done here in Lua, so
-- a sample is a little slower than the run. Every batch is a transaction that ends with ROLLBACK. Called by
-- backfill_plan.lua.

local batch_form = require("moonbird.backfill_batch")
local host = require("moonbird.host")
local json = require("moonbird.json")
local key = require("moonbird.backfill_key")
local lists = require("moonbird.list")

local sample = {}

local SHOWN_ROWS = 2

-- Parameters of every statement over a range.
local function range(from, to)
  return lists.joined(key.values(from), key.values(to))
end

-- --- where the samples are ---

-- The key so many rows after `from`, or nil where there are not so many.
local function hop(definition, t, from, last, count)
  return key.find(definition.hop_first, lists.joined(range(from, last), { count - 1 }), t.key)
end

-- A fraction of the way from the first to the last key: by the number where the key is one, else so many rows on, which
-- costs a walk along the index.
local function key_at(definition, t, first, last, fraction)
  local low, high = key.values(first), key.values(last)
  if #low == 1 and math.type(low[1]) == "integer" and math.type(high[1]) == "integer" then
    local number = low[1] + math.floor((high[1] - low[1]) * fraction)
    return hop(definition, t, json.encode(json.array({ number })), last, 1)
  end
  local rows = math.floor((definition.estimate or 0) * fraction)
  return hop(definition, t, first, last, math.min(rows, 100000) + 1)
end

--- Up to `count` keys between `first` and `last`, far apart.
function sample.keys(definition, t, first, last, count)
  local list, seen = {}, {}
  for index = 0, count - 1 do
    local from = key_at(definition, t, first, last, index / count)
    if from and not seen[from] then
      seen[from] = true
      list[#list + 1] = from
    end
  end
  return list
end

-- --- the forms ---

-- A statement of the dialect that writes many rows (`single`: one); a list of values for each column. Gives nothing.
local function write_rows(statement, columns)
  if statement.bind == "arrays" then
    local values = {}
    for index, column in ipairs(columns) do
      values[index] = host.dialect:array_text(column, statement.transports[index])
    end
    host.connection:exec(statement.sql, values)
    return
  end
  for row = 1, #columns[1] do
    local values = {}
    for index, column in ipairs(columns) do
      values[index] = column[row]
    end
    host.connection:exec(statement.single or statement.sql, values)
  end
end

-- Rows that name the same columns are written together.
local function group_of(groups, kind, names, place, schema)
  local name = table.concat({ kind, place or "", schema or "", table.concat(names, "\0") }, "\1")
  if not groups[name] then
    groups[name] = { kind = kind, names = names, table = place, schema = schema, columns = {} }
    groups[#groups + 1] = groups[name]
  end
  return groups[name]
end

local function sorted_names(row)
  local names = {}
  for name in pairs(row) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

local function add_values(group, values)
  for index, value in ipairs(values) do
    group.columns[index] = group.columns[index] or {}
    table.insert(group.columns[index], value)
  end
end

local function values_of(row, names)
  local values = {}
  for index, name in ipairs(names) do
    local value = row[name]
    values[index] = value == nil and host.null or value
  end
  return values
end

local DELETE = {}

-- The second argument of row(), as the engine gives it.
local function new_batch(groups, id)
  local batch = { delete = DELETE, id = id }
  function batch.copy(_, row)
    local copy = {}
    for name, value in pairs(row) do
      copy[name] = value
    end
    return copy
  end
  function batch.insert(_, place, row, schema)
    local names = sorted_names(row)
    add_values(group_of(groups, "insert", names, place, schema), values_of(row, names))
  end
  function batch.quarantine()
    batch.put_aside = true
  end
  return batch
end

local function take(groups, t, row, result)
  local values = {}
  for index, name in ipairs(t.key) do
    values[index] = row[name]
  end
  if result == DELETE then
    add_values(group_of(groups, "delete", {}), values)
  elseif type(result) == "table" and next(result) ~= nil then
    local names = sorted_names(result)
    add_values(group_of(groups, "update", names), lists.joined(values, values_of(result, names)))
  end
end

-- Calls row() for each row and writes what it gave; errors of rows are counted.
local function run_rows(definition, spec, t, rows)
  local groups, bad, problem = {}, 0, nil
  for _, row in ipairs(rows) do
    local batch = new_batch(groups, "sample")
    local ok, result = pcall(spec.row, setmetatable(row, definition.row_guard), batch)
    if ok and not batch.put_aside then
      take(groups, t, row, result)
    else
      bad = bad + 1
      problem = problem or not ok and tostring(result) or nil
    end
  end
  for _, group in ipairs(groups) do
    write_rows(definition.writer(group.kind, group.names, group.table, group.schema), group.columns)
  end
  return bad, problem
end

-- Nil and a number: again, with so many rows, as more of them do not fit into a batch.
local function run_batch(definition, t, from, to)
  local count = host.connection:scalar(host.dialect:count_range(t, "first"), range(from, to))
  local done, fitting = count, nil
  local ok, problem = pcall(definition.batch, true, from, to, count, "sample", 0, function(_, rows, _, again)
    done, fitting = rows, again and rows or nil
  end)
  if fitting then
    return nil, fitting
  elseif not ok then
    error(problem, 0)
  end
  return done, 0
end

-- How many rows, how many of them are bad, and why the first one is.
local function run_form(definition, spec, t, from, to, size)
  if spec.set then
    return host.connection:exec(definition.update_first, range(from, to)), 0
  elseif spec.batch then
    return run_batch(definition, t, from, to)
  end
  local part = { kind = "first", from = key.values(from), to = key.values(to), count = size }
  part.max_bytes = batch_form.max_bytes()
  local rows = batch_form.read(t, part)
  return #rows, run_rows(definition, spec, t, rows)
end

-- --- one batch ---

-- Rows as people and JSON can read them: bytes by their digits.
local function readable(rows)
  for _, row in ipairs(rows) do
    for name, value in pairs(row) do
      row[name] = type(value) == "string" and not utf8.len(value) and "\\x" .. key.to_hex(value) or value
    end
  end
  return json.array(rows)
end

local function rows_at(t, from, to)
  local shown = { table = t.table, schema = t.schema, key = t.key, columns = t.shown }
  local text = host.dialect:page(shown, "first", true, false)
  return readable(host.connection:query(text, lists.joined(range(from, to), { SHOWN_ROWS })))
end

-- Nil and a number as run_form.
local function one(definition, spec, t, from, last, size)
  local to = hop(definition, t, from, last, size) or last
  local entry = { from = json.decode(from), before = rows_at(t, from, to) }
  local begun_s = host.monotonic()
  local rows, bad, problem = run_form(definition, spec, t, from, to, size)
  if not rows then
    return nil, bad
  end
  entry.ms = 1000 * (host.monotonic() - begun_s)
  entry.rows, entry.bad, entry.problem = rows, bad, problem
  entry.after = rows_at(t, from, to)
  return entry
end

local function one_taken_back(definition, spec, t, from, last)
  local entry, fitting
  local size = definition.size_fixed or definition.size_start or 1000
  repeat
    host.connection:exec((definition.begin:gsub("{worker}", "sample")))
    local ok
    ok, entry, fitting = pcall(one, definition, spec, t, from, last, size)
    host.connection:exec("ROLLBACK")
    if not ok then
      error(entry, 0)
    end
    size = fitting
  until entry
  return entry
end

--- So many batches between the keys `first` and `last`: a list of { from, rows, bad, problem, ms, before,
--- after }.
function sample.run(definition, spec, t, first, last, count)
  local list = {}
  for index, from in ipairs(sample.keys(definition, t, first, last, count)) do
    list[index] = one_taken_back(definition, spec, t, from, last)
  end
  return list
end

-- The rows of one batch, as far as they fit into memory at once.
local function read_one(definition, t, from, last)
  local page = host.dialect:page(t, "first", false, false)
  local begun_s = host.monotonic()
  local to = hop(definition, t, from, last, definition.size_fixed or definition.size_start or 1000) or last
  local rows, _, is_cut, types = host.connection:query_within(batch_form.max_bytes(), false, page, range(from, to))
  local ms = 1000 * (host.monotonic() - begun_s)
  if is_cut then
    to = key.of_row(rows[#rows], t.key, types)
  end
  return { rows = host.connection:scalar(host.dialect:count_range(t, "first"), range(from, to)), ms = ms }
end

--- Reads so many batches and does nothing with them: a list of { rows, ms }, where `rows` counts all of the range.
function sample.read(definition, t, first, last, count)
  local list = {}
  for index, from in ipairs(sample.keys(definition, t, first, last, count)) do
    list[index] = read_one(definition, t, from, last)
  end
  return list
end

return sample
