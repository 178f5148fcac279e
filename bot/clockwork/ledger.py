"""The ledger of a clock in words: when it started and why, what counted, when it was due, what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot import hours
from bot.calendar.wallclock import wall
from bot.clockwork import clocks
from bot.clockwork.book import (
    ANSWERED,
    BLOCKED,
    BY_HAND,
    ERASED,
    MERGED,
    NO_PROMISE,
    PARTED,
    RESOLVED,
    SUPERSEDED,
    TAKEN_BACK,
)
from bot.clockwork.promises import unpack
from bot.storage.clocks import PAUSED, RUNNING, STOPPED, Clock, Happened
from bot.timing import notices

KIND_WORDS = {"first": "First response", "next": "Next response", "resolution": "Resolution"}
PAUSE_WORDS = {
    "waiting": "waiting for the customer",
    "snoozed": "snoozed",
    BY_HAND: "paused by hand",
    BLOCKED: "the customer was kept apart",
}
_ENDED = {
    RESOLVED: "resolved without an answer",
    MERGED: "went on in the case of the customer it was merged with",
    PARTED: "ended, because the merge was undone",
    NO_PROMISE: "ended, because nothing is promised any more",
    ERASED: "ended, because the customer was erased",
    SUPERSEDED: "ended, because an earlier message waits again",
}
_REASONS = {
    "wake": "the snooze was ended",
    "pending": "set to wait for the customer",
    "reopen": "opened again",
    "priority": "the priority was changed",
    "tag": "the tags were changed",
    MERGED: "merged with another customer",
    PARTED: "the merge was undone",
}
_FEW = 4
"""So many stretches that did not count are told with their times."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the words need beside the clock: who said what. ``authors``: message → who wrote it; ``agents``: id → name."""

    zone: str
    now: float
    starter: str
    authors: Mapping[int, str] = field(default_factory=dict)
    agents: Mapping[str, str] = field(default_factory=dict)


class _Times:
    """Times that name their day only where it is another than the one before."""

    def __init__(self, told: Told) -> None:
        self._told = told
        self._day: Any = None

    def at(self, moment: float) -> str:
        shown = wall(self._told.zone, moment)
        words = notices.dated(moment, self._told.zone, self._told.now)
        same, self._day = shown.date() == self._day, shown.date()
        return words.rsplit(" ", 1)[1] if same else words


def span(seconds: float) -> str:
    """``40 s``, ``10 min``, ``2 h``, ``15 h 30 min``."""
    if seconds < 60:
        return f"{round(seconds)} s"
    minutes = round(seconds / 60)
    parts = [f"{minutes // 60} h"] if minutes >= 60 else []
    if minutes % 60 or not parts:
        parts.append(f"{minutes % 60} min")
    return " ".join(parts)


def words(one: Clock, events: Sequence[Happened], told: Told) -> str:
    """One clock's whole ledger as a paragraph."""
    times = _Times(told)
    name, schedule = unpack(one.hours)
    count = f" {one.number}" if one.number > 1 else ""
    of = "" if schedule.always else f" of the hours “{name}” ({schedule.zone})"
    starter = f" ({told.starter})" if told.starter else ""
    lines = [
        f"{KIND_WORDS[one.kind]}{count}: {span(one.target)}{of} by the policy “{one.policy}”.",
        f"Started {times.at(one.started_at)}{starter}{_counting(one, events, times, told)}.",
    ]
    lines += [line for event in _shown(one, events) if (line := _event(event, times, told))]
    lines.append(_end(one, events, times, told))
    return "\n".join(lines)


def _shown(one: Clock, events: Sequence[Happened]) -> Sequence[Happened]:
    """All but the stop that the last line tells of."""
    if one.state != STOPPED:
        return events
    last = max((n for n, event in enumerate(events) if event.what == "stop"), default=None)
    return [event for n, event in enumerate(events) if n != last]


def _counting(one: Clock, events: Sequence[Happened], times: _Times, told: Told) -> str:
    """What counted, and what was left out, over all periods."""
    schedule = unpack(one.hours)[1]
    until = one.due_at if one.due_at is not None else one.stopped_at or told.now
    stretches = [
        stretch
        for start, stop in _until(clocks.periods(one, events), until)
        for stretch in hours.explain(schedule, start, stop)
    ]
    first = ""
    if stretches and stretches[0].counted and len(stretches) > 1 and not stretches[1].counted:
        first = f", {span(stretches[0].seconds)} until closing at {times.at(stretches[0].end)}"
    closed = [stretch for stretch in stretches if not stretch.counted]
    if not closed:
        return first
    if len(closed) <= _FEW:
        told_of = [f"{one.why} ({times.at(one.start)} to {times.at(one.end)})" for one in closed]
    else:
        reasons = dict.fromkeys(reason for one in closed for reason in one.why.split(", "))
        told_of = [f"{', '.join(reasons)}"]
    return f"{first}; left out: {', '.join(told_of)}"


