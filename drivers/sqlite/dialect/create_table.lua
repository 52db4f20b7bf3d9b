-- create_table.lua: reads the CREATE TABLE text that sqlite_schema keeps, and prints it again byte for byte. The tree
-- keeps every blank and comment at the column or constraint that it belongs to, so that edit_table.lua can change one
-- thing and leave the rest as its author wrote it. Used by schema.lua and the rebuild; asks no database.
--
-- tree    = { name, head, elements, close, tail, strict, with_rowid }
-- element = { lead, pieces, after, is_joined, note } and what it says; the columns come first, then the constraints.
-- piece   = { gap, text, kind } and what it says: a column has the pieces name, type and one for each constraint of its
--           own; a constraint of the table is one piece.
-- Printed: head, then for each element lead, pieces (gap, text), after, comma, note; then close and tail.

local tokens = require("sqlite.tokens")

local create_table = {}

-- --- clauses ---

local function conflict(cursor)
  if cursor:accept("ON", "CONFLICT") then
    cursor.at = cursor.at + 1
    return cursor:word(-1)
  end
end

-- A word that may be followed by a second one: SET NULL, SET DEFAULT, NO ACTION.
local function action(cursor)
  local first = cursor:word()
  cursor.at = cursor.at + 1
  if first == "SET" or first == "NO" then
    cursor.at = cursor.at + 1
    return first .. " " .. (cursor:word(-1) or cursor:fail())
  end
  return first or cursor:fail()
end

local function names_of(elements)
  local names = {}
  for index, element in ipairs(elements) do
    names[index] = element.name or element.expression
  end
  return names
end

-- [NOT] DEFERRABLE [INITIALLY x], onto the key that it belongs to.
local function timing(cursor, key)
  local is_negated = cursor:word() == "NOT" and cursor:word(1) == "DEFERRABLE"
  if not is_negated and cursor:word() ~= "DEFERRABLE" then
    return false
  end
  cursor.at = cursor.at + (is_negated and 2 or 1)
  key.deferrable = not is_negated
  if cursor:accept("INITIALLY") then
    key.initially = cursor:word() or cursor:fail()
    cursor.at = cursor.at + 1
  end
  return true
end

local function reference(cursor, key)
  key.referent_table = cursor:name()
  if cursor:is_mark("(") then
    key.referent_columns = names_of(cursor:elements())
  end
  while true do
    if cursor:accept("ON", "DELETE") then
      key.ondelete = action(cursor)
    elseif cursor:accept("ON", "UPDATE") then
      key.onupdate = action(cursor)
    elseif cursor:accept("ON", "INSERT") then
      action(cursor)
    elseif cursor:accept("MATCH") then
      key.match = cursor:name():upper()
    else
      break
    end
  end
  timing(cursor, key)
end

-- --- the constraints of a column ---

-- A literal with its sign, a word, or an expression in parentheses.
local function default_value(cursor)
  local first = cursor.at
  if cursor:is_mark("(") then
    cursor:group()
  else
    if cursor:is_mark("+") or cursor:is_mark("-") then
      cursor.at = cursor.at + 1
    end
    if not cursor:token() then
      cursor:fail()
    end
    cursor.at = cursor.at + 1
  end
  return cursor:text_from(first)
end

local function generated(cursor, piece)
  piece.kind = "generated"
  piece.expression = cursor:group()
  if cursor:word() == "STORED" or cursor:word() == "VIRTUAL" then
    piece.is_stored = cursor:word() == "STORED"
    cursor.at = cursor.at + 1
  end
end

local function column_primary(cursor, piece)
  piece.kind = "primary_key"
  if cursor:word() == "ASC" or cursor:word() == "DESC" then
    piece.order = cursor:word()
    cursor.at = cursor.at + 1
  end
  piece.conflict = conflict(cursor)
  piece.autoincrement = cursor:accept("AUTOINCREMENT")
end

local function key_of(column)
  for index = #column.pieces, 1, -1 do
    if column.pieces[index].kind == "references" then
      return column.pieces[index]
    end
  end
  return {}
end

