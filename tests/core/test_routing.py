"""Who gets what comes in: turns, load, room, those who come back; owners hear of new words once. On both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.commands.types import Agent, Role
from bot.desk import Activity, Prompt
from bot.messages import AgentId, CustomerId
from bot.policy import RoutingPolicy
from bot.routing import Routing
from bot.storage.database import Database
from tests.core.test_autoanswer import EVENING, world_of
from tests.core.world import CHAT, KIM, SUPPORT, World

AMIR = Agent(AgentId("UAMIR"), "Amir", Role.AGENT)


def routed(world: World, **rule: object) -> Routing:
    """The team's cases are given away by this rule."""
    team = replace(world.policy.teams[SUPPORT], routing=RoutingPolicy(**rule))  # type: ignore[arg-type]
    world.policy.teams[SUPPORT] = team  # type: ignore[index]
    return Routing(world.casework.hands)


async def on_duty(world: World, *who: Agent) -> None:
    for agent in who:
        await world.casework.desk.duty(agent, True, f"on:{agent.id}")


async def owner(world: World, number: int) -> str | None:
    return (await world.casework.person(CustomerId(number), SUPPORT)).owner


async def writes(world: World, number: int, words: str = "hello", **more: object) -> None:
    await world.says(words, source=f"{number}-{words}", who=f"p{number}@mail.example", **more)


def direct(world: World) -> list[Prompt]:
    """What was said to people directly."""
    return [
        entry
        for post in world.desk.posts.values()
        if post.channel.startswith("U")
        for entry in post.entries
        if isinstance(entry, Prompt)
    ]


def said(prompt: Prompt) -> str:
    return " / ".join("".join(getattr(p, "words", p) for p in line) for line in prompt.lines)  # type: ignore[misc]


async def test_off_gives_nothing_away(database: Database) -> None:
    async with World(database) as world:
        routing = routed(world)
        await on_duty(world, KIM)
        await writes(world, 1)
        await routing.once()
        assert await owner(world, 1) is None


async def test_round_robin_goes_round_and_survives_a_restart(database: Database) -> None:
    async with World(database) as world:
        routing = routed(world, assign="round_robin", notify=False)
        await on_duty(world, KIM, AMIR)
        for number in range(1, 4):
            await writes(world, number)
        await routing.once()
        await writes(world, 4)
        await Routing(world.casework.hands).once()
        given = [await owner(world, number) for number in range(1, 5)]
        assert given == ["UAMIR", "UKIM", "UAMIR", "UKIM"]
        await world.quiet()
        lines = [one.text for one in world.desk.entries() if isinstance(one, Activity)]
        assert lines.count("Amir has it now: it was their turn") == 2


async def test_who_has_the_fewest_gets_the_next_within_their_room(database: Database) -> None:
    async with World(database) as world:
        world.policy.inboxes[CHAT] = replace(  # type: ignore[index]
            world.policy.inboxes[CHAT], able=replace(world.policy.inboxes[CHAT].able, live=True)
        )
        routing = routed(world, assign="least_loaded", live=1, notify=False)
        await on_duty(world, KIM, AMIR)
        for number in range(1, 4):
            await writes(world, number, inbox=CHAT, channel="chat")
        await writes(world, 4)
        await routing.once()
        given = [await owner(world, number) for number in range(1, 5)]
        assert given == ["UAMIR", "UKIM", None, "UAMIR"], "a third chat waits, a mail does not"
        await world.casework.resolve(CustomerId(2), SUPPORT, KIM, "r")
        await routing.once()
        assert await owner(world, 3) == "UKIM", "there is room again"


async def test_who_comes_back_goes_to_who_knows_them(database: Database) -> None:
    async with World(database) as world:
        routing = routed(world, assign="round_robin", notify=False)
        await on_duty(world, KIM, AMIR)
        await writes(world, 1)
        await world.casework.assign(CustomerId(1), SUPPORT, KIM, KIM.id, "a")
        await world.casework.resolve(CustomerId(1), SUPPORT, KIM, "r")
        await writes(world, 1, "again")
        await routing.once()
        assert await owner(world, 1) == "UKIM"
        await world.casework.resolve(CustomerId(1), SUPPORT, KIM, "r2")
        await world.casework.desk.duty(KIM, False, "off")
        await writes(world, 1, "and again")
        await routing.once()
        assert await owner(world, 1) == "UAMIR", "who knows them is not there"


async def test_off_duty_gives_back_what_waits_for_us(database: Database) -> None:
    async with World(database) as world:
        await on_duty(world, KIM)
        for number in (1, 2):
            await writes(world, number)
            await world.casework.assign(CustomerId(number), SUPPORT, KIM, KIM.id, f"a{number}")
        await world.casework.desk.pending(CustomerId(2), SUPPORT, KIM, "p")
        for _ in range(2):
            state = await world.casework.desk.duty(KIM, False, "off")
        assert (state.on, await owner(world, 1), await owner(world, 2)) == (False, None, "UKIM")
        await world.quiet()
        lines = [one.text for one in world.desk.entries() if isinstance(one, Activity)]
        assert lines.count("Kim is off duty: it belongs to the team again") == 1


