from .x import revision as r
from revision.x import y
import down_revision.x
revision = "a1"
down_revision = None
