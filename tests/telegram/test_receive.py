"""What customers say on Telegram, as messages: text, files, albums, edits, reactions, and what has no rule."""

from __future__ import annotations

from typing import Any

import pytest

from bot.messages import AddressChanged, Edit, Reaction, SpanKind
from bot.sandbox.telegram import TelegramStandIn
from bot.sandbox.telegram.people import PICTURE
from tests.email.core import Core
from tests.telegram.rig import DANA, receiving


async def test_a_text_becomes_a_message(telegram: TelegramStandIn, core: Core) -> None:
    async with receiving(telegram, core):
        telegram.say(
            "customer1",
            "👋 where is my parcel?",
            entities=[
                {"type": "bold", "offset": 3, "length": 5},
                {"type": "text_link", "offset": 15, "length": 6, "url": "https://shop.example/7"},
            ],
        )
        await core.until(lambda: core.messages)
    message = core.messages[0]
    assert message.text.plain == "👋 where is my parcel?"
    assert [(s.kind, message.text.plain[s.start : s.end], s.value) for s in message.text.spans] == [
        (SpanKind.BOLD, "where", None),
        (SpanKind.LINK, "parcel", "https://shop.example/7"),
    ]
    who = message.sender
    assert (who.channel, who.address, who.name) == ("telegram", str(DANA), "Dana Petrov")
    assert (who.verified, who.evidence, who.language) == (True, "Telegram account", "en")
    assert (message.thread_key, message.remote_id, message.automated) == (str(DANA), f"{DANA}:1", None)
    assert b"where is my parcel" in core.files[message.raw or ""]
    assert core.problems == [None]


async def test_the_start_button_is_told_and_its_payload_kept(telegram: TelegramStandIn, core: Core) -> None:
    async with receiving(telegram, core):
        telegram.people.start("customer1", "Zx9_link-token")
        telegram.people.start("customer2")
        telegram.say("customer2", "/start not a payload!")
        await core.until(lambda: len(core.messages) == 3)
    by_text = {(message.sender.name, message.text.plain): message for message in core.messages}
    linked = by_text["Dana Petrov", "Started the chat."]
    assert linked.references == ("start:Zx9_link-token",)
    assert linked.automated == "Telegram's Start button"
    assert by_text["Luis Ortega", "Started the chat."].references == ()
    assert by_text["Luis Ortega", "/start not a payload!"].automated is None


async def test_files_are_fetched_and_named(telegram: TelegramStandIn, core: Core) -> None:
    people = telegram.people
    async with receiving(telegram, core):
        telegram.say("customer1", "this one", **people.photo(PICTURE))
        telegram.say("customer1", **people.document("invoice.pdf", b"%PDF-1.7", "application/pdf"))
        telegram.say("customer1", **people.voice(b"OggS"))
        telegram.say("customer1", **people.video(b"film"))
        telegram.say("customer1", **people.video(b"round", note=True))
        telegram.say("customer1", **people.audio(b"ID3x", "Rain"))
        telegram.say("customer1", **people.sticker("👍", b"RIFFx"))
        await core.until(lambda: len(core.messages) == 7)
    shown = [
        (message.text.plain, *(part for a in message.attachments for part in (a.name, a.media_type, a.size)))
        for message in core.messages
    ]
    assert shown == [
        ("this one", "photo.jpg", "image/jpeg", len(PICTURE)),
        ("", "invoice.pdf", "application/pdf", 8),
        ("(voice message)", "voice.ogg", "audio/ogg", 4),
        ("", "video.mp4", "video/mp4", 4),
        ("(video note)", "video-note.mp4", "video/mp4", 5),
        ("", "Rain.mp3", "audio/mpeg", 4),
        ("👍 (sticker)", "sticker.webp", "image/webp", 5),
    ]
    assert [core.files[m.attachments[0].blob or ""] for m in core.messages][:2] == [PICTURE, b"%PDF-1.7"]


async def test_a_file_beyond_the_limit_is_named_with_the_reason(
    telegram: TelegramStandIn, core: Core
) -> None:
    big = telegram.people.document("film.mov", b"x", "video/quicktime", size=21 * 1024 * 1024)
    silent = telegram.people.document("scan.tif", b"x", "image/tiff", size=21 * 1024 * 1024)
    del silent["document"]["file_size"]  # Telegram need not say it
    async with receiving(telegram, core):
        telegram.say("customer1", "look", **big)
        telegram.say("customer1", **silent)
        await core.until(lambda: len(core.messages) == 2)
    (film,), (scan,) = (message.attachments for message in core.messages)
    assert (film.name, film.size, film.blob) == ("film.mov", 21 * 1024 * 1024, None)
    assert "20 MB" in (film.problem or "")
    assert (scan.blob, "file is too big" in (scan.problem or "").lower()) == (None, True)
    assert core.messages[0].text.plain == "look"


