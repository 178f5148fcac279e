"""Who is this? From the sender of a message to a customer.

The rules, in order. They are strict because a wrong join shows one person's words to another.

1. A message with our keyed token (``answers``) belongs to the conversation that the token names: its sender has received a
   mail of ours. Where the sender is not that customer, it is shown there as somebody else's words, and replies still go to
   the customer. An address that the customer had only said is theirs is proven by it, where the channel proved its sender and
   it has no other owner.
2. A sender whom the channel proved (``verified``) is the proven owner of the address. Where there was only a claim to that
   address so far, the claim is proven now and its thread goes on.
3. A sender who is not proven is the claim to that address. Where the address has a proven owner, the claim gets a customer
   and thread of its own, marked; it never joins the owner, and shows nothing of the owner's history.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import Connection

from bot.messages import Contact, ConversationId
from bot.privacy import tombstones
from bot.storage import cases, erasing, links, people


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose message it is.

    ``identity_id`` None and ``other_sender`` set: somebody else speaks in this customer's conversation.
    ``warning`` is what the agent should know about the sender. ``quarantine`` says why their words wait apart; ``since`` is
    when they were first heard of, 0 where that does not matter.
    """

    customer_id: int
    identity_id: int | None
    blocked: bool
    known: bool
    warning: str | None = None
    other_sender: str | None = None
    quarantine: str | None = None
    since: float = 0.0


def display_name(contact: Contact) -> str:
    """What to call somebody: their name, or the first part of their address."""
    name = " ".join((contact.name or "").split())
    return name or contact.address.split("@")[0] or contact.address


class Erased(Exception):
    """What comes (again) was erased: nothing of it is stored. Raised before anything is."""


@dataclass(frozen=True, slots=True)
class Stones:
    """Looks whether an event was erased, with the keys of the tombstones. ``dedup_key`` is what makes it known."""

    keys: tuple[bytes, ...]
    dedup_key: str

    def stands(self, connection: Connection) -> bool:
        """Whether this very event was erased."""
        return erasing.has_tombstone(connection, tombstones.event(self.keys, self.dedup_key))

    def known_at(self, connection: Connection, sender: Contact) -> bool:
        """Whether somebody at this address was erased."""
        hashes = tombstones.address(self.keys, sender.channel, sender.address)
        return erasing.has_tombstone(connection, hashes)


def resolve(
    connection: Connection,
    sender: Contact,
    answers: ConversationId | None,
    now: float,
    stones: Stones | None = None,
) -> Whose:
    """Whose message this is; makes the customer and the identity where they are new. ``Erased`` where it was erased.

    Only a stranger, or somebody who is here for the second time, can bring what was erased: whoever else is known pays
    nothing for it.
    """
    found = people.identities_at(connection, sender.channel, sender.address)
    if (
        stones is not None
        and (not found or any(one.erased_before for one in found))
        and stones.stands(connection)
    ):
        raise Erased
    if answers is not None:
        answered = _answered(connection, sender, answers, found, now)
        if answered is not None:
            return answered
    owner = next((one for one in found if one.verified), None)
    claim = next((one for one in found if not one.verified), None)
    if sender.verified:
        return _proven(connection, sender, owner, claim, now, stones)
    return _claimed(connection, sender, owner, claim, now, stones)


def hold(
    connection: Connection,
    customer_id: int,
    contact: Contact,
    evidence: str | None,
    name: str | None,
    now: float,
) -> int:
    """An address as an identity of a customer, on somebody's word or, where the contact is verified, proven by it.

    What the customer gave before is the same identity; a proof makes it verified. Returns its id.
    """
    identity_id = links.given_identity(connection, customer_id, contact.channel, contact.address)
    if identity_id is None:
        return people.add_identity(
            connection,
            customer_id,
            contact.channel,
            contact.address,
            verified=contact.verified,
            evidence=evidence,
            name=name,
            now=now,
            given=not contact.verified,
            anonymous=contact.anonymous,
            language=contact.language,
        )
    if contact.verified:
        people.verify(connection, identity_id, evidence, now)
    _reads(connection, identity_id, None, contact)
    return identity_id