local function column_clause(cursor, piece, column)
  if cursor:accept("PRIMARY", "KEY") then
    column_primary(cursor, piece)
  elseif cursor:accept("NOT", "NULL") then
    piece.kind, piece.conflict = "not_null", conflict(cursor)
  elseif cursor:accept("NULL") then
    piece.kind, piece.conflict = "null", conflict(cursor)
  elseif cursor:accept("UNIQUE") then
    piece.kind, piece.conflict = "unique", conflict(cursor)
  elseif cursor:accept("CHECK") then
    piece.kind, piece.condition = "check", cursor:group()
    piece.conflict = conflict(cursor)
  elseif cursor:accept("DEFAULT") then
    piece.kind, piece.value = "default", default_value(cursor)
  elseif cursor:accept("COLLATE") then
    piece.kind, piece.collation = "collate", cursor:name()
  elseif cursor:accept("REFERENCES") then
    piece.kind = "references"
    reference(cursor, piece)
  elseif cursor:accept("GENERATED", "ALWAYS", "AS") or cursor:accept("AS") then
    generated(cursor, piece)
  elseif timing(cursor, key_of(column)) then
    piece.kind = "timing"
  elseif piece.name then
    piece.kind = "name_only" -- SQLite takes CONSTRAINT x with nothing behind it
  else
    cursor:fail()
  end
end

-- One or more CONSTRAINT x; the last one counts.
local function constraint_name(cursor)
  local name
  while cursor:accept("CONSTRAINT") do
    name = cursor:name()
  end
  return name
end

-- --- columns ---

local ends_type = {}
for word in
  ("CONSTRAINT PRIMARY NOT NULL UNIQUE CHECK DEFAULT COLLATE REFERENCES AS DEFERRABLE ON"):gmatch("%S+")
do
  ends_type[word] = true
end

local function is_type_word(cursor)
  local token = cursor:token()
  if not token or not tokens.name(token) then
    return false
  elseif token.word == "GENERATED" and cursor:word(1) == "ALWAYS" and cursor:word(2) == "AS" then
    return false
  end
  return not ends_type[token.word]
end

local function ends_element(cursor)
  return cursor:token() == nil or cursor:is_mark(",") or cursor:is_mark(")")
end

