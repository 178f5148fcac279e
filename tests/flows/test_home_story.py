"""An agent's morning in the Home tab, with the real bot, real mails and the Slack stand-in."""

from __future__ import annotations

from typing import Any

import pytest

from bot.slack import home as home_tab
from tests.flows.seen import read
from tests.flows.shop import DANA, OMAR, Shop


def home(shop: Shop, who: str) -> str:
    """Somebody's Home as they see it."""
    view = shop.slack.people[who].home
    return read({"blocks": view.body["blocks"]}) if view is not None else ""


async def sees(shop: Shop, who: str, *words: str) -> str:
    """Waits until somebody's Home shows all of these words."""
    try:
        await shop.until(lambda: all(one in home(shop, who) for one in words))
    except TimeoutError:
        raise AssertionError(f"{words} are not all in:\n{home(shop, who)}") from None
    return home(shop, who)


async def opens(shop: Shop, who: str) -> None:
    assert (await shop.slack.act(who, "client.home"))["ok"]


async def presses(shop: Shop, who: str, action: str, block: str = "") -> dict[str, Any]:
    view = shop.slack.people[who].home
    assert view is not None
    more = {"block_id": block} if block else {}
    done = await shop.slack.act(who, "blocks.actions", view_id=view.id, action_id=action, **more)
    assert done["ok"], done
    return done


async def test_a_morning_in_home(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home_tab, "EVERY", 0.1)
    async with shop.open():
        await opens(shop, "agent1")
        await opens(shop, "lead")
        await sees(shop, "agent1", "Nobody waits for you.")
        await sees(shop, "lead", "Nobody waits for you.")

        await shop.mails(DANA, "Where is my parcel?", subject="Parcel")
        await sees(shop, "agent1", "1 waits for somebody to take it", "Dana Petrov", "[Take it]")
        await sees(shop, "lead", "Who has how much", "nobody · 1 waiting")

        await presses(shop, "agent1", "case.take", "free.support.1")
        text = await sees(shop, "agent1", "1 waits for you", "“Where is my parcel?”", "[Reply]")
        assert "email support@shop.example" in text and "[Take it]" not in text
        await shop.sees("took it")
        agent = shop.slack.people["agent1"].id
        await sees(shop, "lead", f"<@{agent}> · 1 open · 1 waiting")

        await presses(shop, "agent1", "reply.open", "mine.support.1")
        modals = shop.slack.people["agent1"].views
        await shop.until(lambda: modals and modals[-1].body["callback_id"] == "form")
        done = await shop.slack.act(
            "agent1", "views.submit", view_id=modals[-1].id, values={"text": "It ships today."}
        )
        assert done["ok"], done
        await sees(shop, "agent1", "→ Dana Petrov")
        mail = await shop.gets(DANA)
        assert "It ships today." in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
        await sees(shop, "agent1", "Nobody waits for you.", "you replied to 1 customer")

        await shop.mails(OMAR, "Hello?", subject="Hello", name="Omar Haddad")
        await sees(shop, "agent1", "Omar Haddad", "[Take it]")
        await opens(shop, "agent2")
        await sees(shop, "agent2", "Omar Haddad", "Shop Support", "Shop Press")


async def test_a_guest_opens_home(busy_shop: Shop) -> None:
    async with busy_shop.open():
        await busy_shop.mails(DANA, "Where is my parcel?", subject="Parcel")
        await busy_shop.sees("Where is my parcel?")
        for who in ("guest", "stranger"):
            await opens(busy_shop, who)
            text = await sees(busy_shop, who, "You are in none of the teams")
            assert "Dana" not in text
