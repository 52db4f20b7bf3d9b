"""Alembic 0.1"""
down_revision = None
