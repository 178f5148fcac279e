"""Business time, obviously: look at the wall clock at every minute.

Right where offsets from UTC are whole minutes (everywhere since 1973) and the hours are. Slow: a week is 10,080 looks.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from functools import cache
from zoneinfo import ZoneInfo

import holidays

from bot.hours import Hours

MINUTE = 60


@cache
def public(country: str, subdivision: str | None, year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays(country, subdivision, years=year))


def is_open(hours: Hours, moment: float) -> bool:
    """Whether the wall clock shows a time within the hours of its day."""
    shown = datetime.fromtimestamp(moment, ZoneInfo(hours.zone))
    day = shown.date()
    special = dict(hours.special)
    if day in special:
        intervals = special[day]
    elif day in hours.holidays or (
        hours.country and day in public(hours.country, hours.subdivision, day.year)
    ):
        intervals = ()
    else:
        intervals = hours.week[day.weekday()]
    minute = shown.hour * 60 + shown.minute
    return any(start <= minute < end for start, end in intervals)


def minutes(start: float, end: float) -> Iterator[tuple[float, float]]:
    """The time cut at every full minute."""
    while start < end:
        following = min((start // MINUTE + 1) * MINUTE, end)
        yield start, following
        start = following


def between(hours: Hours, start: float, end: float) -> float:
    """Seconds."""
    return sum(after - before for before, after in minutes(start, end) if is_open(hours, before))


def add(hours: Hours, start: float, seconds: float, end: float) -> float | None:
    """The first moment at which that much time has passed; None where it has not by ``end``."""
    for before, after in minutes(start, end):
        if is_open(hours, before):
            if seconds == 0:
                return before
            if after - before >= seconds:
                return before + seconds
            seconds -= after - before
    return None


def next_change(hours: Hours, start: float, end: float, to_open: bool) -> float | None:
    """The first moment from ``start`` at which the hours are open (or closed)."""
    return next((before for before, _ in minutes(start, end) if is_open(hours, before) is to_open), None)
