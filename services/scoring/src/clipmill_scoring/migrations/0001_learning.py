"""What scoring keeps where it learns."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("owner_id", sa.String(200), primary_key=True),
        sa.Column("job_id", sa.String(64), primary_key=True),
        sa.Column("video_id", sa.String(64), nullable=False),
        sa.Column("scored_at", sa.Float(53), nullable=False),
        sa.Column("candidates", sa.LargeBinary, nullable=False),
    )
    op.create_index("jobs_of_video", "jobs", ["owner_id", "video_id"])
    op.create_table(
        "clips",
        sa.Column("owner_id", sa.String(200), primary_key=True),
        sa.Column("clip_id", sa.String(64), primary_key=True),
        sa.Column("video_id", sa.String(64), nullable=False),
        sa.Column("duration_s", sa.Float(53), nullable=False),
        sa.Column("served_at", sa.Float(53), nullable=False),
        sa.Column("names", sa.Text, nullable=False),
        sa.Column("vector", sa.LargeBinary, nullable=False),
        sa.Column("weight", sa.Float(53), nullable=False),
        sa.Column("good", sa.Float(53), nullable=False),
    )
    op.create_index("clips_of_scored_video", "clips", ["owner_id", "video_id"])
    op.create_index("clips_newest_served", "clips", ["owner_id", "served_at"])
    op.create_table(
        "preferences",
        sa.Column("owner_id", sa.String(200), primary_key=True),
        sa.Column("names", sa.Text, nullable=False),
        sa.Column("weights", sa.LargeBinary, nullable=False),
        sa.Column("events", sa.BigInteger, nullable=False),
        sa.Column("at_s", sa.Float(53), nullable=False),
    )
    op.create_table(
        "engagement",
        sa.Column("owner_id", sa.String(200), primary_key=True),
        sa.Column("event_id", sa.String(200), primary_key=True),
        sa.Column("at_s", sa.Float(53), nullable=False),
    )
    op.create_index("engagement_oldest", "engagement", ["at_s"])
    op.create_table(
        "erased",
        sa.Column("owner_id", sa.String(200), primary_key=True),
        sa.Column("video_id", sa.String(64), primary_key=True),
        sa.Column("at_s", sa.Float(53), nullable=False),
    )
    op.create_table(
        "offsets",
        sa.Column("cluster_id", sa.String(64), primary_key=True),
        sa.Column("topic_id", sa.String(64), primary_key=True),
        sa.Column("partition", sa.Integer, primary_key=True),
        sa.Column("group_name", sa.String(100), primary_key=True),
        sa.Column("topic", sa.String(249), nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("next_offset", sa.BigInteger, nullable=False),
        sa.Column("beyond", sa.Text, nullable=False),
    )
