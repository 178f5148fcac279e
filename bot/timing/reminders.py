"""Reminders of promises: the right person hears of it in time, where they work, in their working hours, never in a pile.

1. The ledger's steps come due (``sla.due``: each once, ever). ``plan`` keeps for each what has to be told and when: a step
   before the breach at once; at the breach the whole escalation (owner and thread, whoever is on call, the leads).
2. ``tell`` tells what has come, in one transaction with the posts. What came while the team was not there waits until it
   opens and is told as one list. A clock that does not run is told to nobody. Who is on it is left alone for a while.
3. One message a customer and person at a time: an earlier one is over when a later one comes. Where many are near for one
   person they are one list, and what follows right after joins it.

A restart in any window changes nothing: before a commit nothing happened and it is due still, after it the posts are rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from bot import hours, replies, sla
from bot.cases import prompts
from bot.clockwork.clocks import Passed
from bot.clockwork.promises import BREACH
from bot.messages import TeamId
from bot.policy import CorePolicy
from bot.storage import cases, people
from bot.storage import reminders as rows
from bot.storage.reminders import NewStep
from bot.timing import reminded, reminder_words
from bot.timing.reminded import LIST, ONE, promised
from bot.timing.reminder_words import Promise
from bot.timing.timers import Done

AT_ONCE = 100
"""Steps that one transaction tells."""
ROUND = 60.0
"""Seconds in which reminders of one person count as one round."""
JOINS = 120.0
"""Seconds in which later reminders join a list."""
OWNER, THREAD, ON_CALL, LEADS = "owner", "thread", "on_call", "leads"
_LATE = "late+"


def plan(connection: Connection, policy: CorePolicy, now: float) -> Done:
    """A unit: keeps what has to be told of the ledger's steps that have come."""
    passed = sla.due(connection, now, AT_ONCE)
    buckets: set[str] = set()
    steps: list[NewStep] = []
    for one in passed:
        steps += _steps(policy, one, now)
        if one.breach:
            buckets |= _late_card(connection, policy, one, now)
    rows.add_steps(connection, steps)
    return Done(buckets, bool(passed))


def _steps(policy: CorePolicy, one: Passed, now: float) -> list[NewStep]:
    if one.percent != BREACH:
        return [NewStep(one.clock.id, f"{one.percent:g}", now)]
    return [
        NewStep(one.clock.id, f"{_LATE}{step.after:g}", max(now, one.at + step.after))
        for step in policy.reminders.after
    ]


def _late_card(connection: Connection, policy: CorePolicy, one: Passed, now: float) -> set[str]:
    """The card says that it is late, though nothing of the case has changed: only the time."""
    found = rows.case_of(connection, one.clock.conversation_id)
    customer_id = people.final(connection, found.customer_id) if found is not None else None
    if found is None or customer_id is None:
        return set()
    thread = cases.current_thread(connection, customer_id, found.team)
    if thread is None:
        return set()
    cases.set_shown(connection, thread.id, "")
    return replies.refresh_card(connection, policy, customer_id, found.team, now)


@dataclass(frozen=True, slots=True)
class _Post:
    """A post in a customer's thread. ``groups`` are named in it; ``to_all``: the channel sees it, because nobody else does."""

    row: Any
    groups: tuple[str, ...]
    to_all: bool


@dataclass(slots=True)
class _Round:
    """What one transaction tells: to each person their promises, and what stands in the threads of each team's customers."""

    away: frozenset[str]
    people: dict[str, list[Any]] = field(default_factory=dict)
    threads: dict[str, list[_Post]] = field(default_factory=dict)

    def to_person(self, target: str, row: Any) -> None:
        """Of one customer a person hears once, of what is due first."""
        found = self.people.setdefault(target, [])
        for number, other in enumerate(found):
            if other.conversation_id == row.conversation_id:
                found[number] = min(other, row, key=lambda one: float(one.due_at))
                return
        found.append(row)

    def to_thread(self, row: Any, groups: tuple[str, ...] = ()) -> None:
        """Of one customer their thread hears once."""
        to_all = bool(groups) or row.owner is None or row.owner in self.away
        found = self.threads.setdefault(row.team, [])
        for number, other in enumerate(found):
            if other.row.conversation_id == row.conversation_id:
                first = min(other.row, row, key=lambda one: float(one.due_at))
                named = tuple(dict.fromkeys((*other.groups, *groups)))
                found[number] = _Post(first, named, other.to_all or to_all)
                return
        found.append(_Post(row, groups, to_all))


