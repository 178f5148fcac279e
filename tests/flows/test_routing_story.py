"""Who gets what comes in, with the real bot: turns, load and room, coming back, going off duty, and hearing of new words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.flows.desk import AtDesk, all_shown_is_valid
from tests.flows.linked import LinkedShop, Visitors, opened, says, visiting
from tests.flows.seen import read
from tests.flows.shop import DANA, OMAR
from tests.flows.test_reminder_story import direct, press, told

AGENTS = {"Kim": "agent1", "Amir": "agent2"}


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[LinkedShop]:
    async with opened(tmp_path) as made:
        yield made


@asynccontextmanager
async def open_with(shop: LinkedShop, rule: str) -> AsyncIterator[Visitors]:
    """The shop is open; its support team gives cases away by this rule."""
    team = "undo_seconds: 0.3\n  press"
    shop.write_config(**{team: f"undo_seconds: 0.3\n    routing: {{{rule}}}\n  press"})
    async with shop.open() as made, visiting(made) as visitors:
        yield visitors


async def chats(shop: LinkedShop, visitors: Visitors, words: str) -> int:
    """A stranger opens the chat and says something; gives the number of their card."""
    await says(await visitors.come(), words)
    return await with_the_team(shop, words)


async def with_the_team(shop: LinkedShop, words: str) -> int:
    """Waits until somebody's thread shows these words; gives the number of its card."""

    def look() -> list[int]:
        return [n + 1 for n in range(len(shop.roots())) if any(words in post for post in shop.posts(n))]

    found: list[int] = await shop.until(look)
    return found[0] - 1


async def belongs_to(shop: LinkedShop, number: int, who: str) -> None:
    """Waits until a card says whose case it is: Kim's, Amir's, nobody's."""
    words = f"owner: <@{shop.slack.people[AGENTS[who]].id}>" if who in AGENTS else "owner: nobody"
    try:
        await shop.until(lambda: words in read(shop.roots()[number]))
    except TimeoutError:
        raise AssertionError(f"it is not {who}'s: {read(shop.roots()[number])}") from None


async def whose(shop: LinkedShop, number: int) -> str:
    """Waits until a card says that somebody has the case; says who."""
    ids = {shop.slack.people[key].id: name for name, key in AGENTS.items()}

    def look() -> list[str]:
        return [name for one, name in ids.items() if f"owner: <@{one}>" in read(shop.roots()[number])]

    found: list[str] = await shop.until(look)
    return found[0]


async def test_customers_go_round_by_whatever_channel_they_come(shop: LinkedShop) -> None:
    kim, amir = AtDesk(shop, "agent1"), AtDesk(shop, "agent2")
    async with open_with(shop, "assign: round_robin, notify: false") as visitors:
        await kim.asks("/duty on", "You are on duty")
        await amir.asks("/duty on", "Also on duty: Kim Lindqvist.")
        await shop.mails(DANA, "By mail")
        first = await whose(shop, await with_the_team(shop, "By mail"))
        second = "Amir" if first == "Kim" else "Kim"
        await belongs_to(shop, await chats(shop, visitors, "In the chat"), second)
        shop.telegram.say("customer2", "By Telegram")
        third = await with_the_team(shop, "By Telegram")
        await belongs_to(shop, third, first)
        await shop.in_thread("has it now: it was their turn", third)
    async with open_with(shop, "assign: round_robin, notify: false") as visitors:
        await belongs_to(shop, await chats(shop, visitors, "After a restart"), second)
        all_shown_is_valid(shop)


async def test_an_agent_has_four_chats_at_most_and_any_number_of_mails(shop: LinkedShop) -> None:
    kim, amir = AtDesk(shop, "agent1"), AtDesk(shop, "agent2")
    async with open_with(shop, "assign: least_loaded, notify: false") as visitors:
        await kim.asks("/duty on", "You are on duty")
        for number in range(4):
            await belongs_to(shop, await chats(shop, visitors, f"Chat {number}"), "Kim")
        fifth = await chats(shop, visitors, "One too many")
        await shop.mails(DANA, "A mail")
        await belongs_to(shop, await with_the_team(shop, "A mail"), "Kim")
        await belongs_to(shop, fifth, "nobody")  # it was there before the mail, and was left where it is
        await kim.types("/resolve C1")
        await belongs_to(shop, fifth, "Kim")
        sixth = await chats(shop, visitors, "Again one too many")
        await shop.mails(OMAR, "Another mail", name="Omar Said")
        await belongs_to(shop, await with_the_team(shop, "Another mail"), "Kim")
        await belongs_to(shop, sixth, "nobody")
        await amir.asks("/duty on", "Also on duty: Kim Lindqvist.")
        await belongs_to(shop, sixth, "Amir")
        await shop.in_thread("Amir Haddad has it now: they have the fewest", sixth)
        all_shown_is_valid(shop)


async def test_room_is_counted_for_chats_and_for_the_rest(shop: LinkedShop) -> None:
    kim, amir = AtDesk(shop, "agent1"), AtDesk(shop, "agent2")
    async with open_with(shop, "assign: least_loaded, live: 1, others: 1, notify: false") as visitors:
        await kim.asks("/duty on", "You are on duty")
        await shop.mails(DANA, "A mail")
        await belongs_to(shop, await with_the_team(shop, "A mail"), "Kim")
        await shop.mails(OMAR, "A second mail", name="Omar Said")
        mail = await with_the_team(shop, "A second mail")
        await belongs_to(shop, await chats(shop, visitors, "A chat"), "Kim")
        await belongs_to(shop, mail, "nobody")
        shop.telegram.say("customer2", "By Telegram")
        chat = await with_the_team(shop, "By Telegram")
        await amir.asks("/duty on", "Also on duty: Kim Lindqvist.")
        for waiting in (mail, chat):
            await belongs_to(shop, waiting, "Amir")
        all_shown_is_valid(shop)


