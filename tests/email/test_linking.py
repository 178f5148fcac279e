"""Going on by mail and from it: codes in addresses and subjects, a line below a reply."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from bot.adapters.email.adapter import EmailAdapter
from bot.adapters.email.convert import link_code, subject
from bot.contract import Offer
from bot.errors import StorageError
from bot.messages import Contact
from bot.sandbox.mail import MailStandIn
from tests.email.conftest import CUSTOMER, SUPPORT
from tests.email.core import Core
from tests.email.test_adapter_in import settings
from tests.email.test_adapter_out import OTHER, inbox, one, reply
from tests.email.test_convert import mail as parsed

CODE = "abcdefghijklmnopqrstuvwx27"
LOCAL, _, DOMAIN = SUPPORT.rpartition("@")


class Offers:
    """Two other channels."""

    def __init__(self) -> None:
        self.asked: list[tuple[Contact, float, tuple[str, ...] | None]] = []
        self.broken = False

    def labels(self) -> tuple[str, ...]:
        return ("Telegram", "our site")

    async def __call__(
        self, sender: Contact, *, lifetime: float = 1800.0, channels: tuple[str, ...] | None = None
    ) -> tuple[Offer, ...]:
        self.asked.append((sender, lifetime, channels))
        if self.broken:
            raise StorageError("the database is locked")
        every = (
            Offer("telegram", "Telegram", f"https://t.me/acmebot?start={CODE}", 0.0),
            Offer("site", "our site", f"https://shop.example/?a=1&b=2#onethread={CODE}", 0.0),
        )
        return tuple(offer for offer in every if channels is None or offer.channel in channels)


def adapter(mail: MailStandIn, offers: Offers, **changes: Any) -> EmailAdapter:
    return EmailAdapter(settings(mail, **changes), Core().context(offers=offers))


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ((f"To: {LOCAL}+go-{CODE}@{DOMAIN}",), CODE),
        ((f"To: Shop <{LOCAL.upper()}+GO-{CODE.upper()}@{DOMAIN}>",), CODE),
        ((f"Delivered-To: {LOCAL}+go-{CODE}@{DOMAIN}", f"To: {SUPPORT}"), CODE),
        ((f"Cc: {LOCAL}+go-{CODE}@{DOMAIN}",), CODE),
        ((f"Subject: Our conversation [go-{CODE}]",), CODE),
        ((f"Subject: AW: Our conversation [GO-{CODE.upper()}]",), CODE),
        ((f"Subject: =?utf-8?q?Re=3A_Gespr=C3=A4ch_=5Bgo-{CODE}=5D?=",), CODE),
        ((f"To: {LOCAL}+go-{CODE[:-1]}@{DOMAIN}",), None),
        ((f"To: {LOCAL}+go-{CODE}2@{DOMAIN}",), None),
        ((f"To: {LOCAL}+{CODE}@{DOMAIN}",), None),
        ((f"Subject: go-{CODE}",), None),
        (("Subject: [go-your-code]",), None),
    ],
)
def test_where_a_code_is_found(headers: tuple[str, ...], found: str | None) -> None:
    assert link_code(parsed("From: dana@mail.example", *headers)) == found


def test_a_code_in_a_body_or_a_reply_to_is_none() -> None:
    headers = ("From: dana@mail.example", f"Reply-To: {LOCAL}+go-{CODE}@{DOMAIN}")
    assert link_code(parsed(*headers, body=f"[go-{CODE}] {LOCAL}+go-{CODE}@{DOMAIN}")) is None


def test_a_subject_shows_no_code() -> None:
    assert subject(parsed(f"Subject: Re: Our conversation [go-{CODE}]")) == "Re: Our conversation"
    assert subject(parsed(f"Subject: [go-{CODE}]")) is None
    assert subject(parsed("Subject: Parcel [7]")) == "Parcel [7]"


async def test_a_link_comes_back_as_the_code(mail: MailStandIn) -> None:
    for plus in (True, False):
        made = adapter(mail, Offers(), plus_addressing=plus)
        url = made.link(CODE)
        assert url is not None
        parts = urlsplit(url)
        assert parts.scheme == "mailto"
        written = parsed(f"To: {unquote(parts.path)}", f"Subject: {parse_qs(parts.query)['subject'][0]}")
        assert link_code(written) == CODE
        assert subject(written) == "Our conversation"
        assert len(unquote(parts.path).partition("@")[0]) <= 64
        await made.close()


async def test_a_line_below_a_reply_leads_on(mail: MailStandIn) -> None:
    offers = Offers()
    made = adapter(mail, offers, links=["telegram", "site"], signature="{author}")
    message = reply()
    await made.send(message, one(message))
    await made.close()
    (got,) = inbox(mail)
    plain, html = got.bodies[0].plain or "", got.bodies[0].html or ""
    assert f"It ships today.\n\nOr continue on Telegram: https://t.me/acmebot?start={CODE}\n" in plain
    assert f"Or continue on our site: https://shop.example/?a=1&b=2#onethread={CODE}\n\n-- \nKim" in plain
    assert f'<a href="https://shop.example/?a=1&amp;b=2#onethread={CODE}">our site</a>' in html
    assert offers.asked == [(Contact("email", CUSTOMER, "Dana"), 14 * 86_400.0, ("telegram", "site"))]


@pytest.mark.parametrize("why", ["off", "copied", "automated", "broken"])
async def test_no_line_where_others_read_along_or_nobody_wrote(mail: MailStandIn, why: str) -> None:
    offers = Offers()
    offers.broken = why == "broken"
    made = adapter(mail, offers, links=[] if why == "off" else ["telegram"])
    changes: dict[str, Any] = {"automated": why == "automated"}
    if why == "copied":
        changes["cc"] = (Contact("email", OTHER),)
    message = reply(**changes)
    await made.send(message, one(message))
    await made.close()
    assert "continue on" not in (inbox(mail)[0].bodies[0].plain or "")
    assert bool(offers.asked) == (why == "broken")
