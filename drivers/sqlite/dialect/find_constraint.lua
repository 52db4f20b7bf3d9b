-- find_constraint.lua: which constraint of a table an operation means: by its name, by what it says, or by the name
-- that it would have. Used by changes.lua; asks no database and changes nothing.

local expression = require("moonbird.schema.expression")
local naming = require("moonbird.naming")
local sql = require("moonbird.sql")
local tokens = require("sqlite.tokens")

local find_constraint = {}

local same_name = tokens.same_name

-- What drop_constraint calls a kind -> the kinds of elements and pieces.
local kinds_of = {
  unique = { unique = true },
  primary = { primary_key = true },
  check = { check = true },
  foreignkey = { foreign_key = true, references = true },
}

local constraint_kinds = { unique = true, primary_key = true, check = true, foreign_key = true, references = true }
constraint_kinds.not_null = true

--- Every constraint of the table.
function find_constraint.all(work)
  local list = {}
  for _, element in ipairs(work.tree.elements) do
    if element.kind ~= "column" then
      list[#list + 1] = { source = element, columns = element.columns, element = element }
    else
      for _, piece in ipairs(element.pieces) do
        if constraint_kinds[piece.kind] then
          list[#list + 1] = { source = piece, columns = { element.name }, element = element, piece = piece }
        end
      end
    end
  end
  return list
end

local item_kinds = { references = "foreign_key" }

-- The names by which a constraint without one may be called: that of the convention, that of a generated revision, and
-- the one that PostgreSQL would have given.
local function answers_to(work, found, name)
  local kind = item_kinds[found.source.kind] or found.source.kind
  local item = { kind = kind, columns = found.columns, referent_table = found.source.referent_table }
  item.referent_columns = found.source.referent_columns
  local place = { table = work.tree.name, schema = work.schema }
  local made, conventional = pcall(naming.name_of, item, place, work.convention)
  if made and conventional and same_name(conventional, name) then
    return true
  end
  if constraint_kinds[kind] and kind ~= "not_null" then
    if same_name(work.dialect:constraint_name_of({ name = work.tree.name }, item, {}), name) then
      return true
    end
  end
  local columns = table.concat(found.columns or {}, "_")
  local usual = {
    primary_key = ("%s_pkey"):format(work.tree.name),
    unique = ("%s_%s_key"):format(work.tree.name, columns),
    foreign_key = ("%s_%s_fkey"):format(work.tree.name, columns),
    check = columns == "" and ("%s_check"):format(work.tree.name) or ("%s_%s_check"):format(work.tree.name, columns),
  }
  return same_name(usual[kind], name)
end

local function same_columns(a, b)
  if #a ~= #b then
    return false
  end
  for index, name in ipairs(a) do
    if not same_name(name, b[index]) then
      return false
    end
  end
  return true
end

local function normal_condition(text)
  return tokens.normalize(expression.bare(sql.text(text)))
end

local function is_described(found, operation)
  local condition = operation.condition and normal_condition(operation.condition)
  local is_other = operation.columns and not same_columns(operation.columns, found.columns or {})
    or condition and normal_condition(found.source.condition or "") ~= condition
  return not is_other
end

local function find_all(list, test)
  local matches = {}
  for _, found in ipairs(list) do
    matches[#matches + 1] = test(found) and found or nil
  end
  return matches
end

-- Of several, what was called by no name is one that has none.
local function without_names(matches)
  local nameless = find_all(matches, function(found)
    return not found.source.name
  end)
  return #matches > 1 and #nameless > 0 and nameless or matches
end

--- The constraints that a drop_constraint may mean, each { source, columns, element, piece }: `source` is the piece of
--- the column, or the element.
function find_constraint.candidates(work, change)
  local operation, name = change.operation, change.name
  local kinds = operation.type_ and kinds_of[operation.type_]
  local list = find_all(find_constraint.all(work), function(found)
    return not kinds or kinds[found.source.kind]
  end)
  if not name then
    return without_names(find_all(list, function(found)
      return is_described(found, operation)
    end))
  end
  local matches = find_all(list, function(found)
    return same_name(found.source.name, name)
  end)
  if #matches == 0 then
    matches = find_all(list, function(found)
      return not found.source.name and answers_to(work, found, name)
    end)
  end
  -- a table has one primary key, whatever it is called on another database
  if #matches == 0 and operation.type_ == "primary" then
    return list
  end
  return matches
end

return find_constraint
