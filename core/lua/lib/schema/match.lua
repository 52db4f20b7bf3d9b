-- Which constraint or index of the models is which of the database, and are the two the same? By name first; what has
-- no name in the models is found by what it says, then by its columns. Pure. Called by difference.lua.

local sql = require("moonbird.sql")

local match = {}

-- --- the same? ---

local function same_list(a, b)
  a, b = a or {}, b or {}
  if #a ~= #b then
    return false
  end
  for index, value in ipairs(a) do
    if value ~= b[index] then
      return false
    end
  end
  return true
end

local function same_map(a, b)
  a, b = a or {}, b or {}
  for key, value in pairs(a) do
    if tostring(b[key]) ~= tostring(value) then
      return false
    end
  end
  for key in pairs(b) do
    if a[key] == nil then
      return false
    end
  end
  return true
end

local function same_flag(a, b)
  return (a or false) == (b or false)
end

local function action(text)
  local upper = (text or "NO ACTION"):upper()
  return upper ~= "NO ACTION" and upper or nil
end

local function initially(item)
  return (item.initially or ""):upper() == "DEFERRED"
end

-- INITIALLY DEFERRED is DEFERRABLE too.
local function same_timing(a, b)
  return same_flag(a.deferrable or initially(a), b.deferrable or initially(b)) and initially(a) == initially(b)
end

local function element_text(element, dialect)
  return sql.is(element) and element[1] or dialect:ident(element)
end

local function same_elements(a, b, dialect)
  if #a ~= #b then
    return false
  end
  for index, element in ipairs(a) do
    if not dialect:same_text(element_text(element, dialect), element_text(b[index], dialect)) then
      return false
    end
  end
  return true
end

local function text_of(value)
  return value ~= nil and sql.text(value) or nil
end

local function method(name)
  name = (name or "btree"):lower()
  return name ~= "btree" and name or nil
end

-- What is done with a row that does not fit: to abort is what all databases do where nothing is said.
local function conflict(text)
  local upper = text and text:upper()
  return upper ~= "ABORT" and upper or nil
end

--- Do two clauses of this kind (nil: none) say the same?
function match.same_conflict(a, b)
  return conflict(a) == conflict(b)
end

local same = {}

function same.primary_key(a, b)
  return same_list(a.columns, b.columns)
    and same_list(a.include, b.include)
    and match.same_conflict(a.on_conflict, b.on_conflict)
    and same_timing(a, b)
end

function same.unique(a, b)
  return same_list(a.columns, b.columns)
    and same_list(a.include, b.include)
    and same_flag(a.nulls_not_distinct, b.nulls_not_distinct)
    and match.same_conflict(a.on_conflict, b.on_conflict)
    and same_timing(a, b)
end

function same.foreign_key(a, b)
  return same_list(a.columns, b.columns)
    and a.referent_schema == b.referent_schema
    and a.referent_table == b.referent_table
    and same_list(a.referent_columns, b.referent_columns)
    and action(a.onupdate) == action(b.onupdate)
    and action(a.ondelete) == action(b.ondelete)
    and (a.match or "SIMPLE"):upper() == (b.match or "SIMPLE"):upper()
    and same_flag(a.not_valid, b.not_valid)
    and same_timing(a, b)
end

function same.check(a, b, dialect)
  return dialect:same_text(text_of(a.condition), text_of(b.condition))
    and same_flag(a.not_valid, b.not_valid)
    and same_flag(a.no_inherit, b.no_inherit)
    and match.same_conflict(a.on_conflict, b.on_conflict)
end

local function exclude_text(item, dialect)
  local parts = {}
  for index, element in ipairs(item.elements) do
    local what = element[1] or element.column or element.element
    parts[index] = element_text(what, dialect) .. " WITH " .. tostring(element[2] or element.operator)
  end
  return table.concat(parts, ", ")
end

function same.exclude(a, b, dialect)
  return dialect:same_text(exclude_text(a, dialect), exclude_text(b, dialect))
    and (a.using or "gist"):lower() == (b.using or "gist"):lower()
    and dialect:same_text(text_of(a.where), text_of(b.where))
    and same_timing(a, b)
end

function same.index(a, b, dialect)
  return same_elements(a.columns, b.columns, dialect)
    and same_flag(a.unique, b.unique)
    and dialect:same_text(text_of(a.where), text_of(b.where))
    and method(a.using) == method(b.using)
    and same_list(a.include, b.include)
    and same_map(a.ops, b.ops)
    and same_map(a.with, b.with)
    and a.tablespace == b.tablespace
    and same_flag(a.nulls_not_distinct, b.nulls_not_distinct)
end

--- Is what two items of one kind say, but for their names, the same?
function match.same(a, b, dialect)
  return same[a.kind](a, b, dialect)
end

--- Is the model's item the live one, but for the rows that the live one has not looked at yet?
function match.is_validated(model, live, dialect)
  if not live.not_valid or model.not_valid then
    return false
  end
  return match.same(setmetatable({ not_valid = true }, { __index = model }), live, dialect)
end

match.same_map = same_map
match.same_list = same_list

-- --- which is which ---

local function take_named(models, lives, taken, pairs_)
  local by_name = {}
  for _, item in ipairs(lives) do
    by_name[item.name or 0] = item
  end
  for index, item in ipairs(models) do
    local other = item.name and by_name[item.name]
    if other then
      pairs_[index], taken[other] = other, true
    end
  end
end

-- A name that only a convention gives is not missed where the database has none.
local function may_be_unnamed(item, other)
  return not item.name or item.has_made_name and not other.name
end

local function take_unnamed(models, lives, taken, pairs_, is_partner)
  for index, item in ipairs(models) do
    for _, other in ipairs(lives) do
      local is_free = not pairs_[index] and not taken[other] and may_be_unnamed(item, other)
      if is_free and is_partner(item, other) then
        pairs_[index], taken[other] = other, true
      end
    end
  end
end

-- Is the one what became of the other? Then it keeps the name that the database has given it.
local function is_changed(model, live, dialect)
  if model.kind == "check" then
    return match.is_validated(model, live, dialect)
  end
  return model.columns ~= nil and same_list(model.columns, live.columns)
end

--- Two lists of items: those only in the models, those only in the database, pairs { model, live } that differ, and
--- pairs that are the same but for their names and comments.
function match.lists(models, lives, dialect)
  local taken, partners, added, removed, changed, kept = {}, {}, {}, {}, {}, {}
  take_named(models, lives, taken, partners)
  take_unnamed(models, lives, taken, partners, function(item, other)
    return match.same(item, other, dialect)
  end)
  take_unnamed(models, lives, taken, partners, function(item, other)
    return is_changed(item, other, dialect)
  end)
  for index, item in ipairs(models) do
    local other = partners[index]
    if not other then
      added[#added + 1] = item
    else
      local pairs_ = match.same(item, other, dialect) and kept or changed
      pairs_[#pairs_ + 1] = { item, other }
    end
  end
  for _, item in ipairs(lives) do
    removed[#removed + 1] = not taken[item] and item or nil
  end
  return added, removed, changed, kept
end

return match
