"""Macros as rows. A scope is ``team:support`` for those that a team shares, ``agent:U1`` for somebody's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, case, delete, func, insert, select, update

from bot.storage.schema_desk import macro


def shared(team: str) -> str:
    """The scope of what a team shares."""
    return f"team:{team}"


def personal(agent: str) -> str:
    """The scope of what is somebody's own."""
    return f"agent:{agent}"


def visible(connection: Connection, agent: str, teams: Sequence[str]) -> Sequence[Any]:
    """The macros somebody can use: their own and their teams', by name, their own before a team's of the same name."""
    own = personal(agent)
    return connection.execute(
        select(macro)
        .where(macro.c.scope.in_([own, *map(shared, teams)]))
        .order_by(macro.c.name, case((macro.c.scope == own, 0), else_=1), macro.c.scope)
    ).all()


def one(connection: Connection, macro_id: int) -> Any | None:
    """One macro."""
    return connection.execute(select(macro).where(macro.c.id == macro_id)).one_or_none()


def save(connection: Connection, scope: str, name: str, text: str, agent: str, now: float) -> int:
    """Keeps a macro; one of the same scope and name is replaced."""
    values = {"text": text, "changed_at": now, "changed_by": agent}
    known = connection.execute(
        update(macro)
        .where(macro.c.scope == scope, macro.c.name == name)
        .values(**values)
        .returning(macro.c.id)
    ).scalar()
    if known is not None:
        return int(known)
    made = insert(macro).values(scope=scope, name=name, **values).returning(macro.c.id)
    return int(connection.execute(made).scalar_one())


def remove(connection: Connection, macro_id: int) -> None:
    """Forgets a macro."""
    connection.execute(delete(macro).where(macro.c.id == macro_id))


def count_use(connection: Connection, macro_id: int) -> None:
    """A macro was used once more."""
    connection.execute(update(macro).where(macro.c.id == macro_id).values(used=macro.c.used + 1))


def count(connection: Connection, scope: str) -> int:
    """How many macros a scope has."""
    return int(connection.execute(select(func.count()).where(macro.c.scope == scope)).scalar_one())
