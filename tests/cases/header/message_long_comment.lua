--[==[ Split names
   into two

- first point ]]
  Create Date: 2026-01-01

More about it

]==]--
-- not part of it
revision = "a1"
down_revision = nil
