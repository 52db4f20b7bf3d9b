function upgrade() end
revision = "a1"
down_revision = nil
