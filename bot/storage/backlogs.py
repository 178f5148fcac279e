"""What is open just now, counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, func, select

from bot.storage.schema import RESOLVED, conversation, customer


def _open(teams: Sequence[str]) -> tuple[ColumnElement[bool], ...]:
    return (conversation.c.team.in_(list(teams)), conversation.c.status != RESOLVED)


def _sum(condition: ColumnElement[bool]) -> ColumnElement[Any]:
    return func.sum(case((condition, 1), else_=0))


def counts(connection: Connection, teams: Sequence[str], now: float) -> Any:
    """How many are open, waiting for us, late, without an owner while they wait, snoozed. Blocked and quarantined left out."""
    waits = (conversation.c.status == "open") & conversation.c.waiting_since.is_not(None)
    return connection.execute(
        select(
            func.count().label("open"),
            _sum(waits).label("waiting"),
            _sum((conversation.c.due_at < now) & (conversation.c.status == "open")).label("late"),
            _sum(waits & conversation.c.owner.is_(None)).label("unassigned"),
            _sum(conversation.c.status == "snoozed").label("snoozed"),
        )
        .select_from(conversation.join(customer, customer.c.id == conversation.c.customer_id))
        .where(*_open(teams), ~customer.c.blocked, customer.c.quarantine.is_(None))
    ).one()


def ages(connection: Connection, teams: Sequence[str]) -> list[float]:
    """When the open cases were opened, the oldest first."""
    rows = connection.execute(
        select(conversation.c.opened_at)
        .join(customer, customer.c.id == conversation.c.customer_id)
        .where(*_open(teams), ~customer.c.blocked, customer.c.quarantine.is_(None))
        .order_by(conversation.c.opened_at)
    )
    return list(rows.scalars())
