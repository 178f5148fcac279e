"""What may stand in app.yaml about hours and promises: ``zone``, ``hours`` and ``sla``.

A field's description is its cure. Times of day as people write them ("09:00-12:30 13:30-18:00"), spans too ("1h 30m",
"2 days"); ``bot/settings/policies.py`` makes policies of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import Annotated, Any, Literal, Self, TypeAlias
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from bot.clockwork.promises import BUSINESS, CALENDAR, Target
from bot.hours import Hours
from bot.settings.sections_base import Handle, Model, Name

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = {name: number for number, name in enumerate(_DAYS)}
_TIME = r"(\d{1,2})(?:[:.](\d{2}))?"
_INTERVAL = re.compile(rf"{_TIME}\s*[-–]\s*{_TIME}")
_SPAN = re.compile(
    r"(\d+(?:\.\d+)?)\s*(m|min|mins|minutes?|h|hours?|d|days?|working days?|business days?)\b", re.I
)
_CLOSED = {"", "closed", "off", "none", "-"}
_WEEK = 'Days and times, e.g. mon-fri: "09:00-12:30 13:30-18:00", sat: "10:00-14:00".'
_MINUTES = 1440


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("this is not a time zone")
    return name


Zone: TypeAlias = Annotated[str, AfterValidator(_zone)]
ZONE = "A time zone such as Europe/Berlin or UTC."


def days_of(words: str) -> tuple[int, ...]:
    """The days of the week that "mon-fri", "sat, sun" or "fri-mon" means; Monday is 0. ``ValueError`` otherwise."""
    found: list[int] = []
    for part in re.split(r"\s*[,\s]\s*", words.strip().lower()):
        first, dash, last = (name.strip()[:3] for name in part.partition("-"))
        if first not in _DAY or (dash and last not in _DAY):
            raise ValueError(f"{part!r} is not a day of the week: write mon, tue, wed, thu, fri, sat, sun")
        start, end = _DAY[first], _DAY[last] if dash else _DAY[first]
        found += [day % 7 for day in range(start, end + 1 if end >= start else end + 8)]
    return tuple(found)


def intervals_of(words: str) -> tuple[tuple[int, int], ...]:
    """What "09:00-12:30 13:30-18:00" means, in minutes since midnight; an end before its start is on the day after.

    "closed" is none. ``ValueError`` otherwise.
    """
    text = words.strip().lower()
    if text in _CLOSED:
        return ()
    found = list(_INTERVAL.finditer(text))
    if not found or re.sub(r"[\s,;]|and", "", _INTERVAL.sub("", text)):
        raise ValueError(f"{words!r} is not times of a day: write 09:00-12:30 13:30-18:00, or closed")
    return tuple(sorted(_interval(one) for one in found))


def _interval(found: re.Match[str]) -> tuple[int, int]:
    start = int(found[1]) * 60 + int(found[2] or 0)
    end = int(found[3]) * 60 + int(found[4] or 0)
    minutes = max(int(found[2] or 0), int(found[4] or 0))
    if start >= _MINUTES or end > _MINUTES or minutes > 59 or start == end:
        raise ValueError(f"{found[0]!r} is not a time from 00:00 to 24:00")
    return start, end if end > start else end + _MINUTES


def week_of(given: dict[str, str]) -> tuple[tuple[tuple[int, int], ...], ...]:
    """Seven days, Monday first; what goes over midnight is cut there."""
    days: list[list[tuple[int, int]]] = [[] for _ in range(7)]
    for words, times in given.items():
        for day in days_of(words):
            if days[day]:
                raise ValueError(f"{_DAYS[day]} has hours twice")
            days[day] = list(intervals_of(times))
    cut: list[list[tuple[int, int]]] = [[] for _ in range(7)]
    for number, intervals in enumerate(days):
        for start, end in intervals:
            cut[number].append((start, min(end, _MINUTES)))
            if end > _MINUTES:
                cut[(number + 1) % 7].append((0, end - _MINUTES))
    return tuple(tuple(sorted(day)) for day in cut)


class Holidays(Model):
    """Days on which nobody works."""

    country: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None = Field(
        None, description='A country\'s code such as DE (in quotes: "NO"): its public holidays are days off.'
    )
    subdivision: str | None = Field(None, description="A part of the country such as BE for Berlin.")
    dates: tuple[date, ...] = Field((), description="Days off of your own, e.g. [2026-12-24, 2026-12-31].")


def _times(value: Any) -> Any:
    """YAML reads ``off`` as false."""
    return "closed" if value is False or value is None else value


Times: TypeAlias = Annotated[str, BeforeValidator(_times)]


class HoursSection(Model):
    """When people work."""

    zone: Zone = Field(description=ZONE)
    week: dict[str, Times] = Field(min_length=1, description=_WEEK)
    holidays: Holidays = Field(Holidays(), description="country, subdivision, dates.")
    special: dict[date, Times] = Field(
        default_factory=dict, description='Days with hours of their own, e.g. 2026-12-24: "09:00-12:00".'
    )

    @model_validator(mode="after")
    def _right(self) -> Self:
        self.hours()
        return self

    def hours(self) -> Hours:
        """As the core needs it. ``ValueError`` with what is wrong."""
        special = []
        for day, times in sorted(self.special.items()):
            given = intervals_of(times)
            if any(end > _MINUTES for _, end in given):
                raise ValueError(f"the hours of {day} go over midnight: end them at 24:00")
            special.append((day, given))
        days = self.holidays
        week = week_of(self.week)
        if not any(week):
            raise ValueError("these hours are empty: give at least one day hours")
        return Hours(self.zone, week, frozenset(days.dates), days.country, days.subdivision, tuple(special))


def target_of(value: Any) -> Any:
    """What "1h 30m" or "2 days" means. A day is a working day."""
    if value is None or isinstance(value, Target):
        return value
    text = str(value).strip()
    found = list(_SPAN.finditer(text))
    if not found or re.sub(r"[\s,]|and", "", _SPAN.sub("", text)):
        raise ValueError(f"{text!r} is not a time: write 30 min, 1h, 1h 30m or 2 days")
    seconds = days = 0.0
    for one in found:
        unit, number = one[2].lower(), float(one[1])
        if "day" in unit or unit == "d":
            days += number
        else:
            seconds += number * (3600 if unit.startswith("h") else 60)
    if seconds + days <= 0:
        raise ValueError("this is no time at all")
    return Target(seconds, days)


def _percent(value: Any) -> Any:
    text = str(value).strip().removesuffix("%").strip()
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"{value!r} is not a part of the time: write 50%") from None
    if not 1 <= number <= 1000:
        raise ValueError("a reminder comes at 1% to 1000% of the time")
    return number


def _many(value: Any) -> Any:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


Span: TypeAlias = Annotated[Target | None, BeforeValidator(target_of)]
Percent: TypeAlias = Annotated[float, BeforeValidator(_percent)]
Many: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(_many)]
Priority: TypeAlias = Literal["low", "normal", "high", "urgent"]
_TIMES = "A time such as 30 min, 1h or 2 days (working days)."


class When(Model):
    """For which cases a policy is. What is left out fits all."""

    channel: Many = Field((), description="A channel, or a list: email.")
    inbox: Many = Field((), description="An inbox of this file, or a list.")
    team: Many = Field((), description="A team of this file, or a list.")
    priority: Annotated[tuple[Priority, ...], BeforeValidator(_many)] = Field(
        (), description="low, normal, high or urgent, or a list."
    )
    tags: Many = Field((), description="Tags that the case must have.")
    attribute: dict[str, str | bool | int | float] = Field(
        default_factory=dict, description="Of the customer, e.g. vip: true."
    )


class Sla(Model):
    """One policy: the first whose ``when`` fits decides."""

    name: Name = Field(description="What people call it, e.g. premium mail.")
    when: When = Field(When(), description="channel, inbox, team, priority, tags, attribute; left out: all.")
    first_response: Span = Field(None, description=_TIMES)
    next_response: Span = Field(None, description=_TIMES)
    resolution: Span = Field(None, description=_TIMES)
    hours: Handle = Field(
        BUSINESS, description="business (the team's hours), calendar (24/7), or the name of hours."
    )
    remind: Annotated[tuple[Percent, ...], BeforeValidator(_many)] = Field(
        (50.0, 80.0), max_length=8, description="When somebody is reminded: parts of the time, [50%, 80%]."
    )
    remind_at_night: bool = Field(
        False, description="true: reminders come day and night; else they wait until the team is there."
    )


def unknown_names(
    hours: Iterable[str], policies: Iterable[Any], teams: Any
) -> list[tuple[tuple[str | int, ...], str, str]]:
    """Hours that are named and are not there: (key, what is wrong, cure). Of data as it stands in the file."""
    known = sorted(hours)
    listed = f"Hours of this file: {', '.join(known)}." if known else "Write an hours: section first."
    found: list[tuple[tuple[str | int, ...], str, str]] = []
    for name, team in teams.items() if isinstance(teams, dict) else ():
        given = team.get("hours") if isinstance(team, dict) else None
        if given is not None and given not in known:
            found.append((("teams", name, "hours"), f"there are no hours {given!r}", listed))
    for number, policy in enumerate(policies):
        given = policy.get("hours") if isinstance(policy, dict) else None
        if given is not None and given not in (*known, BUSINESS, CALENDAR):
            cure = f"Write business or calendar. {listed}"
            found.append((("sla", number, "hours"), f"there are no hours {given!r}", cure))
    return found
