revision = "a" '1'
down_revision = ("b" "1", "c1")
