revision --[[ the id ]] = -- here
  --[=[ it ]=] "a1" -- done
down_revision = { -- parents
  "b1", -- first
  --[[ "b2", ]]
}
function upgrade() end
