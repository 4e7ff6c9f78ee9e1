"""Studies, trials and reports.

Revision ID: 0001
Revises: nothing
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the three tables."""
    op.create_table(
        "studies",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("settings", sa.Text, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_studies"),
        sa.UniqueConstraint("name", name="uq_studies_name"),
    )
    op.create_table(
        "trials",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("study_id", sa.Integer, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("architecture_id", sa.String(200), nullable=False),
        sa.Column("architecture", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("origin", sa.String(64), nullable=False),
        sa.Column("value", sa.Double),
        sa.Column("prediction_mean", sa.Double),
        sa.Column("prediction_sd", sa.Double),
        sa.Column("score", sa.Double),
        sa.Column("hyperparameters", sa.Text, nullable=False),
        sa.Column("features", sa.Text, nullable=False),
        sa.Column("pending", sa.Text, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("traceback", sa.Text),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("worker", sa.Text),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("seconds", sa.Double),
        sa.PrimaryKeyConstraint("id", name="pk_trials"),
        sa.ForeignKeyConstraint(["study_id"], ["studies.id"], name="fk_trials_study_id"),
        sa.UniqueConstraint("study_id", "number", name="uq_trials_study_id"),
    )
    op.create_table(
        "reports",
        sa.Column("trial_id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("attempt", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("epoch", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("value", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("trial_id", "attempt", "epoch", name="pk_reports"),
        sa.ForeignKeyConstraint(["trial_id"], ["trials.id"], name="fk_reports_trial_id"),
    )
