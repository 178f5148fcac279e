"""The tables behind what comes back at its time: snoozes, follow-ups, reminders of promises, automatic answers."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Double, Index, Integer, Table, Text, UniqueConstraint, text

from bot.storage.base import key_column, metadata, refers, where

snooze = Table(
    "snooze",
    metadata,
    key_column(),
    refers("conversation_id", "conversation.id", nullable=False),
    Column("agent", Text, nullable=False),
    Column("agent_name", Text, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("until", Double, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("ended_at", Double),
    Column("ended_why", Text),  # time, hand; a customer's words end it without a row being touched
    Index(None, "conversation_id", "id"),
)

follow_up = Table(
    "follow_up",
    metadata,
    key_column(),
    refers("customer_id", "customer.id", nullable=False),
    Column("team", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("agent_name", Text, nullable=False),
    Column("words", Text, nullable=False, server_default=""),
    Column("at", Double, nullable=False),
    Column("state", Text, nullable=False),  # waiting, told, done, cancelled
    Column("created_at", Double, nullable=False),
    Column("changed_at", Double, nullable=False),
    Index("ix_follow_up_due", "at", **where("state = 'waiting'")),
    Index("ix_follow_up_mine", "agent", "at", **where("state in ('waiting', 'told')")),
    Index(None, "customer_id"),
)

reminder_step = Table(
    "reminder_step",
    metadata,
    key_column(),
    refers("clock_id", "clock.id", nullable=False),
    Column("step", Text, nullable=False),  # percent of the target; "late+900": seconds after the breach
    Column("round", Integer, nullable=False, server_default=text("0")),  # how often it was put off by hand
    Column("at", Double, nullable=False),
    Column("state", Text, nullable=False),  # waiting, told, over
    Column("target", Text),  # whom it was put off by: nobody else is told
    Column("night", Boolean, nullable=False, server_default=text("false")),  # it came while nobody was there
    # Each step is told once, whatever restarts and clocks do.
    UniqueConstraint("clock_id", "step", "round"),
    Index("ix_reminder_step_due", "at", **where("state = 'waiting'")),
)

reminder = Table(
    "reminder",
    metadata,
    key_column(),
    refers("clock_id", "clock.id", nullable=False),
    Column("target", Text, nullable=False),  # a Slack user or channel, or "thread"
    Column("about", Text, nullable=False),  # the prompt that shows it; several in a list share it
    Column("at", Double, nullable=False),
    Column("state", Text, nullable=False),  # told, over
    Column("outcome", Text),  # JSON: what came of it, as a line
    Index("ix_reminder_told", "clock_id", **where("state = 'told'")),
    Index("ix_reminder_target", "target", "at", **where("state = 'told'")),
    Index(None, "about"),
)

reminder_pause = Table(
    "reminder_pause",
    metadata,
    refers("clock_id", "clock.id", primary_key=True),
    Column("agent", Text, nullable=False),
    Column("until", Double, nullable=False),
)

auto_answer = Table(
    "auto_answer",
    metadata,
    key_column(),
    refers("conversation_id", "conversation.id", nullable=False),
    Column("kind", Text, nullable=False),  # off_hours, busy
    refers("identity_id", "identity.id"),
    refers("message_id", "message.id"),
    Column("at", Double, nullable=False),
    UniqueConstraint("conversation_id", "kind"),
    Index(None, "identity_id", "at"),
    Index(None, "at"),
)
