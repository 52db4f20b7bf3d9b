revision = "a1"
down_revision = None
if x: depends_on = "b"
