-- Rows of op.lua: operations on the columns of a table that exists.

local column_parts = require("moonbird.column_parts")
local words = require("moonbird.op.words")

local function check_change(operation)
  if operation.using and not operation.type_ then
    return "using says how values become those of another type, and type_ is missing"
  end
  return column_parts.problem_of_changed_identity("identity", operation.identity)
    or column_parts.problem_of_changed_identity("existing_identity", operation.existing_identity)
    or column_parts.problem_of_computed("computed", operation.computed)
    or column_parts.problem_of_computed("existing_computed", operation.existing_computed)
end

return {
  add_column = {
    arguments = { { "table", "name" }, { "column", "column" } },
    -- both inline_ options are what happens in any case
    options = {
      schema = "name",
      if_not_exists = "boolean",
      inline_references = "boolean",
      inline_primary_key = "boolean",
    },
    batch_options = { insert_before = "name", insert_after = "name" },
    summary = words.column_place,
    in_batch = true,
  },

  -- nil is "leave as it is", null is "none any more"
  alter_column = {
    arguments = { { "table", "name" }, { "column", "name" } },
    options = {
      schema = "name",
      nullable = "boolean",
      server_default = "default",
      new_column_name = "name",
      type_ = "type",
      comment = "changed_text",
      identity = "changed_identity",
      computed = "changed_computed",
      autoincrement = "autoincrement",
      on_conflict_not_null = "conflict",
      using = "expression",
      existing_type = "type",
      existing_nullable = "boolean",
      existing_server_default = "default",
      existing_comment = "changed_text",
      existing_identity = "changed_identity",
      existing_computed = "changed_computed",
      existing_autoincrement = "autoincrement",
    },
    batch_options = { insert_before = "name", insert_after = "name" },
    prepare = check_change,
    summary = words.column_place,
    in_batch = true,
  },

  drop_column = {
    arguments = { { "table", "name" }, { "column", "name" } },
    options = { schema = "name", if_exists = "boolean" },
    summary = words.column_place,
    in_batch = true,
  },
}
