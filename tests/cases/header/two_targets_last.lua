x.y, revision = 1, "a1"
down_revision = nil
