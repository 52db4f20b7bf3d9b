-- What a person calls an operation: in the log, in messages, in the journal. Used by the rows beside it.

local sql = require("moonbird.sql")

local words = {}

function words.place(operation)
  return operation.schema and operation.schema .. "." .. operation.table or operation.table
end

function words.column_place(operation)
  local column = operation.column
  return words.place(operation) .. "." .. (type(column) == "table" and column.name or column)
end

-- "ix_people_name on people", "on people" where it has no name yet, "ix_people_name" where the table was not given
function words.named_place(operation)
  local name = operation.name and tostring(operation.name)
  if not operation.table then
    return name
  end
  return (name and name .. " " or "") .. "on " .. words.place(operation)
end

function words.rename_place(operation)
  return words.place(operation) .. " to " .. operation.new_name
end

-- Of what is no part of a table.
function words.object_place(operation)
  return operation.schema and operation.schema .. "." .. operation.name or operation.name
end

function words.object_rename(operation)
  return words.object_place(operation) .. " to " .. operation.new_name
end

local SUMMARY_WIDTH = 60

-- The beginning of the SQL, on one line.
function words.text_start(operation)
  local text = sql.text(operation.text):gsub("%s+", " "):gsub("^ ", ""):gsub(" $", "")
  if #text <= SUMMARY_WIDTH then
    return text
  end
  local width = SUMMARY_WIDTH
  while width > 0 and (text:byte(width + 1) & 0xc0) == 0x80 do
    width = width - 1
  end
  return text:sub(1, width) .. "..."
end

local function counted(count, noun)
  return ("%d %s%s"):format(count, noun, count == 1 and "" or "s")
end

function words.row_count(operation)
  return ("%s (%s)"):format(words.place(operation), counted(#operation.rows, "row"))
end

function words.change_count(operation)
  return ("%s (%s)"):format(words.place(operation), counted(#operation.operations, "change"))
end

return words
