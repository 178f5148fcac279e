"""The real core on a clock of the test's own: time stands still until ``until`` moves it, through all that comes due.

Customers write by ``relay.accept_customer``, agents act through ``Casework``, replies leave by the outbox to channels in
memory, and what comes at its time is done by the bot's own timers.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

import bot.outbox
from bot import sla
from bot.capabilities import Capabilities, Part, Support
from bot.clockwork.promises import Promises
from bot.clockwork.recounting import Recounting
from bot.commands.nouns import Draft, Person
from bot.commands.types import Agent, Role, Sent
from bot.contract import Accepted
from bot.desk import State
from bot.errors import PermanentFailure
from bot.messages import (
    AgentId,
    Failure,
    InboxId,
    MessageId,
    Receipt,
    RemoteId,
    Reply,
    SourceId,
    TeamId,
    Text,
)
from bot.storage import cases, clocks, history
from bot.storage.clocks import Clock, Happened
from bot.storage.database import Database, connect
from bot.storage.lanes import NewDelivery
from bot.storage.migrate import migrate
from bot.storage.schema import delivery, lane, route
from tests.core.ends import MemoryAdapter
from tests.core.world import CHAT, MAIL, PRESS, PRESS_MAIL, SUPPORT, World, message

KIM = Agent(AgentId("UKIM"), "Kim", Role.AGENT)
AMIR = Agent(AgentId("UAMIR"), "Amir", Role.LEAD)
WAYS = {"mail": MAIL, "chat": CHAT, "press": PRESS_MAIL}
TEAMS = {"support": SUPPORT, "press": PRESS}


@cache
def migrated() -> Path:
    """An empty database, made once."""
    path = Path(tempfile.mkdtemp(prefix="onethread-sla-")) / "empty.db"

    async def make() -> None:
        database = connect(f"sqlite:///{path}")
        await database.open()
        await database.write(migrate)
        await database.close()

    with asyncio.Runner() as runner:
        runner.run(make())
    return path


async def opened(folder: Path) -> Database:
    """A database of a test's own, migrated."""
    shutil.copy(migrated(), folder / "t.db")
    database = connect(f"sqlite:///{folder / 't.db'}")
    await database.open()
    return database


async def opened_at(url: str) -> Database:
    """A database elsewhere, migrated."""
    database = connect(url)
    await database.open()
    await database.write(migrate)
    return database


class UnsendingAdapter(MemoryAdapter):
    """A channel where what was sent can be changed and taken back."""

    def __init__(self, capabilities: Capabilities) -> None:
        super().__init__(replace(capabilities, edit=Support.FULL, delete=Support.FULL))

    async def edit(self, reply: Reply, part: Part, remote_id: RemoteId) -> Receipt:
        return Receipt((remote_id,), datetime.now(UTC))

    async def delete(self, reply: Reply, remote_id: RemoteId) -> None: ...


