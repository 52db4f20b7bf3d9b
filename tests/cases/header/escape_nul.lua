revision = "a\0b"
down_revision = nil
