"""Who waits, in the order in which they should be answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, func, or_, select

from bot.storage.schema import RESOLVED, conversation, customer

_URGENCY = case({"urgent": 0, "high": 1, "normal": 2, "low": 3}, value=conversation.c.priority, else_=2)


def _waiting(teams: Sequence[str], agent: str) -> list[ColumnElement[bool]]:
    return [
        conversation.c.status == "open",
        conversation.c.status != RESOLVED,  # so that the planner sees that the index of the queue fits
        conversation.c.waiting_since.is_not(None),
        conversation.c.team.in_(list(teams)),
        or_(conversation.c.owner == agent, conversation.c.owner.is_(None)),
        ~customer.c.blocked,
        customer.c.quarantine.is_(None),
    ]


def next_waiting(
    connection: Connection, teams: Sequence[str], agent: str, skip: int
) -> tuple[Any | None, int]:
    """The case to answer now after ``skip`` others, and how many wait in all.

    An agent's own come before nobody's; then the urgent ones; then what is due first, then who waits longest.
    """
    wanted = _waiting(teams, agent)
    count = int(
        connection.execute(
            select(func.count())
            .select_from(conversation.join(customer, customer.c.id == conversation.c.customer_id))
            .where(*wanted)
        ).scalar_one()
    )
    row = connection.execute(
        select(
            conversation.c.customer_id,
            conversation.c.team,
            conversation.c.owner,
            conversation.c.priority,
            conversation.c.due_at,
            conversation.c.due_kind,
            conversation.c.waiting_since,
        )
        .join(customer, customer.c.id == conversation.c.customer_id)
        .where(*wanted)
        .order_by(
            conversation.c.owner.is_(None),
            _URGENCY,
            conversation.c.due_at.is_(None),
            conversation.c.due_at,
            conversation.c.waiting_since,
            conversation.c.id,
        )
        .limit(1)
        .offset(skip)
    ).one_or_none()
    return row, count
