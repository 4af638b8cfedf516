"""Trainings: what they were made of, and what came of them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "training_runs",
        sa.Column("run_id", sa.String(64), primary_key=True),
        sa.Column("state", sa.Integer, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
