"""The tables behind promises: a clock for each, and the ledger of what happened to it.

A clock's row is also the ledger's first line: when it started, why, and with which terms (the terms of the start are those
of the first ``policy`` event's "from", where there is one). Everything later is a ``clock_event``.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Double, Index, Integer, Table, Text, UniqueConstraint, text

from bot.storage.base import Id, key_column, metadata, refers, where

clock = Table(
    "clock",
    metadata,
    key_column(),
    refers("conversation_id", "conversation.id", nullable=False),
    Column("kind", Text, nullable=False),
    Column("number", Integer, nullable=False),  # which one of its kind in this case: 1, 2, …
    Column("state", Text, nullable=False),
    Column("cause", Text),  # why it is paused, or what stopped it
    Column("policy", Text, nullable=False),
    Column("target", Double, nullable=False),  # seconds of its hours
    Column("hours", Text, nullable=False),  # JSON: a copy, so that what counted stays what counted
    Column(
        "steps", Text, nullable=False
    ),  # JSON: percent of the target at which somebody is told; 100 is the breach
    Column("step", Integer, nullable=False, server_default=text("0")),  # how many of them have passed
    Column(
        "next_at", Double
    ),  # when the next of them comes; None while paused, stopped, or when all have passed
    Column("inbox", Text, nullable=False),  # of the message that started it: policies go by it
    Column("message_id", Id),  # the message that started it
    Column("started_at", Double, nullable=False),
    Column(
        "used", Double, nullable=False, server_default=text("0")
    ),  # business seconds counted before ``since``
    Column("since", Double),  # since when it counts; None while paused or stopped
    Column("due_at", Double),  # None while paused; of a stopped clock: when it was due
    Column("breached_at", Double),  # late is late, whatever comes after
    Column("stopped_at", Double),
    Column("stopped_by", Id),  # the reply that stopped it
    CheckConstraint("kind in ('first', 'next', 'resolution')", name="kind"),
    CheckConstraint("state in ('running', 'paused', 'stopped')", name="state"),
    UniqueConstraint("conversation_id", "kind", "number"),
    Index("uq_clock_open", "conversation_id", "kind", unique=True, **where("state <> 'stopped'")),
    Index("ix_clock_next", "next_at", **where("next_at is not null")),
    Index("ix_clock_stopped_by", "stopped_by", **where("stopped_by is not null")),
)

clock_event = Table(
    "clock_event",
    metadata,
    key_column(),
    refers("clock_id", "clock.id", nullable=False),
    Column("at", Double, nullable=False),
    Column("what", Text, nullable=False),  # pause, resume, stop, back, breach, step, policy, joined, parted
    Column("reason", Text, nullable=False),  # a word of ours, or what a lead wrote
    Column("agent", Text),
    Column("message_id", Id),
    Column("detail", Text),  # JSON: from what to what
    Index(None, "clock_id", "id"),
)
