"""Promises once more, in the most obvious way: minutes are counted one by one, and nothing is kept that can be counted anew."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar
from zoneinfo import ZoneInfo

START = datetime(2026, 10, 22, 12, 0, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
"""A Thursday; on the Sunday the night has an hour more."""
WEEK = {"mon-fri": "09:00-12:30 13:30-18:00", "sun": "01:00-04:00"}
MINUTES = 120 * 1440


def _open(minute: int) -> bool:
    at = datetime.fromtimestamp(START + minute * 60, ZoneInfo("Europe/Berlin"))
    shown = at.hour * 60 + at.minute
    if at.weekday() < 5:
        return 540 <= shown < 750 or 810 <= shown < 1080
    return at.weekday() == 6 and 60 <= shown < 240


class Minutes:
    """Which minutes count, since the start."""

    def __init__(self) -> None:
        self.open = [_open(minute) for minute in range(MINUTES)]

    def due(self, periods: list[list[int | None]], target: int) -> int | None:
        """In which minute a promise is due that counted so; None where it rests before."""
        left = target
        for start, end, *_ in periods:
            assert start is not None
            for minute in range(start, MINUTES if end is None else end):
                if left == 0:
                    break
                left -= self.open[minute]
                if left == 0:
                    return minute + 1
        return None

    def late(self, periods: list[list[int | None]], target: int, now: int) -> bool:
        """Whether it counted on after the minute in which it was due."""
        for number, (_, end, *_) in enumerate(periods):
            due = self.due(periods[: number + 1], target)
            if due is not None:
                return due < (now if end is None else end)
        return False


@dataclass
class Promise:
    """One clock. ``periods`` in minutes: when it counted. ``why``: waiting, snoozed, hand; None: it counts."""

    kind: str
    start: int
    target: int
    periods: list[list[int | None]]
    """From when, to when, which reply ended it, and when a lead paused what rested already."""
    why: str | None = None
    stopped: int | None = None
    by: int | None = None
    ended: str | None = None
    late: bool = False
    before: str | None = None

    def pause(self, now: int, why: str, by: int | None = None) -> None:
        if self.why is None:
            self.periods[-1][1:] = [now, by, None]
        elif why != self.why and self.periods[-1][3] is None:
            self.periods[-1][3] = now
        self.why = why

    def resume(self, now: int) -> None:
        self.why = None
        self.periods.append([now, None, None, None])

    def stop(self, now: int, ended: str, by: int | None = None) -> None:
        if self.why is None:
            self.periods[-1][1:] = [now, None, None]
        self.stopped, self.ended, self.by = now, ended, by


@dataclass
class Case:
    """One case of a customer."""

    status: str = "open"
    promises: list[Promise] = field(default_factory=list)
    said: list[int | None] = field(default_factory=list)
    """In the order in which it was: None for the customer's words, the number of a reply for ours."""

    def of(self, *kinds: str) -> list[Promise]:
        """Those of these kinds that have not ended."""
        return [one for one in self.promises if one.kind in kinds and one.stopped is None]


