"""Files, both ways: a customer's files into a thread, once; an agent's files out of Slack, only from Slack.

Putting a file into a thread takes three steps (a place to put it, its bytes, the share). The file's id is
saved before the share, so that
a crash between the two asks Slack whether it was shared, and never shares it twice.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from bot.commands.types import GivenFile
from bot.contract import BlobStore
from bot.desk import Place, Save
from bot.errors import PermanentFailure, PlaceGone, TemporaryFailure, UserError
from bot.messages import Attachment
from bot.slack.api import SlackApi
from bot.slack.names import safe_name
from bot.slack.policy import SlackPolicy

_LOOKS = 4
_LOOK_SECONDS = 0.5
_PIECE = 64 * 1024


def given_file(raw: dict[str, Any]) -> GivenFile:
    """A file object of Slack's, as commands know it."""
    return GivenFile(
        slack_id=str(raw.get("id", "")),
        name=str(raw.get("name") or raw.get("title") or "file"),
        media_type=str(raw.get("mimetype") or "application/octet-stream"),
        size=int(raw.get("size") or 0),
        url=str(raw.get("url_private_download") or raw.get("url_private") or ""),
    )


class SlackFiles:
    """Uploads and downloads."""

    def __init__(
        self, policy: SlackPolicy, api: SlackApi, session: aiohttp.ClientSession, blobs: BlobStore
    ) -> None:
        self._policy = policy
        self._api = api
        self._session = session
        self._blobs = blobs

    async def upload(self, place: Place, attachment: Attachment, saved: str | None, save: Save) -> None:
        """Shares a customer's file in a thread. ``saved`` is what an earlier attempt stored by ``save``."""
        if attachment.blob is None:
            raise PermanentFailure(f"{attachment.name} was not kept, so it cannot be shown.")
        known = json.loads(saved) if saved else {}
        if known.get("shared") or (known.get("file") and await self._is_shared(known["file"], place)):
            return
        file_id = known.get("file")
        if file_id is None or not await self._share(file_id, attachment.name, place):
            file_id = await self._put(attachment.name, await self._blobs.get(attachment.blob))
            await save(json.dumps({"file": file_id}))
            if not await self._share(file_id, attachment.name, place):
                raise PermanentFailure(f"Slack lost the file {attachment.name} before it could be shown.")
        await save(json.dumps({"file": file_id, "shared": True}))

    async def upload_text(self, place: Place, name: str, text: str) -> None:
        """Shares words that were too long for a post."""
        await self._share(await self._put(name, text.encode()), name, place)

    async def _put(self, name: str, data: bytes) -> str:
        """The first two steps. Nothing can be seen yet, so they may be repeated."""
        if not data:
            raise PermanentFailure(f"{name} is empty, so Slack does not take it.")
        shown = safe_name(name, 200).replace("/", "_").replace("\\", "_")
        place = await self._api.call("files.getUploadURLExternal", filename=shown, length=len(data))
        try:
            async with self._session.post(
                place["upload_url"],
                data=data,
                proxy=self._api.client.proxy,
                timeout=aiohttp.ClientTimeout(total=300),
            ) as answer:
                if answer.status != 200:
                    raise TemporaryFailure(f"Slack did not take the file {shown} ({answer.status}).", 10.0)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise TemporaryFailure(f"Slack did not take the file {shown}.", 10.0) from error
        return str(place["file_id"])

    async def _share(self, file_id: str, name: str, place: Place) -> bool:
        """The third step; False where Slack does not know the file (any more), so that nothing was shared."""
        _, code = await self._api.call_raw(
            "files.completeUploadExternal",
            frozenset({"file_not_found", "invalid_channel"}),
            files=[{"id": file_id, "title": safe_name(name, 200)}],
            channel_id=place.channel,
            thread_ts=place.ts,
        )
        if code == "invalid_channel":
            raise PlaceGone("The Slack channel does not exist, or the bot cannot see it.", whole_channel=True)
        return not code

    async def _is_shared(self, file_id: str, place: Place) -> bool:
        """Whether an earlier attempt shared it. Slack shares a moment after it was asked, so this looks more than once."""
        for look in range(_LOOKS):
            if look:
                await asyncio.sleep(_LOOK_SECONDS)
            answer, code = await self._api.call_raw(
                "files.info", frozenset({"file_not_found", "file_deleted", "not_visible"}), file=file_id
            )
            if code == "file_deleted" or _shares(answer.get("file", {}), place.channel):
                return True
        return False

    async def download(self, given: GivenFile, limit: int | None = None) -> bytes:
        """An agent's file. ``UserError`` where it is too large or Slack does not give it."""
        most = limit if limit is not None else self._policy.max_file
        if given.size > most:
            raise UserError(f"{given.name} is larger than {most // 1_000_000} MB. Send a link instead.")
        self._check_host(given)
        headers = {"Authorization": f"Bearer {self._policy.bot_token}"}
        timeout = aiohttp.ClientTimeout(total=120)
        try:
            async with self._session.get(
                given.url,
                headers=headers,
                allow_redirects=False,
                proxy=self._api.client.proxy,
                timeout=timeout,
            ) as answer:
                self._check_answer(given, answer)
                return await _read(answer, given, most)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UserError(f"Slack did not give {given.name}. Nothing was sent; try again.") from error

    def _check_host(self, given: GivenFile) -> None:
        parts = urlsplit(given.url)
        ours = parts.netloc in self._policy.file_hosts or parts.netloc.endswith(".slack.com")
        plain = parts.scheme == "http" and parts.netloc == urlsplit(self._policy.api_url).netloc
        plain = plain and self._policy.api_url.startswith("http://")
        if not ours or not (parts.scheme == "https" or plain):
            raise UserError(
                f"{given.name} is not a file of this Slack, so it was not sent. Upload it instead."
            )

    def _check_answer(self, given: GivenFile, answer: aiohttp.ClientResponse) -> None:
        """A bad token gives status 200 and the page for signing in."""
        if answer.status != 200:
            raise UserError(
                f"Slack did not give {given.name} ({answer.status}). Nothing was sent; try again."
            )
        page = answer.content_type == "text/html"
        if page and not given.media_type.startswith("text/html"):
            raise UserError(
                f"Slack did not let the bot read {given.name}. Nothing was sent. The app needs the scope files:read."
            )


async def _read(answer: aiohttp.ClientResponse, given: GivenFile, most: int) -> bytes:
    data = bytearray()
    async for piece in answer.content.iter_chunked(_PIECE):
        data += piece
        if len(data) > most:
            raise UserError(f"{given.name} is larger than {most // 1_000_000} MB. Send a link instead.")
    return bytes(data)


def _shares(file: dict[str, Any], channel: str) -> bool:
    shares = file.get("shares") or {}
    if any(channel in (shares.get(kind) or {}) for kind in ("public", "private")):
        return True
    return channel in (file.get("channels") or ()) or channel in (file.get("groups") or ())
