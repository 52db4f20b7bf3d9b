"""a\tb\x07c"""
revision = "a1"
down_revision = None
