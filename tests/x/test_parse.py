"""Payloads in, what was said out: two shapes and one message; nothing is dropped because it is new."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.x.parse import Media, Odd, Own, Said, Withdrawn, Writing, from_page, from_webhook, pair
from bot.messages import Span, SpanKind, Text
from tests.x.rig import ADA, ME

WORDS = "Where is my order? https://shop.example/orders/4711?a=1&b=2 5 < 6 & so on 🙂"
LINK = Span(19, 59, SpanKind.LINK, "https://shop.example/orders/4711?a=1&b=2")
SAID = Said(
    "2080765901528535096",
    ADA,
    "Ada Lovelace (@ada_l)",
    f"{ME}-{ADA}",
    False,
    datetime(2026, 7, 24, 21, 23, 44, 342_000, UTC),
    Text(WORDS, (LINK,)),
    (Media("2080765890149392384", "photo", "d3LfgVMN.jpg"),),
    b"",
)


def fixture(name: str) -> Any:
    return json.loads((Path(__file__).parent / "fixtures" / f"{name}.json").read_text(encoding="utf-8"))


def bare(heard: Any) -> Any:
    return replace(heard, raw=b"")


def test_three_shapes_are_one_message() -> None:
    (activity,) = from_webhook(fixture("activity_dm_received"), ME)
    account, own = from_webhook(fixture("account_activity"), ME)
    page = dict(from_page(fixture("page"), ME))
    assert bare(activity) == bare(account) == bare(page[2080765901528535096]) == SAID
    assert own == Own("2080765901528535097")
    assert isinstance(activity, Said) and json.loads(activity.raw)["id"] == SAID.event_id


def test_a_page_with_strange_rows_keeps_each_of_them() -> None:
    rows = from_page(fixture("page"), ME)
    assert [number and number - 2080765901528535000 for number, _ in rows] == [999, 998, 100, 96, 0, 0, 90]
    odd = [heard for _, heard in rows if isinstance(heard, Odd)]
    assert [one.reason for one in odd] == [
        "it is of a kind that is not known (VoiceNote)",
        "it lacks sender_id",
        "it has an unknown form",
        "it lacks id",
        "it has an unknown form (TypeError)",
    ]
    assert [one.source for one in odd][:2] == ["odd:2080765901528535999", "odd:2080765901528535998"]
    assert [one.sender_id for one in odd] == [ADA, None, None, ADA, ADA]
    assert len({one.source for one in odd}) == 5 and all(one.raw for one in odd)
    assert isinstance(rows[2][1], Own)


def test_an_encrypted_chat_is_told_with_its_sender() -> None:
    (odd,) = from_webhook(fixture("activity_chat_received"), ME)
    assert isinstance(odd, Odd) and odd.sender_id == ADA and "encrypted" in odd.reason
    assert odd.source == "chat:e4f4d3fc-8bbf-4928-92eb-e5058d6bb6f6"
    assert odd.at == datetime(2026, 7, 23, 21, 13, 3, 370_000, UTC)


def activity(kind: str, payload: Any = None, user: str = ME) -> dict[str, Any]:
    data = {"event_uuid": "-12", "filter": {"user_id": user}, "event_type": kind, "payload": payload or {}}
    return {"data": data}


def test_other_accounts_of_the_same_app_are_not_ours() -> None:
    strange = copy.deepcopy(fixture("activity_dm_received"))
    strange["data"]["filter"]["user_id"] = "7"
    assert from_webhook(strange, ME) == []
    assert from_webhook(fixture("account_activity") | {"for_user_id": "7"}, ME) == []


@pytest.mark.parametrize("kind", ["dm.sent", "dm.read", "chat.sent", "chat.conversation.join"])
def test_what_says_nothing_is_nothing(kind: str) -> None:
    assert from_webhook(activity(kind), ME) == []


def test_a_kind_that_x_invents_is_shown() -> None:
    (odd,) = from_webhook(activity("dm.voice_call", {"sender_id": ADA}), ME)
    assert isinstance(odd, Odd) and "dm.voice_call" in odd.reason and odd.source == "activity:-12"
    (other,) = from_webhook({"hologram": 1}, ME)
    assert isinstance(other, Odd) and other.source.startswith("raw:")
    (key,) = from_webhook({"for_user_id": ME, "direct_message_hologram_events": [{}]}, ME)
    assert isinstance(key, Odd) and "direct_message_hologram_events" in key.reason


def test_a_message_that_lacks_its_words_is_shown() -> None:
    (nothing,) = from_webhook(activity("dm.received", {"users": {}}), ME)
    assert isinstance(nothing, Odd) and nothing.source == "activity:-12"
    event = fixture("account_activity")["direct_message_events"][0]
    del event["message_create"]["message_data"]
    (lacks,) = from_webhook(activity("dm.received", {"direct_message_events": [event]}), ME)
    assert (
        isinstance(lacks, Odd)
        and lacks.reason == "it lacks its words (message_data)"
        and lacks.sender_id == ADA
    )
    (kind,) = from_webhook(activity("dm.received", {"direct_message_events": [{"type": "x", "id": "5"}]}), ME)
    assert isinstance(kind, Odd) and kind.source == "odd:5"


def test_typing_and_the_end_of_consent() -> None:
    event = {"created_timestamp": "1", "sender_id": ADA, "target": {"recipient_id": ME}}
    payload = {"direct_message_indicate_typing_events": [event]}
    assert from_webhook(activity("dm.indicate_typing", payload), ME) == [Writing(ADA, f"{ME}-{ADA}")]
    assert from_webhook(activity("oauth.revoke"), ME) == [Withdrawn()]
    body = {"for_user_id": ME, "user_event": {"revoke": {"date_time": "2026-05-24T09:48:12+00:00"}}}
    assert from_webhook(body, ME) == [Withdrawn()]


def test_a_link_never_shows_other_words_than_its_address() -> None:
    row = {"url": "https://t.co/a", "expanded_url": "https://evil.example/", "display_url": "bank.example"}
    row_js = {"url": "https://t.co/b", "expanded_url": "javascript:alert(1)", "display_url": "x"}
    event = fixture("account_activity")["direct_message_events"][0]
    data = event["message_create"]["message_data"]
    data.update(text="https://t.co/a https://t.co/b https://t.co/a", entities={"urls": [row, row_js]})
    (said,) = from_webhook(activity("dm.received", {"direct_message_events": [event]}), ME)
    assert isinstance(said, Said)
    assert said.text.plain == "https://evil.example/ https://t.co/b https://evil.example/"
    assert [said.text.plain[s.start : s.end] == s.value for s in said.text.spans] == [True, True]


def test_conversations_of_two_have_one_name() -> None:
    assert pair("9", "10") == pair("10", "9") == "9-10"
    row = {
        "id": "7",
        "event_type": "MessageCreate",
        "sender_id": ADA,
        "text": "x",
        "created_at": "2026-01-01",
    }
    for name in (f"{ADA}-{ME}", f"{ME}-{ADA}", ""):
        ((_, said),) = from_page({"data": [row | {"dm_conversation_id": name}]}, ME)
        assert isinstance(said, Said) and (said.conversation, said.group) == (f"{ME}-{ADA}", False)
        assert said.at == datetime(2026, 1, 1, tzinfo=UTC), "a small id carries no time"
    ((_, said),) = from_page({"data": [row | {"dm_conversation_id": "1584988213961031680"}]}, ME)
    assert isinstance(said, Said) and said.group


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
PLACES = (
    ("data",),
    ("data", "payload"),
    ("data", "payload", "users"),
    ("data", "payload", "direct_message_events"),
    ("data", "payload", "direct_message_events", 0),
    ("data", "payload", "direct_message_events", 0, "id"),
    ("data", "payload", "direct_message_events", 0, "created_timestamp"),
    ("data", "payload", "direct_message_events", 0, "message_create"),
    ("data", "payload", "direct_message_events", 0, "message_create", "target"),
    ("data", "payload", "direct_message_events", 0, "message_create", "message_data", "entities"),
    ("data", "payload", "direct_message_events", 0, "message_create", "message_data", "attachment", "media"),
)


@given(JSON, st.sampled_from(PLACES))
def test_no_payload_breaks_the_parser(value: Any, place: tuple[Any, ...]) -> None:
    body = fixture("activity_dm_received")
    inner = body
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    for one in from_webhook(body, ME):
        assert isinstance(one, Said | Odd | Own | Writing | Withdrawn)
    page = fixture("page")
    page["data"][3] = value
    assert len(from_page(page, ME)) == 7
