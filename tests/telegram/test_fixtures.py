"""Payloads as Telegram sends them, and the messages that they are; unknown kinds and missing keys among them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.telegram import parse
from bot.adapters.telegram.parse import Draft
from bot.messages import Text
from tests.telegram.referee import Referee

FIXTURES = {path.stem: path for path in sorted(Path(__file__).with_name("fixtures").glob("*.json"))}
OWN = "7000000001"


def load(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    found = json.loads(FIXTURES[name].read_text(encoding="utf-8"))
    return found["update"], found["expect"]


@pytest.mark.parametrize("name", [name for name in FIXTURES if load(name)[1].get("is", "") == ""])
def test_a_message(name: str) -> None:
    update, expect = load(name)
    draft = parse.update(update, OWN, groups=False)
    assert isinstance(draft, Draft)
    message = draft.message
    seen: dict[str, Any] = {
        "text": message.text.plain,
        "spans": [
            [span.kind, message.text.plain[span.start : span.end], span.value] for span in message.text.spans
        ],
        "files": [[file.file_id, file.name, file.media_type, file.size] for file in draft.files],
        "sender": [message.sender.address, message.sender.name],
        "tail": (message.tail or Text()).plain,
        "references": list(message.references),
        **{key: getattr(message, key) for key in ("remote_id", "thread_key", "source_id", "automated")},
    }
    assert expect.keys() - {"fiction"} <= seen.keys()
    assert {key: seen[key] for key in expect if key != "fiction"} == {
        key: value for key, value in expect.items() if key != "fiction"
    }
    assert message.sent_at.tzinfo is not None


@pytest.mark.parametrize(
    "name", [name for name in FIXTURES if load(name)[1].get("is") in ("Edit", "Reaction", "NoneType")]
)
def test_another_event(name: str) -> None:
    update, expect = load(name)
    event = parse.update(update, OWN, groups=False)
    assert type(event).__name__ == expect.pop("is")
    for key, value in expect.items():
        seen = getattr(event, key)
        assert (seen.plain if isinstance(seen, Text) else seen) == value


@pytest.mark.parametrize(
    "name", [name for name in FIXTURES if load(name)[1].get("is") in ("ValueError", "error")]
)
def test_what_cannot_be_read(name: str) -> None:
    update, expect = load(name)
    with pytest.raises(Exception, match=expect.get("reason")):  # the library raises what it likes
        parse.update(update, OWN, groups=False)
    who = parse.unread_sender(update)
    assert who is not None
    assert who.address == expect["unread_sender"]


def test_the_fixtures_are_what_telegram_describes(specs: Path) -> None:
    referee = Referee(specs)
    real = [name for name in FIXTURES if not load(name)[1].get("fiction")]
    assert {name: referee.update(load(name)[0]) for name in real} == {name: [] for name in real}
    assert len(real) >= 15
    invented = [name for name in FIXTURES if name not in real]
    assert all(referee.update(load(name)[0]) for name in invented)


@pytest.mark.parametrize(
    "raw", [None, [], "x", 7, {}, {"update_id": True}, {"message": None}, {"message": {"from": 3}}]
)
def test_rubbish_has_no_sender_and_no_number(raw: Any) -> None:
    assert parse.unread_sender(raw) is None
    assert parse.update_id(raw) is None
    assert parse.chat_of(raw) == ""
    assert parse.album_of(raw) is None
    assert parse.unread_source(raw, parse.pack(raw)).startswith("unreadable:")
