-- changes.lua: applies the changes of alter.lua to what is known of a table, before rebuild.lua makes it anew. Each
-- either edits `work` or refuses (check.refuse) and says why. Asks no database.
--
-- work = { dialect, table, schema, tree, indexes = { { name, text } }, references = { { table, column } } of other
-- tables to this one, affected = { column = true }, new_keys = { foreign keys that must be checked }, convention }

local check = require("moonbird.check")
local create_index = require("sqlite.create_index")
local edit_table = require("sqlite.edit_table")
local find_constraint = require("sqlite.find_constraint")
local sql = require("moonbird.sql")
local tokens = require("sqlite.tokens")

local changes = {}

local same_name, mentions = tokens.same_name, edit_table.mentions

local function column_of(work, name)
  local column, index = edit_table.column(work.tree, name)
  if not column then
    check.refuse("the table %s has no column %s", work.table, name)
  end
  return column, index
end

local function holds(names, wanted)
  for _, name in ipairs(names or {}) do
    if same_name(name, wanted) then
      return true
    end
  end
  return false
end

-- The primary key: the element or piece, the column for a piece, and its number.
local function primary_of(tree)
  for index, element in ipairs(tree.elements) do
    if element.kind == "primary_key" then
      return element, nil, index
    elseif element.kind == "column" then
      local piece, number = edit_table.piece(element, "primary_key")
      if piece then
        return piece, element, number
      end
    end
  end
end

changes.primary_of = primary_of

-- --- places among the columns ---

local function place_for(work, operation)
  local name = operation.insert_before or operation.insert_after
  if not name then
    return nil
  end
  local _, index = column_of(work, name)
  return operation.insert_before and index or index + 1
end

local function move_column(work, operation)
  local to = place_for(work, operation)
  if to then
    local _, from = column_of(work, operation.column)
    edit_table.move(work.tree, from, to > from and to - 1 or to)
  end
end

-- --- add and drop columns ---

