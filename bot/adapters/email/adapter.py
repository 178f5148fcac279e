"""The adapter of one email inbox: reads its mailbox, sends replies.

A mail is done when `accept` has returned; the cursor is stored in the same transaction, so a crash anywhere
repeats work and never loses it. A mail that nobody can read becomes Unreadable and the next one flows. When the
mailbox cannot be reached or refuses our login, the adapter says so and keeps trying, slower and slower.
"""

import asyncio
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import quote

from bot.adapters.email.compose import (
    ComposeError,
    Outgoing,
    OutgoingFile,
    bare_subject,
    compose,
    reach,
    reply_subject,
    wire_address,
)
from bot.adapters.email.cursor import ReadTo
from bot.adapters.email.errors import imap_error, smtp_error
from bot.adapters.email.imap import (
    FetchedMail,
    FetchRefused,
    FolderRefused,
    ImapLogin,
    LoginRefused,
    Mailbox,
    MailSize,
)
from bot.adapters.email.inbound import Inbound, written
from bot.adapters.email.oauth import AccessTokens
from bot.adapters.email.rate import RatePage, links
from bot.adapters.email.settings import EmailSettings, own_addresses
from bot.adapters.email.smtp import Sender, SmtpLogin
from bot.adapters.email.tokens import Tokens
from bot.adapters.email.wire import ConnectionBroken
from bot.capabilities import Capabilities, FileRules
from bot.contract import AdapterContext, Channel
from bot.errors import (
    AdapterError,
    AuthenticationFailed,
    ConnectionLost,
    DeliveryError,
    PermanentFailure,
    StorageError,
)
from bot.messages import BlobId, Event, Part, Receipt, RemoteId, Reply, SpanKind

MAX_TEXT = 200_000
RETRY_FIRST, RETRY_MOST = 1.0, 60.0
"""Seconds between attempts to reach the mailbox."""
LOGIN_FIRST, LOGIN_MOST = 15.0, 600.0
"""Seconds between attempts after a refused login: slow, so that the account is not locked."""
_LINK_SECONDS = 14 * 86_400.0
"""How long a link below a reply is good."""
_HEAD = 65_536
"""Bytes that are fetched of an oversized mail."""


