"""Two agents never talk over each other, and nobody reads along unseen. On both databases."""

from __future__ import annotations

from dataclasses import replace

from bot.commands.nouns import Confirm, Draft
from bot.commands.types import Agent, Role, Sent
from bot.messages import AgentId, Contact, CustomerId, Text
from bot.storage.database import Database
from tests.core.world import KIM, SUPPORT, World

AMIR = Agent(AgentId("UAMIR"), "Amir", Role.AGENT)


def draft(agent: Agent, words: str, source: str, **more: object) -> Draft:
    made = Draft(CustomerId(1), SUPPORT, agent, Text(words), source)
    return replace(made, **more)  # type: ignore[arg-type]


async def test_the_second_of_two_agents_is_asked(database: Database) -> None:
    async with World(database) as world:
        await world.says("Where is it?", source="1")
        assert isinstance(await world.casework.reply(draft(KIM, "It ships today.", "k1")), Sent)
        asked = await world.casework.reply(draft(AMIR, "Let me look.", "a1"))
        assert isinstance(asked, Confirm) and asked.yes == "Send mine too"
        assert "Kim answered Dana Petrov" in asked.question and "“It ships today.”" in asked.question
        assert isinstance(await world.casework.reply(draft(KIM, "And it is red.", "k2")), Sent), (
            "not of oneself"
        )
        assert isinstance(await world.casework.reply(draft(AMIR, "x", "a2", confirmed=True)), Sent)
        await world.says("Thank you! And the other one?", source="2")
        assert isinstance(await world.casework.reply(draft(AMIR, "Tomorrow.", "a3")), Sent), (
            "they asked again"
        )
        await world.quiet()
        assert world.mail.words() == ["It ships today.", "And it is red.", "x", "Tomorrow."]


async def test_one_that_was_taken_back_or_is_long_ago_collides_with_nobody(database: Database) -> None:
    now = [1_700_000_000.0]
    async with World(database, clock=lambda: now[0], undo=5) as world:
        await world.says("Where is it?", source="1")
        sent = await world.casework.reply(draft(KIM, "It ships today.", "k1"))
        assert isinstance(sent, Sent)
        await world.casework.undo(sent.message_id, KIM)
        assert isinstance(await world.casework.reply(draft(AMIR, "Tomorrow.", "a1")), Sent)
        now[0] += 121
        assert isinstance(await world.casework.reply(draft(KIM, "Still tomorrow.", "k2")), Sent)


async def test_somebody_who_never_took_part_is_shown_and_confirmed(database: Database) -> None:
    copied = (Contact("email", "boss@mail.example"),)
    async with World(database) as world:
        await world.says("Where is it?", source="1", participants=copied)
        known = draft(KIM, "It ships.", "k1", cc=("Boss@mail.example", "dana@mail.example"))
        assert isinstance(await world.casework.reply(known), Sent)
        strange = draft(KIM, "All yours.", "k2", cc=("boss@mail.example", "eve@evil.example"))
        asked = await world.casework.reply(strange)
        assert isinstance(asked, Confirm) and asked.yes == "Send to them too"
        assert (
            asked.question == "eve@evil.example has never been part of this conversation and would read it."
        )
        assert isinstance(await world.casework.reply(replace(strange, confirmed=True)), Sent)
        again = draft(KIM, "More.", "k3", cc=("eve@evil.example",))
        assert isinstance(await world.casework.reply(again), Sent), "who was confirmed once has taken part"


async def test_several_doubts_are_one_question(database: Database) -> None:
    async with World(database) as world:
        await world.says("Where is it?", source="1")
        assert isinstance(await world.casework.reply(draft(KIM, "It ships.", "k1")), Sent)
        asked = await world.casework.reply(draft(AMIR, "It ships.", "a1", cc=("eve@evil.example",)))
        assert isinstance(asked, Confirm) and asked.yes == "Send all the same"
        assert "eve@evil.example" in asked.question and "exactly these words" in asked.question


async def test_long_words_of_a_colleague_are_cut(database: Database) -> None:
    async with World(database) as world:
        await world.says("Where is it?", source="1")
        await world.casework.reply(draft(KIM, "w" * 300, "k1"))
        asked = await world.casework.reply(draft(AMIR, "Let me look.", "a1"))
        assert isinstance(asked, Confirm) and len(asked.question) < 250 and "…" in asked.question


async def test_who_has_a_reply_open_is_known_until_they_sent_it_or_let_it_be(database: Database) -> None:
    now = [1_700_000_000.0]
    async with World(database, clock=lambda: now[0]) as world:
        desk = world.casework.desk
        dana = CustomerId(1)
        assert await desk.writing(dana, KIM, begins=True) == ()
        assert await desk.writing(dana, AMIR, begins=True) == ("Kim",)
        assert await desk.writing(dana, KIM, begins=False) == ("Amir",)
        assert await desk.writing(dana, AMIR, begins=True) == (), "Kim has sent hers"
        assert await desk.writing(CustomerId(2), KIM, begins=True) == ()
        now[0] += 181
        assert await desk.writing(dana, KIM, begins=True) == (), "Amir has let it be"
