--- Add email verification
--
-- Users that were there before 2025 count as verified.
--
-- Revision ID: abc123def456
-- Revises: 456def789ghi
-- Create Date: 2025-10-06 12:00:00

revision = "abc123def456"
down_revision = "456def789ghi"
branch_labels = nil
depends_on = nil

function upgrade()
  op.add_column("users", column("email_verified", types.boolean(), { nullable = false, server_default = false }))
  op.create_index("ix_users_email_verified", "users", { "email_verified" })
  op.execute("UPDATE users SET email_verified = true WHERE created_at < '2025-01-01'")
end

function downgrade()
  op.drop_index("ix_users_email_verified", "users")
  op.drop_column("users", "email_verified")
end
