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


async def test_the_form(shop: Shop) -> None:
    shop.write_config(**{"secret_key:": ATTRIBUTES})
    async with shop.open():
        await shop.mails(DANA, "Where is my parcel?")
        await shop.sees("Where is my parcel?")
        await shop.types("agent1", "/customer C1 edit")

        def form() -> Any:
            views = shop.slack.people["agent1"].views
            return views[-1] if views and "Time zone" in str(views[-1].body) else None

        opened = await shop.until(form)
        assert "Profile of C1" in str(opened.body) and "Plan" in str(opened.body)
        wrong = {"name": "Dana Petrov", "a-phone": "call me"}
        refused = await shop.slack.act("agent1", "views.submit", view_id=opened.id, values=wrong)
        assert "Phone is a telephone number" in str(refused), refused
        right = {
            "name": "Dana P.",
            "a-plan": "free",
            "a-vip": "yes",
            "a-zone": "europe/berlin",
            "a-phone": "030 1234567",
        }
        done = await shop.slack.act("agent1", "views.submit", view_id=opened.id, values=right)
        assert done["ok"], done
        await shop.sees("set VIP · Phone 0301234567 · Time zone Europe/Berlin · Plan free", "Dana P.")
        await shop.until(lambda: "Dana P.   C1   VIP" in read(shop.card("Dana P.") or {}))
