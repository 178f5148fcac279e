"""A channel has proof of who somebody is: a token that the owner of a site has signed. Units.

The subject that the token names is an identity of its own. What joins what:

1. The browser that brought the token: its anonymous conversation becomes the subject's, where nobody had proven anything else
   about it. Otherwise (somebody else was known there before) people are asked.
2. A mail address that the signer calls verified: its proven owner is the same customer, at once. Not where one of the two has
   further proof from elsewhere (a Telegram account that came by a link code) or another subject of the same site: then
   people are asked, because a wrong join shows one person's words to another.
3. An address that is not called verified is what somebody said: kept, marked, and joins nobody.
"""

from __future__ import annotations

from sqlalchemy import Connection

from bot import conversations, customers, elsewhere
from bot.identity import attributes, joining
from bot.messages import Contact, Identified
from bot.policy import CorePolicy, InboxPolicy
from bot.storage import inboxes, links, people
from bot.storage.links import Held


def identified(
    connection: Connection,
    policy: CorePolicy,
    inbox: InboxPolicy,
    event: Identified,
    now: float,
) -> set[str]:
    """Stores who somebody is, and joins what belongs together."""
    if not inboxes.first_time(connection, f"identified:{inbox.id}:{event.source_id}", now):
        return set()
    customer_id, buckets, news = _subject(connection, policy, event, now)
    _threads(connection, inbox, event)
    if event.email is not None:
        customer_id, more = _email(connection, policy, inbox, event, customer_id, now)
        buckets |= more
    buckets |= attributes.from_token(connection, policy, customer_id, event.attributes, now)
    if news:
        who = customers.display_name(event.proven)
        line = f"Signed in as {who} ({event.proven.evidence or 'proven by the channel'})"
        buckets |= elsewhere.line_in_thread(connection, policy, customer_id, inbox.team, line, now)
    return buckets


def _subject(
    connection: Connection, policy: CorePolicy, event: Identified, now: float
) -> tuple[int, set[str], bool]:
    """Whose the subject is; and whether something new is known of somebody."""
    subject = _proven(connection, event.proven)
    before = _proven(connection, event.sender) if event.sender.address != event.proven.address else None
    if subject is None:
        free = before is not None and joining.nothing_proven(connection, before)
        customer_id = before if before is not None and free else None
        if customer_id is None:
            customer_id = people.add_customer(connection, customers.display_name(event.proven), now)
        _add(connection, customer_id, event.proven, now)
        if free:
            _rename(connection, customer_id, event)
    else:
        customer_id = subject
    if before is None or before == customer_id:
        return customer_id, set(), subject is None
    who = customers.display_name(event.proven)
    if joining.nothing_proven(connection, before):
        why = f"{who} signed in where the other had been chatting"
        _, buckets = joining.join(connection, policy, customer_id, before, why, now)
        return customer_id, buckets, True
    words = (f"{who} signed in to the site in the browser where the other was known",)
    return customer_id, joining.propose(connection, policy, customer_id, before, words, now), True


def _proven(connection: Connection, who: Contact) -> int | None:
    """The customer whose proven identity this is."""
    found = people.identities_at(connection, who.channel, who.address)
    own = next((one for one in found if one.verified), None)
    return people.final(connection, own.customer_id) if own is not None else None


def _add(connection: Connection, customer_id: int, who: Contact, now: float) -> int:
    return people.add_identity(
        connection,
        customer_id,
        who.channel,
        who.address,
        verified=True,
        evidence=who.evidence,
        name=who.name,
        now=now,
        language=who.language,
    )


def _rename(connection: Connection, customer_id: int, event: Identified) -> None:
    """A visitor without a name has one now."""
    named = people.named(connection, [customer_id])[customer_id].name
    made_up = {one.name for one in links.held(connection, customer_id) if one.anonymous}
    mine = next(
        (one for one in links.held(connection, customer_id) if one.address == event.proven.address), None
    )
    if event.proven.name and named in made_up and mine is not None:
        people.name_customer(connection, customer_id, mine.id, customers.display_name(event.proven))


def _threads(connection: Connection, inbox: InboxPolicy, event: Identified) -> None:
    """What the browser had said goes on in the subject's thread, where both are one customer."""
    if event.thread_key is None or event.sender.address == event.proven.address:
        return
    if _proven(connection, event.sender) != _proven(connection, event.proven):
        return
    for one in people.identities_at(connection, event.sender.channel, event.sender.address):
        links.move_threads(connection, one.id, inbox.id, event.thread_key)


def _email(
    connection: Connection,
    policy: CorePolicy,
    inbox: InboxPolicy,
    event: Identified,
    customer_id: int,
    now: float,
) -> tuple[int, set[str]]:
    """The mail address that the signer names."""
    email = event.email
    assert email is not None
    owner = _proven(connection, email) if email.verified else None
    if owner == customer_id:
        return customer_id, set()
    if owner is not None:
        return _same_address(connection, policy, event, customer_id, owner, now)
    given = customers.hold(connection, customer_id, email, email.evidence, email.name, now)
    through = elsewhere.inbox_for(policy, inbox, email.channel)
    if through is not None:
        conversations.ensure_route(connection, given, through, "", now, inbound=False)
    return customer_id, set()


def _same_address(
    connection: Connection,
    policy: CorePolicy,
    event: Identified,
    customer_id: int,
    owner: int,
    now: float,
) -> tuple[int, set[str]]:
    """The address is a proven one of somebody known: the same customer, unless more than the signer's word would be joined."""
    assert event.email is not None
    who = customers.display_name(event.proven)
    evidence = f"the site says that {event.email.address} is the address of {who}, and has verified it"
    mine = links.held(connection, customer_id)
    theirs = links.held(connection, owner)
    if _others(mine, event) or any(_is_account(one, event) for one in theirs):
        words = (evidence, "more is known of one of them, so nothing was joined")
        return customer_id, joining.propose(connection, policy, owner, customer_id, words, now)
    joined, buckets = joining.join(connection, policy, owner, customer_id, evidence, now)
    return owner if joined else customer_id, buckets


def _others(mine: tuple[Held, ...], event: Identified) -> bool:
    """Whether a customer has proof that did not come from this signer."""
    return any(
        one.verified
        and not one.anonymous
        and (one.channel, one.address) != (event.proven.channel, event.proven.address)
        for one in mine
    )


def _is_account(one: Held, event: Identified) -> bool:
    """Whether an identity is another account of the same site."""
    return one.verified and not one.anonymous and one.channel == event.proven.channel
