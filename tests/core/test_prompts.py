"""Prompts: posts with buttons, in a thread or by direct message: made once, shown anew when something came of them."""

from __future__ import annotations

import asyncio
from functools import partial

from sqlalchemy import Connection

from bot.cases import prompts
from bot.desk import Press, Prompt, Said, Strong, ThreadLink, When, Who
from bot.messages import AgentId
from bot.storage.database import Database
from tests.core.world import SUPPORT, World

ASKED = Prompt(
    (
        ("Is ", Strong("Dana"), " the same as C7?"),
        ("since ", When(1_700_000_000.0), " ", Who(AgentId("UKIM"))),
    ),
    1_700_000_000.0,
    (Press("Merge", "merge.yes", "7", "primary"), Press("Not the same", "merge.no", "7")),
)


async def wake(world: World, unit: partial[set[str]]) -> None:
    world.outbox.wake(await world.database.write(unit))


def shown(world: World) -> list[Prompt]:
    return [entry for entry in world.desk.entries() if isinstance(entry, Prompt)]


async def test_a_prompt_is_a_post_of_its_own_in_the_order_of_the_thread(database: Database) -> None:
    async with World(database) as world:
        gate = world.desk.faults.gate("open_card")
        await world.says("one", source="1")
        await wake(
            world,
            partial(
                prompts.in_thread,
                customer_id=1,
                team=SUPPORT,
                prompt=ASKED,
                about="merge:1",
                now=world.clock(),
            ),
        )
        await world.says("two", source="2")
        gate.set()
        await world.quiet()
        kinds = [
            [type(entry) for entry in post.entries] for post in world.desk.posts.values() if not post.card
        ]
        assert kinds == [[Said], [Prompt], [Said]]
        assert shown(world) == [ASKED]


async def test_what_came_of_it_takes_the_place_of_the_buttons(database: Database) -> None:
    async with World(database) as world:
        await world.says("one", source="1")
        ask = partial(
            prompts.in_thread, customer_id=1, team=SUPPORT, prompt=ASKED, about="merge:1", now=world.clock()
        )
        await wake(world, ask)
        await world.until(lambda: shown(world))
        done = ("Kim merged them, see ", ThreadLink("the thread", "C1", "1.2"))
        await wake(world, partial(prompts.settle, about="merge:1", done=done, now=world.clock()))
        await world.until(lambda: shown(world)[0].done)
        (after,) = shown(world)
        assert (after.done, after.buttons, after.lines) == (done, (), ASKED.lines)
        before = world.desk.updates
        await wake(world, partial(prompts.settle, about="merge:1", done=done, now=world.clock()))
        await world.quiet()
        assert world.desk.updates == before, "what is shown already is not shown anew"


async def test_one_that_is_settled_before_it_is_posted_never_asks(database: Database) -> None:
    async with World(database) as world:
        gate = world.desk.faults.gate("open_card")
        await world.says("one", source="1")

        def unit(connection: Connection) -> set[str]:
            now = world.clock()
            woken = prompts.in_thread(connection, 1, SUPPORT, ASKED, "merge:1", now)
            return woken | prompts.settle(connection, "merge:1", ("Kim merged them",), now)

        world.outbox.wake(await world.database.write(unit))
        gate.set()
        await world.quiet()
        assert [(one.buttons, one.done) for one in shown(world)] == [((), ("Kim merged them",))]


async def test_a_notice_to_a_person_is_one_copy_whatever_is_lost(database: Database) -> None:
    async with World(database) as world:
        gate = world.desk.faults.gate("post", after=True)
        await wake(
            world,
            partial(prompts.to_person, target="UKIM", prompt=ASKED, about="clock:1", now=world.clock()),
        )
        async with asyncio.timeout(20):
            await world.desk.faults.reached["post", True].wait()
        gate.set()
        await world.restart()
        await world.quiet()
        (post,) = world.desk.posts.values()
        assert (post.channel, post.thread_ts, post.entries) == ("UKIM", None, (ASKED,))
        other = Prompt((("Answered",),), 2.0)
        await wake(world, partial(prompts.renew, about="clock:1", prompt=other, now=world.clock()))
        await world.quiet()
        assert post.entries == (other,)


async def test_notices_to_one_person_are_one_lane_however_many_begin_at_once(database: Database) -> None:
    async with World(database) as world:
        units = [
            partial(
                prompts.to_person,
                target="UKIM",
                prompt=Prompt(((f"number {number}",),), 1.0),
                about=f"clock:{number}",
                now=world.clock(),
            )
            for number in range(5)
        ]
        for buckets in await asyncio.gather(*(database.write(unit) for unit in units)):
            world.outbox.wake(buckets)
        await world.quiet()
        said = [post.entries[0].lines[0][0] for post in world.desk.posts.values()]  # type: ignore[union-attr]
        assert said == [f"number {number}" for number in range(5)]
