-- The base dialect: standard SQL for names, literals and operations. A driver's dialect.lua is called with this table,
-- sets it as its own __index and overrides what differs; op.lua and the backfill engine call the result. Rendering is
-- pure: nothing here touches a database.

local check = require("moonbird.check")
local keyset = require("moonbird.keyset")
local sql = require("moonbird.sql")

local dialect = {
  name = "standard",
  reserved = {}, -- lower-case words that must be quoted, as a set
  max_params = 65535, -- parameters that one statement may have
  max_rows = 1000, -- rows of one multi-row INSERT
  type_names = {}, -- kind -> name, or function(dialect, type)
  words = {}, -- type names for Moonbird's own tables
  computed_default = "", -- STORED or VIRTUAL, where a computed column does not say it
  options = {}, -- operation kind -> { option = kind of value }: what only this database has
}

for name, method in pairs(keyset) do
  dialect[name] = method
end

-- "a b c" -> { a = true, b = true, c = true }
function dialect.word_set(text)
  local set = {}
  for word in text:gmatch("%S+") do
    set[word] = true
  end
  return set
end

-- --- names ---

-- Always quoted.
function dialect.quote(_, name)
  if type(name) ~= "string" or name == "" then
    check.refuse("a name must be a string that is not empty, got %s", check.describe(name))
  elseif name:find("\0", 1, true) then
    check.refuse("the name %q holds a NUL byte, which no identifier may", name)
  end
  return '"' .. name:gsub('"', '""') .. '"'
end

-- Quoted where it must be: what a person would write.
function dialect:ident(name)
  local quoted = self:quote(name)
  if name:find("^[a-z_][a-z0-9_]*$") and not self.reserved[name] then
    return name
  end
  return quoted
end

function dialect:table_name(name, schema)
  if schema == nil then
    return self:ident(name)
  end
  return self:ident(schema) .. "." .. self:ident(name)
end

-- "a, b" from names; `sql "..."` stays as it is.
function dialect:ident_list(names)
  local list = {}
  for index, name in ipairs(names) do
    list[index] = sql.is(name) and name[1] or self:ident(name)
  end
  return table.concat(list, ", ")
end

-- An FNV-1a hash in four hexadecimal digits, so that a cut name stays the same from run to run.
local function short_hash(text)
  local hash = 2166136261
  for index = 1, #text do
    hash = ((hash ~ text:byte(index)) * 16777619) & 0xffffffff
  end
  return ("%04x"):format((hash >> 16 ~ hash) & 0xffff)
end

-- Cuts a name that we made up to what the database keeps; never inside a UTF-8 character.
function dialect:fit_name(name)
  local limit = self.max_identifier
  if not limit or #name <= limit then
    return name
  end
  local length = limit - 5
  while length > 0 and (name:byte(length + 1) & 0xc0) == 0x80 do
    length = length - 1
  end
  return name:sub(1, length) .. "_" .. short_hash(name)
end

