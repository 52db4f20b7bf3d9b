-- first
revision = "a1"

function upgrade() end
down_revision = nil
