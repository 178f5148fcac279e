"""The mail stand-in is honest: a stock client sees real servers, and each fault is the one that it is called."""

import asyncio
import imaplib

import aiosmtplib
import pytest

from bot.adapters.email.auth import verdict
from bot.adapters.email.mime import parse
from bot.sandbox.demo.run import free_port
from bot.sandbox.mail import MailStandIn
from tests.email.conftest import CUSTOMER, SUPPORT, box, plain, smtp


async def client(mail: MailStandIn) -> aiosmtplib.SMTP:
    made = aiosmtplib.SMTP(hostname="127.0.0.1", port=mail.smtp_port, start_tls=False)
    await made.connect()
    return made


async def test_the_standard_librarys_client_reads_it(mail: MailStandIn) -> None:
    await smtp(mail, plain("Hello"))

    def read() -> tuple[bytes, bytes]:
        session = imaplib.IMAP4("127.0.0.1", mail.imap_port)
        session.login(SUPPORT, mail.mailboxes[SUPPORT])
        session.select("INBOX", readonly=True)
        _, found = session.uid("search", "ALL")
        _, data = session.uid("fetch", found[0].split()[0].decode(), "(BODY.PEEK[] RFC822.SIZE)")
        session.logout()
        return found[0], data[0][1]

    uids, raw = await asyncio.to_thread(read)
    assert uids == b"101"
    assert raw == mail.messages(SUPPORT)[0]


async def test_idle_tells_what_came_before_it_began(mail: MailStandIn) -> None:
    """Between a SEARCH and the IDLE after it mail may come; a server that waits for the next one would lose the sign."""
    reader, writer = await asyncio.open_connection("127.0.0.1", mail.imap.port)

    async def say(line: str, until: bytes) -> bytes:
        writer.write(line.encode() + b"\r\n")
        said = b""
        while until not in said:
            async with asyncio.timeout(3):
                said += await reader.readline()
        return said

    await reader.readline()
    await say(f'a LOGIN {SUPPORT} "{mail.mailboxes[SUPPORT]}"', b"a OK")
    await say("b EXAMINE INBOX", b"b OK")
    await say("c UID SEARCH ALL", b"c OK")
    await mail.deliver(CUSTOMER, [SUPPORT], plain())
    assert b"* 1 EXISTS" in await say("d IDLE", b"EXISTS")
    writer.close()


async def test_plus_addresses_arrive_and_unknown_ones_do_not(mail: MailStandIn) -> None:
    await smtp(mail, plain(), to="support+tag@shop.example")
    assert b"Delivered-To: support+tag@shop.example" in mail.messages(SUPPORT)[0]
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
        await smtp(mail, plain(), to="nobody@shop.example")


@pytest.mark.parametrize(
    ("envelope", "header", "forced", "result"),
    [
        (CUSTOMER, CUSTOMER, None, "pass"),
        ("x@elsewhere.example", "x@elsewhere.example", None, "none"),
        ("x@elsewhere.example", CUSTOMER, None, "none"),
        (CUSTOMER, "boss@shop.example", None, "fail"),
        (CUSTOMER, CUSTOMER, "fail", "fail"),
    ],
)
async def test_the_receiving_server_says_what_it_proved(
    mail: MailStandIn, envelope: str, header: str, forced: str | None, result: str
) -> None:
    mail.knobs.auth_results = forced
    await smtp(mail, plain(sender=header), sender=envelope)
    assert verdict(parse(mail.messages(SUPPORT)[0]), "mx.shop.example").result == result


async def test_customers_mailboxes_have_no_verdict(mail: MailStandIn) -> None:
    await smtp(mail, plain(), sender=SUPPORT, to=CUSTOMER)
    raw = mail.messages(CUSTOMER)[0]
    assert raw.startswith(b"Return-Path: <support@shop.example>")
    assert b"Authentication-Results" not in raw


async def test_a_bounce_has_no_return_path(mail: MailStandIn) -> None:
    await smtp(mail, plain(), sender="", to=SUPPORT)
    assert mail.messages(SUPPORT)[0].startswith(b"Return-Path: <>")


async def test_wait_for(mail: MailStandIn) -> None:
    waiting = asyncio.create_task(mail.wait_for(SUPPORT, lambda raw: b"Second" in raw))
    await smtp(mail, plain("First"))
    await smtp(mail, plain("Second"))
    assert b"Second" in await waiting
    with pytest.raises(TimeoutError):
        await mail.wait_for(CUSTOMER, timeout=0.05)


async def test_down_and_up_on_the_same_ports(mail: MailStandIn) -> None:
    ports = (mail.smtp_port, mail.imap_port)
    await mail.smtp_down()
    await mail.imap_down()
    for port in ports:
        with pytest.raises(OSError):
            await asyncio.open_connection("127.0.0.1", port)
    await mail.smtp_up()
    await mail.imap_up()
    assert (mail.smtp_port, mail.imap_port) == ports
    await smtp(mail, plain())
    reader = box(mail)
    await reader.connect()
    await reader.close()


@pytest.mark.parametrize("accepted", [True, False])
async def test_drop_after_data(mail: MailStandIn, accepted: bool) -> None:
    mail.drop_after_data(accepted=accepted)
    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        await smtp(mail, plain())
    assert (len(mail.messages(SUPPORT)), mail.accepted) == (int(accepted), int(accepted))


async def test_pauses_around_250(mail: MailStandIn) -> None:
    gate = mail.knobs.pause_before_250 = asyncio.Event()
    sending = asyncio.create_task(smtp(mail, plain()))
    await asyncio.sleep(0.05)
    assert not sending.done()
    assert mail.messages(SUPPORT) == []
    gate.set()
    await sending
    mail.knobs.pause_before_250 = None
    after = mail.knobs.pause_after_250 = asyncio.Event()
    session = await client(mail)
    await session.sendmail(CUSTOMER, [SUPPORT], plain())  # the 250 comes, the connection then hangs
    with pytest.raises(aiosmtplib.SMTPTimeoutError):
        await session.noop(timeout=0.05)
    after.set()
    session.close()


async def test_size_limit_and_login(mail: MailStandIn) -> None:
    mail.knobs.data_size_limit = 100
    with pytest.raises(aiosmtplib.SMTPResponseException):
        await smtp(mail, plain(body="x" * 500))
    mail.restore()
    session = await client(mail)
    await session.login(SUPPORT, mail.mailboxes[SUPPORT])
    mail.knobs.refuse_login = True
    other = await client(mail)
    with pytest.raises(aiosmtplib.SMTPAuthenticationError):
        await other.login(SUPPORT, mail.mailboxes[SUPPORT])
    session.close()
    other.close()


async def test_fixed_ports_and_stopping_twice() -> None:
    ports = (free_port(), free_port())
    standin = MailStandIn({"a@b.example": "c"})
    await standin.start(smtp_port=ports[0], imap_port=ports[1])
    assert (standin.smtp_port, standin.imap_port) == ports
    await standin.stop()
    await standin.stop()
