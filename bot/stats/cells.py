"""What one case adds to the figures. Pure: from the facts of a case to numbers in cells, always the same ones.

A cell is (team, dimension, value, day or month, metric); it holds how many, how much in all, and for times how they are
spread. A day is one of the team's time zone. A case whose facts change is counted anew, and the difference goes into the
cells: so reopened cases, merges and their end, bounces, tags and erased customers need no rule of their own.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.calendar.wallclock import wall

ALL, INBOX, AGENT, PRIORITY, TAG, HOUR = "all", "inbox", "agent", "priority", "tag", "hour"
AGENT_INBOX = "agent inbox"
"""Who answered by which inbox: the value is both, with a space between them."""
DIMENSIONS = (ALL, INBOX, AGENT, PRIORITY, TAG, HOUR, AGENT_INBOX)
MONTH = "month:"
"""Put before a dimension: the same by months, so that a year is few cells."""
WIDTH = 1.04
"""Times are kept in steps of 4 %, so a median is right to 2 %."""
ARRIVED = frozenset({"accepted", "delivered", "seen"})
LOW = 2
"""A rating of this or less, of five, is low."""
COMPLAINT = "complaint"
"""A case with this tag is a complaint."""

Key = tuple[str, str, str, str, str]
"""(team, dimension, value, day, metric)."""


@dataclass(frozen=True, slots=True)
class Said:
    """A message of a case. ``inbox`` is what it came or went by; ``agent`` who wrote a reply."""

    id: int
    direction: str
    inbox: str
    agent: str
    automated: bool
    state: str
    at: float


@dataclass(frozen=True, slots=True)
class Ran:
    """A clock of a case. ``used`` in business seconds; ``by`` is the reply that stopped it."""

    kind: str
    number: int
    inbox: str
    started_at: float
    stopped_at: float | None
    cause: str
    used: float
    breached_at: float | None
    by: int | None


@dataclass(frozen=True, slots=True)
class Rated:
    """What a customer was asked after a case, and answered. ``score`` of five; None: no answer (yet)."""

    inbox: str
    agent: str
    asked_at: float
    score: int | None
    answered_at: float | None


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """All that the figures know of a case. ``channels``: inbox → channel. ``zone`` is the team's.

    ``joined``: a merge ended it in favour of another. ``resolved_at`` is None while it is not resolved.
    """

    id: int
    team: str
    zone: str
    priority: str
    owner: str
    tags: tuple[str, ...]
    said: tuple[Said, ...]
    clocks: tuple[Ran, ...]
    ratings: tuple[Rated, ...] = ()
    channels: Mapping[str, str] = field(default_factory=dict)
    joined: bool = False
    opened_at: float = 0.0
    resolved_at: float | None = None


@dataclass(slots=True)
class Cell:
    """How many, how much in all, and how times are spread: step → how many."""

    count: int = 0
    total: float = 0.0
    spread: dict[int, int] = field(default_factory=dict)

    def add(self, other: Cell, sign: int = 1) -> None:
        """Adds another cell to this one, or with ``sign`` -1 takes it away."""
        self.count += sign * other.count
        self.total += sign * other.total
        for step, count in other.spread.items():
            left = self.spread.get(step, 0) + sign * count
            if left:
                self.spread[step] = left
            else:
                self.spread.pop(step, None)

    @property
    def empty(self) -> bool:
        """Whether nothing is in it."""
        return not self.count and not self.spread and not self.total


def step_of(seconds: float) -> int:
    """In which step a time is: 0 for less than a second."""
    return 0 if seconds < 1.0 else 1 + math.floor(math.log(seconds) / math.log(WIDTH))


def time_of(step: int) -> float:
    """The time that stands for a step, in seconds: its middle."""
    return 0.0 if step == 0 else WIDTH ** (step - 0.5)


@dataclass(frozen=True, slots=True)
class _Event:
    """Something that is counted: when, what, how much, whose, by which inbox. ``time``: it is a time, and is spread."""

    at: float
    metric: str
    amount: float = 1.0
    agent: str = ""
    inbox: str = ""
    time: bool = False


def cells(case: CaseFacts) -> dict[Key, Cell]:
    """What a case adds to every cell."""
    made: dict[Key, Cell] = defaultdict(Cell)
    for event in _events(case):
        then = wall(case.zone, event.at)
        amount = float(
            round(event.amount)
        )  # whole seconds: sums stay exact, whatever is added and taken away
        one = Cell(1, amount, {step_of(amount): 1} if event.time else {})
        day = then.date().isoformat()
        by_the_clock = event.metric.endswith("_wall")
        for dimension, value in _values(case, event, then):
            if by_the_clock and dimension != ALL:
                continue  # parts are compared by working time
            made[case.team, dimension, value, day, event.metric].add(one)
            made[case.team, MONTH + dimension, value, day[:7], event.metric].add(one)
    return dict(made)


def _values(case: CaseFacts, event: _Event, then: datetime) -> Iterator[tuple[str, str]]:
    yield ALL, ""
    yield PRIORITY, case.priority
    yield HOUR, f"{then.hour:02d}"
    if event.inbox:
        yield INBOX, event.inbox
    if event.agent:
        yield AGENT, event.agent
    for tag in case.tags:
        yield TAG, tag
    if event.metric == "outbound":
        yield AGENT_INBOX, f"{event.agent} {event.inbox}"


def _events(case: CaseFacts) -> Iterator[_Event]:
    human = [one for one in case.said if not one.automated]
    replies = [one for one in human if one.direction == "outbound" and one.state in ARRIVED]
    by_id = {one.id: one for one in replies}
    yield from _words(case, human, replies)
    for clock in case.clocks:
        if clock.kind == "resolution":
            yield from _resolution(case, clock, human, replies)
        else:
            yield from _response(clock, by_id)
    if not any(clock.kind == "resolution" for clock in case.clocks):
        yield from _unpromised(case, human, replies)
    yield from _ratings(case)


def _unpromised(case: CaseFacts, human: list[Said], replies: list[Said]) -> Iterator[_Event]:
    """A case for which no resolution was promised: its beginning and its end are known, and no more."""
    if case.joined or not human:
        return
    inbox = human[0].inbox
    yield _Event(case.opened_at, "opened", agent=case.owner, inbox=inbox)
    if COMPLAINT in case.tags:
        yield _Event(case.opened_at, "complaint", agent=case.owner, inbox=inbox)
    at = case.resolved_at
    if at is None:
        return
    yield _Event(at, "resolved", agent=case.owner, inbox=inbox)
    yield _Event(at, "resolution_wall", max(at - case.opened_at, 0.0), case.owner, inbox, time=True)
    yield _Event(at, "messages", float(sum(1 for one in human if one.at <= at)), case.owner, inbox)
    if sum(1 for one in replies if one.at <= at) == 1:
        yield _Event(at, "first_contact", agent=case.owner, inbox=inbox)


def _words(case: CaseFacts, human: list[Said], replies: list[Said]) -> Iterator[_Event]:
    before = ""
    for one in human:
        if one.direction != "inbound":
            continue
        yield _Event(one.at, "inbound", inbox=one.inbox)
        channel = case.channels.get(one.inbox, one.inbox)
        if before and channel != before:
            yield _Event(one.at, "switch", inbox=one.inbox)
        before = channel
    handled: set[tuple[str, str]] = set()
    for one in replies:
        yield _Event(one.at, "outbound", agent=one.agent, inbox=one.inbox)
        day = (one.agent, wall(case.zone, one.at).date().isoformat())
        if day not in handled:
            handled.add(day)
            yield _Event(one.at, "handled", agent=one.agent, inbox=one.inbox)


def _response(clock: Ran, by_id: Mapping[int, Said]) -> Iterator[_Event]:
    """First or next response. Late is late at the moment it became late, whether it was answered afterwards or not."""
    reply = by_id.get(clock.by or 0)
    agent = reply.agent if reply is not None else ""
    if clock.breached_at is not None:
        yield _Event(clock.breached_at, f"{clock.kind}_missed", agent=agent, inbox=clock.inbox)
    if clock.stopped_at is None or clock.cause != "answered":
        return
    if clock.breached_at is None:
        yield _Event(clock.stopped_at, f"{clock.kind}_kept", agent=agent, inbox=clock.inbox)
    wall_time = max(clock.stopped_at - clock.started_at, 0.0)
    yield _Event(clock.stopped_at, f"{clock.kind}_wall", wall_time, agent, clock.inbox, time=True)
    yield _Event(clock.stopped_at, f"{clock.kind}_work", clock.used, agent, clock.inbox, time=True)


def _resolution(case: CaseFacts, clock: Ran, human: list[Said], replies: list[Said]) -> Iterator[_Event]:
    def event(at: float, metric: str, amount: float = 1.0, *, time: bool = False) -> _Event:
        return _Event(at, metric, amount, case.owner, clock.inbox, time)

    if not case.joined:  # else it goes on in the case of the customer it was merged with
        yield event(clock.started_at, "opened" if clock.number == 1 else "reopened")
    if clock.number == 1 and COMPLAINT in case.tags:
        yield event(clock.started_at, "complaint")
    if clock.breached_at is not None:
        yield event(clock.breached_at, "resolution_missed")
    if clock.stopped_at is None or clock.cause != "resolved":
        return
    at = clock.stopped_at
    yield event(at, "resolved")
    if clock.breached_at is None:
        yield event(at, "resolution_kept")
    yield event(at, "resolution_wall", max(at - clock.started_at, 0.0), time=True)
    yield event(at, "resolution_work", clock.used, time=True)
    if clock.number == 1:
        last = max(one.number for one in case.clocks if one.kind == "resolution")
        answers = sum(1 for one in replies if one.at <= at)
        yield event(at, "messages", float(sum(1 for one in human if one.at <= at)))
        if last == 1 and answers == 1:
            yield event(at, "first_contact")


def _ratings(case: CaseFacts) -> Iterator[_Event]:
    for one in case.ratings:
        yield _Event(one.asked_at, "asked", agent=one.agent, inbox=one.inbox)
        if one.score is None or one.answered_at is None:
            continue
        yield _Event(one.asked_at, "answered", agent=one.agent, inbox=one.inbox)
        yield _Event(one.answered_at, "rating", float(one.score), one.agent, one.inbox)
        yield _Event(one.answered_at, f"rated_{one.score}", agent=one.agent, inbox=one.inbox)
        if one.score <= LOW and COMPLAINT not in case.tags:
            yield _Event(one.answered_at, "complaint", agent=one.agent, inbox=one.inbox)


def difference(before: Mapping[Key, Cell], after: Mapping[Key, Cell]) -> dict[Key, Cell]:
    """What has to be added to the cells, so that they hold the new instead of the old."""
    changed: dict[Key, Cell] = {}
    for key in {*before, *after}:
        cell = Cell()
        cell.add(after.get(key, _NOTHING))
        cell.add(before.get(key, _NOTHING), -1)
        if not cell.empty:
            changed[key] = cell
    return changed


_NOTHING = Cell()


def sum_of(many: Iterable[Mapping[Key, Cell]]) -> dict[Key, Cell]:
    """All cells of several cases together."""
    made: dict[Key, Cell] = defaultdict(Cell)
    for one in many:
        for key, cell in one.items():
            made[key].add(cell)
    return {key: cell for key, cell in made.items() if not cell.empty}
