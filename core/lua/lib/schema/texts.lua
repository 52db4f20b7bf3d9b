-- Texts of SQL in the models and in the database: defaults, conditions, expressions, queries. Where they differ, the
-- database is asked how it prints those of the models. Called by command.lua before the comparison, which is pure.

local changes = require("moonbird.schema.changes")
local host = require("moonbird.host")
local log = require("moonbird.log")
local match = require("moonbird.schema.match")
local operations = require("moonbird.schema.operations")
local sql = require("moonbird.sql")

local texts = {}

local function same_items(models, lives)
  local added, removed, changed = match.lists(models, lives, host.dialect)
  return #added + #removed + #changed == 0
end

local function same_column_texts(a, b)
  local dialect = host.dialect
  local first = a.server_default ~= nil and dialect:default_text(a.server_default) or nil
  local second = b.server_default ~= nil and dialect:default_text(b.server_default) or nil
  local one, other = a.computed and a.computed.sql, b.computed and b.computed.sql
  return dialect:same_text(first, second) and dialect:same_text(one, other) and dialect:same_type(a.type, b.type)
end

-- Is there a text in the table that is not the database's, letter for letter?
local function may_differ(table_, live)
  local by_name = {}
  for _, column in ipairs(live.columns) do
    by_name[column.name] = column
  end
  for _, column in ipairs(table_.columns) do
    local other = by_name[column.name]
    if other and not same_column_texts(column, other) then
      return true
    end
  end
  return not (
    same_items(table_.checks, live.checks)
    and same_items(table_.indexes, live.indexes)
    and same_items(table_.excludes, live.excludes)
  )
end

-- --- as a person writes them ---

local lists = { "checks", "excludes", "indexes" }

--- Notes for the items of the live schema how they are written in models and revisions.
function texts.show(live)
  for _, table_ in ipairs(live.tables) do
    for _, list in ipairs(lists) do
      for _, item in ipairs(table_[list]) do
        item.shown = host.dialect:readable(item, table_)
      end
    end
  end
end

local function in_own_words(item, table_)
  return host.dialect:readable(item, table_) or item
end

-- The model's item is the live one where a person would write both in the same way, with the columns of the model.
local function take_shown(item, other, table_)
  local dialect = host.dialect
  if item.name ~= nil and item.name ~= other.name or match.same(item, other, dialect) then
    return
  end
  if match.same(in_own_words(item, table_), in_own_words(other, table_), dialect) then
    item.shown = item.shown or operations.with_name(item, item.name)
    for _, field in ipairs({ "condition", "where", "columns" }) do
      item[field] = other[field]
    end
  end
end

local function take_shown_texts(table_, live)
  for _, list in ipairs(lists) do
    for _, item in ipairs(table_[list]) do
      for _, other in ipairs(live[list]) do
        take_shown(item, other, table_)
      end
    end
  end
end

-- --- asking the database ---

local has_warned = false

-- Where the server may not be asked, texts are compared as they are.
local function warn_once(problem)
  local state = type(problem) == "userdata" and problem.sqlstate or ""
  if not has_warned and (state == "25006" or state == "42501") then
    has_warned = true
    local format = "the database cannot be asked how it writes expressions (%s): defaults, conditions and views may be "
      .. "shown as different where they mean the same"
    log.warn(format:format(tostring(problem)))
  end
end

-- The model's text becomes the live one where the server prints both in the same way: what it prints is not always what
-- it makes of that when it reads it again.
local function take_live_texts(printed, printed_live, live, fields)
  local by_name, lives = {}, {}
  for _, item in ipairs(printed_live) do
    by_name[item.name or 0] = item
  end
  for _, item in ipairs(live) do
    lives[item.name or 0] = item
  end
  for _, item in ipairs(printed) do
    local again, other = by_name[item.name or 0], lives[item.name or 0]
    for _, field in ipairs(again and other and fields or {}) do
      if item[field] and again[field] and sql.text(item[field]) == sql.text(again[field]) then
        item[field] = other[field]
      end
    end
  end
end

-- The pairs { table, live } whose texts may differ still, once the tables are as the server prints them.
local function print_models(pairs_)
  local asked, open = {}, {}
  for number, pair in ipairs(pairs_) do
    asked[number] = pair.table
  end
  local printed, problems = host.dialect:canonical(host.connection, asked)
  for number, pair in ipairs(pairs_) do
    pair.table = printed[number]
    take_shown_texts(pair.table, pair.live)
    warn_once(problems[number])
    if not problems[number] and may_differ(pair.table, pair.live) then
      open[#open + 1] = pair
    end
  end
  return open
end

local function print_lives(pairs_)
  local asked = {}
  for number, pair in ipairs(pairs_) do
    asked[number] = pair.live
  end
  local printed = host.dialect:canonical(host.connection, asked)
  for number, pair in ipairs(pairs_) do
    local again, live = printed[number], pair.live
    take_live_texts(pair.table.checks, again.checks, live.checks, { "condition" })
    take_live_texts(pair.table.indexes, again.indexes, live.indexes, { "where" })
  end
end

-- All tables are asked for together: the server answers many at once far sooner than each alone.
local function settle_tables(schema, live)
  local tables, asked = changes.by_key(live.tables), {}
  for index, table_ in ipairs(schema.tables) do
    local other = tables[changes.key_of(table_)]
    if other then
      take_shown_texts(table_, other)
    end
    if other and may_differ(table_, other) then
      asked[#asked + 1] = { table = table_, live = other, index = index }
    end
  end
  print_lives(print_models(asked))
  for _, pair in ipairs(asked) do
    schema.tables[pair.index] = pair.table
  end
end

-- A view's query, likewise.
local function settle_view(view, live)
  local dialect = host.dialect
  local printed, problem = dialect:canonical_query(host.connection, view)
  local is_same = dialect:same_text(printed, live.definition)
  if not is_same and not problem then
    is_same = dialect:same_text(printed, (dialect:canonical_query(host.connection, live)))
  end
  view.definition = is_same and live.definition or printed
  if not dialect.schema_parts.view_columns then
    view.columns = nil -- the query has their names now
  end
  warn_once(problem)
end

-- `said` has the words of the models, for a view that is made anew.
local function settle_views(schema, live)
  local dialect, lives = host.dialect, changes.by_key(live.views)
  for _, view in ipairs(schema.views) do
    local other = lives[changes.key_of(view)]
    local has_names = view.columns and not dialect.schema_parts.view_columns
    view.said = { definition = view.definition, columns = view.columns }
    if other and (has_names or not dialect:same_text(view.definition, other.definition)) then
      settle_view(view, other)
    end
    if other and not same_items(view.indexes, other.indexes or {}) then
      local problem
      view.indexes, problem = dialect:canonical_indexes(host.connection, view)
      warn_once(problem)
    end
  end
end

--- Gives the models the texts of the live schema where they say the same.
function texts.settle(schema, live)
  settle_tables(schema, live)
  settle_views(schema, live)
end

return texts
