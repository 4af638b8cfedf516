"""The ledger: jobs, their tasks and history, the workers that have been seen, and the outbox."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("job_id", sa.String(64), primary_key=True),
        sa.Column("owner_id", sa.String(200), nullable=False),
        sa.Column("idempotency_key", sa.String(200)),
        sa.Column("video_id", sa.String(64)),
        sa.Column("state", sa.Integer, nullable=False),
        sa.Column("is_open", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.Float(53), nullable=False),
        sa.Column("finished_at", sa.Float(53)),
        sa.Column("progress", sa.Float(53), nullable=False),
        sa.Column("source", sa.LargeBinary, nullable=False),
        sa.Column("options", sa.LargeBinary, nullable=False),
        sa.Column("error", sa.LargeBinary),
        sa.Column("snapshot", sa.LargeBinary, nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("told_at", sa.Float(53), nullable=False),
        sa.Column("is_changed", sa.Boolean, nullable=False),
        sa.UniqueConstraint("owner_id", "idempotency_key"),
    )
    op.create_index("jobs_open", "jobs", ["is_open", "created_at"])
    op.create_index("jobs_of_owner", "jobs", ["owner_id", "created_at", "job_id"])
    op.create_index("jobs_of_video", "jobs", ["owner_id", "video_id"])
    op.create_table(
        "tasks",
        sa.Column("task_id", sa.String(64), primary_key=True),
        sa.Column("job_id", sa.String(64), sa.ForeignKey("jobs.job_id", ondelete="CASCADE"), nullable=False),
        sa.Column("stage", sa.Integer, nullable=False),
        sa.Column("part", sa.Integer, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("losses", sa.Integer, nullable=False),
        sa.Column("cost_s", sa.Float(53), nullable=False),
        sa.Column("ready_at", sa.Float(53), nullable=False),
        sa.Column("lease_until", sa.Float(53), nullable=False),
        sa.Column("held", sa.Boolean, nullable=False),
        sa.Column("progress", sa.Float(53), nullable=False),
        sa.Column("moved_at", sa.Float(53), nullable=False),
        sa.Column("started_at", sa.Float(53)),
        sa.Column("finished_at", sa.Float(53)),
        sa.Column("result", sa.LargeBinary),
        sa.Column("failure", sa.LargeBinary),
    )
    op.create_index("tasks_of_job", "tasks", ["job_id", "stage", "part"])
    op.create_index("tasks_by_state", "tasks", ["state", "stage"])
    op.create_table(
        "history",
        sa.Column("job_id", sa.String(64), sa.ForeignKey("jobs.job_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("sequence", sa.Integer, primary_key=True),
        sa.Column("job", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "workers",
        sa.Column("worker_id", sa.String(200), primary_key=True),
        sa.Column("stage", sa.Integer, nullable=False),
        sa.Column("slots", sa.Integer, nullable=False),
        sa.Column("seen_at", sa.Float(53), nullable=False),
    )
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