def _reads(connection: Connection, identity_id: int, before: str | None, sender: Contact) -> None:
    """Keeps what the channel says that they read, where that is news."""
    if sender.language is not None and sender.language != before:
        people.set_language(connection, identity_id, sender.language)


def _answered(
    connection: Connection,
    sender: Contact,
    answers: ConversationId,
    found: list[people.KnownIdentity],
    now: float,
) -> Whose | None:
    case = cases.case(connection, answers)
    customer_id = people.final(connection, case.customer_id) if case is not None else None
    if customer_id is None:
        return None
    own = next((one for one in found if one.customer_id == customer_id), None)
    owned = any(one.verified for one in found)
    if own is None and not owned:
        given = links.given_identity(connection, customer_id, sender.channel, sender.address)
        if given is not None:
            if sender.verified:
                evidence = f"answered our message; {sender.evidence or 'proven by the channel'}"
                people.verify(connection, given, evidence, now)
            _reads(connection, given, None, sender)
            blocked = bool(people.named(connection, [customer_id])[customer_id].blocked)
            return Whose(customer_id, given, blocked, known=True, warning=_doubt(sender))
    if own is None:
        other = f"{display_name(sender)} <{sender.address}>"
        blocked = any(one.blocked for one in found)
        return Whose(customer_id, None, blocked, known=True, other_sender=other, warning=_doubt(sender))
    if sender.verified and not own.verified and not owned:
        people.verify(connection, own.id, sender.evidence, now)
    _reads(connection, own.id, own.language, sender)
    return Whose(
        customer_id, own.id, own.blocked, known=True, warning=_doubt(sender), quarantine=own.quarantine
    )


def _proven(
    connection: Connection,
    sender: Contact,
    owner: people.KnownIdentity | None,
    claim: people.KnownIdentity | None,
    now: float,
    stones: Stones | None,
) -> Whose:
    if owner is None and claim is not None:
        people.verify(connection, claim.id, sender.evidence, now)
        owner = claim
    if owner is None:
        return _create(connection, sender, now, None, stones)
    return _known(connection, owner, sender, None)


def _claimed(
    connection: Connection,
    sender: Contact,
    owner: people.KnownIdentity | None,
    claim: people.KnownIdentity | None,
    now: float,
    stones: Stones | None,
) -> Whose:
    warning = _doubt(sender)
    if owner is not None:
        warning = (
            f"This sender is not verified and may not be {owner.customer_name}: {sender.address} is the proven address of "
            f"{people.handle(owner.customer_id)} ({sender.evidence or 'no proof'})"
        )
    if claim is None:
        return _create(connection, sender, now, warning, stones)
    blocked = claim.blocked or (owner.blocked if owner is not None else False)
    known = _known(connection, claim, sender, warning)
    return replace(known, blocked=blocked)


def _doubt(sender: Contact) -> str | None:
    if sender.verified:
        return None
    return f"Sender not verified ({sender.evidence or 'no proof'})"


def _known(connection: Connection, one: people.KnownIdentity, sender: Contact, warning: str | None) -> Whose:
    if one.name is None and sender.name and " ".join(sender.name.split()):
        people.name_customer(connection, one.customer_id, one.id, display_name(sender))
    _reads(connection, one.id, one.language, sender)
    return Whose(
        one.customer_id,
        one.id,
        one.blocked,
        known=True,
        warning=warning,
        quarantine=one.quarantine,
        since=one.since,
    )


def _create(
    connection: Connection, sender: Contact, now: float, warning: str | None, stones: Stones | None
) -> Whose:
    name = display_name(sender)
    customer_id = people.add_customer(connection, name, now)
    identity_id = people.add_identity(
        connection,
        customer_id,
        sender.channel,
        sender.address,
        verified=sender.verified,
        evidence=sender.evidence,
        name=name if sender.name else None,
        now=now,
        anonymous=sender.anonymous,
        erased_before=stones is not None and stones.known_at(connection, sender),
        language=sender.language,
    )
    if warning is None:
        warning = _doubt(sender)
    return Whose(customer_id, identity_id, blocked=False, known=False, warning=warning)
