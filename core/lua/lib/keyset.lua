-- The SQL of batched backfills in its standard form: keyset ranges over the columns of a unique key. Methods of the
-- base dialect (dialect.lua takes them in); a driver's dialect overrides key_parameter, differs and what writes rows.
--
-- `t` describes the table: { table =, schema =, key = { "id" }, key_types = { "bigint" }, columns = { to read besides
-- the key }, where = text or nil, column_types = { name = type } or nil }. All statements use `?`.

local sql = require("moonbird.sql")

local keyset = {}

-- The words for "is not the same as", NULL being a value like any other.
keyset.distinct_words = "IS DISTINCT FROM"
keyset.same_words = "IS NOT DISTINCT FROM"

-- The placeholder of the key's column number `index`; a cast where the planner needs it.
function keyset.key_parameter()
  return "?"
end

local function parameters(self, t)
  local list = {}
  for index in ipairs(t.key) do
    list[index] = self:key_parameter(t, index)
  end
  return table.concat(list, ", ")
end

-- "id > ?", "(a, b) > (?, ?)"
local function compare(self, t, operator)
  if #t.key == 1 then
    return ("%s %s %s"):format(self:ident(t.key[1]), operator, parameters(self, t))
  end
  return ("(%s) %s (%s)"):format(self:ident_list(t.key), operator, parameters(self, t))
end

local function order(self, t, direction)
  local list = {}
  for index, name in ipairs(t.key) do
    list[index] = self:ident(name) .. direction
  end
  return table.concat(list, ", ")
end

local function end_key(self, t, direction)
  return ("SELECT %s FROM %s ORDER BY %s LIMIT 1"):format(
    self:ident_list(t.key),
    self:table_name(t.table, t.schema),
    order(self, t, direction)
  )
end

function keyset:first_key(t)
  return end_key(self, t, "")
end

function keyset:last_key(t)
  return end_key(self, t, " DESC")
end

-- from = "first": from this key on; "after": beyond it. Params: from-key, high-key.
function keyset:range_predicate(t, from)
  if from ~= "first" and from ~= "after" then
    error(('range_predicate: from must be "first" or "after", got %s'):format(tostring(from)), 2)
  end
  return compare(self, t, from == "first" and ">=" or ">") .. " AND " .. compare(self, t, "<=")
end

-- The key of the n-th row. Params: from-key, high-key, n - 1.
function keyset:hop(t, from)
  return ("SELECT %s FROM %s WHERE %s ORDER BY %s LIMIT 1 OFFSET ?"):format(
    self:ident_list(t.key),
    self:table_name(t.table, t.schema),
    self:range_predicate(t, from),
    order(self, t, "")
  )
end

-- The range, and the rows in it that are wanted.
local function wanted(self, t, from)
  local text = self:range_predicate(t, from)
  if t.where == nil then
    return text
  end
  return text .. " AND " .. self:condition(self:verbatim(sql.text(t.where)))
end

function keyset.lock_words()
  return ""
end

-- How many rows a range has, wanted or not. Params: from-key, high-key.
function keyset:count_range(t, from)
  return ("SELECT count(*) FROM %s WHERE %s"):format(self:table_name(t.table, t.schema), self:range_predicate(t, from))
end

-- Asks the database whether it understands a condition on the table's rows; reads none.
function keyset:try_condition(t, condition)
  local text = self:condition(self:verbatim(sql.text(condition)))
  return ("SELECT 1 FROM %s WHERE (%s) IS NOT TRUE LIMIT 0"):format(self:table_name(t.table, t.schema), text)
end

-- How many rows of a range are wanted and not done: `done` is SQL that holds for those that are. Params: from-key,
-- high-key.
function keyset:count_undone(t, from, done)
  local text = self:condition(self:verbatim(sql.text(done)))
  return ("SELECT count(*) FROM %s WHERE %s AND (%s) IS NOT TRUE"):format(
    self:table_name(t.table, t.schema),
    wanted(self, t, from),
    text
  )
end

