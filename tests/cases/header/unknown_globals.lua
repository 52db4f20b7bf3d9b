revision = "a1"
down_revision = nil
author = "me"
branch_labels = "late"
function upgrade() end
