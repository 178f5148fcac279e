"""HTML mail to text with spans, its quote folded, its tricks shown."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.adapters.email.html import MAX_CHARS, MAX_SPANS, convert
from bot.adapters.email.quotes import tail_start
from bot.messages import SpanKind
from tests.email.corpora import mail_corpus


def seen(page: str) -> str:
    return convert(page).text.plain


def visible(page: str) -> str:
    converted = convert(page)
    text = converted.text.plain[: converted.tail]
    at = tail_start(text)
    return (text if at is None else text[:at]).strip()


def test_paragraphs_lists_tables_and_lines() -> None:
    page = "<p>One</p><p>Two<br>three</p><ul><li>a<li>b<ul><li>c</ul></ul><ol><li>x<li>y</ol>"
    page += "<table><tr><td>1<td>2<tr><td>3</table>"
    assert seen(page) == "One\n\nTwo\nthree\n\n• a\n• b\n  • c\n\n1. x\n2. y\n\n1 2\n3"


def test_outlooks_empty_paragraphs_are_empty_lines() -> None:
    assert seen(
        "<p class=MsoNormal>a</p><p class=MsoNormal>b</p><p class=MsoNormal>&nbsp;</p><p class=MsoNormal>c</p>"
    ) == ("a\nb\n\nc")


def test_white_space_collapses_and_entities_are_text() -> None:
    assert seen("<div>a \n\t b&nbsp;&nbsp;c</div>\n\n<div> d&lt;b&gt;</div>") == "a b c\nd<b>"


def test_spans_lie_on_their_words() -> None:
    text = convert(
        '<p>a <b>bold <i>both</i></b> <s>no</s> <code>x</code> <a href="https://x.example/">site</a></p>'
    ).text
    got = {(text.plain[s.start : s.end], s.kind, s.value) for s in text.spans}
    assert got == {
        ("bold both", SpanKind.BOLD, None),
        ("both", SpanKind.ITALIC, None),
        ("no", SpanKind.STRIKE, None),
        ("x", SpanKind.CODE, None),
        ("site", SpanKind.LINK, "https://x.example/"),
    }


def test_pre_keeps_its_lines() -> None:
    text = convert("<pre>a\n  b</pre>after").text
    assert text.plain == "a\n  b\n\nafter"
    assert [(s.start, s.end, s.kind) for s in text.spans] == [(0, 5, SpanKind.PRE)]


@pytest.mark.parametrize(
    ("label", "target", "shown"),
    [
        ("paypal.com", "https://evil.example/x", "paypal.com [→ https://evil.example/x]"),
        ("https://www.bank.example/login", "https://bank.example.evil.example/", None),
        ("www.shop.example", "https://shop.example/a", "www.shop.example"),
        ("https://shop.example/a", "http://shop.example/b", "https://shop.example/a"),
        ("click here", "https://evil.example/", "click here"),
        ("a@shop.example", "mailto:a@shop.example", "a@shop.example"),
        ("bank.example", "http://[", "bank.example [→ http://[]"),
    ],
)
def test_a_false_label_shows_its_true_target(label: str, target: str, shown: str | None) -> None:
    expected = shown if shown is not None else f"{label} [→ {target}]"
    assert seen(f'<a href="{target}">{label}</a>') == expected


@pytest.mark.parametrize(
    "target", ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "//x", "cid:1"]
)
def test_only_web_mail_and_phone_links_are_links(target: str) -> None:
    assert convert(f'<a href="{target}">x</a>').text.spans == ()


@pytest.mark.parametrize(
    "page",
    [
        "a<div style='display:none'>HID</div>", "a<span style='font-size:0px'>HID</span>", "a<div hidden>HID</div>",
        "a<style>HID</style>", "a<script>HID</script>", "<title>HID</title>a", "a<!-- HID -->", "a<template>HID</template>",
        "a<p style='mso-hide:all;'>HID</p>", "a<div style='max-height:0;overflow:hidden'>HID</div>",
        "a<div style='opacity:0'>HID</div>", "a<svg><text>HID</text></svg>", "a<img alt='HID' style='display:none'>",
    ],
)  # fmt: skip
def test_hidden_content_is_left_out(page: str) -> None:
    assert seen(page).strip() == "a"


@pytest.mark.parametrize(
    "page", ["<font style='font-size:0.9em'>a</font>", "<div style='opacity:0.9'>a</div>"]
)
def test_small_is_not_hidden(page: str) -> None:
    assert seen(page) == "a"


def test_pictures_say_what_they_are() -> None:
    assert seen("a <img alt='Logo'> <img alt='😀'> <img src=x>") == "a [Logo] 😀"


# -- quotes --------------------------------------------------------------------------------------------

HELLO = "Hi. I am fine. Thanks, Alex"


def test_replies_of_nine_mail_programs() -> None:
    paths = sorted((mail_corpus() / "talon" / "html_replies").glob("*.html"))
    got = {path.name: " ".join(visible(path.read_text(errors="replace")).split()) for path in paths}
    assert got == dict.fromkeys((path.name for path in paths), HELLO)
    assert len(got) == 9


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("apple_reply", "Foo Bar"),
        ("gmail_reply", "foo bar"),
        ("ios_mail_reply_unescaped_address", "Sounds good, I'll be there at 2."),
        (
            "yahoo_reply_unescaped_address",
            "Thanks Jane, that looks great. One question on item 2 - can we ship it before Friday? Dan",
        ),
        ("gmail_forward", "test blah"),
        ("apple_forward", "test blah"),
        ("outlook_forward", "Original message More text"),
    ],
)
def test_replies_and_forwards(name: str, words: str) -> None:
    page = (mail_corpus() / "html" / f"{name}.html").read_text()
    assert " ".join(visible(page).split()) == words


@pytest.mark.parametrize("name", ["mailru_forward", "thunderbird_forward"])
def test_a_bare_forward_stays_visible(name: str) -> None:
    page = (mail_corpus() / "html" / f"{name}.html").read_text()
    assert visible(page) == seen(page).strip()


def test_words_below_a_cited_block_are_kept() -> None:
    page = "<p>Hi</p><blockquote type=cite><p>Which size?</p></blockquote><p>Size 42.</p>"
    assert visible(page) == "Hi\n\nWhich size?\n\nSize 42."


def test_a_signature_below_the_quote_does_not_keep_it() -> None:
    page = "<p>Yes</p><div class=gmail_quote>On … wrote:<blockquote class=gmail_quote>q</blockquote></div><br>-- <br>Jo<br>CEO"
    assert visible(page) == "Yes"


# -- hostile pages -------------------------------------------------------------------------------------

POISON = {
    "div": "<div>" * 500_000 + "x",
    "div within limits": "<div>" * 1_400 + "x" + "</div>" * 1_400,
    "bold": "<b>x" * 100_000,
    "distinct styles": "".join(f"<b id={n}>" for n in range(1_000)) + "<p>x" * 100_000,
    "styles": "<b><i><u><s>x" * 15 + "<p>x" * 20_000,
    "quotes": "<blockquote>x" * 100_000,
    "links": "<a href='http://a.b/'>c.de</a> " * 50_000,
    "lists": "<ul><li>" * 100_000 + "x",
    "attributes": "<div " + "a=b " * 200_000 + ">x",
    "style": "<div style='" + "display:" * 50_000 + "'>x",
    "breaks": "<br>x" * 400_000,
    "tables": "<table>" * 20_000 + "x",
    "angles": "<" * 500_000,
    "blanks": "&nbsp;" * 300_000,
    "ampersands": "&" * 500_000,
    "styles unclosed": "<style>" * 20_000 + "x",
}


@pytest.mark.parametrize("name", POISON)
def test_hostile_pages_are_cheap(name: str) -> None:
    started = time.process_time()
    converted = convert(POISON[name])
    assert time.process_time() - started < 3
    assert len(converted.text.plain) < MAX_CHARS + 10_000
    assert len(converted.text.spans) <= MAX_SPANS


def test_nesting_beyond_reason_still_shows_the_words() -> None:
    converted = convert("<style>no</style><div>" * 2_000 + "Where is my <b>parcel</b>?" + "</div>" * 2_000)
    assert converted.text.plain == "Where is my parcel ?"
    assert converted.cut


TAGS = "<p> </p> <b> </b> <blockquote> </blockquote> <ul> <li> </ul> <table> <tr> <td> <br> </a> <pre> </pre> </div> <svg>"
PIECES = st.sampled_from(
    [
        *TAGS.split(), "text", " ", "&nbsp;", "<a href='https://x.example'>", "evil.example", "\n", "<img alt=x>",
        "<blockquote type=cite>", "<hr id=stopSpelling>", "<div class=gmail_quote>", "<!--", "-->", "--", "<", "\0",
        "\ud800", "<math>",
    ]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=40))
def test_any_page(pieces: list[str]) -> None:
    converted = convert("".join(pieces).encode("utf-8", "replace").decode())
    text = converted.text
    assert converted.tail is None or 0 < converted.tail <= len(text)
    assert all(0 <= span.start < span.end <= len(text) for span in text.spans)
