-- Operations on rows: execute and bulk_insert. Methods of the base dialect (../dialect.lua takes them in).

local check = require("moonbird.check")
local sql = require("moonbird.sql")

local data = {}

function data.render_execute(_, operation)
  local text = sql.text(operation.text)
  return { operation.params and { text, operation.params } or text }
end

local function check_value(row, name, value)
  local kind = type(value)
  local is_value = kind == "string" or kind == "number" or kind == "boolean" or sql.is(value) or sql.is_blob(value)
  if not is_value and not sql.is_null(value) then
    local hint = check.is_plain_table(value) and "; write json.encode(...) for a JSON document" or ""
    check.refuse("row %d, column %s: %s is not a value that SQL has%s", row, name, check.describe(value), hint)
  end
end

local function is_bound(value)
  return not sql.is_null(value) and not sql.is(value)
end

local function has_bound_value(rows, from, to)
  for index = from, to do
    for _, value in pairs(rows[index]) do
      if is_bound(value) then
        return true
      end
    end
  end
  return false
end

-- NULL and expressions stand in the text, all other values are parameters. Text without parameters is never scanned for
-- placeholders, so there its question marks stay single.
local function row_text(self, row, names, params)
  local pieces = {}
  for index, name in ipairs(names) do
    if is_bound(row[name]) then
      pieces[index] = "?"
      params[#params + 1] = row[name]
    else
      local text = self:literal(row[name])
      pieces[index] = params and self:verbatim(text) or text
    end
  end
  return "(" .. table.concat(pieces, ", ") .. ")"
end

local function insert_statement(self, operation, names, from, to)
  local rows, tuples = operation.rows, {}
  local into = "INSERT INTO " .. self:table_name(operation.table, operation.schema)
  if #names == 0 then
    return into .. " DEFAULT VALUES"
  end
  local params = has_bound_value(rows, from, to) and {} or nil
  for index = from, to do
    for _, name in ipairs(names) do
      check_value(index, name, rows[index][name])
    end
    tuples[#tuples + 1] = row_text(self, rows[index], names, params)
  end
  local text = ("%s (%s) VALUES %s"):format(into, self:ident_list(names), table.concat(tuples, ", "))
  return params and { text, params } or text
end

local function has_columns(row, names)
  for _, name in ipairs(names) do
    if row[name] == nil then
      return false
    end
  end
  local count = 0
  for _ in pairs(row) do
    count = count + 1
  end
  return count == #names
end

-- One INSERT for each run of rows that name the same columns, cut where the parameters would be too many. The order of
-- the rows is kept.
function data:render_bulk_insert(operation)
  local rows, statements, from = operation.rows, {}, 1
  while from <= #rows do
    local names = check.sorted_keys(rows[from])
    local most = #names == 0 and 1 or math.min(self.max_rows, self.max_params // #names)
    if operation.multiinsert == false then
      most = 1
    elseif most == 0 then
      check.refuse("a row of %d columns has more values than a statement can take (%d)", #names, self.max_params)
    end
    local to = from
    while to < #rows and to - from + 1 < most and has_columns(rows[to + 1], names) do
      to = to + 1
    end
    statements[#statements + 1] = insert_statement(self, operation, names, from, to)
    from = to + 1
  end
  return statements
end

return data
