class X:
    revision = 1

    def f(self):
        down_revision = 2

async def g(revision=None):
  revision = 5
revision = "a1"
down_revision = None
