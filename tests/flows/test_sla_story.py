"""Promises with the real bot: the card tells when an answer is due, ``/sla`` why; a lead pauses, a reply keeps it."""

from __future__ import annotations

from tests.flows.seen import read
from tests.flows.shop import DANA, Shop

PROMISES = """
zone: Europe/Berlin
sla:
  - {name: premium, when: {channel: email, attribute: {vip: true}}, first_response: 30 min, hours: calendar}
  - {name: usual mail, when: {channel: email}, first_response: 2h, next_response: 2h, resolution: 2 days, hours: calendar}
"""


async def told(shop: Shop, who: str, words: str) -> str:
    """Waits until the bot has whispered these words to somebody; gives the newest such answer."""
    found: list[str] = []

    def look() -> bool:
        found[:] = [one for one in shop.whispered(who) if words in one]
        return bool(found)

    try:
        await shop.until(look)
    except TimeoutError:
        raise AssertionError(f"{words!r} is not in {shop.whispered(who)}") from None
    return found[-1]


async def test_a_promise_from_the_mail_to_the_answer(shop: Shop) -> None:
    shop.write_config()
    shop.config_path.write_text(shop.config_path.read_text() + PROMISES)
    async with shop.open():
        await shop.mails(DANA, "Where is my parcel?")
        await shop.sees("Where is my parcel?")
        await shop.until(lambda: "first reply due" in read(shop.card() or {}))

        await shop.types("agent1", "/sla")
        await told(shop, "agent1", "Nothing of yours is due.")
        await shop.types("agent1", "/sla team")
        listed = await told(shop, "agent1", "Due next of the team: 1 to come.")
        assert "C1 Dana Petrov · first response due" in listed and "in 2 h" in listed

        await shop.types("agent1", "/customer C1 set vip")
        await told(shop, "agent1", "VIP")
        await shop.types("agent1", "/sla C1")
        await told(shop, "agent1", "(policy “premium”)")
        await shop.types("agent1", "/sla pause C1 a strike")
        await told(shop, "agent1", "Only a lead can pause clocks.")
        await shop.types("lead", "/sla pause C1 a strike")
        await shop.sees("paused its clocks: a strike")
        await shop.types("lead", "/sla resume C1")
        await shop.sees("let its clocks go on")

        await shop.types("agent1", "/reply C1 It ships today.")
        await shop.gets(DANA)
        await shop.until(lambda: "due" not in read(shop.card() or {}))
        await shop.types("agent1", "/sla why C1")
        why = await told(shop, "agent1", "kept,")
        assert "First response: 30 min by the policy “premium”." in why
        assert "2 h became 30 min (policy “premium”)" in why
        assert "paused by" in why and ": a strike." in why
        assert "answered" in why
