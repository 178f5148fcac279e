"""Asking customers how they were served, after their case was resolved, and what they say. Units.

1. ``resolved`` keeps that somebody is to be asked; ``reopened`` takes it back, and so does an agent. ``ask_due`` asks when
   it is time, if it is still right: an outbound message like any other, so it is sent once whatever crashes.
2. Nobody is asked twice in ``not_again_days`` on any channel, nor an hour more than ``per_hour`` all together; never
   somebody who is blocked, spam, quarantined or erased, who was not answered by a person, or who is writing again.
3. An answer comes as ``Rated`` with the token of the question (only its keyed hash is kept once it was sent), or in words
   where the question went (``by_words``): a number from 1 to 5. It opens no case; the thread shows it, a low one is told
   to the leads (``ratingshow``), and words are thanked for in words (``ratingthanks``).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import Connection

from bot import conversations
from bot.answering import automatic
from bot.answering.answer_words import language_of
from bot.answering.automatic import Automatic
from bot.customers import Whose
from bot.desk import Status
from bot.messages import InboxId, Message, Rated, TeamId
from bot.policy import CorePolicy, InboxPolicy, RatingPolicy
from bot.privacy.keys import new_key
from bot.rating import rating_words, ratingelsewhere
from bot.rating.ratingshow import show
from bot.rating.ratingthanks import thank
from bot.rating.tokens import hashed
from bot.storage import answers, cases, history, inboxes, people
from bot.storage import ratings as rows
from bot.storage.words import storable
from bot.timing.timers import Done, Job

log = structlog.get_logger(__name__)

AT_ONCE = 20
DAY, HOUR = 86_400.0, 3600.0
BY_WORDS = 7 * DAY
"""Seconds in which a number is an answer to the question."""
CHANGES = DAY
"""Seconds in which a score can be changed."""
GOOD_FOR = 30 * DAY
"""Seconds in which a token is good."""
COMMENT = 4000
"""Code points of comments that are kept."""


# When


def resolved(connection: Connection, policy: CorePolicy, case: Any, now: float) -> None:
    """A case was resolved: keeps that its customer is to be asked, where they are."""
    if not policy.ratings.of or not policy.link_keys:
        return
    way = rows.last_way(connection, case.id)
    given = policy.ratings.of.get(InboxId(way.inbox)) if way is not None else None
    customer_id = people.final(connection, case.customer_id)
    if way is None or given is None or customer_id is None or not _drawn(case.id, given):
        return
    helped = rows.helped(connection, case.id)
    before = rows.of_case(connection, case.id)
    if helped is None or any(one.state in (rows.DECLINED, rows.DUE) for one in before):
        return
    if not answers.known_of(connection, customer_id).welcome:
        return
    values: dict[str, Any] = {"state": rows.DUE, "due_at": now + given.after}
    why = _too_soon(connection, policy, customer_id, now)
    if why is not None:
        values = {"state": rows.SKIPPED, "reason": why}
    rows.add(
        connection,
        conversation_id=case.id,
        customer_id=case.customer_id,
        identity_id=way.identity_id,
        inbox=way.inbox,
        agent=case.owner or helped.agent or "",
        created_at=now,
        **values,
    )


def _drawn(case_id: int, given: RatingPolicy) -> bool:
    """Whether a case is of the share that is asked about: always the same answer."""
    drawn = int.from_bytes(hashlib.sha256(f"rating:{case_id}".encode()).digest()[:4], "big")
    return drawn < given.share * 2**32


def _too_soon(connection: Connection, policy: CorePolicy, customer_id: int, now: float) -> str | None:
    last = rows.last_asked(connection, people.family(connection, customer_id))
    if last is None or now - last >= policy.ratings.again:
        return None
    days = round((now - last) / DAY)
    ago = "today" if days == 0 else "a day ago" if days == 1 else f"{days} days ago"
    return f"they were asked {ago}"


def reopened(connection: Connection, case_id: int) -> None:
    """A case goes on: who was not asked yet will not be."""
    for one in rows.of_case(connection, case_id):
        if one.state == rows.DUE:
            rows.change(connection, one.id, state=rows.SKIPPED, reason="it was reopened", due_at=None)


def job(policy: CorePolicy) -> Job:
    """Asks those whose time has come."""
    return Job("ratings", rows.next_at, lambda connection, now: ask_due(connection, policy, now))


def ask_due(connection: Connection, policy: CorePolicy, now: float) -> Done:
    """A unit: asks, or says why not."""
    due = rows.due(connection, now, AT_ONCE)
    room = policy.ratings.per_hour - rows.asked_since(connection, now - HOUR)
    buckets: set[str] = set()
    for row in due:
        case = cases.case(connection, row.conversation_id)
        customer_id = people.final(connection, case.customer_id) if case is not None else None
        why = _against(connection, policy, row, case, customer_id, now)
        helped = rows.helped(connection, row.conversation_id)
        if why is None and helped is None:
            why = "no answer of ours arrived"
        if why is not None:
            rows.change(connection, row.id, state=rows.SKIPPED, reason=why, due_at=None)
        elif room <= 0 or (helped is not None and not helped.arrived):
            rows.change(connection, row.id, due_at=now + HOUR / 6)
        else:
            room -= 1
            assert customer_id is not None
            buckets |= _ask(connection, policy, row, case, customer_id, now)
    return Done(buckets, len(due) == AT_ONCE)


def _against(
    connection: Connection, policy: CorePolicy, row: Any, case: Any, customer_id: int | None, now: float
) -> str | None:
    """Why somebody is not asked, in words for agents."""
    inbox = policy.inboxes.get(InboxId(row.inbox))
    if inbox is None or inbox.id not in policy.ratings.of:
        return "their inbox does not ask any more"
    if case is None or customer_id is None or case.joined_to is not None:
        return "the case is gone"
    if case.status != Status.RESOLVED:
        return "it was reopened"
    if cases.open_case(connection, customer_id, case.team) is not None:
        return "they wrote again"
    if not answers.known_of(connection, customer_id).welcome:
        return "they are blocked or in quarantine"
    way = rows.last_way(connection, case.id)
    route = people.route_by_id(connection, way.route_id) if way is not None else None
    if route is None:
        return "their address is gone"
    window = inbox.able.reply_window
    if window is not None and now - (route.last_in_at or 0.0) > window:
        return "the channel does not let us write to them any more"
    return _too_soon(connection, policy, customer_id, now)


def _ask(
    connection: Connection, policy: CorePolicy, row: Any, case: Any, customer_id: int, now: float
) -> set[str]:
    inbox, way = policy.inboxes[InboxId(row.inbox)], rows.last_way(connection, case.id)
    assert way is not None
    route = people.route_by_id(connection, way.route_id)
    assert route is not None
    known = answers.known_of(connection, customer_id, route.identity_id)
    language = language_of(known.language, policy.ratings.of[inbox.id].language)
    token = new_key()
    asks = inbox.able.asks
    meta: dict[str, Any] = {"language": language}
    if asks:
        meta["ask"] = rating_words.pack(rating_words.ask(language, token))
    words = rating_words.question(language, by_words=not asks)
    author = policy.teams[TeamId(case.team)].name
    one = Automatic(case.id, customer_id, rating_words.KIND, f"rating:{row.id}", author, words, meta)
    message_id, buckets = automatic.send(connection, route, one, new_key(), now)
    rows.change(
        connection,
        row.id,
        state=rows.ASKED,
        asked_at=now,
        due_at=None,
        token=hashed(policy.link_keys[0], token),
        identity_id=route.identity_id,
        message_id=message_id,
    )
    return buckets


# What they say


@dataclass(frozen=True, slots=True)
class _Answer:
    score: int | None
    comment: str
    at: float


def rated(
    connection: Connection, policy: CorePolicy, inbox: InboxPolicy, event: Rated, now: float
) -> tuple[set[str], bool]:
    """A customer rated by the channel's own means. Returns the buckets to wake, and whether it was known before."""
    row = rows.by_token(connection, [hashed(key, event.token) for key in policy.link_keys])
    scored = event.score is None or event.score in range(rating_words.WORST, rating_words.BEST + 1)
    asked_at = row.asked_at or row.created_at if row is not None else 0.0
    if row is None or not _went_by(connection, row, inbox) or not scored or now - asked_at > GOOD_FOR:
        log.info("rating.ignored", inbox=inbox.id, known=row is not None)
        return set(), False
    if not inboxes.first_time(connection, f"rated:{inbox.id}:{event.source_id}", now):
        return set(), True
    comment = " ".join(storable(event.comment or "").split(" ")).strip()
    return _answered(connection, policy, row, _Answer(event.score, comment, now)), False


