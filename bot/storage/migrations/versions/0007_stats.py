"""figures: cells by day, kept in step by the database itself noting which cases have changed; ratings"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

CHANGES = (
    # (table, events, whose case, when an update counts)
    ("message", "insert", "new.conversation_id", ""),
    ("message", "delete", "old.conversation_id", ""),
    (
        "message",
        "update of state, agent, automated, direction",
        "new.conversation_id",
        "old.state is distinct from new.state or old.agent is distinct from new.agent "
        "or old.automated is distinct from new.automated or old.direction is distinct from new.direction",
    ),
    (
        "conversation",
        "update of team, owner, priority, joined_to, resolved_at",
        "new.id",
        "old.team is distinct from new.team or old.owner is distinct from new.owner "
        "or old.priority is distinct from new.priority or old.joined_to is distinct from new.joined_to "
        "or old.resolved_at is distinct from new.resolved_at",
    ),
    ("conversation", "delete", "old.id", ""),
    ("clock", "insert", "new.conversation_id", ""),
    (
        "clock",
        "update of conversation_id, stopped_at, breached_at, started_at, used, cause, stopped_by",
        "new.conversation_id",
        "old.stopped_at is distinct from new.stopped_at or old.breached_at is distinct from new.breached_at "
        "or old.started_at is distinct from new.started_at or old.stopped_by is distinct from new.stopped_by "
        "or old.cause is distinct from new.cause",
    ),
    ("clock", "delete", "old.conversation_id", ""),
    ("case_tag", "insert", "new.conversation_id", ""),
    ("case_tag", "delete", "old.conversation_id", ""),
    ("rating", "insert", "new.conversation_id", ""),
    ("rating", "update", "new.conversation_id", ""),
    ("rating", "delete", "old.conversation_id", ""),
)
MOVED = ("message", "clock", "rating")
"""Whose rows may go from one case to another (a merge that is undone): both are counted anew."""


def upgrade() -> None:
    op.create_table(
        "stat_day",
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("dimension", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.Double(), nullable=False),
        sa.Column("spread", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("team", "dimension", "day", "value", "metric", name=op.f("pk_stat_day")),
    )
    op.create_table(
        "stat_case",
        sa.Column("conversation_id", ID, autoincrement=False, nullable=False),
        sa.Column("cells", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("pk_stat_case")),
    )
    op.create_table(
        "stat_dirty",
        sa.Column("conversation_id", ID, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("pk_stat_dirty")),
    )
    _ratings()
    op.execute("insert into stat_dirty (conversation_id) select id from conversation")
    make = _sqlite if op.get_bind().dialect.name == "sqlite" else _postgresql
    for number, (table, events, whose, when) in enumerate(CHANGES):
        make(f"stat_{table}_{number}", table, events, whose, when)
    for table in MOVED:
        events, when = "update of conversation_id", "old.conversation_id is distinct from new.conversation_id"
        make(f"stat_{table}_from", table, events, "old.conversation_id", when)
        make(f"stat_{table}_to", table, events, "new.conversation_id", when)


def _ratings() -> None:
    op.create_table(
        "rating",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("conversation_id", ID, nullable=False),
        sa.Column("customer_id", ID, nullable=False),
        sa.Column("identity_id", ID, nullable=True),
        sa.Column("inbox", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), server_default="", nullable=False),
        sa.Column("token", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=True),
        sa.Column("asked_at", sa.Double(), nullable=True),
        sa.Column("score", sa.Integer(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("answered_at", sa.Double(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("message_id", ID, nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversation.id"], name=op.f("fk_rating_conversation_id")
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_rating_customer_id")),
        sa.ForeignKeyConstraint(["identity_id"], ["identity.id"], name=op.f("fk_rating_identity_id")),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_rating_message_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rating")),
        sa.UniqueConstraint("token", name=op.f("uq_rating_token")),
    )
    op.create_index(op.f("ix_rating_conversation_id"), "rating", ["conversation_id"])
    op.create_index(op.f("ix_rating_customer_id"), "rating", ["customer_id"])
    due = sa.text("state = 'due'")
    op.create_index("ix_rating_due", "rating", ["due_at"], sqlite_where=due, postgresql_where=due)


def _sqlite(name: str, table: str, events: str, whose: str, when: str) -> None:
    condition = f"when {when.replace('is distinct from', 'is not')}" if when else ""
    op.execute(
        f"create trigger {name} after {events} on {table} {condition} begin "
        f"insert or ignore into stat_dirty (conversation_id) values ({whose}); end"
    )


def _postgresql(name: str, table: str, events: str, whose: str, when: str) -> None:
    op.execute(
        f"create function {name}() returns trigger language plpgsql as $$ begin "
        f"insert into stat_dirty (conversation_id) values ({whose}) on conflict do nothing; return null; end $$"
    )
    condition = f"when ({when})" if when else ""
    op.execute(
        f"create trigger {name} after {events} on {table} for each row {condition} execute function {name}()"
    )
