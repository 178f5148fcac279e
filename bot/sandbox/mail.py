"""A stand-in for the mail world: an SMTP server (aiosmtpd) that delivers into IMAP mailboxes (pymap).

One asyncio loop, no threads, loopback only, no DNS. It serves two domains: the shop's, whose server adds
`Return-Path`, `Received` and `Authentication-Results` on delivery, and the customers'. Everything that
goes wrong in real life is a method here: refuse, drop, pause, cut, go down, change UIDVALIDITY.
"""

import asyncio
import re
import secrets
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from typing_extensions import override

from bot.sandbox.mail_imap import ImapStandIn
from bot.sandbox.proxy import TcpProxy

DEFAULT_MAILBOXES = {
    "support@shop.example": "support-secret",
    "press@shop.example": "press-secret",
    "customer1@mail.example": "customer1-secret",
    "customer2@mail.example": "customer2-secret",
}
AUTHSERV_ID = "mx.shop.example"
TRUSTED_DOMAINS = frozenset({"mail.example"})
"""Domains whose mail passes SPF and DKIM; others get `none` unless `force_auth` says otherwise."""

_FROM = re.compile(rb"^From:[^\n]*@([\w.-]+)", re.IGNORECASE | re.MULTILINE)
_ADDRESS = re.compile(r"[^@\s<>]+@([^@\s<>]+)$")


@dataclass
class SmtpKnobs:
    """What the SMTP server does wrong. Each dictionary maps an address to the reply it gets at RCPT."""

    refuse: dict[str, str] = field(default_factory=dict)
    refuse_login: bool = False
    require_login: bool = False
    data_reply: str | None = None
    """Reply to the final dot in place of 250, e.g. `451 4.3.0 try later`."""
    drop_after_data: bool | None = None
    """After the final dot close without an answer: True = the mail was accepted, False = it was not."""
    drop_times: int = 0
    pause_before_250: asyncio.Event | None = None
    pause_after_250: asyncio.Event | None = None
    data_size_limit: int = 33_554_432
    auth_results: str | None = None
    """`pass`, `fail` or `none` for every mail to the shop; None = by the sender's domain."""


