"""Link codes: a customer goes on by another channel and stays the same customer. Units.

A code is 130 bits, for one inbox, good for one use and a short time, and kept as a keyed hash. Whoever brings it was given it,
so what comes with it is said by the customer it was given to. What that proves, and what it does not:

1. A sender whom nobody knew becomes an identity of that customer: proven where the channel proved the sender. A mail whose
   sender nobody proved came from somebody who has the code; that says nothing about the address in From, so the address is
   kept as the customer's own word, and never becomes the proven owner of it.
2. A sender who is somebody already, with words or proof of their own, is never joined silently: people are asked. The link may
   have been sent to them by somebody else.
3. A second use tells the team: one of the two is not the customer.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from bot import customers
from bot.cases import prompts
from bot.customers import Whose
from bot.desk import Line, Prompt, Strong, When
from bot.identity import joining
from bot.messages import Contact, InboxId, Message
from bot.policy import CorePolicy, InboxPolicy
from bot.storage import inboxes, links, people
from bot.storage.links import KnownCode

CODE_LENGTH = 26
"""Characters of a code: five bits each."""
LONGEST = 14 * 86_400.0
"""Seconds that a code is good for at the most."""
MOST_OPEN = 12
"""Codes of a customer that are good at a time; older ones end."""
PER_HOUR = 40
"""Codes that a customer is given in an hour."""
_PURPOSE = b"onethread link code 1\0"


def new_code() -> str:
    """An unguessable code: lower-case letters and digits, 130 bits."""
    return base64.b32encode(secrets.token_bytes(17)).decode().lower()[:CODE_LENGTH]


def hashed(key: bytes, code: str) -> str:
    """What is kept of a code."""
    return hmac.digest(key, _PURPOSE + code.encode(), hashlib.sha256).hex()


def issue(
    connection: Connection,
    policy: CorePolicy,
    via: InboxId,
    sender: Contact,
    codes: Sequence[tuple[InboxId, str]],
    lifetime: float,
    now: float,
) -> bool:
    """Keeps codes for somebody who writes to ``via``, each with the inbox where it may be used. Lifetime in seconds.

    False, and nothing is kept, where nobody knows the sender, they are blocked, or were given many just now.
    """
    found = people.identities_at(connection, sender.channel, sender.address)
    own = next((one for one in found if one.verified == sender.verified), None)
    if own is None or own.blocked:
        return False
    return give(connection, policy, via, own.customer_id, own.id, codes, lifetime, now)


def give(
    connection: Connection,
    policy: CorePolicy,
    via: InboxId,
    customer_id: int,
    identity_id: int,
    codes: Sequence[tuple[InboxId, str]],
    lifetime: float,
    now: float,
) -> bool:
    """Keeps codes for a customer who gets them by one of their identities; False where they were given many just now."""
    final = people.final(connection, customer_id) or customer_id
    recent = links.made_since(connection, people.family(connection, final), now - 3600)
    if not policy.link_keys or recent + len(codes) > PER_HOUR:
        return False
    until = now + min(lifetime, LONGEST)
    for inbox, code in codes:
        kept = hashed(policy.link_keys[0], code)
        links.add(connection, kept, final, identity_id, inbox, via, now, until)
    links.keep_newest(connection, final, MOST_OPEN, now)
    return True


@dataclass(frozen=True, slots=True)
class Redeemed:
    """What came of a code. ``whose`` says whose the message is where the sender's address does not say it.

    ``joined``: sender and customer are the same now, or were before.
    """

    joined: bool
    buckets: set[str] = field(default_factory=set)
    whose: Whose | None = None


_NOTHING = Redeemed(False)


def redeem(
    connection: Connection, policy: CorePolicy, inbox: InboxPolicy, event: Message, now: float
) -> Redeemed:
    """Somebody's message carries a code. One that nobody knows, or that is too old, makes it an ordinary message."""
    code = (event.link or "").lower()
    known = links.find(connection, [hashed(one, code) for one in policy.link_keys])
    if known is None or known.inbox != inbox.id:
        return _NOTHING
    customer_id = people.final(connection, known.customer_id)
    if customer_id is None:
        return _NOTHING
    if known.used_by is not None:
        return _again(connection, policy, inbox, event.sender, known, customer_id, now)
    if known.expires_at <= now:
        return _NOTHING
    return _first(connection, policy, inbox, event.sender, known, customer_id, now)


