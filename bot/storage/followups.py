"""Follow-ups: what an agent wants to come back to. waiting → told → done, or cancelled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, literal_column, select, update

from bot.storage.schema import customer
from bot.storage.schema_reminders import follow_up

WAITING, TOLD, DONE, CANCELLED = "waiting", "told", "done", "cancelled"

_WAITS = follow_up.c.state == literal_column("'waiting'")
_NEXT = select(func.min(follow_up.c.at)).where(_WAITS)
_DUE = (
    select(follow_up)
    .where(_WAITS, follow_up.c.at <= bindparam("now"))
    .order_by(follow_up.c.at)
    .limit(bindparam("most"))
)
_MINE = (
    select(follow_up)
    .where(
        follow_up.c.agent == bindparam("whose"),
        follow_up.c.state.in_([literal_column("'waiting'"), literal_column("'told'")]),
    )
    .order_by(follow_up.c.at)
    .limit(bindparam("most"))
)
_ONE = select(follow_up).where(follow_up.c.id == bindparam("which"))
_ERASED = select(customer.c.erased_at).where(customer.c.id == bindparam("which"))
_ADD = insert(follow_up).returning(follow_up.c.id)


def next_at(connection: Connection) -> float | None:
    """When the first follow-up comes due; None where none waits."""
    return connection.execute(_NEXT).scalar()


def due(connection: Connection, now: float, most: int) -> Sequence[Any]:
    """Follow-ups whose time has come, the earliest first."""
    return connection.execute(_DUE, {"now": now, "most": most}).all()


def mine(connection: Connection, agent: str, most: int) -> Sequence[Any]:
    """An agent's follow-ups that are not done, the next first."""
    return connection.execute(_MINE, {"whose": agent, "most": most}).all()


def get(connection: Connection, follow_up_id: int) -> Any | None:
    """One follow-up."""
    return connection.execute(_ONE, {"which": follow_up_id}).one_or_none()


def add(
    connection: Connection,
    *,
    customer_id: int,
    team: str,
    agent: str,
    agent_name: str,
    words: str,
    at: float,
    now: float,
) -> int:
    """A new follow-up."""
    values = {
        "customer_id": customer_id,
        "team": team,
        "agent": agent,
        "agent_name": agent_name,
        "words": words,
        "at": at,
        "state": WAITING,
        "created_at": now,
        "changed_at": now,
    }
    return int(connection.execute(_ADD, values).scalar_one())


def change(connection: Connection, follow_up_id: int, now: float, **values: Any) -> None:
    """Changes columns of a follow-up."""
    connection.execute(
        update(follow_up).where(follow_up.c.id == follow_up_id).values(changed_at=now, **values)
    )


def erased(connection: Connection, customer_id: int) -> bool:
    """Whether a customer was erased."""
    return connection.execute(_ERASED, {"which": customer_id}).scalar() is not None
