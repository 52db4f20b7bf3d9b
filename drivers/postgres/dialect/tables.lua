-- Tables of PostgreSQL: inheritance, partitions, storage, comments. Methods of the dialect (../dialect.lua takes them
-- in).

local list = require("moonbird.list")
local sql = require("moonbird.sql")
local suffixes = require("postgres.suffixes")

local tables = {}

local table_suffixes = {
  {
    "inherits",
    function(self, value)
      local places = {}
      for index, name in ipairs(type(value) == "string" and { value } or value) do
        local schema, bare = name:match("^(.+)%.([^.]+)$")
        places[index] = self:table_name(bare or name, schema)
      end
      return (" INHERITS (%s)"):format(table.concat(places, ", "))
    end,
  },
  {
    "partition_by",
    function(_, value)
      return " PARTITION BY " .. sql.text(value)
    end,
  },
  suffixes.with,
  {
    "on_commit",
    function(_, value)
      return " ON COMMIT " .. value
    end,
  },
  suffixes.tablespace,
}

function tables:table_suffix(operation)
  return suffixes.text(self, operation, table_suffixes)
end

function tables:after_table(operation, columns)
  local statements = {}
  if operation.comment then
    statements[1] = self:comment_statement(operation, operation.comment)
  end
  for _, column in ipairs(columns) do
    local comment = self:option(column, "comment")
    if comment then
      statements[#statements + 1] = self:alter_comment({
        table = operation.table,
        schema = operation.schema,
        column = column.name,
        comment = comment,
      })
    end
  end
  return statements
end

function tables:after_items(operation, items)
  local statements = {}
  for _, item in ipairs(items) do
    list.add(statements, self:item_comment(operation, item))
  end
  return statements
end

return tables
