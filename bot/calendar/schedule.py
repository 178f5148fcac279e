"""Hours: when a team works, and the arithmetic of them. Pure.

Within a piece of ``wallclock`` the wall clock runs evenly, so business time there is whole weeks, plus the days that
differ from their week, plus two cut days. Nothing loops over minutes, and nothing over the days between.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from bot.calendar.daysoff import YEARS, days_off
from bot.calendar.wallclock import DAY, EPOCH_DAY, zone_of

Intervals = tuple[tuple[int, int], ...]
"""Sorted, disjoint (start, end) in minutes since midnight by the wall clock; an end may be 1440."""

GRAIN = 1e-6
"""Seconds. A double holds the time of day to a quarter of that, so two moments this close are one."""


@dataclass(frozen=True, slots=True)
class Hours:
    """When a team works. Raises ``ValueError`` that names what is wrong."""

    zone: str
    """IANA name of the time zone in which ``week`` is meant."""
    week: tuple[Intervals, ...]
    """Seven entries, Monday first. Work over midnight is written as two: until 1440, and from 0 on the day after."""
    holidays: frozenset[date] = frozenset()
    """Own days off."""
    country: str | None = None
    """ISO 3166-1 code of the country whose public holidays are days off, "DE"."""
    subdivision: str | None = None
    """ISO 3166-2 code within the country, "BE" for Berlin."""
    special: tuple[tuple[date, Intervals], ...] = ()
    """Days with other hours than their week's: 24 December until noon."""

    def __post_init__(self) -> None:
        zone_of(self.zone)
        if len(self.week) != 7:
            raise ValueError(f"a week has seven days, Monday first, not {len(self.week)}")
        for intervals in (*self.week, *(intervals for _, intervals in self.special)):
            _check_intervals(intervals)
        special = [day for day, _ in self.special]
        for day in special:
            if special.count(day) > 1:
                raise ValueError(f"{day} has special hours twice")
        if self.subdivision is not None and self.country is None:
            raise ValueError(f"subdivision {self.subdivision!r} needs its country")
        if self.country is not None:
            days_off(self.country, self.subdivision, YEARS[0])

    @property
    def always(self) -> bool:
        """Whether these hours never end: 24/7."""
        whole = all(sum(end - start for start, end in day) == 1440 for day in self.week)
        return whole and not (self.holidays or self.country or self.special)


def _check_intervals(intervals: Intervals) -> None:
    free = 0
    for start, end in intervals:
        if not free <= start < end <= 1440:
            raise ValueError(
                f"hours {start}-{end} (minutes since midnight) are not in order, overlap or leave the day"
            )
        free = end


ALWAYS = Hours("UTC", (((0, 1440),),) * 7)
"""24/7: the calendar's time."""


@lru_cache(maxsize=1024)
def calendar_of(hours: Hours) -> Calendar:
    return Calendar(hours)


def _length(intervals: Intervals) -> int:
    """Seconds."""
    return 60 * sum(end - start for start, end in intervals)


