"""What a visitor and an agent say to each other."""

from __future__ import annotations

import asyncio
import json

from bot.messages import (
    AddressGiven,
    Attachment,
    BlobId,
    Level,
    Receipt,
    Span,
    SpanKind,
    Text,
    Typing,
    Unseen,
)
from tests.site.rig import Core, chat


async def test_a_visitor_says_something_and_gets_an_answer() -> None:
    async with chat() as rig:
        tab = await rig.tab()
        assert rig.core.events == []
        assert (await tab.say("Where is my parcel?"))["t"] == "sent"
        (message,) = rig.core.messages()
        assert message.text.plain == "Where is my parcel?"
        assert message.thread_key == message.sender.address == tab.visitor
        assert message.sender.verified
        assert message.sender.evidence == "site visitor's token"
        receipt = await rig.reply(tab.visitor, "It ships today.")
        assert receipt.detail == "shown in the chat"
        (item,) = (await tab.get("messages"))["items"]
        assert (item["from"], item["author"], item["text"]) == ("team", "Kim", "It ships today.")
        assert item["id"] == receipt.remote_ids[0]


async def test_the_page_says_what_its_visitor_reads() -> None:
    async with chat() as rig:
        tab = await rig.tab(language="pt_br")
        await tab.say("Onde está?")
        for language, known in (("", "pt-BR"), ("klingon", "pt-BR"), ("de", "de")):
            tab = await rig.tab(tab.token, tab.after, language=language)
            await tab.say(f"{language}?")
            assert rig.core.messages()[-1].sender.language == known
        assert rig.core.messages()[0].sender.language == "pt-BR"
        for wrong in (7, "x" * 101):
            ws = await rig.connect()
            await ws.send_str(json.dumps({"t": "hello", "v": 1, "after": 0, "language": wrong}))
            assert (await ws.receive()).data == 4000


async def test_who_only_looks_leaves_nothing_behind() -> None:
    core = Core()
    async with chat(core) as rig:
        tab = await rig.tab()
        await tab.send(t="typing")
        await tab.send(t="ping")
        await tab.get("pong")
    assert core.events == []
    assert core.state.kept == {}


async def test_a_message_sent_again_is_one_message() -> None:
    async with chat() as rig:
        tab = await rig.talking()
        await tab.say("once", "client-id-1")
        again = await rig.tab(tab.token)
        assert (await again.say("once", "client-id-1"))["t"] == "sent"
        assert [m.text.plain for m in rig.core.messages()] == ["Hello", "once"]


async def test_what_was_missed_comes_with_the_next_hello() -> None:
    async with chat() as rig:
        tab = await rig.talking()
        other = await rig.tab(tab.token)
        before = other.after
        for one in (tab, other):
            await one.ws.close()
        receipt = await rig.reply(tab.visitor, "You were away.")
        assert "waits in the chat" in (receipt.detail or "")
        back = await rig.tab(tab.token, after=before)
        assert [one["text"] for one in back.shown.values()] == ["You were away."]
        assert back.visitor == tab.visitor
        fresh = await rig.tab(tab.token)
        assert [one["text"] for one in fresh.shown.values()] == ["Hello", "You were away."]
        assert [one["from"] for one in fresh.shown.values()] == ["visitor", "team"]


async def test_a_reply_that_is_sent_but_not_yet_in_the_history_is_not_missed() -> None:
    async with chat() as rig:
        tab = await rig.talking()
        await tab.ws.close()
        put, rig.core.put = rig.core.put, lambda *_: None  # type: ignore[method-assign]
        await rig.reply(tab.visitor, "between the steps")
        rig.core.put = put  # type: ignore[method-assign]
        back = await rig.tab(tab.token)
        while not any(one["text"] == "between the steps" for one in back.shown.values()):
            await back.next()


async def test_a_restart_forgets_no_visitor() -> None:
    core = Core()
    async with chat(core) as rig:
        tab = await rig.talking()
    async with chat(core) as rig:
        back = await rig.tab(tab.token)
        assert back.visitor == tab.visitor
        assert len(back.shown) == 1


async def test_the_other_tab_shows_it_too() -> None:
    async with chat() as rig:
        one = await rig.talking()
        two = await rig.tab(one.token)
        await one.say("from the first tab", "client-id-1")
        (item,) = (await two.get("messages"))["items"]
        assert (item["id"], item["from"], item["text"]) == ("client-id-1", "visitor", "from the first tab")
        await rig.reply(one.visitor, "to both")
        assert (await one.get("messages"))["items"] == (await two.get("messages"))["items"]


