--- Create people
--
-- Revision ID: 3b1d7c52a9e0
-- Revises:
-- Create Date: 2026-11-20 09:00:00

revision = "3b1d7c52a9e0"
down_revision = nil

function upgrade()
  op.create_table("people", {
    column("id", types.integer(), { primary_key = true }),
    column("bioguide", types.varchar(7), { nullable = false, unique = true }),
    column("full_name", types.text(), { nullable = false, server_default = "" }),
    column("birthday", types.date()),
    column("chamber", types.varchar(3)),
    column("state", types.char(2)),
    column("party", types.text()),
  })
end

function downgrade()
  op.drop_table("people")
end
