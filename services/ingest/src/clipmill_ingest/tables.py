"""The ledger's tables, as migrations/ makes them."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

from clipmill_shared.offsets import offsets_table
from clipmill_shared.outbox import outbox_table

metadata = MetaData()

# `snapshot` is the job as its owner last saw it, `sequence` counts its history, `told_at` is when that last grew, and
# `is_changed` says that there is something to tell.
jobs = Table(
    "jobs",
    metadata,
    Column("job_id", String(64), primary_key=True),
    Column("owner_id", String(200), nullable=False),
    Column("idempotency_key", String(200)),
    Column("video_id", String(64)),
    Column("state", Integer, nullable=False),
    Column("is_open", Boolean, nullable=False),
    Column("created_at", Float(53), nullable=False),
    Column("finished_at", Float(53)),
    Column("progress", Float(53), nullable=False),
    Column("source", LargeBinary, nullable=False),
    Column("options", LargeBinary, nullable=False),
    Column("error", LargeBinary),
    Column("snapshot", LargeBinary, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("told_at", Float(53), nullable=False),
    Column("is_changed", Boolean, nullable=False),
    Column("input_ended", Boolean),
    UniqueConstraint("owner_id", "idempotency_key"),
    Index("jobs_open", "is_open", "created_at"),
    Index("jobs_of_owner", "owner_id", "created_at", "job_id"),
    Index("jobs_of_video", "owner_id", "video_id"),
)

tasks = Table(
    "tasks",
    metadata,
    Column("task_id", String(64), primary_key=True),
    Column("job_id", ForeignKey("jobs.job_id", ondelete="CASCADE"), nullable=False),
    Column("stage", Integer, nullable=False),
    Column("part", Integer, nullable=False),
    Column("state", String(10), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("losses", Integer, nullable=False),
    Column("cost_s", Float(53), nullable=False),
    Column("ready_at", Float(53), nullable=False),
    Column("lease_until", Float(53), nullable=False),
    Column("held", Boolean, nullable=False),
    Column("progress", Float(53), nullable=False),
    Column("moved_at", Float(53), nullable=False),
    Column("started_at", Float(53)),
    Column("finished_at", Float(53)),
    Column("result", LargeBinary),
    Column("failure", LargeBinary),
    Column("recorded", LargeBinary),
    Index("tasks_of_job", "job_id", "stage", "part"),
    Index("tasks_by_state", "state", "stage"),
)

history = Table(
    "history",
    metadata,
    Column("job_id", ForeignKey("jobs.job_id", ondelete="CASCADE"), primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("job", LargeBinary, nullable=False),
)

workers = Table(
    "workers",
    metadata,
    Column("worker_id", String(200), primary_key=True),
    Column("stage", Integer, nullable=False),
    Column("slots", Integer, nullable=False),
    Column("seen_at", Float(53), nullable=False),
)

outbox = outbox_table(metadata)
offsets = offsets_table(metadata)
