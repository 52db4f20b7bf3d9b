revision = "a1" -- not a message
-- nor this
down_revision = nil
