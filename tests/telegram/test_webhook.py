"""The webhook: proven before it is parsed, accepted before it is answered."""

from __future__ import annotations

import aiohttp
import pytest

from bot.adapters.telegram import webhook as webhook_module
from bot.adapters.telegram.webhook import BODY_LIMIT, SECRET_HEADER
from bot.errors import AdapterError
from bot.messages import Unreadable
from bot.sandbox.telegram import TelegramStandIn
from tests.email.core import Core, no_storage
from tests.telegram.rig import SECRET, hooked, sending


async def test_messages_come_by_webhook(telegram: TelegramStandIn, core: Core) -> None:
    async with hooked(telegram, core):
        telegram.say("customer1", "one")
        telegram.say("customer2", "two", **telegram.people.photo())
        await core.until(lambda: len(core.messages) == 2)
        await telegram.until(lambda: not telegram.world.pending)
    assert sorted(core.texts) == ["one", "two"]
    (call,) = [call for call in telegram.calls if call.method == "setWebhook"]
    assert call.args["secret_token"] == SECRET
    assert "message_reaction" in call.args["allowed_updates"]


async def test_a_forger_is_refused_before_anything_is_read(telegram: TelegramStandIn, core: Core) -> None:
    async with hooked(telegram, core) as (_, url), aiohttp.ClientSession() as http:
        update = {"update_id": 1, "message": {}}
        for headers in ({}, {SECRET_HEADER: "wrong"}, {SECRET_HEADER: SECRET + "x"}, {SECRET_HEADER: ""}):
            async with http.post(url, json=update, headers=headers) as answer:
                assert answer.status == 403
        async with http.post(url, data=b"x" * (BODY_LIMIT + 1)) as answer:
            assert answer.status == 403  # not 413: a stranger's body is not looked at
    assert core.events == []


async def test_a_body_has_a_limit(telegram: TelegramStandIn, core: Core) -> None:
    async with hooked(telegram, core) as (_, url), aiohttp.ClientSession() as http:
        proven = {SECRET_HEADER: SECRET}
        async with http.post(url, data=b"x" * (BODY_LIMIT + 1), headers=proven) as answer:
            assert answer.status == 413

        async def endless() -> object:
            for _ in range(BODY_LIMIT // 50_000 + 2):
                yield b"x" * 50_000

        async with http.post(url, data=endless(), headers=proven) as answer:  # says no length
            assert answer.status == 413
    assert core.events == []


async def test_what_cannot_be_read_is_kept_and_answered(telegram: TelegramStandIn, core: Core) -> None:
    async with hooked(telegram, core) as (_, url), aiohttp.ClientSession() as http:
        for body in (b"{no json", b"[1, 2]", b'{"update_id": 5, "message": {"text": 7}}'):
            async with http.post(url, data=body, headers={SECRET_HEADER: SECRET}) as answer:
                assert answer.status == 200
    assert [type(event) for event in core.events] == [Unreadable] * 3
    assert core.files[core.events[0].raw or ""] == b"{no json"  # type: ignore[union-attr]


async def test_what_is_not_stored_is_not_acknowledged(telegram: TelegramStandIn, core: Core) -> None:
    failures = 0

    def fail(event: object) -> Exception | None:
        nonlocal failures
        failures += 1
        return no_storage(event) if failures < 3 else None  # type: ignore[arg-type]

    core.fail = fail
    async with hooked(telegram, core):
        telegram.say("customer1", "one")
        telegram.say("customer1", "two")
        await core.until(lambda: len(core.messages) == 2)
        await telegram.until(lambda: not telegram.world.pending)
    assert core.texts == ["one", "two"]
    assert failures == 4


async def test_an_album_comes_part_by_part(telegram: TelegramStandIn, core: Core) -> None:
    """Telegram sends the next part only when the one before was answered."""
    people = telegram.people
    async with hooked(telegram, core):
        people.album("customer1", [people.photo(), people.photo(), people.photo()], "three")
        await core.until(lambda: core.messages)
        people.album("customer1", [people.photo(), people.photo()], "two")
        telegram.say("customer1", "and a text")
        await core.until(lambda: len(core.messages) == 3)
    assert [(m.text.plain, len(m.attachments)) for m in core.messages] == [
        ("three", 3),
        ("two", 2),
        ("and a text", 0),
    ]
    assert '"waiting":{}' in core.values["albums"]


async def test_a_part_whose_answer_was_lost_makes_no_second_message(
    telegram: TelegramStandIn, core: Core
) -> None:
    people = telegram.people
    async with hooked(telegram, core):
        parts = people.album("customer1", [people.photo(), people.photo()], "two")
        numbers = [update["update_id"] for update in telegram.world.pending]
        await core.until(lambda: core.messages)
        telegram.push({"update_id": numbers[1], "message": parts[1]})
    async with hooked(telegram, core):
        telegram.push({"update_id": numbers[0], "message": parts[0]})
        telegram.say("customer1", "after it")
        await core.until(lambda: len(core.messages) == 2)
    assert core.texts == ["two", "after it"]


async def test_an_album_survives_a_stop(
    telegram: TelegramStandIn, core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its parts were answered, so Telegram will not bring them again."""
    people = telegram.people
    monkeypatch.setattr(webhook_module, "ALBUM_QUIET", 60.0)
    async with hooked(telegram, core):
        people.album("customer1", [people.photo(), people.photo()], "kept")
        await telegram.until(lambda: len(telegram.updates.confirmed) == 2)
    assert core.messages == []
    monkeypatch.setattr(webhook_module, "ALBUM_QUIET", 0.1)
    async with hooked(telegram, core):
        await core.until(lambda: core.messages)
    assert [(m.text.plain, len(m.attachments)) for m in core.messages] == [("kept", 2)]


async def test_the_team_is_told_when_telegram_cannot_deliver(
    telegram: TelegramStandIn, core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_module, "LOOK_EVERY", 0.05)
    core.fail = no_storage
    async with hooked(telegram, core):
        telegram.say("customer1", "one")
        await core.until(lambda: core.problems[-1] is not None)
        assert "Telegram cannot deliver to webhook_url: Wrong response from the webhook: 503" in (
            core.problems[-1] or ""
        )
        core.fail = lambda event: None
        await core.until(lambda: core.problems[-1] is None)
    assert core.texts == ["one"]


async def test_the_webhook_needs_the_web_server(telegram: TelegramStandIn, core: Core) -> None:
    changes = {"mode": "webhook", "webhook_url": "https://bot.example/h", "webhook_secret": SECRET}
    async with sending(telegram, core, **changes) as adapter:
        with pytest.raises(AdapterError, match="onethread run"):
            await adapter.check()
