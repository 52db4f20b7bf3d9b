r"""C:\new\table

Revises: x
"""
revision = r"a1"
down_revision = None
