revision = "a1"
down_revision = None
requires_backfill = 5
transaction = f()
