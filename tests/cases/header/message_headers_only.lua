-- Revision ID: a1
-- Revises:
-- Create Date: today

revision = "a1"
down_revision = nil
