"""The weekly digest: what the last seven days were like, what changed, and three cases worth reading. Units.

It comes once a week a team, whatever restarts: a row notes for which day it was made, in the transaction that posts it.
"""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from bot.calendar.wallclock import moment, wall
from bot.cases import prompts
from bot.commands import stats_words
from bot.commands.stats_services import Asked
from bot.desk import Line, Press, Prompt, Strong
from bot.messages import TeamId
from bot.policy import CorePolicy
from bot.stats import fold
from bot.stats.statswork import report
from bot.storage import jobs, people, worth
from bot.timing import notices
from bot.timing.timers import Done, Job

KIND = "digest"
DAYS = 7
LATE = 2 * 86_400.0
"""Seconds after which a digest that could not be made is left out: the next one tells more."""


def job(policy: CorePolicy) -> Job:
    """The digest among everything that comes at its time."""
    return Job(
        KIND,
        partial(next_at, policy=policy),
        lambda connection, now: post_due(connection, policy, now),
    )


def next_at(connection: Connection, policy: CorePolicy) -> float | None:
    """When the next one comes, of any team."""
    if policy.stats.digest_on is None:
        return None
    return min((_due(connection, policy, team) for team in policy.teams), default=None)


def _due(connection: Connection, policy: CorePolicy, team: TeamId) -> float:
    """When a team's next digest comes."""
    row = jobs.find(connection, KIND, team)
    wanted = policy.stats.digest_on or 0
    before = date.fromisoformat(json.loads(row.progress)) if row is not None else date(1970, 1, 4)
    day = before + timedelta(days=1)
    day += timedelta(days=(wanted - day.weekday()) % 7)
    return moment(fold.zone_of(policy, team), day, policy.stats.digest_hour * 60)


def post_due(connection: Connection, policy: CorePolicy, now: float) -> Done:
    """Posts the digests whose time has come; of several that were missed, only the newest."""
    buckets: set[str] = set()
    for team in policy.teams:
        if _due(connection, policy, team) > now:
            continue
        newest = _newest(policy, team, now)
        new = jobs.find(connection, KIND, team) is None
        _note(connection, team, newest, now)
        due = moment(fold.zone_of(policy, team), newest, policy.stats.digest_hour * 60)
        if new or now - due > LATE:
            continue  # a bot that has just begun has nothing to tell of last week
        buckets |= _post(connection, policy, team, newest, now)
    return Done(buckets)


def _newest(policy: CorePolicy, team: TeamId, now: float) -> date:
    """The last day on which a digest was due."""
    here: datetime = wall(fold.zone_of(policy, team), now)
    day = here.date() if here.hour >= policy.stats.digest_hour else here.date() - timedelta(days=1)
    return day - timedelta(days=(day.weekday() - (policy.stats.digest_on or 0)) % 7)


def _note(connection: Connection, team: TeamId, day: date, now: float) -> None:
    row = jobs.find(connection, KIND, team)
    if row is None:
        jobs.add(connection, KIND, team, day.isoformat(), now)
    else:
        jobs.progressed(connection, row.id, day.isoformat(), now)


def _post(connection: Connection, policy: CorePolicy, team: TeamId, day: date, now: float) -> set[str]:
    asked = Asked((team,), day - timedelta(days=DAYS), day - timedelta(days=1), None, True)
    made = report(connection, policy, asked, now)
    lines: list[Line] = [
        (
            Strong(f"{policy.teams[team].name}: the last seven days"),
            ", beside the seven before. ▲ better, ▼ worse.",
        )
    ]
    lines += [(line,) for line in stats_words.lines(made)]
    lines += _worth_reading(connection, policy, asked)
    words = f"{asked.first}..{asked.last}"
    buttons = (
        Press("Chart", "stats.again", f"{words} vs previous chart"),
        Press("By agent", "stats.again", f"{words} by agent"),
        Press("Grades", "stats.again", f"{words} grades"),
    )
    target = policy.stats.digest_channel or policy.teams[team].slack_channel
    prompt = Prompt(tuple(lines), now, buttons)
    return prompts.to_person(connection, target, prompt, f"digest:{team}:{day}", now)


def _worth_reading(connection: Connection, policy: CorePolicy, asked: Asked) -> list[Line]:
    """Three cases: the lowest rating, the longest wait, the most words; each once."""
    zone = fold.zone_of(policy, asked.teams[0])
    since = moment(zone, asked.first, 0)
    until = moment(zone, asked.last + timedelta(days=1), 0)
    team = asked.teams[0]
    lines: list[Line] = []
    seen: set[int] = set()
    for why, row in worth.candidates(connection, team, since, until):
        if row.customer_id in seen or len(lines) == 3:
            continue
        named = people.named(connection, [row.customer_id]).get(row.customer_id)
        if named is None:
            continue
        seen.add(row.customer_id)
        lines.append(
            ("• ", notices.customer(connection, named.id, team, named.name), f": {_why(why, row.amount)}")
        )
    return [("Worth reading:",), *lines] if lines else []


def _why(why: str, amount: float) -> str:
    if why == "rating":
        return f"rated {amount:.0f} of 5"
    if why == "waited":
        return f"waited {stats_words.span(amount)} for an answer"
    return f"{amount:.0f} messages"
