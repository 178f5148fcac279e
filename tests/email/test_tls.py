"""TLS: passwords go over a proven connection or not at all."""

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP

from bot.adapters.email.imap import ImapLogin, Mailbox
from bot.adapters.email.smtp import Sender, SmtpLogin
from bot.adapters.email.wire import ConnectionBroken
from bot.errors import TemporaryFailure
from tests.email.conftest import CUSTOMER, SUPPORT, plain
from tests.email.test_wire import server


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that nobody trusts by default: (certificate, key)."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed, so no certificate can be made")
    folder = tmp_path_factory.mktemp("tls")
    made = (folder / "cert.pem", folder / "key.pem")
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=127.0.0.1",
    ]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-out", str(made[0]), "-keyout", str(made[1])]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return made


@pytest.fixture
def serving(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    return context


@pytest.fixture
def trusting(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate[0]))


async def test_imap_over_tls(serving: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    async with server({}, tls=serving) as port:
        mailbox = Mailbox(ImapLogin("127.0.0.1", port, "me", "pw", timeout=5, ssl_context=trusting))
        await mailbox.connect()
        assert (await mailbox.open_folder()).uidnext == 9
        await mailbox.close()


async def test_imap_with_an_untrusted_certificate_sends_no_password(serving: ssl.SSLContext) -> None:
    log: list[str] = []
    async with server({}, tls=serving, log=log) as port:
        with pytest.raises(ConnectionBroken, match=r"(?i)certificate"):
            await Mailbox(ImapLogin("127.0.0.1", port, "me", "pw", timeout=5)).connect()
    assert log == []


class _Store:
    """An SMTP handler that keeps what it is told."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.over_tls: list[bool] = []

    async def handle_DATA(self, smtp: SMTP, session: Any, envelope: Any) -> str:
        self.mails.append(envelope.content)
        self.over_tls.append(session.ssl is not None)
        return "250 taken"


@asynccontextmanager
async def submission(store: _Store, context: ssl.SSLContext | None) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    made: list[SMTP] = []

    def factory() -> SMTP:
        made.append(SMTP(store, tls_context=context, hostname="mx.shop.example", loop=loop))
        return made[-1]

    listening = await loop.create_server(factory, "127.0.0.1", 0)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        for session in made:
            if isinstance(session.transport, asyncio.Transport):
                session.transport.abort()
        await asyncio.sleep(0.02)


async def test_smtp_upgrades_with_starttls(serving: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    store = _Store()
    async with submission(store, serving) as port:
        sender = Sender(SmtpLogin("127.0.0.1", port, timeout=5, ssl_context=trusting), "shop.example")
        await sender.send(SUPPORT, CUSTOMER, [], plain())
        await sender.close()
    assert store.over_tls == [True]


async def test_smtp_with_an_untrusted_certificate_sends_nothing(serving: ssl.SSLContext) -> None:
    store = _Store()
    async with submission(store, serving) as port:
        sender = Sender(SmtpLogin("127.0.0.1", port, timeout=5), "shop.example")
        with pytest.raises(TemporaryFailure, match=r"(?i)certificate"):
            await sender.send(SUPPORT, CUSTOMER, [], plain())
        await sender.close()
    assert store.mails == []


async def test_smtp_without_starttls_is_not_fallen_back_to() -> None:
    store = _Store()
    async with submission(store, None) as port:
        sender = Sender(SmtpLogin("127.0.0.1", port, timeout=5), "shop.example")
        with pytest.raises(TemporaryFailure, match="STARTTLS"):
            await sender.send(SUPPORT, CUSTOMER, [], plain())
        await sender.close()
    assert store.mails == []


def test_plaintext_smtp_is_for_loopback_only() -> None:
    with pytest.raises(ValueError, match="without TLS"):
        Sender(SmtpLogin("smtp.shop.example", 25, tls="none"), "shop.example")