async def test_a_customer_who_comes_back_to_somebody_off_duty_goes_to_who_is_there(
    database: Database,
) -> None:
    async with World(database) as world:
        routing = routed(world, assign="round_robin", notify=False)
        await on_duty(world, KIM, AMIR)
        await writes(world, 1)
        await world.casework.assign(CustomerId(1), SUPPORT, KIM, KIM.id, "a")
        await world.casework.desk.pending(CustomerId(1), SUPPORT, KIM, "p")
        await world.casework.desk.duty(KIM, False, "off")
        await routing.once()
        assert await owner(world, 1) == "UKIM", "it waits for the customer, so it stays"
        await writes(world, 1, "Hello?")
        await routing.once()
        assert await owner(world, 1) == "UAMIR"


@pytest.mark.parametrize("notify", [True, False])
async def test_an_owner_hears_of_new_words_once_and_of_the_end(database: Database, notify: bool) -> None:
    async with World(database) as world:
        routing = routed(world, notify=notify)
        await routing.once()
        await writes(world, 1, "Where is it?")
        await world.casework.assign(CustomerId(1), SUPPORT, KIM, KIM.id, "a")
        await routing.once()
        await writes(world, 1, "Hello?")
        await writes(world, 1, "Anybody?")
        await routing.once()
        await world.quiet()
        if not notify:
            assert direct(world) == []
            return
        (heard,) = direct(world)
        assert said(heard) == "Dana Petrov (C1) wrote 3 messages / “Anybody?”"
        await world.reply("C1", "It ships today.")
        await world.quiet()
        await routing.once()
        await world.quiet()
        (after,) = direct(world)
        assert after.buttons == () and after.done == ("answered by Kim",)
        for words in ("Thanks", "Bye"):
            await writes(world, 1, words)
            await routing.once()
            await world.quiet()
        before, heard = direct(world)
        assert said(heard) == "Dana Petrov (C1) wrote 2 messages / “Bye”"
        assert (before.buttons, before.done) == ((), ("answered by Kim",)), "what was answered stays answered"


async def test_a_new_owner_is_told_and_the_old_one_knows(database: Database) -> None:
    async with World(database) as world:
        routing = routed(world)
        await routing.once()
        await writes(world, 1, "one")
        await world.casework.assign(CustomerId(1), SUPPORT, KIM, KIM.id, "a")
        await routing.once()
        await world.casework.assign(CustomerId(1), SUPPORT, KIM, AMIR.id, "b")
        await writes(world, 1, "two")
        await routing.once()
        await world.quiet()
        kims, amirs = direct(world)
        assert kims.done == ("somebody else has it now",)
        assert said(amirs) == "Dana Petrov (C1) wrote / “two”"


async def test_who_is_given_what_waited_hears_of_it_and_so_does_the_next_one(database: Database) -> None:
    async with World(database) as world:
        routing = routed(world, assign="round_robin")
        await writes(world, 1, "Where is it?")
        await routing.once()
        await writes(world, 1, "Hello?")
        await routing.once()
        await world.quiet()
        assert direct(world) == [], "nobody is on duty"
        await on_duty(world, KIM)
        await routing.once()
        await world.quiet()
        assert [said(one) for one in direct(world)] == ["Dana Petrov (C1) wrote 2 messages / “Hello?”"]
        await world.casework.desk.duty(KIM, False, "off")
        await on_duty(world, AMIR)
        await routing.once()
        await writes(world, 1, "Anybody?")
        await routing.once()
        await world.quiet()
        kims, amirs = direct(world)
        assert kims.done == ("somebody else has it now",)
        assert said(amirs) == "Dana Petrov (C1) wrote 3 messages / “Anybody?”"


async def test_who_comes_back_on_duty_hears_of_the_same_words_in_the_same_place(database: Database) -> None:
    async with World(database) as world:
        routing = routed(world, assign="round_robin")
        await on_duty(world, KIM)
        await writes(world, 1, "the first words ever")
        await routing.once()
        await world.casework.desk.duty(KIM, False, "off")
        await world.casework.desk.duty(KIM, True, "on again")
        await routing.once()
        await world.quiet()
        (heard,) = direct(world)
        assert said(heard) == "Dana Petrov (C1) wrote / “the first words ever”"
        assert heard.done == ()


async def test_an_automatic_answer_keeps_nothing_from_the_owner(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        routing = routed(world, assign="round_robin")
        await routing.once()
        await on_duty(world, KIM)
        clock.skip(EVENING)
        await writes(world, 1, "Where is it?")
        await world.quiet()
        assert len(world.mail.sent) == 1, "we are closed"
        await routing.once()
        await world.quiet()
        assert [said(one) for one in direct(world)] == ["Dana Petrov (C1) wrote / “Where is it?”"]
