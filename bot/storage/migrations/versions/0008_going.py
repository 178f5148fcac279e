"""answers on their way, so that a queue need not ask for another one"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    going = sa.text("state in ('held', 'pending', 'sending')")
    op.create_index(
        "ix_message_going", "message", ["conversation_id"], sqlite_where=going, postgresql_where=going
    )
