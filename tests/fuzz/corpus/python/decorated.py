revision = "a1"
down_revision = None

@x(depends_on=5)
def upgrade():
    depends_on = 1
