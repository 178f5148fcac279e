"""What is promised to whom: rules, and the terms that they come to. Pure; times in seconds.

The first rule that matches decides. A target in days is counted in working days: two days of a team that works eight hours a
day are sixteen hours. ``Promises()`` without rules promises nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import lru_cache
from statistics import multimode
from typing import Any

from bot.hours import ALWAYS, Hours

BREACH = 100.0
"""The step, in percent of the target, at which a promise is broken."""

BUSINESS = "business"
CALENDAR = "calendar"
_OFFICE = ((9 * 60, 17 * 60),)


class Kind(StrEnum):
    """What is promised. FIRST: a first answer; NEXT: an answer to what they said later; RESOLUTION: that it is settled."""

    FIRST = "first"
    NEXT = "next"
    RESOLUTION = "resolution"


KINDS = (Kind.FIRST, Kind.NEXT, Kind.RESOLUTION)


@lru_cache(maxsize=64)
def office(zone: str) -> Hours:
    """Monday to Friday, 09:00 to 17:00: what a team works that says nothing else."""
    return Hours(zone, (_OFFICE,) * 5 + ((), ()))


@dataclass(frozen=True, slots=True)
class Target:
    """How long it may take: ``seconds`` within the hours, and ``days`` of the length that these hours have."""

    seconds: float = 0.0
    days: float = 0.0

    def of(self, hours: Hours) -> float:
        """In seconds of these hours."""
        return self.seconds + (self.days * day_length(hours) if self.days else 0.0)

    def half(self) -> Target:
        """Half as long."""
        return Target(self.seconds / 2, self.days / 2)


@lru_cache(maxsize=256)
def day_length(hours: Hours) -> float:
    """Seconds of a working day: the length that most days of the week have, the longer where two are as many."""
    lengths = [sum(end - start for start, end in day) * 60 for day in hours.week if day]
    return float(max(multimode(lengths), default=86_400))


@dataclass(frozen=True, slots=True)
class Facts:
    """What a rule looks at. ``attributes`` of the customer, values as they are stored (JSON)."""

    inbox: str
    channel: str
    team: str
    priority: str = "normal"
    attributes: Mapping[str, str] = field(default_factory=dict)
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Rule:
    """One policy. An empty condition fits all; ``tags`` and ``attributes`` must all be there. A target None: no promise.

    ``hours``: "business" (those of the team), "calendar" (24/7), or the name of hours. ``steps``: percent of a target at
    which somebody is told; the breach is one of them, whether it is named or not.
    """

    name: str
    channels: frozenset[str] = frozenset()
    inboxes: frozenset[str] = frozenset()
    teams: frozenset[str] = frozenset()
    priorities: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    attributes: tuple[tuple[str, str], ...] = ()
    first: Target | None = None
    next: Target | None = None
    resolution: Target | None = None
    hours: str = BUSINESS
    steps: tuple[float, ...] = (50.0, 80.0)

    def fits(self, facts: Facts) -> bool:
        """Whether it is for this case."""
        return (
            (not self.channels or facts.channel in self.channels)
            and (not self.inboxes or facts.inbox in self.inboxes)
            and (not self.teams or facts.team in self.teams)
            and (not self.priorities or facts.priority in self.priorities)
            and self.tags <= facts.tags
            and all(said(facts.attributes.get(name)) == value for name, value in self.attributes)
        )

    def target(self, kind: Kind) -> Target | None:
        """What it promises of a kind."""
        return {Kind.FIRST: self.first, Kind.NEXT: self.next, Kind.RESOLUTION: self.resolution}[kind]


def said(stored: str | None) -> str:
    """An attribute's stored value, to compare: "true" for true and "Yes", lower case; "" where there is none."""
    if stored is None:
        return ""
    try:
        value = json.loads(stored)
    except ValueError:
        value = stored
    return plain(value)


