PREVIOUS = "a0"
revision = "a1"
# the parent
down_revision = PREVIOUS
