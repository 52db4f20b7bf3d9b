﻿-- Message
-- revision: a1
-- down_revision: b1

-- migrate:up
SELECT 1;
