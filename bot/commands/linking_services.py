"""What commands ask about the ways to a customer: another default way, a recap on it, a link to a way that is not there yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bot.commands.types import Agent, Sent
from bot.messages import CustomerId, InboxId, MessageId, RouteId, TeamId, Text


@dataclass(frozen=True, slots=True)
class Invitation:
    """A way that a customer can be sent to by a link. ``label``: ``telegram @acmebot``."""

    inbox: InboxId
    channel: str
    label: str


class LinkingServices(Protocol):
    """Ways to customers."""

    async def preview(self, customer_id: CustomerId, route_id: RouteId) -> Text:
        """What would be sent by that way first: the last words, for the customer. Empty where there is nothing to send, or
        nobody has proved that the way leads to them."""
        ...

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
        """Makes a way the default until the customer writes by another one; ``recap`` sends the last words by it first,
        held for the undo window like any reply. ``UserError`` where that way is closed."""
        ...

    async def invitations(self, customer_id: CustomerId, team: TeamId) -> tuple[Invitation, ...]:
        """The ways of the team that the customer cannot be reached by, and can be sent to by a link."""
        ...

    async def invite(
        self, customer_id: CustomerId, team: TeamId, agent: Agent, inbox: InboxId, source: str
    ) -> Sent:
        """Sends a link to another way, by the present one. ``UserError`` where that cannot be."""
        ...

    async def way_of(self, message_id: MessageId) -> RouteId | None:
        """The way that a reply went, or was to go."""
        ...
