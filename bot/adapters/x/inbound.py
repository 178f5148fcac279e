"""What X said -> the contract's events, with files fetched and raw payloads kept first."""

from __future__ import annotations

import mimetypes
from collections import OrderedDict
from datetime import UTC, datetime

import aiohttp

from bot.adapters.x.client import TooLarge, XClient
from bot.adapters.x.errors import BadAnswer, Refused, read_error
from bot.adapters.x.parse import Heard, Media, Odd, Own, Said, Withdrawn, Writing
from bot.adapters.x.settings import XSettings
from bot.contract import AdapterContext
from bot.errors import ConnectionLost
from bot.messages import Attachment, Contact, Event, Message, RemoteId, SourceId, Typing, Unreadable

PATIENCE = 3
"""How often a file is asked for before its message is shown without it."""
_REMEMBERED = 2_000
_MAGIC = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n", "image/png"),
    (b"GIF8", "image/gif"),
)


class Recent:
    """Ids of events that were accepted lately: no file is fetched twice for them."""

    def __init__(self) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()

    def __contains__(self, event_id: str) -> bool:
        return event_id in self._ids

    def add(self, event_id: str) -> None:
        """Remembers an event; the oldest are forgotten."""
        self._ids[event_id] = None
        while len(self._ids) > _REMEMBERED:
            self._ids.popitem(last=False)


class Inbound:
    """Makes events for one inbox."""

    def __init__(self, settings: XSettings, context: AdapterContext, client: XClient) -> None:
        self._settings = settings
        self._context = context
        self._client = client
        self._tried: OrderedDict[str, int] = OrderedDict()

    async def event(self, heard: Heard) -> Event | None:
        """The event, or None for our own messages and what needs none.

        Raises ``ConnectionLost`` while a file can be had later: the message waits, at most ``PATIENCE`` times.
        """
        if isinstance(heard, Said):
            return await self._said(heard)
        if isinstance(heard, Odd):
            raw = await self._context.blobs.put(heard.raw)
            sender = self._contact(heard.sender_id, heard.sender_name) if heard.sender_id else None
            if heard.sender_id in self._own():
                sender = None
            return Unreadable(SourceId(heard.source), heard.reason, heard.at, raw, sender)
        if isinstance(heard, Writing):
            return Typing(self._contact(heard.sender_id, None), heard.conversation)
        assert isinstance(heard, Own | Withdrawn)
        return None

    def _own(self) -> frozenset[str]:
        return self._context.own_addresses | {self._settings.user_id}

    def _contact(self, user_id: str, name: str | None) -> Contact:
        return Contact("x", user_id, name, verified=True, evidence="X account")

    async def _said(self, said: Said) -> Event | None:
        if said.sender_id in self._own():
            return None
        raw = await self._context.blobs.put(said.raw)
        if said.group and not self._settings.groups:
            reason = (
                "it is from a group conversation on X, and this inbox takes only conversations of two. "
                "Read it in X's app, or set groups: true for this inbox; this is said once for each group"
            )
            return Unreadable(SourceId(f"group:{said.conversation}"), reason, datetime.now(UTC), raw)
        files = [await self._file(said.event_id, number, one) for number, one in enumerate(said.media, 1)]
        problems = () if said.text or files else ("This message came without words or files.",)
        return Message(
            SourceId(f"dm:{said.event_id}"),
            self._contact(said.sender_id, said.sender_name),
            said.at,
            said.text,
            attachments=tuple(files),
            remote_id=RemoteId(said.event_id),
            thread_key=said.conversation,
            problems=problems,
            raw=raw,
        )

    async def _file(self, event_id: str, number: int, one: Media) -> Attachment:
        name = one.resource or f"{one.kind}-{number}"
        named_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        if one.resource is None:
            return Attachment(name, named_type, 0, problem="X names no file for it; see it in X's app")
        if self._settings.oauth1 is not None:
            return Attachment(name, named_type, 0, problem="X gives files only to an inbox with oauth2")
        try:
            data = await self._client.download(
                event_id, one.media_id, one.resource, self._settings.attachment_limit
            )
        except TooLarge:
            limit = self._settings.attachment_limit / 1_000_000
            return Attachment(name, named_type, 0, problem=f"larger than {limit:g} MB; see it in X's app")
        except Refused as problem:
            if problem.status in (401, 429) or problem.status >= 500:
                self._wait(event_id, problem)
            return Attachment(name, named_type, 0, problem=f"X does not give it out: {problem}")
        except (BadAnswer, aiohttp.ClientError, OSError, ConnectionLost) as problem:
            self._wait(event_id, problem)
            return Attachment(name, named_type, 0, problem="it could not be fetched from X")
        blob = await self._context.blobs.put(data)
        return Attachment(name, _sniffed(data) or named_type, len(data), blob)

    def _wait(self, event_id: str, problem: BaseException) -> None:
        """Raises ``ConnectionLost`` as long as there is patience with this message's files."""
        tried = self._tried[event_id] = self._tried.pop(event_id, 0) + 1
        while len(self._tried) > _REMEMBERED:
            self._tried.popitem(last=False)
        if tried < PATIENCE:
            raise ConnectionLost(f"a customer's file: {read_error(problem)}") from problem


def _sniffed(data: bytes) -> str | None:
    """The media type by the first bytes: X names none."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[4:8] == b"ftyp":
        return "video/mp4"
    return next((kind for start, kind in _MAGIC if data.startswith(start)), None)