def tell(connection: Connection, policy: CorePolicy, now: float) -> Done:
    """A unit: tells what has come."""
    due = rows.due(connection, now, AT_ONCE)
    ready: dict[int, list[Any]] = {}
    later: list[tuple[int, float, bool]] = []
    gone: list[int] = []
    for row in due:
        if row.clock_state != "running" or row.due_at is None:
            gone.append(row.id)
        elif (until := _not_before(policy, row, now)) is not None:
            later.append((row.id, *until))
        else:
            ready.setdefault(row.clock_id, []).append(row)
    rows.step_became(connection, gone, rows.OVER)
    rows.put_off(connection, later)
    told = _Round(rows.off_duty(connection) if ready else frozenset())
    for steps in ready.values():
        _address(policy, steps, told)
        rows.step_became(connection, [one.id for one in steps], rows.TOLD)
    return Done(_tell(connection, policy, told, now), bool(due))


def _not_before(policy: CorePolicy, row: Any, now: float) -> tuple[float, bool] | None:
    """When a step is told instead of now, and whether because nobody is there; None: now."""
    if row.target is None and row.paused_until is not None and row.paused_until > now:
        return row.paused_until, bool(row.night)
    if row.policy in policy.reminders.at_night:
        return None
    opens = hours.next_open(policy.promises.hours_of(row.team), now)
    return None if opens is None or opens <= now else (opens, True)


def _address(policy: CorePolicy, steps: Sequence[Any], told: _Round) -> None:
    """Whom the steps of one clock that have come are for."""
    row = next((one for one in steps if one.night), steps[-1])
    for target in [one.target for one in steps if one.target is not None]:
        told.to_person(target, row)
    whom = {name for one in steps if one.target is None for name in _whom(policy, one.step)}
    if not whom:
        return
    if row.owner is not None and OWNER in whom:
        told.to_person(row.owner, row)
    if THREAD in whom or row.owner is None or row.owner in told.away:
        told.to_thread(row)
    team = policy.teams[TeamId(row.team)]
    others = (*(team.on_call if ON_CALL in whom else ()), *(team.leads if LEADS in whom else ()))
    for person in others:
        if not person.startswith("S"):
            told.to_person(person, row)
    groups = tuple(one for one in others if one.startswith("S"))
    if groups:
        told.to_thread(row, groups)


def _whom(policy: CorePolicy, step: str) -> Iterable[str]:
    if not step.startswith(_LATE):
        return (OWNER,)
    after = step.removeprefix(_LATE)
    return next((one.tell for one in policy.reminders.after if f"{one.after:g}" == after), ())


def _tell(connection: Connection, policy: CorePolicy, told: _Round, now: float) -> set[str]:
    buckets: set[str] = set()
    for target, found in told.people.items():
        buckets |= _to_person(connection, policy, target, found, now)
    for team, posts in told.threads.items():
        nobodys = [one.row for one in posts if one.row.owner is None]
        if nobodys and _many(connection, policy, team, len(nobodys), now):
            channel = policy.teams[TeamId(team)].slack_channel
            lists = rows.told_to(connection, channel, now - JOINS)
            buckets |= _list(connection, channel, nobodys, now, "team:", (), lists)
            posts = [one for one in posts if one.row.owner is not None]
        if len(posts) < policy.reminders.list_from:  # more than that at once is a flood that nobody reads
            for post in posts:
                buckets |= _to_thread(connection, post, now)
    return buckets


