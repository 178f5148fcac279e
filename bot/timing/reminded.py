"""What becomes of reminders that were told: something came of the promise, somebody is on it, or a later one takes its place.

A reminder is over the moment its clock does not run any more. Right after a reply was accepted that is looked at at once
(``over``), everything else (resolved, snoozed, paused, merged, erased) is found by the timers (``settle_due``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection

from bot.cases import prompts
from bot.desk import Line, Status, When
from bot.storage import cases, people, snoozes
from bot.storage import reminders as rows
from bot.timing import reminder_words
from bot.timing.reminder_words import Promise
from bot.timing.timers import Done

AT_ONCE = 100
LIST = "reminders:"
"""What is about several promises begins so; one promise has a number of its own behind ``ONE``."""
ONE = "reminder:"


def next_at(connection: Connection) -> float | None:
    """At once where something came of what somebody was told, else never."""
    return 0.0 if rows.any_answered(connection) else None


def settle_due(connection: Connection, now: float) -> Done:
    """A unit: says what came of promises whose clocks do not run any more."""
    found = rows.answered(connection, AT_ONCE)
    return Done(_settle(connection, found, now), len(found) == AT_ONCE)


def over(connection: Connection, case_id: int, now: float, *, answered: bool = False) -> set[str]:
    """A unit: the same for one case, in the transaction that changed it. What was not posted yet never is.

    What told that a snooze ended is over, too, where the case was ``answered`` or is not open any more.
    """
    found = [one for one in rows.told_of(connection, [case_id]) if one.clock_state != "running"]
    return _settle(connection, found, now) | _awake(connection, case_id, now, answered=answered)


def handed_over(connection: Connection, case_id: int, before: str | None, now: float) -> set[str]:
    """A unit: who had a case and has it no more needs not to be reminded of it. ``before``: its owner until now."""
    case = cases.case(connection, case_id) if before is not None else None
    if case is None or case.owner == before:
        return set()
    theirs = [one for one in rows.told_of(connection, [case_id]) if one.target == before]
    return end(connection, [(one, ("it is not yours any more",)) for one in theirs], now)


def snooze_about(snooze_id: int) -> str:
    """What a prompt about the end of a snooze is about."""
    return f"snooze:{snooze_id}"


def _awake(connection: Connection, case_id: int, now: float, *, answered: bool) -> set[str]:
    ended = snoozes.last_ended(connection, case_id)
    if ended is None:
        return set()
    line: Line = ("✓ answered ", When(now, "time"))
    if not answered:
        case = cases.case(connection, case_id)
        if case is None or case.status == Status.OPEN:
            return set()
        line = (f"✓ {'resolved' if case.status == Status.RESOLVED else case.status} ", When(now, "time"))
    return prompts.withdraw(connection, snooze_about(ended.id), line, now)


def _settle(connection: Connection, found: Iterable[Any], now: float) -> set[str]:
    ends = [(one, reminder_words.outcome(one, rows.author_of(connection, one.stopped_by))) for one in found]
    return end(connection, ends, now)


def end(connection: Connection, ends: Sequence[tuple[Any, Line]], now: float) -> set[str]:
    """A unit: what came of reminders is said where they stand, each with its line."""
    rows.end(connection, [(row.id, prompts.pack_line(line)) for row, line in ends])
    buckets: set[str] = set()
    for row, line in ends:
        if row.about.startswith(ONE):
            buckets |= prompts.withdraw(connection, row.about, ("✓ ", *line), now)
    lists = {row.about: row.target for row, _ in ends if row.about.startswith(LIST)}
    for about in sorted(lists):
        buckets |= show_list(connection, about, now)
    return buckets


def show_list(connection: Connection, about: str, now: float) -> set[str]:
    """A unit: a list as it is now. Nobody is notified again."""
    promises = promised(connection, rows.shown_by(connection, [about]))
    night, take = "night" in about, "team" in about
    prompt = reminder_words.several(promises, now, about, night=night, take=take)
    return prompts.renew(connection, about, prompt, now)


def promised(connection: Connection, found: Sequence[Any]) -> list[Promise]:
    """Rows with the names and threads of their customers today; those of nobody are left out."""
    names = people.named(connection, {row.customer_id for row in found})
    threads = cases.current_threads(connection, {one.id for one in names.values()})
    made = []
    for row in found:
        person = names.get(row.customer_id)
        if person is not None:
            words = f"{person.name} ({people.handle(person.id)})"
            made.append(Promise(row, person.id, words, threads.get((person.id, row.team))))
    return made
