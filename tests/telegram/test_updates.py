"""Nothing accepted is lost, nothing is told twice, whatever Telegram, the network and the database do (FAULTS row 18)."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from bot.adapters.telegram import polling
from bot.adapters.telegram.adapter import TelegramAdapter
from bot.adapters.telegram.state import QUIET, Stand, load
from bot.contract import Accepted
from bot.errors import AuthenticationFailed, ConnectionLost
from bot.messages import Event, Message, Unreadable
from bot.sandbox.telegram import TelegramStandIn
from tests.email.core import Core, no_storage
from tests.telegram.rig import receiving, sending, settings


async def test_an_offset_is_confirmed_only_after_accept_returned(
    telegram: TelegramStandIn, core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "SLOW", 0.02)
    gate = asyncio.Event()
    accept = core.accept

    async def slow(event: Event, *, cursor: str | None = None) -> Accepted:
        await gate.wait()
        return await accept(event, cursor=cursor)

    core.accept = slow  # type: ignore[method-assign]
    async with receiving(telegram, core):
        said = telegram.say("customer1", "one")
        await telegram.until(lambda: polled(telegram))
        polls = len(telegram.updates.offsets)
        await telegram.until(lambda: len(telegram.updates.offsets) > polls + 2)
        assert (telegram.updates.confirmed, said["text"]) == ([], "one")
        gate.set()
        await telegram.until(lambda: telegram.updates.confirmed == [700_000_001])
    assert load(core.cursor) is not None
    assert core.texts == ["one"]


async def test_killed_between_accept_and_confirmation(telegram: TelegramStandIn, core: Core) -> None:
    """Stored, but Telegram does not know: it brings the update again, and the cursor confirms it."""
    stored = asyncio.Event()
    accept = core.accept

    async def dies(event: Event, *, cursor: str | None = None) -> Accepted:
        await accept(event, cursor=cursor)
        stored.set()
        return await asyncio.Event().wait()  # type: ignore[return-value]

    core.accept = dies  # type: ignore[method-assign]
    async with receiving(telegram, core):
        telegram.say("customer1", "one")
        await stored.wait()
    assert telegram.updates.confirmed == []
    core.accept = accept  # type: ignore[method-assign]
    async with receiving(telegram, core):
        telegram.say("customer1", "two")
        await telegram.until(lambda: telegram.updates.confirmed == [700_000_001, 700_000_002])
    assert core.texts == ["one", "two"]
    assert core.duplicates == 0  # the cursor was stored with the event


async def test_killed_before_accept(telegram: TelegramStandIn, core: Core) -> None:
    core.fail = no_storage
    async with receiving(telegram, core):
        telegram.say("customer1", "one")
        await telegram.until(lambda: polled(telegram))
    assert (core.events, telegram.updates.confirmed) == ([], [])
    core.fail = lambda event: None
    async with receiving(telegram, core):
        await core.until(lambda: core.texts == ["one"])


async def test_while_nothing_can_be_stored_updates_wait(telegram: TelegramStandIn, core: Core) -> None:
    """One customer's message cannot be stored for a while: the other's are, and each once."""
    refused = 0

    def fail(event: Event) -> Exception | None:
        nonlocal refused
        if isinstance(event, Message) and event.sender.name == "Dana Petrov" and refused < 3:
            refused += 1
            return no_storage(event)
        return None

    core.fail = fail
    async with receiving(telegram, core):
        telegram.say("customer1", "a")
        telegram.say("customer2", "b")
        telegram.say("customer1", "c")
        await core.until(lambda: len(core.messages) == 3)
        await telegram.until(lambda: len(telegram.updates.confirmed) == 3)
    assert [text for text in core.texts if text != "b"] == ["a", "c"]
    assert refused == 3


async def test_an_unreadable_update_is_kept_and_the_next_one_flows(
    telegram: TelegramStandIn, core: Core, poison: None
) -> None:
    chat = telegram.people.person("customer1").chat()
    sender = telegram.people.person("customer1").user()
    async with receiving(telegram, core):
        telegram.say("customer1", "before")
        telegram.push({"message": {"message_id": 9, "chat": chat, "from": sender, "text": "no date"}})
        telegram.push({"message": {"message_id": "x", "date": "soon", "chat": "none"}})
        telegram.push({"telepathy": {"from": sender, "thought": "hello"}})
        telegram.push({})
        telegram.say("customer1", "after")
        await core.until(lambda: len(core.events) == 6)
        await telegram.until(lambda: len(telegram.updates.confirmed) == 6)
    assert core.texts == ["before", "after"]
    lost = [event for event in core.events if isinstance(event, Unreadable)]
    assert len(lost) == 4
    assert all(event.raw in core.files for event in lost)
    named = [event for event in lost if event.sender is not None]
    assert {event.sender.name for event in named if event.sender} == {"Dana Petrov"}
    assert any(b"no date" in core.files[event.raw or ""] for event in named)
    assert any("telepathy" in event.reason for event in named)


async def test_what_the_core_cannot_take_is_shown_as_unreadable(
    telegram: TelegramStandIn, core: Core
) -> None:
    core.fail = lambda event: (
        ValueError("no") if isinstance(event, Message) and event.text.plain == "bad" else None
    )
    async with receiving(telegram, core):
        telegram.say("customer1", "bad")
        telegram.say("customer1", "good")
        await core.until(lambda: len(core.events) == 2)
    assert [type(event).__name__ for event in core.events] == ["Unreadable", "Message"]


async def test_updates_that_come_twice_and_in_disorder(telegram: TelegramStandIn, core: Core) -> None:
    for text in "abc":
        telegram.say("customer1", text)
    telegram.push_again(0)
    telegram.world.pending.reverse()
    async with receiving(telegram, core):
        await core.until(lambda: len(core.messages) == 3)
        await telegram.until(lambda: not telegram.world.pending)
        telegram.say("customer1", "d")
        await core.until(lambda: len(core.messages) == 4)
    assert core.texts == ["a", "b", "c", "d"]
    assert core.duplicates == 0


async def test_a_message_that_comes_in_two_updates_is_one(telegram: TelegramStandIn, core: Core) -> None:
    async with receiving(telegram, core):
        message = telegram.say("customer1", "once")
        await core.until(lambda: core.messages)
        telegram.push({"message": message})
        await core.until(lambda: core.duplicates == 1)
    assert core.texts == ["once"]


async def test_numbers_that_begin_anew_after_a_quiet_week(telegram: TelegramStandIn, core: Core) -> None:
    """Telegram numbers updates anew and lower; naming the old offset would throw them away."""
    async with receiving(telegram, core, poll_timeout=1):
        telegram.say("customer1", "old")
        await telegram.until(lambda: telegram.updates.confirmed)
        await telegram.until(lambda: telegram.updates.offsets[-1] is None)  # all is confirmed: named no more
        telegram.world.next_update = 1_000
        telegram.say("customer1", "new while running")
        await core.until(lambda: len(core.messages) == 2)
        await telegram.until(lambda: 1_000 in telegram.updates.confirmed)
    core.cursor = Stand(700_000_009, time.time() - QUIET - 1).dump()
    telegram.say("customer1", "new after a rest")
    async with receiving(telegram, core):
        await core.until(lambda: len(core.messages) == 3)
    core.cursor = Stand(2_000, time.time()).dump()
    async with receiving(telegram, core):
        assert 2_000 in telegram.updates.offsets


async def test_two_programs_on_one_bot(telegram: TelegramStandIn, core: Core) -> None:
    async with receiving(telegram, core):
        await telegram.until(lambda: telegram.updates.polling)
        telegram.conflict()
        await core.until(lambda: len(core.problems) > 1)
        assert "Another program receives this bot's messages (409)" in (core.problems[1] or "")
        telegram.say("customer1", "still here")
        await core.until(lambda: core.messages)
        await core.until(lambda: core.problems[-1] is None)


async def test_a_refused_token_is_told_and_tried_again(telegram: TelegramStandIn, core: Core) -> None:
    telegram.revoke_token()
    async with sending(telegram, core) as adapter:
        with pytest.raises(AuthenticationFailed, match="@BotFather") as refused:
            await adapter.check()
    assert telegram.token not in str(refused.value)
    async with receiving(telegram, core):
        assert "@BotFather" in (core.problems[0] or "")
        telegram.revoke_token(False)
        await core.until(lambda: core.problems[-1] is None)
        telegram.say("customer1", "hello")
        await core.until(lambda: core.messages)


async def test_a_short_cut_is_not_worth_a_word_and_a_long_one_is(
    telegram: TelegramStandIn, core: Core
) -> None:
    async with receiving(telegram, core):
        telegram.fail(502, "Bad Gateway", method="getUpdates")
        telegram.say("customer1", "one")
        await core.until(lambda: core.messages)
        telegram.say("customer1", "two")
        await core.until(lambda: len(core.messages) == 2)
        assert [problem for problem in core.problems if problem] == []
        telegram.fail(500, "Internal Server Error", method="getUpdates", times=3)
        telegram.say("customer1", "three")
        await core.until(lambda: len(core.messages) == 3)
        await core.until(lambda: core.problems[-1] is None)
    assert any("Internal Server Error" in (problem or "") for problem in core.problems)


async def test_telegram_cannot_be_reached(telegram: TelegramStandIn, core: Core) -> None:
    port = telegram.port
    await telegram.stop()
    adapter = TelegramAdapter(settings(telegram), core.context())
    with pytest.raises(ConnectionLost, match="cannot be reached"):
        await adapter.check()
    await adapter.close()
    async with receiving(telegram, core):
        assert "cannot be reached" in (core.problems[0] or "")
        await telegram.start(port)
        telegram.say("customer1", "back")
        await core.until(lambda: core.messages)


async def test_too_many_polls(telegram: TelegramStandIn, core: Core) -> None:
    telegram.flood(1, method="getUpdates")
    started = time.monotonic()
    telegram.say("customer1", "patience")
    async with sending(telegram, core) as adapter:
        task = asyncio.create_task(adapter.run())
        await core.until(lambda: core.messages)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert time.monotonic() - started >= 1


async def test_a_webhook_of_an_earlier_time_is_taken_away(telegram: TelegramStandIn, core: Core) -> None:
    telegram.updates.webhook = {"url": "https://old.example/hook", "secret": ""}
    async with receiving(telegram, core):
        telegram.say("customer1", "hello")
        await core.until(lambda: core.messages)
    assert telegram.updates.webhook == {}


async def test_one_customers_slow_file_keeps_nobody_waiting(
    telegram: TelegramStandIn, core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "SLOW", 0.05)
    gate = telegram.hang("getFile")
    async with receiving(telegram, core):
        telegram.say("customer1", "large", **telegram.people.document("a.bin", b"x", "image/x"))
        telegram.say("customer1", "after it")
        await telegram.until(lambda: any(call.method == "getFile" for call in telegram.calls))
        for number in range(3):
            telegram.say("customer2", f"quick {number}")
            await core.until(lambda n=number: f"quick {n}" in core.texts)  # type: ignore[misc]
        assert telegram.updates.confirmed == []
        stand = load(core.cursor)
        assert stand is None or stand.offset == 700_000_001
        gate.set()
        await telegram.until(lambda: len(telegram.updates.confirmed) == 5)
    assert core.texts == ["quick 0", "quick 1", "quick 2", "large", "after it"]
    assert core.duplicates == 0


async def test_more_messages_than_a_poll_brings(telegram: TelegramStandIn, core: Core) -> None:
    """Order in each chat, each once, all confirmed."""
    for number in range(250):
        telegram.say("customer1" if number % 2 else "customer2", str(number))
    async with receiving(telegram, core):
        await core.until(lambda: len(core.messages) == 250)
        await telegram.until(lambda: len(telegram.updates.confirmed) == 250)
    for name, odd in (("Dana Petrov", 1), ("Luis Ortega", 0)):
        told = [int(m.text.plain) for m in core.messages if m.sender.name == name]
        assert told == [number for number in range(250) if number % 2 == odd]
    assert core.duplicates == 0


def polled(telegram: TelegramStandIn) -> bool:
    """Whether a poll has brought anything."""
    polls: list[Any] = [call.reply for call in telegram.calls if call.method == "getUpdates" and call.reply]
    return any(reply.get("result") for reply in polls)
