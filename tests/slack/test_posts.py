"""How posts and cards read, and that nothing a stranger writes is ever parsed by Slack."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.desk import Activity, Entry, Noted, Replied, State, Status
from bot.messages import AgentId, Attachment, MessageId, Span, SpanKind, Text
from bot.slack.cards import Rendered
from bot.slack.cards import card as render_card
from bot.slack.names import safe_name, sender
from bot.slack.posts import render
from tests.slack.rig import card, said
from tests.slack.shown import check_blocks, shown

GOLDEN = Path(__file__).parent / "golden"
AT = 1_760_000_000.0
PDF = Attachment("invoice.pdf", "application/pdf", 24_000)
GONE = Attachment("film.mov", "video/quicktime", 90_000_000, None, "larger than 25 MB, so it was not kept")


def replied(**more: Any) -> Replied:
    """Kim's reply to Dana."""
    made = Replied(
        MessageId(2),
        AgentId("U1KIM"),
        "Kim",
        "https://avatars.example/kim.png",
        "Dana Petrov",
        "email",
        "email dana@mail.example",
        Text("It ships today."),
        AT,
        State.ACCEPTED,
        AT + 60,
        handle="C42",
    )
    return replace(made, **more)


NOTE = Noted(MessageId(3), AgentId("U1KIM"), "Kim", None, Text("She called, be kind."), AT)
RICH = Text(
    "Hello,\nsee bold and code.\nprint(1)\nOn Monday you said\nlabel and https://shop.example/7.",
    (
        Span(11, 15, SpanKind.BOLD),
        Span(20, 24, SpanKind.CODE),
        Span(26, 34, SpanKind.PRE),
        Span(35, 53, SpanKind.QUOTE),
        Span(54, 59, SpanKind.LINK, "https://evil.example/login"),
    ),
)

POSTS: dict[str, tuple[Entry, ...]] = {
    "said": (said(),),
    "said_rich": (said(RICH.plain, text=RICH),),
    "said_with_all": (
        said(
            "Here it is.",
            subject="Invoice 7",
            attachments=(PDF, GONE),
            has_tail=True,
            warning="Nobody has proved that this mail is from dana@mail.example.",
            copied=("bo@mail.example", "eve@mail.example"),
            problems=("One part could not be read.",),
        ),
    ),
    "said_automated": (said("I am out of office.", automated="auto-reply"),),
    "said_by_another": (said("I am her husband.", other_sender="Ivan Petrov"),),
    "said_new_case": (said("A new question.", new_case=True),),
    "said_edited": (said("Monday, not Sunday", edited_from="Sunday"),),
    "said_deleted": (said("Please ignore", deleted=True),),
    "said_reaction": (said("", reaction="👍"),),
    "said_nothing": (said(""),),
    "said_long": (said("word " * 3000),),
    "replied_accepted": (replied(detail="250 2.0.0 Ok: queued as 4F2"),),
    "replied_delivered": (replied(state=State.DELIVERED, subject="Where is my parcel?", attachments=(PDF,)),),
    "replied_failed": (replied(state=State.FAILED, detail="mailbox unavailable (550)"),),
    "replied_uncertain": (
        replied(state=State.UNCERTAIN, detail="the connection was cut after the last byte"),
    ),
    "replied_waits": (replied(state=State.PENDING, detail="the mail server cannot be reached"),),
    "replied_on_its_way": (replied(state=State.PENDING, state_at=None),),
    "replied_partly": (replied(refused=(("bo@mail.example", "no such user (550)"),)),),
    "replied_in_thread_failed": (replied(from_thread=True, state=State.FAILED, detail="mailbox full (452)"),),
    "noted": (NOTE,),
    "activity": (Activity("Kim took it", AT), Activity("priority high", AT)),
    "several": (
        said("First.", subject="Where is my parcel?"),
        said("Second.", message_id=MessageId(4), at=AT + 300),
        Activity("Kim took it", AT),
    ),
    "mixed": (said("First."), replied(), NOTE),
}
CARDS = {
    "card_waits": card(),
    "card_late": card(due_at=AT - 60, due_kind="first"),
    "card_sorted": card(priority="urgent", tags=("refund", "late"), due_at=AT + 600, due_kind="resolution"),
    "card_snoozed": card(status=Status.SNOOZED, snoozed_until=AT + 9000),
    "card_nobody_waits": card(waiting_since=None, due_at=None, excerpt="", reach=(), verified=False),
    "card_taken": card(owner=AgentId("U1KIM"), status=Status.PENDING, cases=3, failed=1),
    "card_resolved": card(status=Status.RESOLVED, owner=AgentId("U1KIM")),
    "card_noted": card(badges=("VIP",), noted=("Plan: pro", "Seats: 12"), cases=2),
    "card_spam": card(spam=True, blocked=True, badges=("VIP",)),
    "card_quarantine": card(quarantine="more than 20 messages in 10 min"),
    "card_blocked": card(blocked=True, status=Status.PENDING),
    "card_merged": card(merged_into="C7"),
    "card_warned": card(warning="The name is Dana's, but the address is not the one she used before."),
}


