-- Rows of op.lua: operations on whole tables.

local words = require("moonbird.op.words")

return {
  create_table = {
    arguments = { { "table", "name" }, { "items", "items" } },
    options = { schema = "name", if_not_exists = "boolean", comment = "text", prefixes = "texts", info = "any" },
    summary = words.place,
    -- Alembic returns the table, so that it can be handed to bulk_insert; here a table is its name
    result = function(operation)
      return operation.table
    end,
  },

  drop_table = {
    arguments = { { "table", "name" } },
    options = { schema = "name", if_exists = "boolean" },
    summary = words.place,
  },

  rename_table = {
    arguments = { { "table", "name" }, { "new_name", "name" } },
    options = { schema = "name" },
    summary = words.rename_place,
  },

  create_table_comment = {
    arguments = { { "table", "name" }, { "comment", "text" } },
    options = { schema = "name", existing_comment = "changed_text" },
    summary = words.place,
    in_batch = true,
  },

  drop_table_comment = {
    arguments = { { "table", "name" } },
    options = { schema = "name", existing_comment = "changed_text" },
    summary = words.place,
    in_batch = true,
  },
}
