import x as y, ids as revision
down_revision = None
