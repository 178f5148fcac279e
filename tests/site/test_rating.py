"""A reply that asks for a rating: what a client is shown, what it may answer, what is remembered."""

from __future__ import annotations

import json
from typing import Any

import jwt
import pytest

from bot.adapters.site import protocol
from bot.adapters.site.asks import MOST, MOST_TURNS
from bot.messages import Ask, Attachment, Rated
from tests.site.rig import Core, Rig, Tab, chat

KEY = "k" * 48
ASK = Ask("t" * 26, "bad", "great", "What could we do better?", "Thank you!")
WORDS = {"bad": "bad", "great": "great", "invite": "What could we do better?", "thanks": "Thank you!"}


def ask(number: int) -> Ask:
    return Ask(f"{number:026}", "bad", "great", "Why?", "Thank you!")


async def asked(rig: Rig, tab: Tab, *files: Attachment, ask: Ask = ASK) -> str:
    """The id of the message that asks, as the tab was shown it."""
    before = set(tab.shown)
    await rig.reply(tab.visitor, "How did we do?", *files, ask=ask)
    while not (
        new := [item["id"] for item in tab.shown.values() if item["id"] not in before and "ask" in item]
    ):
        await tab.next()
    return str(new[0])


async def rate(tab: Tab, message: str, **answer: Any) -> dict[str, Any]:
    await tab.send(t="rate", id=message, **answer)
    return await tab.get("rated")


async def test_a_score_then_words() -> None:
    async with chat() as rig:
        tab = await rig.talking()
        message = await asked(rig, tab)
        assert tab.shown[message]["ask"] == WORDS  # and no token: nobody can answer for somebody else
        assert await rate(tab, message, score=4) == {
            "t": "rated",
            "id": message,
            "ask": {**WORDS, "score": 4},
        }
        assert (await rate(tab, message, comment="  Quick,\r\nand kind. "))["ask"] == {
            **WORDS,
            "score": 4,
            "said": True,
        }
        first, second = rig.core.of(Rated)
        assert (first.token, first.score, first.comment) == (ASK.token, 4, None)
        assert (second.token, second.score, second.comment) == (ASK.token, None, "Quick,\nand kind.")


async def test_the_last_score_counts_also_when_it_was_the_first() -> None:
    async with chat() as rig:
        tab = await rig.talking()
        message = await asked(rig, tab)
        for score in (4, 2, 2, 4):
            await rate(tab, message, score=score)
        assert [event.score for event in rig.core.of(Rated)] == [4, 2, 4]


async def test_every_tab_and_a_later_one_show_the_outcome() -> None:
    async with chat() as rig:
        tab = await rig.talking()
        other = await rig.tab(tab.token)
        message = await asked(rig, tab)
        await rate(tab, message, score=1)
        assert (await other.get("rated"))["ask"]["score"] == 1
        later = await rig.tab(tab.token)
        assert later.shown[message]["ask"] == {**WORDS, "score": 1}


async def test_a_visitor_who_was_away_is_asked_after_a_restart() -> None:
    core = Core()
    async with chat(core) as rig:
        tab = await rig.talking()
        await tab.ws.close()
        await rig.reply(tab.visitor, "How did we do?", ask=ASK)
    async with chat(core) as rig:
        back = await rig.tab(tab.token)
        (item,) = [item for item in back.shown.values() if item["from"] == "team"]
        assert item["ask"] == WORDS
        await rate(back, item["id"], score=5)
        assert [event.score for event in core.of(Rated)] == [5]


async def test_the_last_part_of_a_reply_asks() -> None:
    async with chat() as rig:
        tab = await rig.talking()
        blob = await rig.core.blobs.put(b"%PDF-1.4")
        files = [Attachment(f"{number}.pdf", "application/pdf", 8, blob) for number in range(7)]
        message = await asked(rig, tab, *files)
        assert message.endswith(".1")
        later = await rig.tab(tab.token)
        assert [item["id"] for item in later.shown.values() if "ask" in item] == [message]
        await rate(tab, message, score=3)
        assert len(rig.core.of(Rated)) == 1


