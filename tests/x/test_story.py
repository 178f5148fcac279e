"""A customer says, an agent answers: both ways in, words and files both ways."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import aiohttp

from bot.contract import AdapterContext
from bot.messages import Attachment, BlobId, Message, Span, SpanKind, Text, Unreadable
from tests.x.rig import ADA, GIF, ME, MP4, PNG, Rig, reply, send
from tests.x.test_parse import fixture

TWO = f"{ME}-{ADA}"


async def attachment(context: AdapterContext, data: bytes, name: str, kind: str) -> Attachment:
    return Attachment(name, kind, len(data), await context.blobs.put(data))


async def test_words_come_in_by_polling(rig: Rig) -> None:
    await rig.x.say("customer1", "ten years of messages")
    async with rig.reading():
        made = await rig.x.say("customer1", "Hello <you> & https://shop.example/a?b=c&d=e bye")
        await rig.core.until(lambda: rig.core.messages)
    (message,) = rig.core.messages
    words = "Hello <you> & https://shop.example/a?b=c&d=e bye"
    at = words.index("https")
    assert message.text == Text(words, (Span(at, at + 30, SpanKind.LINK, "https://shop.example/a?b=c&d=e"),))
    sender = message.sender
    assert (sender.channel, sender.address, sender.name) == ("x", ADA, "Ada Lovelace (@ada_l)")
    assert sender.verified and sender.evidence == "X account"
    assert message.thread_key == TWO and message.remote_id == made and message.source_id == f"dm:{made}"
    assert message.raw is not None and made.encode() in rig.core.files[message.raw]
    assert rig.core.problems == [None]


async def test_the_same_message_by_poll_and_webhook_is_one(rig: Rig) -> None:
    async with rig.reading(webhook=rig.hook, reconcile=3600):
        await rig.x.until(lambda: len(rig.x.hooks.subscriptions) == 2)
        await rig.x.say("customer1", "see https://shop.example & <this>", PNG)
        await rig.core.until(lambda: rig.core.messages)
        await rig.x.hooks.settled()
    assert rig.x.hooks.delivered == [("dm.received", 200)]
    async with rig.reading():
        await rig.core.until(lambda: rig.core.duplicates)
    (by_hook,) = rig.core.messages
    rig.core.seen.clear()
    rig.core.position = "1"
    async with rig.reading():
        await rig.core.until(lambda: len(rig.core.messages) == 2)
    by_poll = rig.core.messages[1]
    assert {by_hook, by_poll} == {by_hook, by_poll} and by_hook.raw != by_poll.raw
    for key in Message.__slots__:
        if key != "raw":
            assert getattr(by_hook, key) == getattr(by_poll, key), key
    assert by_hook.text.plain == "see https://shop.example & <this>"
    (file,) = by_hook.attachments
    assert file.media_type == "image/png" and file.blob is not None and rig.core.files[file.blob] == PNG


async def test_a_webhook_that_comes_twice_is_one_message(rig: Rig) -> None:
    async with rig.reading(webhook=rig.hook):
        await rig.x.until(lambda: len(rig.x.hooks.subscriptions) == 2)
        rig.x.faults.twice = True
        await rig.x.say("customer1", "once")
        await rig.x.hooks.settled()
        await rig.x.say("customer1", "and again")
        await rig.core.until(lambda: len(rig.core.texts) == 2)
        await rig.x.hooks.settled()
    assert rig.core.texts == ["once", "and again"]
    assert [status for _, status in rig.x.hooks.delivered] == [200] * 4


async def test_the_answer_goes_to_the_customer(rig: Rig) -> None:
    adapter = rig.adapter()
    await adapter.check()
    receipt = await send(adapter, reply("It is <shipped> & on its way", thread=TWO))
    (heard,) = rig.x.heard("customer1")
    assert heard["text"] == "It is <shipped> & on its way"
    assert receipt.remote_ids == (heard["id"],) and receipt.thread_key == TWO
    assert rig.x.heard("customer2") == []


async def test_our_own_messages_do_not_come_back(rig: Rig) -> None:
    async with rig.reading() as adapter:
        receipt = await send(adapter, reply("from us"))
        last = await rig.core.until(lambda: str(rig.core.position).startswith(receipt.remote_ids[0]))
        assert last
        await rig.x.say("customer1", "from her")
        await rig.core.until(lambda: rig.core.texts)
    assert rig.core.texts == ["from her"]


async def test_pictures_and_films_go_out_one_a_message(rig: Rig) -> None:
    adapter = rig.adapter()
    for data, name, kind in (
        (PNG, "a.png", "image/png"),
        (GIF, "b.gif", "image/gif"),
        (MP4, "c.mp4", "video/mp4"),
    ):
        file = await attachment(rig.context, data, name, kind)
        await send(adapter, reply("" if kind == "video/mp4" else f"see {name}", attachments=(file,)))
    heard = rig.x.heard("customer1")
    assert [one["text"] for one in heard] == ["see a.png", "see b.gif", ""]
    files = [one["media"][0] for one in heard]
    assert [one["sha256"] for one in files] == [hashlib.sha256(data).hexdigest() for data in (PNG, GIF, MP4)]
    appended = [call for call in rig.x.calls if call.path.endswith("/append")]
    assert [call.body["segment_index"] for call in appended] == [0, 0, 1, 2, 3]


async def test_films_come_in(rig: Rig) -> None:
    async with rig.reading():
        await rig.x.say("customer1", "look", MP4)
        await rig.core.until(lambda: rig.core.messages)
    (file,) = rig.core.messages[0].attachments
    assert rig.core.texts == ["look"]
    assert (file.media_type, file.size, file.problem) == ("video/mp4", len(MP4), None)
    assert file.blob is not None and rig.core.files[file.blob] == MP4


async def test_a_file_that_is_too_large_is_named_and_left(rig: Rig) -> None:
    async with rig.reading(attachment_limit=100):
        await rig.x.say("customer1", "look", PNG)
        await rig.core.until(lambda: rig.core.messages)
    (file,) = rig.core.messages[0].attachments
    assert file.blob is None and file.problem == "larger than 0.0001 MB; see it in X's app"


async def test_files_wait_for_a_while_and_then_the_words_come_alone(rig: Rig) -> None:
    async with rig.reading():
        rig.x.faults.no_files = 2
        await rig.x.say("customer1", "patience", PNG)
        await rig.core.until(lambda: rig.core.messages)
        rig.x.faults.no_files = 100
        await rig.x.say("customer1", "no more patience", PNG)
        await rig.core.until(lambda: len(rig.core.messages) == 2)
    first, second = (one.attachments[0] for one in rig.core.messages)
    assert first.blob == BlobId(hashlib.sha256(PNG).hexdigest())
    assert second.blob is None and second.problem is not None and "X does not give it out" in second.problem


async def test_oauth1_reads_and_sends_and_says_why_there_is_no_file(rig: Rig) -> None:
    async with rig.reading(oauth1=True) as adapter:
        await adapter.check()
        await rig.x.say("customer1", "with a picture", PNG)
        await rig.core.until(lambda: rig.core.messages)
        await send(adapter, reply("answer: 1,2 + ünïcode", attachments=()))
    (file,) = rig.core.messages[0].attachments
    assert file.problem == "X gives files only to an inbox with oauth2"
    assert [one["text"] for one in rig.x.heard("customer1")] == ["answer: 1,2 + ünïcode"]
    assert {call.login for call in rig.x.calls} == {"user1"}


async def test_a_group_is_said_once_and_left_alone(rig: Rig) -> None:
    async with rig.reading():
        for words in ("hi all", "anybody?"):
            await rig.x.say("customer2", words, group="1584988213961031680")
        await rig.x.say("customer1", "alone")
        await rig.core.until(lambda: rig.core.texts)
    (notice,) = rig.core.unreadable
    assert "group conversation" in notice.reason and notice.sender is None
    assert rig.core.texts == ["alone"]


async def test_a_group_is_taken_in_where_that_is_wished(rig: Rig) -> None:
    async with rig.reading(groups=True) as adapter:
        await rig.x.say("customer1", "hi all", group="1584988213961031680")
        await rig.core.until(lambda: rig.core.texts)
        assert rig.core.messages[0].thread_key == "1584988213961031680"
        receipt = await send(adapter, reply("hi back", thread="1584988213961031680"))
    assert receipt.thread_key == "1584988213961031680"
    assert [one["text"] for one in rig.x.heard("customer2")] == ["hi back"]


async def test_an_encrypted_message_is_at_least_seen(rig: Rig) -> None:
    async with rig.reading(webhook=rig.hook):
        await rig.x.until(lambda: len(rig.x.hooks.subscriptions) == 2)
        await rig.x.say("customer1", "", encrypted=True)
        await rig.core.until(lambda: rig.core.events)
    (notice,) = rig.core.events
    assert isinstance(notice, Unreadable) and "encrypted" in notice.reason
    assert notice.sender is not None and notice.sender.address == ADA
    assert notice.raw is not None and b"encoded_event" in rig.core.files[notice.raw]


async def test_links_are_written_out(rig: Rig) -> None:
    words = "your order (shop.example) or mail us"
    spans = (
        Span(0, 10, SpanKind.LINK, "https://shop.example/o/1"),
        Span(12, 24, SpanKind.LINK, "https://shop.example/"),
        Span(29, 36, SpanKind.LINK, "mailto:help@shop.example"),
    )
    await send(rig.adapter(), reply(Text(words, spans)))
    (heard,) = rig.x.heard("customer1")
    assert heard["text"] == (
        "your order (https://shop.example/o/1) (shop.example) or mail us (help@shop.example)"
    )


async def test_people_act_over_http(rig: Rig) -> None:
    there = rig.x.endpoints()
    async with rig.reading(), aiohttp.ClientSession() as http:
        async with http.post(there["say"], json={"customer": "customer2", "text": "over HTTP"}) as answer:
            assert answer.status == 200 and (await answer.json())["ok"] is True
        await rig.core.until(lambda: rig.core.texts)
        async with http.post(there["say"], json={"customer": "nobody"}) as answer:
            assert answer.status == 400
        async with http.get(there["heard"], params={"customer": "customer1"}) as answer:
            assert (await answer.json())["messages"] == []
    assert rig.core.messages[0].sender.name == "Grace Hopper (@grace_h)"


async def test_a_file_without_a_name_is_named_as_missing(rig: Rig) -> None:
    rig.adapter(webhook=rig.hook)
    body = fixture("account_activity")
    data = body["direct_message_events"][0]["message_create"]["message_data"]
    del data["attachment"]["media"]["media_url_https"]
    assert await rig.post(json.dumps(body).encode()) == 200
    (message,) = rig.core.messages
    (file,) = message.attachments
    assert (file.name, file.blob, file.problem) == (
        "photo-1",
        None,
        "X names no file for it; see it in X's app",
    )


async def test_a_file_that_x_does_not_know_is_named_as_missing(rig: Rig) -> None:
    rig.adapter(webhook=rig.hook)
    assert await rig.post(json.dumps(fixture("account_activity")).encode()) == 200
    (file,) = rig.core.messages[0].attachments
    assert file.name == "d3LfgVMN.jpg" and file.media_type == "image/jpeg" and file.blob is None
    assert file.problem == "X does not give it out: Could not find this file (404)"


async def test_another_account_of_ours_is_no_customer(rig: Rig) -> None:
    rig.context = replace(rig.context, own_addresses=frozenset({ADA}))
    async with rig.reading():
        await rig.x.say("customer1", "one bot to another")
        await rig.x.say("customer1", "", garbled=True)
        await rig.x.say("customer2", "a person")
        await rig.core.until(lambda: rig.core.texts)
    assert rig.core.texts == ["a person"]
