"""Sending over SMTP: one connection kept and used again, every failure told apart by what is certain.

`Sender.send` returns when the server has taken the mail (250 after the last dot). Until the content is on its
way every failure is certain; after that a lost connection is not.
"""

import asyncio
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import aiosmtplib

from bot.adapters.email.errors import smtp_error
from bot.adapters.email.imap import LOOPBACK, TokenProvider

IDLE_LIMIT = 30.0
"""Seconds after which a kept connection is not trusted any more: servers hang up on idle clients."""


@dataclass(frozen=True)
class SmtpLogin:
    """How to reach the submission server.

    `tls`: "tls" from the first byte (465), "starttls" (587), "none" for loopback or with `plaintext_ok`.
    `timeout`: seconds any single step may take; the final answer gets ten times as long (RFC 5321: 10 minutes).
    """

    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)
    token: TokenProvider | None = field(default=None, repr=False)
    tls: Literal["tls", "starttls", "none"] = "starttls"
    plaintext_ok: bool = False
    timeout: float = 30.0
    ssl_context: ssl.SSLContext | None = None


@dataclass(frozen=True)
class Sent:
    """The server took the mail. `refused`: copies it did not take, with its words."""

    answer: str
    refused: tuple[tuple[str, str], ...] = ()


class Sender:
    """Sends mails one after the other over one connection. `own_name`: what we call ourselves in EHLO."""

    def __init__(self, login: SmtpLogin, own_name: str) -> None:
        if login.tls == "none" and login.host not in LOOPBACK and not login.plaintext_ok:
            raise ValueError(
                f"SMTP to {login.host} without TLS: allowed for loopback only, or with plaintext_ok"
            )
        self._login = login
        self._own_name = own_name
        self._client: aiosmtplib.SMTP | None = None
        self._used = 0.0
        self._lock = asyncio.Lock()
        self._context = login.ssl_context

    async def check(self) -> None:
        """Connect and log in. Raises a DeliveryError."""
        async with self._lock:
            try:
                await self._connected()
            except (aiosmtplib.SMTPException, OSError, TimeoutError) as problem:
                raise smtp_error(problem, data_begun=False) from problem

    async def send(self, sender: str, recipient: str, copies: Sequence[str], raw: bytes) -> Sent:
        """Send to one recipient, with copies. Raises a DeliveryError that says whether it is final and certain.

        When the recipient is refused nobody gets the mail; refused copies are reported in the answer.
        """
        async with self._lock:
            client, refused = await self._envelope(sender, recipient, copies, len(raw))
            try:
                response = await client.data(raw, timeout=self._login.timeout * 10)
            except aiosmtplib.SMTPResponseException as problem:
                await self._reset()
                raise smtp_error(problem, data_begun=True) from problem
            except Exception as problem:
                self._drop()
                raise smtp_error(problem, data_begun=True) from problem
            except BaseException:
                self._drop()
                raise
            self._used = time.monotonic()
            return Sent(f"{response.code} {response.message}".replace("\n", " "), tuple(refused))

    async def close(self) -> None:
        """Say goodbye; never raises."""
        async with self._lock:
            client, self._client = self._client, None
            if client is not None:
                try:
                    await client.quit(timeout=2)
                except (aiosmtplib.SMTPException, OSError, TimeoutError):
                    client.close()

    # -- steps -----------------------------------------------------------------------------------------

    async def _envelope(
        self, sender: str, recipient: str, copies: Sequence[str], size: int
    ) -> tuple[aiosmtplib.SMTP, list[tuple[str, str]]]:
        """MAIL and RCPT; a kept connection that turns out dead is replaced once, for nothing was sent yet."""
        kept = self._client is not None
        try:
            return await self._offer(sender, recipient, copies, size)
        except (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError, OSError) as problem:
            self._drop()
            if not kept:
                raise smtp_error(problem, data_begun=False) from problem
        except aiosmtplib.SMTPResponseException as problem:
            await self._reset()
            if not (kept and problem.code == 421):
                raise smtp_error(problem, data_begun=False) from problem
            self._drop()
        except (aiosmtplib.SMTPException, ValueError) as problem:
            self._drop()
            raise smtp_error(problem, data_begun=False) from problem
        except BaseException:
            self._drop()
            raise
        try:
            return await self._offer(sender, recipient, copies, size)
        except (aiosmtplib.SMTPException, OSError, ValueError, TimeoutError) as problem:
            self._drop()
            raise smtp_error(problem, data_begun=False) from problem

    async def _offer(
        self, sender: str, recipient: str, copies: Sequence[str], size: int
    ) -> tuple[aiosmtplib.SMTP, list[tuple[str, str]]]:
        client = await self._connected()
        options = [f"SIZE={size}"] if client.supports_extension("size") else []
        await client.mail(sender, options=options)
        await client.rcpt(recipient)
        refused: list[tuple[str, str]] = []
        for copy in copies:
            try:
                await client.rcpt(copy)
            except aiosmtplib.SMTPRecipientRefused as problem:
                refused.append((copy, f"{problem.message} ({problem.code})".replace("\n", " ")))
        return client, refused

    async def _connected(self) -> aiosmtplib.SMTP:
        client = self._client
        if client is not None:
            fresh = time.monotonic() - self._used < IDLE_LIMIT
            if client.is_connected and fresh:
                return client
            self._drop()
        login = self._login
        if login.tls != "none" and self._context is None:
            self._context = await asyncio.to_thread(ssl.create_default_context)  # reads files
        client = aiosmtplib.SMTP(
            hostname=login.host,
            port=login.port,
            username=login.user or None,
            password=login.password or None if login.token is None else None,
            oauth_token_generator=login.token,
            local_hostname=self._own_name,
            timeout=login.timeout,
            use_tls=login.tls == "tls",
            start_tls=login.tls == "starttls",
            tls_context=self._context if login.tls != "none" else None,
        )
        try:
            await client.connect()
            await client.ehlo()
        except BaseException:
            client.close()
            raise
        self._client, self._used = client, time.monotonic()
        return client

    async def _reset(self) -> None:
        """Clear the envelope after a refusal so that the connection can be used again."""
        client = self._client
        if client is None:
            return
        try:
            await client.rset(timeout=5)
            self._used = time.monotonic()
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            self._drop()

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()
