"""Business time. Pure: no clock is read; moments are epoch seconds (UTC), spans are seconds.

**A moment counts when the clock on the wall shows a time within the hours of that day.** Everything else follows:

- Business time is real, elapsed time: 01:00 to 04:00 lasts two hours on the night that skips one and four on the night
  that repeats one; hours that the clock skips last none.
- A day off has no hours, whatever the week says; a day with hours of its own (``special``) has those, even on a day off.
- Hours include the moment they open and exclude the moment they close.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from bot.calendar.schedule import ALWAYS, GRAIN, Calendar, Hours, Intervals, calendar_of, days
from bot.calendar.wallclock import DAY, LATEST, check, pieces, wall

__all__ = [
    "ALWAYS",
    "Hours",
    "Intervals",
    "Stretch",
    "add",
    "between",
    "explain",
    "is_open",
    "next_close",
    "next_open",
]

_LUNCH = (11 * 60, 15 * 60)
_LUNCH_LONGEST = 120
"""Minutes. A break of a day within these is called lunch."""

_REASONS = 5
"""So many are named for one closed stretch."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the time that is being explained."""

    start: float
    end: float
    counted: bool
    """Whether it counted; a summary of many did where any of them did."""
    why: str
    """"open", "special hours"; "closed", "lunch", "between hours", "Saturday, Sunday", "holiday: Christmas Day", "day off"."""
    seconds: float
    """Business time in it: all of it, or none, but for a summary."""


def add(hours: Hours, start: float, seconds: float) -> float:
    """The first moment at which ``seconds`` of business time have passed since ``start``.

    It is never outside of the hours; the moment of closing may be it. With 0 seconds it is ``start`` where that is
    within the hours, else the next opening. Raises ``ValueError`` for hours that never come, and for negative seconds.
    """
    if not math.isfinite(seconds) or seconds < 0:
        raise ValueError(f"cannot add {seconds} seconds of business time")
    _check_open(hours)
    if seconds <= GRAIN:
        return _found(next_open(hours, start))
    calendar = calendar_of(hours)
    left = seconds
    for begins, ends, shift in pieces(hours.zone, start, _until(start, 100)):
        here = calendar.worked(begins + shift, ends + shift)
        if here + GRAIN >= left:
            return calendar.reach(begins + shift, ends + shift, left) - shift
        left -= here
    return _found(None)


def between(hours: Hours, start: float, end: float) -> float:
    """Seconds of business time from ``start`` to ``end``; 0 where the end is not later."""
    calendar = calendar_of(hours)
    return math.fsum(calendar.worked(a + shift, b + shift) for a, b, shift in pieces(hours.zone, start, end))


def is_open(hours: Hours, at: float) -> bool:
    """Whether a moment is within the hours."""
    shown = wall(hours.zone, at)
    second = (shown.hour * 60 + shown.minute) * 60 + shown.second + shown.microsecond / 1e6
    today = calendar_of(hours).intervals(shown.toordinal())
    return any(start * 60 <= second < end * 60 for start, end in today)


def next_open(hours: Hours, at: float) -> float | None:
    """``at`` where that is within the hours, else the next opening; None where there is none in 100 years."""
    if is_open(hours, at):
        return at
    calendar = calendar_of(hours)
    for begins, ends, shift in pieces(hours.zone, at, _until(at, 100)):
        for opens, _ in calendar.open(begins + shift, ends + shift):
            return opens - shift
    return None


def next_close(hours: Hours, at: float) -> float | None:
    """When the hours end that ``at`` is in, or else the next ones; None where that is not within ten years."""
    if hours.always:
        return None
    until = _until(at, 10)
    end = next((end for _, end in _open_stretches(hours, at, until)), None)
    return None if end is None or end >= until else end


def explain(hours: Hours, start: float, end: float, limit: int = 40) -> tuple[Stretch, ...]:
    """How the time from ``start`` to ``end`` was counted, in order and without holes.

    Their ``seconds`` add up to ``between(hours, start, end)``. Of more than ``limit`` stretches the middle ones are one.
    """
    rows: list[Stretch] = []
    reached = start
    for opens, closes in _open_stretches(hours, start, end):
        if opens > reached:
            rows.append(Stretch(reached, opens, False, _why_closed(hours, reached, opens), 0.0))
        rows.append(Stretch(opens, closes, True, _why_open(hours, opens), closes - opens))
        reached = closes
    if end > reached:
        rows.append(Stretch(reached, end, False, _why_closed(hours, reached, end), 0.0))
    if len(rows) <= limit:
        return tuple(rows)
    head = (limit - 1) // 2
    tail = len(rows) - (limit - 1 - head)
    return (*rows[:head], _summary(rows[head:tail]), *rows[tail:])


def _summary(rows: list[Stretch]) -> Stretch:
    seconds = math.fsum(row.seconds for row in rows)
    return Stretch(rows[0].start, rows[-1].end, seconds > 0, f"{len(rows)} more stretches", seconds)


def _why_open(hours: Hours, opens: float) -> str:
    day = wall(hours.zone, opens).date()
    return "special hours" if any(day == special for special, _ in hours.special) else "open"


def _why_closed(hours: Hours, start: float, end: float) -> str:
    """Why nothing counted from ``start`` to ``end``: the reasons of its days, each once."""
    calendar = calendar_of(hours)
    why: dict[str, None] = {}
    for begins, ends, shift in pieces(hours.zone, start, end):
        for day, since, until in days(begins + shift, ends + shift):
            why[_why_not(calendar, day, since, until)] = None
    named = [reason for reason in why if reason != "closed"] or ["closed"]
    if len(named) > _REASONS:
        named = [*named[: _REASONS - 1], f"{len(named) - _REASONS + 1} more reasons"]
    return ", ".join(named)


def _why_not(calendar: Calendar, day: int, since: float, until: float) -> str:
    """Why a closed part of a day, in minutes of it, does not count."""
    intervals = calendar.intervals(day)
    if not intervals:
        return calendar.why_off(day)
    if not (intervals[0][1] <= since and until <= intervals[-1][0]):
        return "closed"
    short = until - since <= _LUNCH_LONGEST
    return "lunch" if short and _LUNCH[0] <= since and until <= _LUNCH[1] else "between hours"


def _open_stretches(hours: Hours, start: float, end: float) -> Iterator[tuple[float, float]]:
    """When the hours are open between two moments, in order; what touches (midnight, a DST change) is one stretch."""
    calendar = calendar_of(hours)
    held: tuple[float, float] | None = None
    for begins, ends, shift in pieces(hours.zone, start, end):
        for opens, closes in calendar.open(begins + shift, ends + shift):
            if held is not None and opens - shift <= held[1]:
                held = (held[0], closes - shift)
                continue
            if held is not None:
                yield held
            held = (opens - shift, closes - shift)
    if held is not None:
        yield held


def _check_open(hours: Hours) -> None:
    if not any(hours.week):
        raise ValueError("these hours are empty: give at least one day of the week hours")


def _found(moment: float | None) -> float:
    if moment is None:
        raise ValueError("so much business time does not come within 100 years: give the week more hours")
    return moment


def _until(start: float, years: int) -> float:
    return min(check(start) + years * 366 * DAY, LATEST - 1)
