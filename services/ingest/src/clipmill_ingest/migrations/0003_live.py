"""Live sources: what each task of a part works on, and which inputs have been ended."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("input_ended", sa.Boolean))
    op.add_column("tasks", sa.Column("recorded", sa.LargeBinary))
