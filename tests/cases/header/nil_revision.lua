revision = nil
down_revision = nil
