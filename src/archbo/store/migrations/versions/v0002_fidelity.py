"""Trainings that end short of a full one; of each trial one curve.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns, and drop the points that newer attempts have replaced."""
    for name in ("fidelity", "reached", "interim"):
        op.add_column("trials", sa.Column(name, sa.Double))
    op.add_column("trials", sa.Column("progress", sa.Text, nullable=False, server_default="{}"))
    op.execute(
        "DELETE FROM reports WHERE attempt <> "
        "(SELECT trials.attempt FROM trials WHERE trials.id = reports.trial_id)"
    )
