"""A sample of the feature values that were served, and what became of checking them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "served",
        sa.Column("owner_id", sa.String(200), primary_key=True),
        sa.Column("job_id", sa.String(64), primary_key=True),
        sa.Column("clip_id", sa.String(64), primary_key=True),
        sa.Column("video_id", sa.String(64), nullable=False),
        sa.Column("at_s", sa.Float(53), nullable=False),
        sa.Column("vector", sa.LargeBinary, nullable=False),
        sa.Column("is_checked", sa.Boolean, nullable=False),
    )
    op.create_index("served_of_video", "served", ["owner_id", "video_id"])
    op.create_index("served_oldest", "served", ["is_checked", "at_s"])
    op.create_table(
        "checks",
        sa.Column("owner_id", sa.String(200), primary_key=True),
        sa.Column("job_id", sa.String(64), primary_key=True),
        sa.Column("video_id", sa.String(64), nullable=False),
        sa.Column("at_s", sa.Float(53), nullable=False),
        sa.Column("found", sa.LargeBinary, nullable=False),
    )
    op.create_index("checks_of_video", "checks", ["owner_id", "video_id"])
    op.create_index("checks_newest", "checks", ["owner_id", "at_s"])
