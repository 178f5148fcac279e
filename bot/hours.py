"""Business time. Pure: no clock is read; moments are epoch seconds (UTC), spans are seconds.

**A moment counts when the clock on the wall shows a time within the hours of that day.** Everything else follows:

- Business time is real, elapsed time: 01:00 to 04:00 lasts two hours on the night that skips one and four on the night
  that repeats one; hours that the clock skips last none.
- A day off has no hours, whatever the week says; a day with hours of its own (``special``) has those, even on a day off.
- Hours include the moment they open and exclude the moment they close.

Within a piece of ``bot.wallclock`` the wall clock runs evenly, so business time there is arithmetic: whole weeks, plus
the days that differ from their week, plus two cut days. Nothing loops over minutes, and nothing over the days between.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from bot.daysoff import YEARS, days_off
from bot.wallclock import DAY, EPOCH_DAY, LATEST, check, pieces, wall, zone_of

Intervals = tuple[tuple[int, int], ...]
"""Sorted, disjoint (start, end) in minutes since midnight by the wall clock; an end may be 1440."""

_GRAIN = 1e-6
"""Seconds. A double holds the time of day to a quarter of that, so two moments this close are one."""

_FAR = 100 * 366 * DAY
"""Seconds. Whoever asks for a moment further away has no hours."""


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
        if len({day for day, _ in self.special}) != len(self.special):
            raise ValueError("a day has special hours twice")
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


def add(hours: Hours, start: float, seconds: float) -> float:
    """The first moment at which ``seconds`` of business time have passed since ``start``.

    It is never outside of the hours; the moment of closing may be it. With 0 seconds it is ``start`` where that is
    within the hours, else the next opening. Raises ``ValueError`` for hours that never come, and for negative seconds.
    """
    if not math.isfinite(seconds) or seconds < 0:
        raise ValueError(f"cannot add {seconds} seconds of business time")
    _check_open(hours)
    if seconds <= _GRAIN:
        return _found(next_open(hours, start))
    calendar = _calendar(hours)
    left = seconds
    for begins, ends, shift in pieces(hours.zone, start, _horizon(start)):
        here = calendar.worked(begins + shift, ends + shift)
        if here + _GRAIN >= left:
            return calendar.reach(begins + shift, ends + shift, left) - shift
        left -= here
    return _found(None)


def between(hours: Hours, start: float, end: float) -> float:
    """Seconds of business time from ``start`` to ``end``; 0 where the end is not later."""
    calendar = _calendar(hours)
    return math.fsum(calendar.worked(a + shift, b + shift) for a, b, shift in pieces(hours.zone, start, end))


def is_open(hours: Hours, at: float) -> bool:
    """Whether a moment is within the hours."""
    shown = wall(hours.zone, at)
    second = (shown.hour * 60 + shown.minute) * 60 + shown.second + shown.microsecond / 1e6
    return any(start * 60 <= second < end * 60 for start, end in hours_of(hours, shown.date()))


def next_open(hours: Hours, at: float) -> float | None:
    """``at`` where that is within the hours, else the next opening; None where there is none."""
    return next((start for start, _ in open_stretches(hours, at, _horizon(at))), None)


def next_close(hours: Hours, at: float) -> float | None:
    """When the hours end that ``at`` is in, or else the next ones; None where they never end or never come."""
    if hours.always:
        return None
    horizon = _horizon(at)
    end = next((end for _, end in open_stretches(hours, at, horizon)), None)
    return None if end is None or end >= horizon else end


def hours_of(hours: Hours, day: date) -> Intervals:
    """The hours of one day, in minutes since midnight."""
    return _calendar(hours).intervals(day.toordinal())


def open_stretches(hours: Hours, start: float, end: float) -> Iterator[tuple[float, float]]:
    """When the hours are open between two moments, in order; what touches (midnight, a DST change) is one stretch."""
    calendar = _calendar(hours)
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
        raise ValueError("these hours do not come within 100 years")
    return moment


def _horizon(start: float) -> float:
    return min(check(start) + _FAR, LATEST - 1)


@lru_cache(maxsize=1024)
def _calendar(hours: Hours) -> _Calendar:
    return _Calendar(hours)


def _length(intervals: Intervals) -> int:
    """Seconds."""
    return 60 * sum(end - start for start, end in intervals)


class _Calendar:
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
        country = self._hours.country
        if country is not None:
            here = date.fromordinal(day)
            if here in days_off(country, self._hours.subdivision, here.year):
                return ()
        return usual

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
            if self._whole(first, middle + 1) - skipped + _GRAIN >= seconds:
                high = middle
            else:
                low = middle + 1
        left = seconds + skipped - self._whole(first, low)
        reached = end
        for opens, closes in self.intervals(low):
            reached = _midnight(low) + opens * 60 + min(left, (closes - opens) * 60)
            left -= (closes - opens) * 60
            if left <= _GRAIN:
                break
        return min(reached, end)

    def open(self, start: float, end: float) -> Iterator[tuple[float, float]]:
        """Every interval between two times, cut to them."""
        for day in range(_day(start), _day(end) + 1):
            midnight = _midnight(day)
            for opens, closes in self.intervals(day):
                begins, ends = max(start, midnight + opens * 60), min(end, midnight + closes * 60)
                if begins < ends:
                    yield begins, ends

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


def _day(time: float) -> int:
    return math.floor(time / DAY) + EPOCH_DAY


def _midnight(day: int) -> int:
    return (day - EPOCH_DAY) * DAY
