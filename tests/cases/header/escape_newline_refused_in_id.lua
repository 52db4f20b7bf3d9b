revision = "a\nb"
down_revision = nil