def plain(value: Any) -> str:
    """A value of an attribute as rules and customers' attributes are compared."""
    words = str(value).strip().casefold()
    return {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(words, words)


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for one clock. ``target`` in seconds of ``hours``, which are packed; ``steps`` in percent, with the breach."""

    policy: str
    target: float
    hours: str
    steps: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Promises:
    """All rules, in order, and whose hours are which. ``teams``: a team's hours by name."""

    rules: tuple[Rule, ...] = ()
    hours: Mapping[str, Hours] = field(default_factory=dict)
    teams: Mapping[str, str] = field(default_factory=dict)
    zone: str = "UTC"

    def hours_of(self, team: str) -> Hours:
        """When a team works."""
        return self.named(self.teams.get(team, ""))

    def named(self, name: str) -> Hours:
        """Hours by name; the usual office hours where there are none of that name."""
        return self.hours.get(name) or office(self.zone)

    def rule(self, facts: Facts) -> Rule | None:
        """The first that fits."""
        return next((rule for rule in self.rules if rule.fits(facts)), None)

    def terms(self, facts: Facts, kind: Kind) -> Terms | None:
        """What is promised; None where nothing is."""
        rule = self.rule(facts)
        target = rule.target(kind) if rule is not None else None
        if rule is None or target is None:
            return None
        name, hours = self._hours(rule, facts.team)
        return Terms(rule.name, target.of(hours), pack(name, hours), _steps(rule.steps))

    def _hours(self, rule: Rule, team: str) -> tuple[str, Hours]:
        if rule.hours == CALENDAR:
            return CALENDAR, ALWAYS
        name = self.teams.get(team, "") if rule.hours == BUSINESS else rule.hours
        return name or "office", self.named(name)

    @property
    def by_attribute(self) -> bool:
        """Whether any rule looks at the customer's attributes."""
        return any(rule.attributes for rule in self.rules)

    @property
    def by_tag(self) -> bool:
        """Whether any rule looks at the case's tags."""
        return any(rule.tags for rule in self.rules)

    def digest(self) -> str:
        """Changes when anything in here does."""
        rules = [[sorted(v) if isinstance(v, frozenset) else v for v in _values(rule)] for rule in self.rules]
        hours = {name: pack(name, one) for name, one in sorted(self.hours.items())}
        told = json.dumps([rules, hours, dict(sorted(self.teams.items())), self.zone], default=_values)
        return hashlib.sha256(told.encode()).hexdigest()[:24]


def _values(one: Any) -> list[Any]:
    return [getattr(one, name) for name in type(one).__slots__]


def _steps(steps: Iterable[float]) -> tuple[float, ...]:
    return tuple(sorted({*steps, BREACH}))


@lru_cache(maxsize=256)
def pack(name: str, hours: Hours) -> str:
    """Hours and their name as JSON, the same for the same hours."""
    values: dict[str, Any] = {
        "name": name,
        "zone": hours.zone,
        "week": hours.week,
        "holidays": sorted(day.isoformat() for day in hours.holidays),
        "country": hours.country,
        "subdivision": hours.subdivision,
        "special": [[day.isoformat(), intervals] for day, intervals in hours.special],
    }
    return json.dumps({key: value for key, value in values.items() if value}, separators=(",", ":"))


@lru_cache(maxsize=256)
def unpack(packed: str) -> tuple[str, Hours]:
    """Name and hours from what ``pack`` made."""
    values = json.loads(packed)
    hours = Hours(
        values["zone"],
        tuple(_intervals(day) for day in values["week"]),
        frozenset(date.fromisoformat(day) for day in values.get("holidays", ())),
        values.get("country"),
        values.get("subdivision"),
        tuple((date.fromisoformat(day), _intervals(given)) for day, given in values.get("special", ())),
    )
    return str(values["name"]), hours


def _intervals(given: Iterable[Iterable[int]]) -> tuple[tuple[int, int], ...]:
    return tuple((start, end) for start, end in given)


def usual(channels: Mapping[str, float]) -> tuple[Rule, ...]:
    """The rules where app.yaml has none that fits. ``channels``: how soon each channel's customers expect an answer, seconds.

    Two working days for a resolution; for a customer with the attribute ``vip`` half of everything.
    """
    made: list[Rule] = []
    settled = Target(days=2)
    for channel, seconds in channels.items():
        answer = Target(seconds)
        plain_rule = Rule(
            f"usual for {channel}",
            frozenset({channel}),
            first=answer,
            next=answer,
            resolution=settled,
        )
        vip = Rule(
            f"usual for {channel}, vip",
            frozenset({channel}),
            attributes=(("vip", "true"),),
            first=answer.half(),
            next=answer.half(),
            resolution=settled.half(),
        )
        made += [vip, plain_rule]
    return tuple(made)
