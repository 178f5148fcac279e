"""Conversations that an agent begins: somebody is written to who has not written to us. Units.

The address is a claim until they answer: the answer carries our keyed token, and proves it.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from bot import conversations, customers
from bot.capabilities import Capabilities
from bot.cases import drafts, lookups
from bot.commands.desk_services import Begin
from bot.commands.nouns import Confirm, Draft
from bot.commands.types import Sent
from bot.errors import UserError
from bot.messages import Contact, CustomerId, InboxId, RouteId
from bot.policy import CorePolicy, InboxPolicy
from bot.storage import history, people

Outcome = tuple[Sent | Confirm, set[str]]


def begin(
    connection: Connection,
    policy: CorePolicy,
    able: Mapping[InboxId, Capabilities],
    given: Begin,
    key: str,
    card_key: str,
    now: float,
) -> Outcome:
    """Accepts the first words of a conversation, or says what the agent must confirm first."""
    inbox, address = through(policy, given)
    before = history.known(connection, f"out:{given.source}")
    if before is not None:
        return drafts.sent(connection, policy, before, duplicate=True), set()
    known = _known(connection, inbox, address)
    if not given.confirmed:
        return _question(connection, policy, inbox, given, address, known), set()
    customer_id, identity_id = known or _made(connection, inbox, address, given.name, now)
    route_id = conversations.ensure_route(connection, identity_id, inbox.id, "", now, inbound=False)
    draft = Draft(
        CustomerId(customer_id),
        given.team,
        given.agent,
        given.text,
        given.source,
        route_id=RouteId(route_id),
        subject=given.subject or None,
        files=given.files,
        order=given.order,
        confirmed=True,
    )
    return drafts.accept(connection, policy, able, draft, key, card_key, now)


def through(policy: CorePolicy, given: Begin) -> tuple[InboxPolicy, str]:
    """The inbox by which it goes, and the address as its channel has it. ``UserError`` where there is none."""
    inbox = policy.inboxes.get(given.inbox)
    if inbox is None or inbox.team != given.team or not can_begin(inbox) or inbox.reach is None:
        raise UserError("No conversation can be begun by that inbox. Choose another.")
    address = inbox.reach(given.address)
    if address is None:
        raise UserError(f"“{given.address}” is no address for {inbox.label}. Write it in full.")
    if not given.text and not given.files:
        raise UserError("There is nothing to send: write some words or add a file.")
    return inbox, address


def can_begin(inbox: InboxPolicy) -> bool:
    """Whether somebody can be written to by an inbox who has not written before."""
    return inbox.able.can_initiate and inbox.reach is not None


def _known(connection: Connection, inbox: InboxPolicy, address: str) -> tuple[int, int] | None:
    """Who has the address: its proven owner, else whoever claims it."""
    found = people.identities_at(connection, inbox.channel, address)
    best = next((one for one in found if one.verified), found[0] if found else None)
    return (best.customer_id, best.id) if best is not None else None


def _made(connection: Connection, inbox: InboxPolicy, address: str, name: str, now: float) -> tuple[int, int]:
    shown = customers.display_name(Contact(inbox.channel, address, name or None))
    customer_id = people.add_customer(connection, shown, now)
    identity_id = people.add_identity(
        connection,
        customer_id,
        inbox.channel,
        address,
        verified=False,
        evidence="an agent wrote to this address first",
        name=name or None,
        now=now,
    )
    return customer_id, identity_id


def _question(
    connection: Connection,
    policy: CorePolicy,
    inbox: InboxPolicy,
    given: Begin,
    address: str,
    known: tuple[int, int] | None,
) -> Confirm:
    by = f"from {inbox.label}"
    if known is None:
        return Confirm(f"{address} has never written to us. Send this to them, {by}?", "Send")
    person = lookups.person(connection, policy, known[0], given.team)
    if person.blocked:
        raise UserError(f"{address} is {person.name}, who is blocked: unblock {person.handle} first.")
    return Confirm(
        f"{address} is {person.handle} {person.name}: the conversation with them goes on. Send it, {by}?",
        "Send",
    )
