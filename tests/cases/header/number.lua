revision = 12345
down_revision = nil
