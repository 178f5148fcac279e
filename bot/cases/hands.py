"""What everything that serves commands works with: the database, the policy, the queue, and who the agents are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection

from bot import sla
from bot.capabilities import Capabilities
from bot.cases import acts, lookups
from bot.commands.nouns import Person
from bot.commands.types import Agent
from bot.errors import UserError
from bot.messages import AgentId, CustomerId, InboxId, TeamId
from bot.policy import CorePolicy
from bot.privacy.keys import new_key
from bot.storage import cases, inboxes, people
from bot.storage.database import Database
from bot.timing import reminded

T = TypeVar("T")


class Queue(Protocol):
    """What is asked of the outbox."""

    @property
    def last_error(self) -> tuple[str, float] | None: ...

    def wake(self, buckets: set[str]) -> None: ...

    def hold_until(self, when: float) -> None: ...


class Directory(Protocol):
    """Who the agents are."""

    async def public_name(self, agent: AgentId) -> str: ...

    async def is_agent(self, agent: AgentId, team: TeamId) -> bool: ...

    async def is_lead(self, agent: AgentId, team: TeamId) -> bool: ...


@dataclass(frozen=True, slots=True)
class Hands:
    """What is needed to read and to change things. ``clock`` gives epoch seconds, ``able`` what each inbox can carry."""

    database: Database
    policy: CorePolicy
    able: Mapping[InboxId, Capabilities]
    queue: Queue
    directory: Directory
    clock: Callable[[], float]

    async def read(self, unit: Callable[..., T], *args: Any) -> T:
        """Runs a unit that only reads, as ``unit(connection, policy, *args)``."""
        return await self.database.read(lambda connection: unit(connection, self.policy, *args))

    async def change(self, unit: Callable[[Connection], tuple[T, set[str]]]) -> T:
        """Runs a unit that changes something, durable when it returns, and wakes the buckets that it names."""
        result, buckets = await self.database.write(unit)
        if buckets:
            self.queue.wake(buckets)
        return result

    async def act(
        self,
        customer_id: CustomerId,
        team: TeamId,
        agent: Agent,
        source: str,
        action: str,
        act: Callable[[Connection, Any, float], str | None],
    ) -> Person:
        """One change of a customer's newest case by an agent: once per ``source``, written down, told in the thread.

        ``act(connection, case, now)`` returns the line that the thread gets ("Kim took it"), None for none. ``UserError``
        where there is no case.
        """
        key = new_key()

        def unit(connection: Connection) -> tuple[Person, set[str]]:
            now = self.clock()
            final = people.final(connection, customer_id) or customer_id
            buckets: set[str] = set()
            if inboxes.first_time(connection, source, now):
                case = cases.newest_case(connection, final, team)
                if case is None:
                    raise UserError("This customer has no case with this team.")
                line = act(connection, case, now)
                sla.changed(connection, self.policy, case.id, now, action, agent.id)
                buckets |= reminded.over(connection, case.id, now)
                buckets |= reminded.handed_over(connection, case.id, case.owner, now)
                inboxes.write_audit(connection, agent.id, action, final, line, now)
                if line is not None:
                    buckets |= acts.say(connection, self.policy, final, team, agent.id, line, key, now)
            return lookups.person(connection, self.policy, final, team), buckets

        return await self.change(unit)
