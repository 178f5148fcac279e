"""Each trap of the stock aioimaplib, against a scripted server that says exactly the awkward thing."""

import asyncio
import logging
import re
import ssl
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot.adapters.email.imap import FolderRefused, ImapLogin, LoginRefused, Mailbox
from bot.adapters.email.wire import ConnectionBroken, HardenedProtocol, mailbox_name, quoted

TOKEN = "ya29.very-secret-token"


@asynccontextmanager
async def server(
    answers: dict[str, bytes],
    *,
    greeting: bytes = b"* OK ready\r\n",
    log: list[str] | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[int]:
    """A server that answers a command's name with canned bytes; `TAG` in them becomes the command's tag."""
    base = {"CAPABILITY": b"* CAPABILITY IMAP4rev1 IDLE\r\nTAG OK done\r\n", "LOGIN": b"TAG OK in\r\n"}
    base["EXAMINE"] = (
        b"* 3 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 9] y\r\nTAG OK [READ-ONLY] done\r\n"
    )
    base["LOGOUT"] = b"* BYE\r\nTAG OK bye\r\n"
    base.update(answers)
    writers: list[asyncio.StreamWriter] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        writer.write(greeting)
        tag = b"*"
        while line := await reader.readline():
            if log is not None:
                log.append(line.decode().rstrip("\r\n"))
            words = line.decode().split()
            if not words:
                writer.write(base.get("EMPTY", b"").replace(b"TAG", tag))
                continue
            tag = words[0].encode()
            name = (
                words[2] if len(words) > 2 and words[1] == "UID" else words[1] if len(words) > 1 else words[0]
            )
            answer = base.get(name)
            if answer == b"CLOSE":
                writer.close()
            elif answer is not None:
                writer.write(answer.replace(b"TAG", tag))

    listening = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=tls)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        for writer in writers:
            writer.close()
        await asyncio.sleep(0)


async def opened(port: int, *, timeout: float = 2.0, folder: str = "INBOX") -> Mailbox:
    mailbox = Mailbox(ImapLogin("127.0.0.1", port, "me@x", "pw", tls="none", timeout=timeout), folder)
    await mailbox.connect()
    await mailbox.open_folder()
    return mailbox


async def test_thousands_of_untagged_lines(caplog: pytest.LogCaptureFixture) -> None:
    lines = b"".join(b"* %d FETCH (UID %d RFC822.SIZE 10)\r\n" % (n, n) for n in range(1, 20_001))
    async with server({"FETCH": lines + b"TAG OK done\r\n"}) as port:
        mailbox = await opened(port, timeout=10)
        sizes = await mailbox.sizes(list(range(1, 400)))
        await mailbox.close()
    assert [mail.uid for mail in sizes] == list(range(1, 400))


async def test_the_stock_parser_really_has_the_trap() -> None:
    """Why the subclass exists: aioimaplib's own parser recurses once a line."""
    from aioimaplib import aioimaplib

    stock = aioimaplib.IMAP4ClientProtocol(asyncio.get_running_loop())
    stock.state = aioimaplib.AUTH
    with pytest.raises(RecursionError):
        stock.data_received(b"* 1 RECENT\r\n" * 5000)


async def test_exists_that_rides_on_a_search_reply_is_kept() -> None:
    async with server({"SEARCH": b"* SEARCH 5 6\r\n* 4 EXISTS\r\nTAG OK done\r\n"}) as port:
        mailbox = await opened(port)
        assert await mailbox.new_uids(5) == [6]
        assert await mailbox.wait_for_mail(30)  # returns at once: something is new
        await mailbox.close()


async def test_search_goes_without_a_charset() -> None:
    log: list[str] = []
    async with server({"SEARCH": b"* SEARCH\r\nTAG OK done\r\n"}, log=log) as port:
        mailbox = await opened(port)
        assert await mailbox.new_uids(41) == []
        await mailbox.close()
    assert [line.partition(" ")[2] for line in log if "SEARCH" in line] == ["UID SEARCH UID 42:*"]


