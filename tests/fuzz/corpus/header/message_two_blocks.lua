~#!/usr/bin/lua

------------------------------------
--- The message
--  - a point
--
-- Branch Labels: x
-- Depends On: y
--
--
-- The end
--

-- Another block
revision = "a1"
down_revision = nil
