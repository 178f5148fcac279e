"""Newsletters wait apart until somebody has looked; spam is out of sight, and comes back whole."""

from __future__ import annotations

from typing import Any

from tests.flows.seen import read
from tests.flows.shop import DANA, OMAR, Shop

LETTER = {"List-Id": "<news.letters.example>", "List-Unsubscribe": "<https://letters.example/u>"}


def notice(shop: Shop) -> dict[str, Any] | None:
    """The post of the channel that tells of the quarantine."""
    found = [one for one in shop.roots() if "in quarantine" in read(one)]
    assert len(found) <= 1, "one post a day"
    return found[0] if found else None


async def whispered(shop: Shop, words: str, who: str = "agent1") -> dict[str, Any]:
    """Waits until somebody is shown these words; gives the message."""
    found: list[dict[str, Any]] = []

    def look() -> bool:
        found[:] = [one for one in shop.slack.people[who].ephemerals if words in read(one)]
        return bool(found)

    await shop.until(look)
    return found[-1]


async def test_a_newsletter_waits_and_is_let_in(shop: Shop) -> None:
    async with shop.open():
        await shop.mails(OMAR, "Ten percent off!", name="Letters", subject="Sale", headers=LETTER)
        await shop.until(lambda: notice(shop))
        await shop.mails(OMAR, "Twenty percent off!", name="Letters", subject="Sale", headers=LETTER)
        await shop.mails(DANA, "Where is my parcel?")
        await shop.sees("Where is my parcel?")
        await shop.until(lambda: "1 sender waits in quarantine" in read(notice(shop) or {}))
        assert len(shop.roots()) == 2, "Dana's card and the notice: the newsletter has no card"

        told = notice(shop)
        assert told is not None
        await shop.presses("agent1", told["ts"], "quarantine.look")
        listed = await whispered(shop, "1 sender waits in quarantine, newest first")
        assert "C1 Letters · customer2@mail.example" in read(listed) and "Ten percent off!" in read(listed)
        assert "mailing list or newsletter (List-Id)" in read(listed) and "2 messages" in read(listed)
        refused = await shop.types("agent1", "/reply C1 Hello")
        assert refused["ok"], refused
        await whispered(shop, "is in quarantine: let them in first")

        await shop.presses("agent1", listed["ts"], "quarantine.let_in")
        await shop.sees("Twenty percent off!", "Letters")
        await shop.sees("let Letters in from quarantine", "Letters")
        card = shop.card("Letters")
        assert card is not None and "🔴" in read(card) and "waits for us since" in read(card)
        posts = "\n".join(shop.thread("Letters"))
        assert posts.index("Ten percent off!") < posts.index("Twenty percent off!")
        assert posts.count("percent off!") == 2, "once each"
        await shop.until(
            lambda: any("Nothing waits in quarantine any more" in read(one) for one in shop.roots())
        )
        await shop.types("agent1", "/reply C1 No, thank you.")
        assert "No, thank you." in (await shop.gets(OMAR)).as_string()


async def test_a_flagged_verification_and_a_person_who_writes_by_hand(shop: Shop) -> None:
    async with shop.open():
        verify = {"Auto-Submitted": "auto-generated"}
        await shop.mails(
            OMAR,
            "Open https://tool.example/v/1",
            name="Tool",
            subject="Verify your email address",
            headers=verify,
        )
        await shop.until(lambda: notice(shop))
        await shop.types("agent1", "/quarantine")
        listed = await whispered(shop, "1 sender waits")
        assert "may be an account verification: do not use it as proof of who somebody is" in read(listed)
        await shop.mails(OMAR, "Sorry, that was our tool. I am Omar.", name="Omar Said")
        await shop.sees("I am Omar.", "Tool")
        assert "Open https://tool.example/v/1" in "\n".join(shop.thread("Tool"))
        assert shop.inbox(OMAR) == [], "nothing was answered"


async def test_spam_is_hidden_and_comes_back(shop: Shop) -> None:
    async with shop.open():
        await shop.mails(DANA, "Buy my watches")
        await shop.sees("Buy my watches")
        await shop.types("agent1", "/spam C1")
        asked = await whispered(shop, "Mark C1 Dana Petrov as spam?")
        await shop.presses("agent1", asked["ts"], "spam.mark")
        await shop.until(lambda: read(shop.card() or {}) == "🚫 spam   Dana Petrov   C1\n[Not spam]")
        await shop.mails(DANA, "Watches, half price")
        await shop.mails(OMAR, "A real question", name="Omar Said")
        await shop.sees("A real question", "Omar Said")
        assert "half price" not in "\n".join(shop.thread())

        card = shop.card()
        assert card is not None
        await shop.presses("agent2", card["ts"], "spam.off")
        asked_text = await shop.sees("1 message was kept and not shown.")
        assert "[Show]" in asked_text
        await shop.until(lambda: "🔴" in read(shop.card() or {}))
        post = next(
            one for one in shop.slack.thread("support", card["ts"]) if "1 message was kept" in read(one)
        )
        await shop.presses("agent2", post["ts"], "spam.show")
        await shop.sees("Watches, half price")
        await shop.types("agent2", "/reply C1 We like them.")
        assert "We like them." in (await shop.gets(DANA)).as_string()
