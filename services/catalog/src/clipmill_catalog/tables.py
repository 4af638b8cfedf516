"""The catalog's tables, as migrations/ makes them."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Index, Integer, LargeBinary, MetaData, String, Table

from clipmill_shared.offsets import offsets_table
from clipmill_shared.outbox import outbox_table

metadata = MetaData()

# `audio_s` is how much of it is to be heard, 0 without sound.
videos = Table(
    "videos",
    metadata,
    Column("owner_id", String(200), primary_key=True),
    Column("video_id", String(64), primary_key=True),
    Column("ingested_at", Float(53), nullable=False),
    Column("audio_s", Float(53), nullable=False),
    Column("video", LargeBinary, nullable=False),
)

# What a job brings after its video was erased is erased too.
jobs = Table(
    "jobs",
    metadata,
    Column("owner_id", String(200), primary_key=True),
    Column("job_id", String(64), primary_key=True),
    Column("video_id", String(64), nullable=False),
    Column("erased_at", Float(53)),
    Index("jobs_of_video", "owner_id", "video_id"),
)

# One row a part that was heard, in each job: jobs may split a video in other places.
transcripts = Table(
    "transcripts",
    metadata,
    Column("owner_id", String(200), primary_key=True),
    Column("job_id", String(64), primary_key=True),
    Column("start_s", Float(53), primary_key=True),
    Column("video_id", String(64), nullable=False),
    Column("end_s", Float(53), nullable=False),
    Column("heard_at", Float(53), nullable=False),
    Column("analysis", LargeBinary, nullable=False),
    Index("transcripts_of_video", "owner_id", "video_id"),
)

# A row for each job that told voices apart; a serialized BlobRef.
diarizations = Table(
    "diarizations",
    metadata,
    Column("owner_id", String(200), primary_key=True),
    Column("job_id", String(64), primary_key=True),
    Column("video_id", String(64), nullable=False),
    Column("told_at", Float(53), nullable=False),
    Column("diarization", LargeBinary, nullable=False),
    Index("diarizations_of_video", "owner_id", "video_id"),
)

# `scored` and `rendering` come by different events, in any order; a clip is listed once it is scored.
clips = Table(
    "clips",
    metadata,
    Column("owner_id", String(200), primary_key=True),
    Column("job_id", String(64), primary_key=True),
    Column("clip_id", String(64), primary_key=True),
    Column("video_id", String(64), nullable=False),
    Column("rank", Integer),
    Column("scored_at", Float(53)),
    Column("scored", LargeBinary),
    Column("rendered_at", Float(53)),
    Column("rendering", LargeBinary),
    Index("clips_of_video", "owner_id", "video_id"),
    Index("clips_newest", "owner_id", "scored_at"),
)

# Everything that was made of a video and has to go with it: blobs by reference, cached results by key. A row that
# `is_doomed` stays until what it names is gone, so that no crash leaves anything behind.
made = Table(
    "made",
    metadata,
    Column("owner_id", String(200), primary_key=True),
    Column("video_id", String(64), primary_key=True),
    Column("name", String(500), primary_key=True),
    # The serialized BlobRef; absent for a cached result.
    Column("blob", LargeBinary),
    Column("is_doomed", Boolean, nullable=False),
    Index("made_doomed", "is_doomed"),
    Index("made_by_name", "owner_id", "name"),
)

outbox = outbox_table(metadata)
offsets = offsets_table(metadata)
