revision = "a1"
down_revision = tuple(["b1"])
