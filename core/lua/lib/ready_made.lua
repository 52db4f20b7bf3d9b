-- ready_made.lua: backfills that everybody needs, as functions that return a definition for op.backfill or for a file
-- of backfills/: `backfill.copy_column { ... }` and so on. What such a function does not know (size, workers, throttle,
-- key ...) goes on to the definition. Rendering asks the dialect for names only; the engine does the work.

local check = require("moonbird.check")
local host = require("moonbird.host")
local spec_of = require("moonbird.backfill_spec")
local sql = require("moonbird.sql")

local ready_made = {}

-- --- arguments ---

local function is_name(value)
  return type(value) == "string" and value ~= ""
end

local kinds = {
  name = is_name,
  names = function(value)
    if type(value) ~= "table" then
      return is_name(value)
    end
    for _, name in ipairs(value) do
      if not is_name(name) then
        return false
      end
    end
    return #value > 0
  end,
  map = function(value)
    return type(value) == "table" and next(value) ~= nil
  end,
  expression = function(value)
    return type(value) == "string" and value:find("%S") ~= nil or sql.is(value)
  end,
}

local words = {
  name = "a name",
  names = "a column or a list of columns",
  map = 'a list of columns or a table { from = "to" }',
  expression = "SQL text",
}

-- What is neither the function's nor a definition's.
local function check_known(caller, given, wanted)
  local own, known, is_own = {}, spec_of.key_names(), {}
  for index, field in ipairs(wanted) do
    own[index], known[#known + 1], is_own[field[1]] = field[1], field[1], true
  end
  for name in pairs(given) do
    if not is_own[name] and not spec_of.is_key(name) then
      local near = type(name) == "string" and check.nearest(name, known)
      error(
        ("backfill.%s: unknown key %q%s; its own are table, %s"):format(
          caller,
          tostring(name),
          near and (", did you mean %q?"):format(near) or "",
          table.concat(own, ", ")
        ),
        4
      )
    end
  end
end

-- Takes what the function needs out of a copy; the rest is the definition's.
local function take(caller, given, wanted)
  if type(given) ~= "table" then
    error(("backfill.%s: argument 1 must be a table, not %s"):format(caller, check.describe(given)), 3)
  end
  check_known(caller, given, wanted)
  if not kinds.name(given.table) then
    error(("backfill.%s: table must be a name, not %s"):format(caller, check.describe(given.table)), 3)
  end
  local rest, own = {}, {}
  for key, value in pairs(given) do
    rest[key] = value
  end
  for _, field in ipairs(wanted) do
    local name, kind = field[1], field[2]
    local value = given[name]
    if value == nil and not field.optional or value ~= nil and not kinds[kind](value) then
      error(("backfill.%s: %s must be %s, not %s"):format(caller, name, words[kind], check.describe(value)), 3)
    end
    own[name], rest[name] = value, nil
  end
  local split = spec_of.place(rest.table, rest.schema)
  rest.table, rest.schema = split.table, split.schema
  for _, name in ipairs({ "set", "row", "batch" }) do
    if rest[name] ~= nil then
      error(("backfill.%s: it says itself what is done; %s is for op.backfill"):format(caller, name), 3)
    end
  end
  return own, rest
end

local function ident(name)
  return host.dialect:ident(name)
end

-- "people", "shop.people" -> quoted; a schema of its own may stand in front.
local function place(name, schema)
  local split = spec_of.place(name, schema)
  return host.dialect:table_name(split.table, split.schema)
end

local function list_of(names)
  return type(names) == "string" and { names } or names
end

local function both(a, b)
  return b and ("(%s) AND (%s)"):format(a, sql.text(b)) or a
end

-- Which one it is, and what makes it another than its neighbour of the same kind: the backfill's fingerprint has it in
-- place of the function, whose code is Moonbird's own and may be another in the next version.
local function recipe(...)
  local parts = {}
  for index = 1, select("#", ...) do
    parts[index] = tostring((select(index, ...)))
  end
  return table.concat(parts, "\0")
end

-- --- values ---

--- One column's values into another: { table =, from =, to =, with = "CAST({from} AS bigint)" or nil }.
function ready_made.copy_column(given)
  local own, spec = take("copy_column", given, {
    { "from", "name" },
    { "to", "name" },
    { "with", "expression", optional = true },
  })
  local value = ident(own.from)
  if own.with then
    value = sql.text(own.with):gsub("{from}", (value:gsub("%%", "%%%%")))
  end
  spec.set = { [own.to] = sql.new(value) }
  spec.made_done = ("%s %s %s"):format(ident(own.to), host.dialect.same_words, value)
  return spec
end

--- The number of rows that refer to a row: { table =, counter =, from = other table, column = its reference,
--- references = "id", where = which of them, from_schema = }.
function ready_made.reset_counter(given)
  local own, spec = take("reset_counter", given, {
    { "counter", "name" },
    { "from", "name" },
    { "column", "name" },
    { "references", "name", optional = true },
    { "where", "expression", optional = true },
    { "from_schema", "name", optional = true },
  })
  local text = ("(SELECT count(*) FROM %s AS counted WHERE %s)"):format(
    place(own.from, own.from_schema),
    both(("counted.%s = %s.%s"):format(ident(own.column), ident(spec.table), ident(own.references or "id")), own.where)
  )
  spec.set = { [own.counter] = sql.new(text) }
  spec.made_done = ("%s = %s"):format(ident(own.counter), text)
  return spec
end

-- --- rows ---

local function delete_row(_, batch)
  return batch.delete
end

-- What is found goes; nothing of it may be there at the end.
local function delete(caller, spec, where)
  spec.where = where
  spec.columns = {}
  spec.recipe = recipe(caller)
  spec.row = delete_row
  spec.made_done = "1 = 0"
  return spec
end

--- Rows for which SQL holds: { table =, where = }.
function ready_made.delete_where(given)
  local own, spec = take("delete_where", given, { { "where", "expression" } })
  return delete("delete_where", spec, sql.text(own.where))
end

--- Rows whose reference leads nowhere: { table =, column = "author_id", references = "people.id" }.
function ready_made.delete_orphans(given)
  local own, spec = take("delete_orphans", given, {
    { "column", "name" },
    { "references", "name" },
    { "references_schema", "name", optional = true },
    { "where", "expression", optional = true },
  })
  local table_name, column = own.references:match("^(.+)%.([^.]+)$")
  if not table_name then
    error('backfill.delete_orphans: references must be "table.column", not ' .. own.references, 2)
  end
  local mine = ident(spec.table) .. "." .. ident(own.column)
  local text = ("%s IS NOT NULL AND NOT EXISTS (SELECT 1 FROM %s AS wanted WHERE wanted.%s = %s)"):format(
    mine,
    place(table_name, own.references_schema),
    ident(column),
    mine
  )
  return delete("delete_orphans", spec, both(text, own.where))
end

-- "(kept.a, kept.b) < (t.a, t.b)", in the order of the key.
local function comes_before(key, mine, keep)
  local others, own = {}, {}
  for index, name in ipairs(key) do
    others[index], own[index] = "kept." .. ident(name), mine .. "." .. ident(name)
  end
  local sign = keep == "first" and "<" or ">"
  return ("(%s) %s (%s)"):format(table.concat(others, ", "), sign, table.concat(own, ", "))
end

--- All rows but one of those with the same values: { table =, by = { "email" }, key = "id", keep = "first" or "last",
--- where = which rows are looked at }. NULLs are not the same. The columns of `by` want an index.
function ready_made.dedupe(given)
  local own, spec = take("dedupe", given, {
    { "by", "names" },
    { "key", "names" },
    { "keep", "name", optional = true },
    { "where", "expression", optional = true },
  })
  local keep = own.keep or "first"
  if keep ~= "first" and keep ~= "last" then
    error(('backfill.dedupe: keep must be "first" or "last", not "%s"'):format(keep), 2)
  end
  local mine, conditions = ident(spec.table), {}
  for index, name in ipairs(list_of(own.by)) do
    conditions[index] = ("kept.%s = %s.%s"):format(ident(name), mine, ident(name))
  end
  conditions[#conditions + 1] = comes_before(list_of(own.key), mine, keep)
  spec.key = own.key
  local text = ("EXISTS (SELECT 1 FROM %s AS kept WHERE %s)"):format(
    place(spec.table, spec.schema),
    both(table.concat(conditions, " AND "), own.where) -- names in `where` are those of `kept` here
  )
  return delete("dedupe", spec, both(text, own.where))
end

-- { "a", b = "c" } -> { a = "a", b = "c" }
local function column_map(columns)
  local map, origins = {}, {}
  for from, to in pairs(columns) do
    from = math.type(from) and to or from
    if not kinds.name(from) or not kinds.name(to) then
      local wrong = kinds.name(from) and to or from
      error(("backfill.copy_table: columns must hold names, not %s"):format(check.describe(wrong)), 3)
    elseif map[from] or origins[to] then
      error(("backfill.copy_table: columns names %s twice"):format(map[from] and from or to), 3)
    end
    map[from], origins[to] = to, from
  end
  return map
end

--- Every row into another table: { table =, to =, columns = { "id", full_name = "name" }, to_schema = }.
function ready_made.copy_table(given)
  local own, spec = take("copy_table", given, {
    { "to", "name" },
    { "columns", "map" },
    { "to_schema", "name", optional = true },
  })
  local map = column_map(own.columns)
  local from = check.sorted_keys(map)
  local shown = {}
  for index, name in ipairs(from) do
    shown[index] = name .. "=" .. map[name]
  end
  spec.columns = from
  spec.recipe = recipe("copy_table", own.to_schema or "", own.to, table.concat(shown, ","))
  spec.row = function(row, batch)
    local copy = {}
    for _, name in ipairs(from) do
      local value = row[name]
      copy[map[name]] = value == nil and host.null or value
    end
    batch:insert(own.to, copy, own.to_schema)
  end
  return spec
end

return ready_made
