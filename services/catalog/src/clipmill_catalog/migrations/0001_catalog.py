"""The catalog: videos, transcripts, clips, what has to be erased with them, and the outbox."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "videos",
        sa.Column("owner_id", sa.String(200), primary_key=True),
        sa.Column("video_id", sa.String(64), primary_key=True),
        sa.Column("ingested_at", sa.Float(53), nullable=False),
        sa.Column("audio_s", sa.Float(53), nullable=False),
        sa.Column("video", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "jobs",
        sa.Column("owner_id", sa.String(200), primary_key=True),
        sa.Column("job_id", sa.String(64), primary_key=True),
        sa.Column("video_id", sa.String(64), nullable=False),
        sa.Column("erased_at", sa.Float(53)),
    )
    op.create_index("jobs_of_video", "jobs", ["owner_id", "video_id"])
    op.create_table(
        "transcripts",
        sa.Column("owner_id", sa.String(200), primary_key=True),
        sa.Column("job_id", sa.String(64), primary_key=True),
        sa.Column("start_s", sa.Float(53), primary_key=True),
        sa.Column("video_id", sa.String(64), nullable=False),
        sa.Column("end_s", sa.Float(53), nullable=False),
        sa.Column("heard_at", sa.Float(53), nullable=False),
        sa.Column("analysis", sa.LargeBinary, nullable=False),
    )
    op.create_index("transcripts_of_video", "transcripts", ["owner_id", "video_id"])
    op.create_table(
        "clips",
        sa.Column("owner_id", sa.String(200), primary_key=True),
        sa.Column("job_id", sa.String(64), primary_key=True),
        sa.Column("clip_id", sa.String(64), primary_key=True),
        sa.Column("video_id", sa.String(64), nullable=False),
        sa.Column("rank", sa.Integer),
        sa.Column("scored_at", sa.Float(53)),
        sa.Column("scored", sa.LargeBinary),
        sa.Column("rendered_at", sa.Float(53)),
        sa.Column("rendering", sa.LargeBinary),
    )
    op.create_index("clips_of_video", "clips", ["owner_id", "video_id"])
    op.create_index("clips_newest", "clips", ["owner_id", "scored_at"])
    op.create_table(
        "made",
        sa.Column("owner_id", sa.String(200), primary_key=True),
        sa.Column("video_id", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(500), primary_key=True),
        sa.Column("blob", sa.LargeBinary),
        sa.Column("is_doomed", sa.Boolean, nullable=False),
    )
    op.create_index("made_doomed", "made", ["is_doomed"])
    op.create_index("made_by_name", "made", ["owner_id", "name"])
    op.create_table(
        "outbox",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("topic", sa.String(100), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("owner_id", sa.String(200), nullable=False),
        sa.Column("source", sa.String(200), nullable=False),
        sa.Column("time_us", sa.BigInteger, nullable=False),
        sa.Column("traceparent", sa.String(64)),
        sa.Column("message", sa.LargeBinary, nullable=False),
    )
