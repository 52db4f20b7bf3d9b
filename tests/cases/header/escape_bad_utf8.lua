revision = "a\xff"
down_revision = nil
