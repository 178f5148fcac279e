"""Which blocks and views the stand-in refuses, and what it says about them."""

from __future__ import annotations

from typing import Any

import pytest

from bot.sandbox.slack.blocks import check_message, check_view
from bot.sandbox.slack.model import SlackRefusal
from tests.sandbox.slack_rig import BUTTON, MODAL


def _text(text: str, kind: str = "plain_text") -> dict[str, Any]:
    return {"type": kind, "text": text}


def _section(**more: Any) -> dict[str, Any]:
    return {"type": "section", "text": _text("hello", "mrkdwn"), **more}


def _button(**more: Any) -> dict[str, Any]:
    return {"type": "button", "action_id": "a", "text": _text("Go"), **more}


def _actions(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "actions", "elements": list(elements)}


GOOD: dict[str, list[dict[str, Any]]] = {
    "section at its limit": [{"type": "section", "text": _text("x" * 3_000)}],
    "button at its limits": [_actions(_button(text=_text("x" * 75), value="v" * 2_000))],
    "ten fields": [{"type": "section", "fields": [_text("x" * 1_000)] * 10}],
    "header at its limit": [{"type": "header", "text": _text("x" * 150)}],
    "fifty blocks": [{"type": "divider"}] * 50,
    "context": [{"type": "context", "elements": [_text("quiet", "mrkdwn")]}],
    "rich text": [
        {
            "type": "rich_text",
            "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "hi <@U1>"}]}],
        }
    ],
    "chart": [{"type": "data_visualization", "chart": {}}],
    "select": [
        _actions(
            {
                "type": "static_select",
                "action_id": "s",
                "placeholder": _text("Choose"),
                "options": [{"text": _text("One"), "value": "1"}],
            }
        )
    ],
    "external select": [
        _section(accessory={"type": "external_select", "action_id": "s", "min_query_length": 0})
    ],
    "overflow": [
        _section(
            accessory={
                "type": "overflow",
                "action_id": "o",
                "options": [
                    {"text": _text("Snooze"), "value": "snooze"},
                    {"text": _text("Merge"), "value": "merge"},
                ],
            }
        )
    ],
    "buttons": [BUTTON],
}

BAD: dict[str, tuple[list[Any], str]] = {
    "long section": ([{"type": "section", "text": _text("x" * 3_001)}], "/blocks/0/text/text"),
    "empty text": ([{"type": "section", "text": _text("", "mrkdwn")}], "/blocks/0/text/text"),
    "no text": ([{"type": "section"}], "/blocks/0"),
    "long header": ([{"type": "header", "text": _text("x" * 151)}], "/blocks/0/text"),
    "markup in a header": ([{"type": "header", "text": _text("x", "mrkdwn")}], "must be plain_text"),
    "long button": ([_actions(_button(text=_text("x" * 76)))], "/elements/0/text"),
    "markup on a button": ([_actions(_button(text=_text("x", "mrkdwn")))], "must be plain_text"),
    "long value": ([_actions(_button(value="v" * 2_001))], "/elements/0/value"),
    "long action_id": ([_actions(_button(action_id="a" * 256))], "action_id"),
    "long block_id": ([_section(block_id="b" * 256)], "block_id"),
    "same action_id": ([_actions(_button(), _button())], "already exists in this block"),
    "same block_id": ([_section(block_id="b"), _section(block_id="b")], "already exists"),
    "51 blocks": ([{"type": "divider"}] * 51, "no more than 50"),
    "26 buttons": ([_actions(*(_button(action_id=str(n)) for n in range(26)))], "/blocks/0"),
    "eleven fields": ([{"type": "section", "fields": [_text("x")] * 11}], "no more than 10"),
    "long field": ([{"type": "section", "fields": [_text("x" * 2_001)]}], "/fields/0"),
    "text without a type": ([{"type": "section", "text": {"text": "x"}}], "text object"),
    "text as a string": ([{"type": "section", "text": "x"}], "must be an object"),
    "emoji in markup": ([{"type": "section", "text": {**_text("x", "mrkdwn"), "emoji": True}}], "emoji"),
    "unknown block": ([{"type": "sectoin"}], "unsupported type"),
    "a word": (["section"], "missing required field: type"),
    "empty actions": ([_actions()], "/blocks/0"),
    "eleven in a context": ([{"type": "context", "elements": [_text("x")] * 11}], "/blocks/0"),
    "select without options": ([_actions({"type": "static_select", "action_id": "s"})], "options"),
    "empty rich text": (
        [
            {
                "type": "rich_text",
                "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": ""}]}],
            }
        ],
        "/elements/0/elements/0/text",
    ),
    "bare text in rich text": (
        [{"type": "rich_text", "elements": [{"type": "text", "text": "x"}]}],
        "unsupported type",
    ),
    "a link to nowhere": (
        [
            {
                "type": "rich_text",
                "elements": [{"type": "rich_text_quote", "elements": [{"type": "link", "text": "x"}]}],
            }
        ],
        "/elements/0/elements/0/url",
    ),
    "long option": (
        [
            _actions(
                {
                    "type": "static_select",
                    "action_id": "s",
                    "options": [{"text": _text("x" * 76), "value": "1"}],
                }
            )
        ],
        "/options/0/text",
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_good_blocks_pass(name: str) -> None:
    check_message(GOOD[name])


@pytest.mark.parametrize("name", BAD)
def test_bad_blocks_are_refused_with_the_place(name: str) -> None:
    blocks, words = BAD[name]
    with pytest.raises(SlackRefusal) as caught:
        check_message(blocks)
    assert caught.value.error == "invalid_blocks"
    assert words in " ".join(caught.value.body["response_metadata"]["messages"])


def test_all_blocks_together_have_a_limit() -> None:
    check_message([_section(text=_text("x" * 3_000)) for _ in range(4)])
    with pytest.raises(SlackRefusal, match="msg_blocks_too_long"):
        check_message([_section(text=_text("x" * 3_000)) for _ in range(4)] + [_section()])


def test_blocks_are_a_list() -> None:
    with pytest.raises(SlackRefusal, match="invalid_blocks_format"):
        check_message({"type": "divider"})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"title": _text("x" * 25)}, "/view/title"),
        ({"title": None}, "title"),
        ({"submit": None}, "submit is required"),
        ({"type": "home"}, "must be modal"),
        ({"blocks": None}, "blocks"),
        ({"blocks": [{"type": "divider"}] * 101}, "no more than 100"),
        ({"blocks": [{"type": "markdown", "text": "x"}]}, "unsupported type"),
        ({"private_metadata": "x" * 3_001}, "private_metadata"),
        ({"callback_id": "x" * 256}, "callback_id"),
        ({"blocks": [{"type": "section", "text": _text("x" * 3_001)}]}, "/view/blocks/0/text"),
    ],
)
def test_bad_views_are_refused_with_the_place(changes: dict[str, Any], words: str) -> None:
    view = {key: value for key, value in (MODAL | changes).items() if not (key == "title" and value is None)}
    with pytest.raises(SlackRefusal) as caught:
        check_view(view, "modal")
    assert caught.value.error == "invalid_arguments"
    assert words in " ".join(caught.value.body["response_metadata"]["messages"])


def test_a_view_over_250_kb_is_too_large() -> None:
    blocks = [{"type": "section", "text": _text("x" * 3_000)} for _ in range(90)]
    with pytest.raises(SlackRefusal, match="view_too_large"):
        check_view({**MODAL, "blocks": blocks}, "modal")
