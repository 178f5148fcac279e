"""A mailbox read over IMAP: look (EXAMINE), list new UIDs, ask sizes, fetch with PEEK, wait in IDLE.

Every call has a time limit, and after any failure the connection is dropped: `ConnectionBroken` means
"connect again", and nothing that was read before is lost by it, because the cursor is the caller's.
Flags and folders are left alone: the folder is opened read-only.
"""

import asyncio
import re
import socket
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from aioimaplib import aioimaplib

from bot.adapters.email.wire import ConnectionBroken, HardenedProtocol, mailbox_name, quoted

TokenProvider = Callable[[], Awaitable[str]]
"""Gives a fresh OAuth2 access token."""

MAX_UIDS_A_COMMAND = 400
PROBE_ANSWER = 15.0
"""Seconds that the end of an IDLE may take: with the default probe of 40 a dead connection is known within 55."""
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

_UID = re.compile(rb"\bUID (\d+)", re.IGNORECASE)
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d+)", re.IGNORECASE)
_INTERNALDATE = re.compile(rb'\bINTERNALDATE "([^"]+)"', re.IGNORECASE)
_FETCH = re.compile(rb"^\d+ FETCH \(", re.IGNORECASE)
_CODE = re.compile(rb"\[(UIDVALIDITY|UIDNEXT) (\d+)\]", re.IGNORECASE)
_TRANSIENT_NO = re.compile(r"UNAVAILABLE|INUSE|LIMIT|TRYAGAIN|temporar|try again|SERVERBUG", re.IGNORECASE)


class LoginRefused(Exception):
    """The server refused the user, password or token."""


class FetchRefused(Exception):
    """The server does not give out some of the mails that were asked for; the connection is good."""


class FolderRefused(Exception):
    """The folder cannot be opened: it does not exist or may not be read."""


@dataclass(frozen=True)
class ImapLogin:
    """How to reach one mailbox.

    `tls`: "tls" (from the first byte, port 993) or "none"; "none" to anything but loopback needs `plaintext_ok`.
    `token`, where given, is asked at each login and used with XOAUTH2 in place of the password.
    `timeout`: seconds any single call may take.
    """

    host: str
    port: int
    user: str
    password: str = field(default="", repr=False)
    token: TokenProvider | None = field(default=None, repr=False)
    tls: Literal["tls", "none"] = "tls"
    plaintext_ok: bool = False
    timeout: float = 30.0
    ssl_context: ssl.SSLContext | None = None


@dataclass(frozen=True)
class FolderState:
    """What the server said about the folder when it was opened."""

    uidvalidity: int
    uidnext: int


@dataclass(frozen=True)
class MailSize:
    """One mail before its body is fetched: `size` in bytes, `received_at` by the server's clock."""

    uid: int
    size: int
    received_at: datetime | None


@dataclass(frozen=True)
class FetchedMail:
    """One mail's bytes. `oversized`: only the first bytes were fetched, `size` is the whole mail's."""

    uid: int
    raw: bytes = field(repr=False)
    size: int
    received_at: datetime | None
    oversized: bool = False


