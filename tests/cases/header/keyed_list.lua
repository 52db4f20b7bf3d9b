revision = "a1"
down_revision = { first = "b1" }
