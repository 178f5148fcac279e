"""Machines' mail is recognised, people's is not; bounces are read."""

import pytest

from bot.adapters.email.automated import DeliveryReport, delivery_report, why_automated
from bot.adapters.email.mime import parse

ORIGINAL = "<ot.abc.def@shop.example>"


def why(*headers: str, sender: str = "dana@mail.example") -> str | None:
    return why_automated(parse("\r\n".join([f"From: {sender}", *headers, "", "x"]).encode()))


@pytest.mark.parametrize(
    "headers",
    [
        ["Auto-Submitted: auto-replied"], ["Auto-Submitted: auto-generated; x=y"], ["Precedence: bulk"],
        ["Precedence: auto_reply"],
        ["List-Id: <l.example>"], ["Feedback-ID: 1:2"], ["Return-Path: <>"], ["X-Autoreply: yes"],
        ["X-Failed-Recipients: a@b.example"],
        ["X-Auto-Response-Suppress: OOF, AutoReply"], ["List-Unsubscribe: <https://x.example>"],
        ["Content-Type: multipart/report; boundary=b"], ["Subject: Automatic reply: your mail"], ["Subject: Abwesenheitsnotiz"],
    ],
)  # fmt: skip
def test_machines(headers: list[str]) -> None:
    assert why(*headers)


@pytest.mark.parametrize(
    "sender", ["MAILER-DAEMON@x.example", "postmaster@x.example", "no-reply@x.example", "noreply+1@x.example"]
)
def test_machine_addresses(sender: str) -> None:
    assert why(sender=sender)


@pytest.mark.parametrize(
    "headers",
    [
        [], ["Auto-Submitted: no"], ["Return-Path: <dana@mail.example>"], ["Precedence: first-class"],
        ["X-Auto-Response-Suppress: DR, RN"],
        ["Subject: Out of office chairs"], ["Subject: Re: your automatic door"],
    ],
)  # fmt: skip
def test_people(headers: list[str]) -> None:
    assert why(*headers) is None


@pytest.mark.parametrize(
    "sender", ["postman@x.example", "noreen@x.example", "bounced.check@x.example", "nora.reply@x.example"]
)
def test_people_with_such_names(sender: str) -> None:
    assert why(sender=sender) is None


def dsn(
    status: str, returned: str = f"Message-ID: {ORIGINAL}\nSubject: hi", kind: str = "message/rfc822"
) -> bytes:
    body = (
        "--b\nContent-Type: text/plain\n\nSorry.\n--b\nContent-Type: message/delivery-status\n\n"
        f"Reporting-MTA: dns; mx.x.example\n\n{status}\n\n--b\nContent-Type: {kind}\n\n{returned}\n\nwords\n--b--\n"
    )
    head = "Return-Path: <>\nFrom: MAILER-DAEMON@x.example\nSubject: Undelivered\n"
    head += "Content-Type: multipart/report; boundary=b\n\n"
    return (head + body).replace("\n", "\r\n").encode()


FAILED = (
    "Final-Recipient: rfc822; Dana@Mail.example\nAction: failed\nStatus: 5.1.1\n"
    "Diagnostic-Code: smtp; 550 5.1.1 no such user"
)


def test_a_standard_bounce() -> None:
    assert delivery_report(parse(dsn(FAILED))) == DeliveryReport(
        "failed", "dana@mail.example", "5.1.1", "550 5.1.1 no such user", ORIGINAL
    )


def test_headers_only_delay_and_success() -> None:
    late = delivery_report(
        parse(
            dsn(
                "Final-Recipient: rfc822;d@x.example\nAction: delayed\nStatus: 4.4.1",
                kind="text/rfc822-headers",
            )
        )
    )
    assert late is not None
    assert (late.action, late.original_id) == ("delayed", ORIGINAL)
    good = delivery_report(parse(dsn("Final-Recipient: rfc822;d@x.example\nAction: relayed\nStatus: 2.0.0")))
    assert good is not None
    assert good.action == "delivered"


def test_the_failed_recipient_of_several_counts() -> None:
    report = delivery_report(
        parse(dsn("Final-Recipient: rfc822;a@x.example\nAction: delivered\nStatus: 2.0.0\n\n" + FAILED))
    )
    assert report is not None
    assert (report.action, report.address) == ("failed", "dana@mail.example")


def test_an_old_mailers_bounce() -> None:
    raw = (
        "Return-Path: <>\r\nFrom: Mailer-Daemon@x.example\r\nSubject: Mail delivery failed\r\n"
        "X-Failed-Recipients: dana@mail.example\r\n"
        f"\r\nThis message could not be delivered: 5.2.2 mailbox full\r\n\r\nMessage-ID: {ORIGINAL}\r\n"
    )
    report = delivery_report(parse(raw.encode()))
    assert report == DeliveryReport("failed", "dana@mail.example", "5.2.2", "Mail delivery failed", ORIGINAL)


def test_people_and_absence_notices_are_no_reports() -> None:
    assert delivery_report(parse(b"From: dana@mail.example\r\nSubject: failed\r\n\r\n5.1.1")) is None
    assert delivery_report(parse(b"From: d@x.example\r\nAuto-Submitted: auto-replied\r\n\r\naway")) is None
    assert delivery_report(parse(b"Return-Path: <>\r\nFrom: dana@mail.example\r\n\r\naway")) is None
