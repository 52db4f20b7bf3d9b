revision = "a\999"
down_revision = nil
