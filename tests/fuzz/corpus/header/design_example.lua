~--- Split full_name into first_name and last_name
--
-- Revision ID: 8f2c1d0e4b7a
-- Revises: 3b1d7c52a9e0
-- Create Date: 2026-11-22 12:00:00

revision = "8f2c1d0e4b7a"
down_revision = "3b1d7c52a9e0"      -- a string, a list of strings (merge), or nil (base)
branch_labels = nil                 -- a string or a list
depends_on = nil                    -- a string or a list

function upgrade()
  op.add_column("people", column("first_name", types.text()))
end

function downgrade() end
