"""The tables behind the agents' desk: tags of cases, macros, and who is on duty."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Double, Index, Integer, Table, Text, UniqueConstraint, text

from bot.storage.base import key_column, metadata, refers

case_tag = Table(
    "case_tag",
    metadata,
    refers("conversation_id", "conversation.id", primary_key=True),
    Column("tag", Text, primary_key=True),
    Index(None, "tag"),
)

macro = Table(
    "macro",
    metadata,
    key_column(),
    Column("scope", Text, nullable=False),  # "team:support" for a shared one, "agent:U1" for a personal one
    Column("name", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("used", Integer, nullable=False, server_default=text("0")),
    Column("changed_at", Double, nullable=False),
    Column("changed_by", Text, nullable=False),
    UniqueConstraint("scope", "name"),
)

duty = Table(
    "duty",
    metadata,
    Column("agent", Text, primary_key=True),
    Column("on_duty", Boolean, nullable=False),
    Column("since", Double, nullable=False),
    Column(
        "assigned_at", Double, nullable=False, server_default=text("0")
    ),  # when they were given a case last
)
