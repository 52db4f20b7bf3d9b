-- The difference between two columns as one alter_column in each direction, with the words of the log and of reviews.
-- Pure. Called by difference.lua.

local match = require("moonbird.schema.match")
local numbering = require("moonbird.schema.numbering")
local sql = require("moonbird.sql")

local columns = {}

local null = sql.null

-- --- what a value is called ---

local function default_text(column, dialect)
  local value = column.server_default
  return not sql.is_null(value) and dialect:default_text(value) or nil
end

local function same_default(a, b, dialect)
  return dialect:same_text(default_text(a, dialect), default_text(b, dialect))
end

--- Differ two computed columns, or is only one computed?
function columns.computed_differs(model, live, dialect)
  if not model.computed or not live.computed then
    return model.computed ~= live.computed
  end
  local a, b = model.computed, live.computed
  local both_say = a.persisted ~= nil and b.persisted ~= nil
  return not dialect:same_text(a.sql, b.sql) or both_say and a.persisted ~= b.persisted
end

-- "numbered": by whatever means; else "serial", "identity" or nil.
local function numbering_of(column)
  return column.numbered and "numbered" or column.serial and "serial" or column.identity and "identity" or nil
end

local function same_identity(a, b, kind)
  local is_same = (a.always or false) == (b.always or false)
  return is_same and #numbering.differences(numbering.fill(a, kind), numbering.fill(b, kind)) == 0
end

--- Is the model's numbering what the database has?
function columns.same_numbering(model, live)
  local a, b = numbering_of(model), numbering_of(live)
  if a == "numbered" or b == "numbered" then
    return a ~= nil and b ~= nil
  elseif a ~= b then
    return false
  end
  return a ~= "identity" or same_identity(model.identity, live.identity, model.type.kind)
end

--- What a person must know of a column whose values go.
function columns.lost_values(place)
  return ("the values of %s are lost"):format(place)
end

-- --- the parts of an alteration ---

local function place(table_, column)
  return (table_.schema and table_.schema .. "." or "") .. table_.name .. "." .. column.name
end