async def test_refused_oauth_token_is_a_refusal_not_a_timeout() -> None:
    log: list[str] = []
    answers = {
        "AUTHENTICATE": b"+ eyJzdGF0dXMiOiI0MDEifQ==\r\n",
        "EMPTY": b"TAG NO [AUTHENTICATIONFAILED] no\r\n",
    }

    async def token() -> str:
        return TOKEN

    async with server(answers, log=log) as port:
        mailbox = Mailbox(ImapLogin("127.0.0.1", port, "me@x", token=token, tls="none", timeout=2))
        with pytest.raises(LoginRefused, match="AUTHENTICATIONFAILED"):
            await mailbox.connect()
    sent = next(line for line in log if "XOAUTH2" in line).split()[-1]
    assert b64decode(sent) == f"user=me@x\1auth=Bearer {TOKEN}\1\1".encode()


async def test_oauth_login_works() -> None:
    async def token() -> str:
        return TOKEN

    async with server({"AUTHENTICATE": b"TAG OK in\r\n"}) as port:
        mailbox = Mailbox(ImapLogin("127.0.0.1", port, "me@x", token=token, tls="none", timeout=2))
        await mailbox.connect()
        assert (await mailbox.open_folder()).uidnext == 9
        await mailbox.close()


async def test_nothing_secret_in_debug_logs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def token() -> str:
        return TOKEN

    async with server({"AUTHENTICATE": b"TAG OK in\r\n", "SEARCH": b"* SEARCH 1\r\nTAG OK\r\n"}) as port:
        mailbox = Mailbox(ImapLogin("127.0.0.1", port, "me@x", token=token, tls="none", timeout=2))
        await mailbox.connect()
        await mailbox.close()
        other = Mailbox(ImapLogin("127.0.0.1", port, "me@x", "the-password", tls="none", timeout=2))
        await other.connect()
        await other.close()
    text = caplog.text
    encoded = re.findall(r"[A-Za-z0-9+/]{24,}={0,2}", text)
    assert TOKEN not in text and "the-password" not in text and "me@x" not in text
    assert not any(TOKEN.encode() in b64decode(word + "==") for word in encoded)
    assert "AUTHENTICATE" in text  # the log was on


async def test_timeout_makes_the_connection_unusable() -> None:
    async with server({"SEARCH": b""}) as port:
        mailbox = await opened(port, timeout=0.2)
        with pytest.raises(ConnectionBroken, match="no answer"):
            await mailbox.new_uids(0)
        with pytest.raises(ConnectionBroken):
            await mailbox.new_uids(0)
        assert not mailbox.connected


async def test_close_by_the_server_fails_the_pending_command_at_once() -> None:
    async with server({"SEARCH": b"CLOSE"}) as port:
        mailbox = await opened(port, timeout=30)
        with pytest.raises(ConnectionBroken):
            async with asyncio.timeout(2):
                await mailbox.new_uids(0)


@pytest.mark.parametrize("greeting", [b"* BYE too busy\r\n", b"hello\r\n"])
async def test_a_greeting_that_refuses(greeting: bytes) -> None:
    async with server({}, greeting=greeting) as port:
        with pytest.raises(ConnectionBroken):
            async with asyncio.timeout(2):
                await opened(port, timeout=30)


async def test_preauth_needs_no_login() -> None:
    log: list[str] = []
    async with server({}, greeting=b"* PREAUTH hi\r\n", log=log) as port:
        mailbox = await opened(port)
        await mailbox.close()
    assert not any("LOGIN" in line for line in log)


async def test_a_passing_refusal_is_no_wrong_password() -> None:
    async with server({"LOGIN": b"TAG NO [UNAVAILABLE] later\r\n"}) as port:
        with pytest.raises(ConnectionBroken, match="cannot log in now"):
            await opened(port)


async def test_folder_that_does_not_exist() -> None:
    async with server({"EXAMINE": b"TAG NO no such mailbox\r\n"}) as port:
        with pytest.raises(FolderRefused, match="no such mailbox"):
            await opened(port, folder="Kunden & Co/Eingänge")


async def test_a_server_without_idle_is_polled_with_noop() -> None:
    log: list[str] = []
    plain = {"CAPABILITY": b"* CAPABILITY IMAP4rev1\r\nTAG OK\r\n", "NOOP": b"* 4 EXISTS\r\nTAG OK\r\n"}
    async with server({**plain, "SEARCH": b"* SEARCH\r\nTAG OK\r\n"}, log=log) as port:
        mailbox = await opened(port)
        await mailbox.new_uids(0)
        assert await mailbox.wait_for_mail(0.01)
        await mailbox.close()
    assert any(line.endswith("NOOP") for line in log)


