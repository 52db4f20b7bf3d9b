revision = "a1", "b1"
down_revision = nil
