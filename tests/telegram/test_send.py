"""Replies on Telegram: what the customer gets, and what every failure is called."""

from __future__ import annotations

import asyncio

import pytest

from bot.adapters.telegram.adapter import CAPABILITIES
from bot.capabilities import fit, measure
from bot.errors import DeliveryError, PermanentFailure, TemporaryFailure, UncertainFailure
from bot.messages import Attachment, BlobId, RemoteId, Span, SpanKind, Text
from bot.sandbox.telegram import TelegramStandIn
from bot.sandbox.telegram.people import PICTURE
from tests.email.core import Core
from tests.telegram.rig import DANA, part, reply, sending


async def stored(core: Core, name: str, media_type: str, data: bytes) -> Attachment:
    blob = await core.context().blobs.put(data)
    return Attachment(name, media_type, len(data), blob)


async def test_a_reply_arrives_with_its_formatting(telegram: TelegramStandIn, core: Core) -> None:
    text = Text(
        "🚚 It *ships* <b>today</b>, see here",
        (Span(5, 12, SpanKind.BOLD), Span(31, 35, SpanKind.LINK, "https://shop.example/7")),
    )
    async with sending(telegram, core) as adapter:
        receipt = await adapter.send(reply(text), part(reply(text)))
    (heard,) = telegram.heard("customer1")
    assert heard["text"] == text.plain
    assert heard["entities"] == [
        {"type": "bold", "offset": 6, "length": 7},
        {"type": "text_link", "offset": 32, "length": 4, "url": "https://shop.example/7"},
    ]
    assert receipt.remote_ids == (f"{DANA}:{heard['message_id']}",)
    assert (receipt.thread_key, receipt.level) == (str(DANA), "accepted")
    assert "parse_mode" not in telegram.calls[-1].args


async def test_a_reply_quotes_what_it_answers(telegram: TelegramStandIn, core: Core) -> None:
    asked = telegram.say("customer1", "where is it?")
    answer = reply(answers=f"{DANA}:{asked['message_id']}")
    async with sending(telegram, core) as adapter:
        await adapter.send(answer, part(answer, 0, 2))
        await adapter.send(answer, part(answer, 1, 2))
        gone = reply(answers=f"{DANA}:999")
        await adapter.send(gone, part(gone))
        elsewhere = reply(answers="<7@mail.example>")
        await adapter.send(elsewhere, part(elsewhere))
    quotes = [message.get("reply_to_message", {}).get("text") for message in telegram.heard("customer1")]
    assert quotes == ["where is it?", None, None, None]


@pytest.mark.parametrize(
    ("names", "method", "keys"),
    [
        (["a.png"], "sendPhoto", ["photo"]),
        (["a.pdf"], "sendDocument", ["document"]),
        (["a.mp3"], "sendAudio", ["audio"]),
        (["a.mp4"], "sendVideo", ["video"]),
        (["a.png", "b.mp4"], "sendMediaGroup", ["photo", "video"]),
        (["a.mp3", "b.mp3"], "sendMediaGroup", ["audio", "audio"]),
        (["a.png", "b.pdf", "c.mp3"], "sendMediaGroup", ["document"] * 3),
        (["a.svg"], "sendDocument", ["document"]),
    ],
    ids=lambda value: value if isinstance(value, str) else ",".join(value),
)
async def test_files_go_as_what_they_are(
    telegram: TelegramStandIn, core: Core, names: list[str], method: str, keys: list[str]
) -> None:
    types = {"png": "image/png", "mp3": "audio/mpeg", "mp4": "video/mp4", "svg": "image/svg+xml"}
    files = tuple(
        [
            await stored(core, name, types.get(name[2:], "application/pdf"), PICTURE + bytes([number]))
            for number, name in enumerate(names)
        ]
    )
    with_words = reply(Text("Look here", (Span(0, 4, SpanKind.ITALIC),)), files=files)
    (one,) = fit(with_words.text, with_words.attachments, CAPABILITIES).parts
    async with sending(telegram, core) as adapter:
        receipt = await adapter.send(with_words, one)
    heard = telegram.heard("customer1")
    assert telegram.calls[-1].method == method
    assert [next(key for key in keys if key in message) for message in heard] == keys
    assert heard[0]["caption"] == "Look here"
    assert heard[0]["caption_entities"] == [{"type": "italic", "offset": 0, "length": 4}]
    assert receipt.remote_ids == tuple(f"{DANA}:{message['message_id']}" for message in heard)
    data = [file.data for file in telegram.world.files.values()]
    assert data == [PICTURE + bytes([number]) for number in range(len(names))]


