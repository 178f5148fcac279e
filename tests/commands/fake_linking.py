"""Ways to customers in memory, for tests of commands."""

from __future__ import annotations

import time

from typing_extensions import override

from bot.commands.linking_services import Invitation, LinkingServices
from bot.commands.types import Agent, Sent
from bot.messages import ConversationId, CustomerId, InboxId, MessageId, RouteId, TeamId, Text


class FakeLinking(LinkingServices):
    """``switched`` and ``invited`` are what was asked of it; ``words`` is the recap, ``missing`` what can be offered."""

    def __init__(self) -> None:
        self.words = Text()
        self.missing: tuple[Invitation, ...] = ()
        self.switched: list[tuple[RouteId, bool]] = []
        self.invited: list[InboxId] = []
        self.failed: RouteId | None = None

    @override
    async def preview(self, customer_id: CustomerId, route_id: RouteId) -> Text:
        return self.words

    @override
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
        self.switched.append((route_id, recap))
        return _sent("chat") if recap and self.words else None

    @override
    async def invitations(self, customer_id: CustomerId, team: TeamId) -> tuple[Invitation, ...]:
        return self.missing

    @override
    async def invite(
        self, customer_id: CustomerId, team: TeamId, agent: Agent, inbox: InboxId, source: str
    ) -> Sent:
        self.invited.append(inbox)
        return _sent("email dana@mail.example")

    @override
    async def way_of(self, message_id: MessageId) -> RouteId | None:
        return self.failed


def _sent(via: str) -> Sent:
    return Sent(MessageId(7), ConversationId(42), "C42", "Dana Petrov", via, time.time() + 5)
