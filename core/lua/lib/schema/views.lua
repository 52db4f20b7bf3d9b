-- What differs between the views of the models and of the database. A view is replaced as a whole, and so are those
-- that are built on it; a view that reads a column which is changed goes and comes back. Pure. Called by diff.lua.

local changes = require("moonbird.schema.changes")
local difference = require("moonbird.schema.difference")
local expression = require("moonbird.schema.expression")
local match = require("moonbird.schema.match")
local operations = require("moonbird.schema.operations")
local order = require("moonbird.schema.order")

local views = {}

local add, by_key, key_of = changes.add, changes.by_key, changes.key_of

-- In the words of the models, where it is theirs (texts.lua); one of the database has the names before renames.
local function create_view(view)
  local said = view.said or view
  local list = {
    {
      kind = "create_view",
      name = view.name,
      schema = view.schema,
      definition = said.definition,
      columns = said.columns,
      materialized = view.materialized or nil,
      comment = view.comment,
    },
  }
  for _, index in ipairs(view.indexes or {}) do
    list[#list + 1] = operations.create_item(view, index)
  end
  return list
end

local function drop_view(view)
  return { { kind = "drop_view", name = view.name, schema = view.schema, materialized = view.materialized or nil } }
end

local function message_of(verb, view)
  local word = view.materialized and "materialized view" or "view"
  return ("Detected %s %s '%s'"):format(verb, word, difference.place(view))
end

local function is_same_view(state, model, live)
  return (model.materialized or false) == (live.materialized or false)
    and (not state.dialect.schema_parts.view_columns or match.same_list(model.columns, live.columns))
    and state.dialect:same_text(model.definition, live.definition)
end

local stands_before_star = { select = true, distinct = true, all = true, [","] = true, ["."] = true }

-- SELECT *, v.*: what such a view has depends on its tables. (a * b and count(*) are another star.)
local function has_star(view)
  local last
  for _, token in ipairs(expression.tokens(view.said and view.said.definition or view.definition)) do
    if token == "*" and stands_before_star[last] then
      return true
    end
    last = token
  end
  return false
end

-- The tables that get columns, or other names for them.
local function note_grown_tables(state)
  for _, change in ipairs(state.changes) do
    if change.phase == "add_column" or change.phase == "add_computed" then
      state.grown[key_of(change.table)] = true
    elseif change.phase == "rename" and change.up[1].kind == "alter_column" then
      local operation = change.up[1]
      state.grown[key_of({ schema = operation.schema, name = operation.table })] = true
    end
  end
end

-- Does the view read a column that is named in one of the maps (table key -> { name = true }), or a whole table or view
-- that is named in `replaced`?
local function is_view_touched(view, replaced, maps)
  for _, use in ipairs(view.uses or {}) do
    local key = (type(use[1]) == "string" and use[1] or "") .. "\0" .. use[2]
    if replaced[key] then
      return true
    end
    for _, map in ipairs(maps) do
      if map[key] and map[key][use[3]] then
        return true
      end
    end
  end
  return false
end

-- Does the view change, by its text or by what its stars stand for? (Only a server that says what a view uses expands
-- them once and for all.)
local function is_changed_view(state, model, live)
  return not is_same_view(state, model, live) or is_view_touched(live, state.grown, {}) and has_star(model)
end

-- Columns that are dropped and made again.
local function note_replaced_columns(state)
  for _, change in ipairs(state.changes) do
    if change.phase == "drop_computed" or change.phase == "make_room_last" or change.phase == "drop_column" then
      local key = key_of(change.table)
      state.replaced[key] = state.replaced[key] or {}
      state.replaced[key][change.column.name] = true
    elseif change.phase == "drop_table" or change.phase == "drop_table_first" then
      state.dropped_tables[key_of(change.table)] = true
    end
  end
end

-- The live views for which goes(view, found) is true, and those that are built on them: key -> view.
local function closure(state, model_by_key, goes)
  local found, is_settled = {}, false
  while not is_settled do
    is_settled = true
    for _, view in ipairs(state.live.views) do
      local key = key_of(view)
      if not found[key] and state.filter("view", view, nil, true, model_by_key[key]) and goes(view, found) then
        found[key], is_settled = view, false
      end
    end
  end
  return found
end

-- Which live views must go: removed, changed, or built on what goes.
local function views_to_drop(state, model_by_key)
  local maps = { state.moved, state.gone, state.replaced, state.remade }
  return closure(state, model_by_key, function(view, found)
    local model = model_by_key[key_of(view)]
    return not model
      or is_changed_view(state, model, view)
      or is_view_touched(view, state.dropped_tables, maps)
      or is_view_touched(view, found, {})
  end)
end

-- Which are in the way of what is made anew on the way back only.
local function views_to_drop_back(state, model_by_key)
  return closure(state, model_by_key, function(view, found)
    return is_view_touched(view, found, { state.remade_back })
  end)
end

-- On the way back such a view goes just before the type is made anew, and comes after that.
local function drop_on_the_way_back(state, lives, back, dropped)
  for index = #lives, 1, -1 do
    local view = lives[index]
    if back[key_of(view)] then
      add(state, "view_last", nil, { view = view, up = {}, down = create_view(view) })
    end
  end
  for _, view in ipairs(lives) do
    if back[key_of(view)] and not dropped[key_of(view)] then
      add(state, "no_view_first", nil, { view = view, up = {}, down = drop_view(view) })
    end
  end
end

local function drop_views(state, lives, dropped, back, model_by_key)
  for index = #lives, 1, -1 do
    local view = lives[index]
    local key = key_of(view)
    if dropped[key] then
      local model = model_by_key[key]
      local verb = not model and "removed" or is_changed_view(state, model, view) and "changed"
      local message = verb and message_of(verb, view) or nil
      local down = back[key] and {} or create_view(view)
      add(state, "drop_view", message, { view = view, up = drop_view(view), down = down })
    end
  end
end

local function set_comment(view, comment)
  local kind = comment and "create_view_comment" or "drop_view_comment"
  local materialized = view.materialized or nil
  return { kind = kind, name = view.name, schema = view.schema, materialized = materialized, comment = comment }
end

local function compare_comment(state, model, live)
  if model.comment ~= live.comment and state.dialect.schema_parts.comments then
    add(state, "remark", ("Detected view comment '%s'"):format(difference.place(model)), {
      view = model,
      up = { set_comment(model, model.comment) },
      down = { set_comment(model, live.comment) },
    })
  end
end

local function compare_indexes(state, model, live)
  local found = difference.compare_indexes(model, live, state.dialect, state.filter)
  table.move(found, 1, #found, #state.changes + 1, state.changes)
end

-- The comments and indexes of views that stay. Those of the others come and go with them.
local function compare_parts(state, dropped, live_by_key)
  for _, view in ipairs(state.model.views) do
    local live = not dropped[key_of(view)] and live_by_key[key_of(view)]
    if live and state.filter("view", view, nil, false, live) then
      compare_comment(state, view, live)
      if live.indexes then
        compare_indexes(state, view, live)
      end
    end
  end
end

local function create_views(state, dropped, live_by_key)
  for _, view in ipairs(order.views(state.model.views)) do
    local live = live_by_key[key_of(view)]
    local is_wanted = state.filter("view", view, nil, false, live)
    if is_wanted and (not live or dropped[key_of(view)]) then
      local message = not live and message_of("added", view) or nil
      add(state, "create_view", message, { view = view, up = create_view(view), down = drop_view(view) })
    end
  end
end

--- Adds the changes of views to state.changes; those of tables and types are there already.
function views.compare(state)
  local model_by_key, live_by_key = by_key(state.model.views), by_key(state.live.views)
  note_replaced_columns(state)
  note_grown_tables(state)
  local dropped, back = views_to_drop(state, model_by_key), views_to_drop_back(state, model_by_key)
  local lives = order.views(state.live.views)
  drop_views(state, lives, dropped, back, model_by_key)
  create_views(state, dropped, live_by_key)
  compare_parts(state, dropped, live_by_key)
  drop_on_the_way_back(state, lives, back, dropped)
end

return views