async def test_a_picture_that_telegram_cannot_show_goes_as_a_document(
    telegram: TelegramStandIn, core: Core
) -> None:
    files = (await stored(core, "odd.jpg", "image/jpeg", b"this is no picture"),)
    odd = reply("", files=files)
    async with sending(telegram, core) as adapter:
        await adapter.send(odd, part(odd))
    (heard,) = telegram.heard("customer1")
    assert heard["document"]["file_name"] == "odd.jpg"


async def test_large_pictures_go_as_documents_and_larger_files_are_refused_beforehand(
    telegram: TelegramStandIn, core: Core
) -> None:
    files = (await stored(core, "huge.png", "image/png", PICTURE + bytes(10 * 1024 * 1024)),)
    big = reply("", files=files)
    async with sending(telegram, core) as adapter:
        await adapter.send(big, part(big))
    assert "document" in telegram.heard("customer1")[0]
    film = Attachment("film.mp4", "video/mp4", 60_000_000, BlobId("x"))
    fitted = fit(Text("see"), (film,), CAPABILITIES)
    assert fitted.losses == ("film.mp4 is too large for telegram (limit 50 MB).",)


async def test_a_long_text_is_cut_in_telegrams_own_units(telegram: TelegramStandIn, core: Core) -> None:
    long = reply("😀 " * 3000)
    parts = fit(long.text, (), CAPABILITIES).parts
    assert all(measure(one.text.plain, CAPABILITIES.unit) <= 4096 for one in parts)
    async with sending(telegram, core) as adapter:
        for one in parts:
            await adapter.send(long, one)
    assert sum(message["text"].count("😀") for message in telegram.heard("customer1")) == 3000


async def test_a_caption_that_is_too_long_is_a_text_of_its_own(telegram: TelegramStandIn, core: Core) -> None:
    files = (await stored(core, "a.png", "image/png", PICTURE),)
    long = reply("x" * 1025, files=files)
    parts = fit(long.text, long.attachments, CAPABILITIES).parts
    async with sending(telegram, core) as adapter:
        for one in parts:
            await adapter.send(long, one)
    assert [sorted({"text", "photo"} & set(m)) for m in telegram.heard("customer1")] == [["text"], ["photo"]]


async def test_edits_and_deletions_reach_the_customer(telegram: TelegramStandIn, core: Core) -> None:
    files = (await stored(core, "a.png", "image/png", PICTURE),)
    text, picture = reply("It shps"), reply("Lok", files=files)
    async with sending(telegram, core) as adapter:
        (first,) = (await adapter.send(text, part(text))).remote_ids
        (second,) = (await adapter.send(picture, part(picture))).remote_ids
        better = Text("It ships", (Span(3, 8, SpanKind.BOLD),))
        receipt = await adapter.edit(text, part(reply(better)), first)
        await adapter.edit(text, part(reply(better)), first)  # again: nothing changes, and that is fine
        await adapter.edit(picture, part(reply("Look", files=files)), second)
        assert receipt.remote_ids == (first,)
        heard = telegram.heard("customer1")
        assert [heard[0]["text"], heard[1]["caption"]] == ["It ships", "Look"]
        assert heard[0]["entities"] == [{"type": "bold", "offset": 3, "length": 5}]
        await adapter.delete(text, first)
        await adapter.delete(text, first)
        assert [message["message_id"] for message in telegram.heard("customer1")] == [heard[1]["message_id"]]
        with pytest.raises(PermanentFailure, match="not in the chat any more"):
            await adapter.edit(text, part(text), first)
        telegram.world.chats[DANA].messages[heard[1]["message_id"]]["date"] -= 49 * 3600
        with pytest.raises(PermanentFailure, match="48 hours"):
            await adapter.delete(picture, second)


async def test_typing_is_shown(telegram: TelegramStandIn, core: Core) -> None:
    async with sending(telegram, core) as adapter:
        await adapter.typing(None, str(DANA))
    assert telegram.world.chats[DANA].actions == ["typing"]


# -- failures ------------------------------------------------------------------------------------------


async def test_who_blocked_the_bot_gets_nothing_and_the_agent_is_told(
    telegram: TelegramStandIn, core: Core
) -> None:
    telegram.people.block("customer1")
    async with sending(telegram, core) as adapter:
        with pytest.raises(PermanentFailure, match="the customer has blocked the bot"):
            await adapter.send(reply(), part(reply()))
        with pytest.raises(PermanentFailure, match="does not know this chat"):
            await adapter.send(reply(chat=77), part(reply()))
    assert telegram.heard("customer1") == []


