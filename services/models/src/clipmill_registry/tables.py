"""What the registry keeps, as migrations/ makes it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, LargeBinary, MetaData, String, Table

from clipmill_shared.outbox import outbox_table

metadata = MetaData()

# Each a serialized Version; what changes, and what is looked for, has a column of its own.
versions = Table(
    "versions",
    metadata,
    Column("model", String(64), primary_key=True),
    Column("version", String(64), primary_key=True),
    Column("state", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("registered_at", Float(53), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("versions_newest", "model", "registered_at"),
)

# `generation` is the model's move that set it: who moves an alias says which one he saw.
aliases = Table(
    "aliases",
    metadata,
    Column("model", String(64), primary_key=True),
    Column("alias", Integer, primary_key=True),
    Column("version", String(64), nullable=False),
    Column("generation", BigInteger, nullable=False),
)

# Only ever added to.
moves = Table(
    "moves",
    metadata,
    Column("model", String(64), primary_key=True),
    Column("generation", BigInteger, primary_key=True),
    Column("alias", Integer, nullable=False),
    Column("from_version", String(64), nullable=False),
    Column("to_version", String(64), nullable=False),
    Column("kind", Integer, nullable=False),
    Column("by", String(200), nullable=False),
    Column("at", Float(53), nullable=False),
)

# Each a serialized TrainingRun.
training_runs = Table(
    "training_runs",
    metadata,
    Column("run_id", String(64), primary_key=True),
    Column("state", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

# Artefacts of deleted versions, each a serialized BlobRef, that go when no job can have them pinned any more.
erasures = Table(
    "erasures",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("due_at", Float(53), nullable=False),
    Column("body", LargeBinary, nullable=False),
)

outbox = outbox_table(metadata)
