"""Who a customer is: set with words and with the form, seen on the card, told to whoever asks."""

from __future__ import annotations

from typing import Any

from tests.flows.seen import read
from tests.flows.shop import DANA, Shop

ATTRIBUTES = """\
customers:
  attributes:
    plan: {type: choice, choices: [free, pro], card: true, label: Plan}
secret_key:"""


async def told(shop: Shop, words: str, who: str = "agent1") -> str:
    found: list[str] = []

    def look() -> bool:
        found[:] = [one for one in shop.whispered(who) if words in one]
        return bool(found)

    await shop.until(look)
    return found[-1]


async def test_a_profile_is_kept_and_shown(shop: Shop) -> None:
    shop.write_config(**{"secret_key:": ATTRIBUTES})
    async with shop.open():
        await shop.mails(DANA, "Where is my parcel?")
        await shop.sees("Where is my parcel?")
        await shop.types("agent1", '/customer C1 set plan=pro company="Acme Corp" vip')
        await told(shop, "C1 Dana Petrov: Plan pro · Company Acme Corp · VIP.")
        await shop.sees("set Plan pro · Company Acme Corp · VIP")
        await shop.until(lambda: "Dana Petrov   C1   VIP" in read(shop.card() or {}))
        assert "· Plan: pro" in read(shop.card() or {})

        await shop.types("agent2", "/customer C1")
        profile = await told(shop, "Dana Petrov · C1", "agent2")
        assert (
            "Plan: pro" in profile
            and "Kim Lindqvist, " in profile
            and "email customer1@mail.example" in profile
        )
        assert "(DMARC passed for mail.example)" in profile and "1 case, 1 message" in profile
        assert "[Edit][History]" in profile

        await shop.types("agent1", "/customer C1 set plan=gold")
        await told(shop, "Plan is one of free, pro.")
        card = shop.card()
        assert card is not None
        await shop.writes("agent1", "!customer unset vip", card["ts"])
        await shop.sees("set no VIP any more")
        await shop.until(lambda: "VIP" not in read(shop.card() or {}))
        assert shop.inbox(DANA) == []


async def submitted(shop: Shop, values: dict[str, str]) -> str:
    """The form is opened, filled in and sent; gives what Slack was answered."""
    views = shop.slack.people["agent1"].views
    before = {view.id for view in views}
    await shop.types("agent1", "/customer C1 edit")

    def form() -> Any:
        return next((one for one in views if one.id not in before and "Time zone" in str(one.body)), None)

    opened = await shop.until(form)
    assert "Profile of C1" in str(opened.body) and "Plan" in str(opened.body)
    return str(await shop.slack.act("agent1", "views.submit", view_id=opened.id, values=values))


async def test_the_form(shop: Shop) -> None:
    shop.write_config(**{"secret_key:": ATTRIBUTES})
    async with shop.open():
        await shop.mails(DANA, "Where is my parcel?")
        await shop.sees("Where is my parcel?")
        refused = await submitted(shop, {"name": "Dana Petrov", "a-phone": "call me"})
        if "Phone is a telephone number" not in refused:
            await told(
                shop, "Phone is a telephone number"
            )  # a slow machine: the form is gone, and it is whispered
        right = {"name": "Dana P.", "a-plan": "free", "a-vip": "yes", "a-zone": "europe/berlin"}
        await submitted(shop, right | {"a-phone": "030 1234567"})
        await shop.sees("set VIP · Phone 0301234567 · Time zone Europe/Berlin · Plan free", "Dana P.")
        await shop.until(lambda: "Dana P.   C1   VIP" in read(shop.card("Dana P.") or {}))
