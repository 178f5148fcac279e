"""What the clock on the wall shows, and when. Pure: no clock is read; times are epoch seconds (UTC).

A time zone is cut into *pieces* during which its distance from UTC does not change. Within a piece the wall clock runs
evenly, so everything that makes daylight saving hard happens at the edges of pieces and nowhere else.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY = 86_400
EPOCH_DAY = date(1970, 1, 1).toordinal()
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC).timestamp()
LATEST = datetime(2500, 1, 1, tzinfo=UTC).timestamp()


@lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo:
    """A time zone by its IANA name. Raises ``ValueError`` that names an unknown one."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(
            f"there is no time zone {name!r}: write an IANA name such as Europe/Berlin"
        ) from None


def check(moment: float) -> float:
    """The moment itself. Raises ``ValueError`` where it is no time between the years 1900 and 2500."""
    if not math.isfinite(moment) or not EARLIEST <= moment < LATEST:
        raise ValueError(f"{moment} is no time between the years 1900 and 2500")
    return moment


def wall(zone: str, moment: float) -> datetime:
    """What the wall clock shows at a moment."""
    return datetime.fromtimestamp(check(moment), zone_of(zone))


def offset(zone: str, moment: float) -> int:
    """How many seconds the wall clock is ahead of UTC."""
    shift = datetime.fromtimestamp(moment, zone_of(zone)).utcoffset()
    assert shift is not None, "a ZoneInfo always has an offset"
    return round(shift.total_seconds())


def pieces(zone: str, start: float, end: float) -> Iterator[tuple[float, float, int]]:
    """The time from ``start`` to ``end`` as (from, to, offset): in order, without holes, none longer than a year."""
    if end <= start:
        return
    for year in range(_year(start), _year(end) + 1):
        for begins, ends, shift in _pieces_of(zone, year):
            if begins < end and ends > start:
                yield max(begins, start), min(ends, end), shift


def moment(zone: str, day: date, minute: int, after: float = -math.inf) -> float:
    """When the wall clock shows a time, in minutes since midnight (0 to 1440).

    A time that the clock skips is the moment at which it has jumped. Of a time that it shows twice it is the first that
    comes later than ``after``. A day that a zone left out (Samoa, 30 December 2011) begins where the next one does.
    """
    naive = datetime.combine(day, time()) + timedelta(minutes=minute)
    first = naive.replace(tzinfo=zone_of(zone), fold=0).timestamp()
    second = naive.replace(tzinfo=zone_of(zone), fold=1).timestamp()
    if second < first:
        return _change(zone, math.floor(second), math.ceil(first))
    return first if first > after else second


def _year(moment: float) -> int:
    return datetime.fromtimestamp(check(moment), UTC).year


@lru_cache(maxsize=4096)
def _pieces_of(zone: str, year: int) -> tuple[tuple[float, float, int], ...]:
    """The pieces of one year (of UTC). Looks once a day, and searches within a day for the very second.

    No zone of the IANA database changes twice within a day and back.
    """
    begins = int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
    ends = int(datetime(year + 1, 1, 1, tzinfo=UTC).timestamp())
    found: list[tuple[float, float, int]] = []
    shift = offset(zone, begins)
    since = begins
    for day in range(begins, ends, DAY):
        while (changed := offset(zone, day + DAY)) != shift:
            until = _change(zone, max(day, since), day + DAY)
            found.append((since, until, shift))
            since, shift = until, offset(zone, until)
            if shift == changed:
                break
    if since < ends:
        found.append((since, ends, shift))
    return tuple(found)


def _change(zone: str, low: int, high: int) -> int:
    """The first second with another offset than ``low`` has; ``high`` has another one."""
    before = offset(zone, low)
    while high - low > 1:
        middle = (low + high) // 2
        if offset(zone, middle) == before:
            low = middle
        else:
            high = middle
    return high
