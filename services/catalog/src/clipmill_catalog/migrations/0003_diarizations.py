"""Who speaks when in a video, by job."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "diarizations",
        sa.Column("owner_id", sa.String(200), primary_key=True),
        sa.Column("job_id", sa.String(64), primary_key=True),
        sa.Column("video_id", sa.String(64), nullable=False),
        sa.Column("told_at", sa.Float(53), nullable=False),
        sa.Column("diarization", sa.LargeBinary, nullable=False),
    )
    op.create_index("diarizations_of_video", "diarizations", ["owner_id", "video_id"])
