"""Fixtures of the email suite: the mail stand-in and mail builders."""

from collections.abc import AsyncIterator

import aiosmtplib
import pytest

from bot.adapters.email.imap import ImapLogin, Mailbox
from bot.sandbox.mail import MailStandIn

SUPPORT = "support@shop.example"
CUSTOMER = "customer1@mail.example"


@pytest.fixture
async def mail() -> AsyncIterator[MailStandIn]:
    standin = MailStandIn()
    await standin.start()
    yield standin
    await standin.stop()


def plain(
    subject: str = "Hello", body: str = "Where is my parcel?", *, sender: str = CUSTOMER, **headers: str
) -> bytes:
    """A small mail's bytes."""
    lines = [f"From: {sender}", f"To: {SUPPORT}", f"Subject: {subject}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", body, ""]).encode()


async def smtp(standin: MailStandIn, raw: bytes, *, sender: str = CUSTOMER, to: str = SUPPORT) -> None:
    """Send one mail through the stand-in's real SMTP server."""
    client = aiosmtplib.SMTP(hostname="127.0.0.1", port=standin.smtp_port, start_tls=False, use_tls=False)
    async with client:
        await client.sendmail(sender, [to], raw)


def box(
    standin: MailStandIn, address: str = SUPPORT, *, timeout: float = 5.0, password: str | None = None
) -> Mailbox:
    """A Mailbox on the stand-in, not connected yet."""
    secret = standin.mailboxes[address] if password is None else password
    return Mailbox(ImapLogin("127.0.0.1", standin.imap_port, address, secret, tls="none", timeout=timeout))