async def test_a_server_that_refuses_idle_is_left() -> None:
    async with server({"IDLE": b"TAG BAD no\r\n", "SEARCH": b"* SEARCH\r\nTAG OK\r\n"}) as port:
        mailbox = await opened(port)
        await mailbox.new_uids(0)
        assert not await mailbox.wait_for_mail(0.01)
        assert await mailbox.new_uids(0) == []
        await mailbox.close()


async def test_a_folder_without_uidnext() -> None:
    told = {"EXAMINE": b"* OK [UIDVALIDITY 7] x\r\nTAG OK\r\n", "SEARCH": b"* SEARCH 3 17\r\nTAG OK\r\n"}
    async with server(told) as port:
        mailbox = Mailbox(ImapLogin("127.0.0.1", port, "me@x", "pw", tls="none", timeout=2))
        await mailbox.connect()
        assert (await mailbox.open_folder()).uidnext == 18
        await mailbox.close()


async def test_names_are_quoted_on_the_wire() -> None:
    log: list[str] = []
    async with server({}, log=log) as port:
        mailbox = await opened(port, folder='Kunden "A" & Eingänge')
        await mailbox.close()
    assert any(line.endswith('EXAMINE "Kunden \\"A\\" &- Eing&AOQ-nge"') for line in log)
    assert any(line.endswith('LOGIN "me@x" "pw"') for line in log)


def test_modified_utf7_and_injection() -> None:
    assert mailbox_name("台北") == '"&U,BTFw-"'  # RFC 3501's own example
    for bad in ("a\r\nb", "a\0b"):
        with pytest.raises(ValueError, match="NUL, CR and LF"):
            quoted(bad)
        with pytest.raises(ValueError, match="NUL, CR and LF"):
            mailbox_name(bad)


BODY = b"From: a\r\n\r\n* 9 EXISTS\r\nA1 OK not a reply {12}\r\n)\r\n"
FETCHED = b"* 1 FETCH (UID 5 BODY[] {%d}\r\n%s)\r\n* 2 FETCH (BODY[] {3}\r\nabc UID 6)\r\n" % (
    len(BODY),
    BODY,
)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 1000])
async def test_literals_in_pieces_of_any_size(size: int) -> None:
    """Bytes that look like replies inside a literal are data, wherever TCP cuts them."""
    protocol = HardenedProtocol(asyncio.get_running_loop())
    protocol.state = "SELECTED"
    protocol.transport = _Sink()
    pending = asyncio.create_task(protocol.request("FETCH", "5,6", "(BODY.PEEK[])", prefix="UID"))
    await asyncio.sleep(0)
    tag = protocol.transport.sent.split(b" ")[0]
    stream = FETCHED + tag + b" OK done\r\n"
    for start in range(0, len(stream), size):
        protocol.data_received(stream[start : start + size])
    result, replies, text = await pending
    assert (result, text) == ("OK", "done")
    assert replies == [
        [b"1 FETCH (UID 5 BODY[] {%d}" % len(BODY), BODY, b")"],
        [b"2 FETCH (BODY[] {3}", b"abc", b" UID 6)"],
    ]
    assert not protocol.mail_hint.is_set()


@pytest.mark.parametrize(
    "poison", [b"* 1 FETCH (BODY[] {999999999999}\r\n", b"X99 OK what\r\n", b"\xff\xfe \r\n"]
)
async def test_poison_breaks_the_connection_and_nothing_else(poison: bytes) -> None:
    protocol = HardenedProtocol(asyncio.get_running_loop())
    protocol.state = "SELECTED"
    protocol.transport = _Sink()
    pending = asyncio.create_task(protocol.request("NOOP"))
    await asyncio.sleep(0)
    protocol.data_received(poison)
    with pytest.raises(ConnectionBroken):
        async with asyncio.timeout(1):
            await pending
    assert protocol.transport.aborted


class _Sink:
    """A transport that remembers."""

    sent = b""
    aborted = False

    def write(self, data: bytes) -> None:
        self.sent += data

    def abort(self) -> None:
        self.aborted = True
