-- x

revision = "a1"
down_revision = nil
branch_labels = nil
depends_on = require("x").parent
