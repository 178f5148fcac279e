"""The IMAP wire: aioimaplib's protocol with its traps cured.

What differs from the stock `IMAP4ClientProtocol` 2.0.3, each with a test in `tests/email/test_wire.py`:

1. The parser is iterative: the stock one recurses once a line and hangs on about a thousand lines.
2. Losing the connection fails every pending command and wakes who waits in IDLE; the stock one forgets them.
3. EXISTS is kept wherever it rides (`mail_hint`), also on a SEARCH reply.
4. Untagged replies go to the one command in flight, whole; the stock one drops EXAMINE's and mangles `* `.
5. A SASL `+` challenge (a refused XOAUTH2 token) is answered with an empty line, so that the NO arrives.
6. Nothing that was sent or received is logged: not the token, not the password, not a customer's mail.

One command is in flight at a time; the caller (`imap.Mailbox`) sees to that.
"""

import asyncio
import logging
import re
from base64 import b64encode
from typing import Any

from aioimaplib import aioimaplib
from typing_extensions import override

log = logging.getLogger(__name__)

MAX_LINE = 16 * 1024 * 1024
"""Bytes of one line. A SEARCH reply of 1,000,000 UIDs is about 8 MB; more than this is hostile."""

_LITERAL = re.compile(rb"\{(\d+)\}$")
_EXISTS = re.compile(rb"^(\d+) (?:EXISTS|RECENT)$", re.IGNORECASE)
_SECRET = re.compile(r"[\x00\r\n]")


class ConnectionBroken(Exception):
    """The IMAP connection is gone or unusable; what was in flight may or may not have happened."""


def quoted(text: str) -> str:
    """`text` as an IMAP quoted string; refuses NUL, CR and LF, which would begin another command."""
    if _SECRET.search(text):
        raise ValueError("NUL, CR and LF are not allowed in an IMAP argument")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def mailbox_name(name: str) -> str:
    """A folder's name as it goes over the wire: modified UTF-7 (RFC 3501 5.1.3), quoted."""
    parts: list[str] = []
    wide: list[str] = []

    def flush() -> None:
        if wide:
            encoded = b64encode("".join(wide).encode("utf-16-be")).decode("ascii")
            parts.append("&" + encoded.rstrip("=").replace("/", ",") + "-")
            wide.clear()

    for char in name:
        if " " <= char <= "~":
            flush()
            parts.append("&-" if char == "&" else char)
        elif char in "\0\r\n":
            raise ValueError("NUL, CR and LF are not allowed in a folder's name")
        else:
            wide.append(char)
    flush()
    return quoted("".join(parts))


