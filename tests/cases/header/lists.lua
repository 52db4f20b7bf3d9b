-- Merge
revision = "m1"
down_revision = { "a1", 'b1', [[c1]], }
branch_labels = {"x"; "y";}
depends_on = {}
requires_backfill = { "split_names", "lower" }
transaction = false
local function helper() end
