"""What agents write, decoded for customers; and what is a command."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.commands.help import make_registry
from bot.messages import Span, SpanKind, Text
from bot.slack.blocks import escape
from bot.slack.incoming import from_blocks, from_mrkdwn, named, people_in, written
from bot.slack.richtext import elements
from bot.slack.typed import Kind, meant_for_customer, read_typed

B, IT, S, C = SpanKind.BOLD, SpanKind.ITALIC, SpanKind.STRIKE, SpanKind.CODE


@pytest.mark.parametrize(
    ("raw", "plain", "spans"),
    [
        ("hello", "hello", ()),
        ("a &amp;&lt;b&gt; &amp;lt;", "a &<b> &lt;", ()),
        (
            "*bold* and _it_ and ~no~ `x=1`",
            "bold and it and no x=1",
            ((0, 4, B), (9, 11, IT), (16, 18, S), (19, 22, C)),
        ),
        ("*bold _both_*", "bold both", ((0, 9, B), (5, 9, IT))),
        ("2*3*4 and snake_case_name", "2*3*4 and snake_case_name", ()),
        ("`<b>` &amp; `*x*`", "<b> & *x*", ((0, 3, C), (6, 9, C))),
        ("```\na = 1\n  b\n```", "a = 1\n  b", ((0, 9, SpanKind.PRE),)),
        ("&gt; quoted\nnot", "quoted\nnot", ((0, 6, SpanKind.QUOTE),)),
        ("<https://x.example/?a=1&amp;b=2>", "https://x.example/?a=1&b=2", ((0, 26, SpanKind.LINK),)),
        ("<https://x.example|here>!", "here!", ((0, 4, SpanKind.LINK),)),
        ("<mailto:a@x.example|a@x.example>", "a@x.example", ((0, 11, SpanKind.LINK),)),
        ("<@U123|kim> <#C1|general> <!here> <!subteam^S1|@desk>", "<@U123> #general @here @desk", ()),
        (":wave: :+1::skin-tone-3: :acme-logo: 10:30:45", "👋 👍🏼 :acme-logo: 10:30:45", ()),
        ("<!date^1^x|9 Oct>", "9 Oct", ()),
    ],
)
def test_mrkdwn(raw: str, plain: str, spans: tuple[tuple[int, int, SpanKind], ...]) -> None:
    text = from_mrkdwn(raw.replace("`<b>`", "`&lt;b&gt;`"))
    assert text.plain == plain
    assert sorted((s.start, s.end, s.kind) for s in text.spans) == sorted(spans)


def block(*elements_: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"type": "rich_text", "elements": list(elements_)}]


def test_blocks_of_a_real_client() -> None:
    event = {
        "text": "ignored",
        "blocks": block(
            {
                "type": "rich_text_section",
                "elements": [
                    {"type": "text", "text": "! Hi "},
                    {"type": "user", "user_id": "U7"},
                    {"type": "text", "text": " it", "style": {"bold": True}},
                    {"type": "emoji", "name": "+1", "unicode": "1f44d-1f3fd"},
                    {"type": "link", "url": "https://x.example", "text": "x"},
                    {"type": "text", "text": " <b> & "},
                    {"type": "channel", "channel_id": "C9"},
                ],
            },
            {
                "type": "rich_text_list",
                "style": "ordered",
                "elements": [
                    {"type": "rich_text_section", "elements": [{"type": "text", "text": "one"}]},
                    {"type": "rich_text_section", "elements": [{"type": "text", "text": "two"}]},
                ],
            },
            {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "code :x:"}]},
        ),
    }
    text = written(event)
    assert text.plain == "! Hi <@U7> it👍🏽x <b> & #C9\n1. one\n2. two\ncode ❌"
    assert Span(10, 13, SpanKind.BOLD) in text.spans
    assert named(text, {"U7": "Amir"}).plain.startswith("! Hi @Amir it")


def test_other_blocks_fall_back_to_the_text() -> None:
    assert from_blocks([{"type": "section", "text": {}}]) is None
    assert written({"text": "a &amp; b", "blocks": [{"type": "section"}]}).plain == "a & b"


def test_people_get_their_public_names() -> None:
    text = Text("ask <@U7> or <@U8>!", (Span(0, 9, SpanKind.BOLD), Span(18, 19, SpanKind.ITALIC)))
    assert people_in(text) == {"U7", "U8"}
    shown = named(text, {"U7": "Amir"})
    assert shown.plain == "ask @Amir or @someone!"
    assert Span(21, 22, SpanKind.ITALIC) in shown.spans


@given(st.text(max_size=300))
@settings(max_examples=300, deadline=None)
def test_what_was_escaped_comes_back_as_it_was(words: str) -> None:
    quiet = "".join(char for char in words if char not in "*_~`:>")
    assert from_mrkdwn(escape(quiet)).plain == quiet


@given(st.text(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_text_is_decoded_and_shown(words: str) -> None:
    text = from_mrkdwn(words)
    for span in text.spans:
        assert 0 <= span.start < span.end <= len(text)
    assert all(piece for piece in elements(text))


REGISTRY = make_registry("ot-")


@pytest.mark.parametrize(
    ("typed", "kind", "name", "rest"),
    [
        ("! It ships.", Kind.COMMAND, "reply", "It ships."),
        ("!\na\nb", Kind.COMMAND, "reply", "a\nb"),
        ("!\u00a0a", Kind.COMMAND, "reply", "a"),
        ("!reply a", Kind.COMMAND, "reply", "a"),
        ("!REPLY a", Kind.COMMAND, "reply", "a"),
        ("<@UBOT> reply a", Kind.COMMAND, "reply", "a"),
        ("<@UBOT>: resolve", Kind.COMMAND, "resolve", ""),
        ("<@UBOT> who owns this?", Kind.MENTION, None, "who owns this?"),
        ("ask <@UBOT> to resolve", Kind.MENTION, None, "ask <@UBOT> to resolve"),
        ("!note a", Kind.COMMAND, "note", "a"),
        ("!replyall hi", Kind.UNKNOWN, None, "!replyall hi"),
        ("!reply-all hi", Kind.UNKNOWN, None, "!reply-all hi"),
        ("!reply, hi", Kind.UNKNOWN, None, "!reply, hi"),
        ("!resolve.", Kind.UNKNOWN, None, "!resolve."),
        ("!thanks", Kind.UNKNOWN, None, "!thanks"),
        ("!спасибо", Kind.UNKNOWN, None, "!спасибо"),
        ("!onethread", Kind.UNKNOWN, None, "!onethread"),
        ("!!! look", Kind.PLAIN, None, "!!! look"),
        ("!?", Kind.PLAIN, None, "!?"),
        ("!5 minutes", Kind.PLAIN, None, "!5 minutes"),
        ("reply to her", Kind.PLAIN, None, "reply to her"),
        ("/reply C42 hi", Kind.PLAIN, None, "/reply C42 hi"),
    ],
)
def test_what_was_typed(typed: str, kind: Kind, name: str | None, rest: str) -> None:
    found = read_typed(Text(typed), "UBOT", REGISTRY)
    assert (found.kind, found.command.name if found.command else None, found.rest.plain) == (kind, name, rest)


@given(st.text(min_size=1, max_size=60))
@settings(max_examples=300, deadline=None)
def test_only_four_beginnings_can_send(words: str) -> None:
    typed = read_typed(Text(words), "UBOT", REGISTRY)
    if typed.kind is Kind.COMMAND and typed.command is not None and typed.command.name == "reply":
        bare = words.strip()
        assert bare == "!" or (bare[0] == "!" and (bare[1].isspace() or bare[1:6].casefold() == "reply"))


def test_a_chosen_message_loses_its_sign() -> None:
    for words in ("! hi", "!hi", "!reply hi", "hi", "<@UBOT> reply hi"):
        assert meant_for_customer(Text(words), "UBOT", REGISTRY).plain == "hi"
