"""clocks"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "clock",
        sa.Column("id", _id(), autoincrement=True, nullable=False),
        sa.Column("conversation_id", _id(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("target", sa.Double(), nullable=False),
        sa.Column("hours", sa.Text(), nullable=False),
        sa.Column("steps", sa.Text(), nullable=False),
        sa.Column("step", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_at", sa.Double(), nullable=True),
        sa.Column("inbox", sa.Text(), nullable=False),
        sa.Column("message_id", _id(), nullable=True),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("used", sa.Double(), server_default=sa.text("0"), nullable=False),
        sa.Column("since", sa.Double(), nullable=True),
        sa.Column("due_at", sa.Double(), nullable=True),
        sa.Column("breached_at", sa.Double(), nullable=True),
        sa.Column("stopped_at", sa.Double(), nullable=True),
        sa.Column("stopped_by", _id(), nullable=True),
        sa.CheckConstraint("kind in ('first', 'next', 'resolution')", name=op.f("ck_clock_kind")),
        sa.CheckConstraint("state in ('running', 'paused', 'stopped')", name=op.f("ck_clock_state")),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversation.id"], name=op.f("fk_clock_conversation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clock")),
        sa.UniqueConstraint(
            "conversation_id", "kind", "number", name=op.f("uq_clock_conversation_id_kind_number")
        ),
    )
    with op.batch_alter_table("clock", schema=None) as batch_op:
        _partial(batch_op, "uq_clock_open", ["conversation_id", "kind"], "state <> 'stopped'", unique=True)
        _partial(batch_op, "ix_clock_next", ["next_at"], "next_at is not null")
        _partial(batch_op, "ix_clock_stopped_by", ["stopped_by"], "stopped_by is not null")

    op.create_table(
        "clock_event",
        sa.Column("id", _id(), autoincrement=True, nullable=False),
        sa.Column("clock_id", _id(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("message_id", _id(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["clock_id"], ["clock.id"], name=op.f("fk_clock_event_clock_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clock_event")),
    )
    with op.batch_alter_table("clock_event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_clock_event_clock_id_id"), ["clock_id", "id"], unique=False)

    with op.batch_alter_table("conversation", schema=None) as batch_op:
        batch_op.add_column(sa.Column("clocks", sa.Text(), server_default="---", nullable=False))
        _partial(batch_op, "ix_conversation_due", ["team", "due_at"], "due_at is not null")


def _partial(
    batch_op: object, name: str, columns: list[str], condition: str, *, unique: bool = False
) -> None:
    batch_op.create_index(  # type: ignore[attr-defined]
        name,
        columns,
        unique=unique,
        sqlite_where=sa.text(condition),
        postgresql_where=sa.text(condition),
    )
