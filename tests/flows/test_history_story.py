"""Nothing has to be said twice: who comes in finds what was said, as far as their team may read."""

from __future__ import annotations

from typing import Any

from tests.flows.seen import read
from tests.flows.shop import DANA, OMAR, PRESS, Shop

Json = dict[str, Any]


async def whisper(shop: Shop, who: str, words: str) -> Json:
    """The newest thing that only this person sees and that holds these words."""
    found: list[Json] = []

    def look() -> bool:
        found[:] = [one for one in shop.slack.people[who].ephemerals if words in read(one)]
        return bool(found)

    try:
        await shop.until(look)
    except TimeoutError:
        raise AssertionError(f"{who} does not see {words!r}: {shop.whispered(who)}") from None
    return found[-1]


def bold(message: Json) -> list[str]:
    """The words of a message that are bold."""
    return [
        part["text"]
        for block in message["blocks"]
        for section in block.get("elements", ())
        for part in section.get("elements", ())
        if part.get("style", {}).get("bold")
    ]


def pressable(message: Json, label: str) -> Json:
    """The button with a label."""
    buttons = [one for block in message["blocks"] if block["type"] == "actions" for one in block["elements"]]
    return next(one for one in buttons if one["text"]["text"] == label)


async def press(shop: Shop, who: str, message: Json, label: str) -> None:
    button = pressable(message, label)
    pressed = await shop.presses(who, message["ts"], button["action_id"], value=button["value"])
    assert pressed["ok"], pressed


async def test_who_comes_in_finds_what_was_said(shop: Shop) -> None:
    async with shop.open():
        offer = ("offer-2026.pdf", b"%PDF-1.4 an offer")
        await shop.mails(DANA, "Where is my parcel? It should have come on Monday.", files=[offer])
        await shop.sees("Where is my parcel?")
        await shop.types("agent1", "/reply C1 The PARCEL ships today.")
        await shop.gets(DANA)
        await shop.sees("accepted")
        await shop.mails(OMAR, "A question about the warranty", name="Omar Said")
        await shop.sees("warranty", "Omar Said")

        # Kim has talked with Dana; Ruth has not, so she is told where she comes in.
        await shop.types("lead", "/take C1")
        recap = read(await whisper(shop, "lead", "Dana Petrov is with you now."))
        assert recap.index("Where is my parcel?") < recap.index("The PARCEL ships today.")
        assert "open since" in recap and "email" in recap and "2 messages" in recap and "[History]" in recap
        await shop.types("agent1", "/take C1")
        taken = read(await whisper(shop, "agent1", "Dana Petrov is with you now."))
        assert "parcel" not in taken

        # Everything that was said, by words, with the words bold.
        await shop.types("agent2", "/find parcel")
        found = await whisper(shop, "agent2", "“parcel” everywhere")
        assert bold(found) == ["PARCEL", "parcel"]
        assert "C1 Dana Petrov · ← Dana Petrov · email support@shop.example" in read(found)
        assert "offer-2026.pdf" in read(found) and "warranty" not in read(found)
        await press(shop, "agent2", found, "Open there")
        there = await whisper(shop, "agent2", "C1 Dana Petrov · open since")
        assert "It should have come on Monday." in read(there)

        # A file is found by its name; words that are nowhere are told with what was looked for.
        await shop.types("agent2", "/find offer-2026 files")
        assert "Where is my" in read(await whisper(shop, "agent2", "“offer-2026” everywhere · with files"))
        await shop.types("agent2", "/find refund telegram-like -parcel")
        await whisper(shop, "agent2", "Nothing was found for “refund telegram-like -parcel” everywhere.")

        # In her thread it is hers that is looked through.
        card = shop.card()
        assert card is not None
        await shop.writes("agent2", "!find warranty", card["ts"])
        nothing = await whisper(shop, "agent2", "in what was said with C1 Dana Petrov")
        await press(shop, "agent2", nothing, "Look everywhere")
        await whisper(shop, "agent2", "A question about the warranty")


async def test_the_history_is_narrowed_down_with_the_form(shop: Shop) -> None:
    async with shop.open():
        await shop.mails(DANA, "Where is my parcel?", files=[("photo.png", b"\x89PNG")])
        await shop.sees("Where is my parcel?")
        await shop.types("agent1", "/reply C1 It ships today.")
        await shop.sees("accepted")
        card = shop.card()
        assert card is not None
        await shop.types("agent1", "/history C1")
        page = await whisper(shop, "agent1", "2 messages, newest first")
        await press(shop, "agent1", page, "Filter")
        views = shop.slack.people["agent1"].views
        await shop.until(lambda: views and views[-1].body["title"]["text"] == "History of C1")
        wrong = {"from": "when it rained"}
        told = await shop.slack.act("agent1", "views.submit", view_id=views[-1].id, values=wrong)
        assert "is no time that is understood here" in str(told)
        right = {"from": "yesterday", "to": "today", "files": ["yes"]}
        done = await shop.slack.act("agent1", "views.submit", view_id=views[-1].id, values=right)
        assert done["ok"], done
        narrowed = read(await whisper(shop, "agent1", "with files, newest first"))
        assert "Where is my parcel?" in narrowed and "It ships today." not in narrowed
        await shop.types("agent1", "/history C1 support-mail replies 30d")
        assert "Where is" not in read(await whisper(shop, "agent1", "what we answered, newest first"))


async def test_a_team_that_sees_its_own_finds_nothing_of_others(shop: Shop) -> None:
    shop.write_config(**{"    name: Shop Support": "    name: Shop Support\n    sees: own"})
    async with shop.open():
        await shop.mails(DANA, "The merger is a secret", to=PRESS)
        await shop.sees("The merger is a secret", channel="press")
        await shop.mails(DANA, "Where is my parcel? It is no secret.")
        await shop.sees("Where is my parcel?")
        await shop.types("agent1", "/find secret")
        support = read(await whisper(shop, "agent1", "“secret” everywhere, newest first"))
        assert "parcel" in support and "merger" not in support
        await shop.types("agent1", "/history C1")
        support = read(await whisper(shop, "agent1", "1 message, newest first"))
        assert "parcel" in support and "merger" not in support
        # Who is in both teams reads both.
        await shop.types("agent2", "/find secret")
        both = read(await whisper(shop, "agent2", "“secret” everywhere, newest first"))
        assert "parcel" in both and "merger" in both
