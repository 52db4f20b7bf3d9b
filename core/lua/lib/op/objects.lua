-- Rows of op.lua: what a schema has besides tables: schemas, extensions, enums, sequences, views, functions, triggers.

local check = require("moonbird.check")
local words = require("moonbird.op.words")

local NAME = { "name", "name" }

-- Options of what is dropped by its name alone.
local function dropped(more)
  local options = { schema = "name", if_exists = "boolean", cascade = "boolean" }
  for name, kind in pairs(more or {}) do
    options[name] = kind
  end
  return options
end

local function numbered(more)
  local options = {
    schema = "name",
    type_ = "type",
    start = "integer",
    increment = "integer",
    minvalue = "limit",
    maxvalue = "limit",
    cycle = "boolean",
    cache = "integer",
    owned_by = "column_place_or_null",
  }
  for name, kind in pairs(more) do
    options[name] = kind
  end
  return options
end

local function check_enum_change(operation)
  local is_value = {}
  for _, value in ipairs(operation.values) do
    is_value[value] = true
  end
  for _, old in ipairs(check.sorted_keys(operation.rename or {})) do
    if not is_value[operation.rename[old]] then
      return ('rename: "%s" shall be called "%s", which is not among the values'):format(old, operation.rename[old])
    end
  end
end

local function check_enum_place(operation)
  if operation.before and operation.after then
    return "before and after cannot be given together"
  end
end

local function check_trigger(operation)
  if not operation.timing or not operation.events then
    return 'timing ("BEFORE", "AFTER", "INSTEAD OF") and events ({ "INSERT", "UPDATE OF a" }) are needed'
  end
  operation.events = type(operation.events) == "string" and { operation.events } or operation.events
end

return {
  create_schema = {
    arguments = { NAME },
    options = { if_not_exists = "boolean", authorization = "name" },
    summary = words.object_place,
  },

  drop_schema = {
    arguments = { NAME },
    options = { if_exists = "boolean", cascade = "boolean" },
    summary = words.object_place,
  },

  create_extension = {
    arguments = { NAME },
    options = { schema = "name", if_not_exists = "boolean", version = "text", cascade = "boolean" },
    summary = words.object_place,
  },

  drop_extension = {
    arguments = { NAME },
    options = { if_exists = "boolean", cascade = "boolean" },
    summary = words.object_place,
  },

  create_enum = {
    arguments = { NAME, { "values", "labels" } },
    options = { schema = "name", if_not_exists = "boolean", comment = "text" },
    summary = words.object_place,
  },

  drop_enum = { arguments = { NAME }, options = dropped(), summary = words.object_place },

  rename_enum = {
    arguments = { NAME, { "new_name", "name" } },
    options = { schema = "name" },
    summary = words.object_rename,
  },

  add_enum_value = {
    arguments = { NAME, { "value", "text" } },
    options = { schema = "name", before = "text", after = "text", if_not_exists = "boolean" },
    prepare = check_enum_place,
    summary = words.object_place,
  },

  -- `rename` says what old values are called now; what is not in `values` any more must be in no row
  alter_enum = {
    arguments = { NAME, { "values", "labels" } },
    options = { schema = "name", rename = "renames", comment = "text" },
    prepare = check_enum_change,
    summary = words.object_place,
  },

  create_enum_comment = {
    arguments = { NAME, { "comment", "text" } },
    options = { schema = "name" },
    summary = words.object_place,
  },

  drop_enum_comment = { arguments = { NAME }, options = { schema = "name" }, summary = words.object_place },

  rename_enum_value = {
    arguments = { NAME, { "value", "text" }, { "new_value", "text" } },
    options = { schema = "name" },
    summary = words.object_place,
  },

  create_sequence = {
    arguments = { NAME },
    options = numbered { if_not_exists = "boolean", temporary = "boolean", comment = "text" },
    summary = words.object_place,
  },

  alter_sequence = {
    arguments = { NAME },
    options = numbered { if_exists = "boolean", restart = "restart", comment = "changed_text" },
    summary = words.object_place,
  },

  rename_sequence = {
    arguments = { NAME, { "new_name", "name" } },
    options = { schema = "name" },
    summary = words.object_rename,
  },

  drop_sequence = { arguments = { NAME }, options = dropped(), summary = words.object_place },

  create_view = {
    arguments = { NAME, { "definition", "expression" } },
    options = {
      schema = "name",
      replace = "boolean",
      if_not_exists = "boolean",
      temporary = "boolean",
      columns = "names",
      materialized = "boolean",
      with_data = "boolean",
      check_option = "check_option",
      using = "name",
      with = "scalars",
      tablespace = "name",
      comment = "text",
    },
    summary = words.object_place,
  },

  drop_view = { arguments = { NAME }, options = dropped { materialized = "boolean" }, summary = words.object_place },

  create_view_comment = {
    arguments = { NAME, { "comment", "text" } },
    options = { schema = "name", materialized = "boolean", existing_comment = "changed_text" },
    summary = words.object_place,
  },

  drop_view_comment = {
    arguments = { NAME },
    options = { schema = "name", materialized = "boolean", existing_comment = "changed_text" },
    summary = words.object_place,
  },

  refresh_materialized_view = {
    arguments = { NAME },
    options = { schema = "name", concurrently = "boolean", with_data = "boolean" },
    summary = words.object_place,
  },

  create_function = {
    arguments = { NAME, { "body", "expression" } },
    options = {
      schema = "name",
      arguments = "text",
      returns = "text",
      language = "name",
      replace = "boolean",
      procedure = "boolean",
      volatility = "volatility",
      strict = "boolean",
      security_definer = "boolean",
      leakproof = "boolean",
      parallel = "parallel",
      cost = "integer",
      rows = "integer",
      set = "scalars",
    },
    summary = words.object_place,
  },

  drop_function = {
    arguments = { NAME },
    options = dropped { arguments = "text", procedure = "boolean" },
    summary = words.object_place,
  },

  create_trigger = {
    arguments = { NAME, { "table", "name" } },
    options = {
      schema = "name",
      timing = "moment",
      events = "text_or_texts",
      for_each = "granularity",
      when = "expression",
      execute = "expression",
      body = "expression",
      replace = "boolean",
      if_not_exists = "boolean",
      constraint = "boolean",
      deferrable = "boolean",
      initially = "initially",
      referencing = "text",
    },
    prepare = check_trigger,
    summary = words.named_place,
  },

  drop_trigger = {
    arguments = { NAME, { "table", "name" } },
    options = dropped(),
    summary = words.named_place,
  },
}
