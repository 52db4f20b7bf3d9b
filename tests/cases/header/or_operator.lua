revision = "a1"
down_revision = nil or "b"
