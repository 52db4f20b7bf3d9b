-- A module of helpers
local M = {}
function M.f() return 1 end
return M
