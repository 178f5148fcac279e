"""Stories of time with the real bot: a promise of seconds, reminders in Slack, what comes back, answers off hours."""

from __future__ import annotations

import time
from typing import Any

from bot.commands.types import Agent, Role
from bot.messages import AgentId, CustomerId, TeamId
from tests.flows.seen import read
from tests.flows.shop import DANA, Shop

QUICK = """
sla:
  - {name: quick, first_response: 0.2 min, hours: calendar, remind: [50%], remind_at_night: true}
reminders:
  after_breach: [{after: 0 min, tell: [owner, thread]}]
"""
CLOSED = """
zone: Europe/Berlin
hours:
  never: {zone: Europe/Berlin, week: {mon: "00:00-00:01"}}
answers:
  inboxes:
    support-mail: {off_hours: true, faster: https://shop.example/chat}
"""


def configure(shop: Shop, more: str, **changes: str) -> None:
    """app.yaml with sections of its own."""
    shop.write_config(**changes)
    shop.config_path.write_text(shop.config_path.read_text() + more)


def direct(shop: Shop, who: str) -> list[dict[str, Any]]:
    """What the bot has told somebody by direct message."""
    person = shop.slack.people[who].id
    return [
        message
        for channel in shop.slack.channels.values()
        if channel.kind == "im" and person in channel.members
        for message in shop.slack.messages(channel.name)
    ]


async def told(shop: Shop, who: str, words: str) -> dict[str, Any]:
    """Waits until somebody was told these words; gives the message."""
    found: list[dict[str, Any]] = []

    def look() -> bool:
        found[:] = [one for one in direct(shop, who) if words in read(one)]
        return bool(found)

    try:
        await shop.until(look, 20)
    except TimeoutError:
        raise AssertionError(f"{who} was told {[read(one) for one in direct(shop, who)]}") from None
    return found[-1]


async def press(shop: Shop, who: str, message: dict[str, Any], label: str) -> None:
    """Somebody presses a button of what they were told."""
    person = shop.slack.people[who].id
    channel = next(one for one in shop.slack.channels.values() if one.kind == "im" and person in one.members)
    buttons = [one for block in message["blocks"] if block["type"] == "actions" for one in block["elements"]]
    action = next(one["action_id"] for one in buttons if one["text"]["text"] == label)
    pressed = await shop.presses(who, message["ts"], action, channel.id)
    assert pressed["ok"], pressed


async def test_the_owner_is_reminded_says_so_and_answers(shop: Shop) -> None:
    configure(shop, QUICK)
    async with shop.open():
        await shop.mails(DANA, "Where is my parcel?")
        await shop.sees("Where is my parcel?")
        await shop.types("agent1", "/take C1")
        first = await told(shop, "agent1", "First reply due")
        lines = read(first).split("\n")
        assert lines[0].startswith("⏰ Dana Petrov (C1) has waited ") and "“Where is my parcel?”" in lines[1]
        assert lines[-1] == "[Reply][I'm on it][Snooze 15 min]"
        late = await told(shop, "agent1", "First reply was due")
        await shop.until(lambda: "✓ reminded again below" in read(direct(shop, "agent1")[0]))
        await shop.sees("First reply was due")
        await shop.until(lambda: "⏰" in read(shop.card() or {}))

        await press(shop, "agent1", late, "I'm on it")
        await shop.until(lambda: "Kim Lindqvist is on it since" in read(direct(shop, "agent1")[-1]))
        await shop.until(lambda: any("Nobody else is reminded" in one for one in shop.whispered("agent1")))
        assert "[" not in read(direct(shop, "agent1")[-1]), "there is nothing left to press"
        await shop.sees("Kim Lindqvist is on it since")

        await shop.types("agent1", "/reply C1 It ships today.")
        await shop.gets(DANA)
        await shop.until(lambda: "⏰" not in read(shop.card() or {}))


async def test_what_was_put_aside_and_what_was_to_be_done_come_back(shop: Shop) -> None:
    async with shop.open() as bot:
        await shop.mails(DANA, "Where is my parcel?")
        await shop.sees("Where is my parcel?")
        await shop.types("agent1", "/snooze C1 tomorrow 9 the warehouse calls back")
        await shop.sees("snoozed it until")
        await shop.until(lambda: "💤" in read(shop.card() or {}) and "[Wake up]" in read(shop.card() or {}))
        card = shop.card()
        assert card is not None
        await shop.presses("agent1", card["ts"], "case.wake")
        await shop.sees("ended the snooze")
        kim = Agent(AgentId(shop.slack.people["agent1"].id), "Kim Lindqvist", Role.AGENT)
        dana, support = CustomerId(1), TeamId("support")
        await bot.casework.snoozes.snooze(dana, support, kim, time.time() + 1, "call them", "test:1")
        await shop.sees("Snooze of Kim Lindqvist ended: call them")
        back = await told(shop, "agent1", "Your snooze ended")
        assert read(back).split("\n") == [
            "💤 Your snooze ended: Dana Petrov (C1)",
            "call them",
            "“Where is my parcel?”",
            "[Reply][Snooze 15 min][Resolve]",
        ]
        await press(shop, "agent1", back, "Snooze 15 min")
        await shop.until(lambda: "✓ snoozed" in read(direct(shop, "agent1")[0]))

        await shop.types("agent1", "/followup C1 tomorrow 10 send the invoice")
        await shop.until(
            lambda: any(
                "You will be reminded of Dana Petrov (C1) tomorrow 10:00" in one
                for one in shop.whispered("agent1")
            )
        )
        await bot.casework.follow_ups.add(dana, support, kim, time.time() + 1, "ask again", "test:2")
        due = await told(shop, "agent1", "You wanted to come back to Dana Petrov (C1)")
        await shop.sees("Kim Lindqvist wanted to come back to this: ask again")
        await press(shop, "agent1", due, "Done")
        await shop.until(lambda: "✓ Kim Lindqvist did it" in read(direct(shop, "agent1")[-1]))
        await shop.sees("✓ Kim Lindqvist did it")


async def test_a_mail_off_hours_is_answered_by_a_machine_that_says_so(shop: Shop) -> None:
    configure(
        shop,
        CLOSED,
        **{f"undo_seconds: {shop.undo}\n  press": f"undo_seconds: {shop.undo}\n    hours: never\n  press"},
    )
    async with shop.open():
        await shop.mails(
            DANA,
            "Where is my parcel?",
            subject="My order",
            headers={"Authentication-Results": "mx.shop.example; dmarc=pass header.from=mail.example"},
        )
        await shop.sees("Where is my parcel?")
        got = await shop.gets(DANA)
        assert got["Auto-Submitted"] == "auto-replied" and got["Subject"] == "Re: My order"
        body = got.get_body(("plain",))
        assert body is not None
        words = " ".join(body.get_content().split())
        assert "This is an automatic answer: we have your message." in words
        assert "It is faster here: https://shop.example/chat" in words and "(Berlin time)" in words
        await shop.sees("Automatic answer sent: back Mon ")
        assert "waits for us" in read(shop.card() or {}), "they wait for a person still"
        await shop.mails(
            DANA, "I am away until Monday", subject="Auto: away", headers={"Auto-Submitted": "auto-replied"}
        )
        await shop.sees("I am away until Monday")
        assert len(shop.inbox(DANA)) == 1
