"""Trials that were deleted.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add when a trial was deleted, and the state that it had."""
    op.add_column("trials", sa.Column("deleted", sa.Integer))
    op.add_column("trials", sa.Column("was", sa.String(16)))
