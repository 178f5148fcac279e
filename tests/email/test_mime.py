"""Bytes to ParsedMail: real-life mail, and mail that wants to do harm."""

import base64
import time
import tracemalloc
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.adapters.email.charsets import codec_of, decode
from bot.adapters.email.headers import Address, decode_words, parse_addresses, parse_headers, split_mail
from bot.adapters.email.mime import clean_name, parse, unflow


def mail(*headers: str, body: str | bytes = "") -> bytes:
    data = body.encode() if isinstance(body, str) else body
    return "\r\n".join(headers).encode() + b"\r\n\r\n" + data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


MIXED = """--b1
Content-Type: multipart/alternative; boundary=b2

--b2
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Gr=C3=BC=C3=9Fe
--b2
Content-Type: text/html

<p>Gr&uuml;&szlig;e</p>
--b2--
--b1
Content-Type: image/png; name="=?utf-8?q?caf=C3=A9.png?="
Content-Transfer-Encoding: base64
Content-Disposition: attachment

iVBORw0KGgo=
--b1
Content-Type: text/plain

A footer
--b1--
"""


def test_a_real_shape() -> None:
    parsed = parse(
        mail(
            "From: =?utf-8?q?Dana_P?= <Dana@Mail.Example>",
            'To: "Support, Shop" <support@shop.example>, press@shop.example',
            "Cc: team: a@x.example, B <b@x.example>;",
            "Subject: =?utf-8?B?V2hlcmUg?=\r\n =?utf-8?B?aXMgaXQ/?=",
            "Date: Mon, 5 Jan 2026 10:00:00 +0200",
            "Message-ID: <1@mail.example>",
            "In-Reply-To: <0@shop.example>",
            "References: <a@x> <b@x>\r\n <0@shop.example>",
            "Content-Type: multipart/mixed; boundary=b1",
            body=MIXED,
        )
    )
    assert parsed.sender == Address("Dana P", "dana@mail.example")
    assert parsed.to == (Address("Support, Shop", "support@shop.example"), Address("", "press@shop.example"))
    assert [a.address for a in parsed.cc] == ["a@x.example", "b@x.example"]
    assert parsed.subject == "Where is it?"
    assert parsed.date == datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
    assert (parsed.message_id, parsed.in_reply_to) == ("<1@mail.example>", ("<0@shop.example>",))
    assert parsed.references == ("<a@x>", "<b@x>", "<0@shop.example>")
    assert [(body.plain, body.html) for body in parsed.bodies] == [
        ("Grüße", "<p>Gr&uuml;&szlig;e</p>"),
        ("A footer", None),
    ]
    assert [(f.name, f.media_type, f.content) for f in parsed.files] == [
        ("café.png", "image/png", b"\x89PNG\r\n\x1a\n")
    ]
    assert parsed.problems == ()


def test_source_id_is_the_mail_and_not_where_it_lay() -> None:
    one = mail("Received: by a", "From: a@x", "Message-ID: <1@x>", "Date: today", body="hi")
    two = mail(
        "Received: by b", "Return-Path: <q@x>", "From: a@x", "Message-ID: <1@x>", "Date: today", body="hi"
    )
    assert parse(one).source_id == parse(two).source_id
    others = [
        mail("From: b@x", "Message-ID: <1@x>", "Date: today", body="hi"),
        mail("From: a@x", "Message-ID: <1@x>", "Date: today", body="ho"),
        mail("From: a@x", "Date: today", body="hi"),
    ]
    assert len({parse(raw).source_id for raw in [one, *others]}) == 4


def test_inline_picture_forwarded_mail_and_report_parts() -> None:
    inner = "From: c@x\r\nSubject: Inner\r\n\r\nwords"
    body = (
        "--b\nContent-Type: text/html\n\n<img src=cid:p1>\n--b\nContent-Type: image/gif\nContent-ID: <p1>\n"
        "Content-Disposition: inline\n\nGIF89a\n--b\nContent-Type: message/rfc822\n\n" + inner + "\n--b--\n"
    )
    parsed = parse(mail("From: a@x", 'Content-Type: multipart/related; boundary="b"', body=body))
    assert [(f.name, f.inline, f.content_id) for f in parsed.files] == [
        ("file.gif", True, "p1"),
        ("Inner.eml", False, ""),
    ]
    assert parsed.files[1].content.startswith(b"From: c@x\r\nSubject: Inner")