async def test_too_fast_freezes_the_bucket(telegram: TelegramStandIn, core: Core) -> None:
    telegram.flood(17, method="sendMessage")
    async with sending(telegram, core) as adapter:
        with pytest.raises(TemporaryFailure) as refused:
            await adapter.send(reply(), part(reply()))
        assert (refused.value.retry_after, refused.value.freeze) == (17, True)
        await adapter.send(reply(), part(reply()))


@pytest.mark.parametrize(
    ("code", "words", "kind"),
    [
        (400, "Bad Request: not enough rights to send text messages to the chat", PermanentFailure),
        (401, "Unauthorized", TemporaryFailure),
        (403, "Forbidden: user is deactivated", PermanentFailure),
        (413, "Request Entity Too Large", PermanentFailure),
        (500, "Internal Server Error", UncertainFailure),
        (502, "Bad Gateway", TemporaryFailure),
        (503, "Service Unavailable", TemporaryFailure),
        (504, "Gateway Timeout", UncertainFailure),
    ],
)
async def test_a_refusal_is_called_what_it_is(
    telegram: TelegramStandIn, core: Core, code: int, words: str, kind: type[DeliveryError]
) -> None:
    telegram.fail(code, words, method="sendMessage")
    async with sending(telegram, core) as adapter:
        with pytest.raises(kind) as refused:
            await adapter.send(reply(), part(reply()))
    assert telegram.token not in refused.value.reason
    assert type(refused.value) is kind


async def test_an_answer_that_never_came_is_uncertain(telegram: TelegramStandIn, core: Core) -> None:
    telegram.drop_after("sendMessage")
    async with sending(telegram, core, timeout=0.3) as adapter:
        with pytest.raises(UncertainFailure, match="before it answered"):
            await adapter.send(reply("dropped"), part(reply("dropped")))
        gate = telegram.hang("sendMessage")
        with pytest.raises(UncertainFailure, match="before it answered"):
            await adapter.send(reply("late"), part(reply("late")))
        gate.set()
    assert [message["text"] for message in telegram.heard("customer1")] == ["dropped", "late"]


async def test_an_edit_whose_answer_never_came_may_be_repeated(telegram: TelegramStandIn, core: Core) -> None:
    async with sending(telegram, core) as adapter:
        (sent,) = (await adapter.send(reply(), part(reply()))).remote_ids
        telegram.drop_after("editMessageText")
        with pytest.raises(TemporaryFailure):
            await adapter.edit(reply(), part(reply("new")), sent)
        await adapter.edit(reply(), part(reply("new")), sent)
        telegram.drop_after("deleteMessage")
        with pytest.raises(TemporaryFailure):
            await adapter.delete(reply(), sent)
        await adapter.delete(reply(), sent)
    assert telegram.heard("customer1") == []


async def test_a_server_that_is_not_there_is_certain(telegram: TelegramStandIn, core: Core) -> None:
    await telegram.stop()
    async with sending(telegram, core) as adapter:
        with pytest.raises(TemporaryFailure, match="could not be reached"):
            await adapter.send(reply(), part(reply()))


async def test_a_group_that_has_moved_is_found_and_remembered(telegram: TelegramStandIn, core: Core) -> None:
    group = telegram.people.group("Friends of the shop")
    new = telegram.people.migrate(group, tell=False)
    asked = reply("first", chat=group, answers=f"{group}:1")
    async with sending(telegram, core) as adapter:
        receipt = await adapter.send(asked, part(asked))
    assert receipt.thread_key == str(new)
    async with sending(telegram, core) as adapter:
        before = len(telegram.calls)
        await adapter.send(reply("second", chat=group), part(reply("second")))
        assert len(telegram.calls) == before + 1
    assert [message["text"] for message in telegram.world.chats[new].messages.values()] == ["first", "second"]


async def test_what_cannot_be_sent_is_said_before_anything_is(telegram: TelegramStandIn, core: Core) -> None:
    erased = reply("", files=(Attachment("a.pdf", "application/pdf", 1, BlobId("gone")),))
    async with sending(telegram, core) as adapter:
        with pytest.raises(PermanentFailure, match=r"a\.pdf has been erased"):
            await adapter.send(erased, part(erased))
        with pytest.raises(PermanentFailure, match="not a message of Telegram"):
            await adapter.delete(reply(), RemoteId("<1@mail.example>"))
    assert telegram.calls == []


async def test_many_replies_at_a_time(telegram: TelegramStandIn, core: Core, no_blocking: object) -> None:
    async with sending(telegram, core) as adapter:
        await asyncio.gather(*[adapter.send(reply(str(n)), part(reply(str(n)))) for n in range(20)])
    assert len(telegram.heard("customer1")) == 20
