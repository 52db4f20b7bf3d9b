revision = "A1".lower()
down_revision = None
