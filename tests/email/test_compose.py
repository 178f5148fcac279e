"""Outgoing mail: threaded, readable in both forms, and no header can be smuggled in."""

from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.adapters.email.compose import (
    ComposeError,
    Outgoing,
    OutgoingFile,
    bare_subject,
    compose,
    is_address,
    reference_chain,
    reply_subject,
    wire_address,
)
from bot.adapters.email.html import convert
from bot.adapters.email.mime import ParsedMail, parse
from bot.adapters.email.quotes import split_reply
from bot.messages import Quoted, RemoteId, Span, SpanKind, Text

WHEN = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
QUOTED = Quoted(RemoteId("<1@mail.example>"), Text("Where is\nmy parcel?"), "Dana", WHEN, "Parcel")


def outgoing(**changes: object) -> Outgoing:
    base: dict[str, object] = {
        "sender": "support@shop.example", "sender_name": "Kim (Shop)", "to": ("dana@mail.example", "Dana Petrov"),
        "message_id": "<ot.a.b@shop.example>", "subject": "Re: Parcel", "text": Text("It ships today."), "date": WHEN,
    }  # fmt: skip
    return Outgoing(**{**base, **changes})  # type: ignore[arg-type]


def sent(**changes: object) -> ParsedMail:
    return parse(compose(outgoing(**changes)))


def test_a_reply() -> None:
    mail = sent(
        in_reply_to="<1@mail.example>", references=("<0@mail.example>",), reply_to="support+tok@shop.example",
        cc=(("boss@mail.example", "Böss"),), quoted=QUOTED, signature="Kim\nShop",
    )  # fmt: skip
    headers = mail.headers
    assert headers.get("message-id") == "<ot.a.b@shop.example>"
    assert headers.get("in-reply-to") == "<1@mail.example>"
    assert headers.get("references") == "<0@mail.example> <1@mail.example>"
    assert headers.get("to") == "Dana Petrov <dana@mail.example>"
    assert headers.addresses("cc")[0].name == "Böss"
    assert headers.addresses("from")[0].name == "Kim (Shop)"
    assert headers.get("reply-to").endswith("<support+tok@shop.example>")
    assert headers.get("auto-submitted") == ""
    assert mail.text == (
        "It ships today.\n\n-- \nKim\nShop\n\nOn 2026-01-05 10:00 UTC, Dana wrote:\n> Where is\n> my parcel?\n"
    )
    assert split_reply(mail.text).visible.startswith("It ships today.")
    page = convert(mail.html)
    assert page.text.plain[: page.tail].strip() == "It ships today.\n\n--\nKim\nShop"
    assert mail.date == WHEN
    assert mail.problems == ()


def test_an_automatic_reply_says_so() -> None:
    assert sent(automated=True).headers.get("auto-submitted") == "auto-replied"


def test_long_ids_are_neither_folded_nor_encoded() -> None:
    ids = tuple(f"<{n}{'x' * 110}@mail.example>" for n in range(30))
    raw = compose(outgoing(in_reply_to=ids[-1], references=ids))
    mail = parse(raw)
    assert mail.in_reply_to == (ids[-1],)
    assert (mail.references[0], mail.references[-1]) == (ids[0], ids[-1])
    assert b"=?" not in raw
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998


def test_spans_become_html_and_readable_text() -> None:
    text = Text(
        "Hi <b> see here & bye\nquoted\ncode",
        (
            Span(0, 2, SpanKind.BOLD), Span(1, 6, SpanKind.ITALIC), Span(7, 15, SpanKind.LINK, "https://shop.example/?a=1&b=2"),
            Span(22, 28, SpanKind.QUOTE), Span(29, 33, SpanKind.PRE), Span(18, 21, SpanKind.LINK, "javascript:x"),
        ),
    )  # fmt: skip
    mail = sent(text=text)
    linked = '<a href="https://shop.example/?a=1&amp;b=2">see here</a>'
    assert f"<b>H</b><i><b>i</b></i><i> &lt;b&gt;</i> {linked} &amp; bye" in mail.html
    assert "javascript" not in mail.html
    assert '<blockquote type="cite">quoted</blockquote>' in mail.html
    assert "<pre>code</pre>" in mail.html
    assert sent(text=Text("see here", (Span(0, 8, SpanKind.LINK, "https://x.example"),))).text == (
        "see here (https://x.example)\n"
    )
    assert sent(text=Text("a\nb", (Span(0, 1, SpanKind.QUOTE),))).text == "> a\nb\n"


