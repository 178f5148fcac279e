"""Who waits again when a reply turns out to be none: it came back, or an agent took it back. Units.

When the channel takes a reply, it answers all that was said until then in the case that it counts for: its own, or where a
merge has ended that one, the case that goes on. So what a reply leaves unanswered is looked for in all cases that have become
one. A reply to the other customer counts from the merge on, not before: then it was said to somebody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from bot.clockwork.book import goes_on
from bot.desk import Status
from bot.storage import cases, waits
from bot.storage.waits import Moment

_ANY = 2**62
"""More than the number of any message."""

Ended = Mapping[int, tuple[int, float]]
"""Cases that merges have ended: case → (the one that goes on, when)."""


@dataclass(frozen=True, slots=True)
class Void:
    """What a reply leaves that does not count any more.

    ``case`` is the one that goes on, as it is now; ``other`` the reply that answered next, with its time; ``since`` is
    since when somebody waits for what nobody else has answered, None where nobody does.
    """

    case: Any
    other: tuple[int, float] | None
    since: float | None


def void(connection: Connection, row: Any) -> Void | None:
    """A reply does not count any more; its state says so already. The case that goes on waits again, where somebody does."""
    case = goes_on(connection, row.conversation_id)
    if case is None:
        return None
    ended = waits.ended(connection, [case.customer_id])
    family = _family(ended, case.id)
    at = waits.accepted(connection, row.id)
    one_since = {one: _one_since(ended, row.conversation_id, one) for one in family}
    answers = [
        waits.first_reply(connection, one, (max(at[0], since), row.id)) for one, since in one_since.items()
    ]
    other = min((one for one in answers if one is not None), default=None)
    if other is not None:
        return Void(case, (other[1], other[0]), None)
    answered = [one for one, since in one_since.items() if since <= at[0]]
    since = _oldest(connection, ended, family, answered, before=at)
    if since is not None:
        case = _waits(connection, case, since)
    return Void(case, None, since)


def _waits(connection: Connection, case: Any, since: float) -> Any:
    values: dict[str, Any] = {"waiting_since": min(since, case.waiting_since or since)}
    if case.status == Status.PENDING:
        values["status"] = Status.OPEN
    cases.change(connection, case.id, **values)
    return cases.case(connection, case.id)


def as_of(
    connection: Connection,
    customers: Iterable[int],
    case_id: int,
    was: dict[str, Any],
    merged: Moment,
    apart: Iterable[int] = (),
) -> dict[str, Any]:
    """What a case was when a merge happened, with what has become since of the replies that had been written by then.

    ``merged``: when that was, and the newest message then. ``apart``: cases that count for themselves again. Returns ``was``
    itself where nothing has become of them.
    """
    ended = waits.ended(connection, list(customers))
    ended = {one: road for one, road in ended.items() if one not in set(apart)}
    family = _family(ended, case_id)
    at, newest = merged
    if not waits.settled_since(connection, family, newest, at):
        return was
    since = _oldest(connection, ended, family, family, before=(at, newest + 1), newest=newest)
    last = _last(connection, ended, family, case_id, newest)
    state = was | {"waiting_since": since}
    if last is not None and last[0] >= at:
        state["last_out_at"] = last[0]
        state["first_out_at"] = was["first_out_at"] or last[0]
        if since is None and was["status"] == Status.OPEN:
            state["status"] = Status.PENDING
    if since is not None and was["status"] == Status.PENDING:
        state["status"] = Status.OPEN
    return state


def _family(ended: Ended, case_id: int) -> list[int]:
    """A case, and those that merges have ended in its favour."""
    return [case_id, *(one for one in sorted(ended) if case_id in _road(ended, one) and one != case_id)]


def _road(ended: Ended, case_id: int) -> dict[int, float]:
    """The cases in which what was said in one counts, each since when."""
    road = {case_id: 0.0}
    while case_id in ended:
        case_id, at = ended[case_id]
        road[case_id] = at
    return road


def _one_since(ended: Ended, one: int, other: int) -> float:
    """Since when two cases of a family are one."""
    mine, theirs = _road(ended, one), _road(ended, other)
    return min(max(at, theirs[case_id]) for case_id, at in mine.items() if case_id in theirs)


def _last(
    connection: Connection, ended: Ended, family: Iterable[int], case_id: int, newest: int
) -> Moment | None:
    """The last reply that answers what was said in a case."""
    found = [waits.last_reply(connection, one, _one_since(ended, case_id, one), newest) for one in family]
    return max((one for one in found if one is not None), default=None)


def _oldest(
    connection: Connection,
    ended: Ended,
    family: Iterable[int],
    among: Iterable[int],
    *,
    before: Moment,
    newest: int = _ANY,
) -> float | None:
    """When the oldest words were said, in some of the cases and before a moment, that no reply of the family answers."""
    found = []
    for one in among:
        last = _last(connection, ended, family, one, newest)
        found.append(waits.first_words(connection, one, last or (0.0, 0), before))
    return min((at for at in found if at is not None), default=None)
