-- Rows of op.lua: operations on indexes.

local words = require("moonbird.op.words")

return {
  create_index = {
    arguments = { { "name", "final_name", optional = true }, { "table", "name" }, { "columns", "elements" } },
    options = {
      schema = "name",
      unique = "boolean",
      if_not_exists = "boolean",
      where = "expression",
      using = "name",
      include = "names",
      concurrently = "boolean",
      ops = "scalars",
      with = "scalars",
      tablespace = "name",
      nulls_not_distinct = "boolean",
      comment = "text",
    },
    summary = words.named_place,
    in_batch = true,
  },

  drop_index = {
    arguments = { { "name", "final_name" }, { "table", "name", optional = true } },
    options = { schema = "name", if_exists = "boolean", concurrently = "boolean" },
    summary = words.named_place,
    in_batch = true,
  },

  create_index_comment = {
    arguments = { { "name", "final_name" }, { "table", "name" }, { "comment", "text" } },
    options = { schema = "name", existing_comment = "changed_text" },
    summary = words.named_place,
    in_batch = true,
  },

  drop_index_comment = {
    arguments = { { "name", "final_name" }, { "table", "name" } },
    options = { schema = "name", existing_comment = "changed_text" },
    summary = words.named_place,
    in_batch = true,
  },
}
