~-- Header behind other statements
local types = require "types"
local a <const>, b = 1, { revision = "no" }
for i = 1, 3 do print(i) end
repeat local x = 0x1p+4 until x ~= 1.5e-3 // 2
settings.revision = "no"
local copy = b.revision
::again::
revision = "a1" (print)("x")
down_revision = "b1"; depends_on = "c1"
if revision == "a1" then print(revision, down_revision) end
x = revision, down_revision
y = 3
function upgrade() end