local function note_key(work, columns, source)
  work.new_keys[#work.new_keys + 1] = { columns = columns, referent_table = source.referent_table }
end

function changes.add_column(work, change)
  local operation = change.operation
  local name = operation.column.name
  if edit_table.column(work.tree, name) then
    if operation.if_not_exists then
      return
    end
    check.refuse("the table %s has the column %s already", work.table, name)
  end
  local index = place_for(work, operation) or edit_table.column_end(work.tree)
  local had_primary = primary_of(work.tree)
  local column = edit_table.insert(work.tree, index, change.definition)
  if had_primary and edit_table.piece(column, "primary_key") then
    check.refuse("the table %s has a primary key already, so %s cannot be one", work.table, name)
  end
  -- older rows get what is the default now, even if it is another one when the table is made
  local default = edit_table.piece(column, "default")
  column.copy = default and default.value or "NULL"
  local key = edit_table.piece(column, "references")
  if key then
    note_key(work, { name }, key)
  end
end

-- What stands in the way of dropping a column, as PostgreSQL has it: what other things are computed from.
local function check_dropped(work, name)
  for _, column in ipairs(edit_table.columns(work.tree)) do
    local generated = edit_table.piece(column, "generated")
    if generated and not same_name(column.name, name) and mentions(generated.expression, name) then
      check.refuse("%s.%s cannot be dropped: the column %s is computed from it", work.table, name, column.name)
    end
  end
  for _, reference in ipairs(work.references) do
    if same_name(reference.column, name) then
      check.refuse(
        "%s.%s cannot be dropped: a foreign key of the table %s refers to it; drop that first",
        work.table,
        name,
        reference.table
      )
    end
  end
  local primary, column = primary_of(work.tree)
  local is_key = primary and (column and same_name(column.name, name) or holds(primary.columns, name))
  if is_key and not work.tree.with_rowid then
    check.refuse("%s.%s cannot be dropped: a table WITHOUT ROWID needs its primary key", work.table, name)
  end
end

local function refers_to_self(work, source, name)
  return source.referent_table
    and same_name(source.referent_table, work.tree.name)
    and holds(source.referent_columns, name)
end

-- Constraints of the table that the column takes part in go with it.
local function drop_constraints_on(work, name)
  for index = #work.tree.elements, 1, -1 do
    local element = work.tree.elements[index]
    if element.kind == "column" and not same_name(element.name, name) then
      for number = #element.pieces, 1, -1 do
        local piece = element.pieces[number]
        if piece.kind == "check" and mentions(piece.condition, name) or refers_to_self(work, piece, name) then
          edit_table.remove_piece(element, number)
        end
      end
    elseif
      holds(element.columns, name)
      or element.condition and mentions(element.condition, name)
      or refers_to_self(work, element, name)
    then
      edit_table.remove(work.tree, index)
    end
  end
end

-- Names in an index are those of columns: what stands in brackets behind the table, and WHERE.
local function index_mentions(index, name)
  local parsed = create_index.parse(index.text)
  if parsed.where and mentions(parsed.where, name) then
    return true
  end
  for _, element in ipairs(parsed.elements) do
    if same_name(element.name, name) or element.expression and mentions(element.expression, name) then
      return true
    end
  end
  return false
end

changes.index_mentions = index_mentions

function changes.drop_column(work, change)
  local operation = change.operation
  if operation.if_exists and not edit_table.column(work.tree, operation.column) then
    return
  end
  local column = column_of(work, operation.column)
  if #edit_table.columns(work.tree) == 1 then
    check.refuse("%s.%s cannot be dropped: it is the only column", work.table, column.name)
  end
  check_dropped(work, column.name)
  drop_constraints_on(work, column.name)
  for index = #work.indexes, 1, -1 do
    if index_mentions(work.indexes[index], column.name) then
      table.remove(work.indexes, index)
    end
  end
  local _, index = edit_table.column(work.tree, column.name)
  edit_table.remove(work.tree, index)
  work.keys_changed = true
end

-- --- types ---

-- Values of these kinds are numbers, texts or bytes as their names say; all others keep what they are given.
local cast_kinds = {
  smallint = true,
  integer = true,
  bigint = true,
  float = true,
  double = true,
  numeric = true,
  boolean = true,
  text = true,
  varchar = true,
  char = true,
  blob = true,
}

local function wants_cast(type_, affinity)
  if type_.kind == "raw" then
    local name = type_.sql:upper()
    return affinity ~= "NUMERIC" or name:find("NUM", 1, true) or name:find("DEC", 1, true)
  end
  return cast_kinds[type_.kind]
end

-- Numbers that a text does not hold to the last digit are written with all of theirs.
local function as_text(name, type_text)
  return ("CASE WHEN typeof(%s) = 'real' AND CAST(CAST(%s AS TEXT) AS REAL) <> %s "):format(name, name, name)
    .. ("THEN printf('%%!.17g', %s) ELSE CAST(%s AS %s) END"):format(name, name, type_text)
end

-- How values come into a column of another type: converted where the affinity changes. What a number would lose of them
-- is an error, as it is in other databases, and not a zero.
local function set_copy(work, column, operation, old_text, new_text)
  local dialect, name = work.dialect, column.source and work.dialect:ident(column.source)
  local using = dialect:option(operation, "using")
  local affinity = dialect:affinity(new_text)
  if using then
    column.copy, column.guard = dialect:condition(using), nil
  elseif not name or affinity == dialect:affinity(old_text) or not wants_cast(operation.type_, affinity) then
    return
  elseif affinity == "TEXT" then
    column.copy = as_text(name, new_text)
  else
    column.copy = ("CAST(%s AS %s)"):format(name, new_text)
    column.guard = affinity ~= "BLOB" and ("NOT (%s = %s)"):format(column.copy, name) or nil
  end
end

local function set_type(work, column, operation)
  local old, type_ = column.type, operation.type_
  local text = work.dialect:type_sql(type_)
  edit_table.set_piece(column, "type", text ~= "" and text or nil)
  if type_.collation then
    local is_usual = type_.collation:upper() == "BINARY"
    edit_table.set_piece(column, "collate", not is_usual and work.dialect:collate_text(type_) or nil)
  elseif work.dialect:affinity(text) ~= "TEXT" or not work.dialect.collated_kinds[type_.kind] then
    edit_table.set_piece(column, "collate", nil)
  end
  set_copy(work, column, operation, old, text)
end

-- The CHECK that types.enum(..., { create_constraint = true }) makes goes and comes with the type.
local function set_enum_check(work, column, operation)
  local before, after = operation.existing_type, operation.type_
  local function check_of(type_)
    return type_ and work.dialect:enum_check({ name = column.name, type = type_ }, operation)
  end
  if check_of(before) then
    local name = work.dialect:settled_name({ kind = "check", name = before.name }, operation)
    for number = #column.pieces, 1, -1 do
      if column.pieces[number].kind == "check" and same_name(column.pieces[number].name, name) then
        edit_table.remove_piece(column, number)
      end
    end
  end
  local text = check_of(after)
  if text then
    edit_table.add_piece(column, text)
  end
end

-- --- alter_column ---

-- `text` is what NOT NULL shall be, where it may be there already and be another.
local function set_nullable(column, is_nullable, text)
  if is_nullable then
    edit_table.set_piece(column, "not_null", nil)
  elseif text or not edit_table.piece(column, "not_null") then
    edit_table.set_piece(column, "null", nil)
    edit_table.set_piece(column, "not_null", text or "NOT NULL")
  end
end

-- NOT NULL with a conflict clause, where the operation says one. ABORT is what SQLite does without one.
local function not_null_text(work, operation)
  local conflict = work.dialect:option(operation, "on_conflict_not_null")
  if conflict == nil then
    return nil
  elseif operation.nullable ~= false then
    check.refuse("sqlite_on_conflict_not_null goes with nullable = false")
  end
  return (work.dialect:not_null_text(operation):gsub(" ON CONFLICT ABORT$", ""))
end

local function set_default(work, column, value)
  local text = value ~= sql.null and "DEFAULT " .. work.dialect:default_text(value) or nil
  edit_table.set_piece(column, "default", text)
end

local function set_computed(work, column, computed)
  if computed == sql.null then
    edit_table.set_piece(column, "generated", nil)
    return
  end
  local given = check.is_plain_table(computed) and computed or { computed }
  local text = work.dialect:computed_text({
    computed = { sql = sql.text(given[1] or given.sql), persisted = given.persisted },
  })
  edit_table.set_piece(column, "default", nil)
  edit_table.set_piece(column, "generated", text)
end

local function set_autoincrement(work, column, is_wanted)
  local piece = edit_table.piece(column, "primary_key")
  local element = primary_of(work.tree)
  if not piece and element and element.columns and #element.columns == 1 and holds(element.columns, column.name) then
    local _, _, index = primary_of(work.tree)
    edit_table.remove(work.tree, index)
    local name = element.name and "CONSTRAINT " .. work.dialect:ident(element.name) .. " " or ""
    edit_table.set_piece(column, "primary_key", name .. "PRIMARY KEY")
    piece = edit_table.piece(column, "primary_key")
  end
  if not is_wanted and not piece then
    return -- what numbered it is gone with the key
  end
  if not piece or column.type:upper() ~= "INTEGER" then
    check.refuse(
      "%s.%s: SQLite numbers only a primary key of one integer column (INTEGER)",
      work.table,
      column.name
    )
  end
  local bare = piece.text:gsub("%s+[Aa][Uu][Tt][Oo][Ii][Nn][Cc][Rr][Ee][Mm][Ee][Nn][Tt]$", "")
  edit_table.set_piece(column, "primary_key", is_wanted and bare .. " AUTOINCREMENT" or bare)
end

function changes.alter_column(work, change)
  local operation = change.operation
  local column = column_of(work, operation.column)
  if operation.type_ then
    set_type(work, column, operation)
    set_enum_check(work, column, operation)
    work.affected[column.name:lower()] = true
  end
  if operation.nullable ~= nil then
    set_nullable(column, operation.nullable, not_null_text(work, operation))
  end
  if operation.server_default ~= nil then
    set_default(work, column, operation.server_default)
  end
  if operation.computed ~= nil then
    set_computed(work, column, operation.computed)
    work.affected[column.name:lower()] = true
  end
  if type(operation.autoincrement) == "boolean" then
    set_autoincrement(work, column, operation.autoincrement)
  end
  move_column(work, operation)
end

-- --- constraints ---

local function key_columns_not_null(work, item)
  for _, name in ipairs(item.columns) do
    set_nullable(column_of(work, name), false)
  end
end

local adders = {}

function adders.primary_key(work, item)
  if primary_of(work.tree) then
    check.refuse("the table %s has a primary key already; drop that first", work.table)
  end
  key_columns_not_null(work, item)
end

function adders.foreign_key(work, item)
  for _, name in ipairs(item.columns) do
    column_of(work, name)
  end
  note_key(work, item.columns, item) -- not_valid has no meaning here: rows are looked at in any case
end

function adders.unique(work, item)
  for _, name in ipairs(item.columns) do
    column_of(work, name)
  end
end

-- A key that goes and comes back on the column that AUTOINCREMENT numbers stands there, or the counter would be lost.
local function add_numbering_key(work, item)
  local is_same = #item.columns == 1 and same_name(item.columns[1], work.numbered)
  if item.kind ~= "primary_key" or not is_same then
    return false
  end
  local dialect = work.dialect
  local suffix = dialect:constraint_suffix(setmetatable({ autoincrement = true }, { __index = item }))
  local text = dialect:constraint_name(item) .. "PRIMARY KEY" .. suffix
  edit_table.set_piece(column_of(work, work.numbered), "primary_key", text)
  return true
end

--- Adds what an item says, at the end of the table.
function changes.add_item(work, item, definition)
  local add = adders[item.kind]
  if add then
    add(work, item)
  end
  if not (work.numbered and add_numbering_key(work, item)) then
    edit_table.insert(work.tree, #work.tree.elements + 1, definition)
  end
end

function changes.add_constraint(work, change)
  changes.add_item(work, change.item, change.definition)
end

local function refuse_drop(work, change, count)
  local named = {}
  for _, found in ipairs(find_constraint.all(work)) do
    named[#named + 1] = found.source.name
  end
  local known = #named > 0 and "it has " .. table.concat(named, ", ") or "none of its constraints has a name"
  if count > 1 then
    check.refuse("the table %s has %d such constraints; say which by `columns` or `condition`", work.table, count)
  end
  check.refuse("No such constraint: '%s' (table %s: %s)", change.name or change.operation.type_, work.table, known)
end

local function remove_constraint(work, found)
  for index, element in ipairs(work.tree.elements) do
    if element == found.element and not found.piece then
      edit_table.remove(work.tree, index)
      return
    elseif element == found.element then
      for number, piece in ipairs(element.pieces) do
        if piece == found.piece then
          edit_table.remove_piece(element, number)
          return
        end
      end
    end
  end
end

function changes.drop_constraint(work, change)
  local matches = find_constraint.candidates(work, change)
  if #matches == 0 and change.operation.if_exists then
    return
  elseif #matches ~= 1 then
    refuse_drop(work, change, #matches)
  end
  local found = matches[1]
  if found.source.kind == "primary_key" then
    if not work.tree.with_rowid then
      check.refuse("the primary key of %s cannot be dropped: a table WITHOUT ROWID needs it", work.table)
    end
    for _, name in ipairs(found.columns) do
      set_nullable(column_of(work, name), false) -- as it was while it was the key
    end
    found = find_constraint.candidates(work, change)[1]
    work.numbered = found.source.autoincrement and found.columns[1] or nil
  end
  remove_constraint(work, found)
  work.keys_changed = true
end

-- --- indexes ---

function changes.create_index(work, change)
  local text = type(change.native) == "string" and change.native or change.native[1]
  work.indexes[#work.indexes + 1] = { name = create_index.parse(text).name, text = text, is_new = true }
end

function changes.drop_index(work, change)
  local name = tostring(change.operation.name)
  for position, index in ipairs(work.indexes) do
    if same_name(index.name, name) then
      table.remove(work.indexes, position)
      work.keys_changed = true
      return
    end
  end
  if not change.operation.if_exists then
    check.refuse("No such index: '%s' (table %s)", name, work.table)
  end
end

-- --- the whole table ---

--- Puts the columns of each list into that order, in the places where they are.
function changes.reorder(work, orders)
  for _, order in ipairs(orders) do
    local places, elements = {}, {}
    for position, name in ipairs(order) do
      local column, index = column_of(work, name)
      places[position], elements[position] = index, column
    end
    table.sort(places)
    for position, index in ipairs(places) do
      work.tree.elements[index] = elements[position]
    end
  end
end

--- The table with its own settings: sqlite_strict, sqlite_with_rowid, sqlite_autoincrement.
function changes.set_options(work, options)
  local given = {}
  for _, name in ipairs({ "strict", "with_rowid", "autoincrement" }) do
    given[name] = work.dialect:option(options, name)
  end
  edit_table.set_options(work.tree, given.strict, given.with_rowid)
  if given.autoincrement ~= nil then
    local primary, column = primary_of(work.tree)
    column = column or primary and edit_table.column(work.tree, primary.columns[1])
    if not column then
      check.refuse("%s: sqlite_autoincrement needs a primary key of one integer column", work.table)
    end
    set_autoincrement(work, column, given.autoincrement)
  end
end

return changes