async def test_who_goes_off_duty_gives_back_what_waits_for_us(shop: LinkedShop) -> None:
    kim, amir = AtDesk(shop, "agent1"), AtDesk(shop, "agent2")
    async with open_with(shop, "assign: least_loaded, notify: false"):
        await kim.asks("/duty on", "You are on duty")
        await shop.mails(DANA, "Where is my parcel?")
        dana = await with_the_team(shop, "Where is my parcel?")
        await shop.mails(OMAR, "I want to return it", name="Omar Said")
        omar = await with_the_team(shop, "I want to return it")
        for waiting in (dana, omar):
            await belongs_to(shop, waiting, "Kim")
        await kim.says("! Send it back, please.", "Omar Said")
        asked = await shop.gets(OMAR)
        await kim.types("/pending C2")
        await kim.card_shows("waits for the customer", "Omar Said")

        await kim.asks("/duty off", "1 case in which a customer waits went back to the team")
        await belongs_to(shop, dana, "nobody")
        await shop.in_thread("Kim Lindqvist is off duty: it belongs to the team again", dana)
        await belongs_to(shop, omar, "Kim")
        # Omar comes back to somebody who is not there.
        await shop.mails(OMAR, "It is on its way", name="Omar Said", answering=asked)
        await belongs_to(shop, omar, "nobody")
        await shop.in_thread("Its owner is off duty: it belongs to the team again", omar)

        await amir.asks("/duty on", "You are on duty")
        for waiting in (dana, omar):
            await belongs_to(shop, waiting, "Amir")
        assert "off duty" not in "\n".join(shop.posts(omar)[-1:])
        all_shown_is_valid(shop)


async def test_who_comes_back_goes_to_who_knows_them(shop: LinkedShop) -> None:
    kim, amir = AtDesk(shop, "agent1"), AtDesk(shop, "agent2")
    async with open_with(shop, "assign: round_robin, notify: false") as visitors:
        await kim.asks("/duty on", "You are on duty")
        await amir.asks("/duty on", "Also on duty: Kim Lindqvist.")
        await shop.mails(DANA, "Where is my parcel?")
        dana = await with_the_team(shop, "Where is my parcel?")
        knows = await whose(shop, dana)
        other = "Amir" if knows == "Kim" else "Kim"
        await AtDesk(shop, AGENTS[knows]).says("! It came on Monday.")
        letter = await shop.gets(DANA)
        await AtDesk(shop, AGENTS[knows]).asks("/resolve C1", "resolved")
        await belongs_to(shop, await chats(shop, visitors, "The other one's turn"), other)
        await belongs_to(shop, await chats(shop, visitors, "And the first one's"), knows)
        # It would be the other one's turn.
        await shop.mails(DANA, "And the second one?", answering=letter)
        await shop.in_thread("has it now: they had their last case", dana)
        await belongs_to(shop, dana, knows)

        await AtDesk(shop, AGENTS[knows]).types("/resolve C1")
        await AtDesk(shop, AGENTS[knows]).asks("/duty off", "You are off duty")
        await shop.mails(DANA, "And the third one?", answering=letter)
        await belongs_to(shop, dana, other)
        all_shown_is_valid(shop)


async def test_an_owner_hears_of_new_words_by_direct_message(shop: LinkedShop) -> None:
    kim = AtDesk(shop, "agent1")
    async with open_with(shop, "assign: least_loaded"):
        await shop.mails(DANA, "Where is my parcel?")
        await shop.sees("Where is my parcel?")
        await kim.asks("/duty on", "You are on duty")  # and is given what waits
        heard = await told(shop, "agent1", "“Where is my parcel?”")
        assert read(heard).split("\n")[0].startswith("Dana Petrov (C1) wrote")
        await shop.mails(DANA, "Hello?")
        heard = await told(shop, "agent1", "“Hello?”")
        assert "wrote 2 messages" in read(heard) and len(direct(shop, "agent1")) == 1

        await press(shop, "agent1", heard, "Reply")
        await kim.form("Reply to C1")
        assert await kim.sends(text="It ships today.") == {}
        letter = await shop.gets(DANA)
        await told(shop, "agent1", "answered by Kim Lindqvist")
        assert "[Reply]" not in read(direct(shop, "agent1")[0]) and len(direct(shop, "agent1")) == 1

        await shop.mails(DANA, "Thank you", answering=letter)
        await told(shop, "agent1", "“Thank you”")
        assert "answered by Kim Lindqvist" in read(direct(shop, "agent1")[0]), "what was answered stays so"
        await kim.types("/assign C1 @amir")
        await belongs_to(shop, 0, "Amir")
        await shop.mails(DANA, "One more thing", answering=letter)
        await told(shop, "agent2", "“One more thing”")
        await told(shop, "agent1", "somebody else has it now")
        assert "One more thing" not in "\n".join(read(one) for one in direct(shop, "agent1"))
        all_shown_is_valid(shop)
