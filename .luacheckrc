std = "lua54"
max_line_length = 120
self = false -- a method need not use its object
-- only declarations for editors: every global is meant, no argument is used
files["core/lua/lib/library.lua"] = { ignore = { "111", "112", "211", "212", "241" } }
files["tests/spec"] = { std = "+busted" }
