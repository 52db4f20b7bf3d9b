-- Create the users
-- and their index
--
-- Create Date: 2026-11-22 12:00:00
-- revision: a1
-- down_revision: b1, b2
-- branch_labels: users
-- depends_on:
-- requires_backfill: names
-- transaction: false

-- migrate:up
CREATE TABLE users (id int); -- revision: zz
-- migrate:down
DROP TABLE users;