class EmailAdapter:
    """One inbox. `run` reads it until cancelled; `send` may be called meanwhile."""

    def __init__(self, settings: EmailSettings, context: AdapterContext) -> None:
        self._settings = settings
        self._context = context
        self._tokens = Tokens(context.secrets.keys)
        own = frozenset(address.lower() for address in context.own_addresses) | own_addresses(settings)
        self._inbound = Inbound(settings, context, self._tokens, own)
        access = AccessTokens(settings.oauth, context.state) if settings.oauth is not None else None
        imap, smtp = settings.imap, settings.smtp
        self._imap = ImapLogin(
            imap.host,
            imap.port,
            imap.user or settings.address,
            imap.password.get_secret_value(),
            access,
            imap.tls,
            imap.plaintext_ok,
            imap.timeout,
        )
        self._domain = wire_address(settings.address).rpartition("@")[2]
        self._smtp = Sender(
            SmtpLogin(
                smtp.host,
                smtp.port,
                smtp.user or (settings.address if access is not None else ""),
                smtp.password.get_secret_value(),
                access,
                smtp.tls,
                smtp.plaintext_ok,
                smtp.timeout,
            ),
            self._domain,
        )
        if settings.public_url and context.routes is not None:
            RatePage(context, settings).add_to(context.routes)
        whole = int(settings.size_limit * 0.7)  # base64 adds a third, the text and the quote a little
        self._capabilities = Capabilities(
            channel="email",
            max_text=MAX_TEXT,
            spans=frozenset(SpanKind),
            files=FileRules(max_bytes=whole, per_message=50, max_total=whole, caption=MAX_TEXT),
            can_initiate=True,
            has_subject=True,
            has_copies=True,
            asks=bool(settings.public_url) and context.routes is not None,
        )

    @property
    def capabilities(self) -> Capabilities:
        """What email can carry: long text, files, a subject and copies; nothing can be taken back."""
        return self._capabilities

    async def check(self) -> None:
        """Log in to both servers and open the folder. Raises AdapterError with the cure."""
        mailbox = self._mailbox()
        try:
            await mailbox.connect()
            await mailbox.open_folder()
        except Exception as problem:
            raise imap_error(problem) from problem
        finally:
            await mailbox.close()
        try:
            await self._smtp.check()
        except DeliveryError as problem:
            raise AdapterError(f"SMTP: {problem.reason}. Check smtp.* in app.yaml.") from problem

    async def close(self) -> None:
        """Give back the SMTP connection."""
        await self._smtp.close()

    # -- reading ---------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Read the inbox until cancelled."""
        failures = 0
        while True:
            mailbox = self._mailbox()
            try:
                await mailbox.connect()
                cursor = await self._open(mailbox)
                failures = 0
                await self._context.status(None)
                await self._follow(mailbox, cursor)
            except (
                StorageError,
                OSError,
                TimeoutError,
                ConnectionBroken,
                LoginRefused,
                FolderRefused,
                AdapterError,
            ) as error:
                failures += 1
                await self._tell(error, failures)
            finally:
                await mailbox.close()
            await asyncio.sleep(self._pause)

    _pause = RETRY_FIRST

    async def _tell(self, error: Exception, failures: int) -> None:
        """Choose the pause before the next attempt, and say what is wrong unless it may be a passing cut."""
        if isinstance(error, StorageError):
            self._pause = _backoff(failures, RETRY_FIRST, RETRY_MOST)
            return  # the core knows better than we do
        problem = imap_error(error)
        if isinstance(problem, AuthenticationFailed):
            self._pause = _backoff(failures, LOGIN_FIRST, LOGIN_MOST)
        else:
            self._pause = _backoff(failures, RETRY_FIRST, RETRY_MOST)
        if failures > 1 or not isinstance(problem, ConnectionLost):
            await self._context.status(str(problem))

    def _mailbox(self) -> Mailbox:
        literal = max(2 * self._settings.size_limit, 64 * 1024 * 1024)
        return Mailbox(self._imap, self._settings.imap.folder, literal)

    async def _open(self, mailbox: Mailbox) -> ReadTo:
        """Open the folder; the cursor where reading goes on."""
        folder = await mailbox.open_folder()
        stored = await self._context.cursor.get()
        if stored is None:
            first = ReadTo.first(folder.uidvalidity, folder.uidnext, everything=self._settings.start == "all")
            await self._context.cursor.set(first.dump())
            return first
        cursor = ReadTo.load(stored)
        if cursor.uidvalidity != folder.uidvalidity:
            cursor = cursor.renewed(folder.uidvalidity, folder.uidnext)
            await self._context.cursor.set(cursor.dump())
        return cursor

    async def _follow(self, mailbox: Mailbox, cursor: ReadTo) -> None:
        """Take what is new, wait, and look again: also when IDLE said nothing, for a sign can be lost."""
        pause = min(self._settings.imap.probe, self._settings.poll)
        while True:
            cursor = await self._take_new(mailbox, cursor)
            await mailbox.wait_for_mail(pause)

    async def _take_new(self, mailbox: Mailbox, cursor: ReadTo) -> ReadTo:
        uids = await mailbox.new_uids(cursor.uid)
        if not uids:
            return cursor
        sizes = await mailbox.sizes(uids)
        wanted = [mail for mail in sizes if not cursor.is_old(mail.uid, mail.received_at)]
        try:
            async for batch in mailbox.fetch(wanted, size_limit=self._settings.size_limit, head=_HEAD):
                cursor = await self._take(batch, cursor)
        except FetchRefused:
            cursor = await self._take_singly(
                mailbox, [mail for mail in wanted if mail.uid > cursor.uid], cursor
            )
        if uids[-1] > cursor.uid:  # the last ones were expunged or old
            cursor = cursor.past(uids[-1], None)
            await self._context.cursor.set(cursor.dump())
        return cursor

    async def _take_singly(self, mailbox: Mailbox, mails: Sequence[MailSize], cursor: ReadTo) -> ReadTo:
        """One mail of a batch is refused by the server: find it, say so, and let the others through."""
        for mail in mails:
            try:
                async for batch in mailbox.fetch([mail], size_limit=self._settings.size_limit, head=_HEAD):
                    cursor = await self._take(batch, cursor)
            except FetchRefused as refusal:
                empty = FetchedMail(mail.uid, b"", mail.size, mail.received_at)
                reason = f"the mail server does not give this mail out: {refusal}"
                cursor = cursor.past(mail.uid, mail.received_at)
                await self._accept(await self._inbound.unreadable(empty, reason), empty, cursor.dump())
        return cursor

    async def _take(self, batch: Sequence[FetchedMail], cursor: ReadTo) -> ReadTo:
        """Accept a batch. Its accepts overlap, so they share commits; the cursor moves when all are durable.

        A crash in between reads the batch again, and what was stored is recognised by its source id.
        """
        fresh = [fetched for fetched in batch if not cursor.is_ancient(fetched.uid, written(fetched.raw))]
        events = [(fetched, await self._inbound.event(fetched)) for fetched in fresh]
        for fetched in batch:
            cursor = cursor.past(fetched.uid, fetched.received_at)
        known = [(fetched, event) for fetched, event in events if event is not None]
        if len(known) == 1:
            await self._accept(known[0][1], known[0][0], cursor.dump())
        else:
            accepts = [self._accept(event, fetched, None) for fetched, event in known]
            for result in await asyncio.gather(*accepts, return_exceptions=True):
                if isinstance(result, BaseException):
                    raise result
            if batch:
                await self._context.cursor.set(cursor.dump())
        return cursor

    async def _accept(self, event: Event, fetched: FetchedMail, cursor: str | None) -> None:
        try:
            await self._context.accept(event, cursor=cursor)
        except (StorageError, OSError):
            raise  # nothing is wrong with the mail: it stays where it is
        except Exception as problem:
            reason = f"the mail could not be taken ({type(problem).__name__})"
            await self._context.accept(await self._inbound.unreadable(fetched, reason), cursor=cursor)

    # -- sending ---------------------------------------------------------------------------------------

    async def send(self, reply: Reply, part: Part) -> Receipt:
        """Send one part. The Message-ID is the same at every attempt at this part."""
        try:
            outgoing = await self._outgoing(reply, part)
            raw = await asyncio.to_thread(compose, outgoing) if outgoing.files else compose(outgoing)
            recipient = wire_address(reply.to.address)
            copies = [wire_address(copy.address) for copy in reply.cc]
        except ComposeError as problem:
            raise smtp_error(problem, data_begun=False) from problem
        if len(raw) > self._settings.size_limit * 1.4:
            raise PermanentFailure(f"the mail has {len(raw) / 1_000_000:.1f} MB, more than mail servers take")
        sender = wire_address(
            outgoing.reply_to or self._settings.address
        )  # so that a bounce carries the token too
        try:
            sent = await self._smtp.send(sender, recipient, copies, raw)
        except AdapterError as problem:  # OAuth2: no access token
            raise smtp_error(ConnectionError(str(problem)), data_begun=False) from problem
        return Receipt(
            (RemoteId(outgoing.message_id),), datetime.now(UTC), detail=sent.answer, refused=sent.refused
        )

    async def _outgoing(self, reply: Reply, part: Part) -> Outgoing:
        settings, quoted = self._settings, reply.reply_to
        message_id = self._tokens.message_id(reply.conversation_id, reply.key, part.number, self._domain)
        parent = quoted.remote_id if quoted is not None else None
        known: list[str] = list(reversed(quoted.references)) if quoted is not None else []
        if parent is not None:
            known.append(parent)
        if part.number > 0:
            parent = RemoteId(
                self._tokens.message_id(reply.conversation_id, reply.key, part.number - 1, self._domain)
            )
        last = part.number + 1 >= part.of
        plus = (
            self._tokens.plus_address(settings.address, reply.conversation_id)
            if settings.plus_addressing
            else ""
        )
        return Outgoing(
            sender=settings.address,
            sender_name=f"{reply.author} ({settings.name})"
            if settings.name and reply.author
            else reply.author or settings.name,
            to=(reply.to.address, reply.to.name or ""),
            cc=tuple((copy.address, copy.name or "") for copy in reply.cc),
            reply_to=plus,
            message_id=message_id,
            subject=_subject(reply),
            text=part.text,
            in_reply_to=parent or "",
            references=tuple(known),
            files=tuple(
                [await self._file(name.name, name.media_type, name.blob) for name in part.attachments]
            ),
            quoted=quoted
            if last and settings.quote_previous and quoted is not None and quoted.text
            else None,
            signature=self._signature(reply) if last else "",
            rate=self._rate(reply) if last else (),
            ways=await self._ways(reply) if last else (),
            automated=reply.automated,
        )

    def _rate(self, reply: Reply) -> tuple[tuple[str, str], ...]:
        if reply.ask is None or not self._capabilities.asks:
            return ()
        return links(f"{self._settings.public_url}/channels/{self._context.inbox}", reply.ask)

    def link(self, code: str) -> str | None:
        """A mail to write, with the code where mail programs leave it alone: in the address, else in the subject."""
        local, _, domain = self._settings.address.rpartition("@")
        if self._settings.plus_addressing:
            return f"mailto:{local}+go-{code}@{domain}?subject={quote('Our conversation')}"
        return f"mailto:{local}@{domain}?subject={quote(f'Our conversation [go-{code}]')}"

    async def _ways(self, reply: Reply) -> tuple[tuple[str, str], ...]:
        """Links for the customer alone: none where others read along, or where no person wrote."""
        offers, wanted = self._context.offers, self._settings.links
        if offers is None or not wanted or reply.cc or reply.automated:
            return ()
        try:
            made = await offers(reply.to, lifetime=_LINK_SECONDS, channels=wanted)
        except StorageError:
            return ()  # the reply matters more
        return tuple((one.label, one.url) for one in made)

    async def _file(self, name: str, media_type: str, blob: BlobId | None) -> OutgoingFile:
        if blob is None:
            raise PermanentFailure(f"the file {name} has no bytes to send")
        try:
            content = await self._context.blobs.get(blob)
        except KeyError as problem:
            raise PermanentFailure(f"the file {name} has been erased") from problem
        return OutgoingFile(name, media_type, content)

    def _signature(self, reply: Reply) -> str:
        values = {"author": reply.author, "name": self._settings.name, "team": reply.team_name}
        text = self._settings.signature
        for key, value in values.items():
            text = text.replace("{" + key + "}", value)
        return text.strip()


def _subject(reply: Reply) -> str:
    """The agent's subject where they chose one; else the thread's with one `Re:` before it."""
    thread = reply.reply_to.subject if reply.reply_to is not None else None
    if reply.subject and (thread is None or bare_subject(reply.subject) != bare_subject(thread)):
        return reply.subject
    if reply.reply_to is not None:
        return reply_subject(thread or "")
    return f"Message from {reply.team_name}" if reply.team_name else "Message"


def _backoff(failures: int, first: float, most: float) -> float:
    """Doubling, at most `most`, with a fifth of chance so that many inboxes do not come at once."""
    return float(min(first * 2 ** min(failures - 1, 20), most) * random.uniform(0.8, 1.2))


def build(settings: EmailSettings, context: AdapterContext) -> EmailAdapter:
    """The adapter of an inbox."""
    return EmailAdapter(settings, context)


CHANNEL = Channel(
    name="email",
    icon=":email:",
    settings=EmailSettings,
    build=build,
    addresses=own_addresses,
    title="e-mail",
    reach=reach,
)
