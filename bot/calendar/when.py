"""Times as people write them, in English: "tomorrow 10", "until Monday 9", "3h", "24 Dec 10am". Pure: now is given.

Where people mean different things by the same words, this is what they get, and what is said back shows it:

- A day without a time is 9:00; today without one is 17:00. With a colon or a point it is the 24-hour clock. An hour
  from 1 to 6 without am, pm, colon or leading zero is in the afternoon: "Monday 5" is 17:00, "Monday 5am" is not.
- A weekday is the next one that comes; today only with a time that is still to come. "next Friday" is the Friday of
  next week (weeks start on Monday). "next week" is its Monday, "next month" its first day.
- "2 days" and "1 week" keep the time of day; "3h" is three real hours, whatever the clocks do.
- "midnight" is the end of its day. "end of day" is 17:00, "end of week" Friday then, unless the caller says otherwise.
- A date without a year is the next one. A date with slashes is refused: half of its readers take it for another day.
- A time that the clock skips is the moment it has jumped; one that it shows twice is the first that is still to come.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

from bot.calendar import timewords as tw
from bot.calendar.wallclock import DAY, check, moment, wall

EXAMPLES = "“tomorrow 10” or “in 3 hours”"
FARTHEST = 10 * 366 * DAY
"""Seconds. Nobody plans a reply further ahead."""

_FAR = f"That is more than ten years ahead: write a nearer time, such as {EXAMPLES}."
_PARTS = {"afternoon": 14 * 60, "evening": 18 * 60, "night": 20 * 60}
_NOON, _MIDNIGHT = 12 * 60, 24 * 60


class WhenError(ValueError):
    """The words are no time to come. Its text is one sentence for the person who wrote them, with the cure."""


@dataclass(frozen=True, slots=True)
class When:
    """A time that was read, and what follows it."""

    at: float
    """Epoch seconds, later than now."""
    rest: str
    """What the words say after the time."""
    said: str
    """The time in words, in the same time zone: "tomorrow 10:00"."""


def read(words: str, now: float, zone: str, *, morning: int = 9 * 60, closing: int = 17 * 60) -> When:
    """The time at the start of the words, the longest there is, and the rest of them.

    ``morning`` is the time of a day without one and ``closing`` that of "end of day", in minutes since midnight. Raises
    ``WhenError`` with a sentence for the writer, and ``ValueError`` for a zone that does not exist.
    """
    words = words.replace("\u00a0", " ").replace("\u202f", " ")
    reader = _Reader(words, now, zone, morning, closing)
    found = reader.read()
    if found is None:
        raise WhenError(_no_time(words))
    at, end = found
    if at <= now:
        raise WhenError(reader.past(at))
    if at - now > FARTHEST:
        raise WhenError(_FAR)
    return When(at, words[end:].lstrip(" \t\r\n.,;:–—-").rstrip(), said(at, now, zone))


def said(at: float, now: float, zone: str) -> str:
    """A time in words that ``read`` understands: "today 17:00", "tomorrow 10:00", "Mon 24 Nov 09:00"."""
    shown, today = wall(zone, at), wall(zone, now).date()
    named = {-1: "yesterday", 0: "today", 1: "tomorrow"}.get((shown.date() - today).days)
    clock = tw.clock_words(shown.hour * 60 + shown.minute)
    return f"{named or tw.day_words(shown.date(), today.year)} {clock}"


def _no_time(words: str) -> str:
    start = " ".join(words.split())
    if not start:
        return f"Say when: write a time such as {EXAMPLES}."
    if re.match(r"\d{1,2}(?!\S)", start):
        return f"{start.split()[0]} alone is no time: write “{start.split()[0]}h” for hours, or a time such as {EXAMPLES}."
    short = start if len(start) <= 40 else start[:39].rstrip() + "…"
    return f"“{short}” does not start with a time: write one such as {EXAMPLES}."


@dataclass(frozen=True, slots=True)
class _Day:
    date: date
    clock: int
    """Minutes since midnight where none is given."""
    weekly: bool = False
    """Whether it is the one a week later when its time has passed, or none is given today."""


class _Reader:
    """Reads one text. Every ``_method(at)`` looks at a place and returns what is there and where that ends, or None."""

    def __init__(self, words: str, now: float, zone: str, morning: int, closing: int) -> None:
        self._words = words
        self._now = check(now)
        self._zone = zone
        self._shown = wall(zone, now)
        self._today = self._shown.date()
        self._morning = morning
        self._closing = closing

    def read(self) -> tuple[float, int] | None:
        """The moment and where its words end."""
        found = [one for one in (self._dated(), self._timed(), self._spanned()) if one is not None]
        return max(found, key=lambda one: one[1], default=None)

    def past(self, at: float) -> str:
        """What to say of a time that is over."""
        when = said(at, self._now, self._zone)
        clock = when.split()[-1]
        cures = [f"“tomorrow {clock}”", "“in 2 hours”"]
        if when.startswith("today") and clock < "12" and at + DAY / 2 > self._now:
            cures[1] = f"“{tw.clock_words(int(clock[:2]) * 60 + int(clock[3:]) + _NOON)}”"
        return f"{when[0].upper()}{when[1:]} is past: write a time to come, such as {' or '.join(cures)}."

    def _dated(self) -> tuple[float, int] | None:
        """A day, with or without a time after it."""
        found = self._day(self._skip(tw.LEAD, 0))
        if found is None:
            return None
        day, end = found
        clock = self._clock(end, after_day=True)
        return self._at(day, None, end) if clock is None else self._at(day, *clock)

    def _timed(self) -> tuple[float, int] | None:
        """A time, with or without a day after it."""
        clock = self._clock(0, after_day=False)
        if clock is None:
            return None
        minute, end = clock
        day = self._day(self._skip(tw.ON, end))
        return (
            self._at(_Day(self._today, minute), minute, end)
            if day is None
            else self._at(day[0], minute, day[1])
        )

    def _at(self, day: _Day, clock: int | None, end: int) -> tuple[float, int]:
        minute = day.clock if clock is None else clock
        at = moment(self._zone, day.date, minute, self._now)
        if day.weekly and day.date == self._today and (clock is None or at <= self._now):
            at = moment(self._zone, day.date + timedelta(days=7), minute, self._now)
        return at, end

    def _spanned(self) -> tuple[float, int] | None:
        """A span from now: "in 3h", "2 days at 10"."""
        place = self._skip(tw.IN, 0)
        if place == 0:
            place = self._skip(tw.LEAD, 0)
        count = dict.fromkeys(("minute", "hour", "day", "week", "month", "year"), 0.0)
        end = 0
        while (found := tw.SPAN.match(self._words, place)) is not None:
            count[tw.unit_of(found)] += tw.count_of(found)
            end = found.end()
            if (minutes := tw.SPAN_MINUTES.match(self._words, end)) is not None:
                count["minute"] += int(minutes["minutes"])
                end = minutes.end()
            place = self._skip(tw.AND, end)
        if not end or tw.INSIDE.match(self._words, end):
            return None
        return self._after(count, self._skip(tw.LATER, end))

    def _after(self, count: dict[str, float], end: int) -> tuple[float, int]:
        """The moment after a span; days and more keep the time of day, or have one of their own."""
        seconds = count["minute"] * 60 + count["hour"] * 3600
        days = count["day"] + count["week"] * 7
        months = count["month"] + count["year"] * 12
        if months % 1:
            raise WhenError("Part of a month is no time: write “2 weeks” or “20 days”.")
        if (days + months * 28) * DAY + seconds > FARTHEST:
            raise WhenError(_FAR)
        if not days and not months:
            return self._now + seconds, end
        then = _months_later(self._today, int(months)) + timedelta(days=int(days))
        clock = None if seconds or days % 1 else self._clock(end, after_day=False)
        if clock is not None:
            return moment(self._zone, then, clock[0], self._now), clock[1]
        kept = moment(self._zone, then, self._shown.hour * 60 + self._shown.minute, self._now)
        within = self._shown.second + self._shown.microsecond / 1e6
        return kept + within + days % 1 * DAY + seconds, end

    def _skip(self, pattern: re.Pattern[str], place: int) -> int:
        found = pattern.match(self._words, place)
        return place if found is None else found.end()

    def _day(self, place: int) -> tuple[_Day, int] | None:
        return self._relative(place) or self._weekday(place) or self._date(place)

    def _relative(self, place: int) -> tuple[_Day, int] | None:
        found = tw.RELATIVE.match(self._words, place)
        if found is None:
            return None
        name, *more = found["relative"].lower().removeprefix("the ").split()
        if name == "next" and more == ["week"]:
            weekday = tw.WEEKDAY.match(self._words, self._skip(tw.ON, found.end()))
            monday = self._monday(1)
            if weekday is not None and not weekday["which"]:
                return _Day(monday + timedelta(days=tw.weekday_of(weekday)), self._morning), weekday.end()
            return _Day(monday, self._morning), found.end()
        return self._named(name, more[-1] if more else ""), found.end()

    def _named(self, name: str, last: str) -> _Day:
        today = self._today
        if name == "next":
            return _Day(_months_later(today.replace(day=1), 1), self._morning)
        if name == "eom" or last == "month":
            return _Day(today.replace(day=monthrange(today.year, today.month)[1]), self._closing)
        if name == "eow" or last == "week":
            return _Day(self._monday(0 if today.weekday() < 5 else 1) + timedelta(days=4), self._closing)
        if name in ("today", "tonight", "this"):
            clock = {"today": self._closing, "tonight": _PARTS["night"]}.get(name)
            return _Day(today, _PARTS.get(last, self._morning) if clock is None else clock)
        return _Day(today + timedelta(days=2 if name == "day" else 1), self._morning)

    def _monday(self, weeks: int) -> date:
        return self._today + timedelta(days=7 * weeks - self._today.weekday())

    def _weekday(self, place: int) -> tuple[_Day, int] | None:
        found = tw.WEEKDAY.match(self._words, place)
        if found is None:
            return None
        weekday, which = tw.weekday_of(found), (found["which"] or "").lower()
        dated = None if which else self._date(self._skip(tw.AND, found.end()))
        if dated is not None:
            if dated[0].date.weekday() != weekday:
                raise WhenError(self._other_weekday(dated[0].date, weekday))
            return dated
        following = tw.NEXT_WEEK.match(self._words, found.end())
        if which in ("this", "next") or following is not None:
            day = self._monday(0 if which == "this" else 1) + timedelta(days=weekday)
            return self._whole(day), following.end() if following else found.end()
        ahead = (weekday - self._today.weekday()) % 7
        return _Day(self._today + timedelta(days=ahead), self._morning, weekly=True), found.end()

    def _whole(self, day: date) -> _Day:
        """A day that may be today, by its name or date: then its end is meant, like with "today"."""
        return _Day(day, self._closing if day == self._today else self._morning)

    def _other_weekday(self, day: date, weekday: int) -> str:
        right = tw.day_words(day, self._today.year)
        name = tw.WEEKDAYS[weekday]
        return f"“{name} {right[4:]}” does not exist: write “{right}” or only “{name} 10:00”."

    def _date(self, place: int) -> tuple[_Day, int] | None:
        slashed = tw.SLASHED.match(self._words, place)
        if slashed is not None:
            raise WhenError(_two_ways(slashed))
        for pattern in (tw.ISO, tw.DAY_MONTH, tw.MONTH_DAY, tw.DOTTED):
            found = pattern.match(self._words, place)
            if found is None:
                continue
            month, number = tw.month_of(found), int(found["day"])
            if pattern is tw.DOTTED and (
                not 1 <= month <= 12 or not (found["year"] or found["dot"] or number > 23)
            ):
                continue  # 17.30 is a time
            return self._whole(self._year(found["year"], month, number)), found.end()
        return None

    def _year(self, year: str | None, month: int, day: int) -> date:
        """The date; without a year the next such one."""
        if year:
            years = [int(year) if len(year) == 4 else 2000 + int(year)]
            if not 1970 <= years[0] <= 2400:
                raise WhenError(
                    f"The year {year} is too far away: write a date such as “24 Dec” or “2026-12-24”."
                )
        else:
            years = list(range(self._today.year, self._today.year + 9))
        for one in years:
            if not (1 <= month <= 12 and 1 <= day <= monthrange(one, month)[1]):
                continue
            if year or date(one, month, day) >= self._today:
                return date(one, month, day)
        named = tw.MONTHS[month - 1] if 1 <= month <= 12 else f"month {month}"
        raise WhenError(f"There is no {day} {named}: write a date such as “24 Dec” or “2026-12-24”.")

    def _clock(self, place: int, after_day: bool) -> tuple[int, int] | None:
        """Minutes since midnight. A bare hour needs "at" or a day before it."""
        lead = tw.AT.match(self._words, place)
        start = place if lead is None else lead.end()
        named = tw.NAMED_CLOCK.match(self._words, start)
        if named is not None:
            clock = {"noon": _NOON, "midday": _NOON, "midnight": _MIDNIGHT}
            return clock.get(named["clock"].lower(), self._closing), named.end()
        part = tw.PART_OF_DAY.match(self._words, start)
        if part is not None and after_day:
            return _PARTS.get(part["part"].lower(), self._morning), part.end()
        return _numbers(self._words, start, after_day or (lead is not None and lead["at"] is not None))


def _numbers(words: str, place: int, bare: bool) -> tuple[int, int] | None:
    found = tw.TWELVE.match(words, place)
    if found is not None and 1 <= int(found["hour"]) <= 12 and int(found["minute"] or 0) < 60:
        afternoon = 12 if found["half"].lower() == "p" else 0
        return (int(found["hour"]) % 12 + afternoon) * 60 + int(found["minute"] or 0), found.end()
    found = tw.TWENTY_FOUR.match(words, place)
    if found is not None and int(found["minute"]) < 60:
        minute = int(found["hour"]) * 60 + int(found["minute"])
        return (minute, found.end()) if minute <= _MIDNIGHT else None
    found = tw.BARE_HOUR.match(words, place)
    if found is None or not (bare or found["clock"]) or int(found["hour"]) > 23:
        return None
    hour = int(found["hour"])
    return (hour + 12 if found["hour"] in "123456" else hour) * 60, found.end()


def _months_later(day: date, months: int) -> date:
    """The same day of a later month, or that month's last."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _two_ways(found: re.Match[str]) -> str:
    one, two = int(found["one"]), int(found["two"])
    year = f" {found['year']}" if found["year"] and len(found["year"]) == 4 else ""
    pairs = [(day, month) for day, month in ((one, two), (two, one)) if 1 <= month <= 12 and 1 <= day <= 31]
    cures = dict.fromkeys(f"“{day} {tw.MONTHS[month - 1]}{year}”" for day, month in pairs)
    ways = " or ".join(cures or ("“24 Dec”", "“2026-12-24”"))
    return f"{found[0].strip()} means different days to different people: write {ways}."
