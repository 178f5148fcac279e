"""The tables behind one customer on many channels: what is known of them, merges, link codes, and jobs in chunks."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Table,
    Text,
    UniqueConstraint,
)

from bot.storage.base import key_column, metadata, refers, where

attribute = Table(
    "attribute",
    metadata,
    refers("customer_id", "customer.id", primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),  # JSON
    Column("source", Text, nullable=False),  # who said so: an agent's id, or what proved it
    Column("at", Double, nullable=False),
)

customer_merge = Table(
    "customer_merge",
    metadata,
    key_column(),
    refers("survivor_id", "customer.id", nullable=False),
    refers("merged_id", "customer.id", nullable=False),
    Column("at", Double, nullable=False),
    Column("agent", Text, nullable=False),
    Column("evidence", Text),
    Column("after_message", BigInteger, nullable=False),  # the newest message when they were merged
    Column("before", Text, nullable=False),  # JSON: what an unmerge has to bring back
    Column("undone_at", Double),
    Column("undone_by", Text),
    Index(None, "merged_id"),
    Index(None, "survivor_id"),
)

merge_proposal = Table(
    "merge_proposal",
    metadata,
    key_column(),
    refers("one_id", "customer.id", nullable=False),  # the smaller number
    refers("other_id", "customer.id", nullable=False),
    Column("evidence", Text, nullable=False),  # JSON: sentences
    Column("state", Text, nullable=False),  # proposed, merged, refused
    Column("at", Double, nullable=False),
    Column("decided_by", Text),
    Column("decided_at", Double),
    UniqueConstraint("one_id", "other_id"),
    Index(None, "other_id"),
)

clue = Table(
    "clue",
    metadata,
    Column("kind", Text, primary_key=True),  # phone, order, address, company
    Column("value", Text, primary_key=True),
    refers("customer_id", "customer.id", primary_key=True),
    refers("message_id", "message.id"),
    Column("at", Double, nullable=False),
    Index(None, "customer_id"),
    Index(None, "message_id", **where("message_id is not null")),
)

link_code = Table(
    "link_code",
    metadata,
    Column("hash", Text, primary_key=True),
    refers("customer_id", "customer.id", nullable=False),
    refers("identity_id", "identity.id"),  # which of their identities was given it
    Column("inbox", Text, nullable=False),  # where it is to be used
    Column("via", Text, nullable=False),  # where it was given
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("used_at", Double),
    refers("used_by", "identity.id"),
    Index(None, "customer_id"),
    Index(None, "expires_at"),
)

tombstone = Table(
    "tombstone",
    metadata,
    Column("hash", Text, primary_key=True),  # keyed: it names nobody
    Column("at", Double, nullable=False),
)

job = Table(
    "job",
    metadata,
    key_column(),
    Column("kind", Text, nullable=False),  # what is done in chunks: unmerge, erase, scan…
    Column("subject", Text, nullable=False),
    Column("state", Text, nullable=False),  # waiting, done, failed
    Column("progress", Text),  # JSON: where it goes on
    Column("agent", Text),
    Column("created_at", Double, nullable=False),
    Column("changed_at", Double, nullable=False),
    Column("detail", Text),
    UniqueConstraint("kind", "subject"),
    Index("ix_job_waiting", "kind", "id", **where("state = 'waiting'")),
)
