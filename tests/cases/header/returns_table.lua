return { revision = "x", down_revision = "y" }
