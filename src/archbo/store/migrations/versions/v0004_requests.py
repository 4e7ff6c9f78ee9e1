"""What people ask of a study while it runs.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the table of requests."""
    op.create_table(
        "requests",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("study_id", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("trial", sa.Integer),
        sa.Column("architecture", sa.Text, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("answer", sa.String(16), nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_requests"),
        sa.ForeignKeyConstraint(["study_id"], ["studies.id"], name="fk_requests_study_id"),
    )