def _many(connection: Connection, policy: CorePolicy, team: str, count: int, now: float) -> bool:
    """Whether the team is told of so many that nobody has, that they are a list."""
    channel = policy.teams[TeamId(team)].slack_channel
    if rows.told_to(connection, channel, now - JOINS):
        return True
    just_told = [one for one in rows.told_to(connection, THREAD, now - ROUND) if one.team == team]
    return count + sum(one.owner is None for one in just_told) >= policy.reminders.list_from


def _to_person(
    connection: Connection, policy: CorePolicy, target: str, found: Sequence[Any], now: float
) -> set[str]:
    night = any(one.night for one in found)
    just_told = rows.told_to(connection, target, now - ROUND)
    lists = [one for one in rows.told_to(connection, target, now - JOINS) if one.about.startswith(LIST)]
    if lists or (night and len(found) > 1) or len(found) + len(just_told) >= policy.reminders.list_from:
        return _list(connection, target, found, now, "night:" if night else "", just_told, lists)
    buckets = _over(connection, target, found, now)
    for one in promised(connection, found):
        about = f"{ONE}{one.row.id}:{target}"
        rows.add(connection, [one.row.clock_id], target, about, now)
        prompt = reminder_words.single(one, now, about)
        buckets |= prompts.to_person(connection, target, prompt, about, now)
    return buckets


def _list(
    connection: Connection,
    target: str,
    found: Sequence[Any],
    now: float,
    kind: str,
    just_told: Sequence[Any] = (),
    lists: Sequence[Any] = (),
) -> set[str]:
    """One list instead of many; it takes in what was told a moment ago, or joins a list of a few minutes ago."""
    if lists:
        about = lists[-1].about
        there = {one.conversation_id for one in lists if one.about == about}
        found = [one for one in found if one.conversation_id not in there]
    buckets = _over(connection, target, found, now)
    if lists:
        rows.add(connection, [one.clock_id for one in found], target, about, now)
        return buckets | reminded.show_list(connection, about, now)
    about = f"{LIST}{kind}{found[0].id}:{target}"
    theirs = {one.conversation_id for one in found}
    moved = [one for one in just_told if one.about.startswith(ONE) and one.conversation_id not in theirs]
    for one in moved:
        buckets |= prompts.withdraw(connection, one.about, ("In the list below.",), now)
    rows.move(connection, [one.id for one in moved], about)
    rows.add(connection, [one.clock_id for one in found], target, about, now)
    promises = promised(connection, rows.shown_by(connection, [about]))
    prompt = reminder_words.several(promises, now, about, night="night" in kind, take="team" in kind)
    return buckets | prompts.to_person(connection, target, prompt, about, now)


def _to_thread(connection: Connection, post: _Post, now: float) -> set[str]:
    row = post.row
    buckets = _over(connection, THREAD, [row], now)
    for one in promised(connection, [row]):
        about = f"{ONE}{row.id}:{THREAD}"
        rows.add(connection, [row.clock_id], THREAD, about, now)
        prompt = reminder_words.in_thread(one, now, about, post.groups, to_all=post.to_all)
        buckets |= prompts.in_thread(connection, one.customer_id, row.team, prompt, about, now)
    return buckets


def _over(connection: Connection, target: str, found: Sequence[Any], now: float) -> set[str]:
    """Earlier reminders of the same customers to the same person: a later one takes their place."""
    of = {one.conversation_id for one in found}
    earlier = [one for one in rows.told_of(connection, of) if one.target == target]
    return reminded.end(connection, [(one, ("reminded again below",)) for one in earlier], now)


def promises_of(connection: Connection, about: str) -> list[Promise]:
    """What a reminder shows and nothing has come of yet."""
    return promised(connection, [one for one in rows.shown_by(connection, [about]) if one.state == rows.TOLD])
