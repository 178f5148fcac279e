"""One mail's way in: bytes -> event. What cannot be understood becomes Unreadable; our own mail becomes nothing."""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime

from bot.adapters.email import convert
from bot.adapters.email.automated import DeliveryReport, delivery_report, why_automated
from bot.adapters.email.headers import parse_date, parse_headers, split_mail
from bot.adapters.email.imap import FetchedMail
from bot.adapters.email.mime import File, ParsedMail, parse
from bot.adapters.email.settings import EmailSettings
from bot.adapters.email.suspect import suspicion
from bot.adapters.email.tokens import Tokens
from bot.contract import AdapterContext
from bot.messages import (
    Attachment,
    BlobId,
    ConversationId,
    Event,
    Failure,
    Level,
    Message,
    Receipt,
    RemoteId,
    SourceId,
    Unreadable,
)

IN_THREAD = 200_000
"""Bytes from which a mail is parsed in a thread, so that the loop goes on meanwhile."""


class Inbound:
    """Turns mails into events for one inbox. Puts raw mail and files into the blob store first."""

    def __init__(
        self, settings: EmailSettings, context: AdapterContext, tokens: Tokens, own: frozenset[str]
    ) -> None:
        self._settings = settings
        self._context = context
        self._tokens = tokens
        self._own = own

    async def event(self, fetched: FetchedMail) -> Event | None:
        """The event of a mail; None for mail that we sent ourselves."""
        try:
            mail, words = await self._parsed(fetched.raw)
            return await self._event(mail, words, fetched)
        except OSError:
            raise  # the blob store's disk: the mail waits
        except Exception as problem:
            return await self.unreadable(fetched, f"the mail could not be read ({type(problem).__name__})")

    async def unreadable(self, fetched: FetchedMail, reason: str) -> Unreadable:
        """The event for a mail that cannot be understood, its bytes kept."""
        raw = await self._context.blobs.put(fetched.raw) if fetched.raw else None
        source = hashlib.sha256(
            fetched.raw or f"uid {fetched.uid} {fetched.received_at}".encode()
        ).hexdigest()
        at = fetched.received_at or datetime.now(UTC)
        return Unreadable(SourceId(source), reason, at, raw)

    async def _parsed(self, raw: bytes) -> tuple[ParsedMail, convert.Words]:
        if len(raw) < IN_THREAD:
            return _parse(raw)
        return await asyncio.to_thread(_parse, raw)

    async def _event(self, mail: ParsedMail, words: convert.Words, fetched: FetchedMail) -> Event | None:
        if self._tokens.in_id(mail.message_id) is not None:
            return None
        conversation = convert.answers(mail, self._tokens)
        report = delivery_report(mail)
        if report is not None:
            told = await self._report(report, mail, fetched, conversation)
            if told is not None:
                return told
        whose = convert.customer(mail, self._settings, self._own)
        if whose is None:
            return None
        return await self._message(mail, words, fetched, whose, conversation)

    async def _report(
        self,
        report: DeliveryReport,
        mail: ParsedMail,
        fetched: FetchedMail,
        conversation: ConversationId | None,
    ) -> Event | None:
        """A bounce of ours; None when nothing genuine says that it is about a mail of ours."""
        named = self._tokens.in_id(report.original_id)
        about = named if named is not None else conversation
        if about is None:
            return None
        remote = RemoteId(report.original_id) if named is not None else None
        at = convert.sent_at(mail, fetched.received_at)
        if report.action == "delivered":
            return (
                Receipt((remote,), at, Level.DELIVERED, detail=report.reason) if remote is not None else None
            )
        raw = await self._context.blobs.put(fetched.raw)
        reason = " ".join(
            part for part in (report.reason, f"({report.status})" if report.status else "") if part
        )
        return Failure(
            source_id=SourceId(mail.source_id),
            remote_id=remote,
            reason=reason,
            at=at,
            answers=about,
            address=report.address or None,
            final=report.action == "failed",
            raw=raw,
        )

    async def _message(
        self,
        mail: ParsedMail,
        words: convert.Words,
        fetched: FetchedMail,
        whose: convert.Customer,
        conversation: ConversationId | None,
    ) -> Message:
        problems = [*mail.problems, *words.problems]
        if whose.note:
            problems.insert(0, whose.note)
        if fetched.oversized:
            problems.insert(
                0,
                f"The mail has {_megabytes(fetched.size)} and is over the limit; only its beginning was fetched.",
            )
        files = await self._attachments(convert.shown_files(mail.files), complete=not fetched.oversized)
        return Message(
            source_id=SourceId(mail.source_id),
            sender=whose.contact,
            sent_at=convert.sent_at(mail, fetched.received_at),
            text=words.text,
            subject=convert.subject(mail),
            tail=words.tail,
            attachments=tuple(files),
            remote_id=RemoteId(mail.message_id) if mail.message_id else None,
            references=convert.references(mail),
            answers=conversation,
            participants=convert.participants(mail, whose.contact, self._own),
            automated=why_automated(mail),
            problems=tuple(problems),
            raw=await self._context.blobs.put(fetched.raw),
            link=convert.link_code(mail),
            suspicion=suspicion(
                mail, words.text.plain, self._settings, self._own, form=_through_form(mail, whose)
            ),
        )

    async def _attachments(self, files: Sequence[File], *, complete: bool) -> list[Attachment]:
        limit = min(self._settings.attachment_limit, self._context.file_limit)
        found: list[Attachment] = []
        for file in files:
            size = len(file.content)
            blob: BlobId | None = None
            problem: str | None = None
            if not complete:
                problem = "not fetched: the mail is over the size limit"
            elif size > limit:
                problem = (
                    f"{_megabytes(size)} is over the limit of {_megabytes(limit)}; the mail server has it"
                )
            else:
                blob = await self._context.blobs.put(file.content)
            found.append(Attachment(file.name, file.media_type, size, blob, problem))
        return found


def written(raw: bytes) -> datetime | None:
    """What the mail's own Date says, from its header alone."""
    return parse_date(parse_headers(split_mail(raw)[0])[0].get("date"))


def _through_form(mail: ParsedMail, whose: convert.Customer) -> bool:
    """Whether the customer is not who sent the mail: a form on a site did."""
    return mail.sender is not None and mail.sender.address != whose.contact.address


def _parse(raw: bytes) -> tuple[ParsedMail, convert.Words]:
    mail = parse(raw)
    return mail, convert.words(mail)


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB"
