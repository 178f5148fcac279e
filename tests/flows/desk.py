"""An agent at the desk: what they type, press and fill in, and what they read, in a shop with the real bot."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.flows.seen import read
from tests.flows.shop import DANA, OMAR, Shop
from tests.slack.shown import check_blocks, check_view

Json = dict[str, Any]
SECRET_WORD = "zebra"
"""Stands in everything internal of these stories."""


class AtDesk:
    """One agent in a shop. Whatever they are shown is waited for, never slept for."""

    def __init__(self, shop: Shop, who: str, channel: str = "support") -> None:
        self.shop, self.who, self.channel = shop, who, channel
        self.person = shop.slack.people[who]

    # Typing

    async def types(self, words: str) -> None:
        done = await self.shop.types(self.who, words, self.channel)
        assert done["ok"], (words, done)

    async def says(self, words: str, name: str = "Dana Petrov") -> None:
        done = await self.shop.writes(self.who, words, self.card(name)["ts"], self.channel)
        assert done["ok"], (words, done)

    async def asks(self, words: str, answer: str) -> Json:
        """Types something and waits for an answer with these words."""
        before = len(self.person.ephemerals)
        await (self.says(words) if words.startswith("!") else self.types(words))
        return await self.told(answer, before)

    # Reading

    async def told(self, words: str, before: int = 0) -> Json:
        """What only this agent is shown, once it says this."""
        found: list[Json] = []

        def look() -> bool:
            found[:] = [one for one in list(self.person.ephemerals)[before:] if words in read(one)]
            return bool(found)

        try:
            await self.shop.until(look, 8)
        except TimeoutError:
            shown = [read(one) for one in list(self.person.ephemerals)[before:]]
            raise AssertionError(f"{self.who} is not told {words!r} but {shown}") from None
        return found[-1]

    def card(self, name: str = "Dana Petrov") -> Json:
        found = self.shop.card(name, self.channel)
        assert found is not None, name
        return found

    async def card_shows(self, words: str, name: str = "Dana Petrov") -> None:
        try:
            await self.shop.until(lambda: words in read(self.card(name)) + _menu(self.card(name)), 8)
        except TimeoutError:
            raise AssertionError(f"the card does not show {words!r}: {read(self.card(name))}") from None

    # Pressing

    async def presses(self, label: str, message: Json | None = None, row: str = "") -> None:
        """A button by its label: of the card, or of an answer. ``row``: the one that follows these words."""
        message = message or self.card()
        block, element = _button(message, label, row)
        done = await self.shop.presses(
            self.who, message["ts"], element["action_id"], self.channel, block_id=block["block_id"]
        )
        assert done["ok"], (label, done)

    async def chooses(self, label: str, name: str = "Dana Petrov") -> None:
        """An entry of the card's menu."""
        for option in _menu_options(self.card(name)):
            if option["text"]["text"] == label:
                await self.shop.presses(
                    self.who, self.card(name)["ts"], "menu", self.channel, value=option["value"]
                )
                return
        raise AssertionError(f"the menu has no {label}: {_menu(self.card(name))}")

    # Forms

    async def form(self, title: str) -> Json:
        """The form that is open, once it is filled."""
        views = self.person.views
        try:
            await self.shop.until(lambda: views and views[-1].body["title"]["text"].startswith(title), 8)
        except TimeoutError:
            shown = [str(view.body)[:600] for view in views]
            raise AssertionError(f"no form {title!r} but {shown}") from None
        check_view(views[-1].body)
        return views[-1].body

    async def sends(self, **values: Any) -> dict[str, str]:
        """Fills the form in and presses its button; gives the errors at its fields."""
        view = self.person.views[-1].body
        done = await self.shop.slack.act(self.who, "views.submit", view_id=view["id"], values=values)
        assert done["ok"] or done["error"] == "incomplete", done
        return {key.partition(":")[0]: words for key, words in (done.get("errors") or {}).items()}

    async def changes(self, field: str, value: Json, **typed: str) -> None:
        """Chooses something in a live field."""
        view = self.person.views[-1].body
        done = await self.shop.slack.act(
            self.who,
            "blocks.actions",
            view_id=view["id"],
            action_id=field,
            selected_option=value,
            state=typed,
        )
        assert done["ok"], done


def _menu_options(card: Json) -> list[Json]:
    return [
        option
        for block in card["blocks"]
        for element in block.get("elements", ())
        if element["type"] == "overflow"
        for option in element["options"]
    ]


def _menu(card: Json) -> str:
    return " ".join(option["text"]["text"] for option in _menu_options(card))


def _button(message: Json, label: str, row: str) -> tuple[Json, Json]:
    seen = not row
    for block in message["blocks"]:
        seen = seen or row in read({"blocks": [block]})
        for element in (*block.get("elements", ()), block.get("accessory") or {}):
            if seen and element.get("type") == "button" and element["text"]["text"] == label:
                return block, element
    raise AssertionError(f"no button {label!r} in {read(message)}")


async def two_customers(shop: Shop) -> AtDesk:
    """Dana and Omar have written; Kim looks at it."""
    await shop.mails(DANA, "Where is my parcel?", subject="My order 1001")
    await shop.sees("Where is my parcel?")
    await shop.mails(OMAR, "I want to return it", subject="Return", name="Omar Said")
    await shop.sees("I want to return it", "Omar Said")
    return AtDesk(shop, "agent1")


def all_shown_is_valid(shop: Shop) -> None:
    """Every post, answer, form and Home of a story, by Slack's limits and the library's validators."""
    count = 0
    for call in shop.slack.calls:
        view, blocks = _structured(call.args.get("view")), _structured(call.args.get("blocks"))
        if isinstance(view, dict):
            check_view(view)
            count += 1
        if isinstance(blocks, list):
            check_blocks(blocks)
            count += 1
    for person in shop.slack.people.values():
        for answer in person.ephemerals:
            check_blocks(answer.get("blocks") or [])
            count += 1
    assert count > 2


def _structured(given: Any) -> Any:
    return json.loads(given) if isinstance(given, str) and given[:1] in "[{" else given


def nothing_internal_went_out(shop: Shop, *addresses: str) -> None:
    """No mail that a customer has holds a note, a Slack id, a handle of ours or an unfilled place."""
    for address in (DANA, OMAR, *addresses):
        for mail in shop.inbox(address):
            body = mail.get_body(("plain", "html"))
            words = f"{mail['Subject']} {mail['From']} {body.get_content() if body is not None else ''}"
            assert SECRET_WORD not in words, words
            for person in shop.slack.people.values():
                assert person.id not in words and f"@{person.name}" not in words, words
            assert not re.search(r"\bC\d+\b|\{[a-z_.|]+\}|<@|!\w+ ", words), words
