"""A thread that is old or long goes on in a new one; nothing is lost, and both say where. On both databases."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial

import pytest

from bot.cases import rollover
from bot.desk import Prompt, Said, ThreadLink
from bot.messages import CustomerId
from bot.storage.database import Database
from tests.core.world import KIM, SUPPORT, World

DAY = 86_400.0
DANA = CustomerId(1)


async def new_case(world: World, words: str, source: str) -> None:
    await world.casework.resolve(DANA, SUPPORT, KIM, f"r{source}")
    await world.says(words, source=source)
    await world.quiet()


def threads(world: World) -> list[list[str]]:
    """What stands in each thread: customers' words, and prompts in brackets."""
    shown = []
    for card in world.desk.cards():
        lines = []
        for entry in world.desk.entries(card.ts):
            if isinstance(entry, Said):
                lines.append(entry.text.plain)
            elif isinstance(entry, Prompt):
                lines.append(f"[{entry.lines[0][0]}]")
        shown.append(lines)
    return shown


@pytest.mark.parametrize("days", [89, 91])
async def test_a_new_case_in_an_old_thread_begins_in_a_new_one(database: Database, days: int) -> None:
    later = [0.0]
    async with World(database, clock=lambda: time.time() + later[0]) as world:
        await world.says("One", source="1")
        await world.quiet()
        later[0] += days * DAY
        await new_case(world, "Two", "2")
        if days == 89:
            assert threads(world) == [["One", "Two"]]
            return
        assert threads(world) == [
            ["One", "[This thread has become long. It goes on in a new one, below in the channel.]"],
            ["[The thread of Dana Petrov goes on here.]", "Two"],
        ]
        old, new = world.desk.cards()
        assert old.card is not None and old.card.ended and new.card is not None and not new.card.ended
        prompt = next(one for one in world.desk.entries(new.ts) if isinstance(one, Prompt))
        links = [piece for line in prompt.lines for piece in line if isinstance(piece, ThreadLink)]
        assert [(link.channel, link.ts) for link in links] == [("C1", old.ts)]
        person = await world.casework.at_thread("C1", old.ts)
        assert person is not None and person.customer_id == DANA, "commands in the old thread still mean them"
        await world.says("Three", source="3")
        await world.quiet()
        assert threads(world)[1][-1] == "Three"


async def test_a_long_thread_rolls_over_with_a_new_case_and_a_very_long_one_at_once(
    database: Database,
) -> None:
    async with World(database) as world:
        await world.stop()
        world.policy = replace(world.policy, thread_posts=3)
        world.build()
        world.start()
        for number in range(5):
            await world.says(f"w{number}", source=f"{number}")
        await world.quiet()
        assert len(world.desk.cards()) == 1
        assert (
            await database.write(partial(rollover.sweep, policy=world.policy, keys=("k",), now=1.0)) == set()
        )
        await new_case(world, "next", "n")
        assert len(world.desk.cards()) == 2
        for number in range(9):
            await world.says(f"x{number}", source=f"x{number}")
        await world.quiet()
        sweep = partial(rollover.sweep, policy=world.policy, keys=("k1", "k2"), now=world.clock())
        world.outbox.wake(await database.write(sweep))
        await world.says("y", source="y")
        await world.quiet()
        assert len(world.desk.cards()) == 3 and threads(world)[2][-1] == "y"
        assert await database.write(sweep) == set(), "the new one is short"
        said = [words for thread in threads(world) for words in thread if not words.startswith("[")]
        assert len(said) == len(set(said)) == 16


async def test_a_crash_between_makes_no_two_cards(database: Database) -> None:
    later = [0.0]
    async with World(database, clock=lambda: time.time() + later[0]) as world:
        await world.says("One", source="1")
        await world.quiet()
        later[0] += 100 * DAY
        gate = world.desk.faults.gate("open_card", after=True)
        await world.casework.resolve(DANA, SUPPORT, KIM, "r")
        await world.says("Two", source="2")
        await world.until(lambda: len(world.desk.cards()) == 2)
        gate.set()
        await world.restart()
        await world.quiet()
        assert len(world.desk.cards()) == 2 and threads(world)[1][-1] == "Two"
