"""Several drivers on one study, and changes that are found quickly.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the table of drivers, and an index over the versions of trials."""
    op.create_table(
        "drivers",
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("study_id", sa.Integer, nullable=False),
        sa.Column("machine", sa.Text, nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("born", sa.BigInteger, nullable=False),
        sa.Column("beat", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_drivers"),
        sa.ForeignKeyConstraint(["study_id"], ["studies.id"], name="fk_drivers_study_id"),
    )
    op.create_index("ix_trials_study_id_version", "trials", ["study_id", "version"])