def as_message(rendered: Rendered) -> dict[str, Any]:
    return {"bot_id": "B1", **rendered.arguments()}


def matches(name: str, text: str) -> None:
    """Compares with the snapshot; ONETHREAD_GOLDEN=write makes it anew."""
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("ONETHREAD_GOLDEN") == "write":
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize("name", POSTS)
def test_posts_read_well(name: str) -> None:
    rendered, _ = render(POSTS[name], {"email": ":email:"})
    text = shown(as_message(rendered))
    if name == "said_long":
        text = text.replace("word word word word word word ", "")
    matches(name, text + f"(notification) {rendered.text[:120]}\n")


@pytest.mark.parametrize("name", POSTS)
def test_updates_say_whose_words_they_are(name: str) -> None:
    """An update cannot carry a name, so where Slack drops it the words themselves must tell."""
    entries = POSTS[name]
    rendered, _ = render(entries, {}, renewed=True)
    text = shown(as_message(rendered))
    assert len(rendered.text) < 4000
    if not isinstance(entries[0], Activity):
        assert "Dana" in text or "Kim" in text


@pytest.mark.parametrize("name", CARDS)
def test_cards_read_well(name: str) -> None:
    rendered = render_card(CARDS[name], AT + 60)
    matches(name, shown(as_message(rendered)) + f"(notification) {rendered.text}\n")


def test_long_words_are_cut_and_follow_as_a_file() -> None:
    rendered, overlong = render((said("x" * 20_000),), {})
    assert [(words.name, len(words.text)) for words in overlong] == [("message-1.txt", 20_000)]
    total = sum(len(json.dumps(block)) for block in rendered.blocks)
    assert total < 12_000
    for block in rendered.blocks:
        if block["type"] == "rich_text":
            assert len(json.dumps(block)) < 3_400


def test_many_entries_stay_within_slacks_limits() -> None:
    entries = tuple(
        said("hello " * 100, message_id=MessageId(n), has_tail=True, warning="!") for n in range(40)
    )
    rendered, _ = render(entries, {})
    check_blocks(rendered.blocks)
    assert len(rendered.blocks) == 50
    assert "see /history C42" in rendered.blocks[-1]["elements"][0]["text"]


HOSTILE = [
    "<!channel> <@U123> <https://evil.example|https://bank.example>",
    "&lt;!channel&gt; :tada: *bold* `x`",
    "\u202egnp.exe\u2066 \u0000\u0007 a\u200bb",
    "@here @channel #general",
]


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_stay_words(words: str) -> None:
    dangerous = said(
        words,
        customer_name=words,
        subject=words,
        warning=words,
        via=words,
        copied=(words,),
        attachments=(Attachment(words, "text/plain", 5),),
        other_sender=words,
        edited_from=words,
    )
    for rendered in (
        render((dangerous,), {})[0],
        render_card(card(customer_name=words, excerpt=words, reach=(words,))),
    ):
        assert_harmless(rendered)


