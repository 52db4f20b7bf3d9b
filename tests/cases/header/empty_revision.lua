revision = ""
down_revision = nil