async def test_another_visitors_question_cannot_be_answered() -> None:
    async with chat() as rig:
        tab, stranger = await rig.talking(), await rig.talking("Me too")
        message = await asked(rig, tab)
        assert await rate(stranger, message, score=1) == {"t": "rated", "id": message}
        assert await rate(stranger, "nothing", comment="<b>") == {"t": "rated", "id": "nothing"}
        assert rig.core.of(Rated) == []


async def test_what_cannot_be_stored_is_said_again_and_counts_once() -> None:
    async with chat() as rig:
        tab = await rig.talking()
        message = await asked(rig, tab)
        rig.core.broken = True
        await tab.send(t="rate", id=message, score=2)
        assert (await tab.get("later"))["id"] == message
        rig.core.broken = False
        await rate(tab, message, score=2)
        # The core has it, and the state that says so was lost.
        who = f"asks:{tab.visitor}"
        kept = json.loads(rig.core.state.kept[who])
        del kept[message]["score"]
        kept[message]["turn"] = 0
        rig.core.state.kept[who] = json.dumps(kept)
        await rate(tab, message, score=2)
        assert len(rig.core.of(Rated)) == 1


async def test_little_is_kept() -> None:
    async with chat() as rig:
        tab = await rig.talking()
        messages = [await asked(rig, tab, ask=ask(number)) for number in range(MOST + 2)]
        assert len(json.loads(rig.core.state.kept[f"asks:{tab.visitor}"])) == MOST
        assert "ask" not in await rate(tab, messages[0], score=1)
        for turn in range(MOST_TURNS + 5):
            await rate(tab, messages[-1], score=1 + turn % 5)
        assert len(rig.core.of(Rated)) == MOST_TURNS


async def test_who_signs_in_can_still_answer() -> None:
    async with chat(identify={"keys": [KEY]}) as rig:
        tab = await rig.talking()
        message = await asked(rig, tab)
        now = int(rig.core.clock())
        claims = {"aud": "shop-chat", "sub": "4711", "iat": now, "exp": now + 600, "jti": "j" * 16}
        signed = await rig.tab(tab.token, identity=jwt.encode(claims, KEY, "HS256"), device="d" * 16)
        assert signed.visitor != tab.visitor
        assert signed.shown[message]["ask"] == WORDS
        await rate(signed, message, score=5)
        assert [event.token for event in rig.core.of(Rated)] == [ASK.token]
        assert rig.core.state.kept[f"asks:{tab.visitor}"] == "{}"


async def test_nothing_is_left_of_somebody_who_is_forgotten() -> None:
    async with chat() as rig:
        tab = await rig.talking()
        await asked(rig, tab)
        await rig.adapter.forget(tab.visitor)
        assert rig.core.state.kept[f"asks:{tab.visitor}"] == "{}"


async def test_too_many_answers_wait() -> None:
    async with chat(messages_per_minute=2) as rig:
        tab = await rig.talking()
        message = await asked(rig, tab)
        await tab.send(t="rate", id=message, score=1)
        assert (await tab.get("later"))["id"] == message
        assert rig.core.of(Rated) == []


@pytest.mark.parametrize(
    "frame",
    [
        {},
        {"score": 0},
        {"score": 6},
        {"score": True},
        {"score": "5"},
        {"score": 4.0},
        {"comment": 3},
        {"comment": "  "},
        {"comment": "x" * (protocol.MAX_COMMENT + 1)},
        {"id": "a b", "score": 1},
        {"id": None, "score": 1},
    ],
)
def test_frames_that_no_honest_client_sends(frame: dict[str, Any]) -> None:
    with pytest.raises(protocol.BadFrame):
        protocol.parse(json.dumps({"t": "rate", "id": "k" * 26, **frame}))
