"""Each request of ours and each reply of the stand-in's is held against X's own description."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from bot.errors import DeliveryError
from tests.x.referee import Referee
from tests.x.rig import ADA, GIF, MP4, PNG, Rig, reply, send
from tests.x.test_story import attachment


@pytest.fixture
def referee(specs: Path) -> Referee:
    return Referee(specs)


async def test_a_day_with_everything_in_it(rig: Rig, referee: Referee) -> None:
    async with rig.reading(webhook=rig.hook) as adapter:
        await adapter.check()
        await rig.x.until(lambda: len(rig.x.hooks.subscriptions) == 2)
        for number in range(15):
            await rig.x.say(
                "customer1", f"{number} https://shop.example/{number}", PNG if number % 5 == 0 else None
            )
        await rig.x.say("customer2", "a film", MP4)
        await rig.x.say("customer2", "in a group", group="1584988213961031680")
        await rig.core.until(lambda: len(rig.core.messages) == 16)
        for data, name, kind in (
            (PNG, "a.png", "image/png"),
            (GIF, "b.gif", "image/gif"),
            (MP4, "c.mp4", "video/mp4"),
        ):
            file = await attachment(rig.context, data, name, kind)
            await send(adapter, reply("see", attachments=(file,)))
        await send(adapter, reply("to the group", thread="1584988213961031680"))
        for spoil in ({"refuse_send": (403, "You cannot send messages to this user.")}, {"drop_after": 1}):
            for name, value in spoil.items():
                setattr(rig.x.faults, name, value)
            with pytest.raises(DeliveryError):
                await send(adapter, reply("no"))
            rig.x.faults.refuse_send = None
        rig.x.limits["send"] = 0
        with pytest.raises(DeliveryError):
            await send(adapter, reply("too many"))
        for hook in rig.x.hooks.rows.values():
            hook.valid = False
    async with rig.reading(webhook=rig.hook):
        await rig.x.until(lambda: all(hook.valid for hook in rig.x.hooks.rows.values()))
    rig.x.logins.withdraw()
    async with rig.reading():
        await rig.core.until(lambda: any(rig.core.problems))
    asked = {(call.method, call.path.split("/")[2]) for call in rig.x.calls}
    assert {
        ("GET", "dm_events"),
        ("POST", "dm_conversations"),
        ("PUT", "webhooks"),
        ("GET", "activity"),
    } <= asked
    assert {call.status for call in rig.x.calls} >= {200, 201, 401, 403, 429, 0}
    assert referee.judge_all(rig.x.calls) == []


async def test_oauth1_is_asked_only_where_it_may(rig: Rig, referee: Referee) -> None:
    async with rig.reading(oauth1=True) as adapter:
        await rig.x.say("customer1", "x")
        await rig.core.until(lambda: rig.core.texts)
        await send(adapter, reply("y"))
    assert referee.judge_all(rig.x.calls) == []


@dataclass
class Made:
    """A call that nobody made."""

    method: str = "GET"
    path: str = "/2/dm_events"
    query: dict[str, str] = field(default_factory=dict)
    body: Any = None
    status: int = 200
    reply: Any = field(default_factory=dict)
    login: str = "user2"


SAY = Made("POST", f"/2/dm_conversations/with/{ADA}/messages", body={"text": "x"}, status=201)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (Made(path="/2/dm_event"), "no such operation"),
        (Made(query={"tweet.fields": "id"}), "unknown parameter tweet.fields"),
        (Made(query={"dm_event.fields": "id,sender_id"}), "sender_id"),
        (Made(query={"max_results": "101"}), "101"),
        (Made(query={"pagination_token": "short"}), "short"),
        (Made(reply={"data": {}}), "data"),
        (Made(login="app"), "may not"),
        (Made(status=204), "not described"),
        (Made(status=400, reply={"detail": "x"}), "not valid"),
        (Made(status=429, reply={"type": "about:blank"}), "lacks its words"),
        (replace(SAY, path="/2/dm_conversations/with/ada/messages"), "ada"),
        (replace(SAY, body={}), "not valid"),
        (replace(SAY, body=None), "missing"),
        (replace(SAY, body={"text": "x", "emoji": 1}), "emoji"),
        (replace(SAY, reply={"data": {"dm_event_id": "1"}}), "dm_conversation_id"),
        (Made("GET", "/2/media/upload"), "missing parameter media_id"),
        (Made(path="/2/dm_conversations/media/1/2/a.jpg", login="user1"), "may not"),
    ],
)
def test_the_referee_sees_what_is_wrong(referee: Referee, call: Made, word: str) -> None:
    found = referee.judge(call)
    assert found and any(word in problem for problem in found), found


def test_the_referee_has_nothing_against_what_is_right(referee: Referee) -> None:
    good = {"data": {"dm_event_id": "1", "dm_conversation_id": "1-2"}}
    assert referee.judge(replace(SAY, reply=good)) == []
    assert referee.judge(Made(query={"dm_event.fields": "id,text", "max_results": "2"})) == []