def test_long_names_rfc2231_and_tricks() -> None:
    header = "Content-Disposition: attachment; filename*0*=utf-8''R%C3%A9; filename*1*=sum%C3%A9.pdf"
    body = f"--b\nContent-Type: application/pdf\n{header}\n\nx\n--b--"
    assert parse(mail("Content-Type: multipart/mixed; boundary=b", body=body)).files[0].name == "Résumé.pdf"
    assert clean_name("../../etc/passwd", "text/plain") == "passwd"
    assert clean_name("C:\\x\\evil\u202egpj.exe", "") == "evilgpj.exe"
    assert len(clean_name("x" * 5000 + ".pdf", "")) <= 150
    assert clean_name("x" * 5000 + ".pdf", "").endswith(".pdf")
    assert clean_name("", "image/png") == "file.png"


@pytest.mark.parametrize(
    ("charset", "data", "text"),
    [
        ("gb2312", "简体镕".encode("gb18030"), "简体镕"),
        ("ks_c_5601-1987", "안녕 똠".encode("cp949"), "안녕 똠"),
        ("x-sjis", "髙①".encode("cp932"), "髙①"),
        ("iso-8859-8-i", "שלום".encode("iso-8859-8"), "שלום"),
        ("windows-874", "สวัสดี".encode("cp874"), "สวัสดี"),
        ("cp-850", "é".encode("cp850"), "é"),
        ("us-ascii", "naïve".encode(), "naïve"),
        ("us-ascii", "naïve".encode("cp1252"), "naïve"),
        ("iso-8859-1", b"\x93quoted\x94 \x80", "“quoted” €"),
        ("no-such-charset", "ünïcode".encode(), "ünïcode"),
        ('"utf-8"', "é".encode(), "é"),
        ("koi8-r", "Привет".encode("koi8-r"), "Привет"),
    ],
)
def test_charsets_as_they_are(charset: str, data: bytes, text: str) -> None:
    assert decode(data, charset)[0] == text


def test_no_charset_at_all_is_guessed() -> None:
    words = "Здравствуйте, где моя посылка? Она должна была прийти в понедельник, но её всё ещё нет. " * 3
    text, problem = decode(words.encode("cp1251"), None)
    assert text == words
    assert problem is not None and "guess" in problem


@pytest.mark.parametrize(
    "name", ["idna", "punycode", "hex", "zip", "rot13", "unicode_escape", "../x", "a" * 500, "\0"]
)
def test_codecs_that_are_no_charsets_are_refused(name: str) -> None:
    assert codec_of(name) == ""
    assert decode(b"abc", name)[0] == "abc"


def test_encoded_words_split_in_the_middle_of_a_character() -> None:
    halves = [base64.b64encode(part).decode() for part in (b"\xd0", b"\x9f\xd1\x80")]
    assert decode_words(f"=?utf-8?B?{halves[0]}?= =?utf-8?b?{halves[1]}?= end") == "Пр end"
    assert decode_words("a =?utf-8?q?b?= =?iso-8859-1?q?=E9?= c =?bad") == "a bé c =?bad"


def test_newlines_in_encoded_words_do_not_survive_in_a_subject() -> None:
    assert parse(mail("Subject: =?utf-8?q?a=0D=0ABcc:_x@y?=")).subject == "a Bcc: x@y"


def test_addresses() -> None:
    def got(value: str) -> list[Address]:
        return list(parse_addresses(value))

    assert got("a@x (Old Style)") == [Address("Old Style", "a@x")]
    assert got('"Do, Jo \\"J\\"" <J@X>') == [Address('Do, Jo "J"', "j@x")]
    assert got("'Jo' <j@x>") == [Address("Jo", "j@x")]
    assert got("undisclosed-recipients:;") == []
    assert got("<@relay:a@x>") == [Address("", "a@x")]
    assert got('"support@shop.example" <evil@x>') == [Address("support@shop.example", "evil@x")]
    assert got("Support \u202eevil <a@x>")[0].name == "Support evil"


def test_unflow() -> None:
    assert unflow("one \ntwo\n> q \n> r\n-- \nsig", False) == "one two\n> q r\n-- \nsig"


def test_uuencode_and_unknown_encoding() -> None:
    uu = "begin 644 a\n#86)C\n`\nend\n"
    assert parse(mail("Content-Transfer-Encoding: x-uuencode", body=uu)).text == "abc"
    assert parse(mail("Content-Transfer-Encoding: yenc", body="raw")).problems == (
        "a part uses an unknown encoding (yenc)",
    )


def test_header_without_body_body_without_header_and_nothing() -> None:
    assert parse(b"Subject: x").subject == "x"
    assert parse(b"\r\njust words").text == "just words"
    assert parse(b"").sender is None


def test_broken_boundary_loses_no_words() -> None:
    parsed = parse(mail("Content-Type: multipart/mixed; boundary=zzz", body="no parts here"))
    assert "no parts here" in parsed.text
    assert parsed.problems


