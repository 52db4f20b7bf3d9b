(x, revision) = 1, "a1"
down_revision = None
