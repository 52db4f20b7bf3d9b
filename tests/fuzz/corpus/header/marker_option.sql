-- revision: a1
-- down_revision:
-- migrate:up transaction:false