class Mailbox:
    """One connection to one folder. Not for concurrent use; make a new one after `ConnectionBroken`."""

    def __init__(self, login: ImapLogin, folder: str = "INBOX", max_literal: int = 64 * 1024 * 1024) -> None:
        if login.tls == "none" and login.host not in LOOPBACK and not login.plaintext_ok:
            raise ValueError(
                f"IMAP to {login.host} without TLS: allowed for loopback only, or with plaintext_ok"
            )
        self._login = login
        self._folder = folder
        self._max_literal = max_literal
        self._protocol: HardenedProtocol | None = None
        self._capabilities: frozenset[str] = frozenset()

    @property
    def connected(self) -> bool:
        """True between `connect` and the loss of the connection."""
        return self._protocol is not None and self._protocol.lost is None

    # -- connection ------------------------------------------------------------------------------------

    async def connect(self) -> None:
        """Connect and log in. Raises ConnectionBroken or LoginRefused."""
        loop = asyncio.get_running_loop()
        context = self._login.ssl_context
        if self._login.tls == "tls" and context is None:
            context = await asyncio.to_thread(ssl.create_default_context)
        try:
            async with asyncio.timeout(self._login.timeout):
                _, self._protocol = await loop.create_connection(
                    lambda: HardenedProtocol(loop, self._max_literal),
                    self._login.host,
                    self._login.port,
                    ssl=context if self._login.tls == "tls" else None,
                )
        except (OSError, TimeoutError) as problem:
            raise ConnectionBroken(
                f"cannot reach IMAP at {self._login.host}: {str(problem) or 'no answer'}"
            ) from problem
        self._keep_alive()
        async with self._limited() as protocol:
            await protocol.greeted
        await self._ask_capabilities()
        await self._log_in()
        await self._ask_capabilities()

    def _keep_alive(self) -> None:
        assert self._protocol is not None
        raw = self._protocol.transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    async def _ask_capabilities(self) -> None:
        _, replies, _ = await self._command("CAPABILITY")
        words = [
            word
            for pieces in replies
            if pieces[0].upper().startswith(b"CAPABILITY")
            for word in pieces[0].split()
        ]
        self._capabilities = frozenset(word.decode("ascii", "replace").upper() for word in words)
        if self._protocol is not None:
            self._protocol.capabilities = set(self._capabilities)

    async def _log_in(self) -> None:
        protocol = self._live()
        if protocol.state == aioimaplib.AUTH:
            return
        if self._login.token is not None:
            bearer = f"user={self._login.user}\1auth=Bearer {await self._login.token()}\1\1"
            secret = b64encode(bearer.encode()).decode("ascii")
            result, _, text = await self._command("AUTHENTICATE", "XOAUTH2", secret)
        else:
            result, _, text = await self._command(
                "LOGIN", quoted(self._login.user), quoted(self._login.password)
            )
        if result != "OK":
            await self.close()
            if _TRANSIENT_NO.search(text):
                raise ConnectionBroken(f"the server cannot log in now: {text}")
            raise LoginRefused(text or "login refused")
        protocol.state = aioimaplib.AUTH

    async def open_folder(self) -> FolderState:
        """EXAMINE the folder. Raises FolderRefused where it cannot be opened."""
        result, replies, text = await self._command("EXAMINE", mailbox_name(self._folder))
        if result != "OK":
            raise FolderRefused(f"folder {self._folder!r}: {text}")
        self._live().state = aioimaplib.SELECTED
        codes = {m.group(1).upper(): int(m.group(2)) for p in replies for m in [_CODE.search(p[0])] if m}
        uidnext = codes.get(b"UIDNEXT")
        if uidnext is None:
            uids = await self.new_uids(0)
            uidnext = uids[-1] + 1 if uids else 1
        return FolderState(codes.get(b"UIDVALIDITY", 0), uidnext)

    async def close(self) -> None:
        """Say goodbye where that is quick, and drop the connection. Never raises, safe to call twice."""
        protocol, self._protocol = self._protocol, None
        if protocol is None:
            return
        if protocol.lost is None and not protocol.has_pending_idle_command():
            try:
                async with asyncio.timeout(1):
                    await protocol.request("LOGOUT")
            except (ConnectionBroken, aioimaplib.AioImapException, TimeoutError):
                pass
        protocol.break_off(ConnectionBroken("closed"))

    # -- reading ---------------------------------------------------------------------------------------

    async def new_uids(self, after: int) -> list[int]:
        """UIDs greater than `after`, ascending. (`n:*` also names the last mail when it is older: filtered.)"""
        self._live().mail_hint.clear()  # what was announced before is found; what rides on the reply is kept
        result, replies, text = await self._command("SEARCH", "UID", f"{after + 1}:*", prefix="UID")
        if result != "OK":
            raise self._broken(ConnectionBroken(f"SEARCH failed: {text}"))
        found = {
            int(word)
            for pieces in replies
            if pieces[0][:6].upper() == b"SEARCH"
            for word in pieces[0].split()[1:]
            if word.isdigit()
        }
        return sorted(uid for uid in found if uid > after)

    async def sizes(self, uids: Sequence[int]) -> list[MailSize]:
        """Sizes and arrival times, ascending by UID; a UID that was expunged meanwhile is missing."""
        sizes: list[MailSize] = []
        for start in range(0, len(uids), MAX_UIDS_A_COMMAND):
            part = uids[start : start + MAX_UIDS_A_COMMAND]
            for pieces in await self._fetch(part, "(UID RFC822.SIZE INTERNALDATE)"):
                line = b" ".join(pieces)
                uid, size = _UID.search(line), _SIZE.search(line)
                if uid and size:
                    sizes.append(MailSize(int(uid.group(1)), int(size.group(1)), _arrival(line)))
        return sorted(
            {mail.uid: mail for mail in sizes if mail.uid in set(uids)}.values(), key=lambda mail: mail.uid
        )

    async def fetch(
        self, mails: Sequence[MailSize], *, size_limit: int, head: int = 65536, budget: int = 8 * 1024 * 1024
    ) -> AsyncIterator[list[FetchedMail]]:
        """Fetch in batches of at most 64 mails or `budget` bytes, ascending by UID.

        Of a mail over `size_limit` only the first `head` bytes are fetched (headers and the beginning).
        A mail that was expunged meanwhile is missing. Raises FetchRefused where the server says NO.
        """
        for batch in batches(mails, budget=budget, size_limit=size_limit):
            large = batch[0].size > size_limit
            what = f"(UID BODY.PEEK[]<0.{head}>)" if large else "(UID BODY.PEEK[])"
            wanted = {mail.uid: mail for mail in batch}
            fetched: dict[int, FetchedMail] = {}
            for pieces in await self._fetch(list(wanted), what):
                uid = _UID.search(b" ".join(pieces[::2]))
                if uid and len(pieces) > 1 and int(uid.group(1)) in wanted:
                    mail = wanted[int(uid.group(1))]
                    fetched[mail.uid] = FetchedMail(mail.uid, pieces[1], mail.size, mail.received_at, large)
            yield [fetched[uid] for uid in sorted(fetched)]

    async def _fetch(self, uids: Iterable[int], what: str) -> list[list[bytes]]:
        result, replies, text = await self._command("FETCH", uid_set(uids), what, prefix="UID")
        if result != "OK":
            raise FetchRefused(text or "FETCH failed")
        return [pieces for pieces in replies if _FETCH.match(pieces[0])]

    # -- waiting ---------------------------------------------------------------------------------------

    async def wait_for_mail(self, seconds: float) -> bool:
        """Wait at most `seconds` for a sign of new mail; True when there was one.

        Uses IDLE where the server has it, else sleeps and sends NOOP. Either way the connection is proven
        alive at the end, so a half-open one is noticed after `seconds` plus at most 15 (or the login's
        timeout, where that is less). Search after every return: a sign can be lost.
        """
        protocol = self._live()
        if protocol.mail_hint.is_set():
            protocol.mail_hint.clear()
            return True
        if "IDLE" not in self._capabilities:
            await self._wait_hint(protocol, seconds)
            async with self._limited(PROBE_ANSWER):
                await protocol.request("NOOP")
        else:
            await self._idle(protocol, seconds)
        hinted = protocol.mail_hint.is_set()
        protocol.mail_hint.clear()
        if protocol.lost is not None:
            raise protocol.lost
        return hinted

    async def _idle(self, protocol: HardenedProtocol, seconds: float) -> None:
        idle = asyncio.create_task(protocol.idle())
        try:
            async with self._limited():
                ready = asyncio.ensure_future(protocol.wait_for_idle_response())
                try:
                    await asyncio.wait({idle, ready}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    ready.cancel()
            if not idle.done():
                await self._wait_hint(protocol, seconds)
                if protocol.lost is None:
                    protocol.idle_done()
            async with self._limited(PROBE_ANSWER):
                await idle
        except BaseException:
            idle.cancel()
            await asyncio.gather(idle, return_exceptions=True)
            protocol.break_off(ConnectionBroken("IDLE was interrupted"))
            raise

    @staticmethod
    async def _wait_hint(protocol: HardenedProtocol, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await protocol.mail_hint.wait()
        except TimeoutError:
            pass

    # -- one call --------------------------------------------------------------------------------------

    def _live(self) -> HardenedProtocol:
        if self._protocol is None:
            raise ConnectionBroken("not connected")
        if self._protocol.lost is not None:
            raise self._protocol.lost
        return self._protocol

    def _broken(self, reason: ConnectionBroken) -> ConnectionBroken:
        if self._protocol is not None:
            self._protocol.break_off(reason)
        return reason

    @asynccontextmanager
    async def _limited(self, most: float = 3600.0) -> AsyncIterator[HardenedProtocol]:
        """The time limit around one call; whatever goes wrong inside, the connection is dropped."""
        protocol = self._live()
        seconds = min(self._login.timeout, most)
        try:
            async with asyncio.timeout(seconds):
                yield protocol
        except TimeoutError as problem:
            raise self._broken(ConnectionBroken(f"no answer within {seconds:g} s")) from problem
        except aioimaplib.AioImapException as problem:
            raise self._broken(ConnectionBroken(str(problem))) from problem
        except asyncio.CancelledError:
            self._broken(ConnectionBroken("cancelled"))
            raise

    async def _command(self, name: str, *args: str, prefix: str = "") -> tuple[str, list[list[bytes]], str]:
        async with self._limited() as protocol:
            return await protocol.request(name, *args, prefix=prefix)


def uid_set(uids: Iterable[int]) -> str:
    """UIDs as an IMAP set, runs folded: 1,2,3,7 -> `1:3,7`."""
    ranges: list[list[int]] = []
    for uid in sorted(uids):
        if ranges and uid == ranges[-1][1] + 1:
            ranges[-1][1] = uid
        else:
            ranges.append([uid, uid])
    return ",".join(f"{low}:{high}" if low != high else str(low) for low, high in ranges)


def batches(
    mails: Sequence[MailSize], *, budget: int, size_limit: int, count: int = 64
) -> list[list[MailSize]]:
    """Split into batches in UID order: at most `count` mails or `budget` bytes; an oversized mail stands alone."""
    result: list[list[MailSize]] = []
    room = 0
    for mail in sorted(mails, key=lambda mail: mail.uid):
        alone = mail.size > size_limit
        if (
            alone
            or not result
            or room < mail.size
            or len(result[-1]) >= count
            or result[-1][0].size > size_limit
        ):
            result.append([])
            room = budget
        result[-1].append(mail)
        room -= mail.size
    return result


def _arrival(line: bytes) -> datetime | None:
    found = _INTERNALDATE.search(line)
    if found is None:
        return None
    try:
        return datetime.strptime(found.group(1).decode("ascii").strip(), "%d-%b-%Y %H:%M:%S %z").astimezone(
            UTC
        )
    except (ValueError, UnicodeDecodeError):
        return None
