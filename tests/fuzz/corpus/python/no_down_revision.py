"""m"""
revision = "a1"
