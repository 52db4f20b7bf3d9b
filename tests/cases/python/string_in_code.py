"""m"""
SQL = """
revision = "wrong"
"""
revision = "a1"
x = f"{SQL} {revision}"
y = {"revision": 1, "a": dict(down_revision=5)}
down_revision = None
print(revision, down_revision)
self.revision = 5
