"""One attempt at what a claimed lane has to do: the only place where the desk and the adapters are called.

An attempt returns what it came to, or raises a ``DeliveryError``. It keeps the rule that nothing is repeated blindly: what an
earlier attempt may have done is looked up first, and where it cannot be looked up just now, nobody knows more than before
(``Unanswered``).
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TypeVar

from bot.capabilities import fit
from bot.contract import Adapter, BlobStore, SupportsDelete, SupportsEdit, SupportsFind
from bot.delivery import sending, settle
from bot.delivery.work import Broken, Change, OpenCard, Refresh, Remark, Send, Talk, Upload, Work
from bot.desk import Desk, Place
from bot.errors import (
    DeliveryError,
    PermanentFailure,
    PlaceGone,
    TemporaryFailure,
    UncertainFailure,
    UserError,
)
from bot.messages import Attachment, InboxId, Part, Receipt
from bot.storage import deliveries, lanes
from bot.storage.database import Database

T = TypeVar("T")

Fetch = Callable[[str], Awaitable[bytes]]
"""Fetches the bytes of a file that an agent put into Slack, from the stored description of where it is."""


class Unanswered(Exception):
    """What an earlier attempt did could not be looked up just now. ``cause`` says why."""

    def __init__(self, cause: DeliveryError) -> None:
        super().__init__(cause.reason)
        self.cause = cause


class Attempts:
    """Makes attempts. ``clock`` gives epoch seconds."""

    def __init__(
        self,
        database: Database,
        desk: Desk,
        adapters: Mapping[InboxId, Adapter],
        blobs: BlobStore,
        fetch: Fetch,
        clock: Callable[[], float],
    ) -> None:
        self._database = database
        self._desk = desk
        self._adapters = adapters
        self._blobs = blobs
        self._fetch = fetch
        self._clock = clock

    async def make(self, todo: Work, done: settle.Settlement) -> settle.Settle:
        """Makes the attempt. Returns the unit that settles it."""
        if isinstance(todo, Talk):
            return done.talked(todo, await self._talk(todo))
        if isinstance(todo, Send):
            return done.sent(todo, await self._send(todo))
        if isinstance(todo, Change):
            await self._change(todo)
            return done.changed(todo)
        if isinstance(todo, OpenCard):
            return done.card_opened(todo, await self._open_card(todo))
        if isinstance(todo, Refresh):
            await self._desk.update_card(todo.place, todo.card)
            return done.refreshed(todo)
        if isinstance(todo, Upload):
            await self._upload(todo)
        elif isinstance(todo, Remark):
            await self._remark(todo)
        elif isinstance(todo, Broken):
            raise PermanentFailure(todo.reason)
        return done.done(todo.run)

    async def _open_card(self, todo: OpenCard) -> str:
        if todo.since is not None:
            found = await _ask(self._desk.find(Place(todo.channel), todo.key, todo.since))
            if found is not None:
                return found
        return await self._desk.open_card(todo.channel, todo.card, todo.key)

    async def _talk(self, todo: Talk) -> str:
        if todo.since is not None:
            found = await _ask(self._desk.find(todo.place, todo.key, todo.since))
            if found is not None:
                return found
        return await self._desk.post(todo.place, todo.entries, todo.key)

    async def _upload(self, todo: Upload) -> None:
        attachment = todo.attachment
        if todo.words is not None:
            blob = await self._blobs.put(todo.words.encode())
            attachment = replace(attachment, blob=blob)
        one = todo.run[0]

        async def save(progress: str) -> None:
            unit = partial(deliveries.save_progress, delivery_id=one.id, progress=progress)
            await self._database.write(unit)

        await self._desk.upload(todo.place, attachment, one.progress, save)

    async def _remark(self, todo: Remark) -> None:
        """A mark that cannot be put (the agent deleted their message) keeps no other from being put."""
        for place, ts, mark in todo.marks:
            with contextlib.suppress(PermanentFailure, PlaceGone):
                await self._desk.mark(place, ts, mark)
        for place, ts, entries in todo.posts:
            with contextlib.suppress(PermanentFailure, PlaceGone):
                await self._desk.update(place, ts, entries)

    async def _send(self, todo: Send) -> Receipt:
        """Sends the parts of a reply that were not accepted before; each is durable before the next goes out."""
        adapter = self._adapters.get(todo.inbox)
        if adapter is None:
            raise PermanentFailure(f"the inbox {todo.inbox} is not configured any more")
        if todo.unfetched:
            todo = await self._fetch_files(todo)
        fitted = fit(todo.reply.text, todo.reply.attachments, adapter.capabilities)
        if not fitted.parts:
            raise PermanentFailure("nothing of it can travel on this channel")
        receipt: Receipt | None = None
        again = todo.again
        for part in fitted.parts[todo.done :]:
            if not again:
                attempts = [(each.id, todo.reply.key) for each in todo.run]
                mark = partial(lanes.mark_sending, attempts=attempts, now=self._clock())
                await self._database.write(mark)
            receipt = await self._send_part(adapter, todo, part, again=again)
            again = False
            if part.number < part.of - 1:
                saved = partial(settle.save_part, todo=todo, part=part.number, receipt=receipt)
                await self._database.write(saved)
        return receipt or Receipt((), settle.moment(self._clock()))

    async def _send_part(self, adapter: Adapter, todo: Send, part: Part, *, again: bool) -> Receipt:
        if again:
            if isinstance(adapter, SupportsFind):
                found = await _ask(adapter.find(todo.reply, part))
                if found is not None:
                    return found
            elif not adapter.capabilities.idempotent_send:
                raise UncertainFailure("the bot was stopped while it was being sent")
        return await adapter.send(todo.reply, part)

    async def _change(self, todo: Change) -> None:
        """Changes a reply where the customer sees it, or takes it back. Doing it twice changes nothing more."""
        adapter: object = self._adapters.get(todo.inbox)
        if todo.taken_back:
            if not isinstance(adapter, SupportsDelete):
                raise PermanentFailure("this channel cannot take a message back")
            for remote_id in todo.remote_ids:
                await adapter.delete(todo.reply, remote_id)
            return
        if not isinstance(adapter, SupportsEdit):
            raise PermanentFailure("this channel cannot change a message")
        able = self._adapters[todo.inbox].capabilities
        parts = fit(todo.reply.text, todo.reply.attachments, able).parts
        if len(parts) != len(todo.remote_ids):
            raise PermanentFailure("the new text needs another number of messages than the one that was sent")
        for part, remote_id in zip(parts, todo.remote_ids, strict=True):
            await adapter.edit(todo.reply, part, remote_id)

    async def _fetch_files(self, todo: Send) -> Send:
        """Brings an agent's files from Slack into the blob store, before anything is sent."""
        for attachment_id, name, source in todo.unfetched:
            data = await self._bytes_of(name, source)
            blob = await self._blobs.put(data)
            await self._database.write(
                partial(settle.file_fetched, attachment_id=attachment_id, blob=blob, size=len(data))
            )
        message_id = todo.run[0].message_id or 0
        files: tuple[Attachment, ...] = await self._database.read(
            partial(settle.files_of, message_id=message_id)
        )
        return sending.with_files(todo, files)

    async def _bytes_of(self, name: str, source: str) -> bytes:
        """Nothing has been sent yet, so whatever goes wrong here is certain."""
        try:
            return await self._fetch(source)
        except (TemporaryFailure, PermanentFailure):
            raise
        except UserError as error:
            raise PermanentFailure(f"the file {name} could not be fetched from Slack: {error}") from error
        except Exception as error:
            raise TemporaryFailure(
                f"the file {name} could not be fetched from Slack ({type(error).__name__})"
            ) from error


async def _ask(question: Awaitable[T]) -> T:
    """Asks the far side what an earlier attempt did. A place that is gone is an answer; other failures leave it open."""
    try:
        return await question
    except PlaceGone:
        raise
    except DeliveryError as error:
        raise Unanswered(error) from error