async def test_a_file_that_comes_late_is_tried_again_and_one_that_never_comes_is_named(
    telegram: TelegramStandIn, core: Core
) -> None:
    telegram.fail(502, "Bad Gateway", method="file", times=2)
    async with receiving(telegram, core):
        telegram.say("customer1", **telegram.people.document("a.txt", b"late", "text/plain"))
        await core.until(lambda: core.messages)
        telegram.fail(502, "Bad Gateway", method="getFile", times=99)
        telegram.say("customer1", "and", **telegram.people.document("b.txt", b"never", "text/plain"))
        await core.until(lambda: len(core.messages) == 2)
    assert core.files[core.messages[0].attachments[0].blob or ""] == b"late"
    (lost,) = core.messages[1].attachments
    assert (lost.blob, lost.problem) == (
        None,
        "it could not be fetched from Telegram: Bad Gateway (502)",
    )


async def test_answers_and_forwards_say_what_they_are_about(telegram: TelegramStandIn, core: Core) -> None:
    async with receiving(telegram, core):
        first = telegram.say("customer1", "one")
        telegram.say("customer1", "two", reply_to=first["message_id"])
        telegram.say(
            "customer1",
            "their words",
            forward_origin={
                "type": "hidden_user",
                "date": 1_700_000_000,
                "sender_user_name": "Somebody Else",
            },
        )
        await core.until(lambda: len(core.messages) == 3)
    answer, forward = core.messages[1:]
    assert answer.references == (f"{DANA}:{first['message_id']}",)
    assert answer.tail is not None
    assert answer.tail.plain == "In answer to: one"
    assert forward.text.plain == "Forwarded from Somebody Else:\ntheir words"


async def test_edits_and_reactions_name_the_message(telegram: TelegramStandIn, core: Core) -> None:
    async with receiving(telegram, core):
        said = telegram.say("customer1", "helo")
        picture = telegram.say("customer1", "old words", **telegram.people.photo())
        telegram.people.edit("customer1", said["message_id"], "hello")
        telegram.people.edit("customer1", picture["message_id"], "new words")
        telegram.people.react("customer1", said["message_id"], "🔥")
        telegram.people.react("customer1", said["message_id"], "")
        await core.until(lambda: len(core.events) == 6)
    edits = [event for event in core.events if isinstance(event, Edit)]
    assert [(edit.remote_id, edit.text.plain) for edit in edits] == [
        (f"{DANA}:{said['message_id']}", "hello"),
        (f"{DANA}:{picture['message_id']}", "new words"),
    ]
    reactions = [event for event in core.events if isinstance(event, Reaction)]
    assert [(one.remote_id, one.emoji) for one in reactions] == [
        (f"{DANA}:{said['message_id']}", e) for e in ["🔥", ""]
    ]
    assert len({event.source_id for event in (*edits, *reactions)}) == 4


async def test_a_customer_who_blocks_the_bot_is_seen(telegram: TelegramStandIn, core: Core) -> None:
    async with receiving(telegram, core):
        telegram.people.block("customer1")
        telegram.people.block("customer1", on=False)
        await core.until(lambda: len(core.messages) == 2)
    assert core.texts == ["Blocked the bot: replies do not reach them any more.", "Unblocked the bot."]
    assert {message.automated for message in core.messages} == {"a notice from Telegram"}
    assert core.messages[0].sender.address == str(DANA)


async def test_groups_are_for_those_who_want_them(telegram: TelegramStandIn, core: Core) -> None:
    group = telegram.people.group("Friends of the shop")
    async with receiving(telegram, core):
        telegram.say("customer1", "in a group", chat=group)
        telegram.say("customer1", "in private")
        await telegram.until(lambda: len(telegram.updates.confirmed) == 2)
    assert core.texts == ["in private"]
    async with receiving(telegram, core, allow_groups=True):
        telegram.say("customer1", "in a group", chat=group)
        new = telegram.people.migrate(group)
        await core.until(lambda: len(core.events) == 3)
    assert (core.messages[1].thread_key, core.messages[1].sender.address) == (str(group), str(DANA))
    moved = core.events[-1]
    assert isinstance(moved, AddressChanged)
    assert (moved.old, moved.new) == (str(group), str(new))


async def test_nothing_blocks_the_loop(telegram: TelegramStandIn, core: Core, no_blocking: object) -> None:
    async with receiving(telegram, core):
        telegram.say("customer1", "one", **telegram.people.photo())
        telegram.say("customer1", "two")
        await core.until(lambda: len(core.messages) == 2)


def given(telegram: TelegramStandIn) -> bool:
    """Whether a poll has brought anything."""
    polls = [call for call in telegram.calls if call.method == "getUpdates"]
    return any(poll.reply and poll.reply.get("result") for poll in polls)


# -- albums --------------------------------------------------------------------------------------------


