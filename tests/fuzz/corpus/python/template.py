"""add users

Revision ID: 1975ea83b712
Revises: 27c6a30d7c24
Create Date: 2025-10-06 12:00:00.123456

"""
from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = '1975ea83b712'
down_revision = '27c6a30d7c24'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('users', sa.Column('revision', sa.String()))
    revision = sa.table("x")
    down_revision = revision.c.x


def downgrade() -> None:
    op.drop_table('users')
