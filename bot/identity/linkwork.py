"""Ways to customers, for commands: another default way with a recap on it, a link to a way that is not there yet.

Implements ``bot.commands.linking_services.LinkingServices``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from sqlalchemy import Connection

from bot import replies
from bot.cases import acts, drafts, lookups, recap
from bot.cases.hands import Hands
from bot.commands.linking_services import Invitation
from bot.commands.nouns import Confirm, Draft, Way
from bot.commands.types import Agent, Sent
from bot.errors import UserError
from bot.identity import linking
from bot.messages import CustomerId, InboxId, MessageId, RouteId, Span, SpanKind, TeamId, Text
from bot.policy import CorePolicy
from bot.privacy.keys import new_key
from bot.storage import history, holds, inboxes, links, people

Target = Callable[[str], str | None]
"""From a code to an address that brings it to an inbox; None where that is not known yet."""
LINK_SECONDS = 86_400.0
"""How long a link that an agent sends is good."""
INTRODUCTION = "We go on here. The last words between us:\n"


class LinkWork:
    """``targets``: the inboxes that customers can be sent to; ``titles``: what customers call an inbox's channel."""

    def __init__(
        self, hands: Hands, targets: Mapping[InboxId, Target], titles: Mapping[InboxId, str]
    ) -> None:
        self._hands = hands
        self._targets = targets
        self._titles = titles

    async def preview(self, customer_id: CustomerId, route_id: RouteId) -> Text:
        """What would be sent by that way first."""
        return await self._hands.read(
            lambda connection, policy: _recap(connection, people.final(connection, customer_id), route_id)
        )

    async def switch(
        self,
        customer_id: CustomerId,
        team: TeamId,
        agent: Agent,
        route_id: RouteId,
        source: str,
        *,
        recap: bool,
    ) -> Sent | None:
        """Makes a way the default one, with or without a word."""
        key, card_key = new_key(), new_key()

        def unit(connection: Connection) -> tuple[Sent | None, set[str]]:
            policy, now = self._hands.policy, self._hands.clock()
            before = history.known(connection, f"out:{source}")
            if before is not None:
                return drafts.sent(connection, policy, before, duplicate=True), set()
            if not inboxes.first_time(connection, f"switch:{source}", now):
                return None, set()
            final = people.final(connection, customer_id) or customer_id
            way = self._way(connection, policy, final, team, route_id)
            links.prefer(connection, route_id, now)
            line = f"{agent.name} goes on by {way.label}"
            inboxes.write_audit(connection, agent.id, "switch", final, line, now)
            buckets = acts.say(connection, policy, final, team, agent.id, line, card_key, now)
            text = _recap(connection, final, route_id) if recap else Text()
            if not text:
                return None, buckets
            message_id, more = _send(connection, policy, final, team, agent, way, text, source, key, now)
            return drafts.sent(connection, policy, message_id), buckets | more

        made = await self._hands.change(unit)
        if made is not None and not made.duplicate:
            self._hands.queue.hold_until(made.send_at)
        return made

    def _way(
        self, connection: Connection, policy: CorePolicy, customer_id: int, team: TeamId, route_id: RouteId
    ) -> Way:
        person = lookups.person(connection, policy, customer_id, team)
        ways = lookups.ways_of(connection, policy, self._hands.able, customer_id, team)
        way = next((one for one in ways if one.route_id == route_id), None)
        if way is None:
            raise UserError(f"{person.name} cannot be reached that way any more. Choose another.")
        if way.closed is not None:
            raise UserError(f"{way.channel}: {way.closed}. Choose another way.")
        if person.blocked:
            raise UserError(f"{person.name} is blocked: unblock {person.handle} first.")
        return way

    async def invitations(self, customer_id: CustomerId, team: TeamId) -> tuple[Invitation, ...]:
        """The ways that the customer can be sent to by a link."""

        def unit(connection: Connection, policy: CorePolicy) -> tuple[Invitation, ...]:
            final = people.final(connection, customer_id) or customer_id
            ways = lookups.ways_of(connection, policy, self._hands.able, final, team)
            reached = {way.inbox for way in ways if way.closed is None}
            here = next((way.inbox for way in ways if way.closed is None), None)
            return tuple(
                Invitation(name, policy.inboxes[name].channel, _called(policy, name))
                for name, target in self._targets.items()
                if here is not None
                and name not in reached
                and policy.inboxes[name].team == team
                and target("a" * linking.CODE_LENGTH) is not None
            )

        return await self._hands.read(unit)

    async def invite(
        self, customer_id: CustomerId, team: TeamId, agent: Agent, inbox: InboxId, source: str
    ) -> Sent:
        """Sends a link with a code, as a reply of the agent's."""
        code, key, card_key = linking.new_code(), new_key(), new_key()
        target = self._targets.get(inbox)
        url = target(code) if target is not None else None
        if url is None:
            raise UserError("There is no link to that channel now.")
        text = invitation(self._titles.get(inbox, str(inbox)), url)

        def unit(connection: Connection) -> tuple[Sent, set[str]]:
            policy, now = self._hands.policy, self._hands.clock()
            draft = Draft(customer_id, team, agent, text, source, confirmed=True)
            made, buckets = drafts.accept(connection, policy, self._hands.able, draft, key, card_key, now)
            assert not isinstance(made, Confirm)  # it was confirmed
            if made.duplicate:
                return made, buckets
            row: Any = history.get(connection, made.message_id)
            codes = [(inbox, code)]
            if not linking.give(
                connection, policy, row.inbox, row.customer_id, row.identity_id, codes, LINK_SECONDS, now
            ):
                raise UserError("They were given many links in the last hour. Wait a little.")
            return made, buckets

        sent = await self._hands.change(unit)
        self._hands.queue.hold_until(sent.send_at)
        return sent

    async def way_of(self, message_id: MessageId) -> RouteId | None:
        """The way of a reply."""
        row = await self._hands.read(lambda connection, policy: history.get(connection, message_id))
        return RouteId(row.route_id) if row is not None and row.route_id is not None else None


