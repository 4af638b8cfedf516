"""Of each job some of its passages, which other videos' clips are compared with."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("passages", sa.Integer))
    op.add_column("jobs", sa.Column("formula", sa.String(20)))
    op.add_column("jobs", sa.Column("sample", sa.LargeBinary))
