revision = "a1"
down_revision = nil
transaction = "false"