def _recap(connection: Connection, customer_id: int | None, route_id: int) -> Text:
    words = recap.for_customer(connection, customer_id, route_id) if customer_id is not None else Text()
    return Text(INTRODUCTION) + words if words else words


def _send(
    connection: Connection,
    policy: CorePolicy,
    customer_id: int,
    team: TeamId,
    agent: Agent,
    way: Way,
    text: Text,
    source: str,
    key: str,
    now: float,
) -> tuple[int, set[str]]:
    """The recap as a message that nobody wrote: it is held, and answers nothing."""
    route: Any = people.route_by_id(connection, way.route_id)
    reply = replies.NewReply(
        customer_id,
        route.id,
        route.identity_id,
        route.inbox,
        agent.id,
        agent.name,
        text,
        (),
        (),
        source,
        key,
        key,
        now,
    )
    of = drafts.team_of(policy, team)
    message_id, _, buckets = replies.accept(connection, policy, of, reply, route.lane_id, now)
    holds.cancel(connection, message_id, "echo")
    told = json.dumps({"told": f"the last words, by {way.label}"})
    history.change(connection, message_id, automated="recap", meta=told)
    return message_id, buckets


def invitation(title: str, url: str) -> Text:
    """What a customer is told: where they can go on."""
    parts = urlsplit(url)
    if parts.scheme != "mailto":
        before = f"You can go on with this conversation on {title}: "
        return Text(before + url, (Span(len(before), len(before) + len(url), SpanKind.LINK, url),))
    subject = parse_qs(parts.query).get("subject", [""])[0]
    words = f"You can go on with this conversation by {title}: write to {unquote(parts.path)}"
    return Text(f"{words} with the subject “{subject}”" if "[" in subject else words)


def _called(policy: CorePolicy, inbox: InboxId) -> str:
    return f"{policy.inboxes[inbox].channel} {policy.inboxes[inbox].label}"
