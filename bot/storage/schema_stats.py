"""The tables behind the figures: cells by day, what each case has added to them, and which cases have changed."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, Integer, Table, Text

from bot.storage.base import Id, key_column, metadata, refers, where

stat_day = Table(
    "stat_day",
    metadata,
    Column("team", Text, primary_key=True),
    Column("dimension", Text, primary_key=True),  # all, inbox, agent, priority, tag, hour
    Column("day", Text, primary_key=True),  # of the team's time zone: 2026-11-21
    Column("value", Text, primary_key=True),
    Column("metric", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("total", Double, nullable=False),
    Column("spread", Text),  # JSON: step → how many
)

stat_case = Table(
    "stat_case",
    metadata,
    Column("conversation_id", Id, primary_key=True, autoincrement=False),
    Column("cells", Text, nullable=False),  # what it has added, packed
)

stat_dirty = Table(
    "stat_dirty",
    metadata,
    Column("conversation_id", Id, primary_key=True, autoincrement=False),  # put in by the database itself
)

rating = Table(
    "rating",
    metadata,
    key_column(),
    refers("conversation_id", "conversation.id", nullable=False),
    refers("customer_id", "customer.id", nullable=False),
    refers("identity_id", "identity.id"),
    Column("inbox", Text, nullable=False),
    Column("agent", Text, nullable=False, server_default=""),
    Column("token", Text, unique=True),  # a keyed hash of what the customer was given
    Column("state", Text, nullable=False),  # due, asked, answered, skipped, failed
    Column("due_at", Double),
    Column("asked_at", Double),
    Column("score", Integer),
    Column("comment", Text),
    Column("answered_at", Double),
    Column("reason", Text),  # why it was not asked
    refers("message_id", "message.id"),  # the question
    Column("created_at", Double, nullable=False),
    Index(None, "conversation_id"),
    Index(None, "customer_id"),
    Index("ix_rating_due", "due_at", **where("state = 'due'")),
)
