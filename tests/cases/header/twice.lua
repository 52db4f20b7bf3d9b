revision = "a1"
down_revision = nil
revision = "a2"
