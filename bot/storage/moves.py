"""Cases that another team has now: where they came from, so that what customers say goes on arriving there."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select, update

from bot.storage.schema import RESOLVED, conversation

_TEAM = (
    select(conversation.c.team)
    .where(
        conversation.c.customer_id == bindparam("customer"),
        conversation.c.origin_team == bindparam("which"),
        conversation.c.origin_team.is_not(None),
        conversation.c.status != RESOLVED,
    )
    .order_by(conversation.c.id.desc())
    .limit(1)
)


def team_of(connection: Connection, customer_id: int, origin: str) -> str | None:
    """The team that has the customer's open case which came to ``origin``; None where none was given away."""
    return connection.execute(_TEAM, {"customer": customer_id, "which": origin}).scalar()


def give(connection: Connection, conversation_id: int, to: str, origin: str | None) -> None:
    """Gives a case to another team; nobody there has it yet."""
    connection.execute(
        update(conversation)
        .where(conversation.c.id == conversation_id)
        .values(team=to, origin_team=origin, owner=None)
    )
