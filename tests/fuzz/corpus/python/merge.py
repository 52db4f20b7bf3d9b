"""Merge"""
revision = 'm1'
down_revision = ('a1', 'b1')
branch_labels = ()
depends_on = ("c1")