class HardenedProtocol(aioimaplib.IMAP4ClientProtocol):  # type: ignore[misc]  # aioimaplib is untyped
    """One IMAP connection. `mail_hint` is set when the server says that mail may have come, or broke off."""

    def __init__(self, loop: asyncio.AbstractEventLoop, max_literal: int = 64 * 1024 * 1024) -> None:
        super().__init__(loop)
        self.pending_sync_command: Any = None
        self.pending_async_commands: dict[str, Any] = {}
        self.mail_hint = asyncio.Event()
        self.greeted: asyncio.Future[None] = loop.create_future()
        self.lost: Exception | None = None
        self.exists = 0
        self.replies: list[list[bytes]] = []
        """Untagged replies of the command in flight: each its line pieces and literals, in order."""
        self._max_literal = max_literal
        self._buffer = bytearray()
        self._scanned = 0
        self._pieces: list[bytes] = []
        self._literal_size = -1

    # -- what comes in ---------------------------------------------------------------------------------

    @override
    def data_received(self, d: bytes) -> None:
        self._buffer += d
        try:
            self._parse()
        except Exception as problem:  # anything the server sends may not take the loop's callback down
            self.break_off(ConnectionBroken(f"the server's reply could not be understood: {problem!r}"))

    def _parse(self) -> None:
        """Take every complete piece off the buffer. Iterative, linear in the bytes received."""
        start = 0
        buffer = self._buffer
        while True:
            if self._literal_size >= 0:
                if len(buffer) - start < self._literal_size:
                    break
                self._pieces.append(bytes(buffer[start : start + self._literal_size]))
                start += self._literal_size
                self._literal_size = -1
                self._scanned = start
            end = buffer.find(b"\r\n", max(start, self._scanned))
            if end < 0:
                self._scanned = max(start, len(buffer) - 1)
                break
            line = bytes(buffer[start:end])
            start = self._scanned = end + 2
            self._pieces.append(line)
            self._literal_size = self._literal_of(line)
            if self._literal_size < 0:
                pieces, self._pieces = self._pieces, []
                self._reply(pieces)
        del buffer[:start]
        self._scanned -= start
        if self._literal_size < 0 and len(buffer) > MAX_LINE:
            raise ValueError("a line is longer than any honest one")

    def _literal_of(self, line: bytes) -> int:
        found = _LITERAL.search(line) if line.endswith(b"}") else None
        if found is None or self.state == aioimaplib.CONNECTED:
            return -1
        size = int(found.group(1))
        if size > self._max_literal:
            raise ValueError(f"a literal of {size} bytes is over the limit of {self._max_literal}")
        return size

    def _reply(self, pieces: list[bytes]) -> None:
        """One complete reply of the server."""
        line = pieces[0]
        if not line:
            return
        if self.state == aioimaplib.CONNECTED:
            self._greeting(line)
        elif line.startswith(b"* "):
            self._untagged([line[2:], *pieces[1:]])
        elif line.startswith(b"+"):
            self._continuation(line)
        else:
            self._response_done(line)

    def _greeting(self, line: bytes) -> None:
        if line.startswith(b"* PREAUTH"):
            self.state = aioimaplib.AUTH
        elif line.startswith(b"* OK"):
            self.state = aioimaplib.NONAUTH
        else:
            raise ValueError(f"the server refused the connection: {line[:200]!r}")
        if not self.greeted.done():
            self.greeted.set_result(None)

    def _untagged(self, pieces: list[bytes]) -> None:
        exists = _EXISTS.match(pieces[0])
        if exists:
            if pieces[0].upper().endswith(b"EXISTS"):
                self.exists = int(exists.group(1))
            self.mail_hint.set()
        if pieces[0][:4].upper() == b"BYE ":
            self.mail_hint.set()
        if self.has_pending_idle_command():
            return
        command = self.pending_sync_command or next(iter(self.pending_async_commands.values()), None)
        if command is not None:
            self.replies.append(pieces)
            for piece in pieces:
                command.append_to_resp(piece)

    @override
    def _continuation(self, line: bytes) -> None:
        pending = self.pending_sync_command
        if pending is not None and pending.name == "AUTHENTICATE":
            self.transport.write(b"\r\n")  # the challenge holds the refusal; an empty answer asks for the NO
        elif pending is not None and pending.name == "IDLE":
            self._idle_event.set()

    # -- what goes out ---------------------------------------------------------------------------------

    @override
    def send(self, line: str, scrub: str | None = None) -> None:
        if self.lost is not None:
            raise self.lost
        log.debug("sending %s", line.split(" ", 2)[1] if " " in line else line)
        self.transport.write(line.encode() + b"\r\n")

    async def request(self, name: str, *args: str, prefix: str = "") -> tuple[str, list[list[bytes]], str]:
        """Send one command and await its end: (OK | NO | BAD, untagged replies, the server's text)."""
        if self.lost is not None:
            raise self.lost
        self.replies = []
        command = aioimaplib.Command(name, self.new_tag(), *args, prefix=prefix, loop=self.loop)
        result = await self.execute(command)
        text = bytes(result.lines[-1]).decode("utf-8", "replace") if result.lines else ""
        return str(result.result), self.replies, text

    # -- the end ---------------------------------------------------------------------------------------

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(ConnectionBroken(f"the IMAP connection was lost: {exc or 'closed by the server'}"))

    def break_off(self, reason: Exception) -> None:
        """Drop the connection at once; every pending command fails with `reason`."""
        self._fail(reason)
        if self.transport is not None:
            self.transport.abort()

    def _fail(self, reason: Exception) -> None:
        if self.lost is not None:
            return
        self.lost = reason
        self.state = aioimaplib.LOGOUT
        self._buffer.clear()
        self._pieces.clear()
        self._scanned, self._literal_size = 0, -1
        if not self.greeted.done():
            self.greeted.set_exception(reason)
            self.greeted.exception()  # marks it as seen: who awaits still gets it, nobody else is warned
        pending = list(self.pending_async_commands.values())
        if self.pending_sync_command is not None:
            pending.append(self.pending_sync_command)
        self.pending_async_commands.clear()
        self.pending_sync_command = None
        for command in pending:
            command._exception = reason
            command._timer.cancel()
            command._event.set()
        self._idle_event.set()
        self.mail_hint.set()
