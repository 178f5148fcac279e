"""What strangers' mail looks like: newsletters, notices, verifications and spam are told apart from people's mail."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.adapters.email import convert
from bot.adapters.email.mime import parse
from bot.adapters.email.settings import EmailSettings
from bot.adapters.email.suspect import suspicion
from bot.identity.quarantine import unwanted
from bot.messages import Contact, Message, SourceId, Suspicion, SuspicionKind
from bot.policy import QuarantinePolicy
from tests.email.corpora import mail_corpus

OURS = "support@shop.example"
SERVER = {"host": "127.0.0.1", "port": 1, "password": "x", "tls": "none"}
SETTINGS = EmailSettings.model_validate(
    {"address": OURS, "imap": SERVER, "smtp": SERVER, "authserv_id": "mx.shop.example"}
)
UNMARKED = SETTINGS.model_copy(update={"authserv_id": None})
RESULTS = "Authentication-Results: mx.shop.example; dkim=pass header.d=y.example"


def seen(raw: bytes, *, form: bool = False, settings: EmailSettings = SETTINGS) -> Suspicion | None:
    mail = parse(raw)
    return suspicion(mail, convert.words(mail).text.plain, settings, frozenset({OURS}), form=form)


def mail(*headers: str, sender: str = "someone@y.example", body: str = "Hello") -> bytes:
    return "\r\n".join([f"From: {sender}", f"To: {OURS}", *headers, "", body, ""]).encode()


def kind(raw: bytes) -> SuspicionKind | None:
    found = seen(raw)
    return found.kind if found is not None else None


@pytest.mark.parametrize(
    "raw",
    [
        mail("List-Unsubscribe: <https://letters.example/u?x>", "List-Id: <news.letters.example>", "Subject: 3 tips"),
        mail("Feedback-ID: 1:2:campaign", "Subject: -20% only today"),
        mail("Precedence: bulk", "Subject: Monthly update"),
        mail("List-Id: Talk <talk.lists.example>", "List-Post: <mailto:talk@lists.example>", "Precedence: list"),
        mail("Auto-Submitted: auto-generated", "Subject: Cron <root@host> backup"),
        mail("Subject: Your invoice 7", sender="no-reply@billing.example"),
        mail("Auto-Submitted: auto-notified; owner-email=x", "Subject: New follower"),
    ],
)  # fmt: skip
def test_mail_for_many(raw: bytes) -> None:
    assert kind(raw) is SuspicionKind.MASS


@pytest.mark.parametrize(
    "raw",
    [
        mail("Subject: Verify your email address", sender="no-reply@tool.example", body="Open https://tool.example/v/abc"),
        mail("Subject: Confirm your Zapp account", body="Click here: https://zapp.example/c/1"),
        mail("Subject: 834211 is your Tool verification code", "Auto-Submitted: auto-generated", body="834211"),
        mail("Subject: Sign in", "X-Auto-Response-Suppress: All", body="Your login code: 4411 2345"),
        mail("Subject: Welcome", "List-Unsubscribe: <x>", body="Please confirm your email: https://a.example"),
        mail("Subject: Bitte bestätigen Sie Ihre E-Mail-Adresse", sender="noreply@x.example", body="https://x.example/b"),
        mail("Subject: Reset your password", sender="noreply@x.example", body="https://x.example/b"),
        mail("Subject: Код подтверждения", sender="noreply@x.example", body="Код: 123456"),
    ],
)  # fmt: skip
def test_account_verifications(raw: bytes) -> None:
    assert kind(raw) is SuspicionKind.PROOF


@pytest.mark.parametrize(
    "header",
    ["X-Spam-Flag: YES", "X-Spam: Yes", "X-Spam-Status: Yes, score=9.1", "X-Spamd-Result: default: True [15.0 / 15.0]",
     "X-Rspamd-Action: add header"],
)  # fmt: skip
def test_our_servers_verdict(header: str) -> None:
    found = seen(mail(RESULTS, header))
    assert found is not None and found.kind is SuspicionKind.SPAM
    assert seen(mail(header)) is None, "a server that left no mark of ours has not judged it"
    assert seen(mail(RESULTS, header), settings=UNMARKED) is None, "no server of ours is named"
    assert seen(mail(header, "Authentication-Results: mx.other.example; dkim=pass")) is None


@pytest.mark.parametrize(
    "header",
    ["X-Spam-Flag: NO", "X-Spam-Status: No, score=-2", "X-Spamd-Result: default: False [1 / 15]", "X-Rspamd-Action: no action"],
)  # fmt: skip
def test_our_server_finds_it_good(header: str) -> None:
    assert seen(mail(RESULTS, header)) is None


@pytest.mark.parametrize(
    "raw",
    [
        mail("Subject: Where is my parcel?"),
        mail("Subject: I do not get my verification code", body="I tried 3 times, the last at 1430."),
        mail("Subject: Verify your address?", body="Is 1234 Main Street right? https://maps.example/1"),
        mail("Subject: Re: confirm your account", body="I have done that, see https://x.example"),
        mail("Auto-Submitted: auto-replied", "Subject: Out of office"),
        mail("Return-Path: <>", "Subject: Undelivered", sender="MAILER-DAEMON@y.example"),
        mail("Precedence: auto_reply"), mail("X-Autoreply: yes"), mail("X-Auto-Response-Suppress: OOF, AutoReply"),
        mail("List-Id: <support.shop.example>", "Precedence: list", "Subject: Through our own group"),
        mail("Reply-To: dana@mail.example", "Subject: Contact form", sender="noreply@site.example"),
    ],
)  # fmt: skip
def test_what_is_no_mass_mail(raw: bytes) -> None:
    assert seen(raw) is None


def test_what_came_through_a_form_is_a_persons() -> None:
    raw = mail(
        "Auto-Submitted: auto-generated", "Subject: Verify your account", body="Help: https://x.example"
    )
    assert kind(raw) is SuspicionKind.PROOF
    assert seen(raw, form=True) is None


def test_no_persons_mail_of_the_corpora_waits_apart() -> None:
    held = []
    paths = [path for path in sorted(mail_corpus().rglob("*")) if path.is_file() and path.name != "LICENSE"]
    assert len(paths) > 100
    for path in paths:
        raw = path.read_bytes()
        read = parse(raw if path.suffix == ".eml" else mail() + raw)
        words = convert.words(read)
        looks = suspicion(read, words.text.plain, SETTINGS, frozenset({OURS}), form=False)
        sender = Contact("email", "someone@y.example")
        event = Message(SourceId("1"), sender, datetime.now(UTC), words.text, read.subject, suspicion=looks)
        why = unwanted(QuarantinePolicy(), event)
        held += [(path.name, why)] if why is not None else []
    assert held == []
