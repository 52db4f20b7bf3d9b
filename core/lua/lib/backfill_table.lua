-- backfill_table.lua: what the catalog says of the table of a backfill: its columns, the key by which it is gone
-- through, whether all rows are to be seen. Refuses what cannot be, and says what can. Called by
-- backfill_definition.lua.

local check = require("moonbird.check")
local host = require("moonbird.host")
local lists = require("moonbird.list")

local backfill_table = {}

local function fail(message, ...)
  error("op.backfill: " .. message:format(...), 0)
end

-- --- columns ---

--- A list of the columns, and the same by name.
function backfill_table.columns(spec)
  local list = host.dialect:columns(host.connection, spec.table, spec.schema)
  if #list == 0 then
    fail("there is no table %s", host.dialect:table_name(spec.table, spec.schema))
  end
  local by_name = {}
  for _, column in ipairs(list) do
    by_name[column.name] = column
  end
  return list, by_name
end

--- ", did you mean full_name?", of the columns that are there
function backfill_table.meant(name, by_name)
  local near = type(name) == "string" and check.nearest(name, check.sorted_keys(by_name))
  return near and (", did you mean %s?"):format(near) or ""
end

function backfill_table.known_column(spec, by_name, name)
  local column = by_name[name]
  if not column then
    fail("%s has no column %s%s", spec.table, name, backfill_table.meant(name, by_name))
  end
  return column
end

-- --- the key ---

-- A primary key's columns are NOT NULL; SQLite's need not be: check_nulls looks. Gives the column that may be NULL.
local function nullable_column(key, by_name)
  for _, name in ipairs(key.columns) do
    if not key.primary and by_name[name].nullable then
      return name
    end
  end
  return nil
end

local function check_names(spec, by_name)
  local seen = {}
  for _, name in ipairs(spec.key or {}) do
    backfill_table.known_column(spec, by_name, name)
    if seen[name] then
      fail("key names the column %s twice", name)
    end
    seen[name] = true
  end
end

local function listed(names)
  return "(" .. table.concat(names, ", ") .. ")"
end

-- What may stand as `key`, for people.
local function usable_keys(found, by_name)
  local texts = {}
  for _, key in ipairs(found) do
    texts[#texts + 1] = not nullable_column(key, by_name) and listed(key.columns) or nil
  end
  if #texts == 0 then
    return "a unique index over columns that are all NOT NULL would make one"
  end
  return "there is " .. table.concat(texts, ", ")
end

-- Why the key that was asked for is none.
local function why_not(spec, found, by_name)
  for _, key in ipairs(found) do
    if lists.same_names(key.columns, spec.key) then
      return ("%s may be NULL"):format(nullable_column(key, by_name))
    end
  end
  return "no unique index has these columns, in their own order and for all rows"
end

local function find(spec, by_name)
  check_names(spec, by_name)
  local found = host.dialect:unique_keys(host.connection, spec.table, spec.schema)
  for _, key in ipairs(found) do
    local wanted = spec.key and lists.same_names(key.columns, spec.key) or not spec.key and key.primary
    if wanted and not nullable_column(key, by_name) then
      return spec.key or key.columns
    end
  end
  local usable = usable_keys(found, by_name)
  if spec.key then
    local why = why_not(spec, found, by_name)
    fail("the key %s of %s is not unique and NOT NULL (%s); %s", listed(spec.key), spec.table, why, usable)
  end
  fail("%s has no primary key (a view has none); give a `key` of columns that are unique and NOT NULL: %s",
    spec.table, usable)
end

-- The engine sees a NULL in a key's first column, as it comes first in the order; others only a search finds.
local function check_nulls(spec, by_name, key)
  local conditions = {}
  for index = 2, #key do
    if by_name[key[index]].nullable then
      conditions[#conditions + 1] = host.dialect:ident(key[index]) .. " IS NULL"
    end
  end
  if #conditions == 0 then
    return
  end
  local shown = host.dialect:table_name(spec.table, spec.schema)
  local text = ("SELECT 1 FROM %s WHERE %s LIMIT 1"):format(shown, table.concat(conditions, " OR "))
  if host.connection:scalar(text) then
    fail("the key %s of %s is NULL in a row, so its rows have no fixed order", listed(key), spec.table)
  end
end

--- The columns of the key, in the order in which rows are gone through.
function backfill_table.key(spec, by_name)
  local key = find(spec, by_name)
  check_nulls(spec, by_name, key)
  return key
end

-- --- rows ---

--- Rows that a policy hides would be passed over without a word.
function backfill_table.check_visible(spec)
  local role = host.dialect:hidden_from(host.connection, spec.table, spec.schema)
  if role then
    fail(
      "row level security hides rows of %s from the role %s, and they would be left out: run it as the owner of the "
        .. "table or a role with BYPASSRLS (where it is FORCEd, the latter)",
      spec.table,
      role
    )
  end
end

return backfill_table
