"""what customers read, as their channel tells it; what is on its way: answers, and cards that are being posted"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("identity", sa.Column("language", sa.Text(), nullable=True))
    unposted = sa.text("ts is null")
    op.create_index(
        "ix_thread_unposted", "thread", ["channel"], sqlite_where=unposted, postgresql_where=unposted
    )
    going = sa.text("state in ('held', 'pending', 'sending')")
    op.create_index(
        "ix_message_going", "message", ["conversation_id"], sqlite_where=going, postgresql_where=going
    )