def _until(periods: Sequence[clocks.Period], until: float) -> list[tuple[float, float]]:
    """The periods, the last one until the clock is due."""
    last = len(periods) - 1
    return [
        (start, max(start, until) if stop is None or number == last else stop)
        for number, (start, stop) in enumerate(periods)
    ]


def _event(event: Happened, times: _Times, told: Told) -> str:
    """What happened, with its time first."""
    who = told.agents.get(event.agent or "", "")
    by = f" by {who}" if who else ""
    what = ""
    if event.what == "pause":
        what = f"paused{by}: {_reason(event)}"
    elif event.what == "resume":
        what = f"went on{by}: {_reason(event)}"
    elif event.what == "stop":
        author = told.authors.get(event.message_id or 0)
        what = f"{event.reason}{f' by {author}' if author else ''}"
    elif event.what == "back":
        what = _back(event, told)
    elif event.what == "policy" and event.detail:
        what = f"{_reason(event)}{by}: {_terms(event.detail)}"
    elif event.what in ("joined", "parted") and event.detail:
        since = notices.dated(event.detail["to"], told.zone, told.now)
        why = "merged with a case that is due sooner" if event.what == "joined" else "the merge was undone"
        what = f"{why}: counted since {since}"
    return f"{times.at(event.at)} {what}." if what else ""


def _reason(event: Happened) -> str:
    return PAUSE_WORDS.get(event.reason) or _REASONS.get(event.reason, event.reason)


def _back(event: Happened, told: Told) -> str:
    if event.reason == PARTED:
        return "the merge was undone, so it goes on as if it had never been"
    if event.message_id is None:
        return f"{_reason(event)}: it is promised again and goes on"
    what = "was taken back" if event.reason == TAKEN_BACK else "came back"
    return f"the reply{_by(event, told)} {what}, so it counts as never sent"


def _by(event: Happened, told: Told) -> str:
    author = told.authors.get(event.message_id or 0)
    return f" of {author}" if author else ""


def _terms(detail: Mapping[str, Any]) -> str:
    before, after = detail["from"], detail["to"]
    said = []
    if before["target"] != after["target"]:
        said.append(f"{span(before['target'])} became {span(after['target'])}")
    if before["hours"] != after["hours"]:
        was, now = unpack(before["hours"]), unpack(after["hours"])
        other = f"“{was[0]}” became “{now[0]}” ({now[1].zone})"
        said.append(f"the hours {other}" if was[0] != now[0] else f"the hours “{now[0]}” are others now")
    return f"{', '.join(said) or 'nothing but the name'} (policy “{after['policy']}”)"


def _end(one: Clock, events: Sequence[Happened], times: _Times, told: Told) -> str:
    schedule = unpack(one.hours)[1]
    due = f"Due {times.at(one.due_at)}" if one.due_at is not None else ""
    if one.state == PAUSED:
        why = PAUSE_WORDS.get(one.cause or "", one.cause or "")
        left = max(one.target - one.used, 0.0)
        return (
            f"Paused ({why}); {span(left)} left when it goes on."
            if one.breached_at is None
            else f"Late. {why}."
        )
    if one.state == RUNNING:
        if one.breached_at is not None or (one.due_at is not None and told.now > one.due_at):
            late = hours.between(schedule, one.breached_at or one.due_at or told.now, told.now)
            return f"{due}: late by {span(late)} now."
        left = hours.between(schedule, told.now, one.due_at or told.now)
        return f"{due}: {span(left)} left."
    ended = _ended(one, times, told)
    if one.breached_at is not None:
        late = hours.between(schedule, one.breached_at, one.stopped_at or told.now)
        return f"{due or 'Late'}; {ended}: late by {span(late)}."
    if one.cause == ANSWERED or (one.cause == RESOLVED and one.kind == "resolution"):
        spare = max(one.target - one.used, 0.0)
        return f"{due + '; ' if due else ''}{ended}: kept, {span(spare)} to spare."
    return f"{due + '; ' if due else ''}{ended}."


def _ended(one: Clock, times: _Times, told: Told) -> str:
    at = times.at(one.stopped_at) if one.stopped_at is not None else ""
    if one.cause == ANSWERED:
        author = told.authors.get(one.stopped_by or 0)
        return f"answered {at}{f' by {author}' if author else ''}"
    if one.cause == RESOLVED and one.kind == "resolution":
        return f"resolved {at}"
    return f"{_ENDED.get(one.cause or '', one.cause or 'ended')} {at}"
