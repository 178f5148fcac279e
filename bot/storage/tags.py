"""Tags of cases: short lower-case words by which a team tells cases apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from bot.storage.schema_desk import case_tag

_OF = select(case_tag.c.tag).where(case_tag.c.conversation_id == bindparam("which")).order_by(case_tag.c.tag)


def tags_of(connection: Connection, conversation_id: int) -> tuple[str, ...]:
    """The tags of a case, in the order of the alphabet."""
    return tuple(connection.execute(_OF, {"which": conversation_id}).scalars())


def add(connection: Connection, conversation_id: int, tags: Iterable[str]) -> None:
    """Puts tags on a case; those that it has already stay."""
    new = set(tags) - set(tags_of(connection, conversation_id))
    if new:
        connection.execute(
            insert(case_tag), [{"conversation_id": conversation_id, "tag": tag} for tag in sorted(new)]
        )


def remove(connection: Connection, conversation_id: int, tags: Sequence[str]) -> None:
    """Takes tags off a case."""
    connection.execute(
        delete(case_tag).where(case_tag.c.conversation_id == conversation_id, case_tag.c.tag.in_(list(tags)))
    )


def most_used(connection: Connection, limit: int) -> tuple[str, ...]:
    """The tags that are used most, to choose from."""
    rows = connection.execute(
        select(case_tag.c.tag)
        .group_by(case_tag.c.tag)
        .order_by(func.count().desc(), case_tag.c.tag)
        .limit(limit)
    )
    return tuple(rows.scalars())
