"""What scoring keeps where it learns, as migrations/ makes it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, LargeBinary, MetaData, String, Table, Text

from clipmill_shared.offsets import offsets_table

metadata = MetaData()

# Finished jobs, and where their candidates lie: a serialized BlobRef.
jobs = Table(
    "jobs",
    metadata,
    Column("owner_id", String(200), primary_key=True),
    Column("job_id", String(64), primary_key=True),
    Column("video_id", String(64), nullable=False),
    Column("scored_at", Float(53), nullable=False),
    Column("candidates", LargeBinary, nullable=False),
    # What other videos' clips are compared with: how many passages it stands for, the formula that measured it, and a
    # row of shares each (little-endian float64). None where something was asked for, and of jobs before 0003.
    Column("passages", Integer),
    Column("formula", String(20)),
    Column("sample", LargeBinary),
    Index("jobs_of_video", "owner_id", "video_id"),
)

# Clips that somebody may have seen: as vectors of `names` (domain/preferences.py), with what became of them.
clips = Table(
    "clips",
    metadata,
    Column("owner_id", String(200), primary_key=True),
    Column("clip_id", String(64), primary_key=True),
    Column("video_id", String(64), nullable=False),
    Column("duration_s", Float(53), nullable=False),
    Column("served_at", Float(53), nullable=False),
    Column("names", Text, nullable=False),
    Column("vector", LargeBinary, nullable=False),
    # The sums of outcomes' weights, and of these times how good they were.
    Column("weight", Float(53), nullable=False),
    Column("good", Float(53), nullable=False),
    Index("clips_of_scored_video", "owner_id", "video_id"),
    Index("clips_newest_served", "owner_id", "served_at"),
)

# Of each owner, and of all under a name that no owner has.
preferences = Table(
    "preferences",
    metadata,
    Column("owner_id", String(200), primary_key=True),
    Column("names", Text, nullable=False),
    # The mean, then the rows of the covariance; little-endian float64.
    Column("weights", LargeBinary, nullable=False),
    Column("events", BigInteger, nullable=False),
    Column("at_s", Float(53), nullable=False),
)

# Events that have had their effect, for as long as one may come again.
engagement = Table(
    "engagement",
    metadata,
    Column("owner_id", String(200), primary_key=True),
    Column("event_id", String(200), primary_key=True),
    Column("at_s", Float(53), nullable=False),
    Index("engagement_oldest", "at_s"),
)

# Videos that were to be forgotten: what is still on its way of them is not taken.
erased = Table(
    "erased",
    metadata,
    Column("owner_id", String(200), primary_key=True),
    Column("video_id", String(64), primary_key=True),
    Column("at_s", Float(53), nullable=False),
)

# A sample of the values that were served, until they are checked and a while longer.
served = Table(
    "served",
    metadata,
    Column("owner_id", String(200), primary_key=True),
    Column("job_id", String(64), primary_key=True),
    Column("clip_id", String(64), primary_key=True),
    Column("video_id", String(64), nullable=False),
    Column("at_s", Float(53), nullable=False),
    # A serialized FeatureVector.
    Column("vector", LargeBinary, nullable=False),
    Column("is_checked", Boolean, nullable=False),
    Index("served_of_video", "owner_id", "video_id"),
    Index("served_oldest", "is_checked", "at_s"),
)

# What became of checking them, of each job the last.
checks = Table(
    "checks",
    metadata,
    Column("owner_id", String(200), primary_key=True),
    Column("job_id", String(64), primary_key=True),
    Column("video_id", String(64), nullable=False),
    Column("at_s", Float(53), nullable=False),
    # A serialized FeatureCheck.
    Column("found", LargeBinary, nullable=False),
    Index("checks_of_video", "owner_id", "video_id"),
    Index("checks_newest", "owner_id", "at_s"),
)

offsets = offsets_table(metadata)
