revision = "a1"
down_revision = ()
down_revision += ("b",)