class MailStandIn:
    """SMTP and IMAP servers on loopback with mailboxes in memory. `start()`, use, `stop()`."""

    def __init__(self, mailboxes: Mapping[str, str] | None = None, *, host: str = "127.0.0.1") -> None:
        self.mailboxes = dict(DEFAULT_MAILBOXES if mailboxes is None else mailboxes)
        self.knobs = SmtpKnobs()
        self.host = host
        self.smtp_port = 0
        self.imap_port = 0
        self.accepted = 0
        """Mails the SMTP server took (250, or dropped after accepting)."""
        self.connections = 0
        """SMTP connections seen since the start."""
        self.arrived = asyncio.Event()
        """Set at every delivery; `wait_for` clears and awaits it."""
        self.imap = ImapStandIn(self.mailboxes)
        self.imap_proxy = TcpProxy(host)
        self._server: asyncio.Server | None = None
        self._sessions: set[_Smtp] = set()
        self._domains = {address.rpartition("@")[2] for address in self.mailboxes}

    # -- life ------------------------------------------------------------------------------------------

    async def start(self, smtp_port: int = 0, imap_port: int = 0) -> None:
        """Listen; the ports are then in `smtp_port` and `imap_port` (0 asks for any free one)."""
        await self.imap.start(self.host)
        await self.imap_proxy.start(self.imap.port, imap_port)
        self.imap_port = self.imap_proxy.port
        await self._listen_smtp(smtp_port)

    async def stop(self) -> None:
        """Close everything; safe to call twice."""
        await self.smtp_down()
        await self.imap_proxy.stop()
        await self.imap.stop()

    async def _listen_smtp(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._session, self.host, port, family=socket.AF_INET)
        self.smtp_port = self._server.sockets[0].getsockname()[1]

    def _session(self) -> "_Smtp":
        self.connections += 1
        session = _Smtp(self)
        self._sessions.add(session)
        return session

    async def smtp_down(self) -> None:
        """Stop listening for SMTP and drop its connections; `smtp_up` comes back on the same port."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for session in list(self._sessions):
            await session.abort()
        self._sessions.clear()

    async def smtp_up(self) -> None:
        """Listen for SMTP again on the same port."""
        if self._server is None:
            await self._listen_smtp(self.smtp_port)

    async def imap_down(self) -> None:
        """Stop listening for IMAP and drop its connections; `imap_up` comes back on the same port."""
        await self.imap_proxy.down()

    async def imap_up(self) -> None:
        """Listen for IMAP again on the same port."""
        await self.imap_proxy.up()

    # -- faults ----------------------------------------------------------------------------------------

    def refuse_recipient(self, address: str, reply: str = "550 5.1.1 mailbox unavailable") -> None:
        """Answer RCPT for this address with `reply`, 4xx or 5xx."""
        self.knobs.refuse[address.lower()] = reply

    def drop_after_data(self, *, accepted: bool, times: int = 1) -> None:
        """Close the connection after the final dot without an answer, having kept the mail or not."""
        self.knobs.drop_after_data, self.knobs.drop_times = accepted, times

    def cut_imap_after(self, literal_bytes: int, *, times: int = 1) -> None:
        """Cut the IMAP connection after this many bytes of the next FETCH's literal."""
        self.imap_proxy.cut_after(re.compile(rb"FETCH \([^\r\n]*\{\d+\}\r\n"), literal_bytes, times)

    def black_hole_imap(self, on: bool = True) -> None:
        """Let IMAP connections stay open and new ones be taken, while nothing passes in either direction."""
        self.imap_proxy.black_hole(on)

    def set_password(self, address: str, password: str) -> None:
        """Change a mailbox's password, for IMAP and SMTP."""
        self.mailboxes[address] = password

    def change_uidvalidity(self, address: str) -> None:
        """Recreate the mailbox with the same mails, a new UIDVALIDITY and new UIDs; IMAP sessions are cut."""
        self.imap.recreate(address)
        self.imap_proxy.drop_connections()

    def restore(self) -> None:
        """Take all SMTP faults away again."""
        self.knobs = SmtpKnobs()

    # -- mail ------------------------------------------------------------------------------------------

    def owner_of(self, address: str) -> str | None:
        """The mailbox that mail to `address` goes to (plus addressing respected), or None."""
        local, _, domain = address.lower().rpartition("@")
        mailbox = f"{local.partition('+')[0]}@{domain}"
        return mailbox if mailbox in self.mailboxes else None

    def is_ours(self, address: str) -> bool:
        """True for the domains served here, whether or not the mailbox exists."""
        return address.lower().rpartition("@")[2] in self._domains

    async def deliver(self, sender: str, recipients: Iterable[str], content: bytes) -> None:
        """Put a mail into mailboxes as the receiving server would (without SMTP)."""
        for recipient in recipients:
            mailbox = self.owner_of(recipient)
            if mailbox is not None:
                await self.imap.append(mailbox, self._trace(sender, recipient, content) + content)
        self.accepted += 1
        self.arrived.set()

    def _trace(self, sender: str, recipient: str, content: bytes) -> bytes:
        """The headers that the receiving server adds on top."""
        now = format_datetime(datetime.now(UTC))
        lines = [
            f"Return-Path: <{sender}>",
            f"Delivered-To: {recipient}",
            f"Received: from client.example ([127.0.0.1]) by {AUTHSERV_ID} with ESMTP id {secrets.token_hex(6)};\r\n\t{now}",
        ]
        domain = sender.rpartition("@")[2].lower() or "unknown"
        if recipient.lower().endswith("@shop.example"):
            verdict = self.knobs.auth_results or ("pass" if domain in TRUSTED_DOMAINS else "none")
            found = _FROM.search(content)
            shown = found.group(1).decode("ascii", "replace").lower() if found else "unknown"
            dmarc = verdict if shown == domain or verdict != "pass" else "fail"
            lines.append(
                f"Authentication-Results: {AUTHSERV_ID};\r\n\tspf={verdict} smtp.mailfrom={sender or 'unknown'};\r\n"
                f"\tdkim={verdict} header.d={domain}; dmarc={dmarc} header.from={shown}"
            )
        return ("\r\n".join(lines) + "\r\n").encode()

    def messages(self, address: str) -> list[bytes]:
        """All mails in this address's INBOX, oldest first, as delivered."""
        return self.imap.messages(address)

    async def wait_for(
        self, address: str, predicate: Callable[[bytes], bool] = lambda raw: True, timeout: float = 10.0
    ) -> bytes:
        """The first mail in the mailbox that satisfies `predicate`; TimeoutError after `timeout` seconds."""
        async with asyncio.timeout(timeout):
            while True:
                self.arrived.clear()
                for raw in self.messages(address):
                    if predicate(raw):
                        return raw
                await self.arrived.wait()


