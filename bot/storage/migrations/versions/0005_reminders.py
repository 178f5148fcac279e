"""reminders"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    """Snoozes, follow-ups, reminders, automatic answers."""
    _snoozes()
    _follow_ups()
    _reminders()
    _answers()


def _snoozes() -> None:
    op.create_table(
        "snooze",
        sa.Column("id", _id(), autoincrement=True, nullable=False),
        sa.Column("conversation_id", _id(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("agent_name", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("ended_why", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversation.id"], name=op.f("fk_snooze_conversation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_snooze")),
    )
    op.create_index(op.f("ix_snooze_conversation_id_id"), "snooze", ["conversation_id", "id"])


def _follow_ups() -> None:
    op.create_table(
        "follow_up",
        sa.Column("id", _id(), autoincrement=True, nullable=False),
        sa.Column("customer_id", _id(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("agent_name", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("changed_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_follow_up_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_follow_up")),
    )
    op.create_index("ix_follow_up_due", "follow_up", ["at"], **_where("state = 'waiting'"))
    op.create_index(
        "ix_follow_up_mine", "follow_up", ["agent", "at"], **_where("state in ('waiting', 'told')")
    )
    op.create_index(op.f("ix_follow_up_customer_id"), "follow_up", ["customer_id"])


def _reminders() -> None:
    op.create_table(
        "reminder_step",
        sa.Column("id", _id(), autoincrement=True, nullable=False),
        sa.Column("clock_id", _id(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("round", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=True),
        sa.Column("night", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(["clock_id"], ["clock.id"], name=op.f("fk_reminder_step_clock_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reminder_step")),
        sa.UniqueConstraint("clock_id", "step", "round", name=op.f("uq_reminder_step_clock_id_step_round")),
    )
    op.create_index("ix_reminder_step_due", "reminder_step", ["at"], **_where("state = 'waiting'"))
    op.create_table(
        "reminder",
        sa.Column("id", _id(), autoincrement=True, nullable=False),
        sa.Column("clock_id", _id(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["clock_id"], ["clock.id"], name=op.f("fk_reminder_clock_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reminder")),
    )
    op.create_index("ix_reminder_told", "reminder", ["clock_id"], **_where("state = 'told'"))
    op.create_index("ix_reminder_target", "reminder", ["target", "at"], **_where("state = 'told'"))
    op.create_index(op.f("ix_reminder_about"), "reminder", ["about"])
    op.create_table(
        "reminder_pause",
        sa.Column("clock_id", _id(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["clock_id"], ["clock.id"], name=op.f("fk_reminder_pause_clock_id")),
        sa.PrimaryKeyConstraint("clock_id", name=op.f("pk_reminder_pause")),
    )


def _answers() -> None:
    op.create_table(
        "auto_answer",
        sa.Column("id", _id(), autoincrement=True, nullable=False),
        sa.Column("conversation_id", _id(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("identity_id", _id(), nullable=True),
        sa.Column("message_id", _id(), nullable=True),
        sa.Column("at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversation.id"], name=op.f("fk_auto_answer_conversation_id")
        ),
        sa.ForeignKeyConstraint(["identity_id"], ["identity.id"], name=op.f("fk_auto_answer_identity_id")),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_auto_answer_message_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auto_answer")),
        sa.UniqueConstraint("conversation_id", "kind", name=op.f("uq_auto_answer_conversation_id_kind")),
    )
    op.create_index(op.f("ix_auto_answer_identity_id_at"), "auto_answer", ["identity_id", "at"])
    op.create_index(op.f("ix_auto_answer_at"), "auto_answer", ["at"])
