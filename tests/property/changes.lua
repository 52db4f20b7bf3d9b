-- Random changes of the models of parts.lua for autogenerate.lua, one a function. A new change is one more.

local parts = require("parts")

local random = math.random
local chance, pick, of_kind, new_name = parts.chance, parts.pick, parts.of_kind, parts.new_name

local function any_table(model)
  return pick(model.tables)
end

local function free_column(table_)
  local found = {}
  for index, column in ipairs(table_.columns) do
    found[#found + 1] = not column.is_used and index or nil
  end
  return #found > 0 and #table_.columns > 1 and pick(found) or nil
end

-- Calls f(column, table) for each column of the enum.
local function each_user(model, enum, f)
  for _, table_ in ipairs(model.tables) do
    for _, column in ipairs(table_.columns) do
      if column.enum == enum then
        f(column, table_)
      end
    end
  end
end

local changes = {
  add_table = parts.new_table,
  drop_table = function(model)
    for index, table_ in ipairs(model.tables) do
      if not table_.is_target and #model.tables > 1 then
        table.remove(model.tables, index)
        return
      end
    end
  end,
  -- --rename says it; what refers to the table by name is not changed
  rename_table = function(model)
    local table_ = any_table(model)
    if not table_.is_target and not table_.schema and table_.original then
      table_.name = "r" .. new_name(model, "r"):gsub("[.]", "")
    end
  end,
  rename_column = function(model)
    local table_ = any_table(model)
    local index = free_column(table_)
    if index and not table_.schema and table_.original and table_.columns[index].original then
      table_.columns[index].name = new_name(model, "r")
    end
  end,
  change_key = function(model)
    parts.change_key(model, any_table(model))
  end,
  change_options = function(model)
    parts.change_options(model, any_table(model))
  end,
  add_column = function(model)
    table.insert(any_table(model).columns, parts.new_column(model))
  end,
  insert_column = function(model)
    local columns = any_table(model).columns
    table.insert(columns, random(#columns), parts.new_column(model))
  end,
  -- on PostgreSQL it comes back as the last one, and a star stands for another order
  drop_column = function(model)
    local table_ = any_table(model)
    local index = free_column(table_)
    if index and not (table_.is_starred and model.kind == "postgres") then
      table.remove(table_.columns, index)
    end
  end,
  change_type = function(model)
    local texts = of_kind(any_table(model), "is_text")
    if #texts > 0 then
      pick(texts).type = parts.text_type(model)
    end
  end,
  change_number = function(model)
    local numbers = of_kind(any_table(model), "is_number")
    if #numbers > 0 then
      pick(numbers).type = pick(parts.number_types)
    end
  end,
  -- a text becomes a number, or the other way round
  change_kind = function(model)
    local table_ = any_table(model)
    local column = table_.columns[free_column(table_)]
    if not column or not (column.is_number or column.is_text) then
      return
    end
    column.is_number, column.is_text = not column.is_number, not column.is_text
    column.type = column.is_number and pick(parts.number_types) or parts.text_type(model)
    column.default = parts.default_of(column)
  end,
  -- the new value is at once a default, or in a condition
  add_enum_value = function(model)
    if #model.enums == 0 then
      return
    end
    local enum, value = pick(model.enums), new_name(model, "new"):gsub("'", "")
    table.insert(enum.values, random(#enum.values + 1), value)
    each_user(model, enum, function(column, table_)
      column.default_value = chance(60) and value or column.default_value
      if chance(50) then
        parts.new_enum_item(model, table_)
      end
    end)
  end,
  remove_enum_value = function(model)
    local enum = #model.enums > 0 and pick(model.enums)
    if not enum or #enum.values == 1 then
      return
    end
    local value = table.remove(enum.values, random(#enum.values))
    each_user(model, enum, function(column, table_)
      if column.default_value == value then
        column.default_value = chance(50) and pick(enum.values) or nil
      end
      for index = #table_.enum_items, 1, -1 do
        local item = table_.enum_items[index]
        if item.enum == enum and item.value == value then
          table.remove(table_.enum_items, index)
        end
      end
    end)
  end,
  move_enum_value = function(model)
    local enum = #model.enums > 0 and pick(model.enums)
    if enum then
      table.insert(enum.values, 1, table.remove(enum.values))
    end
  end,
  add_enum_item = function(model)
    parts.new_enum_item(model, any_table(model))
  end,
  add_enum = function(model)
    if model.kind == "postgres" then
      table.insert(any_table(model).columns, parts.new_enum_column(model))
    end
  end,
  add_view = parts.new_view,
  drop_view = function(model)
    table.remove(model.views)
  end,
  change_view = function(model)
    local view = model.views[1]
    if view then
      view.text = view.text:gsub("%+ %d+", "+ " .. random(100, 199))
    end
  end,
  change_view_comment = function(model)
    if model.kind == "postgres" and #model.views > 0 then
      pick(model.views).comment = chance(60) and "another " .. random(99) or nil
    end
  end,
  add_sequence = function(model)
    if model.kind == "postgres" then
      parts.new_sequence(model)
    end
  end,
  change_sequence = function(model)
    local sequence = model.sequences[1]
    if sequence then
      sequence.cache, sequence.increment = random(2, 9), pick({ 1, 2, 5 })
      sequence.type = chance(40) and "types.integer()" or nil
    end
  end,
  drop_sequence = function(model)
    table.remove(model.sequences)
  end,
  change_table_comment = function(model)
    if model.kind == "postgres" then
      any_table(model).comment = chance(70) and "all of it " .. random(99) or nil
    end
  end,
  add_computed = function(model)
    parts.new_computed(model, any_table(model))
  end,
  change_computed = function(model)
    local computed = of_kind(any_table(model), "computed")
    if #computed > 0 then
      local column = pick(computed)
      column.computed = chance(70) and column.computed:gsub("%d+$", tostring(random(10, 99))) or nil
    end
  end,
  change_nullable = function(model)
    local column = pick(any_table(model).columns)
    column.is_required = not column.computed and not column.is_required and not column.name:find("^fk")
  end,
  change_default = function(model)
    local column = pick(any_table(model).columns)
    if not (column.computed or column.enum) then
      column.default = parts.default_of(column)
    end
  end,
  change_comment = function(model)
    if model.kind == "postgres" then
      pick(any_table(model).columns).comment = chance(70) and "another " .. random(99) or nil
    end
  end,
  add_item = function(model)
    parts.add_item(model, any_table(model))
  end,
  -- another one under the same name
  change_item = function(model)
    local items = any_table(model).items
    local item = #items > 0 and pick(items)
    if item then
      item.text = item.remake() or item.text
    end
  end,
  drop_item = function(model)
    local table_ = any_table(model)
    if #table_.items > 0 then
      table.remove(table_.items, random(#table_.items))
    end
  end,
  add_key = function(model)
    local table_, target = any_table(model), any_table(model)
    table.insert(table_.items, parts.new_key(model, table_, target))
  end,
}

return changes