async def test_seen_is_told_once_and_to_the_other_tabs() -> None:
    async with chat() as rig:
        one = await rig.talking()
        two = await rig.tab(one.token)
        key = (await rig.reply(one.visitor, "Hello")).remote_ids[0]
        await one.get("messages")
        await one.send(t="seen", ids=[key])
        assert (await two.get("seen"))["ids"] == [key]
        await two.send(t="seen", ids=[key])
        await two.send(t="ping")
        await two.get("pong")
        (receipt,) = rig.core.of(Receipt)
        assert receipt.level is Level.SEEN
        assert receipt.remote_ids == (key,)
        assert receipt.thread_key == one.visitor


async def test_typing_goes_both_ways_and_not_too_often() -> None:
    async with chat() as rig:
        tab = await rig.talking()
        for _ in range(5):
            await tab.send(t="typing")
        await tab.send(t="ping")
        await tab.get("pong")
        (event,) = rig.core.of(Typing)
        assert event.thread_key == tab.visitor
        await rig.adapter.typing(tab.visitor, tab.visitor)
        await tab.get("typing")
        await rig.adapter.typing("0" * 32, "0" * 32)


async def test_an_address_is_a_claim_and_given_after_the_first_message() -> None:
    async with chat() as rig:
        tab = await rig.tab()
        await tab.send(t="address", id="client-id-0", email="dana@mail.example")
        assert (await tab.get("refused"))["why"] == "nothing said yet"
        await tab.say("Hello")
        await tab.send(t="address", id="client-id-1", email="not an address")
        assert (await tab.get("refused"))["why"] == "email"
        await tab.send(t="address", id="client-id-2", email="Dana@Mail.example")
        answer = await tab.get("address")
        (event,) = rig.core.of(AddressGiven)
        assert (event.given.channel, event.given.address) == ("email", "dana@mail.example")
        assert not event.given.verified
        assert event.sender.address == event.thread_key == tab.visitor
        assert answer["token"] != tab.token
        assert (await (await rig.tab(tab.token)).say("still me"))["t"] == "sent"


async def test_replies_nobody_saw_are_reported_once() -> None:
    core = Core()
    async with chat(core, mail_after_minutes=10) as rig:
        tab = await rig.talking()
        await tab.ws.close()
        keys = [(await rig.reply(tab.visitor, words)).remote_ids[0] for words in ("one", "two")]
        other = await rig.talking()
        seen = (await rig.reply(other.visitor, "seen")).remote_ids[0]
        await other.send(t="seen", ids=[seen])
        await core.until(Receipt)
    core.clock.now += 599
    async with chat(core) as rig:
        assert core.of(Unseen) == []
    core.clock.now += 2
    async with chat(core) as rig:
        (event,) = await core.until(Unseen)
        assert event.remote_ids == tuple(keys)
        assert (event.minutes, event.thread_key) == (10, tab.visitor)
    core.clock.now += 100_000
    async with chat(core) as rig:
        await rig.reply(tab.visitor, "a new batch")
        core.clock.now += 700
    async with chat(core) as rig:
        assert len(await core.until(Unseen, 2)) == 2
        await asyncio.sleep(0)
    assert core.state.kept["waiting"] == "{}"


async def test_a_disk_that_fails_is_no_loss() -> None:
    async with chat() as rig:
        tab = await rig.talking()
        rig.core.broken = True
        answer = await tab.say("not stored", "client-id-1")
        assert answer["t"] == "later"
        assert answer["after"] > 0
        rig.core.broken = False
        assert (await tab.say("not stored", "client-id-1"))["t"] == "sent"
        assert [m.text.plain for m in rig.core.messages()] == ["Hello", "not stored"]


async def test_spans_are_counted_as_browsers_count() -> None:
    async with chat() as rig:
        tab = await rig.talking()
        text = Text("😀 bold", (Span(2, 6, SpanKind.BOLD), Span(0, 1, SpanKind.LINK, "https://a.example")))
        await rig.reply(tab.visitor, text)
        (item,) = (await tab.get("messages"))["items"]
        assert item["spans"] == [[3, 7, "bold"], [0, 2, "link", "https://a.example"]]


async def test_a_long_reply_is_the_same_parts_live_and_later() -> None:
    async with chat() as rig:
        tab = await rig.talking()
        files = tuple(Attachment(f"{n}.txt", "text/plain", 1, BlobId(f"{n}" * 64)) for n in range(7))
        await rig.reply(tab.visitor, "word " * 4_000, *files)
        later = await rig.tab(tab.token)
        while len(tab.shown) < 4:
            await tab.get("messages")
        assert list(tab.shown) == list(later.shown)[1:]
        assert "".join(one["text"] for one in tab.shown.values()).count("word") == 4_000
        assert sum(len(one.get("files", ())) for one in tab.shown.values()) == 7
