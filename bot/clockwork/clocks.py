"""The arithmetic of one clock: what has counted, when it is due, which step comes next. Nothing here touches the database.

A clock counts business seconds in *periods*: from its start to a pause, from a resumption to the next, to its stop. It is
late from the moment after ``due_at``: an answer at that very moment keeps the promise.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from bot import hours
from bot.clockwork.promises import BREACH, Terms, unpack
from bot.storage.clocks import PAUSED, RUNNING, STOPPED, Clock, Happened

AFTER = 1.0
"""Seconds: the breach is looked for so long after the due time, because an answer at that very moment is in time."""

_GRAIN = 0.001
"""Seconds: less is no difference."""

Period = tuple[float, float | None]
"""From when to when a clock counted; None: it still does."""


@dataclass(frozen=True, slots=True)
class Passed:
    """A step of a clock that has come: ``percent`` of the target, 100 (``breach``) is the broken promise. ``at``: its time.

    ``new``: the breach is not in the ledger yet (it is where a reply came back too late for its promise).
    """

    clock: Clock
    percent: float
    at: float
    new: bool = False

    @property
    def breach(self) -> bool:
        """Whether this is the broken promise."""
        return self.percent == BREACH


def counted(one: Clock, at: float) -> float:
    """Business seconds until a moment."""
    if one.state != RUNNING or one.since is None:
        return one.used
    return one.used + hours.between(unpack(one.hours)[1], one.since, at)


def started(kind: str, terms: Terms, since: float) -> tuple[float, float | None]:
    """When a clock that starts now is due, and a time before which its first step does not come.

    Real time passes at least as fast as business time; when exactly it comes is counted when somebody looks then.
    """
    due = hours.add(unpack(terms.hours)[1], since, terms.target)
    return due, min(since + terms.target * terms.steps[0] / 100, due + AFTER)


def running(one: Clock, since: float, used: float) -> Clock:
    """The clock as it counts on from a moment, with so much used before."""
    left = max(one.target - used, 0.0)
    due = one.breached_at
    if due is None:
        due = hours.add(unpack(one.hours)[1], since, left)
    moved = replace(one, state=RUNNING, cause=None, used=used, since=since, due_at=due)
    return replace(moved, next_at=next_step(moved), stopped_at=None, stopped_by=None)


def paused(one: Clock, at: float, cause: str) -> Clock:
    """The clock as it stands still from a moment."""
    return replace(
        one, state=PAUSED, cause=cause, used=counted(one, at), since=None, due_at=None, next_at=None
    )


def stopped(one: Clock, at: float, cause: str, by: int | None) -> Clock:
    """The clock as it has ended."""
    return replace(
        one,
        state=STOPPED,
        cause=cause,
        used=counted(one, at),
        since=None,
        next_at=None,
        stopped_at=at,
        stopped_by=by,
    )


def late_by(one: Clock, at: float) -> Happened | None:
    """The breach that has come by a moment and is not in the ledger yet."""
    if one.state != RUNNING or one.breached_at is not None or one.due_at is None or at <= one.due_at:
        return None
    return Happened(one.id, one.due_at, "breach", "not answered in time")


def next_step(one: Clock) -> float | None:
    """When the next step of a running clock comes; None where all have passed."""
    if one.step >= len(one.steps) or one.since is None or one.due_at is None:
        return None
    return _moment(one.hours, one.target, one.steps[one.step], one.used, one.since, one.due_at)


def _moment(packed: str, target: float, percent: float, used: float, since: float, due: float) -> float:
    if percent == BREACH:
        return due + AFTER
    left = target * percent / 100 - used
    reached = since if left <= 0 else hours.add(unpack(packed)[1], since, left)
    return max(reached, due + AFTER) if percent > BREACH else reached


def passed(one: Clock, now: float) -> tuple[Clock, tuple[Passed, ...]]:
    """The clock after the steps that have come by now, and these. ``next_at`` may be too early: it is exact then."""
    steps: list[Passed] = []
    one = replace(one, next_at=next_step(one)) if one.state == RUNNING else one
    while one.state == RUNNING and one.next_at is not None and one.next_at <= now:
        percent = one.steps[one.step]
        new = percent == BREACH and one.breached_at is None
        at = one.due_at if percent == BREACH and one.due_at is not None else one.next_at
        moved = replace(one, step=one.step + 1, breached_at=at if new else one.breached_at)
        one = replace(moved, next_at=next_step(moved))
        steps.append(Passed(one, percent, at, new))
    return one, tuple(steps)


def periods(one: Clock, events: Iterable[Happened]) -> list[Period]:
    """When it counted, from its ledger; what a reply that came back had ended goes on."""
    found: list[Period] = [(one.started_at, None)]
    for event in _standing(events):
        start, end = found[-1]
        if event.what in ("pause", "stop") and end is None:
            found[-1] = (start, event.at)
        elif event.what == "resume" and end is not None:
            found.append((event.at, None))
    return found


def _standing(events: Iterable[Happened]) -> list[Happened]:
    """A ledger without what was taken back: all that a reply did, or where none is named, the last stop."""
    kept: list[Happened] = []
    for event in events:
        if event.what != "back":
            kept.append(event)
        elif event.message_id is not None:
            kept = [
                other
                for other in kept
                if other.what not in ("pause", "stop") or other.message_id != event.message_id
            ]
        else:
            last = max((n for n, other in enumerate(kept) if other.what == "stop"), default=None)
            kept = [other for n, other in enumerate(kept) if n != last]
    return kept


def recounted(one: Clock, events: Iterable[Happened], now: float) -> Clock:
    """The clock counted anew from its ledger, with the hours and the target that it has now.

    Where it would have been late by now, it is: ``breached_at`` is when that was.
    """
    schedule = unpack(one.hours)[1]
    used, due, since = 0.0, None, None
    last, before = one.started_at, 0.0
    for start, end in periods(one, events):
        last, before = start, used
        stop = now if end is None else end
        here = hours.between(schedule, start, stop)
        if due is None and used + here + _GRAIN >= one.target:
            reached = hours.add(schedule, start, max(one.target - used, 0.0))
            due = reached if reached < stop else None
        if end is None:
            since = start
        else:
            used += here
    if due is not None and one.breached_at is None:
        one = replace(one, breached_at=due)
    if since is None:
        if one.state == STOPPED and due is None:
            due = hours.add(schedule, last, max(one.target - before, 0.0))
        return replace(one, used=used, since=None, due_at=due if one.state == STOPPED else None, next_at=None)
    return running(one, since, used)


def with_terms(one: Clock, terms: Terms) -> Clock:
    """The clock with other terms, not yet counted anew; steps that have been told of are not told again."""
    told = one.steps[one.step - 1] if one.step else 0.0
    step = sum(1 for percent in terms.steps if percent <= told)
    return replace(
        one, policy=terms.policy, target=terms.target, hours=terms.hours, steps=terms.steps, step=step
    )


def terms_of(one: Clock) -> Terms:
    """What a clock goes by."""
    return Terms(one.policy, one.target, one.hours, one.steps)
