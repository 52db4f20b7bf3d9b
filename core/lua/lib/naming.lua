-- Names for constraints and indexes by a naming convention: SQLAlchemy's templates with its tokens, for instance
-- { uq = "uq_%(table_name)s_%(column_0_name)s" }. What the environment sets is convention(); a dialect asks name_of()
-- while it renders. Pure but for that one setting; knows no dialect.

local check = require("moonbird.check")
local sql = require("moonbird.sql")

local naming = {}

local current

--- The convention of the environment, nil without one.
function naming.convention()
  return current
end

function naming.use(convention)
  current = convention
end

-- The convention's key for each kind of item and of operation.
local keys = {
  index = "ix",
  create_index = "ix",
  drop_index = "ix",
  create_index_comment = "ix",
  drop_index_comment = "ix",
  unique = "uq",
  create_unique_constraint = "uq",
  check = "ck",
  create_check_constraint = "ck",
  foreign_key = "fk",
  create_foreign_key = "fk",
  primary_key = "pk",
  create_primary_key = "pk",
}

local templates = { ix = true, uq = true, ck = true, fk = true, pk = true }

--- A name that is final: no convention is applied to it.
function naming.final(name)
  if type(name) ~= "string" or name == "" then
    error("op.f: argument 1 must be a name (a string that is not empty), got " .. check.describe(name), 2)
  end
  return sql.final(name)
end

--- What is wrong with a convention, or nil.
function naming.problem_of(convention)
  for key, value in pairs(convention) do
    local wanted = templates[key] and "string" or "function"
    if type(value) ~= wanted then
      local what = templates[key] and "a template" or "a token of your own (templates are ix, uq, ck, fk, pk)"
      return ("naming_convention: %s is %s and must be a %s, not a %s"):format(tostring(key), what, wanted, type(value))
    end
  end
end

-- Of operations that name a constraint and say by type_ what it is.
local keys_by_type = { unique = "uq", check = "ck", foreignkey = "fk", primary = "pk" }
local are_named_by_type = { drop_constraint = true, create_constraint_comment = true, drop_constraint_comment = true }

local function key_of(item)
  return keys[item.kind] or are_named_by_type[item.kind] and keys_by_type[item.type_]
end

-- --- tokens ---

local function column_text(item, list, index, form, table_name)
  local column = list[index]
  if column == nil then
    check.refuse("the naming convention wants column %d of %s, which has not so many", index - 1, item.kind)
  elseif sql.is(column) then
    check.refuse("%s on an expression must have a name", item.kind == "index" and "an index" or item.kind)
  end
  return form == "label" and table_name .. "_" .. column or column
end

-- column_0_name, column_0N_name (all of them in one word), column_0_N_label (all with _ between them)
local function column_token(item, list, rest, table_name)
  local number, all, form = rest:match("^column_(%d+)(_?N?)_(%a+)$")
  if not number or not list or (all ~= "" and all ~= "N" and all ~= "_N") then
    return nil
  elseif all == "" then
    return column_text(item, list, tonumber(number) + 1, form, table_name)
  end
  local texts = {}
  for index = tonumber(number) + 1, #list do
    texts[#texts + 1] = column_text(item, list, index, form, table_name)
  end
  return table.concat(texts, all == "_N" and "_" or "")
end

-- What SQLAlchemy puts in front of a column in a label.
function naming.label_of(place)
  return (place.schema and place.schema:gsub("%.", "_") .. "_" or "") .. place.table
end

local tokens = {}

function tokens.table_name(_, place)
  return place.table
end

function tokens.referred_table_name(item)
  return item.referent_table
end

-- A column's own check is called as the column is.
function tokens.constraint_name(item, place)
  if item.name == nil and item.kind == "check" and item.columns then
    return item.columns[1]
  elseif item.name == nil then
    check.refuse("the naming convention of %s wants a name for this one (%%(constraint_name)s)", place.table)
  end
  return item.name
end

local function token_value(token, item, place, convention)
  if type(convention[token]) == "function" then
    return convention[token](item, place.table)
  elseif tokens[token] then
    return tokens[token](item, place)
  end
  local referred = token:match("^referred_(.*)$")
  if referred then
    return column_token(item, item.referent_columns, referred, item.referent_table)
  end
  return column_token(item, item.columns, token, naming.label_of(place))
end

local function fill(template, item, place, convention)
  return (template:gsub("%%%(([%w_]+)%)s", function(token)
    local value = token_value(token, item, place, convention)
    if not value then
      check.refuse('the naming convention has an unknown token "%s" for %s', token, item.kind)
    end
    return value
  end))
end

-- --- names ---

local function is_about_name(template)
  return template:find("%(constraint_name)", 1, true) ~= nil
end

-- A name that was given stands, unless the template is about it. What is dropped without one is found by what it says.
local function is_applied(template, item)
  if item.name == nil then
    return item.kind ~= "drop_constraint"
  end
  return is_about_name(template)
end

--- Has the convention a template for such items?
function naming.has_template(kind, convention)
  return convention ~= nil and convention[keys[kind]] ~= nil
end

--- Would the convention change the name of this item, so that it must be written as final?
function naming.changes_name(item, convention)
  local key = key_of(item)
  local template = convention and key and convention[key]
  return item.name ~= nil and template ~= nil and is_about_name(template)
end

--- The name of an item (or of the operation that adds or drops it) of the table `place` = { table =, schema = }, and
--- whether the convention made it up; nil if it has none.
function naming.name_of(item, place, convention)
  local name = item.name
  if sql.is_final(name) then
    return tostring(name), false
  end
  local key = key_of(item)
  local template = convention and key and convention[key]
  if not template or not is_applied(template, item) then
    return name, false
  end
  return fill(template, item, place, convention), true
end

return naming
