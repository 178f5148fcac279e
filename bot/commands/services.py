"""What commands ask of the core: the smallest interface that they need, implemented by ``bot/cases/casework.py``.

Every method that changes something is one transaction, durable when it returns, and idempotent in ``source``.
Everything that an agent got wrong raises ``UserError`` with one sentence that holds the cure.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias

from bot.commands.desk_services import DeskServices
from bot.commands.finding_services import FindingServices
from bot.commands.home_services import HomeServices
from bot.commands.linking_services import LinkingServices
from bot.commands.macro_services import MacroServices
from bot.commands.merging_services import MergingServices
from bot.commands.nouns import Confirm, Draft, Health, HistoryItem, Person, Way
from bot.commands.privacy_services import PrivacyServices
from bot.commands.profile_services import ProfileServices, SpamServices
from bot.commands.rating_services import RatingServices
from bot.commands.sla_services import SlaServices
from bot.commands.stats_services import StatsServices
from bot.commands.timing_services import FollowUpServices, ReminderServices, SnoozeServices
from bot.commands.types import Agent, Call, Result, Sent
from bot.messages import (
    AgentId,
    CustomerId,
    MessageId,
    TeamId,
    Text,
)


class Services(Protocol):
    """The core, for commands."""

    stats: StatsServices
    desk: DeskServices
    macros: MacroServices
    snoozes: SnoozeServices
    sla: SlaServices
    follow_ups: FollowUpServices
    reminders: ReminderServices
    ratings: RatingServices
    finding: FindingServices
    home: HomeServices
    profile: ProfileServices
    merging: MergingServices
    linking: LinkingServices
    spam: SpamServices
    privacy: PrivacyServices

    async def lookup(self, words: str, team: TeamId | None, limit: int = 5) -> tuple[Person, ...]:
        """Customers whose handle, name or address match; an exact handle or address gives exactly one."""
        ...

    async def nearest(self, words: str, team: TeamId | None) -> tuple[Person, ...]:
        """The closest customers to a handle or name that nobody has, best first, at most three."""
        ...

    async def at_thread(self, channel: str, thread_ts: str) -> Person | None:
        """Whose thread it is; None for any other thread."""
        ...

    async def person(self, customer_id: CustomerId, team: TeamId) -> Person: ...

    async def open_for(self, agent: AgentId, team: TeamId | None, limit: int = 25) -> tuple[Person, ...]:
        """Customers with a case that is not resolved: the agent's own first, then those nobody has, longest
        waiting first."""
        ...

    async def team_of(self, channel: str) -> TeamId | None:
        """The team whose Slack channel it is; None elsewhere (a DM)."""
        ...

    async def ways(self, customer_id: CustomerId, team: TeamId) -> tuple[Way, ...]:
        """How a customer can be reached, the way they used last first."""
        ...

    async def losses(self, draft: Draft) -> tuple[str, ...]:
        """What the channel would leave behind of this reply: sentences, empty when it carries everything."""
        ...

    async def reply(self, draft: Draft) -> Sent | Confirm:
        """Accepts a reply for sending after the undo window; ``Confirm`` where the agent must be asked first
        (identical text to the same customer within two minutes, something that cannot travel, an unverified or
        blocked person)."""
        ...

    async def composing(self, customer_id: CustomerId, team: TeamId) -> None:
        """An agent has begun to write to a customer, who may see it where the channel can show it. Best effort."""
        ...

    async def undo(self, message_id: MessageId, agent: Agent) -> Text:
        """Takes back a reply and returns its text: while it is held, and later where the channel can take a message back.

        ``UserError`` "already sent" otherwise."""
        ...

    async def revise(self, message_id: MessageId, agent: Agent, text: Text) -> Sent:
        """Changes a reply: while it is held (its undo window starts anew), and later where the channel can change a message.

        ``UserError`` "already sent" otherwise."""
        ...

    async def note(
        self,
        customer_id: CustomerId,
        team: TeamId,
        agent: Agent,
        text: Text,
        source: str,
        message_ts: str | None = None,
    ) -> None:
        """Keeps an internal note; it is posted in the thread unless it was written there (``message_ts``)."""
        ...

    async def history(
        self, customer_id: CustomerId, before: MessageId | None = None, limit: int = 10
    ) -> tuple[HistoryItem, ...]:
        """What was said, newest first, over all channels and cases."""
        ...

    async def message(self, message_id: MessageId) -> HistoryItem: ...

    async def person_of(self, message_id: MessageId) -> Person:
        """The customer that a message is from or to, as the team of its case sees them."""
        ...

    async def at_message(self, channel: str, message_ts: str) -> HistoryItem | None:
        """The reply or note that an agent wrote as that Slack message (in-thread faces); None for any other message."""
        ...

    async def resolve(self, customer_id: CustomerId, team: TeamId, agent: Agent, source: str) -> Person: ...

    async def reopen(self, customer_id: CustomerId, team: TeamId, agent: Agent, source: str) -> Person: ...

    async def assign(
        self, customer_id: CustomerId, team: TeamId, agent: Agent, to: AgentId | None, source: str
    ) -> Person:
        """Gives a case to somebody; None gives it back to the team."""
        ...

    async def block(self, customer_id: CustomerId, agent: Agent, on: bool, source: str) -> Person:
        """A blocked customer's messages are kept and not shown; nothing is sent to them."""
        ...

    async def retry(self, message_id: MessageId, agent: Agent, source: str) -> Sent:
        """Sends a failed or uncertain reply again, at the end of the lane."""
        ...

    async def settle_by_hand(self, message_id: MessageId, agent: Agent, arrived: bool) -> None:
        """An agent checked an uncertain reply: it arrived (→ accepted), or it did not (→ failed, can be sent again)."""
        ...

    async def agent_name(self, agent: AgentId) -> str:
        """The public name of an agent."""
        ...

    async def may_be_owner(self, agent: AgentId, team: TeamId) -> bool:
        """Whether somebody is an agent of a team."""
        ...

    async def is_lead(self, agent: AgentId, team: TeamId) -> bool:
        """Whether somebody leads a team; admins lead all."""
        ...

    async def health(self) -> Health: ...


Handler: TypeAlias = Callable[[Services, Call], Awaitable[Result]]
"""What a command is: a function of the core and of one call."""
