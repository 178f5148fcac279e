"""The main job, told as stories: customer says, agent sees, agent replies, customer gets."""

from __future__ import annotations

from blockbuster import blockbuster_ctx

from tests.flows.shop import DANA, OMAR, Shop


async def test_a_mail_becomes_a_thread_and_a_reply_becomes_a_mail(shop: Shop) -> None:
    async with shop.open():
        question = await shop.mails(DANA, "Where is my parcel?", subject="My order 1001")
        seen = await shop.sees("Where is my parcel?")
        assert "Dana Petrov" in seen and "support@shop.example" in seen and "My order 1001" in seen
        answer = await shop.types("agent1", "/reply C1 It ships today.")
        assert answer["ok"], answer
        got = await shop.gets(DANA)
        assert "It ships today." in got.get_body(("plain",)).get_content()  # type: ignore[union-attr]
        assert got["In-Reply-To"] == question["Message-ID"]
        assert str(question["Message-ID"]) in str(got["References"])
        assert got["Subject"] == "Re: My order 1001"
        assert "Kim" in str(got["From"]) or "Shop Support" in str(got["From"])
        assert "It ships today." in await shop.sees("accepted")
        assert len(shop.roots()) == 1


async def test_the_conversation_goes_on_in_the_same_thread(shop: Shop) -> None:
    async with shop.open():
        await shop.mails(DANA, "First question")
        await shop.sees("First question")
        await shop.types("agent1", "/reply C1 First answer")
        got = await shop.gets(DANA)
        await shop.sees("accepted")  # what waits at the same time becomes one post
        await shop.mails(
            DANA, "Second question\n\nOn Monday somebody wrote:\n> First answer\n", answering=got
        )
        post = await shop.sees("Second question")
        assert "First answer" not in post
        await shop.types("agent1", "/reply C1 Second answer")
        second = await shop.gets(DANA, 2)
        assert "Second answer" in second.get_body(("plain",)).get_content()  # type: ignore[union-attr]
        assert len(shop.roots()) == 1
        assert len(shop.inbox(DANA)) == 2


async def test_two_customers_have_two_threads(shop: Shop) -> None:
    async with shop.open():
        await shop.mails(DANA, "I am Dana", name="Dana Petrov")
        await shop.mails(OMAR, "I am Omar", name="Omar Said")
        await shop.sees("I am Dana", "Dana Petrov")
        await shop.sees("I am Omar", "Omar Said")
        card = shop.card("Omar Said")
        assert card is not None
        await shop.writes("agent2", "! For Omar only", card["ts"])
        got = await shop.gets(OMAR)
        assert "For Omar only" in got.get_body(("plain",)).get_content()  # type: ignore[union-attr]
        assert shop.inbox(DANA) == []


async def test_a_plain_message_in_a_thread_stays_internal(shop: Shop) -> None:
    async with shop.open():
        await shop.mails(DANA, "Hello?")
        await shop.sees("Hello?")
        card = shop.card()
        assert card is not None
        await shop.writes("agent1", "She is difficult, careful", card["ts"])
        await shop.until(lambda: shop.whispered("agent1"))
        assert "Stayed internal" in shop.whispered("agent1")[-1]
        await shop.writes("agent1", "! On its way", card["ts"])
        got = await shop.gets(DANA)
        text = got.as_string()
        assert "On its way" in text and "difficult" not in text
        assert len(shop.inbox(DANA)) == 1


async def test_nothing_blocks_the_loop(shop: Shop) -> None:
    async with shop.open():
        with blockbuster_ctx("bot"):
            await shop.mails(DANA, "Where is my parcel?", files=[("photo.bin", b"\x00" * 1000)])
            await shop.sees("Where is my parcel?")
            await shop.types("agent1", "/reply C1 It ships today.")
            await shop.gets(DANA)
            await shop.sees("accepted")
            health = await shop.types("agent1", "/health")
            assert health["ok"], health
