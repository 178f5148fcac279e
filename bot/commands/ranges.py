"""Stretches of time as people say them: ``last week``, ``2026-10``, ``30d``, ``2026-10-01..2026-10-15``. Pure.

Days, weeks and months are whole ones in the zone of whoever asks; a week begins on Monday; an end that is named belongs to it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from bot.commands.words import zone_of

HELP = "today, yesterday, last week, this month, 2026-10, 30d, 2026-10-01..2026-10-15"
LONGEST_PHRASE = 3
_DATE = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?$")
_COUNT = re.compile(r"(?:(?:last|past) )?(\d{1,4}) ?(h|d|w|hours?|days?|weeks?|months?)$")
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
Dates = tuple[date, date]
"""The first day, and the first day after."""


@dataclass(frozen=True, slots=True)
class Range:
    """``since`` ≤ it < ``until``, in epoch seconds; None: open on that side. ``label`` says which in words."""

    since: float | None
    until: float | None
    label: str


def parse(words: str, now: float, zone: str) -> Range | None:
    """The stretch of time that somebody means; None where the words are none."""
    where = zone_of(zone)
    said = " ".join(words.casefold().split())
    hours = _COUNT.match(said)
    if hours and hours.group(2).startswith("h"):
        count = int(hours.group(1))
        return Range(now - count * 3600, now, f"the last {count} h")
    today = datetime.fromtimestamp(now, where).date()
    ends = _open_ended(said, today)
    if ends is None:
        dates = _dates(said, today)
        ends = dates if dates is None else (dates[0], dates[1])
    if ends is None or (ends[0] is not None and ends[1] is not None and ends[0] >= ends[1]):
        return None
    return Range(_midnight(ends[0], where), _midnight(ends[1], where), _label(*ends))


def leading(words: Sequence[str], now: float, zone: str) -> tuple[Range, int] | None:
    """The stretch of time that words begin with, and how many of them say so: the longest that is one."""
    for count in range(min(LONGEST_PHRASE, len(words)), 0, -1):
        found = _in_a_sentence(" ".join(words[:count]), now, zone)
        if found is not None:
            return found, count
    return None


def trailing(words: Sequence[str], now: float, zone: str) -> tuple[Range, int] | None:
    """The stretch of time that words end with, and how many of them say so."""
    for count in range(min(LONGEST_PHRASE, len(words)), 0, -1):
        found = _in_a_sentence(" ".join(words[-count:]), now, zone)
        if found is not None:
            return found, count
    return None


def _in_a_sentence(words: str, now: float, zone: str) -> Range | None:
    """Among other words a bare number is no year: it may be that of an order."""
    return None if words.isdigit() else parse(words, now, zone)


def _open_ended(said: str, today: date) -> tuple[date | None, date | None] | None:
    """``2026-10-01..``, ``..2026-10-15``, ``a..b``, ``since monday``, ``until yesterday``."""
    if ".." in said:
        first, _, last = said.partition("..")
        start, end = _dates(first.strip(), today), _dates(last.strip().lstrip("."), today)
        if (first.strip() and start is None) or (last.strip(" .") and end is None) or (start or end) is None:
            return None
        return (start[0] if start else None, end[1] if end else None)
    word, _, rest = said.partition(" ")
    dates = _dates(rest, today) if word in ("since", "from", "until", "till", "before") else None
    if dates is None:
        return None
    if word in ("since", "from"):
        return dates[0], None
    return None, dates[0] if word == "before" else dates[1]


def _dates(said: str, today: date) -> Dates | None:
    """Whole days."""
    if said in ("today", "yesterday"):
        first = today - timedelta(days=said == "yesterday")
        return first, first + timedelta(days=1)
    if said in _DAYS:
        first = today - timedelta(days=(today.weekday() - _DAYS.index(said)) % 7)
        return first, first + timedelta(days=1)
    which, _, unit = said.partition(" ")
    if which in ("this", "last") and unit in ("week", "month", "year"):
        return _period(today, unit, back=which == "last")
    return _counted(said, today) or _written(said)


def _period(today: date, unit: str, *, back: bool) -> Dates:
    if unit == "week":
        monday = today - timedelta(days=today.weekday() + 7 * back)
        return monday, monday + timedelta(days=7)
    if unit == "month":
        first = _months_later(today.replace(day=1), -1 if back else 0)
        return first, _months_later(first, 1)
    return date(today.year - back, 1, 1), date(today.year + 1 - back, 1, 1)


def _counted(said: str, today: date) -> Dates | None:
    """``30d``, ``2 weeks``, ``last 3 months``: that many before today, and today."""
    match = _COUNT.match(said)
    if match is None or match.group(2).startswith("h"):
        return None
    count = int(match.group(1))
    try:
        if match.group(2).startswith("m"):
            first = _months_later(today.replace(day=1), -count) + timedelta(days=today.day - 1)
        else:
            first = today - timedelta(days=count * (7 if match.group(2).startswith("w") else 1))
    except (ValueError, OverflowError):
        return None
    return first, today + timedelta(days=1)


def _written(said: str) -> Dates | None:
    """``2026``, ``2026-10``, ``2026-10-03``."""
    match = _DATE.match(said)
    if match is None:
        return None
    year, month, day = (int(part) if part else None for part in match.groups())
    assert year is not None
    try:
        first = date(year, month or 1, day or 1)
        if day is not None:
            return first, first + timedelta(days=1)
        return first, _months_later(first, 1 if month is not None else 12)
    except (ValueError, OverflowError):
        return None


def _months_later(first: date, count: int) -> date:
    months = first.year * 12 + first.month - 1 + count
    return date(months // 12, months % 12 + 1, 1)


def _midnight(day: date | None, where: tzinfo) -> float | None:
    if day is None:
        return None
    if not 1971 <= day.year <= 9000:  # far from where zones know anything
        return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
    return datetime(day.year, day.month, day.day, tzinfo=where).timestamp()


def _label(first: date | None, after: date | None) -> str:
    if first is None:
        return f"until {_said(after)}" if after is not None else ""
    if after is None:
        return f"since {first.day} {first:%b} {first.year}"
    last = after - timedelta(days=1)
    if first == last:
        return f"{first:%a} {first.day} {first:%b} {first.year}"
    if first.year == last.year:
        return f"{first.day} {first:%b} – {last.day} {last:%b} {last.year}"
    return f"{first.day} {first:%b} {first.year} – {last.day} {last:%b} {last.year}"


def _said(after: date) -> str:
    last = after - timedelta(days=1)
    return f"{last.day} {last:%b} {last.year}"


def day_of(at: float, zone: str) -> str:
    """The day of a time, as ``parse`` reads it: ``2026-10-01``."""
    return datetime.fromtimestamp(at, zone_of(zone)).strftime("%Y-%m-%d")