class _Handler:
    """aiosmtpd's hooks for one connection."""

    def __init__(self, standin: MailStandIn) -> None:
        self._standin = standin

    def login(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        knobs = self._standin.knobs
        good = False
        if isinstance(data, LoginPassword):
            user = data.login.decode("utf-8", "replace")
            known = self._standin.mailboxes.get(user, "").encode()
            good = bool(known) and secrets.compare_digest(known, data.password)
        return AuthResult(success=good and not knobs.refuse_login, handled=False)

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self._standin.knobs.require_login and not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        refused = self._standin.knobs.refuse.get(address.lower())
        if refused is not None:
            return refused
        if not _ADDRESS.match(address):
            return "553 5.1.3 malformed address"
        if self._standin.is_ours(address) and self._standin.owner_of(address) is None:
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: "_Smtp", session: Session, envelope: Envelope) -> str:
        standin, knobs = self._standin, self._standin.knobs
        if knobs.pause_before_250 is not None:
            await knobs.pause_before_250.wait()
        if knobs.data_reply is not None:
            return knobs.data_reply
        dropping = knobs.drop_times > 0
        if not dropping or knobs.drop_after_data:
            sender = "" if envelope.mail_from in (None, "<>") else str(envelope.mail_from)
            content = envelope.original_content or b""
            await standin.deliver(sender, [str(to) for to in envelope.rcpt_tos], content)
        if dropping:
            knobs.drop_times -= 1
            server.hang_up()
        return "250 2.0.0 accepted"


class _Smtp(SMTP):
    """One SMTP connection."""

    def __init__(self, standin: MailStandIn) -> None:
        self._standin = standin
        handler = _Handler(standin)
        super().__init__(
            handler,
            data_size_limit=standin.knobs.data_size_limit,
            enable_SMTPUTF8=True,
            hostname=AUTHSERV_ID,
            ident="stand-in",
            auth_require_tls=False,
            authenticator=handler.login,
            loop=asyncio.get_running_loop(),
        )

    def hang_up(self) -> None:
        """Close at once, as a lost network does."""
        if isinstance(self.transport, asyncio.Transport):
            self.transport.abort()

    @override
    async def push(self, status: Any) -> None:
        """Send a reply; honours `pause_after_250` by holding the connection's next command."""
        await super().push(status)
        pause = self._standin.knobs.pause_after_250
        if pause is not None and str(status).startswith("250 2.0.0"):
            await pause.wait()

    async def abort(self) -> None:
        """Close, and await the end of the handler."""
        self.hang_up()
        task = self._handler_coroutine
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    @override
    def connection_lost(self, error: Exception | None) -> None:
        """Forget this connection."""
        self._standin._sessions.discard(self)
        super().connection_lost(error)