-- The wanted rows of a range in the order of the key: its columns, and 1 where the row is not done, else 0. Parameters
-- as before.
function keyset:mark_undone(t, from, done)
  local text = self:condition(self:verbatim(sql.text(done)))
  return ("SELECT %s, CASE WHEN (%s) IS NOT TRUE THEN 1 ELSE 0 END FROM %s WHERE %s ORDER BY %s"):format(
    self:ident_list(t.key),
    text,
    self:table_name(t.table, t.schema),
    wanted(self, t, from),
    order(self, t, "")
  )
end

-- SQL that lists the transactions, other than our own, that hold a write lock on the table: an id that no later one
-- has, and words for people. Nil where writers exclude each other, or cannot be known.
function keyset.writers()
  return nil
end

local function select_page(self, t, list, from, limited, lock)
  return ("SELECT %s FROM %s WHERE %s ORDER BY %s%s%s"):format(
    list,
    self:table_name(t.table, t.schema),
    wanted(self, t, from),
    order(self, t, ""),
    limited and " LIMIT ?" or "",
    lock and self:lock_words() or ""
  )
end

-- The key's columns, then others.
local function columns_of(t, columns)
  return table.move(columns or {}, 1, columns and #columns or 0, #t.key + 1, { table.unpack(t.key) })
end

-- Params: from-key, high-key, then the limit if `limited`.
function keyset:page(t, from, limited, lock)
  return select_page(self, t, self:ident_list(columns_of(t, t.columns)), from, limited, lock)
end

-- Columns that say which version of a row one has seen: a list of names, or nil where rows must be locked to be sure of
-- them. With them update_rows and delete_rows take a further argument: then the version comes behind the key, and a
-- row that has another one by now is left alone.
function keyset.row_version()
  return nil
end

-- May two rows have the same key, although it is unique? So it is where other tables inherit from this one.
function keyset.may_have_twins()
  return false
end

-- The role that we are, where the database hides rows of the table from it; else nil.
function keyset.hidden_from()
  return nil
end

-- How wide a row of what `t` reads is: SQL for its bytes, which need not read the values themselves, and the same for
-- each value that may be wide, by its column; a number, where no row is wider; nil, where only reading tells: then
-- pages come as a stream, a little at a time.
function keyset.row_bytes()
  return nil
end

local PIECE_BYTES = 1024 * 1024
local GUARDED_BYTES, GUARDED_COLUMNS = 256, 4

-- A limited page without the rows behind the one that makes PIECE_BYTES full; for a dialect whose row_bytes are SQL.
-- One walk along the index gives the rows and the bytes before each. `columns`: those of the page besides the key.
-- Params: those of the page.
local function piece(self, t, page, columns)
  local names, keys = columns_of(t, columns), order(self, t, "")
  local frame = ("(ORDER BY %s ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"):format(keys)
  local sums = ("SELECT *, sum(%s) OVER %s AS moonbird_before FROM (%s) AS p"):format(t.row_bytes, frame, page)
  return ("SELECT %s FROM (%s) AS q WHERE (moonbird_before >= %d) IS NOT TRUE ORDER BY %s"):format(
    self:ident_list(names),
    sums,
    PIECE_BYTES,
    keys
  )
end

-- A page of a table whose rows are thought to be narrow, which costs less than a piece: a value that may be wide comes
-- only where it is narrow, and a last column is true in a row where one did not come. There the page ends, and pieces
-- go on. Nil where so many values may be wide that many narrow ones are a wide row. Parameters as for page.
local function guarded(self, t, columns, from, limited, lock)
  local list, are_wide, count = {}, {}, 0
  for _ in pairs(t.value_bytes) do
    count = count + 1
  end
  for index, name in ipairs(columns_of(t, columns)) do
    local shown, bytes = self:ident(name), t.value_bytes[name]
    if bytes then
      are_wide[#are_wide + 1] = ("%s >= %d"):format(bytes, GUARDED_BYTES // count)
    end
    local is_kept = not bytes or index <= #t.key
    list[index] = is_kept and shown
      or ("CASE WHEN %s < %d THEN %s END AS %s"):format(bytes, GUARDED_BYTES // count, shown, shown)
  end
  list[#list + 1] = ("CASE WHEN %s THEN true END"):format(table.concat(are_wide, " OR "))
  return count <= GUARDED_COLUMNS and select_page(self, t, table.concat(list, ", "), from, limited, lock) or nil
end

-- What is read besides the key where rows have a version, which comes last.
local function versioned_columns(t)
  local columns = { table.unpack(t.columns or {}) }
  return table.move(t.version, 1, #t.version, #columns + 1, columns)
end

-- The page without a lock, and behind its columns those of `t.version`. Parameters as for page.
function keyset:versioned_page(t, from, limited)
  return self:page(setmetatable({ columns = versioned_columns(t) }, { __index = t }), from, limited, false)
end

-- The pieces of both.
function keyset:locked_piece(t, from)
  return piece(self, t, self:page(t, from, true, true), t.columns or {})
end

function keyset:versioned_piece(t, from)
  return piece(self, t, self:versioned_page(t, from, true), versioned_columns(t))
end

-- The same rows where they are thought to be narrow.
function keyset:locked_guarded(t, from, limited)
  return guarded(self, t, t.columns, from, limited, true)
end

function keyset:versioned_guarded(t, from, limited)
  return guarded(self, t, versioned_columns(t), from, limited, false)
end

local function value_text(self, value)
  local text = self:verbatim(self:literal(value))
  return sql.is(value) and self:condition(text) or text
end

-- Is the column something else than what it is to become?
function keyset:differs(_, name, text)
  return ("%s %s %s"):format(self:ident(name), self.distinct_words, text)
end

-- set = { column = value or sql "..." }. Only rows that differ are written: gives the assignments, and their condition.
local function assignments_of(self, t, set)
  local names = {}
  for name in pairs(set) do
    names[#names + 1] = name
  end
  table.sort(names)
  local assignments, differences = {}, {}
  for index, name in ipairs(names) do
    local text = value_text(self, set[name])
    assignments[index] = self:ident(name) .. " = " .. text
    differences[index] = self:differs(t, name, text)
  end
  return table.concat(assignments, ", "), "(" .. table.concat(differences, " OR ") .. ")"
end

local function update_text(self, t, set, condition)
  local assignments, differences = assignments_of(self, t, set)
  return ("UPDATE %s SET %s WHERE %s%s"):format(
    self:table_name(t.table, t.schema),
    assignments,
    condition and condition .. " AND " or "",
    differences
  )
end

-- How many rows of a range row() will be given, or `set` (or nil) will write. Params: from-key, high-key.
function keyset:count_work(t, from, set)
  local text = wanted(self, t, from)
  if set then
    local _, differences = assignments_of(self, t, set)
    text = text .. " AND " .. differences
  end
  return ("SELECT count(*) FROM %s WHERE %s"):format(self:table_name(t.table, t.schema), text)
end

-- Params: from-key, high-key.
function keyset:update_range(t, set, from)
  return update_text(self, t, set, wanted(self, t, from))
end

-- The same for a script that nobody watches (--sql): SQL text without parameters, and whether it commits batches of
-- `size` rows by itself, so that it must stand outside of a transaction. A database whose shell has no loops does all
-- in one statement; one that can batch sets update_needs_key. `t.column_kinds`: kinds of types, where they are known.
function keyset:update_script(t, set)
  local text = update_text(self, t, set, t.where and self:condition(self:verbatim(sql.text(t.where))))
  return sql.fill(text, {}), false
end

-- What locks the rows of a SELECT: of the table called `name` in a join; `skip` passes over rows that are locked.
function keyset.claim()
  return ""
end

-- The database's clock at this moment, in the middle of a transaction too, and so many seconds (a parameter) after it.
function keyset.clock()
  return "CURRENT_TIMESTAMP"
end

function keyset.later()
  return "CURRENT_TIMESTAMP + CAST(? AS INTEGER) * INTERVAL '1' SECOND"
end

function keyset.batch_sync()
  return nil
end

-- What of a statement would outlive the transaction of its batch, or end it, and why not; nil where nothing does. For
-- what the first word does not tell: that is looked at before, by `reason_of`, a function that takes a statement, gives
-- the same, and may be asked of a statement inside of this one.
function keyset.outlives_batch()
  return nil
end

return keyset
