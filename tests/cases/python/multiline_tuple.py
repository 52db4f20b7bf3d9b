revision = "m1"
down_revision = (  # parents
    "a1",  # left

    "b1",
)
depends_on = {"x"}