def assert_harmless(rendered: Rendered) -> None:
    """Only our own ids and dates stand in what Slack parses; everything else is plain."""
    assert "<" not in rendered.text.replace("&lt;", "")
    for element in walk(rendered.blocks):
        if element.get("type") == "mrkdwn":
            rest = element["text"]
            for ours in ("<!date^", "<@U1KIM>"):
                rest = rest.replace(ours, "")
            assert "<" not in rest and element["verbatim"] is True
        if element.get("type") in ("user", "usergroup", "broadcast", "channel", "emoji"):
            raise AssertionError(element)
        if element.get("type") == "link":
            assert element.get("text") in (None, element["url"])


def walk(thing: Any) -> Any:
    """Every dictionary in it."""
    if isinstance(thing, dict):
        yield thing
        for value in thing.values():
            yield from walk(value)
    elif isinstance(thing, list):
        for value in thing:
            yield from walk(value)


@given(words=st.text(max_size=400), name=st.text(max_size=80), subject=st.text(max_size=100))
@settings(max_examples=150, deadline=None)
def test_any_text_makes_valid_harmless_blocks(words: str, name: str, subject: str) -> None:
    entry = said(words, customer_name=name, subject=subject or None)
    rendered, _ = render((entry,), {})
    check_blocks(rendered.blocks)
    assert_harmless(rendered)
    check_blocks(render_card(card(customer_name=name, excerpt=words)).blocks)
    noted = card(customer_name=name, badges=(subject,) * 9, noted=(words,) * 40, quarantine=words or None)
    check_blocks(render_card(noted).blocks)
    check_blocks(render_card(card(customer_name=name, spam=True)).blocks)
    assert rendered.username is not None and 0 < len(rendered.username) <= 80
    assert rendered.username.endswith(" (email)") and "\n" not in rendered.username


@given(
    words=st.text(max_size=200),
    spans=st.lists(
        st.tuples(st.integers(0, 220), st.integers(0, 220), st.sampled_from(list(SpanKind))), max_size=6
    ),
)
@settings(max_examples=200, deadline=None)
def test_any_spans_make_valid_blocks_and_lose_no_word(
    words: str, spans: list[tuple[int, int, SpanKind]]
) -> None:
    text = Text(
        words,
        tuple(
            Span(a, b, kind, "https://x.example/" if kind is SpanKind.LINK else None) for a, b, kind in spans
        ),
    )
    rendered, _ = render((said(words, text=text),), {})
    check_blocks(rendered.blocks)
    runs = [e.get("text") or e.get("url") for e in walk(rendered.blocks) if e.get("type") in ("text", "link")]
    seen = "".join(run for run in runs if run)
    for word in words.split():
        if word.isalnum() and word.isascii():
            for char in word:
                assert char in seen


@pytest.mark.parametrize(
    ("name", "shown_as"),
    [
        ("Support ✓", "Support ✓ (email)"),
        ("Dana\nPetrov", "Dana Petrov (email)"),
        ("\u202eanaD\u202c", "anaD (email)"),
        ("<!channel>", "‹!channel› (email)"),
        ("", "Unknown sender (email)"),
        ("\u200b\u2060", "Unknown sender (email)"),
        ("D" + "\u0301" * 40 + "ana", "D" + "\u0301" * 3 + "ana (email)"),
        ("x" * 200, "x" * 59 + "… (email)"),
        ("李小龙", "李小龙 (email)"),
    ],
)
def test_names_of_strangers(name: str, shown_as: str) -> None:
    assert sender(name, "email") == shown_as
    assert len(safe_name(name)) <= 60