local function note(change, ...)
  change.messages[#change.messages + 1] = string.format(...)
end

local function type_text(type_, dialect)
  return dialect:type_sql(type_) .. (type_.collation and " COLLATE " .. type_.collation or "")
end

local parts = {}

function parts.type(change, model, live, dialect)
  if dialect:same_type(model.type, live.type) then
    return
  end
  local old, new = type_text(live.type, dialect), type_text(model.type, dialect)
  note(change, "Detected type change from %s to %s on '%s'", old, new, change.place)
  change.up.type_ = dialect:full_type(live.type, model.type)
  change.down.type_ = dialect:full_type(model.type, live.type)
  local function convert(operation, from, to, review)
    for name, value in pairs(dialect:conversion(model.name, from, to)) do
      operation[name], change.is_cast = value, true
      review[#review + 1] = "every value of " .. change.place .. " must be one of the new type"
    end
  end
  convert(change.up, live.type, model.type, change.review_up)
  convert(change.down, model.type, live.type, change.review_down)
  local function warn_narrow(from, to, review)
    if dialect:narrows(from, to) then
      review[#review + 1] = ("what of %s does not fit the new type is refused or lost"):format(change.place)
    end
  end
  warn_narrow(live.type, model.type, change.review_up)
  warn_narrow(model.type, live.type, change.review_down)
end

-- What NOT NULL does with a row that does not fit.
local function compare_conflict(change, model, live)
  local new = not model.nullable and model.on_conflict_not_null or nil
  local old = not live.nullable and live.on_conflict_not_null or nil
  if match.same_conflict(new, old) then
    return
  end
  change.up.nullable, change.down.nullable = model.nullable, live.nullable
  change.up.on_conflict_not_null = not model.nullable and (new or "ABORT") or nil
  change.down.on_conflict_not_null = not live.nullable and (old or "ABORT") or nil
  if model.nullable == live.nullable then
    note(change, "Detected changed conflict clause of NOT NULL on '%s'", change.place)
  end
end

function parts.nullable(change, model, live)
  compare_conflict(change, model, live)
  if model.nullable == live.nullable then
    return
  end
  note(change, "Detected %s on '%s'", model.nullable and "NULL" or "NOT NULL", change.place)
  change.up.nullable, change.down.nullable = model.nullable, live.nullable
  local review = model.nullable and change.review_down or change.review_up
  review[#review + 1] = "no row may have NULL in " .. change.place
end

function parts.default(change, model, live, dialect)
  if same_default(model, live, dialect) or model.serial or live.serial then
    return
  end
  note(change, "Detected server default on column '%s'", change.place)
  local function given(value)
    return value == nil and null or value
  end
  change.up.server_default, change.down.server_default = given(model.server_default), given(live.server_default)
end

function parts.comment(change, model, live, dialect)
  if model.comment == live.comment or not dialect.schema_parts.comments then
    return
  end
  note(change, "Detected column comment '%s'", change.place)
  change.up.comment, change.down.comment = model.comment or null, live.comment or null
end

local function identity_option(column)
  if column.identity then
    local option = numbering.trim(column.identity, column.type.kind)
    option.always = option.always or nil
    return next(option) and option or true
  end
  return column.numbered and true or null
end

-- Fields of both directions, so that what was set is set back.
local function identity_change(model, live)
  local kind = model.type.kind
  local new, old = numbering.fill(model.identity, kind), numbering.fill(live.identity, kind)
  local up, down = {}, {}
  for _, field in ipairs(numbering.differences(new, old)) do
    up[field], down[field] = new[field], old[field]
  end
  if (new.always or false) ~= (old.always or false) then
    up.always, down.always = new.always or false, old.always or false
  end
  return up, down
end

function parts.identity(change, model, live)
  if columns.same_numbering(model, live) or model.serial or live.serial then
    return
  end
  note(change, "Detected identity change on column '%s'", change.place)
  if model.identity and live.identity then
    local up, down = identity_change(model, live)
    change.up.identity, change.up.existing_identity = up, down
    change.down.identity, change.down.existing_identity = down, up
    return
  end
  change.up.identity, change.down.identity = identity_option(model), identity_option(live)
  local review = (live.identity or live.numbered) and change.review_down or change.review_up
  review[#review + 1] = "set the counter of " .. change.place .. " past the numbers that are there"
end

-- Only where a table is altered by copying it; elsewhere such a column goes and comes anew.
function parts.computed(change, model, live, dialect)
  if not dialect.alters_by_copy or not columns.computed_differs(model, live, dialect) then
    return
  end
  note(change, "Detected changed column '%s'", change.place)
  change.up.computed, change.down.computed = model.computed or null, live.computed or null
  if not live.computed then
    change.review_up[#change.review_up + 1] = columns.lost_values(change.place)
  end
end

local order = { "type", "nullable", "default", "computed", "comment", "identity" }

local function is_empty(operation)
  for key in pairs(operation) do
    if key ~= "kind" and key ~= "table" and key ~= "schema" and key ~= "column" then
      return false
    end
  end
  return true
end

-- What numbers a column stands in the way of much: it goes before. So does a default that was written for the old type,
-- which the operation sees to where it says the new one.
local function in_steps(change, alter, from, to)
  if change.is_cast and from.server_default ~= nil then
    alter.server_default = to.server_default == nil and null or to.server_default
  end
  if alter.identity ~= null then
    return { alter }
  end
  local first = { kind = "alter_column", table = alter.table, schema = alter.schema, column = alter.column }
  first.identity, alter.identity = null, nil
  return is_empty(alter) and { first } or { first, alter }
end

--- The alteration from the live column to the model's, or nil: { messages, up = { operation }, down, review_up, ... }.
function columns.compare(table_, model, live, dialect)
  local function alter()
    return { kind = "alter_column", table = table_.name, schema = table_.schema, column = model.name }
  end
  local change = { messages = {}, up = alter(), down = alter(), review_up = {}, review_down = {} }
  change.place = place(table_, model)
  for _, part in ipairs(order) do
    parts[part](change, model, live, dialect)
  end
  if is_empty(change.up) then
    return nil
  end
  change.changes_type = change.up.type_ ~= nil
  change.up, change.down = in_steps(change, change.up, live, model), in_steps(change, change.down, model, live)
  return change
end

return columns
