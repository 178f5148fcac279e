"""The core, for commands: what agents may ask and do. Each change is one transaction, durable when it returns.

Implements ``bot.commands.services.Services``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from bot import replies, sla
from bot.capabilities import Capabilities, Support, fit
from bot.cases import acts, drafts, lookups
from bot.cases.deskwork import DeskWork
from bot.cases.finding import Finding
from bot.cases.hands import Directory, Hands, Queue
from bot.cases.homework import HomeWork
from bot.cases.macrowork import MacroWork
from bot.clockwork.slawork import SlaWork
from bot.commands.desk_services import DeskServices
from bot.commands.finding_services import FindingServices
from bot.commands.home_services import HomeServices
from bot.commands.linking_services import LinkingServices
from bot.commands.macro_services import MacroServices
from bot.commands.merging_services import MergingServices
from bot.commands.nouns import Confirm, Draft, Health, HistoryItem, InboxHealth, Person, Way
from bot.commands.privacy_services import PrivacyServices
from bot.commands.profile_services import ProfileServices, SpamServices
from bot.commands.rating_services import RatingServices
from bot.commands.sla_services import SlaServices
from bot.commands.stats_services import StatsServices
from bot.commands.timing_services import FollowUpServices, ReminderServices, SnoozeServices
from bot.commands.types import Agent, Sent
from bot.desk import Status
from bot.errors import StorageError, UserError
from bot.identity.linkwork import LinkWork, Target
from bot.identity.profile import Profiles
from bot.identity.spamwork import SpamWork
from bot.merge.mergework import MergeWork
from bot.messages import AgentId, CustomerId, InboxId, MessageId, TeamId, Text
from bot.policy import CorePolicy
from bot.privacy.erase import Erasing
from bot.privacy.erasework import Means
from bot.privacy.keys import new_key
from bot.privacy.privacy import Privacy
from bot.rating import ratings
from bot.rating.ratingwork import RatingWork
from bot.stats.statswork import StatsWork
from bot.storage import cases, history, inboxes, lanes, people
from bot.storage.database import Database
from bot.timing.followups import FollowUps
from bot.timing.reminderwork import Reminders
from bot.timing.snoozing import Snoozing

Composing = Callable[[InboxId, str | None, str], None]
"""Tells an inbox that an agent is writing to (thread key, address)."""

_BEING_OPENED = (0.05, 0.1, 0.2, 0.4, 0.8)
"""Seconds between looks for a thread whose card is being posted. Slack waits 3 s for what an event became."""


@dataclass(frozen=True, slots=True)
class Vitals:
    """What only the process knows of itself."""

    sockets: Callable[[], int]
    last_event: Mapping[InboxId, float]
    started_at: float
    version: str
    warnings: Callable[[], tuple[str, ...]] = tuple


class Casework:
    """What agents may ask and do. ``clock`` gives epoch seconds."""

    def __init__(
        self,
        database: Database,
        policy: CorePolicy,
        capabilities: Mapping[InboxId, Capabilities],
        queue: Queue,
        directory: Directory,
        vitals: Vitals,
        clock: Callable[[], float] = time.time,
        composing: Composing | None = None,
        poke: Callable[[], None] = lambda: None,
        *,
        means: Means,
        links: Mapping[InboxId, Target] | None = None,
        titles: Mapping[InboxId, str] | None = None,
    ) -> None:
        self.hands = self._hands = Hands(database, policy, capabilities, queue, directory, clock)
        self._database = database
        self._policy = policy
        self._capabilities = capabilities
        self._queue = queue
        self._directory = directory
        self._vitals = vitals
        self._composing = composing
        self._clock = clock
        self._read = self._hands.read
        self._change = self._hands.change
        self.desk: DeskServices = DeskWork(self._hands)
        self.stats: StatsServices = StatsWork(self._hands, means.desk, means.folder)
        self.macros: MacroServices = MacroWork(self._hands)
        self.profile: ProfileServices = Profiles(self._hands)
        self.merging: MergingServices = MergeWork(self._hands)
        self.spam: SpamServices = SpamWork(self._hands)
        self.sla: SlaServices = SlaWork(self._hands)
        self.snoozes: SnoozeServices = Snoozing(self._hands, poke)
        self.follow_ups: FollowUpServices = FollowUps(self._hands, poke)
        self.reminders: ReminderServices = Reminders(self._hands, poke)
        self.ratings: RatingServices = RatingWork(self._hands)
        self._poke = poke
        self.home: HomeServices = HomeWork(self._hands, self.follow_ups)
        self.finding: FindingServices = Finding(self._hands)
        self.linking: LinkingServices = LinkWork(self._hands, links or {}, titles or {})
        self.erasing = Erasing(self._hands, means)
        self.privacy: PrivacyServices = Privacy(self._hands, means, self.erasing)

    # Who

    async def lookup(self, words: str, team: TeamId | None, limit: int = 5) -> tuple[Person, ...]:
        """Customers whose handle, name or address match."""
        return await self._read(lookups.lookup, words, team, limit)

    async def nearest(self, words: str, team: TeamId | None) -> tuple[Person, ...]:
        """The closest customers to a handle or name that nobody has."""
        return await self._read(lookups.nearest, words, team)

    async def at_thread(self, channel: str, thread_ts: str) -> Person | None:
        """Whose thread it is.

        Slack shows a card before we have stored where it is. Who is that quick, or comes back with us after a crash, is heard:
        this waits a moment, and then raises ``StorageError``, so that Slack says it again later.
        """
        for pause in _BEING_OPENED:
            found, opening = await self._read(lookups.at_thread, channel, thread_ts)
            if found is not None or not opening:
                return found
            await asyncio.sleep(pause)
        raise StorageError("A card was posted, and it is not stored yet where it is.")

    async def person(self, customer_id: CustomerId, team: TeamId) -> Person:
        """One customer as a team sees them."""
        return await self._read(lookups.person, customer_id, team)

    async def person_of(self, message_id: MessageId) -> Person:
        """The customer that a message is from or to."""
        return await self._read(lookups.person_of, message_id)

    async def open_for(self, agent: AgentId, team: TeamId | None, limit: int = 25) -> tuple[Person, ...]:
        """Customers with a case that is not resolved, the agent's own first."""
        return await self._read(lookups.open_for, agent, team, limit)

    async def team_of(self, channel: str) -> TeamId | None:
        """The team whose Slack channel it is."""
        for team in self._policy.teams.values():
            if channel in (team.slack_channel, team.fallback_channel):
                return team.id
        return None

    async def ways(self, customer_id: CustomerId, team: TeamId) -> tuple[Way, ...]:
        """How a customer can be reached."""
        return await self._read(lookups.ways_of, self._capabilities, customer_id, team)

    async def agent_name(self, agent: AgentId) -> str:
        """The public name of an agent."""
        return await self._directory.public_name(agent)

    async def may_be_owner(self, agent: AgentId, team: TeamId) -> bool:
        """Whether somebody is an agent of a team."""
        return await self._directory.is_agent(agent, team)

    async def is_lead(self, agent: AgentId, team: TeamId) -> bool:
        """Whether somebody leads a team; admins lead all."""
        return await self._directory.is_lead(agent, team)

    # Replies

    async def losses(self, draft: Draft) -> tuple[str, ...]:
        """What the channel would leave behind of this reply."""
        ways = await self.ways(draft.customer_id, draft.team)
        way = drafts.choose(ways, draft)
        return fit(draft.text, drafts.files(draft), self._capabilities[way.inbox]).losses

    async def reply(self, draft: Draft) -> Sent | Confirm:
        """Accepts a reply for sending after the undo window, or says what the agent must confirm first."""
        key, card_key = new_key(), new_key()
        able = self._capabilities

        def unit(connection: Connection) -> tuple[Sent | Confirm, set[str]]:
            return drafts.accept(connection, self._policy, able, draft, key, card_key, self._clock())

        outcome = await self._change(unit)
        if isinstance(outcome, Sent):
            self._queue.hold_until(outcome.send_at)
        return outcome

    async def composing(self, customer_id: CustomerId, team: TeamId) -> None:
        """An agent has begun to write: the customer may see it, where the channel can show it."""
        if self._composing is None:
            return
        ways = await self.ways(customer_id, team)
        if ways:
            row = await self._read(
                lambda connection, policy: people.route_by_id(connection, ways[0].route_id)
            )
            if row is not None:
                self._composing(ways[0].inbox, row.thread_key or None, row.address)

    async def undo(self, message_id: MessageId, agent: Agent) -> Text:
        """Takes back a reply that is still held and returns its text."""

        def unit(connection: Connection) -> tuple[Text, set[str]]:
            now = self._clock()
            row, buckets = self._take_back(connection, message_id, now)
            inboxes.write_audit(connection, agent.id, "undo", row.customer_id, f"message {message_id}", now)
            return history.unpack_text(row.text, row.spans), buckets

        return await self._change(unit)

    def _take_back(self, connection: Connection, message_id: int, now: float) -> tuple[Any, set[str]]:
        """While it is held nothing was sent; later it is taken back where the channel can do that."""
        try:
            return replies.take_back(connection, message_id, now)
        except UserError:
            row = history.get(connection, message_id)
            if row is None or self._able(row).delete not in (Support.FULL, Support.PARTIAL):
                raise
            return replies.change_sent(connection, message_id, None, now)

    def _able(self, row: Any) -> Capabilities:
        """What the channel of a reply can do."""
        return self._capabilities.get(InboxId(row.inbox or "")) or Capabilities("", 0)

    def _revise(
        self, connection: Connection, message_id: int, text: Text, until: float, now: float
    ) -> tuple[Any, set[str]]:
        try:
            return replies.revise(connection, self._policy, message_id, text, until, now)
        except UserError:
            row = history.get(connection, message_id)
            if row is None or self._able(row).edit not in (Support.FULL, Support.PARTIAL):
                raise
            return replies.change_sent(connection, message_id, text, now)

    async def revise(self, message_id: MessageId, agent: Agent, text: Text) -> Sent:
        """Changes a reply that is still held; its undo window starts anew."""

        def unit(connection: Connection) -> tuple[Sent, set[str]]:
            now = self._clock()
            person = lookups.person_of(connection, self._policy, message_id)
            until = now + drafts.team_of(self._policy, person.team).undo
            row, buckets = self._revise(connection, message_id, text, until, now)
            inboxes.write_audit(connection, agent.id, "revise", row.customer_id, f"message {message_id}", now)
            return drafts.sent(connection, self._policy, message_id), buckets

        sent = await self._change(unit)
        self._queue.hold_until(sent.send_at)
        return sent

    async def retry(self, message_id: MessageId, agent: Agent, source: str) -> Sent:
        """Sends a failed or uncertain reply again, at the end of the lane."""

        def unit(connection: Connection) -> tuple[Sent, set[str]]:
            now = self._clock()
            person = lookups.person_of(connection, self._policy, message_id)
            if not inboxes.first_time(connection, source, now):
                return drafts.sent(connection, self._policy, message_id, duplicate=True), set()
            row, buckets = replies.send_again(connection, message_id, now)
            inboxes.write_audit(connection, agent.id, "retry", row.customer_id, f"message {message_id}", now)
            card = replies.refresh_card(connection, self._policy, person.customer_id, person.team, now)
            return drafts.sent(connection, self._policy, message_id), buckets | card

        return await self._change(unit)

    async def settle_by_hand(self, message_id: MessageId, agent: Agent, arrived: bool) -> None:
        """An agent checked an uncertain reply."""

        def unit(connection: Connection) -> tuple[None, set[str]]:
            now = self._clock()
            buckets = replies.settle_by_hand(connection, self._policy, message_id, now, arrived=arrived)
            detail = f"message {message_id}: {'arrived' if arrived else 'did not arrive'}"
            inboxes.write_audit(connection, agent.id, "settle by hand", None, detail, now)
            return None, buckets

        await self._change(unit)

    async def note(
        self,
        customer_id: CustomerId,
        team: TeamId,
        agent: Agent,
        text: Text,
        source: str,
        message_ts: str | None = None,
    ) -> None:
        """Keeps an internal note; it is posted in the thread unless it was written there."""
        key = new_key()

        def unit(connection: Connection) -> tuple[None, set[str]]:
            given = acts.Note(customer_id, team, agent, text, source, message_ts)
            return None, acts.note(connection, self._policy, given, key, self._clock())

        await self._change(unit)

    # What was said

    async def history(
        self, customer_id: CustomerId, before: MessageId | None = None, limit: int = 10
    ) -> tuple[HistoryItem, ...]:
        """What was said, newest first."""
        return await self._read(lookups.page, customer_id, before, limit)

    async def message(self, message_id: MessageId) -> HistoryItem:
        """One message."""
        return await self._read(lookups.one_item, message_id)

    async def at_message(self, channel: str, message_ts: str) -> HistoryItem | None:
        """The reply or note that an agent wrote as that Slack message."""
        return await self._read(lookups.at_message, channel, message_ts)

    # The case

    async def resolve(self, customer_id: CustomerId, team: TeamId, agent: Agent, source: str) -> Person:
        """Closes the case."""

        def act(connection: Connection, case: Any, now: float) -> str:
            if case.status == Status.RESOLVED:
                raise UserError("This case is resolved already.")
            cases.change(
                connection,
                case.id,
                status=Status.RESOLVED,
                resolved_at=now,
                waiting_since=None,
                snoozed_until=None,
            )
            ratings.resolved(connection, self._policy, case, now)
            return f"{agent.name} resolved it"

        person = await self._hands.act(customer_id, team, agent, source, "resolve", act)
        self._poke()  # the customer may be asked at once
        return person

    async def reopen(self, customer_id: CustomerId, team: TeamId, agent: Agent, source: str) -> Person:
        """Opens the newest case again."""

        def act(connection: Connection, case: Any, now: float) -> str:
            if case.status != Status.RESOLVED:
                raise UserError("This case is not resolved, so there is nothing to reopen.")
            cases.change(connection, case.id, status=Status.OPEN, resolved_at=None)
            ratings.reopened(connection, case.id)
            return f"{agent.name} reopened it"

        return await self._hands.act(customer_id, team, agent, source, "reopen", act)

    async def assign(
        self, customer_id: CustomerId, team: TeamId, agent: Agent, to: AgentId | None, source: str
    ) -> Person:
        """Gives a case to somebody; None gives it back to the team."""
        if to is not None and not await self._directory.is_agent(to, team):
            raise UserError(f"<@{to}> is not in this team, so cannot have its cases.")
        name = await self._directory.public_name(to) if to is not None and to != agent.id else agent.name

        def act(connection: Connection, case: Any, now: float) -> str | None:
            if case.owner == to:
                return None
            cases.change(connection, case.id, owner=to)
            if to is None:
                return f"{agent.name} gave it back to the team"
            return f"{agent.name} took it" if to == agent.id else f"{agent.name} gave it to {name}"

        return await self._hands.act(customer_id, team, agent, source, "assign", act)

    async def block(self, customer_id: CustomerId, agent: Agent, on: bool, source: str) -> Person:
        """A blocked customer's messages are kept and not shown; nothing is sent to them."""
        key = new_key()

        def unit(connection: Connection) -> tuple[Person, set[str]]:
            now = self._clock()
            final = people.final(connection, customer_id) or customer_id
            person = lookups.person(connection, self._policy, final, None)
            buckets: set[str] = set()
            if inboxes.first_time(connection, source, now) and person.blocked != on:
                people.set_blocked(connection, final, on)
                sla.kept_apart(connection, final, on, now, agent=agent.id)
                line = f"{agent.name} {'blocked' if on else 'unblocked'} {person.name}"
                inboxes.write_audit(connection, agent.id, "block" if on else "unblock", final, line, now)
                buckets = acts.say(connection, self._policy, final, person.team, agent.id, line, key, now)
            return lookups.person(connection, self._policy, final, person.team), buckets

        return await self._change(unit)

    # How the bot is

    async def health(self) -> Health:
        """How each inbox and the queue are."""
        now = self._clock()
        statuses = await self._database.read(inboxes.statuses)
        waiting = await self._database.read(lambda connection: lanes.waiting(connection, now))
        failed, uncertain, error, error_at = await self._database.read(
            lambda connection: inboxes.troubles(connection, now - 86_400)
        )
        newest = self._queue.last_error
        if newest is not None and (error_at is None or newest[1] > error_at):
            error, error_at = newest
        stuck = [*([self._database.problem] if self._database.problem else []), *self._vitals.warnings()]
        return Health(
            tuple(self._inbox_health(inbox, statuses) for inbox in self._policy.inboxes),
            {kind: count for kind, (count, _) in waiting.items()},
            max((age for _, age in waiting.values()), default=None),
            failed,
            uncertain,
            error,
            error_at,
            self._vitals.sockets(),
            self._vitals.started_at,
            self._vitals.version,
            tuple(stuck),
        )

    def _inbox_health(self, inbox: InboxId, statuses: dict[str, Any]) -> InboxHealth:
        of = self._policy.inboxes[inbox]
        row = statuses.get(inbox)
        return InboxHealth(
            inbox,
            of.channel,
            of.team,
            of.label,
            row.problem if row is not None else None,
            row.since if row is not None else None,
            self._vitals.last_event.get(inbox),
        )
