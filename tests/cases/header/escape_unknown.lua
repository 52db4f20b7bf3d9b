revision = "a\qb"
down_revision = nil
