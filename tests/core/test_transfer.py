"""A case goes to another team and goes on there, by whichever inbox the customer writes. On both databases."""

from __future__ import annotations

import pytest

from bot.commands.nouns import Draft
from bot.desk import Activity, Prompt, Replied, Said, Status
from bot.errors import UserError
from bot.messages import CustomerId, Text
from bot.storage.database import Database
from tests.core.world import CHAT, KIM, PRESS, PRESS_MAIL, SUPPORT, World

DANA = CustomerId(1)


def words(prompt: Prompt) -> list[str]:
    return ["".join(getattr(piece, "words", piece) for piece in line) for line in prompt.lines]  # type: ignore[misc]


async def test_it_goes_on_in_the_other_channel_with_what_they_should_know(database: Database) -> None:
    async with World(database) as world:
        await world.says("May I interview you?", source="1")
        await world.reply("C1", "I will ask.")
        await world.quiet()
        for _ in range(2):
            after = await world.casework.desk.transfer(DANA, SUPPORT, KIM, PRESS, "an interview", "t")
        assert (after.team, after.owner) == (PRESS, None)
        await world.quiet()
        support, press = world.desk.cards()
        assert (support.channel, press.channel) == ("C1", "C2")
        assert support.card is not None and support.card.status is Status.RESOLVED
        assert press.card is not None and press.card.status is Status.PENDING
        lines = [one.text for one in world.desk.entries(support.ts) if isinstance(one, Activity)]
        assert lines == ["Kim gave it to Press: an interview"]
        (prompt,) = [one for one in world.desk.entries(press.ts) if isinstance(one, Prompt)]
        assert words(prompt) == [
            "Kim of Support gives you this case: an interview",
            "← Dana Petrov: “May I interview you?”",
            "→ Kim: “I will ask.”",
            "The thread in Support's channel",
        ]

        await world.says("And when?", source="2")
        await world.quiet()
        heard = [one.text.plain for one in world.desk.entries(press.ts) if isinstance(one, Said)]
        assert heard == ["And when?"], "what they say goes on arriving there"
        assert (await world.casework.person(DANA, PRESS)).status is Status.OPEN
        person = (await world.casework.lookup("C1", PRESS))[0]
        assert person.team == PRESS
        sent = len(world.mail.sent)

        await world.casework.reply(Draft(DANA, PRESS, KIM, Text("Tomorrow."), "r2"))
        await world.quiet()
        assert len(world.mail.sent) == sent + 1, "by the inbox they wrote to"
        assert [one.text.plain for one in world.desk.entries(press.ts) if isinstance(one, Replied)] == [
            "Tomorrow."
        ]


async def test_after_its_end_they_are_with_the_inboxes_team_again(database: Database) -> None:
    async with World(database) as world:
        await world.says("One", source="1")
        await world.casework.desk.transfer(DANA, SUPPORT, KIM, PRESS, "", "t")
        await world.casework.resolve(DANA, PRESS, KIM, "r")
        await world.says("Two", source="2")
        assert (await world.casework.person(DANA, SUPPORT)).status is Status.OPEN
        assert (await world.casework.person(DANA, PRESS)).status is Status.RESOLVED


async def test_back_again_and_by_another_inbox_of_the_first_team(database: Database) -> None:
    async with World(database) as world:
        await world.says("One", source="1")
        await world.casework.desk.transfer(DANA, SUPPORT, KIM, PRESS, "", "t1")
        await world.casework.desk.transfer(DANA, PRESS, KIM, SUPPORT, "not ours", "t2")
        await world.says("Two", source="2")
        assert (await world.casework.person(DANA, SUPPORT)).status is Status.OPEN
        await world.casework.desk.transfer(DANA, SUPPORT, KIM, PRESS, "", "t3")
        await world.says("Three", source="3", inbox=CHAT)
        person = await world.casework.person(DANA, PRESS)
        assert person.excerpt == "Three", "they are one customer with one open case"


async def test_what_cannot_be_given_says_why(database: Database) -> None:
    async with World(database) as world:
        await world.says("One", source="1")
        with pytest.raises(UserError, match="It is with Support already"):
            await world.casework.desk.transfer(DANA, SUPPORT, KIM, SUPPORT, "", "t1")
        await world.says("For the press", source="2", inbox=PRESS_MAIL)
        with pytest.raises(UserError, match="open case with Press already"):
            await world.casework.desk.transfer(DANA, SUPPORT, KIM, PRESS, "", "t2")
        await world.casework.resolve(DANA, SUPPORT, KIM, "r")
        with pytest.raises(UserError, match="Reopen it first"):
            await world.casework.desk.transfer(DANA, SUPPORT, KIM, PRESS, "", "t3")