def test_missing_last_boundary_is_forgiven() -> None:
    parsed = parse(mail("Content-Type: multipart/mixed; boundary=b", body="--b\n\nwords that go on"))
    assert parsed.text == "words that go on"


# -- fault row 16: poison ------------------------------------------------------------------------------


def nested(depth: int) -> bytes:
    opening = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(depth)
    )
    return b"From: a@x\r\n" + opening + b"\r\nwords"


def siblings(count: int) -> bytes:
    return (
        b"From: a@x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        + b"--b\r\n\r\nx\r\n" * count
        + b"--b--"
    )


def forwarded(depth: int) -> bytes:
    return b"Content-Type: message/rfc822\r\n\r\n" * depth + b"From: a@x\r\n\r\nwords"


POISON = {
    "nested parts": nested(50_000),
    "sibling parts": siblings(50_000),
    "nested mails": forwarded(50_000),
    "encoded words": b"From: a@x\r\nSubject: " + b"=?utf-8?q?a?=\r\n " * 20_000 + b"\r\n\r\nx",
    "encoded words in From": b"From: " + b"=?utf-8?b?YQ==?=\r\n " * 20_000 + b"<a@x>\r\n\r\nx",
    "header fields": b"X-A: 1\r\n" * 200_000 + b"\r\nx",
    "long header": b"Subject: " + b"x" * 5_000_000 + b"\r\n\r\nx",
    "recipients": b"To: " + b",".join(b"a%d@x" % n for n in range(100_000)) + b"\r\n\r\nx",
    "brackets": b"To: " + b"(" * 100_000 + b"\r\nFrom: " + b"<" * 100_000 + b"\r\n\r\nx",
    "parameters": b"Content-Type: text/plain" + b'; a*0*="\\"' * 20_000 + b"\r\n\r\nx",
    "references": b"References: " + b"<a@b> " * 50_000 + b"\r\n\r\nx",
    "dashes": b"Content-Type: multipart/mixed; boundary=-\r\n\r\n" + b"--" * 500_000,
    "boundaries": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"\r\n--bb" * 200_000,
    "quoted printable": b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b"=" * 1_000_000,
    "many guesses": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    + (b"--b\r\nContent-Type: text/plain; charset=x\r\n\r\n" + bytes(range(128, 256)) * 250 + b"\r\n") * 290,
    "guesses in a header": b"Subject: " + b"=?x-none?q?=E9=F0=8F?= , " * 1_200 + b"\r\n\r\nx",
    "spaces": b"Subject: " + b" " * 200_000 + b"\r\n" + b" \r\n" * 50_000 + b"\r\nx",
    "guess": b"From: a@x\r\n\r\n" + bytes(range(128, 256)) * 10_000,
}


@pytest.mark.parametrize("name", POISON)
def test_poison_is_cheap(name: str) -> None:
    raw = POISON[name]
    tracemalloc.start()
    started = time.process_time()
    parsed = parse(raw)
    seconds = time.process_time() - started
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seconds < 3, f"{seconds:.1f} s"
    assert peak < 20 * len(raw) + 30_000_000, f"{peak} bytes"
    assert len(parsed.files) <= 301
    assert len(parsed.subject) <= 1000
    assert len(parsed.to) <= 500


def test_limits_are_said() -> None:
    assert any("nested" in problem for problem in parse(nested(50)).problems)
    assert any("more than 300 parts" in problem for problem in parse(siblings(1000)).problems)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes(raw: bytes) -> None:
    parsed = parse(raw)
    parsed.subject.encode()
    parsed.text.encode()
    parsed.html.encode()


FRAGMENTS = st.sampled_from(
    [
        b"From: a@x\r\n", b"Content-Type: multipart/mixed; boundary=b\r\n", b"\r\n", b"--b\r\n", b"--b--\r\n",
        b"Content-Type: text/html; charset=", b"utf-7\r\n", b"Content-Transfer-Encoding: base64\r\n", b"=?utf-8?b?",
        b"?=", b"\0", b"\xff", b"Content-Disposition: attachment; filename*=", b"''%E9", b"<", b"\"", b"(", b" ",
        b"Content-Type: message/rfc822\r\n", b"Date: 99 Foo 99999\r\n", b"To: ", b",;:@",
    ]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(FRAGMENTS, max_size=40))
def test_any_mixture_of_mail_like_bytes(fragments: list[bytes]) -> None:
    parsed = parse(b"".join(fragments))
    "".join([parsed.subject, parsed.text, parsed.html, *(f.name for f in parsed.files)]).encode()


@given(st.binary(max_size=300))
def test_split_mail_loses_no_body(raw: bytes) -> None:
    block, body = split_mail(raw)
    assert raw.startswith(block)
    assert raw.endswith(body)
    parse_headers(block)