class Stage:
    """One bot, its customers and agents. ``at`` is the time, in epoch seconds. Every channel can change and take back."""

    def __init__(self, database: Database, promises: Promises, at: float, undo: float = 0.0) -> None:
        self.at = at
        self._deadline = at
        self._resting = asyncio.Event()
        self._woken: asyncio.Event | None = None
        self.database = database
        self.world = World(
            database, undo=undo, clock=self.now, rest=self._rest, echo_delay=1.0, card_delay=0.0
        )
        for inbox in self.world.adapters:
            self.world.adapters[inbox] = UnsendingAdapter(self.world.adapters[inbox].capabilities)
        self.promises = promises
        self._number = 0
        self._said: dict[str, str] = {}
        self.customers: dict[str, int] = {}
        self.replies: list[MessageId] = []

    def now(self) -> float:
        """The time."""
        return self.at

    async def _rest(self, woken: asyncio.Event, seconds: float) -> None:
        self._deadline, self._woken = self.at + seconds, woken
        self._resting.set()
        try:
            await woken.wait()
        finally:
            self._resting.clear()

    async def start(self, monkeypatch: pytest.MonkeyPatch | None = None) -> None:
        """Starts the bot; the queue is looked at when something comes, not every few seconds."""
        if monkeypatch is not None:
            monkeypatch.setattr(bot.outbox, "SWEEP", 1e9)
        self.world.policy = replace(self.world.policy, promises=self.promises)
        self.world.build()
        self.world.start()
        await Recounting(self.database, self.world.policy, self.world.outbox.wake, self.now).run()

    async def restart(self, promises: Promises | None = None) -> None:
        """The bot is killed and started again, perhaps with another app.yaml."""
        self.promises = promises or self.promises
        await self.world.crash()
        await self.start()
        await self.settle()

    async def stop(self) -> None:
        """The end."""
        await self.world.stop()

    async def settle(self) -> None:
        """Until nothing is to be done at this moment."""
        outbox = self.world.outbox
        async with asyncio.timeout(20):
            while True:
                await self._resting.wait()
                woken = self._woken
                if woken is not None and not woken.is_set() and not outbox.busy:
                    if self._deadline > self.at:
                        return
                    woken.set()
                await asyncio.sleep(0.0005)

    async def until(self, at: float) -> None:
        """Time passes, and everything that comes due is done at its time."""
        while True:
            await self.settle()
            coming = [one for one in [self._deadline, *(await self._timed())] if one is not None]
            due = min(coming)
            if due > at:
                break
            self.at = max(self.at, due)
            await self._on_time()
            if self._deadline <= self.at and self._woken is not None:
                self._woken.set()
        self.at = max(self.at, at)

    async def _timed(self) -> list[float | None]:
        def unit(connection: Connection) -> list[float | None]:
            jobs = self.world.timers._jobs
            return [clocks.next_at(connection), *(job.next_at(connection) for job in jobs)]

        return await self.database.read(unit)

    async def _on_time(self) -> None:
        await self.world.timers.look()
        await self.database.write(partial(sla.due, now=self.at))

    def source(self, what: str) -> str:
        """A name that nothing else has."""
        self._number += 1
        return f"{what}-{self._number}"

    # Customers

    async def writes(
        self, name: str, way: str = "mail", *, automated: str | None = None, verified: bool = True
    ) -> Accepted:
        """A customer writes."""
        inbox = WAYS[way]
        source = self.source(name)
        channel = self.world.policy.inboxes[inbox].channel
        address = f"{name}@mail.example" if channel == "email" else name
        made = message(
            f"{name} says {source}",
            source=source,
            who=address,
            name=name.capitalize(),
            channel=channel,
            automated=automated,
            verified=verified,
        )
        accepted = await self.world.relay.accept_customer(
            inbox, replace(made, sent_at=datetime.fromtimestamp(self.at, UTC))
        )
        person = (await self.world.casework.lookup(address, None))[0]
        self.customers.setdefault(name, person.customer_id)
        return accepted

    async def person(self, name: str, team: TeamId | None = None) -> Person:
        """A customer as their team sees them."""
        found = await self.world.casework.lookup(f"C{self.customers[name]}", team)
        return found[0]

    # Agents

    async def replies_to(self, name: str, agent: Agent = KIM, way: str | None = None) -> MessageId:
        """An agent answers; it leaves after the undo window."""
        person = await self.person(name)
        ways = await self.world.casework.ways(person.customer_id, person.team)
        chosen = next((one.route_id for one in ways if way is None or one.inbox == WAYS[way]), None)
        source = self.source("reply")
        draft = Draft(
            person.customer_id,
            person.team,
            agent,
            Text(f"{agent.name} answers {source}"),
            source,
            route_id=chosen,
            confirmed=True,
        )
        sent = await self.world.casework.reply(draft)
        assert isinstance(sent, Sent), sent
        self.replies.append(sent.message_id)
        return sent.message_id

    async def undoes(self) -> None:
        """The agent takes the last reply back."""
        await self.world.casework.undo(self.replies[-1], KIM)

    async def unsends(self, message_id: MessageId | None = None) -> None:
        """The agent takes back a reply that was sent."""
        await self.world.casework.undo(message_id or self.replies[-1], KIM)

    async def edits(self, message_id: MessageId | None = None) -> None:
        """The agent changes a reply that was sent."""
        await self.world.casework.revise(message_id or self.replies[-1], KIM, Text("other words"))

    async def bounces(self, message_id: MessageId | None = None) -> None:
        """A reply that had been accepted comes back."""
        wanted = message_id or self.replies[-1]

        def unit(connection: Connection) -> tuple[str, str]:
            post = history.posts_of(connection, wanted, "route")[0]
            return str(post.place), str(post.remote_id)

        inbox, remote = await self.database.read(unit)
        event = Failure(
            SourceId(self.source("bounce")),
            RemoteId(remote),
            "550 no such mailbox",
            datetime.fromtimestamp(self.at, UTC),
            final=True,
        )
        await self.world.relay.accept_customer(InboxId(inbox), event)

    def fails(self, way: str = "mail") -> None:
        """The channel refuses the next reply for good."""
        adapter = self.world.adapters[WAYS[way]]
        adapter.faults.fail("send", PermanentFailure("550 refused"))

    async def answered_by_machine(self, name: str) -> None:
        """An automatic answer goes out to a customer."""
        person = await self.person(name)
        key = self.source("auto")

        def unit(connection: Connection) -> set[str]:
            ways = connection.execute(select(route).order_by(route.c.last_used_at.desc())).all()
            case = cases.newest_case(connection, person.customer_id, person.team)
            assert case is not None
            message_id = history.add(
                connection,
                conversation_id=case.id,
                customer_id=person.customer_id,
                identity_id=ways[0].identity_id,
                route_id=ways[0].id,
                inbox=ways[0].inbox,
                direction="outbound",
                dedup_key=f"auto:{key}",
                key=key,
                author="Support",
                text="We are back tomorrow.",
                sent_at=self.at,
                created_at=self.at,
                automated="off_hours",
                state=State.PENDING,
                state_at=self.at,
            )
            from bot.storage import lanes

            return {lanes.append(connection, ways[0].lane_id, [NewDelivery("send", message_id)], self.at)}

        self.world.outbox.wake(await self.database.write(unit))

    # What there is

    async def ledger(self, name: str) -> list[tuple[int, Clock, list[Happened]]]:
        """Every clock of a customer's cases with its ledger, in the order in which they began."""
        customer = self.customers[name]

        def unit(connection: Connection) -> list[tuple[int, Clock, list[Happened]]]:
            found: list[tuple[int, Clock, list[Happened]]] = []
            for case_id in case_ids(connection, customer):
                every = clocks.all_of(connection, case_id)
                events = clocks.events_of(connection, [one.id for one in every])
                found += [(case_id, one, events[one.id]) for one in every]
            return found

        return await self.database.read(unit)

    async def idle(self) -> bool:
        """Whether no delivery waits."""

        def unit(connection: Connection) -> bool:
            waits = connection.execute(select(lane.c.id).where(lane.c.head <= lane.c.tail)).first()
            held = connection.execute(select(delivery.c.id).where(delivery.c.state == State.HELD)).first()
            return waits is None and held is None

        return await self.database.read(unit)


def case_ids(connection: Connection, customer_id: int) -> list[int]:
    """The cases of a customer."""
    from bot.storage.schema import conversation

    rows = connection.execute(
        select(conversation.c.id).where(conversation.c.customer_id == customer_id).order_by(conversation.c.id)
    )
    return list(rows.scalars())


__all__ = ["AMIR", "KIM", "TEAMS", "Mapping", "Stage", "opened", "suppress"]
