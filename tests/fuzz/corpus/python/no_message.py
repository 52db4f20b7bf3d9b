"""

Revision ID: a1
Create Date: yesterday
"""
revision = "a1"
down_revision = None
