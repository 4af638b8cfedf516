"""How far each topic has been read, kept with the state that follows from it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
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
