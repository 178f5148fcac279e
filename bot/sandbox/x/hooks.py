"""X's webhooks: CRC questions, subscriptions, signed deliveries in version 1.1's shape."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from bot.sandbox.x.model import Message, User


@dataclass
class Hook:
    """A registered webhook."""

    id: str
    url: str
    created_at: str
    valid: bool = True

    def row(self) -> dict[str, Any]:
        """As the API shows it."""
        return {"id": self.id, "url": self.url, "valid": self.valid, "created_at": self.created_at}


@dataclass
class Hooks:
    """All webhooks of the app, their subscriptions, and what was delivered (kind, status)."""

    secret: Callable[[], str]
    rows: dict[str, Hook] = field(default_factory=dict)
    subscriptions: dict[str, dict[str, Any]] = field(default_factory=dict)
    delivered: list[tuple[str, int]] = field(default_factory=list)
    _session: aiohttp.ClientSession | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def sign(self, data: bytes) -> str:
        """X's signature of a body, and the answer to a CRC token."""
        digest = hmac.digest(self.secret().encode(), data, hashlib.sha256)
        return "sha256=" + base64.b64encode(digest).decode()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=10)
            self._session = aiohttp.ClientSession(
                timeout=timeout, connector=aiohttp.TCPConnector(force_close=True)
            )
        return self._session

    async def challenge(self, url: str) -> bool:
        """The CRC question. True where the answer is right."""
        token = secrets.token_urlsafe(32)
        params = {"crc_token": token, "nonce": secrets.token_urlsafe(16)}
        try:
            async with self._open().get(url, params=params) as answer:
                said = await answer.json(content_type=None)
                return answer.status == 200 and said.get("response_token") == self.sign(token.encode())
        except (aiohttp.ClientError, OSError, ValueError, AttributeError):
            return False

    def tell(self, kind: str, user_id: str, payload: dict[str, Any], *, twice: bool = False) -> None:
        """Delivers an event to every valid webhook that is subscribed to it; ``settled`` waits for that."""
        for one in self.subscriptions.values():
            hook = self.rows.get(str(one.get("webhook_id")))
            if hook is None or not hook.valid or one["event_type"] != kind:
                continue
            if one["filter"].get("user_id") != user_id:
                continue
            data: dict[str, Any] = {"event_uuid": str(secrets.randbelow(2**62)), "filter": one["filter"]}
            data |= {"event_type": kind, "tag": one.get("tag", ""), "payload": payload}
            body = json.dumps({"data": data}, ensure_ascii=False).encode()
            for _ in range(2 if twice else 1):
                task = asyncio.create_task(self._post(hook.url, kind, body))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _post(self, url: str, kind: str, body: bytes) -> None:
        headers = {"Content-Type": "application/json", "x-twitter-webhooks-signature": self.sign(body)}
        try:
            async with self._open().post(url, data=body, headers=headers) as answer:
                self.delivered.append((kind, answer.status))
        except (aiohttp.ClientError, OSError):
            self.delivered.append((kind, 0))

    async def settled(self) -> None:
        """Waits until every delivery has its answer."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def close(self) -> None:
        """Ends deliveries."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        session, self._session = self._session, None
        if session is not None:
            await session.close()


def old_shape(message: Message, users: list[User]) -> dict[str, Any]:
    """A message as webhooks carry it."""
    data: dict[str, Any] = {
        "text": message.text,
        "entities": {"hashtags": [], "symbols": [], "user_mentions": [], "urls": _urls(message)},
    }
    if message.file is not None:
        data["attachment"] = {"type": "media", "media": _media(message)}
    event = {
        "type": "message_create",
        "id": message.id,
        "created_timestamp": str(message.ms + 30),  # X's own differs from its id's by some milliseconds
        "message_create": {
            "target": {"recipient_id": message.to},
            "sender_id": message.sender,
            "message_data": data,
        },
    }
    shown = {one.id: {"data": {"id": one.id, "name": one.name, "username": one.username}} for one in users}
    return {"direct_message_events": [event], "users": shown}


def _urls(message: Message) -> list[dict[str, Any]]:
    return [
        {key: row[key] for key in ("url", "expanded_url", "display_url")}
        | {"indices": [row["start"], row["end"]]}
        for row in message.urls_with_places()
    ]


def _media(message: Message) -> dict[str, Any]:
    file = message.file
    assert file is not None
    url = file_url(message)
    row: dict[str, Any] = {"id": int(file.id), "id_str": file.id, "type": file.kind, "media_url_https": url}
    if file.kind != "photo":
        row["media_url_https"] = url.rpartition("/")[0] + "/preview.jpg"
        variant = {"bitrate": 832_000, "content_type": "video/mp4", "url": url + "?tag=1"}
        row["video_info"] = {"variants": [variant]}
    return row


def file_url(message: Message) -> str:
    """Where X says that a file is."""
    assert message.file is not None
    return f"https://ton.x.com/1.1/ton/data/dm/{message.id}/{message.file.id}/{message.file.resource}"