class Calendar:
    """Hours on a wall clock that runs evenly: times are seconds since 1970 by that clock, days are ordinals of dates."""

    def __init__(self, hours: Hours) -> None:
        self._hours = hours
        self._special = {day.toordinal(): intervals for day, intervals in hours.special}
        self._own = {day.toordinal() for day in hours.holidays}
        self._before = [0]
        """Seconds of the week before each weekday, and of the whole week last."""
        for intervals in hours.week:
            self._before.append(self._before[-1] + _length(intervals))
        self._exceptions: dict[int, tuple[list[int], list[int]]] = {}

    def intervals(self, day: int) -> Intervals:
        """The hours of a day, in minutes."""
        special = self._special.get(day)
        if special is not None:
            return special
        usual = self._hours.week[(day - 1) % 7]
        if not usual or day in self._own:
            return ()
        return usual if self._public(date.fromordinal(day)) is None else ()

    def why_off(self, day: int) -> str:
        """Why a day has no hours: "Saturday", "holiday: Christmas Day", "day off"."""
        here = date.fromordinal(day)
        if day not in self._special and not self._hours.week[(day - 1) % 7]:
            return here.strftime("%A")
        name = self._public(here)
        return f"holiday: {name}" if name and day not in self._special else "day off"

    def worked(self, start: float, end: float) -> float:
        """Seconds within the hours."""
        first, last = _day(start), _day(end)
        return self._whole(first, last) - self._part(first, start) + self._part(last, end)

    def reach(self, start: float, end: float, seconds: float) -> float:
        """The first time at which ``seconds`` have been worked since ``start``; ``end`` is late enough for that."""
        low, high = _day(start), _day(end)
        skipped = self._part(low, start)
        first = low
        while low < high:
            middle = (low + high) // 2
            if self._whole(first, middle + 1) - skipped + GRAIN >= seconds:
                high = middle
            else:
                low = middle + 1
        left = seconds + skipped - self._whole(first, low)
        reached = end
        for opens, closes in self.intervals(low):
            reached = _midnight(low) + opens * 60 + min(left, (closes - opens) * 60)
            left -= (closes - opens) * 60
            if left <= GRAIN:
                break
        return min(reached, end)

    def open(self, start: float, end: float) -> Iterator[tuple[float, float]]:
        """Every interval between two times, cut to them."""
        if self.worked(start, end) == end - start:
            yield start, end
            return
        for day in range(_day(start), _day(end) + 1):
            midnight = _midnight(day)
            for opens, closes in self.intervals(day):
                begins, ends = max(start, midnight + opens * 60), min(end, midnight + closes * 60)
                if begins < ends:
                    yield begins, ends

    def _public(self, day: date) -> str | None:
        country = self._hours.country
        return None if country is None else days_off(country, self._hours.subdivision, day.year).get(day)

    def _part(self, day: int, until: float) -> float:
        """Seconds within the hours of a day until a time of it."""
        passed = until - _midnight(day)
        return sum(max(0.0, min(passed, end * 60) - start * 60) for start, end in self.intervals(day))

    def _whole(self, first: int, last: int) -> int:
        """Seconds within the hours of whole days, ``last`` not included."""
        usual = self._week_until(last) - self._week_until(first)
        return usual + sum(
            self._differing(year, first, last)
            for year in range(date.fromordinal(first).year, date.fromordinal(last).year + 1)
        )

    def _week_until(self, day: int) -> int:
        weeks, weekday = divmod(day - 1, 7)
        return weeks * self._before[7] + self._before[weekday]

    def _differing(self, year: int, first: int, last: int) -> int:
        """By how many seconds the days of a year, from ``first`` until before ``last``, differ from their weeks."""
        if year not in self._exceptions:
            self._exceptions[year] = self._exceptions_of(year)
        days, sums = self._exceptions[year]
        return sums[bisect_left(days, last)] - sums[bisect_left(days, first)]

    def _exceptions_of(self, year: int) -> tuple[list[int], list[int]]:
        """The days of a year that differ from their week, and running sums of the difference in seconds."""
        country = self._hours.country
        public = days_off(country, self._hours.subdivision, year) if country is not None else {}
        chosen = {*self._own, *self._special, *(day.toordinal() for day in public)}
        days = sorted(day for day in chosen if date.fromordinal(day).year == year)
        sums = [0]
        for day in days:
            sums.append(sums[-1] + _length(self.intervals(day)) - _length(self._hours.week[(day - 1) % 7]))
        return days, sums


def days(start: float, end: float) -> Iterator[tuple[int, float, float]]:
    """The days between two times by such a clock: ordinal, and from which minute of it to which."""
    for day in range(_day(start), _day(end) + 1):
        since, until = max(start - _midnight(day), 0), min(end - _midnight(day), DAY)
        if since < until:
            yield day, since / 60, until / 60


def _day(time: float) -> int:
    return math.floor(time / DAY) + EPOCH_DAY


def _midnight(day: int) -> int:
    return (day - EPOCH_DAY) * DAY
