-- backfill_batch.lua: the form `batch` of a backfill: what its function gets, and the rows of a range in memory.
-- Called by backfill_definition.lua and, for a sample, by backfill_sample.lua.
--
-- Rows that are read must fit into `max_bytes`, and nobody knows beforehand how many do. So the batch ends with the
-- last row that fits: batch.range and batch.count, which are made when they are first asked for, say so, and the engine
-- is told where to set the cursor. Where the script has seen one of them before it asked for the rows, it may have done
-- something to all of the range: then the batch is taken back, and done again with as many rows as fit.

local host = require("moonbird.host")
local key = require("moonbird.backfill_key")
local lists = require("moonbird.list")
local statement = require("moonbird.statement")

local backfill_batch = {}

local MAX_BYTES = 16 * 1024 * 1024 -- as core/backfill/definition.c has it

-- What a batch leaves behind is as large as it is: above this it goes before the next rows are read.
local GARBAGE_BYTES = 1024 * 1024
local bytes_before = 0

--- Bytes that the rows of a batch may have.
function backfill_batch.max_bytes()
  return host.backfill_defaults.max_bytes or MAX_BYTES
end

-- --- the rows ---

-- How many rows there are up to a key, wanted or not.
local function count_to(t, part, rows)
  if not t.where then
    return #rows
  end
  return host.connection:scalar(host.dialect:count_range(t, part.kind), part:values())
end

-- The pieces of a range, one behind the other, as connection:query_within gives a stream of its rows.
local function read_pieces(t, part)
  local all, bytes, values, kind, count = {}, 0, part.from, part.kind, part.count
  while true do
    local text, parameters = host.dialect:locked_piece(t, kind), lists.joined(values, part.to, { count })
    local rows, more, is_cut, types = host.connection:query_within(part.max_bytes - bytes, false, text, parameters)
    if #rows == 0 then
      return all, bytes, false
    elseif bytes >= part.max_bytes then
      return all, bytes, true, part.types
    end
    lists.add_all(all, rows)
    bytes, part.types = bytes + more, types
    if is_cut then
      return all, bytes, true, types
    end
    -- the next ones may be narrower
    values, kind, count = key.values(key.of_row(rows[#rows], t.key, types)), "after", 2 * #rows
  end
end

--- The rows of a range up to `part.max_bytes`, their bytes, whether that was not all of them, and the types of the last
--- one's columns. `part` has from, to (the values of the keys), kind and count (how many there may be).
function backfill_batch.read(t, part)
  if type(t.row_bytes) == "string" then
    return read_pieces(t, part)
  end
  local page, streams = host.dialect:page(t, part.kind, false, true), t.row_bytes == nil
  local max_bytes = t.row_bytes == false and math.huge or part.max_bytes -- no end between two rows of one key
  return host.connection:query_within(max_bytes, streams, page, lists.joined(part.from, part.to))
end

local function read_rows(t, part)
  if part.over then
    error("batch.rows is read while the function of its batch runs, not later", 3)
  end
  if bytes_before > GARBAGE_BYTES then
    collectgarbage()
  end
  local rows, bytes, is_cut, types = backfill_batch.read(t, part)
  bytes_before = bytes
  local to
  if is_cut then
    to = key.of_row(rows[#rows], t.key, types)
    part.to = key.values(to)
    part.count = count_to(t, part, rows)
  end
  part.report(bytes, part.count, to, is_cut and part.is_shown)
  if is_cut and part.is_shown then
    error("the rows of batch.range are too many to be read: the batch is done again with fewer", 3)
  end
  return rows
end

-- --- the batch ---

local row_methods = { insert = true, quarantine = true, copy = true, delete = true }

local fields = {
  rows = read_rows,
  range = function(t, part)
    part.is_shown = true
    return { predicate = host.dialect:range_predicate(t, part.kind), values = part:values(), kind = part.kind }
  end,
  count = function(_, part)
    part.is_shown = true
    return part.count
  end,
}

local function new_batch(t, part, id)
  return setmetatable({ id = id }, {
    __index = function(self, name)
      if row_methods[name] then
        error(("batch:%s is for the form `row`; a batch function has `db`"):format(name), 2)
      elseif not fields[name] then
        return nil
      end
      local value = fields[name](t, part)
      rawset(self, name, value)
      return value
    end,
  })
end

-- A part of the table: from a key, included if it is the first one, up to another one.
local function new_part(is_first, from, to, count, report, max_bytes)
  local part = {
    kind = is_first and "first" or "after",
    from = key.values(from),
    to = key.values(to),
    count = count,
    report = report,
    max_bytes = max_bytes,
  }
  function part:values()
    return lists.joined(self.from, self.to)
  end
  return part
end

local function run(spec, t, part, id, seed)
  math.randomseed(seed)
  statement.enter_batch()
  local ok, problem = xpcall(spec.batch, host.error_object, new_batch(t, part, id))
  statement.leave_batch()
  part.over = true
  if not ok then
    error(problem, 0)
  end
end

--- What the engine calls for a batch: the key to begin with (and whether it is included), the last one, rows between
--- them, batch.id, a seed for math.random(), a function(bytes, count, to, again) that is told of the rows when they are
--- read (their bytes; rows of the range; its last key where it ends earlier; whether the batch is to be taken back and
--- done again with so many rows), and whether the rows shall only be read. The script's statements are none of the
--- journal's.
function backfill_batch.new_function(spec, t)
  return function(is_first, from, to, count, id, seed, report, only_reads)
    local is_fixed = spec.effects == "external" and not only_reads
    local max_bytes = is_fixed and math.huge or backfill_batch.max_bytes()
    local part = new_part(is_first, from, to, count, report, max_bytes)
    if only_reads then
      read_rows(t, part)
    else
      run(spec, t, part, id, seed)
    end
  end
end

return backfill_batch
