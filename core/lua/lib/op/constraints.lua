-- Rows of op.lua: operations on the constraints of a table that exists. Each operation has the fields of the item that
-- stands for the constraint in op.create_table (items.lua), and the table.

local sql = require("moonbird.sql")
local words = require("moonbird.op.words")

local NAME = { "name", "final_name", optional = true }

local function with_timing(options)
  options.schema, options.deferrable, options.initially = "name", "boolean", "initially"
  options.comment = "text"
  return options
end

local function check_lengths(operation)
  if #operation.columns ~= #operation.referent_columns then
    return ("%d columns refer to %d"):format(#operation.columns, #operation.referent_columns)
  end
end

-- The source's schema is Alembic's source_schema here, because there are two.
local function prepare_foreign_key(operation)
  if operation.source_schema and operation.schema and operation.source_schema ~= operation.schema then
    return "source_schema and schema are the same option, give one of them"
  end
  operation.schema = operation.source_schema or operation.schema
  operation.source_schema = nil
  return check_lengths(operation)
end

local function is_exclusion(value)
  local is_list = type(value) == "table" and not sql.is(value)
  return is_list and (type(value[1]) == "string" or sql.is(value[1]))
end

-- ("x", "t", { "room", "=" }, { "during", "&&" }, { using = "gist" }), as in Alembic: the elements from argument `at`
-- on become one list.
local function gather_elements(args, at)
  local elements, last = {}, at
  while is_exclusion(args[last]) do
    elements[#elements + 1] = args[last]
    last = last + 1
  end
  if #elements == 0 then
    return args
  end
  local gathered = table.move(args, 1, at - 1, 1, {})
  gathered[at] = elements
  table.move(args, last, args.n, at + 1, gathered)
  gathered.n = at + args.n - last + 1
  return gathered
end

-- Without a name the database must find the constraint by what it says.
local function prepare_drop(operation)
  if operation.name == nil and not operation.type_ then
    return 'without a name it needs type_ = "unique", "foreignkey", "primary", "check" or "exclude"'
  end
end

return {
  create_unique_constraint = {
    arguments = { NAME, { "table", "name" }, { "columns", "names" } },
    options = with_timing {
      include = "names",
      nulls_not_distinct = "boolean",
      using_index = "name",
      on_conflict = "conflict",
    },
    summary = words.named_place,
    in_batch = true,
  },

  create_primary_key = {
    arguments = { NAME, { "table", "name" }, { "columns", "names" } },
    options = with_timing { include = "names", using_index = "name", on_conflict = "conflict" },
    summary = words.named_place,
    in_batch = true,
  },

  create_check_constraint = {
    arguments = { NAME, { "table", "name" }, { "condition", "expression" } },
    options = {
      schema = "name",
      not_valid = "boolean",
      no_inherit = "boolean",
      on_conflict = "conflict",
      comment = "text",
    },
    summary = words.named_place,
    in_batch = true,
  },

  create_foreign_key = {
    arguments = {
      NAME,
      { "table", "name" },
      { "referent_table", "name" },
      { "columns", "names" },
      { "referent_columns", "names" },
    },
    options = with_timing {
      source_schema = "name",
      referent_schema = "name",
      onupdate = "action",
      ondelete = "action",
      match = "match",
      not_valid = "boolean",
    },
    prepare = prepare_foreign_key,
    summary = words.named_place,
    in_batch = true,
  },

  create_exclude_constraint = {
    arguments = { NAME, { "table", "name" }, { "elements", "exclusions" } },
    options = with_timing { using = "name", where = "expression", ops = "scalars" },
    gather = gather_elements,
    summary = words.named_place,
    in_batch = true,
  },

  -- `columns` and `condition` are for a constraint without a name
  drop_constraint = {
    arguments = { NAME, { "table", "name" }, { "type_", "constraint_type", optional = true } },
    options = {
      schema = "name",
      type_ = "constraint_type",
      if_exists = "boolean",
      cascade = "boolean",
      columns = "names",
      condition = "expression",
    },
    prepare = prepare_drop,
    summary = words.named_place,
    in_batch = true,
  },

  validate_constraint = {
    arguments = { { "name", "final_name" }, { "table", "name" } },
    options = { schema = "name" },
    summary = words.named_place,
  },

  -- `type_` is for a naming convention, as that of drop_constraint
  create_constraint_comment = {
    arguments = { { "name", "final_name" }, { "table", "name" }, { "comment", "text" } },
    options = { schema = "name", type_ = "constraint_type", existing_comment = "changed_text" },
    summary = words.named_place,
    in_batch = true,
  },

  drop_constraint_comment = {
    arguments = { { "name", "final_name" }, { "table", "name" } },
    options = { schema = "name", type_ = "constraint_type", existing_comment = "changed_text" },
    summary = words.named_place,
    in_batch = true,
  },
}
