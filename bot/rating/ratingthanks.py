"""The thank-you for a rating in words. A unit.

Who presses a button is thanked by the channel at once; who answers in words would hear nothing, and not know whether it was
understood. So one short message goes back by the way it came, once a rating, however often the score changes. It is no answer
of ours: no clock, no case, no figure knows it.

Only where words are short messages. What has a subject is a letter: a mail that says "Thank you!" is one more to delete, and
of all channels it is mail where machines answer each other. Nor to an address that nobody has proved, nor beyond the caps of
automatic answers, nor where replies wait for the channel already.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection

from bot import conversations
from bot.answering import autoanswer, automatic
from bot.answering.automatic import Automatic
from bot.customers import Whose
from bot.messages import Message
from bot.policy import CorePolicy, InboxPolicy
from bot.privacy.keys import new_key
from bot.rating import rating_words
from bot.storage import answers, history, lanes, people


def thank(
    connection: Connection,
    policy: CorePolicy,
    inbox: InboxPolicy,
    whose: Whose,
    event: Message,
    row: Any,
    now: float,
) -> set[str]:
    """Thanks whoever has just rated in words. ``row``: the rating as it was before, with its ``team``."""
    if row.score is not None or inbox.able.has_subject or event.automated is not None:
        return set()
    if not event.sender.verified and inbox.able.can_initiate:
        return set()
    kind = f"{rating_words.THANKS}:{row.id}"
    if answers.sent(connection, row.conversation_id, kind):
        return set()
    asked = history.get(connection, row.message_id)
    route = people.route_by_id(connection, asked.route_id) if asked is not None else None
    if asked is None or route is None or not answers.known_of(connection, whose.customer_id).welcome:
        return set()
    if not autoanswer.within_caps(connection, policy, route.identity_id, now):
        return set()
    if lanes.waiting_sends(connection, conversations.route_bucket(inbox.id), 1):
        return set()  # a channel that takes few messages takes the answers of people first
    words = rating_words.LANGUAGES[language_asked(policy, inbox, asked)].thanks
    one = Automatic(
        *(
            row.conversation_id,
            whose.customer_id,
            rating_words.THANKS,
            kind,
            policy.teams[row.team].name,
            words,
        ),
        meta={"told": "thanks for a rating"},
    )
    message_id, buckets = automatic.send(connection, route, one, new_key(), now)
    answers.add(connection, row.conversation_id, kind, route.identity_id, message_id, now)
    return buckets


def language_asked(policy: CorePolicy, inbox: InboxPolicy, asked: Any) -> str:
    """The language of the question; of the inbox where an older question does not say it."""
    meta: dict[str, Any] = json.loads(asked.meta) if asked.meta else {}
    found = str(meta.get("language"))
    given = policy.ratings.of.get(inbox.id)
    return found if found in rating_words.LANGUAGES else given.language if given is not None else "en"
