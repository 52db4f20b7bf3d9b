revision, down_revision = "a1", nil