class Naive:
    """What should be, from what happened. Times in minutes since the start."""

    TARGET: ClassVar = {"first": 60, "next": 60, "resolution": 16 * 60}

    def __init__(self, minutes: Minutes) -> None:
        self.minutes = minutes
        self.cases: dict[str, list[Case]] = {}
        self.vip: set[str] = set()
        self.accepted: dict[int, tuple[Case, int]] = {}
        self.returned: set[int] = set()

    def case(self, who: str) -> Case | None:
        """The newest."""
        return self.cases[who][-1] if self.cases.get(who) else None

    def look(self, now: int) -> None:
        """Late is late: noted before anything else happens."""
        for case in (one for many in self.cases.values() for one in many):
            for one in case.promises:
                if one.stopped is None and self.minutes.late(one.periods, one.target, now):
                    one.late = True

    def _start(self, who: str, case: Case, kind: str, now: int) -> None:
        target = self.TARGET[kind] // (2 if who in self.vip else 1)
        case.promises.append(Promise(kind, now, target, [[now, None, None, None]]))

    def _wakes(self, case: Case, now: int) -> None:
        for one in case.of("first", "next", "resolution"):
            if one.why in ("waiting", "snoozed"):
                one.resume(now)

    def writes(self, who: str, now: int) -> None:
        case = self.case(who)
        if case is None or case.status == "resolved":
            case = Case()
            self.cases.setdefault(who, []).append(case)
            case.said.append(None)
            self._start(who, case, "first", now)
            self._start(who, case, "resolution", now)
            return
        case.said.append(None)
        case.status = "open"
        self._wakes(case, now)
        if not case.of("first", "next"):
            self._start(who, case, "next", now)

    def replies(self, who: str, reply: int, now: int) -> None:
        case = self.case(who)
        assert case is not None
        self.accepted[reply] = (case, now)
        case.said.append(reply)
        for one in case.of("first", "next"):
            one.before = one.why
            one.stop(now, "answered", reply)
        if case.status == "open":
            case.status = "pending"
        self._rests(case, now, reply)

    def _rests(self, case: Case, now: int, by: int | None = None) -> None:
        why = {"pending": "waiting", "snoozed": "snoozed"}.get(case.status)
        for one in case.of("next", "resolution"):
            if why is not None and one.why != "hand":
                one.pause(now, why, by)

    def returns(self, reply: int, now: int) -> None:
        """A reply came back, or was taken back."""
        case, _ = self.accepted[reply]
        self.returned.add(reply)
        others = [
            (at, number)
            for number, (of, at) in self.accepted.items()
            if of is case and number not in self.returned and (at, number) > (self.accepted[reply][1], reply)
        ]
        if case.status == "resolved":
            for one in case.promises:
                if one.by == reply:
                    one.by, one.ended = None, "resolved"
            return
        for one in [one for one in case.promises if one.by == reply]:
            one.stopped = one.by = one.ended = None
            one.why = one.before
            if one.why is None:
                one.periods[-1][1] = None
            if others:
                self._late(one, min(others)[0])
                one.before = one.why
                one.stop(min(others)[0], "answered", min(others)[1])
                continue
            for newer in case.of("first", "next"):
                if newer is not one:
                    newer.stop(now, "superseded")
        left = self._left(case, reply)
        for other in left or ():
            self._void(case, other)
        if left is not None and case.status == "pending":
            case.status = "open"
        if case.status == "open":
            self._wakes(case, now)
        self.look(now)

    def _left(self, case: Case, reply: int) -> list[int] | None:
        """Whose words has nobody answered now that this reply is none? The replies since then; None where there are none."""
        stands = [at for at, one in enumerate(case.said) if one is not None and one not in self.returned]
        there = case.said.index(reply)
        if any(at > there for at in stands):
            return None
        since = case.said[max(stands, default=-1) + 1 :]
        if None not in since[: since.index(reply)]:
            return None
        return [one for one in since[since.index(None) :] if one is not None]

    def _late(self, one: Promise, now: int) -> None:
        one.late = one.late or self.minutes.late(one.periods, one.target, now)

    def _void(self, case: Case, reply: int) -> None:
        """A pause that the reply began never was."""
        for one in case.of("resolution"):
            for number, (_, _, by, held) in enumerate(one.periods):
                if by != reply:
                    continue
                last = number == len(one.periods) - 1
                if held is not None:
                    one.periods[number][1:] = [held, None, None]
                elif last:
                    one.why = None
                    one.periods[number][1:] = [None, None, None]
                else:
                    one.periods[number][1:] = one.periods.pop(number + 1)[1:]
                break

    def becomes(self, who: str, status: str, now: int) -> None:
        """Resolved, opened again, pending, snoozed, woken."""
        case = self.case(who)
        assert case is not None
        over = case.status == "resolved"
        case.status = status
        if status == "resolved":
            for one in case.of("first", "next", "resolution"):
                one.stop(now, "resolved")
        elif status == "open":
            self._wakes(case, now)
            if over:
                self._start(who, case, "resolution", now)
        else:
            self._rests(case, now)

    def held(self, who: str, now: int) -> None:
        case = self.case(who)
        assert case is not None
        for one in case.of("first", "next", "resolution"):
            one.pause(now, "hand")

    def goes_on(self, who: str, now: int) -> None:
        case = self.case(who)
        assert case is not None
        for one in case.of("first", "next", "resolution"):
            if one.why == "hand":
                one.resume(now)
        self._rests(case, now)

    def is_vip(self, who: str, on: bool, now: int) -> None:
        """Half of everything that is open and not late."""
        (self.vip.add if on else self.vip.discard)(who)
        for case in self.cases.get(who, []):
            for one in case.of("first", "next", "resolution"):
                if not one.late:
                    one.target = self.TARGET[one.kind] // (2 if on else 1)
        self.look(now)
