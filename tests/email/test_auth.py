"""Whose word counts about a From address: the spoof matrix."""

import pytest

from bot.adapters.email.auth import aligned, verdict
from bot.adapters.email.mime import parse

OURS = "mx.shop.example"


def judged(*fields: str, sender: str = "dana@mail.example", ours: str | None = OURS, count: int = 1) -> str:
    lines = [*fields, f"From: {sender}", "", "x"]
    return verdict(parse("\r\n".join(lines).encode()), ours, count).result


def field(words: str, server: str = OURS) -> str:
    return f"Authentication-Results: {server}; {words}"


@pytest.mark.parametrize(
    ("words", "result"),
    [
        ("dmarc=pass header.from=mail.example", "pass"),
        ("dkim=pass header.d=mail.example", "pass"),
        ("dkim=pass (2048-bit; ok) header.i=@mail.example header.s=k", "pass"),
        ("spf=pass smtp.mailfrom=bounce@mail.example", "pass"),
        ("spf=pass smtp.mailfrom=news.mail.example", "pass"),
        ("dkim=pass header.d=evil.example; spf=pass smtp.mailfrom=x@evil.example", "none"),
        ("dkim=pass header.d=mail.example.evil.example", "none"),
        ("dkim=pass header.d=evilmail.example", "none"),
        ("dkim=pass header.d=example", "none"),
        ("dmarc=fail header.from=mail.example; spf=pass smtp.mailfrom=mail.example", "fail"),
        ("dkim=fail header.d=mail.example; spf=softfail smtp.mailfrom=mail.example", "fail"),
        ("dkim=none; spf=none", "none"),
        ("none", "none"),
        ("dmarc=pass header.from=evil.example", "none"),
        ("spf=neutral smtp.mailfrom=mail.example (dkim=pass header.d=mail.example)", "none"),
    ],
)
def test_our_servers_word(words: str, result: str) -> None:
    assert judged(field(words)) == result


def test_a_forged_field_below_ours_is_ignored() -> None:
    forged = field("dmarc=pass header.from=mail.example; dkim=pass header.d=mail.example")
    assert judged(field("spf=fail smtp.mailfrom=mail.example"), forged) == "fail"
    assert judged(field("spf=none"), forged) == "none"


def test_other_servers_claims_are_ignored() -> None:
    claim = field("dmarc=pass header.from=mail.example", server="mx.evil.example")
    assert judged(claim) == "none"
    assert judged(claim, field("dkim=pass header.d=mail.example")) == "pass"
    assert (
        judged(field("dmarc=pass header.from=mail.example", server="mx.shop.example.evil.example")) == "none"
    )
    assert judged(field("dmarc=pass header.from=mail.example"), ours=None) == "none"


def test_version_case_and_two_milters() -> None:
    assert judged(field("DKIM=Pass header.D=Mail.Example", server="MX.shop.example 1")) == "pass"
    two = (field("dmarc=none"), field("dkim=pass header.d=mail.example"))
    assert (judged(*two), judged(*two, count=2)) == ("none", "pass")


@pytest.mark.parametrize("sender", ["a@mail.example, b@evil.example", "nobody", ""])
def test_no_single_sender_is_never_proven(sender: str) -> None:
    assert judged(field("dmarc=pass"), sender=sender) == "none"
    assert judged(field("dmarc=pass header.from=mail.example"), "From: evil@evil.example") == "none"


def test_alignment_knows_shared_endings() -> None:
    assert aligned("co.uk", "bank.co.uk") is False
    assert aligned("bank.co.uk", "mail.bank.co.uk") is True


def test_evidence_is_a_sentence() -> None:
    mail = parse(f"{field('dkim=pass header.d=mail.example')}\r\nFrom: d@mail.example\r\n\r\nx".encode())
    assert verdict(mail, OURS).evidence == "DKIM passed for mail.example"
