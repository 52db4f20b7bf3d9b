--- full name in one column
--
-- first_name and last_name become full_name, in batches, so that the application may go on meanwhile. The way back
-- parts the name at its first blank: "Ada King Lovelace" is Ada, King Lovelace.
--
-- Revision ID: 789ghi012jkl
-- Revises: abc123def456
-- Create Date: 2025-11-03 09:30:00

revision = "789ghi012jkl"
down_revision = "abc123def456"
branch_labels = nil
depends_on = nil

function upgrade()
  op.add_column("users", column("full_name", types.varchar(255)))
  op.backfill({
    table = "users",
    set = { full_name = sql("nullif(trim(coalesce(first_name, '') || ' ' || coalesce(last_name, '')), '')") },
  })
  op.drop_column("users", "first_name")
  op.drop_column("users", "last_name")
end

function downgrade()
  op.add_column("users", column("first_name", types.varchar(100)))
  op.add_column("users", column("last_name", types.varchar(100)))
  op.backfill({
    table = "users",
    columns = { "full_name" },
    row = function(user)
      local first, last = (user.full_name or ""):match("^(%S+)%s*(.*)$")
      return { first_name = first or null, last_name = last ~= "" and last or null }
    end,
  })
  op.drop_column("users", "full_name")
end
