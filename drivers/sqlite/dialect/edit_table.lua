-- edit_table.lua: changes the tree of a CREATE TABLE (create_table.lua): one column or constraint is added, changed,
-- moved or taken out, and all other text stays as its author wrote it, comments included. Used by changes.lua; asks no
-- database and decides nothing.
--
-- A column may carry `source`, the column of the table as it is now that its values come from, `copy`, the SQL that
-- makes them of it, and `guard`, SQL that is true for values that it loses; they survive edits.

local create_table = require("sqlite.create_table")
local tokens = require("sqlite.tokens")

local edit_table = {}

local same_name, has_comment = tokens.same_name, tokens.has_comment

-- --- finding ---

--- The column of that name and its number; nil if there is none.
function edit_table.column(tree, name)
  for index, element in ipairs(tree.elements) do
    if element.kind == "column" and same_name(element.name, name) then
      return element, index
    end
  end
end

function edit_table.columns(tree)
  local list = {}
  for _, element in ipairs(tree.elements) do
    list[#list + 1] = element.kind == "column" and element or nil
  end
  return list
end

--- The first piece of a column that is of one of these kinds, and its number.
function edit_table.piece(column, ...)
  for index, piece in ipairs(column.pieces) do
    for _, kind in ipairs({ ... }) do
      if piece.kind == kind then
        return piece, index
      end
    end
  end
end

--- Does an SQL text speak of this name (of a column, a table)?
function edit_table.mentions(text, name)
  for _, token in ipairs(tokens.list(text) or {}) do
    if (token.kind == "word" or token.kind == "quoted") and same_name(tokens.name(token), name) then
      return true
    end
  end
  return false
end

-- --- elements ---

-- Reads an element from its text.
local function parse_element(text)
  local tree = create_table.parse("CREATE TABLE t (" .. text .. "\n)", "`" .. text .. "`")
  return tree.elements[1]
end

-- What does not come from the text of an element: the blanks around it, and what changes.lua notes.
local kept = { lead = true, after = true, note = true, is_joined = true, source = true, copy = true, guard = true }

-- The element after its pieces were changed, with what its text says now.
local function reread(element)
  local fresh = parse_element(create_table.element_text(element))
  for key in pairs(element) do
    element[key] = kept[key] and element[key] or nil
  end
  for key, value in pairs(fresh) do
    if not kept[key] then
      element[key] = value
    end
  end
end

-- The blanks in front of elements of this table: a line of their own with its indentation, or one blank.
local function usual_lead(tree)
  for index = #tree.elements, 1, -1 do
    local indent = tree.elements[index].lead:match("\n([ \t]*)$")
    if indent then
      return "\n" .. indent
    end
  end
  return " "
end

-- A line comment must not swallow what follows it now.
local function settle(tree)
  local last = tree.head
  for index = 1, #tree.elements + 1 do
    local element = tree.elements[index]
    local follows = element and element.lead or tree.close
    if tokens.ends_in_comment(last) and not follows:find("^[ \t\r]*\n") then
      follows = "\n" .. follows
    end
    if element then
      element.lead, last = follows, element.note
    else
      tree.close = follows
    end
  end
end

--- Puts a new element (its text) at a number among the elements.
function edit_table.insert(tree, index, text)
  local element = parse_element(text)
  element.lead, element.after, element.note = usual_lead(tree), "", ""
  local follower = tree.elements[index]
  if index == 1 and not element.lead:find("\n") then
    element.lead = ""
    follower.lead = follower.lead == "" and " " or follower.lead
  end
  if index > 1 then
    tree.elements[index - 1].is_joined = nil
  end
  table.insert(tree.elements, index, element)
  settle(tree)
  return element
end

--- Takes an element out, with the comments that belong to it.
function edit_table.remove(tree, index)
  local element = table.remove(tree.elements, index)
  local follower = tree.elements[index]
  if index == 1 and follower and not has_comment(follower.lead) then
    follower.lead = has_comment(element.lead) and follower.lead or element.lead
  end
  if element.is_joined and index > 1 then
    tree.elements[index - 1].is_joined = nil
  end
  settle(tree)
  return element
end

--- Moves a column to another number among the elements.
function edit_table.move(tree, from, to)
  local element = table.remove(tree.elements, from)
  table.insert(tree.elements, to, element)
  for position, entry in ipairs(tree.elements) do
    if position > 1 and entry.lead == "" then
      entry.lead = usual_lead(tree)
    end
  end
  settle(tree)
end

--- The number at which a new column stands last.
function edit_table.column_end(tree)
  local index = 1
  while tree.elements[index] and tree.elements[index].kind == "column" do
    index = index + 1
  end
  return index
end

-- --- pieces of a column ---

-- In which order the dialect writes them; a new piece goes before the first that comes later.
local ranks = {
  name = 1,
  type = 2,
  collate = 3,
  default = 4,
  generated = 5,
  not_null = 6,
  primary_key = 7,
  unique = 8,
  check = 9,
  references = 10,
  timing = 11,
}

--- Takes a piece out; a comment in front of it stays. DEFERRABLE goes with the reference that it belongs to.
function edit_table.remove_piece(column, index)
  local _, timing = edit_table.piece(column, "timing")
  if timing and timing > index and column.pieces[index].kind == "references" then
    edit_table.remove_piece(column, timing)
  end
  local piece = table.remove(column.pieces, index)
  if has_comment(piece.gap) then
    local follower = column.pieces[index]
    if follower then
      follower.gap = piece.gap .. (has_comment(follower.gap) and follower.gap or "")
    else
      column.after = piece.gap .. column.after
    end
  end
  reread(column)
end

--- Sets the piece of this kind to a text; nil takes it out.
function edit_table.set_piece(column, kind, text)
  local piece, index = edit_table.piece(column, kind)
  if piece and not text then
    return edit_table.remove_piece(column, index)
  elseif piece then
    piece.text = text
  elseif text then
    local place = 1
    while column.pieces[place] and (ranks[column.pieces[place].kind] or 12) <= ranks[kind] do
      place = place + 1
    end
    table.insert(column.pieces, place, { gap = " ", text = text, kind = kind })
  end
  reread(column)
end

--- Adds a further piece behind all others: a second CHECK, say.
function edit_table.add_piece(column, text)
  column.pieces[#column.pieces + 1] = { gap = " ", text = text, kind = "check" }
  reread(column)
end

-- --- names ---

local not_columns = { COLLATE = true, CONSTRAINT = true, AS = true } -- CAST (x AS y)

-- Is the token the name of a column, as expressions of one table have it? A word before a bracket is a function.
local function is_column(list, index)
  local before, after = list[index - 1], list[index + 1]
  local is_call = list[index].kind == "word" and after and after.text == "("
  return not is_call and not (before and not_columns[before.word])
end

--- A text with a name in place of another one, wherever it is a column.
function edit_table.rename_in(text, old, new)
  local list, parts, at = tokens.list(text), {}, 1
  for index, token in ipairs(list) do
    local is_name = token.kind == "word" or token.kind == "quoted"
    if is_name and same_name(tokens.name(token), old) and is_column(list, index) then
      parts[#parts + 1] = text:sub(at, token.from - 1) .. new
      at = token.to + 1
    end
  end
  return table.concat(parts) .. text:sub(at)
end

-- REFERENCES of another table: what stands in its brackets are not our columns.
local function is_foreign(tree, piece)
  return piece.referent_table ~= nil and not same_name(piece.referent_table, tree.name)
end

local function references_at(text)
  for _, token in ipairs(tokens.list(text)) do
    if token.word == "REFERENCES" then
      return token.from
    end
  end
end

local function rename_in_piece(tree, element, piece, old, new)
  if piece.kind == "type" or (piece.kind == "name" and not same_name(element.name, old)) then
    return
  elseif not is_foreign(tree, element.kind == "column" and piece or element) then
    piece.text = edit_table.rename_in(piece.text, old, new)
  elseif element.kind == "foreign_key" then
    local at = references_at(piece.text)
    piece.text = edit_table.rename_in(piece.text:sub(1, at - 1), old, new) .. piece.text:sub(at)
  end
end

--- Gives a column another name (`new` is quoted where it must be), in all that the table says of it.
function edit_table.rename_column(tree, old, new)
  for _, element in ipairs(tree.elements) do
    for _, piece in ipairs(element.pieces) do
      rename_in_piece(tree, element, piece, old, new)
    end
    reread(element)
  end
end

-- --- the table ---

--- Sets STRICT and WITHOUT ROWID; what is nil stays.
function edit_table.set_options(tree, strict, with_rowid)
  if strict ~= nil then
    tree.strict = strict
  end
  if with_rowid ~= nil then
    tree.with_rowid = with_rowid
  end
  local words = {}
  words[#words + 1] = not tree.with_rowid and "WITHOUT ROWID" or nil
  words[#words + 1] = tree.strict and "STRICT" or nil
  tree.tail = ")" .. (#words > 0 and " " .. table.concat(words, ", ") or "")
end

return edit_table
