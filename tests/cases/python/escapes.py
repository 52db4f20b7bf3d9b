"\u00e9\x41\101\t\q \U0001F426"
revision = "a\x31"
down_revision = None
