revision = "m1"
down_revision = "a1", "b1",
