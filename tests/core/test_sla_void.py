"""A reply that turns out to be none, after a merge too: who waits, where they are told, and what an unmerge gives back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import Connection, select, update

from bot import replies
from bot.clockwork.promises import Promises, usual
from bot.desk import Replied, State, Status
from bot.messages import CustomerId, Failure, MessageId, RemoteId, SourceId
from bot.storage import cases, clocks, history
from bot.storage.database import Database
from bot.storage.schema import conversation, delivery, message
from tests.core.test_elsewhere import visitor, world_with
from tests.core.test_merge_threads import both, merge, shown, threads
from tests.core.test_merging_laws import PAIRS, POLICY, Stage, Step, Story, answers, joins, says
from tests.core.test_merging_laws import stage as stage
from tests.core.world import KIM, MAIL, SUPPORT, World

ONE, TWO = CustomerId(1), CustomerId(2)


def promised(world: World) -> World:
    """The same world with promises."""
    world.policy = replace(world.policy, promises=Promises(usual({"email": 3600.0, "chat": 300.0})))
    world.build()
    return world


async def comes_back(world: World, message_id: MessageId) -> None:
    row = await world.database.read(lambda connection: history.get(connection, message_id))
    assert row is not None
    failure = Failure(
        SourceId(f"bounce-{message_id}"), RemoteId(f"{row.key}-0"), "550 gone", datetime.now(UTC), final=True
    )
    await world.relay.accept_customer(MAIL, failure)
    await world.quiet()


async def case_of(world: World, number: int) -> Any:
    """The newest case of a customer."""
    found = await world.database.read(lambda connection: cases.newest_case(connection, number, SUPPORT))
    assert found is not None
    return found


async def running(world: World, case_id: int) -> list[tuple[str, float]]:
    """The clocks of a case that count now, each with its start."""

    def unit(connection: Connection) -> list[tuple[str, float]]:
        found = clocks.open_of(connection, case_id)
        return sorted((one.kind, one.started_at) for one in found if one.state == "running")

    return await world.database.read(unit)


async def words_at(world: World, source: str) -> float:
    """When something was said."""

    def unit(connection: Connection) -> float:
        wanted = select(message.c.created_at).where(message.c.dedup_key.like(f"in:%:{source}"))
        return float(connection.execute(wanted).scalar_one())

    return await world.database.read(unit)


async def test_the_case_that_goes_on_waits_for_a_reply_that_came_back(database: Database) -> None:
    world, _ = world_with(database)
    async with promised(world):
        await both(world)
        bounced = (await world.reply("C1", "It ships today.", "r1")).message_id
        await world.quiet()
        await world.reply("C2", "Yes, in stock.", "r2")
        await world.quiet()
        said = await words_at(world, "m1")
        merged = await world.casework.merging.merge(TWO, ONE, KIM, "merge-1")
        await world.quiet()
        before = await case_of(world, TWO)
        assert (before.status, before.waiting_since) == (Status.PENDING, None)

        await comes_back(world, bounced)
        case = await case_of(world, TWO)
        assert (case.id, case.status, case.waiting_since) == (before.id, Status.OPEN, said)
        assert case.due_at is not None and case.due_kind == "next"
        assert await running(world, case.id) == [("next", said), ("resolution", said)]
        ended, goes_on = threads(world)
        assert any("550 gone" in str(entry) for entry in failed(world, goes_on))
        assert (await world.casework.lookup("C1", SUPPORT))[0].waiting_since is not None

        await world.casework.merging.unmerge(merged.merge_id, KIM, "unmerge-1")
        await world.quiet()
        theirs, ours = await case_of(world, ONE), await case_of(world, TWO)
        assert (theirs.status, theirs.waiting_since) == (Status.OPEN, said)
        assert await running(world, theirs.id) == [("first", said), ("resolution", said)]
        assert (ours.status, ours.waiting_since, ours.due_at) == (Status.PENDING, None, None)
        assert await running(world, ours.id) == []
        assert ended != goes_on and shown(world, goes_on)


def failed(world: World, thread_ts: str) -> list[Replied]:
    """The replies that a thread shows as failed."""
    return [
        entry
        for post in world.desk.posts.values()
        if post.thread_ts == thread_ts
        for entry in post.entries
        if isinstance(entry, Replied) and entry.state is State.FAILED
    ]


async def test_nobody_waits_where_somebody_answered_after_the_merge(database: Database) -> None:
    world, _ = world_with(database)
    async with promised(world):
        await both(world)
        bounced = (await world.reply("C1", "It ships today.", "r1")).message_id
        await world.quiet()
        await merge(world)
        await world.quiet()
        await world.reply("C1", "And it has shipped.", "r2")
        await world.quiet()
        await comes_back(world, bounced)
        case = await case_of(world, ONE)
        assert (case.status, case.waiting_since, case.due_at) == (Status.PENDING, None, None)
        assert await running(world, case.id) == []


async def test_who_was_answered_by_what_was_taken_back_waits_again(database: Database) -> None:
    world, chat = world_with(database)
    async with promised(world):
        await world.says("Is it in stock?", **visitor("1"))
        said = await words_at(world, "1")
        first = (await world.reply("C1", "Yes.", "r1")).message_id
        await world.quiet()
        second = (await world.reply("C1", "We have three.", "r2")).message_id
        await world.quiet()
        await world.casework.undo(first, KIM)
        await world.quiet()
        case = await case_of(world, ONE)
        assert (case.status, case.waiting_since) == (Status.PENDING, None)  # the other one has answered

        await world.casework.undo(second, KIM)
        await world.quiet()
        case = await case_of(world, ONE)
        assert (case.status, case.waiting_since) == (Status.OPEN, said)
        assert await running(world, case.id) == [("first", said), ("resolution", said)]
        assert len(chat.deletes) == 2
        (card,) = [post.card for post in world.desk.posts.values() if post.card is not None]
        assert card.waiting_since == said

        third = (await world.reply("C1", "We have two.", "r3")).message_id
        await world.quiet()
        await world.casework.resolve(ONE, SUPPORT, KIM, "resolve-1")
        await world.casework.undo(third, KIM)
        await world.quiet()
        case = await case_of(world, ONE)
        assert case.status == Status.RESOLVED
        assert await running(world, case.id) == []


class Returning(Story):
    """Histories in which replies come back."""

    def answers(self, person: int, at: int) -> None:
        super().answers(person, at)
        newest = self.connection.execute(select(delivery.c.message_id).order_by(delivery.c.id.desc())).first()
        if newest is not None and newest.message_id is not None:
            accepted = {"state": "accepted", "settled_at": self.now}
            wanted = (delivery.c.op == "send", delivery.c.message_id == newest.message_id)
            self.connection.execute(update(delivery).where(*wanted).values(**accepted))

    def returns(self, which: int, _: int = 0) -> None:
        sent = select(message).where(message.c.direction == "outbound").order_by(message.c.id)
        rows = [row for row in self.connection.execute(sent) if row.state == "accepted"]
        if rows:
            replies.came_back(self.connection, POLICY, rows[which % len(rows)], "550 gone", self.now)

    def waits(self) -> list[Any]:
        """Who waits, customers counted from the first."""
        first = min(self.known.values())
        wanted = select(
            conversation.c.customer_id,
            conversation.c.team,
            conversation.c.status,
            conversation.c.waiting_since,
        ).order_by(conversation.c.customer_id, conversation.c.team)
        return [(row[0] - first, *row[1:]) for row in self.connection.execute(wanted)]


RETURNS = st.tuples(st.just("returns"), st.integers(0, 20), st.just(0))
BOUNCES = st.lists(st.one_of(says, answers, answers, RETURNS, joins), max_size=30)


def test_who_waits_is_as_if_they_had_never_been_one(stage: Stage) -> None:
    """Where people talk and replies come back, parted customers wait as they would without any merge."""

    @stage.settings
    @example(steps=[("answers", 0, 0), ("joins", 3, 0), ("returns", 0, 0)], pairs=[(9, 9)])
    @example(steps=[("answers", 0, 0), ("joins", 0, 3), ("returns", 0, 0), ("says", 0, 0)], pairs=[(9, 9)])
    @given(steps=BOUNCES, pairs=PAIRS)
    def law(steps: list[Step], pairs: list[tuple[int, int]]) -> None:
        ends: list[list[Any]] = []

        def play(story: Returning, *, merging_too: bool) -> None:
            story.talk(steps, pairs, merging_too=merging_too)
            ends.append(story.waits())

        stage.perform(lambda story: play(Returning(story.connection), merging_too=False))
        stage.perform(lambda story: play(Returning(story.connection), merging_too=True))
        assert ends[0] == ends[1]

    law()
