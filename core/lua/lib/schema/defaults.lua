-- What the comparison asks of a dialect, as it is where a database says nothing else. dialect.lua takes these methods
-- in; drivers override them beside their `schema` method, which reads the catalog. Pure.

local expression = require("moonbird.schema.expression")

local defaults = {}

--- Which parts of a schema the database has beside tables.
defaults.schema_parts = {}

--- Is a change of a table done by copying it, so that several are better done together?
defaults.alters_by_copy = false

--- Does op.create_table number an integer that is the whole key, unless it says autoincrement = false?
defaults.numbers_columns = false

--- Does the database give a constraint without a name the one of constraint_name_of?
defaults.names_constraints = false

--- Options of a table that are not false where nothing is said.
defaults.option_defaults = {}

--- The same text for two spellings that are one name to the database.
function defaults.name_key(_, name)
  return name
end

--- Are two types one to the database?
function defaults:same_type(a, b)
  local one, other = self:type_sql(a):lower():gsub("%s+", ""), self:type_sql(b):lower():gsub("%s+", "")
  return one == other and a.collation == b.collation
end

--- One spelling of an SQL text, for comparing two of them.
function defaults.normalize(_, text)
  return expression.normal(text)
end

--- Do two texts of SQL say the same?
function defaults:same_text(a, b)
  return a == b or a ~= nil and b ~= nil and self:normalize(a) == self:normalize(b)
end

--- Says of the live schema's columns how they are numbered as the models (nil: nobody) say it.
function defaults.settle_serials() end

--- A table of the models as the catalog would have it, without asking the database.
function defaults.comparable(_, table_)
  return table_
end

--- The same where texts differ: tables with expressions as this database prints them, in the same order; in the second
--- list, under the same number, why it does not say so.
function defaults.canonical(_, _, tables)
  return tables, {}
end

--- A constraint or an index of the table in words that a person would write and that mean the same; nil where it stands
--- so already.
function defaults.readable() end

--- A view's query as this database prints it.
function defaults.canonical_query(_, _, view)
  return view.definition
end

--- The indexes of a view as this database prints them.
function defaults.canonical_indexes(_, _, view)
  return view.indexes
end

--- The type that a column gets instead of `from`, with all that must be said for it to be so.
function defaults.full_type(_, _, to)
  return to
end

--- May a value of the one type not fit the other one, though no cast is needed?
function defaults.narrows()
  return false
end

--- Further options of alter_column for a column whose type changes.
function defaults.conversion()
  return {}
end

return defaults
