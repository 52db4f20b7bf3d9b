"""\ud800 m"""
revision = "a1"
down_revision = None