def _went_by(connection: Connection, row: Any, inbox: InboxPolicy) -> bool:
    """Whether a question went by this inbox: it was asked there, or brought there because nobody saw it."""
    if row.inbox == inbox.id:
        return True
    brought = history.known(connection, ratingelsewhere.source(row.id))
    message = history.get(connection, brought) if brought is not None else None
    return message is not None and message.inbox == inbox.id


def by_words(
    connection: Connection, policy: CorePolicy, inbox: InboxPolicy, whose: Whose, event: Message, now: float
) -> set[str] | None:
    """A number, where the customer was asked for one, is their rating: kept, shown, and no new case.

    None: it is a message like any other. Costs nothing where nobody asks, and for words that are no rating.
    """
    if inbox.id not in policy.ratings.of or event.attachments or event.automated or event.link:
        return None
    said = rating_words.read(event.text.plain)
    if said is None or whose.identity_id is None or not whose.known or whose.other_sender is not None:
        return None
    customers = people.family(connection, whose.customer_id)
    route_id = conversations.ensure_route(
        connection, whose.identity_id, inbox.id, event.thread_key or "", now, inbound=True
    )
    row = rows.open_to(connection, customers, inbox.id, route_id, now - BY_WORDS)
    if row is None or row.status != Status.RESOLVED:
        return None
    again = row.score is not None and (said.comment or now - row.answered_at > CHANGES)
    if again or cases.open_case(connection, whose.customer_id, row.team) is not None:
        return None
    message_id = history.add(
        connection,
        conversation_id=row.conversation_id,
        customer_id=whose.customer_id,
        identity_id=whose.identity_id,
        route_id=route_id,
        inbox=inbox.id,
        direction="inbound",
        dedup_key=f"in:{inbox.id}:{event.source_id}",
        remote_id=event.remote_id,
        author=event.sender.name or event.sender.address,
        text=event.text.plain,
        spans=history.pack_spans(event.text.spans),
        sent_at=event.sent_at.timestamp(),
        created_at=now,
        automated=rating_words.KIND,
        raw=event.raw,
    )
    if inbox.able.backlog:
        shown = {"message_id": message_id, "target": "route", "place": inbox.id}
        history.add_posts(connection, [shown | {"remote_id": event.remote_id or event.source_id}])
    thanked = thank(connection, policy, inbox, whose, event, row, now)
    return thanked | _answered(connection, policy, row, _Answer(said.score, storable(said.comment), now))


def _answered(connection: Connection, policy: CorePolicy, row: Any, given: _Answer) -> set[str]:
    """The last score within a day counts; words are added to those that are there."""
    values: dict[str, Any] = {}
    late = row.answered_at is not None and given.at - row.answered_at > CHANGES
    if given.score is not None and given.score != row.score and not late:
        values |= {"score": given.score}
    if given.comment and given.comment not in (row.comment or "").split("\n"):
        values |= {"comment": "\n".join(filter(None, (row.comment, given.comment)))[:COMMENT]}
    if not values:
        return set()
    if "score" in values:
        values |= {"state": rows.ANSWERED, "asked_at": row.asked_at or row.created_at}
        values |= {"answered_at": row.answered_at if row.answered_at is not None else given.at}
    rows.change(connection, row.id, **values)
    now_is = rows.get(connection, row.id)
    return show(connection, policy, now_is, given.at)
