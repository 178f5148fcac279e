"""pymap embedded: an IMAP server over mailboxes in memory, for `bot.sandbox.mail`."""

import asyncio
import re
import socket
from argparse import Namespace
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from proxyprotocol.sock import SocketInfoLocal
from pymap.backend.dict import Config, Identity, Login
from pymap.backend.dict.filter import FilterSet
from pymap.backend.dict.mailbox import MailboxData, MailboxSet, Message
from pymap.concurrent import Event, Subsystem
from pymap.exceptions import InvalidAuth
from pymap.imap import IMAPServer
from pymap.mime import MessageBody, MessageContent, MessageHeader
from pymap.parsing.specials import ObjectId
from pymap.selected import SelectedMailbox
from pymap.user import UserMetadata
from pysasl.creds.server import ServerCredentials
from pysasl.identity import ClearIdentity
from typing_extensions import override

_BARE_LF = re.compile(rb"(?<!\r)\n")


class _Login(Login):
    """Logs in with the address and its password; the dictionary may change at any time."""

    def __init__(self, config: Config, passwords: Mapping[str, str]) -> None:
        super().__init__(config)
        self._known = passwords

    @override
    async def authenticate(self, credentials: ServerCredentials) -> Identity:
        """The identity, or InvalidAuth."""
        name = credentials.authcid
        password = self._known.get(name)
        if password is None or not credentials.verify(ClearIdentity(name, password)):
            raise InvalidAuth()
        return Identity(name, self, None, frozenset())


def _opaque(data: bytes) -> MessageContent:
    """The bytes with their header found and their body left alone."""
    header_lines, body_lines = MessageContent._split_lines(data, MessageContent._find_lines(data))
    header = MessageHeader._parse(data, memoryview(data), header_lines)
    body = MessageBody(data, body_lines, MessageBody._parse_content_type("text/plain"), [])
    return MessageContent(data, header, body)


class _Inbox(MailboxData):
    """An INBOX whose IDLE tells at once what came before it began, as RFC 2177 means it; pymap's own waits for more."""

    @override
    async def update_selected(
        self, selected: SelectedMailbox, *, wait_on: Event | None = None
    ) -> SelectedMailbox:
        seen = selected.mod_sequence
        behind = seen is not None and seen < self._mod_sequences.highest
        return await super().update_selected(selected, wait_on=None if behind else wait_on)


class ImapStandIn:
    """The IMAP server. `port` is known after `start`."""

    def __init__(self, passwords: Mapping[str, str]) -> None:
        self.port = 0
        args = Namespace(passlib_cfg=None, proxy_protocol=None)
        self._config = Config(
            args,
            demo_data=False,
            demo_user="",
            demo_password="",
            host=None,
            port=0,
            tls_enabled=False,
            secure_auth=False,
            reject_dnsbl=False,
            cpu_subsystem=Subsystem.for_asyncio(),
        )
        self._login = _Login(self._config, passwords)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        for address in passwords:
            self._login.users_dict[address] = UserMetadata(self._config, address)
            mailboxes = MailboxSet()
            mailboxes._inbox = _Inbox(mailboxes._content_cache, mailboxes._thread_cache)
            self._config.set_cache[address] = (mailboxes, FilterSet())

    async def start(self, host: str) -> None:
        """Listen on any free port of `host`."""
        self._server = await asyncio.start_server(self._connected, host, 0, family=socket.AF_INET)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the server and every connection."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server = IMAPServer(self._login, self._config)
        try:
            await server(reader, writer, SocketInfoLocal(writer))
        except (ConnectionError, EOFError):
            pass
        finally:
            writer.transport.abort()

    # -- mailboxes -------------------------------------------------------------------------------------

    def _inbox(self, address: str) -> Any:
        return self._config.set_cache[address][0]._inbox

    async def append(self, address: str, content: bytes, *, days_ago: float = 0) -> None:
        """Deliver into INBOX; who is in IDLE there is told. `days_ago` sets the time of arrival back.

        The mail is stored as opaque bytes: pymap's own way in parses recursively and falls over hostile mail.
        """
        inbox = self._inbox(address)
        arrived = datetime.now(UTC) - timedelta(days=days_ago)
        stored = _opaque(_BARE_LF.sub(b"\r\n", content))
        async with inbox.messages_lock.write_lock():
            inbox._max_uid = uid = inbox._max_uid + 1
            inbox._messages[uid] = Message(
                uid,
                arrived,
                (),
                email_id=ObjectId.random_email_id(),
                thread_id=ObjectId.random_thread_id(),
                recent=True,
                content=stored,
            )
            inbox._mod_sequences.update([uid])
            inbox._updated.set()

    def messages(self, address: str) -> list[bytes]:
        """All mails of INBOX by UID, as stored."""
        messages = self._inbox(address)._messages
        return [bytes(messages[uid]._content) for uid in sorted(messages)]

    def flags(self, address: str, index: int) -> list[bytes]:
        """The flags that clients have set on the mail at `index` (as in `messages`)."""
        messages = self._inbox(address)._messages
        return [bytes(flag) for flag in messages[sorted(messages)[index]].permanent_flags]

    async def expunge(self, address: str, index: int) -> None:
        """Remove the mail at `index` (as in `messages`)."""
        inbox = self._inbox(address)
        await inbox.delete([sorted(inbox._messages)[index]])

    def recreate(self, address: str, *, arrived_now: bool = False) -> None:
        """The same mails in a new INBOX: another UIDVALIDITY, the UIDs counted anew.

        `arrived_now`: with new times of arrival too, as a careless move to another server leaves them.
        """
        mailboxes = self._config.set_cache[address][0]
        old = mailboxes._inbox
        new = _Inbox(mailboxes._content_cache, mailboxes._thread_cache)
        new._uid_validity = old._uid_validity + 1
        for number, uid in enumerate(sorted(old._messages), start=1):
            mail = old._messages[uid]
            new._messages[number] = Message(
                number,
                datetime.now(UTC) if arrived_now else mail.internal_date,
                mail.permanent_flags,
                email_id=mail.email_id,
                thread_id=mail.thread_id,
                content=mail._content,
            )
            new._max_uid = number
            new._mod_sequences.update([number])
        mailboxes._inbox = new
