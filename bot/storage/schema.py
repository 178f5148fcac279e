"""The tables. Invariants live here, as unique and partial indexes.

Times are epoch seconds (UTC) as double precision: the same on SQLite and PostgreSQL, and free of time-zone traps.
JSON is kept as compact text: it is read whole and never queried into.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    Double,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
    text,
)

from bot.storage.base import Id, key_column, metadata, refers, where

HELD: ColumnElement[str] = literal_column("'held'")
RESOLVED: ColumnElement[str] = literal_column("'resolved'")
"""Literals, so that a planner sees which partial index fits: of held deliveries, of conversations that are not resolved."""

HIDDEN = "blocked or spam or quarantine is not null or erased_at is not null"
"""Of customers whom no queue shows."""

GOING = "message.state in ('held', 'pending', 'sending')"
"""Of messages to a customer whose channel has not accepted them yet."""

customer = Table(
    "customer",
    metadata,
    key_column(),  # the handle is "C" and this number
    Column("name", Text, nullable=False),
    refers("merged_into", "customer.id"),
    Column("blocked", Boolean, nullable=False, server_default=text("false")),
    Column("created_at", Double, nullable=False),
    Column("root_id", Id),  # who they are today, where they were merged; None: themselves
    Column("spam", Boolean, nullable=False, server_default=text("false")),
    Column("quarantine", Text),  # why their words wait apart and are not shown in the Slack channel
    Column("erased_at", Double),
    Index(None, "root_id", **where("root_id is not null")),
    Index("ix_customer_quarantine", "id", **where("quarantine is not null")),
    Index("ix_customer_hidden", "id", **where(HIDDEN)),
)

identity = Table(
    "identity",
    metadata,
    key_column(),
    refers("customer_id", "customer.id", nullable=False),
    Column("channel", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("verified", Boolean, nullable=False),
    Column("evidence", Text),  # how it was verified, or why not
    Column("name", Text),
    Column("created_at", Double, nullable=False),
    Column("given", Boolean, nullable=False, server_default=text("false")),  # they only said so, elsewhere
    Column("verified_at", Double),
    Column("anonymous", Boolean, nullable=False, server_default=text("false")),  # a browser, of nobody known
    # Somebody at this address was erased: what comes again of then is not kept.
    Column("erased_before", Boolean, nullable=False, server_default=text("false")),
    Column("language", Text),  # what they read, as the channel tells it
    # A claim to an address and the proven owner of it are two identities: a spoofed mail never joins the owner.
    # What somebody only said of themselves is a third thing: it may be said by many.
    Index("uq_identity_address", "channel", "address", "verified", unique=True, **where("not given")),
    Index("uq_identity_given", "customer_id", "channel", "address", unique=True, **where("given")),
    Index("ix_identity_given_address", "channel", "address", **where("given")),
    Index(None, "customer_id"),
    Index("ix_identity_address", "address"),
)

route = Table(
    "route",
    metadata,
    key_column(),
    refers("identity_id", "identity.id", nullable=False),
    Column("inbox", Text, nullable=False),
    Column("thread_key", Text, nullable=False, server_default=""),
    Column("last_in_at", Double),
    Column("last_used_at", Double, nullable=False),
    Column("lane_id", Id, nullable=False),
    UniqueConstraint("identity_id", "inbox", "thread_key"),
)

conversation = Table(
    "conversation",
    metadata,
    key_column(),
    refers("customer_id", "customer.id", nullable=False),
    Column("team", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("owner", Text),
    Column("subject", Text),
    Column("excerpt", Text, nullable=False, server_default=""),
    Column("opened_at", Double, nullable=False),
    Column("last_in_at", Double),
    Column("first_out_at", Double),
    Column("last_out_at", Double),
    Column("waiting_since", Double),  # the oldest message of theirs that nobody has answered
    Column("snoozed_until", Double),
    Column("resolved_at", Double),
    Column("priority", Text, nullable=False, server_default="normal"),
    Column("due_at", Double),  # the next promise that comes due
    Column("due_kind", Text),
    # What its clocks do, a letter each for first, next, resolution: - never, r runs, p paused, h held by hand, s stopped,
    # n no such promise. So a customer's words need no look at the clocks where all of them run.
    Column("clocks", Text, nullable=False, server_default="---"),
    Column("joined_to", Id),  # a merge ended this case in favour of that one
    Column("origin_team", Text),  # whose inboxes it came by, where it was transferred
    CheckConstraint("status in ('open', 'pending', 'snoozed', 'resolved')", name="status"),
    Index("uq_conversation_open", "customer_id", "team", unique=True, **where("status <> 'resolved'")),
    Index("ix_conversation_customer", "customer_id", "team", "id"),
    Index("ix_conversation_queue", "team", "owner", "waiting_since", **where("status <> 'resolved'")),
    Index("ix_conversation_due", "team", "due_at", **where("due_at is not null")),
    Index("ix_conversation_origin", "customer_id", "origin_team", **where("origin_team is not null")),
    Index("ix_conversation_snoozed", "snoozed_until", **where("status = 'snoozed'")),
)

thread = Table(
    "thread",
    metadata,
    key_column(),
    refers("customer_id", "customer.id", nullable=False),
    Column("team", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("ts", Text),  # None until the card is posted
    Column("card_key", Text, nullable=False),
    Column(
        "opening_since", Double
    ),  # set before the card is posted: after a crash, look before posting again
    Column("shown", Text),  # a digest of the card as it was rendered last
    Column("current", Boolean, nullable=False, server_default=text("true")),
    Column("gone", Text),  # why it was left
    Column("desk_lane", Id, nullable=False),
    Column("card_lane", Id, nullable=False),
    Column("mark_lane", Id, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("began_at_seq", BigInteger, nullable=False, server_default=text("0")),  # of its desk lane
    Index(
        "uq_thread_current",
        "customer_id",
        "team",
        unique=True,
        sqlite_where=text("current = 1"),  # as a query says it: else SQLite does not see that the index fits
        postgresql_where=text("current"),
    ),
    Index("ix_thread_unposted", "channel", **where("ts is null")),
    Index("uq_thread_place", "channel", "ts", unique=True, **where("ts is not null")),
)

message = Table(
    "message",
    metadata,
    key_column(),
    refers("conversation_id", "conversation.id", nullable=False),
    refers("customer_id", "customer.id", nullable=False),
    refers("identity_id", "identity.id"),
    refers("route_id", "route.id"),
    Column("inbox", Text),
    Column("direction", Text, nullable=False),
    Column("dedup_key", Text, nullable=False, unique=True),
    Column("key", Text),  # outbound: the idempotency key of the reply
    Column("remote_id", Text),
    Column("agent", Text),
    Column("author", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("spans", Text),
    Column("subject", Text),
    Column("tail", Text),
    Column("sent_at", Double, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("automated", Text),
    Column("raw", Text),
    Column("state", Text),  # outbound: held … seen
    Column("state_at", Double),
    Column("detail", Text),
    Column("meta", Text),  # what is only shown: problems, participants, refused recipients…
    Column(
        "file_names", Text
    ),  # its files by name, one a line: kept by triggers, so that they are found by search
    CheckConstraint("direction in ('inbound', 'outbound', 'note', 'system')", name="direction"),
    Index("ix_message_customer", "customer_id", "id"),
    Index("ix_message_conversation", "conversation_id", "id"),
    Index("ix_message_remote", "inbox", "remote_id", **where("remote_id is not null")),
    Index("ix_message_files", "id", **where("file_names is not null")),
    Index("ix_message_trouble", "state_at", **where("state in ('failed', 'uncertain')")),
    Index("ix_message_going", "conversation_id", **where(GOING.removeprefix("message."))),
)

message_version = Table(
    "message_version",
    metadata,
    key_column(),
    refers("message_id", "message.id", nullable=False),
    Column("at", Double, nullable=False),
    Column("text", Text, nullable=False),
    Column("spans", Text),
    Column("dedup_key", Text, nullable=False, unique=True),
    Index(None, "message_id"),
)

attachment = Table(
    "attachment",
    metadata,
    key_column(),
    refers("message_id", "message.id", nullable=False),
    Column("name", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("blob", Text),
    Column("problem", Text),
    Column(
        "source", Text
    ),  # where the bytes are until they are fetched (a file that an agent put into Slack)
    Index(None, "message_id"),
    Index(None, "blob"),
)

lane = Table(
    "lane",
    metadata,
    key_column(),
    Column("kind", Text, nullable=False),  # desk, card, mark, route, notice
    Column("bucket", Text, nullable=False),
    Column("priority", Integer, nullable=False, server_default=text("10")),
    Column("head", BigInteger, nullable=False, server_default=text("1")),  # the next to be attempted
    Column("tail", BigInteger, nullable=False, server_default=text("0")),  # the last that was appended
    Column("head_at", Double, nullable=False, server_default=text("0")),  # since when the head waits
    Column("due_at", Double, nullable=False, server_default=text("0")),
    Column("owner", Text),  # the worker that has claimed it
    refers("customer_id", "customer.id"),
    Column("team", Text),
    Column("route_id", Id),
    Column("target", Text),  # of notices: the Slack user, or channel, that they are for
    Index("uq_lane_target", "target", unique=True, **where("target is not null")),
    Index("ix_lane_ready", "bucket", "priority", "head_at", **where("owner is null and head <= tail")),
    Index("ix_lane_owner", "owner", **where("owner is not null")),
)

delivery = Table(
    "delivery",
    metadata,
    key_column(),
    refers("lane_id", "lane.id", nullable=False),
    Column("seq", BigInteger),  # its place in the lane; None while held
    Column("op", Text, nullable=False),
    refers("message_id", "message.id"),
    refers("attachment_id", "attachment.id"),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("key", Text),  # the attempt's idempotency key; the rows of one post share it
    Column("attempted_at", Double),
    Column("error", Text),
    Column("hold_until", Double),
    Column("order_at", Double),
    Column("payload", Text),
    Column("progress", Text),
    Column("created_at", Double, nullable=False),
    Column("settled_at", Double),
    Column("about", Text),  # of a prompt: what it is about, so that it can be shown anew
    Index("ix_delivery_about", "about", **where("about is not null")),
    Index("uq_delivery_lane_seq", "lane_id", "seq", unique=True, **where("seq is not null")),
    Index("ix_delivery_held", "hold_until", **where("state = 'held'")),
    Index("ix_delivery_message", "message_id", **where("message_id is not null")),
    Index("ix_delivery_trouble", "state", "settled_at", **where("state in ('failed', 'uncertain')")),
)

post = Table(
    "post",
    metadata,
    key_column(),
    refers("message_id", "message.id"),
    refers("delivery_id", "delivery.id"),
    Column("part", Integer, nullable=False, server_default=text("0")),
    Column("target", Text, nullable=False),  # desk, route
    Column("place", Text, nullable=False),  # the Slack channel, or the inbox
    Column("remote_id", Text, nullable=False),
    Index("ix_post_message", "message_id", "target"),
    Index("ix_post_remote", "place", "remote_id"),
)

act = Table(
    "act",
    metadata,
    Column("source", Text, primary_key=True),  # an event or trigger that has had its effect
    Column("at", Double, nullable=False),
    Index(None, "at"),
)

source_cursor = Table(
    "source_cursor",
    metadata,
    Column("inbox", Text, primary_key=True),
    Column("cursor", Text, nullable=False),
)

adapter_state = Table(
    "adapter_state",
    metadata,
    Column("inbox", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

inbox_status = Table(
    "inbox_status",
    metadata,
    Column("inbox", Text, primary_key=True),
    Column("problem", Text),
    Column("since", Double),
    Column("last_event_at", Double),
)

audit = Table(
    "audit",
    metadata,
    key_column(),
    Column("at", Double, nullable=False),
    Column("agent", Text, nullable=False),
    Column("action", Text, nullable=False),
    refers("customer_id", "customer.id"),
    Column("detail", Text),
    Index(None, "customer_id", "id"),
    Index("ix_audit_agent", "agent", "at"),
)

worker = Table(
    "worker",
    metadata,
    Column("id", Text, primary_key=True),
    Column("lease_until", Double, nullable=False),
    Column("started_at", Double, nullable=False),
)

lease = Table(
    "lease",
    metadata,
    Column("name", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("until", Double, nullable=False),
)
