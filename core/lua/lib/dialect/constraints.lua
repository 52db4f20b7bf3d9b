-- The text of constraints. Methods of the base dialect (../dialect.lua takes them in).

local constraints = {}

-- "CONSTRAINT name ", or nothing.
function constraints:constraint_name(item)
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
function constraints:referent(item)
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

function constraints.unique_words()
  return "UNIQUE"
end

function constraints.constraint_suffix()
  return ""
end

local bodies = {}

function bodies.primary_key(self, item)
  return ("PRIMARY KEY (%s)"):format(self:ident_list(item.columns)) .. self:constraint_suffix(item) .. timing(item)
end

function bodies.unique(self, item)
  local words = self:unique_words(item)
  return ("%s (%s)"):format(words, self:ident_list(item.columns)) .. self:constraint_suffix(item) .. timing(item)
end

function bodies.foreign_key(self, item)
  return ("FOREIGN KEY (%s) REFERENCES %s"):format(self:ident_list(item.columns), self:referent(item))
end

function bodies.check(self, item)
  return "CHECK " .. self:condition(item.condition)
end

-- "CONSTRAINT name UNIQUE (a, b)"
function constraints:constraint(item)
  return self:constraint_name(item) .. bodies[item.kind](self, item)
end

return constraints
