"""Whose mail it is and what it belongs to: the documented rules, and the tricks against them."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from bot.adapters.email import convert
from bot.adapters.email.mime import ParsedMail, parse
from bot.adapters.email.settings import EmailSettings

OWN = frozenset(["support@shop.example", "press@shop.example"])
SETTINGS = EmailSettings.model_validate(
    {
        "address": "support@shop.example",
        "imap": {"host": "i", "password": "p"},
        "smtp": {"host": "s"},
        "authserv_id": "mx.shop.example",
        "contact_forms": [{"sender": "*@forms.example"}],
    }
)
PASS = "Authentication-Results: mx.shop.example; dkim=pass header.d=mail.example"


def mail(*headers: str, body: str = "x") -> ParsedMail:
    return parse("\r\n".join([*headers, "", body]).encode())


def whose(*headers: str) -> tuple[str, bool, str | None] | None:
    found = convert.customer(mail(*headers), SETTINGS, OWN)
    return None if found is None else (found.contact.address, found.contact.verified, found.note)


def test_the_sender_is_the_customer_when_proven_and_when_not() -> None:
    assert whose(PASS, "From: Dana <dana@mail.example>") == ("dana@mail.example", True, None)
    assert whose("From: dana@mail.example") == ("dana@mail.example", False, None)


@pytest.mark.parametrize(
    ("headers", "language"),
    [
        (("Content-Language: de-DE", "Accept-Language: en-US"), "de-DE"),
        (("Accept-Language: fr-FR, en;q=0.5",), "fr-FR"),
        (("Content-Language: none of these", "Accept-Language: *"), None),
        ((), None),
    ],
)
def test_the_language_that_a_mail_names(headers: tuple[str, ...], language: str | None) -> None:
    found = convert.customer(mail(PASS, "From: dana@mail.example", *headers), SETTINGS, OWN)
    assert found is not None and found.contact.language == language


def test_a_forged_sender_is_said() -> None:
    found = whose(
        "Authentication-Results: mx.shop.example; dmarc=fail header.from=mail.example",
        "From: dana@mail.example",
    )
    assert found is not None
    assert found[:2] == ("dana@mail.example", False)
    assert "may be forged" in (found[2] or "")


def test_another_reply_to_is_said_and_not_followed() -> None:
    found = whose(PASS, "From: dana@mail.example", "Reply-To: evil@evil.example")
    assert found == ("dana@mail.example", True, "The sender asks for answers to evil@evil.example.")


def test_a_contact_forms_customer_is_in_reply_to_and_never_proven() -> None:
    form = "Authentication-Results: mx.shop.example; dkim=pass header.d=forms.example"
    assert whose(form, "From: web@forms.example", "Reply-To: Dana <dana@mail.example>") == (
        "dana@mail.example", False, "Sent through a form by web@forms.example.",
    )  # fmt: skip
    assert whose(form, "From: web@forms.example") == ("web@forms.example", True, None)


def test_our_own_mail_is_nobodys_but_a_form_that_writes_as_us_is_a_customers() -> None:
    assert whose("From: support@shop.example") is None
    assert whose("From: Press <PRESS+x@shop.example>", "Reply-To: support@shop.example") is None
    found = whose("From: support@shop.example", "Reply-To: dana@mail.example")
    assert found is not None
    assert found[:2] == ("dana@mail.example", False)


def test_no_sender_at_all() -> None:
    assert whose("Subject: x") == ("unknown@invalid", False, None)


def test_participants_are_everybody_else() -> None:
    parsed = mail(
        "From: dana@mail.example", "To: support+abc@shop.example, Boss <boss@mail.example>",
        "Cc: dana@mail.example, Press@shop.example, boss@mail.example", "Reply-To: other@mail.example",
    )  # fmt: skip
    found = convert.customer(parsed, SETTINGS, OWN)
    assert found is not None
    assert [c.address for c in convert.participants(parsed, found.contact, OWN)] == [
        "other@mail.example",
        "boss@mail.example",
    ]


def test_references_are_newest_first_once_each() -> None:
    parsed = mail("References: <a@x> <b@x> <c@x>", "In-Reply-To: <c@x>")
    assert convert.references(parsed) == ("<c@x>", "<b@x>", "<a@x>")


NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Sun, 01 Mar 2026 11:00:00 +0000", NOW - timedelta(hours=1)),
        ("Sun, 01 Mar 2026 12:30:00 +0000", NOW),
        ("Mon, 02 Mar 2037 11:00:00 +0000", NOW),
        ("Thu, 01 Jan 1970 00:00:00 +0000", NOW),
        ("nonsense", NOW),
    ],
)
def test_a_date_is_believed_within_reason(date: str, expected: datetime) -> None:
    assert convert.sent_at(mail(f"Date: {date}"), NOW) == expected


def test_plain_text_is_used_where_html_says_nothing() -> None:
    body = "--b\r\nContent-Type: text/plain\r\n\r\nwords\r\n--b\r\nContent-Type: text/html\r\n\r\n<img src=x>\r\n--b--"
    words = convert.words(mail("Content-Type: multipart/alternative; boundary=b", body=body))
    assert (words.text.plain, words.tail) == ("words", None)


def test_text_and_tail_are_all_of_it() -> None:
    words = convert.words(
        mail(
            "From: a@x",
            body="Yes.\r\n\r\nOn Mon, Jan 5, 2026 at 10:00 Kim <k@x.example> wrote:\r\n> Which?\r\n",
        )
    )
    assert words.text.plain == "Yes."
    assert words.tail is not None
    assert words.tail.plain == "On Mon, Jan 5, 2026 at 10:00 Kim <k@x.example> wrote:\n> Which?"


def test_encrypted_mail_is_said() -> None:
    body = "--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--b--"
    assert any(
        "encrypted" in p
        for p in convert.words(mail("Content-Type: multipart/encrypted; boundary=b", body=body)).problems
    )


def test_many_long_parts_are_cheap() -> None:
    part = "--b\r\nContent-Type: text/plain\r\n\r\n" + "On Dec 15, 2024\r\n" * 9_000
    raw = "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + "\r\n".join([part] * 100)
    started = time.process_time()
    words = convert.words(parse(raw.encode()))
    assert time.process_time() - started < 6
    assert "very long" in words.problems[-1]