def test_files_travel_with_their_names() -> None:
    files = (
        OutgoingFile("Rechnung ü.pdf", "application/pdf", b"%PDF\r\n\0"),
        OutgoingFile("../../x.eml", "message/rfc822", b"From: a"),
        OutgoingFile("a\r\nBcc: x@y.txt", "text/plain", "ü".encode()), OutgoingFile("n", "not a type", b"1"),
    )  # fmt: skip
    got = sent(files=files).files
    assert [(f.name, f.media_type, f.content) for f in got] == [
        ("Rechnung ü.pdf", "application/pdf", b"%PDF\r\n\0"),
        ("x.eml", "application/octet-stream", b"From: a"),
        ("a_Bcc_ x@y.txt", "text/plain", "ü".encode()),
        ("n", "application/octet-stream", b"1"),
    ]


def test_quotes_are_short() -> None:
    long = Quoted(None, Text("line\n" * 500), "Dana", WHEN)
    assert sent(quoted=long).text.count("> line") == 20
    assert sent(quoted=long).text.rstrip().endswith("> …")


@pytest.mark.parametrize(
    ("subject", "reply"),
    [
        ("Parcel", "Re: Parcel"), ("Re: RE: AW: Fwd: Parcel", "Re: Parcel"), ("Re[2]: Parcel", "Re: Parcel"),
        ("", "Re: your message"),
        ("a\r\n b", "Re: a b"), ("Sv: Antw: 回复：包裹", "Re: 包裹"),
        ("Reminder: x", "Re: Reminder: x"), ("re:", "Re: your message"),
    ],
)  # fmt: skip
def test_subjects(subject: str, reply: str) -> None:
    assert reply_subject(subject) == reply
    assert bare_subject(reply_subject(subject)) == (bare_subject(subject) or "your message")


def test_addresses() -> None:
    assert wire_address("a@bücher.example") == "a@xn--bcher-kva.example"
    assert sent(to=("a@bücher.example", "")).to[0].address == "a@xn--bcher-kva.example"
    for bad in (
        "",
        "a",
        "a@",
        "@b",
        "a b@c.example",
        "a@b.example\r\nBcc: x@y.example",
        "a@b\0.example",
        "<a@b.example>",
        "a@b@c",
    ):
        assert not is_address(bad)
        with pytest.raises(ComposeError):
            compose(outgoing(to=(bad, "")))
        with pytest.raises(ComposeError):
            compose(outgoing(cc=((bad, "x"),)))


def test_foreign_ids_that_are_none_are_left_out() -> None:
    mail = sent(in_reply_to="<a b>", references=("<x>\r\nBcc: evil@x.example", "<ok@x>"))
    assert mail.headers.get("in-reply-to") == ""
    assert mail.headers.get("references") == "<ok@x>"
    assert reference_chain(["<a@b>", "<a@b>", "nonsense"]) == ["<a@b>"]


WORDS = st.text(st.characters() | st.sampled_from("\r\n\0:<>\"'=?_,;@\u2028\x85\x0b\ud800"), max_size=60)
EXPECTED = {"from", "to", "cc", "reply-to", "subject", "date", "message-id", "mime-version", "content-type"}


@settings(max_examples=300, deadline=None)
@given(WORDS, WORDS, WORDS, WORDS, st.lists(WORDS, max_size=3))
def test_no_header_can_be_smuggled_in(subject: str, name: str, other: str, body: str, ids: list[str]) -> None:
    raw = compose(
        outgoing(
            subject=subject, sender_name=name, to=("dana@mail.example", other), cc=(("c@mail.example", name),), text=Text(body),
            reply_to="support+x@shop.example", in_reply_to=other, references=tuple(ids), signature=name,
            quoted=Quoted(None, Text(body), other, WHEN), files=(OutgoingFile(name, subject, b"x"),),
        )
    )  # fmt: skip
    block = raw.partition(b"\r\n\r\n")[0]
    names = {
        line.partition(b":")[0].decode().lower()
        for line in block.split(b"\r\n")
        if line[:1] not in (b" ", b"\t")
    }
    assert names - {"in-reply-to", "references"} == EXPECTED
    assert b"\0" not in raw
    assert b"\r" not in raw.replace(b"\r\n", b"") and b"\n" not in raw.replace(b"\r\n", b"")
    stdlib = message_from_bytes(raw, policy=policy.compat32)
    assert {name.lower() for name, _ in stdlib.items()} - {"in-reply-to", "references"} == EXPECTED
    mail = parse(raw)
    assert [a.address for a in mail.to] == ["dana@mail.example"]
    assert [a.address for a in mail.cc] == ["c@mail.example"]
