-- What to do about errors of PostgreSQL, in the words of a revision: behind the server's own hint, which speaks of SQL
-- alone. A method of the dialect (../dialect.lua takes it in).

local advice = {}

local BEFORE = "Drop them before it (op.drop_view, op.drop_constraint ...), or give this statement to op.execute."

-- SQLSTATE, a pattern that the statement has, and what is said in a revision in Lua.
local rows = {
  {
    "55P04",
    "",
    "op.autocommit_block(function() op.add_enum_value(...) end), before what uses the value, commits it; "
      .. "op.alter_enum makes the type anew, its values can be used at once",
  },
  { "42710", "^CREATE TYPE ", "types.enum(name, values, { create_type = false }) uses the type that is there" },
  { "42804", "^ALTER TABLE .* ALTER COLUMN .* TYPE ", 'op.alter_column takes it as using = "...".' },
  {
    "0A000",
    "^ALTER TABLE .* ALTER COLUMN .* TYPE ",
    "Take it away before, and make it again behind: op.drop_view and op.create_view, or op.execute.",
  },
  { "2BP01", "^ALTER TABLE .* DROP COLUMN ", BEFORE },
  { "2BP01", "^DROP TABLE ", BEFORE },
  { "2BP01", "^ALTER TABLE .* DROP CONSTRAINT ", "The option cascade = true does that." },
  { "2BP01", "^DROP ", "The option cascade = true does that." },
}

local IN_A_FILE = "`-- transaction: false` in the header commits each statement by itself; or add the value in a "
  .. "revision before this one, and run each revision in its own transaction"

function advice.advice(_, sqlstate, is_file, statement)
  if is_file then
    return sqlstate == "55P04" and IN_A_FILE or nil
  end
  for _, row in ipairs(rows) do
    if row[1] == sqlstate and (statement or ""):find(row[2]) then
      return row[3]
    end
  end
end

return advice
