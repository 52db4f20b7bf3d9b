"""annotated

Revision ID: a1
Revises:
Create Date: 2026-01-02T03:04:05+00:00
"""
from typing import Sequence, Union

revision: str = "a1"
down_revision: Union[str, Sequence[str], None] = None
branch_labels: Union[str, Sequence[str], None] = ("one", "two")
depends_on: Union[str, Sequence[str], None] = ["x1", 'y1',]
