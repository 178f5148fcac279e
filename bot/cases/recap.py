"""The last words: for an agent who comes in, and for a customer who goes on by another way. Units that only read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from bot.messages import Span, SpanKind, TeamId, Text
from bot.storage import people
from bot.storage.pages import Filters, conditions
from bot.storage.schema import identity, message, route

EXCHANGES = 3
LOOKED_AT = 60
"""Messages in which the last exchanges are looked for."""
MOST = 9
"""Messages that a recap shows: an exchange may be a dozen chat lines."""
LINE = 240
"""Characters of one message that a customer's recap shows."""
_ARRIVED = ("accepted", "delivered", "seen")


def last_exchanges(
    connection: Connection, family: Sequence[int], teams: frozenset[TeamId] | None
) -> list[Any]:
    """The messages of the last exchanges, oldest first: what they said and what we answered, no notes."""
    spoken = _newest(connection, family, LOOKED_AT, _spoken(), *conditions(Filters(teams=teams)))
    taken: list[Any] = []
    exchanges = 0
    for row in spoken:
        answer_before_a_question = row.direction == "outbound" and taken and taken[-1].direction == "inbound"
        if answer_before_a_question:
            exchanges += 1
            if exchanges == EXCHANGES:
                break
        taken.append(row)
    return taken[:MOST][::-1]


def answered(connection: Connection, family: Sequence[int], teams: frozenset[TeamId] | None) -> bool:
    """Whether somebody of ours has ever answered them: a person, no automatic answer."""
    ours = (message.c.direction == "outbound", message.c.automated.is_(None), _kept())
    return bool(_newest(connection, family, 1, *ours, *conditions(Filters(teams=teams))))


def for_customer(connection: Connection, customer_id: int, route_id: int, limit: int = 3) -> Text:
    """The last words between a customer and us, for themselves, where they go on by the way ``route_id``.

    Nothing but what this person said and what reached them: no notes, nobody else who wrote in their conversation, nothing by
    or to an address that was only claimed. Empty where there is nothing, and where nobody has proved that the way leads to
    them. "You" is whoever reads it.
    """
    family = people.family(connection, customer_id)
    way = people.route_by_id(connection, route_id)
    if way is None or not way.verified or way.customer_id not in family:
        return Text()
    proven = (
        select(identity.c.verified)
        .join(route, route.c.identity_id == identity.c.id)
        .where(route.c.id == message.c.route_id)
    )
    rows = _newest(
        connection,
        family,
        LOOKED_AT,
        _spoken(),
        proven.scalar_subquery(),
        message.c.text != "",
        message.c.automated.is_(None),
    )
    lines = [_line(row) for row in rows if _theirs_to_see(row)][:limit]
    told = Text()
    for number, line in enumerate(reversed(lines)):
        told += (Text("\n") if number else Text()) + line
    return told


def _theirs_to_see(row: Any) -> bool:
    if row.direction == "outbound":
        return row.state in _ARRIVED
    meta: dict[str, Any] = json.loads(row.meta) if row.meta else {}
    return row.identity_id is not None and not meta.get("other_sender") and not meta.get("deleted")


def _line(row: Any) -> Text:
    who = "You" if row.direction == "inbound" else row.author
    words = " ".join(row.text.split())
    shown = words if len(words) <= LINE else f"{words[:LINE].rsplit(' ', 1)[0]}…"
    return Text(f"{who}:", (Span(0, len(who) + 1, SpanKind.BOLD),)) + Text(f" {shown}")


def _spoken() -> ColumnElement[bool]:
    return message.c.direction.in_(("inbound", "outbound")) & _kept()


def _kept() -> ColumnElement[bool]:
    """Not taken back before it left. Customers' own messages have no state."""
    return message.c.state.is_(None) | (message.c.state != "cancelled")


def _newest(
    connection: Connection, family: Sequence[int], limit: int, *wanted: ColumnElement[bool]
) -> list[Any]:
    found: list[Any] = []
    for one in family:
        statement = select(message).where(message.c.customer_id == one, *wanted)
        found += connection.execute(statement.order_by(message.c.id.desc()).limit(limit)).all()
    found.sort(key=lambda row: row.id, reverse=True)
    return found[:limit]
