revision = 15
down_revision = None