-- Adds a piece from token `first` to the cursor.
local function add_piece(cursor, pieces, piece, first)
  local before = #pieces > 0 and cursor.list[first - 1]
  piece.gap = before and cursor.text:sub(before.to + 1, cursor.list[first].from - 1) or ""
  piece.text = cursor:text_from(first)
  pieces[#pieces + 1] = piece
end

local function column_element(cursor)
  local column = { kind = "column", pieces = {} }
  local first = cursor.at
  column.name = cursor:name()
  add_piece(cursor, column.pieces, { kind = "name" }, first)
  first = cursor.at
  while is_type_word(cursor) do
    cursor.at = cursor.at + 1
  end
  if cursor.at > first and cursor:is_mark("(") then
    cursor:group()
  end
  column.type = ""
  if cursor.at > first then
    column.type = cursor:text_from(first)
    add_piece(cursor, column.pieces, { kind = "type" }, first)
  end
  while not ends_element(cursor) do
    first = cursor.at
    local piece = { name = constraint_name(cursor) }
    column_clause(cursor, piece, column)
    add_piece(cursor, column.pieces, piece, first)
  end
  return column
end

-- --- constraints of the table ---

local starts_constraint = { CONSTRAINT = true, PRIMARY = true, UNIQUE = true, CHECK = true, FOREIGN = true }

local function foreign_key(cursor, element)
  element.kind = "foreign_key"
  element.columns = names_of(cursor:elements())
  cursor:expect("REFERENCES")
  reference(cursor, element)
end

local function key_columns(cursor, element)
  element.elements = cursor:elements()
  element.columns = names_of(element.elements)
  element.autoincrement = element.elements[#element.elements].autoincrement
  element.conflict = conflict(cursor)
end

local function constraint_element(cursor)
  local first = cursor.at
  local element = { name = constraint_name(cursor), pieces = {} }
  if cursor:accept("PRIMARY", "KEY") then
    element.kind = "primary_key"
    key_columns(cursor, element)
  elseif cursor:accept("UNIQUE") then
    element.kind = "unique"
    key_columns(cursor, element)
  elseif cursor:accept("CHECK") then
    element.kind, element.condition = "check", cursor:group()
    element.conflict = conflict(cursor)
  elseif cursor:accept("FOREIGN", "KEY") then
    foreign_key(cursor, element)
  elseif element.name then
    element.kind = "name_only"
  else
    cursor:fail()
  end
  add_piece(cursor, element.pieces, { kind = element.kind }, first)
  return element
end

-- --- blanks and comments ---

-- Parts what follows a comma (or the opening bracket): a comment that ends its line belongs to what is before it.
local function split_note(gap)
  local at, last = 1, 0
  while true do
    local _, blank = gap:find("^[ \t]*", at)
    at = blank + 1
    if gap:find("^%-%-", at) then
      last = (gap:find("\n", at, true) or #gap + 1) - 1
      return gap:sub(1, last), gap:sub(last + 1)
    elseif gap:find("^/%*", at) then
      local _, stop = gap:find("*/", at + 2, true)
      last = stop or #gap
      at = last + 1
    elseif last > 0 and gap:find("^\r?\n", at) then
      return gap:sub(1, last), gap:sub(last + 1)
    else
      return "", gap
    end
  end
end

-- --- the table ---

local function header(cursor, tree)
  cursor:expect("CREATE")
  if cursor:word() == "TEMP" or cursor:word() == "TEMPORARY" then
    cursor.at = cursor.at + 1
  end
  cursor:expect("TABLE")
  cursor:accept("IF", "NOT", "EXISTS")
  tree.name_from = cursor:token() and cursor:token().from
  tree.name = cursor:name()
  if cursor:accept_mark(".") then
    tree.schema, tree.name = tree.name, cursor:name()
  end
  if not cursor:is_mark("(") then
    cursor:fail()
  end
end

local function options(cursor, tree)
  repeat
    if cursor:accept("WITHOUT", "ROWID") then
      tree.with_rowid = false
    elseif cursor:accept("STRICT") then
      tree.strict = true
    elseif cursor:token() and not cursor:is_mark(";") then
      cursor:fail()
    end
  until not cursor:accept_mark(",")
end

-- The blanks around an element: from the token before it, and up to the comma or bracket behind it.
local function add_blanks(cursor, tree, element, open)
  local text, last = cursor.text, cursor.list[cursor.at - 1]
  element.lead = open
  local mark = cursor:token() or cursor:fail()
  local gap = text:sub(last.to + 1, mark.from - 1)
  element.after, element.note = "", ""
  if cursor:accept_mark(",") then
    element.after = gap
    local following = cursor:token() or cursor:fail()
    element.note, open = split_note(text:sub(mark.to + 1, following.from - 1))
    return open
  elseif cursor:is_mark(")") then
    element.note, tree.close = split_note(gap)
    return nil
  end
  element.is_joined = true -- constraints may follow one another without a comma
  return gap
end

--- Reads the text of a CREATE TABLE statement; what is not one is refused (check.refuse).
function create_table.parse(text, what)
  local cursor = tokens.cursor(text, what or "a table")
  local tree = { elements = {}, with_rowid = true }
  header(cursor, tree)
  local bracket = cursor:token()
  cursor.at = cursor.at + 1
  local first = cursor:token() or cursor:fail()
  local note, open = split_note(text:sub(bracket.to + 1, first.from - 1))
  tree.head = text:sub(1, bracket.to) .. note
  repeat
    local parse = starts_constraint[cursor:word()] and constraint_element or column_element
    local element = parse(cursor)
    open = add_blanks(cursor, tree, element, open)
    tree.elements[#tree.elements + 1] = element
  until not open
  tree.tail = text:sub(cursor:token().from)
  cursor:expect_mark(")")
  options(cursor, tree)
  return tree
end

--- The text of one column or constraint, without the blanks around it.
function create_table.element_text(element)
  local parts = {}
  for _, piece in ipairs(element.pieces) do
    parts[#parts + 1] = piece.gap
    parts[#parts + 1] = piece.text
  end
  return table.concat(parts)
end

--- The statement again. With `schema` (quoted) the table is made there; sqlite_schema keeps the text without it.
function create_table.print(tree, schema)
  local head = tree.head
  if schema then
    head = head:sub(1, tree.name_from - 1) .. schema .. "." .. head:sub(tree.name_from)
  end
  local parts = { head }
  for index, element in ipairs(tree.elements) do
    local is_last = index == #tree.elements
    parts[#parts + 1] = element.lead
    parts[#parts + 1] = create_table.element_text(element)
    parts[#parts + 1] = element.after
    parts[#parts + 1] = (is_last or element.is_joined) and "" or ","
    parts[#parts + 1] = element.note
  end
  parts[#parts + 1] = tree.close
  parts[#parts + 1] = tree.tail
  return table.concat(parts)
end

return create_table
