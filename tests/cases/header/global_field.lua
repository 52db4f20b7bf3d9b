revision = "a1"
_G.down_revision = "b1"
