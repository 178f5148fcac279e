"""The tables behind what comes back at its time: snoozes, follow-ups, reminders of promises, automatic answers."""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, Integer, Table, Text, UniqueConstraint

from bot.storage.base import Id, key_column, metadata, refers, where

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

reminder = Table(
    "reminder",
    metadata,
    key_column(),
    Column("clock_id", Id, nullable=False),
    refers("conversation_id", "conversation.id", nullable=False),
    Column("step", Text, nullable=False),  # which step of the clock's reminders
    Column("round", Integer, nullable=False, server_default="0"),  # how often it was put off by hand
    Column("target", Text, nullable=False),  # a Slack user, user group or channel, or "thread"
    Column("about", Text, nullable=False),  # the prompt that shows it; several in a list share it
    Column("at", Double, nullable=False),
    Column("state", Text, nullable=False),  # told, over
    Column("outcome", Text),  # JSON: what came of it, as a line
    UniqueConstraint("clock_id", "step", "round", "target"),
    Index("ix_reminder_told", "conversation_id", **where("state = 'told'")),
    Index(None, "about"),
)

reminder_pause = Table(
    "reminder_pause",
    metadata,
    Column("clock_id", Id, primary_key=True),
    Column("agent", Text, nullable=False),
    Column("until", Double, nullable=False),
    Column("why", Text, nullable=False),  # snoozed, acknowledged
    Column("round", Integer, nullable=False, server_default="0"),
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