def _first(
    connection: Connection,
    policy: CorePolicy,
    inbox: InboxPolicy,
    sender: Contact,
    known: KnownCode,
    customer_id: int,
    now: float,
) -> Redeemed:
    found = people.identities_at(connection, sender.channel, sender.address)
    if any(one.blocked for one in found):
        return _NOTHING
    mine = next((one for one in found if one.verified == sender.verified), None)
    if mine is None and found and sender.verified:
        mine = found[
            0
        ]  # a claim to the address, with a thread: its words are not this sender's until people say so
    if mine is None and found:
        return _NOTHING  # an unproven mail in the name of a proven address: a code does not make it theirs
    evidence = f"link code given in {_called(policy, known.via)}"
    whose: Whose | None = None
    buckets: set[str] = set()
    if mine is None:
        mine_id, whose = _add(connection, sender, customer_id, evidence, now)
    elif people.final(connection, mine.customer_id) == customer_id:
        mine_id = mine.id
    else:
        other = people.final(connection, mine.customer_id) or mine.customer_id
        links.use(connection, known.hash, mine.id, now)
        if not _is_nobody(connection, other, mine.id):
            why = (
                f"{customers.display_name(sender)} came with a link code that was given to the other",
                evidence,
            )
            return Redeemed(False, joining.propose(connection, policy, customer_id, other, why, now))
        joined, buckets = joining.join(connection, policy, customer_id, other, evidence, now)
        if not joined:
            return Redeemed(False, buckets)
        mine_id = mine.id
    links.use(connection, known.hash, mine_id, now)
    line = _line(connection, policy, inbox, known, customer_id)
    buckets |= prompts.in_thread(
        connection, customer_id, inbox.team, Prompt((line,), now), f"link:{known.hash[:16]}", now
    )
    return Redeemed(True, buckets, whose)


def _add(
    connection: Connection, sender: Contact, customer_id: int, evidence: str, now: float
) -> tuple[int, Whose | None]:
    """The sender as an identity of the customer."""
    if not sender.verified:
        evidence = f"{evidence}; the message itself is not proven ({sender.evidence or 'no proof'})"
    name = customers.display_name(sender) if sender.name else None
    identity_id = customers.hold(connection, customer_id, sender, evidence, name, now)
    if sender.verified:
        return identity_id, None
    return identity_id, Whose(
        customer_id, identity_id, blocked=False, known=True, warning=f"Came with a {evidence}"
    )


def _is_nobody(connection: Connection, customer_id: int, identity_id: int) -> bool:
    """Whether a customer can be taken into another one without asking: nothing of theirs could be shown to anybody.

    They never said a word, or are a browser whose conversation has ended; and nothing else is proven about them.
    """
    others = [one for one in links.held(connection, customer_id) if one.id != identity_id]
    if any(one.verified and not one.anonymous for one in others):
        return False
    family = people.family(connection, customer_id)
    if not links.has_words(connection, family):
        return True
    return joining.nothing_proven(connection, customer_id) and not links.has_open_case(connection, family)


def _again(
    connection: Connection,
    policy: CorePolicy,
    inbox: InboxPolicy,
    sender: Contact,
    known: KnownCode,
    customer_id: int,
    now: float,
) -> Redeemed:
    """A code is used a second time: by the same one (an address book keeps it) it means nothing, else the team is told."""
    mine = people.identities_at(connection, sender.channel, sender.address)
    if any(people.final(connection, one.customer_id) == customer_id for one in mine):
        return Redeemed(True)
    if any(one.id == known.used_by for one in mine):
        return _NOTHING  # people were asked about them when they used it
    if links.given_identity(connection, customer_id, sender.channel, sender.address) is not None:
        return Redeemed(True)
    if not inboxes.first_time(connection, f"link-again:{known.hash}:{sender.address}", now):
        return _NOTHING
    name = people.named(connection, [customer_id])[customer_id].name
    line: Line = (
        "⚠ A link that was given to ",
        Strong(name),
        f" was used a second time, by {customers.display_name(sender)} in {_called(policy, inbox.id)}. "
        f"One of the two is not {name}: ask before you say anything private.",
    )
    about = f"link-again:{known.hash[:16]}"
    return Redeemed(
        False, prompts.in_thread(connection, customer_id, inbox.team, Prompt((line,), now), about, now)
    )


def _line(
    connection: Connection, policy: CorePolicy, inbox: InboxPolicy, known: KnownCode, customer_id: int
) -> Line:
    name = people.named(connection, [customer_id])[customer_id].name
    given = f" goes on by {_called(policy, inbox.id)} (link code given in {_called(policy, known.via)} at "
    return (Strong(name), given, When(known.created_at, "time"), ")")


def _called(policy: CorePolicy, inbox: str) -> str:
    """An inbox in words: ``telegram @acmebot``."""
    known = policy.inboxes.get(InboxId(inbox))
    return f"{known.channel} {known.label}" if known is not None else "an inbox that is gone"
