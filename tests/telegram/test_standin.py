"""The stand-in is as strict as Telegram, and scripts can act as its customers over HTTP."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from bot.sandbox.telegram import TelegramStandIn
from bot.sandbox.telegram.people import PICTURE
from tests.telegram.rig import DANA


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def call(
    telegram: TelegramStandIn, http: aiohttp.ClientSession, method: str, **args: Any
) -> dict[str, Any]:
    url = f"{telegram.url}/bot{telegram.token}/{method}"
    async with http.post(url, json=args) as answer:
        found: dict[str, Any] = await answer.json()
        assert (answer.status == 200) is found["ok"]
        return found


async def test_customers_over_http(telegram: TelegramStandIn, http: aiohttp.ClientSession) -> None:
    said = {"customer": "customer1", "text": "hello"}
    async with http.post(f"{telegram.url}/say", json=said) as answer:
        assert (answer.status, (await answer.json())["text"]) == (200, "hello")
    (update,) = (await call(telegram, http, "getUpdates"))["result"]
    assert update["message"]["text"] == "hello"
    await call(telegram, http, "sendMessage", chat_id=DANA, text="hello back")
    async with http.get(f"{telegram.url}/heard", params={"customer": "customer1"}) as answer:
        assert [message["text"] for message in await answer.json()] == ["hello back"]
    async with http.get(f"{telegram.url}/heard", params={"customer": "nobody"}) as answer:
        assert answer.status == 404
    async with http.post(f"{telegram.url}/say", json={"customer": "nobody", "text": "x"}) as answer:
        assert answer.status == 400


async def test_an_offset_confirms_and_only_then(
    telegram: TelegramStandIn, http: aiohttp.ClientSession
) -> None:
    for text in "abc":
        telegram.say("customer1", text)
    first = (await call(telegram, http, "getUpdates"))["result"]
    again = (await call(telegram, http, "getUpdates", limit=2))["result"]
    assert (len(first), again) == (3, first[:2])
    rest = (await call(telegram, http, "getUpdates", offset=first[1]["update_id"] + 1))["result"]
    assert rest == first[2:]


async def test_one_poll_at_a_time(telegram: TelegramStandIn, http: aiohttp.ClientSession) -> None:
    waiting = asyncio.create_task(call(telegram, http, "getUpdates", timeout=20))
    await telegram.until(lambda: telegram.updates.polling)
    second = asyncio.create_task(call(telegram, http, "getUpdates", timeout=20))
    first = await waiting
    assert (first["error_code"], "terminated by other getUpdates" in first["description"]) == (409, True)
    telegram.say("customer1", "for the second")
    assert len((await second)["result"]) == 1


async def test_no_poll_beside_a_webhook(telegram: TelegramStandIn, http: aiohttp.ClientSession) -> None:
    await call(telegram, http, "setWebhook", url="https://bot.example/hook")
    assert (await call(telegram, http, "getUpdates"))["error_code"] == 409
    assert (await call(telegram, http, "getWebhookInfo"))["result"]["url"] == "https://bot.example/hook"
    await call(telegram, http, "deleteWebhook")
    assert (await call(telegram, http, "getUpdates"))["ok"]
    refused = await call(telegram, http, "setWebhook", url="http://bot.example/hook")
    assert "HTTPS URL must be provided" in refused["description"]


async def test_reactions_come_only_to_those_who_ask(
    telegram: TelegramStandIn, http: aiohttp.ClientSession
) -> None:
    telegram.people.react("customer1", 1, "👍")
    assert (await call(telegram, http, "getUpdates"))["result"] == []
    await call(telegram, http, "getUpdates", allowed_updates=["message_reaction"])
    telegram.people.react("customer1", 1, "👍")
    telegram.say("customer1", "not asked for")
    (update,) = (await call(telegram, http, "getUpdates"))["result"]
    assert "message_reaction" in update


@pytest.mark.parametrize(
    ("method", "args", "code", "words"),
    [
        ("sendMessage", {"chat_id": 1, "text": "x"}, 400, "chat not found"),
        ("sendMessage", {"chat_id": DANA, "text": " "}, 400, "message text is empty"),
        ("sendMessage", {"chat_id": DANA, "text": "😀" * 2049}, 400, "message is too long"),
        (
            "sendMessage",
            {"chat_id": DANA, "text": "x", "reply_parameters": {"message_id": 99}},
            400,
            "message to be replied not found",
        ),
        (
            "editMessageText",
            {"chat_id": DANA, "message_id": 99, "text": "x"},
            400,
            "message to edit not found",
        ),
        ("deleteMessage", {"chat_id": DANA, "message_id": 99}, 400, "message to delete not found"),
        ("sendMediaGroup", {"chat_id": DANA, "media": []}, 400, "wrong number of items"),
        ("getFile", {"file_id": "none"}, 400, "wrong file_id"),
    ],
)
async def test_refusals(
    telegram: TelegramStandIn,
    http: aiohttp.ClientSession,
    method: str,
    args: dict[str, Any],
    code: int,
    words: str,
) -> None:
    answer = await call(telegram, http, method, **args)
    assert (answer["error_code"], words in answer["description"]) == (code, True)


async def test_strangers_and_unknown_methods(
    telegram: TelegramStandIn, http: aiohttp.ClientSession, unjudged: None
) -> None:
    assert (await call(telegram, http, "sendTelepathy"))["error_code"] == 404
    async with http.get(f"{telegram.url}/bot1:wrong/getMe") as answer:
        assert answer.status == 401
    async with http.get(f"{telegram.url}/file/bot1:wrong/photos/file_1.jpg") as answer:
        assert answer.status == 404


async def test_uploads(telegram: TelegramStandIn, http: aiohttp.ClientSession) -> None:
    async def upload(kind: str, name: str, data: bytes) -> dict[str, Any]:
        form = aiohttp.FormData({"chat_id": str(DANA)})
        form.add_field(kind, io.BytesIO(data), filename=name)
        url = f"{telegram.url}/bot{telegram.token}/send{kind.title()}"
        async with http.post(url, data=form) as answer:
            found: dict[str, Any] = await answer.json()
            return found

    assert (await upload("photo", "a.png", PICTURE))["result"]["photo"][0]["file_size"] == len(PICTURE)
    assert "IMAGE_PROCESS_FAILED" in (await upload("photo", "a.png", b"nothing"))["description"]
    assert "too big" in (await upload("photo", "a.png", PICTURE + bytes(11_000_000)))["description"]
    assert (await upload("document", "a.bin", bytes(53_000_000)))["error_code"] == 413
    sent = (await upload("voice", "a.ogg", b"OggS"))["result"]["voice"]
    file = (await call(telegram, http, "getFile", file_id=sent["file_id"]))["result"]
    async with http.get(f"{telegram.url}/file/bot{telegram.token}/{file['file_path']}") as answer:
        assert await answer.read() == b"OggS"


async def test_the_chat_and_the_bot(telegram: TelegramStandIn, http: aiohttp.ClientSession) -> None:
    assert (await call(telegram, http, "getMe"))["result"]["username"] == "shop_demo_bot"
    assert (await call(telegram, http, "getChat", chat_id=DANA))["result"]["first_name"] == "Dana"
    said = telegram.say("customer1", "hi")
    args = {"chat_id": DANA, "message_id": said["message_id"], "reaction": [{"type": "emoji", "emoji": "👍"}]}
    assert (await call(telegram, http, "setMessageReaction", **args))["result"] is True
