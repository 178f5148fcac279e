"""A question for a rating that nobody saw where it was asked goes by another way, with that channel's own means to answer.

A chat asks when its visitor is often gone. Like a reply that nobody saw, the question then goes to the address that the
customer left: once, with the token that it has already, so an answer counts whichever of the two it is given to, and the last
one counts. It goes only where a press is enough (``asks``), and to an address that is proven or by which this case was answered
by a person: nobody is asked by mail because somebody typed their address into a chat.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from bot import elsewhere
from bot.answering import automatic
from bot.answering.automatic import Automatic
from bot.cases import lookups
from bot.commands.nouns import Way
from bot.desk import Status
from bot.messages import Unseen
from bot.policy import CorePolicy, InboxPolicy
from bot.privacy.keys import new_key
from bot.rating import rating_words
from bot.rating.ratingthanks import language_asked
from bot.rating.tokens import hashed
from bot.storage import answers, cases, history, people
from bot.storage import ratings as rows


def unseen(
    connection: Connection, policy: CorePolicy, inbox: InboxPolicy, event: Unseen, now: float
) -> set[str]:
    """Brings the questions among what nobody has seen to where their customers may see them."""
    buckets: set[str] = set()
    for token in event.asks:
        row = rows.by_token(connection, [hashed(key, token) for key in policy.link_keys])
        asked = history.get(connection, row.message_id) if row is not None else None
        if row is None or asked is None or asked.inbox != inbox.id or row.state != rows.ASKED:
            continue
        buckets |= _bring(connection, policy, inbox, row, asked, token, event.minutes, now)
    return buckets


def source(rating_id: int) -> str:
    """The key of the message that brings a question."""
    return f"rating:{rating_id}:elsewhere"


def _bring(
    connection: Connection,
    policy: CorePolicy,
    inbox: InboxPolicy,
    row: Any,
    asked: Any,
    token: str,
    minutes: int,
    now: float,
) -> set[str]:
    case = cases.case(connection, row.conversation_id)
    customer_id = people.final(connection, asked.customer_id)
    if case is None or customer_id is None or history.known(connection, source(row.id)) is not None:
        return set()
    if case.status != Status.RESOLVED or cases.open_case(connection, customer_id, case.team) is not None:
        return set()
    way = _way(connection, policy, inbox, case, customer_id)
    route = people.route_by_id(connection, way.route_id) if way is not None else None
    if way is None or route is None or not answers.known_of(connection, customer_id).welcome:
        return set()
    language = language_asked(policy, inbox, asked)
    meta = {"language": language, "ask": rating_words.pack(rating_words.ask(language, token))}
    words = rating_words.question(language, by_words=False)
    author = policy.teams[case.team].name
    one = Automatic(
        *(row.conversation_id, customer_id, rating_words.KIND, source(row.id), author, words), meta=meta
    )
    _, buckets = automatic.send(connection, route, one, new_key(), now)
    line = f"Not seen for {minutes} min, so the question for a rating goes by {way.channel} to {way.address} as well"
    return buckets | elsewhere.line_in_thread(connection, policy, customer_id, case.team, line, now)


def _way(
    connection: Connection, policy: CorePolicy, inbox: InboxPolicy, case: Any, customer_id: int
) -> Way | None:
    able = {one.id: one.able for one in policy.inboxes.values() if one.team == case.team}
    for way in lookups.ways_of(connection, policy, able, customer_id, case.team):
        other = way.inbox != inbox.id and way.channel != inbox.channel and way.closed is None
        if not other or way.inbox not in able or not able[way.inbox].asks:
            continue
        if way.verified or rows.answered_by(connection, case.id, way.route_id):
            return way
    return None
