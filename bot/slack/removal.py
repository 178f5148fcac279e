"""Taking back what was put into Slack, and handing a file to one person.

A bot's token deletes the bot's own posts and files and nobody else's; what is gone already counts as taken away. Nothing here
waits or repeats: whoever calls paces the calls and honours a 429 (``TemporaryFailure``).
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp

from bot.desk import Place, Standing
from bot.errors import PermanentFailure, TemporaryFailure
from bot.slack.api import SlackApi
from bot.slack.names import safe_name

_PAGE = 200
_GONE_POST = frozenset({"message_not_found", "channel_not_found"})
_GONE_FILE = frozenset({"file_not_found", "file_deleted"})
_NOT_OURS = frozenset({"cant_delete_message", "cant_delete_file"})
_NO_THREAD = frozenset({"thread_not_found", "channel_not_found", "message_not_found"})
LARGEST = 1_000_000_000
"""Bytes of a file that Slack takes."""


class Removal:
    """Over one workspace. ``session`` is shared."""

    def __init__(self, api: SlackApi, session: aiohttp.ClientSession) -> None:
        self._api = api
        self._session = session

    async def remove(self, channel: str, ts: str) -> bool:
        """Deletes a post. False: it is not ours."""
        fine = _GONE_POST | _NOT_OURS
        _, code = await self._api.call_raw("chat.delete", fine, channel=channel, ts=ts)
        return code not in _NOT_OURS

    async def remove_file(self, file_id: str) -> bool:
        """Deletes a file everywhere it was shared. False: it is not ours."""
        _, code = await self._api.call_raw("files.delete", _GONE_FILE | _NOT_OURS, file=file_id)
        return code not in _NOT_OURS

    async def standing(self, place: Place, cursor: str | None) -> tuple[tuple[Standing, ...], str | None]:
        """A page of a thread."""
        answer, code = await self._api.call_raw(
            "conversations.replies",
            _NO_THREAD,
            channel=place.channel,
            ts=place.ts,
            limit=_PAGE,
            cursor=cursor,
        )
        if code:
            return (), None
        found = tuple(
            _standing(raw) for raw in answer.get("messages", ()) if raw.get("subtype") != "tombstone"
        )
        return found, (answer.get("response_metadata") or {}).get("next_cursor") or None

    async def hand(self, channel: str, path: str, name: str, words: str) -> str:
        """Uploads a file from disk, piece by piece, into a channel (a direct message)."""
        size = (await asyncio.to_thread(Path(path).stat)).st_size
        if size > LARGEST:
            raise PermanentFailure(
                f"The file has {size / 1e9:.1f} GB, and Slack takes {LARGEST / 1e9:.0f} GB."
            )
        shown = safe_name(name, 200)
        place = await self._api.call("files.getUploadURLExternal", filename=shown, length=size)
        try:
            with await asyncio.to_thread(Path(path).open, "rb") as file:
                async with self._session.post(
                    place["upload_url"],
                    data=file,
                    proxy=self._api.client.proxy,
                    timeout=aiohttp.ClientTimeout(total=1800),
                ) as answer:
                    if answer.status != 200:
                        raise TemporaryFailure(f"Slack did not take the file ({answer.status}).", 10.0)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise TemporaryFailure("Slack did not take the file.", 10.0) from error
        file_id = str(place["file_id"])
        await self._api.call(
            "files.completeUploadExternal",
            files=[{"id": file_id, "title": shown}],
            channel_id=channel,
            initial_comment=words,
        )
        return file_id


def _standing(raw: dict[str, Any]) -> Standing:
    files = tuple(str(one["id"]) for one in raw.get("files") or () if one.get("mode") != "tombstone")
    return Standing(str(raw["ts"]), bool(raw.get("bot_id")), files)
