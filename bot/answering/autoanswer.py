"""Automatic answers: off hours, and when many wait. A unit, called where a customer's words are accepted.

It answers a person once in a conversation for each reason, by the way they wrote. It never answers a machine, an address that
nobody has proved, somebody who is blocked or waits apart, or words in somebody else's conversation. At most a few go to one
address a day and a limited number to all together an hour: nobody makes us flood somebody, and two machines that answer each
other soon stop. What it says of the wait was measured. It counts as no answer: the customer waits for a person still.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from sqlalchemy import Connection

from bot import hours, replies
from bot.answering import answer_words, automatic
from bot.answering.answer_words import BUSY, OFF_HOURS
from bot.answering.automatic import Automatic
from bot.calendar.wallclock import wall, zone_of
from bot.customers import Whose
from bot.messages import Message
from bot.policy import AnswerPolicy, CorePolicy, InboxPolicy, TeamPolicy
from bot.storage import answers, people
from bot.timing.notices import dated

DAY, HOUR = 86_400.0, 3600.0
RECENT = 28 * DAY
"""Seconds: how long ago a first answer still says how long it takes."""
FEWEST = 5
"""Of so many at least a median is told."""
FEW_WAITING = 3
"""With fewer than so many waiting, nobody is busy."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Words that were just accepted: whose, in which case, by which route."""

    inbox: InboxPolicy
    whose: Whose
    case_id: int
    route_id: int | None
    event: Message


def consider(connection: Connection, policy: CorePolicy, asked: Asked, now: float, key: str) -> set[str]:
    """Answers where there is a reason to, and nothing against it. ``key`` is new; returns the buckets to wake."""
    given = policy.answers.of.get(asked.inbox.id)
    if given is None or not _may(asked):
        return set()
    team = policy.teams[asked.inbox.team]
    kind = _reason(connection, policy, given, asked, now)
    identity_id = asked.whose.identity_id
    if kind is None or identity_id is None or answers.sent(connection, asked.case_id, kind):
        return set()
    known = answers.known_of(connection, asked.whose.customer_id, identity_id)
    if not known.welcome or not within_caps(connection, policy, identity_id, now):
        return set()
    said, told = _words(connection, policy, given, asked, kind, known, now)
    return _send(connection, team, asked, kind, (said, told), replies.next_key(key), now) if said else set()


def _may(asked: Asked) -> bool:
    """Whether this sender may be answered by a machine. Who can be written to first must have proved their address."""
    whose, event = asked.whose, asked.event
    if event.automated is not None or whose.blocked or whose.other_sender is not None:
        return False
    return asked.route_id is not None and (event.sender.verified or not asked.inbox.able.can_initiate)


def within_caps(connection: Connection, policy: CorePolicy, identity_id: int, now: float) -> bool:
    """Whether one more automatic message may go to this address, and to anybody."""
    caps = policy.answers
    return (
        answers.count_to(connection, identity_id, now - DAY) < caps.per_address
        and answers.count(connection, now - HOUR) < caps.per_hour
    )


def _reason(
    connection: Connection, policy: CorePolicy, given: AnswerPolicy, asked: Asked, now: float
) -> str | None:
    if given.off_hours and not hours.is_open(policy.promises.hours_of(asked.inbox.team), now):
        return OFF_HOURS
    if given.busy_over is None:
        return None
    ages = [now - since for since in answers.waiting(connection, asked.inbox.team, asked.case_id)]
    return BUSY if len(ages) >= FEW_WAITING and median(ages) > given.busy_over else None


def _words(
    connection: Connection,
    policy: CorePolicy,
    given: AnswerPolicy,
    asked: Asked,
    kind: str,
    known: answers.Known,
    now: float,
) -> tuple[str, str]:
    """What the customer is told, and in a few words what that was, for the team."""
    working = policy.promises.hours_of(asked.inbox.team)
    language = answer_words.language_of(known.language, given.language)
    own_zone = _zone(known.zone)
    back = hours.next_open(working, now) if kind == OFF_HOURS else None
    wait = measured(connection, asked.inbox.id, working.zone, now)
    holes = {
        "back": ""
        if back is None
        else answer_words.back_words(language, back, now, own_zone or working.zone, named=own_zone is None),
        "wait": "" if wait is None else answer_words.wait_words(language, wait),
        "faster": given.faster.get(language, given.faster.get("", "")),
    }
    text = given.texts.get((kind, language))
    told = f"back {dated(back, working.zone, now)}" if back is not None else "many wait"
    if holes["wait"]:
        told += f", first answers take {answer_words.wait_words('en', wait or 0.0)} just now"
    return answer_words.compose(text, kind, language, holes), told


def measured(connection: Connection, inbox: str, zone: str, now: float) -> float | None:
    """Seconds that a first answer takes at this hour of the day: the median of recent ones, None where there are few."""
    hour = wall(zone, now).hour
    took = [
        row.stopped_at - row.started_at
        for row in answers.first_answers(connection, inbox, now - RECENT)
        if min((wall(zone, row.started_at).hour - hour) % 24, (hour - wall(zone, row.started_at).hour) % 24)
        <= 1
    ]
    return median(took) if len(took) >= FEWEST else None


def _zone(name: str | None) -> str | None:
    try:
        zone_of(name or "")
    except ValueError:
        return None
    return name


def _send(
    connection: Connection,
    team: TeamPolicy,
    asked: Asked,
    kind: str,
    words: tuple[str, str],
    key: str,
    now: float,
) -> set[str]:
    route = people.route_by_id(connection, asked.route_id)
    assert route is not None
    source = f"auto:{asked.case_id}:{kind}"
    one = Automatic(
        *(asked.case_id, asked.whose.customer_id, kind, source, team.name, words[0]), meta={"told": words[1]}
    )
    message_id, buckets = automatic.send(connection, route, one, key, now)
    answers.add(connection, asked.case_id, kind, route.identity_id, message_id, now)
    return buckets
