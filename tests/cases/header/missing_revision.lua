
down_revision = nil
function upgrade() end
