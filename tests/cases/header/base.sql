-- First

-- revision: a1
-- down_revision: nil
CREATE TABLE t (x int);
-- branch_labels: too late