-- Alembic's name for an index without one: ix_table_column.
function dialect:index_name(table_name, elements)
  local words = { "ix", table_name }
  for _, element in ipairs(elements) do
    if sql.is(element) then
      check.refuse("an index on an expression must have a name")
    end
    words[#words + 1] = element
  end
  return self:fit_name(table.concat(words, "_"))
end

-- --- values ---

local function float_text(value)
  for digits = 15, 17 do
    local text = ("%." .. digits .. "g"):format(value)
    if tonumber(text) == value then
      return text:find("[%.eE]") and text or text .. ".0"
    end
  end
end

function dialect:float_literal(value)
  if value ~= value or value == math.huge or value == -math.huge then
    check.refuse("%s cannot be written as a number in %s", tostring(value), self.name)
  end
  return float_text(value)
end

function dialect.boolean_literal(_, value)
  return value and "TRUE" or "FALSE"
end

function dialect.blob_literal(_, bytes)
  return "X'" .. bytes:gsub(".", function(byte)
    return ("%02X"):format(byte:byte())
  end) .. "'"
end

function dialect.string_literal(_, text)
  if text:find("\0", 1, true) then
    check.refuse("the string %q holds a NUL byte, which SQL text cannot; use blob(...)", text)
  end
  return "'" .. text:gsub("'", "''") .. "'"
end

-- The text of an expression that the script gave; a dialect may replace what everybody writes and it does not have.
function dialect.expression(_, value)
  return sql.text(value)
end

function dialect:literal(value)
  if sql.is_null(value) then
    return "NULL"
  elseif sql.is(value) then
    return self:expression(value)
  elseif sql.is_blob(value) then
    return self:blob_literal(value[1])
  elseif type(value) == "boolean" then
    return self:boolean_literal(value)
  elseif math.type(value) == "integer" then
    return tostring(value)
  elseif type(value) == "number" then
    return self:float_literal(value)
  elseif type(value) == "string" then
    return self:string_literal(value)
  end
  check.refuse("%s is not a value that SQL has", check.describe(value))
end

-- A value in place of a parameter: it must mean the same wherever the parameter stood.
function dialect:parameter_literal(value)
  local text = self:literal(value)
  return text:find("^-") and "(" .. text .. ")" or text
end

-- Length of the quoted piece, comment or dollar quote at `at`; 0 where there is none. The same rules as the scanner of
-- placeholders in C.
local function opaque_end(text, at)
  local first = text:sub(at, at)
  if first == "'" or first == '"' or first == "`" then
    return text:find(first, at + 1, true) or #text
  elseif text:find("^%-%-", at) then
    return text:find("\n", at, true) or #text
  elseif text:find("^/%*", at) then
    local _, last = text:find("*/", at + 2, true)
    return last or #text
  end
  local tag = text:match("^%$[%a_]*[%w_]*%$", at)
  if tag then
    local _, last = text:find(tag, at + #tag, true)
    return last or #text
  end
end

-- SQL that stands in a statement with parameters: a question mark of its own (an operator of jsonb) is doubled, so that
-- it is not taken for a placeholder.
function dialect.verbatim(_, text)
  if not text:find("?", 1, true) then
    return text
  end
  local pieces, at = {}, 1
  while at <= #text do
    local last = opaque_end(text, at) or at
    local piece = text:sub(at, last)
    pieces[#pieces + 1] = piece == "?" and "??" or piece
    at = last + 1
  end
  return table.concat(pieces)
end

-- The first words of a statement in capitals with single blanks, comments in front passed over: enough to see what kind
-- of statement it is.
function dialect.leading_words(text)
  local at = 1
  while true do
    at = text:find("[^%s;]", at) or #text + 1
    local is_comment = text:find("^%-%-", at) or text:find("^/%*", at)
    if not is_comment then
      break
    end
    at = opaque_end(text, at) + 1
  end
  return (text:sub(at, at + 999):upper():gsub("%s+", " "):gsub(" $", ""))
end

-- A condition in parentheses; one that ends in a comment does not swallow the bracket.
function dialect.condition(_, text)
  text = sql.text(text)
  return "(" .. text .. (text:find("--", 1, true) and "\n" or "") .. ")"
end

-- --- types ---

function dialect:type_sql(type_)
  local name = self.type_names[type_.kind]
  if name == nil then
    check.refuse("%s has no type %s", self.name, type_.kind)
  end
  return type(name) == "function" and name(self, type_) or name
end

-- "VARCHAR(40)", or "VARCHAR" without a length; for tables of type_names.
function dialect.sized(name)
  return function(_, type_)
    return type_.length and ("%s(%d)"):format(name, type_.length) or name
  end
end

function dialect.numeric_name(_, type_)
  if not type_.precision then
    return "NUMERIC"
  elseif not type_.scale then
    return ("NUMERIC(%d)"):format(type_.precision)
  end
  return ("NUMERIC(%d, %d)"):format(type_.precision, type_.scale)
end

function dialect.raw_name(_, type_)
  return type_.sql
end

-- --- operations ---

-- An option as this database sees it: `sqlite_where` comes before `where`.
function dialect:option(operation, name)
  local own = operation[self.name .. "_" .. name]
  if own ~= nil then
    return own
  end
  return operation[name]
end

-- Options that this database cannot honour are an error, unless they were marked as meant for another one.
function dialect:refuse_options(operation, names)
  for _, name in ipairs(names) do
    if self:option(operation, name) then
      check.refuse(
        '%s has no option "%s"; if it is meant for another database, put the name in front (DATABASE_%s)',
        self.name,
        name,
        name
      )
    end
  end
end

-- The statements of an operation: a list of texts, or of { text, params, when = { query, params } }. A statement with
-- `when` is run only where the first value of that query is true.
function dialect:render(operation)
  local method = self["render_" .. operation.kind]
  if not method then
    check.refuse("%s cannot do it", self.name)
  end
  return method(self, operation)
end

local function add(list, text)
  if text and text ~= "" then
    list[#list + 1] = text
  end
end

local function add_all(list, more)
  for _, entry in ipairs(more) do
    list[#list + 1] = entry
  end
end

-- --- constraints ---

local function constraint_name(self, item)
  return item.name and ("CONSTRAINT %s "):format(self:ident(item.name)) or ""
end

local function timing(item)
  local text = ""
  if item.deferrable ~= nil then
    text = item.deferrable and " DEFERRABLE" or " NOT DEFERRABLE"
  end
  return item.initially and text .. " INITIALLY " .. item.initially:upper() or text
end

-- "o (id) ON DELETE CASCADE"
function dialect:referent(item)
  local text = ("%s (%s)"):format(
    self:table_name(item.referent_table, item.referent_schema),
    self:ident_list(item.referent_columns)
  )
  if item.match then
    text = text .. " MATCH " .. item.match:upper()
  end
  if item.onupdate then
    text = text .. " ON UPDATE " .. item.onupdate:upper()
  end
  if item.ondelete then
    -- only the verb in capitals: SET NULL (a) may name columns
    text = text .. " ON DELETE " .. item.ondelete:gsub("^[%a ]+", string.upper)
  end
  return text .. timing(item)
end

function dialect.unique_words()
  return "UNIQUE"
end

function dialect.constraint_suffix()
  return ""
end

local constraints = {}

function constraints.primary_key(self, item)
  return ("PRIMARY KEY (%s)"):format(self:ident_list(item.columns)) .. self:constraint_suffix(item) .. timing(item)
end

function constraints.unique(self, item)
  local words = self:unique_words(item)
  return ("%s (%s)"):format(words, self:ident_list(item.columns)) .. self:constraint_suffix(item) .. timing(item)
end

function constraints.foreign_key(self, item)
  return ("FOREIGN KEY (%s) REFERENCES %s"):format(self:ident_list(item.columns), self:referent(item))
end

function constraints.check(self, item)
  return "CHECK " .. self:condition(item.condition)
end

-- "CONSTRAINT name UNIQUE (a, b)"
function dialect:constraint(item)
  return constraint_name(self, item) .. constraints[item.kind](self, item)
end

-- --- columns ---

local integer_kinds = { smallint = true, integer = true, bigint = true }

-- Does the database number this column by itself? As SQLAlchemy's autoincrement = "auto": the only column of the
-- primary key, an integer, that gets its value from nowhere else.
function dialect.is_numbered(_, column, primary)
  if column.autoincrement == false or column.server_default ~= nil or column.computed then
    return false
  elseif column.autoincrement == true then
    if not integer_kinds[column.type.kind] then
      check.refuse("column %s: autoincrement needs an integer type, got %s", column.name, tostring(column.type))
    end
    return true
  end
  local is_alone = primary ~= nil and #primary.columns == 1 and primary.columns[1] == column.name
  return is_alone and integer_kinds[column.type.kind] == true and not column.references
end

function dialect:default_text(value)
  return self:literal(value)
end

function dialect.identity_text()
  return nil
end

function dialect:computed_text(column)
  local words = { [true] = " STORED", [false] = " VIRTUAL" }
  local text = "GENERATED ALWAYS AS " .. self:condition(column.computed.sql)
  return text .. (words[column.computed.persisted] or self.computed_default)
end

function dialect:collate_text(type_)
  return type_.collation and "COLLATE " .. self:ident(type_.collation)
end

local function primary_inline(self, column, primary)
  if not primary or not self:is_primary_inline(column, primary) then
    return nil
  end
  return constraint_name(self, primary) .. "PRIMARY KEY" .. self:constraint_suffix(primary)
end

function dialect.is_primary_inline()
  return false
end

function dialect.enum_check()
  return nil
end

-- name TYPE DEFAULT x NOT NULL CHECK (...). `primary` is the table's primary key item or nil.
function dialect:column_text(column, primary)
  local parts = { self:ident(column.name), self:type_sql(column.type) }
  add(parts, self:collate_text(column.type))
  add(parts, self:identity_text(column, primary))
  add(parts, column.server_default ~= nil and "DEFAULT " .. self:default_text(column.server_default))
  add(parts, column.computed and self:computed_text(column))
  add(parts, column.nullable == false and "NOT NULL")
  add(parts, primary_inline(self, column, primary))
  add(parts, self:enum_check(column))
  add(parts, column.check and "CHECK " .. self:condition(column.check))
  return table.concat(parts, " ")
end

-- --- tables ---

local function columns_of(items)
  local columns = {}
  for _, item in ipairs(items) do
    if item.kind == "column" then
      columns[#columns + 1] = item
    end
  end
  return columns
end

dialect.columns_of = columns_of

local function flagged_columns(columns)
  local names = {}
  for _, column in ipairs(columns) do
    if column.primary_key then
      names[#names + 1] = column.name
    end
  end
  return names
end

-- The primary key of a list of items, however it was written; nil if there is none.
function dialect.primary_of(_, items)
  local flagged = flagged_columns(columns_of(items))
  local primary
  for _, item in ipairs(items) do
    if item.kind == "primary_key" then
      if primary then
        check.refuse("the table has two primary keys (%s and %s)", primary.columns[1], item.columns[1])
      end
      primary = item
    end
  end
  if not primary then
    return #flagged > 0 and { kind = "primary_key", columns = flagged } or nil
  elseif #flagged > 0 and table.concat(flagged, "\0") ~= table.concat(primary.columns, "\0") then
    check.refuse("the primary key is given twice, by columns (%s) and by primary_key", table.concat(flagged, ", "))
  end
  return primary
end

-- Columns of the primary key are NOT NULL however it was written.
local function not_null(column, primary)
  for _, name in ipairs(primary and primary.columns or {}) do
    if name == column.name and column.nullable ~= false then
      return setmetatable({ nullable = false }, { __index = column })
    end
  end
  return column
end

local function foreign_key_of(column)
  return setmetatable({ kind = "foreign_key", columns = { column.name } }, { __index = column.references })
end

local function table_lines(self, operation, primary)
  local lines, last = {}, {}
  local is_inline = false
  for _, column in ipairs(columns_of(operation.items)) do
    column = not_null(column, primary)
    is_inline = is_inline or primary ~= nil and self:is_primary_inline(column, primary)
    add(lines, self:column_text(column, primary))
    if column.unique and not column.index then
      add(last, self:constraint({ kind = "unique", columns = { column.name } }))
    end
    add(last, column.references and self:constraint(foreign_key_of(column)))
  end
  add(lines, primary and not is_inline and self:constraint(primary))
  add_all(lines, last)
  for _, item in ipairs(operation.items) do
    if item.kind ~= "column" and item.kind ~= "primary_key" and item.kind ~= "index" then
      add(lines, self:constraint(item))
    end
  end
  return lines
end

-- A CREATE INDEX for every index item and every column with index = true.
local function table_indexes(self, operation)
  local list = {}
  for _, item in ipairs(operation.items) do
    if item.kind == "index" then
      local place = { table = operation.table, schema = operation.schema, if_not_exists = operation.if_not_exists }
      add(list, self:index_text(setmetatable(place, { __index = item })))
    elseif item.kind == "column" and item.index then
      add(list, self:column_index(operation, item))
    end
  end
  return list
end

function dialect:column_index(operation, column)
  return self:index_text({
    table = operation.table,
    schema = operation.schema,
    if_not_exists = operation.if_not_exists,
    columns = { column.name },
    unique = column.unique,
  })
end

function dialect.table_suffix()
  return ""
end

-- Statements that go before and after those that change a table: types, comments.
function dialect.before_table()
  return {}
end

function dialect.after_table()
  return {}
end

function dialect:render_create_table(operation)
  local primary = self:primary_of(operation.items, operation)
  local prefixes = operation.prefixes and table.concat(operation.prefixes, " ") .. " " or ""
  local text = ("CREATE %sTABLE %s%s (\n  %s\n)%s"):format(
    prefixes,
    operation.if_not_exists and "IF NOT EXISTS " or "",
    self:table_name(operation.table, operation.schema),
    table.concat(table_lines(self, operation, primary), ",\n  "),
    self:table_suffix(operation)
  )
  local statements = {}
  add_all(statements, self:before_table(operation, columns_of(operation.items)))
  add(statements, text)
  add_all(statements, table_indexes(self, operation))
  add_all(statements, self:after_table(operation, columns_of(operation.items)))
  return statements
end

function dialect:render_drop_table(operation)
  local guard = operation.if_exists and "IF EXISTS " or ""
  return { "DROP TABLE " .. guard .. self:table_name(operation.table, operation.schema) }
end

function dialect:render_rename_table(operation)
  local old = self:table_name(operation.table, operation.schema)
  return { ("ALTER TABLE %s RENAME TO %s"):format(old, self:ident(operation.new_name)) }
end

-- --- columns of a table that exists ---

-- REFERENCES and UNIQUE stand at the column itself: one statement, that is done or not done as a whole.
local function added_column_text(self, column)
  local primary = column.primary_key and { kind = "primary_key", columns = { column.name } } or nil
  local parts = { self:column_text(not_null(column, primary), primary) }
  add(parts, primary and not self:is_primary_inline(column, primary) and "PRIMARY KEY")
  add(parts, column.unique and not column.index and "UNIQUE")
  local key = column.references
  add(parts, key and constraint_name(self, key) .. "REFERENCES " .. self:referent(key))
  return table.concat(parts, " ")
end

-- What ALTER TABLE ... ADD COLUMN of this database cannot do is refused here.
function dialect.check_added_column() end

-- A dialect without IF NOT EXISTS for columns returns a statement with a guard instead.
function dialect:add_column_statement(operation, definition)
  return ("ALTER TABLE %s ADD COLUMN %s%s"):format(
    self:table_name(operation.table, operation.schema),
    operation.if_not_exists and "IF NOT EXISTS " or "",
    definition
  )
end

function dialect:drop_column_statement(operation)
  return ("ALTER TABLE %s DROP COLUMN %s%s"):format(
    self:table_name(operation.table, operation.schema),
    operation.if_exists and "IF EXISTS " or "",
    self:ident(operation.column)
  )
end

function dialect:render_add_column(operation)
  local column = operation.column
  self:check_added_column(column)
  local statements = {}
  add_all(statements, self:before_table(operation, { column }))
  add(statements, self:add_column_statement(operation, added_column_text(self, column)))
  add(statements, column.index and self:column_index(operation, column))
  add_all(statements, self:after_table(operation, { column }))
  return statements
end

function dialect:render_drop_column(operation)
  return { self:drop_column_statement(operation) }
end

-- --- indexes ---

function dialect:index_text(operation)
  local name = operation.name or self:index_name(operation.table, operation.columns)
  return ("CREATE %sINDEX %s%s ON %s (%s)"):format(
    operation.unique and "UNIQUE " or "",
    operation.if_not_exists and "IF NOT EXISTS " or "",
    self:ident(name),
    self:table_name(operation.table, operation.schema),
    self:ident_list(operation.columns)
  )
end

function dialect:render_create_index(operation)
  return { self:index_text(operation) }
end

function dialect:render_drop_index(operation)
  local guard = operation.if_exists and "IF EXISTS " or ""
  return { "DROP INDEX " .. guard .. self:table_name(operation.name, operation.schema) }
end

-- --- data ---

function dialect.render_execute(_, operation)
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
function dialect:render_bulk_insert(operation)
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
    add(statements, insert_statement(self, operation, names, from, to))
    from = to + 1
  end
  return statements
end

return dialect