async def test_an_album_is_one_message(telegram: TelegramStandIn, core: Core) -> None:
    people = telegram.people
    async with receiving(telegram, core):
        telegram.say("customer1", "before")
        people.album("customer1", [people.photo(), people.photo(), people.video()], "three of them")
        telegram.say("customer1", "after")
        await core.until(lambda: len(core.messages) == 3)
    assert core.texts == ["before", "three of them", "after"]
    assert [a.name for a in core.messages[1].attachments] == ["photo.jpg", "photo.jpg", "video.mp4"]
    assert core.messages[1].remote_id == f"{DANA}:2"


async def test_a_forwarded_album_says_so_once(telegram: TelegramStandIn, core: Core) -> None:
    people = telegram.people
    origin = {"type": "hidden_user", "date": 1_700_000_000, "sender_user_name": "Ada"}
    group = {"media_group_id": "78", "forward_origin": origin}
    async with receiving(telegram, core):
        telegram.say("customer1", **people.photo(), **group)
        telegram.say("customer1", "their words", **people.photo(), **group)
        telegram.say("customer1", **people.photo(), **group)
        await core.until(lambda: core.messages)
    assert core.texts == ["Forwarded from Ada:\ntheir words"]
    assert core.messages[0].remote_id == f"{DANA}:2"
    assert len(core.messages[0].attachments) == 3


async def test_parts_of_an_album_that_come_late_still_belong_to_it_and_nobody_else_waits(
    telegram: TelegramStandIn, core: Core
) -> None:
    people = telegram.people
    group = {"media_group_id": "77"}
    async with receiving(telegram, core):
        telegram.say("customer1", **people.photo(), **group)
        await telegram.until(lambda: given(telegram))
        telegram.say("customer1", "said with the second", **people.photo(), **group)
        telegram.say("customer2", "I am somebody else")
        await core.until(lambda: core.messages)
        assert core.texts == ["I am somebody else"]
        assert telegram.updates.confirmed == []  # the album is not accepted yet
        await core.until(lambda: len(core.messages) == 2)
        album = core.messages[1]
        assert (album.text.plain, len(album.attachments)) == ("said with the second", 2)
        assert album.remote_id == f"{DANA}:2"  # an edit of the words will name that one
        await telegram.until(lambda: len(telegram.updates.confirmed) == 3)
    assert core.duplicates == 0


async def test_a_stop_in_the_middle_of_an_album_loses_nothing(telegram: TelegramStandIn, core: Core) -> None:
    people = telegram.people
    async with receiving(telegram, core):
        people.album("customer1", [people.photo(), people.photo()], "two")
        await telegram.until(lambda: given(telegram))
    assert core.messages == []
    async with receiving(telegram, core):
        await core.until(lambda: core.messages)
    assert [len(message.attachments) for message in core.messages] == [2]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"location": {"latitude": 48.2, "longitude": 16.37}},
            "Location\nhttps://www.openstreetmap.org/?mlat=48.200000&mlon=16.370000#map=16/48.200000/16.370000",
        ),
        (
            {
                "location": {"latitude": 1.0, "longitude": 2.0},
                "venue": {
                    "location": {"latitude": 1.0, "longitude": 2.0},
                    "title": "Depot 7",
                    "address": "Quay 1",
                },
            },
            "Depot 7, Quay 1\nhttps://www.openstreetmap.org/?mlat=1.000000&mlon=2.000000#map=16/1.000000/2.000000",
        ),
        ({"contact": {"phone_number": "+4312345", "first_name": "Ada"}}, "Contact: Ada, +4312345"),
        ({"dice": {"emoji": "🎲", "value": 4}}, "🎲 4"),
        (
            {
                "poll": {
                    "id": "1",
                    "question": "Which?",
                    "options": [
                        {"text": "red", "voter_count": 0, "persistent_id": "a"},
                        {"text": "blue", "voter_count": 0, "persistent_id": "b"},
                    ],
                    "total_voter_count": 0,
                    "is_closed": False,
                    "is_anonymous": True,
                    "type": "regular",
                    "allows_multiple_answers": False,
                    "allows_revoting": False,
                    "members_only": False,
                }
            },
            "Poll: Which?\n• red\n• blue",
        ),
        (
            {"message_auto_delete_timer_changed": {"message_auto_delete_time": 86400}},
            "(Sent something that cannot be shown here: message auto delete timer changed.)",
        ),
    ],
    ids=["location", "venue", "contact", "dice", "poll", "service"],
)
async def test_other_kinds_are_told_in_words(
    telegram: TelegramStandIn, core: Core, fields: dict[str, Any], words: str
) -> None:
    async with receiving(telegram, core):
        telegram.say("customer1", **fields)
        await core.until(lambda: core.messages)
    assert core.texts == [words]


async def test_a_kind_that_telegram_invents_tomorrow_is_told(
    telegram: TelegramStandIn, core: Core, poison: None
) -> None:
    async with receiving(telegram, core):
        telegram.say("customer1", hologram={"id": 1})
        await core.until(lambda: core.messages)
    assert core.texts == ["(Sent something that cannot be shown here: hologram.)"]
