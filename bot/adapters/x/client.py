"""tweepy's client with what it lacks: media, webhooks, subscriptions, refresh, downloads, and a host of our choice.

tweepy writes the address of X and whatever it authenticates with into its code and its debug log. So it is given no
secret: one middleware of the HTTP session puts in host and login, and turns every answer that is not well into
``Refused``, whatever its body is. Nothing here waits for a rate limit or tries twice, but for one new access token.
"""

from __future__ import annotations

import asyncio
import base64
import json as jsonlib
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from tweepy.asynchronous import AsyncClient
from tweepy.asynchronous.client import OAuthClient
from typing_extensions import override

from bot.adapters.x.errors import BadAnswer, Refused, refused
from bot.adapters.x.settings import XSettings
from bot.adapters.x.tokens import AccessTokens

CONNECT = 10.0
"""Seconds to reach X; a failure within them is certain, one after them is not."""
_NOWHERE = "https://api.twitter.com"
_NOTHING = "kept-by-the-session"
_APP_ONLY = re.compile(r"(?:GET|POST|PUT|DELETE) /2/webhooks\b|(?:GET|DELETE) /2/activity/subscriptions\b")
_MOST_ERROR = 65_536
_MOST_JSON = 16_000_000
_CHUNK = 700_000
"""Bytes of a file sent at a time; as base64 they stay below the size that holds up the loop."""
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

EVENT_FIELDS = ["id", "event_type", "text", "created_at", "dm_conversation_id", "attachments", "entities"]
EXPANSIONS = ["sender_id", "attachments.media_keys"]
MEDIA_FIELDS = ["media_key", "type", "url", "variants"]
USER_FIELDS = ["name", "username"]
CATEGORIES: Mapping[str, str] = {"image/gif": "dm_gif", "video/mp4": "dm_video"}
"""X's kind of each media type; every other one is a dm_image."""


class TooLarge(Exception):
    """A file is larger than what is kept."""


class XClient(AsyncClient):  # type: ignore[misc]  # tweepy has no types
    """One account's client. Raises ``Refused``, ``BadAnswer``, aiohttp's errors, ``TimeoutError``, or an ``AdapterError``."""

    def __init__(self, settings: XSettings, tokens: AccessTokens | None) -> None:
        super().__init__(bearer_token=_NOTHING, return_type=dict)
        self.session: aiohttp.ClientSession | None = None
        self._settings = settings
        self._tokens = tokens
        parts = urlsplit(settings.api_url)
        self._scheme, self._host, self._port = parts.scheme, parts.hostname or "", parts.port

    # -- the session -----------------------------------------------------------------------------------

    @override
    async def request(
        self,
        method: str,
        route: str,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        user_auth: bool = False,
    ) -> aiohttp.ClientResponse:
        """One call; its answer is well. The login is the session's affair, so ``user_auth`` stays False."""
        self._open()
        answer: aiohttp.ClientResponse = await super().request(method, route, params, json, user_auth)
        return answer

    def _open(self) -> aiohttp.ClientSession:
        """The session. Each call has a connection of its own: one that was kept may be dead, which nobody could tell."""
        if self.session is None:
            timeout = aiohttp.ClientTimeout(
                total=self._settings.timeout + CONNECT, sock_connect=CONNECT, sock_read=self._settings.timeout
            )
            self.session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(force_close=True),
                timeout=timeout,
                middlewares=(self._wire,),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self.session

    async def close(self) -> None:
        """Give back connections; safe to call twice."""
        session, self.session = self.session, None
        if session is not None:
            await session.close()

    async def _wire(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        request.url = request.url.with_scheme(self._scheme).with_host(self._host).with_port(self._port)
        request.headers["Host"] = self._host if self._port is None else f"{self._host}:{self._port}"
        token = await self._login(request)
        answer = await handler(request)
        if answer.status == 401 and token is not None and self._tokens is not None:
            answer.release()
            request.headers["Authorization"] = f"Bearer {await self._tokens.renew(self._open(), token)}"
            answer = await handler(request)
        if answer.status >= 300:
            raise await _refused(answer)
        if (answer.content_length or 0) > _MOST_JSON and "json" in answer.content_type:
            answer.close()
            raise BadAnswer("an answer is far too long")
        return answer

    async def _login(self, request: aiohttp.ClientRequest) -> str | None:
        """Puts the login in; gives back the user's access token where it is one."""
        settings = self._settings
        if _APP_ONLY.match(f"{request.method} {request.url.path}"):
            hook = settings.webhook
            if hook is not None and hook.bearer_token is not None:
                request.headers["Authorization"] = f"Bearer {hook.bearer_token.get_secret_value()}"
                return None
        if settings.oauth1 is not None:
            keys = settings.oauth1
            signer = OAuthClient(
                keys.consumer_key,
                keys.consumer_secret.get_secret_value(),
                keys.access_token,
                keys.access_token_secret.get_secret_value(),
            )
            _, headers, _ = signer.sign(str(request.url), request.method)
            request.headers["Authorization"] = headers["Authorization"]
            return None
        assert self._tokens is not None, "settings hold oauth1 or oauth2"
        token = await self._tokens.current(self._open())
        request.headers["Authorization"] = f"Bearer {token}"
        return token

    async def _data(self, method: str, route: str, *, params: Any = None, json: Any = None) -> dict[str, Any]:
        return checked(await (await self.request(method, route, params, json)).json())

    # -- direct messages -------------------------------------------------------------------------------

    async def me(self) -> str:
        """The id of the account that we are signed in as."""
        answer = checked(await self.get_me(user_auth=False))
        return text_of(answer.get("data"), "id")

    async def events(self, size: int, token: str | None = None) -> dict[str, Any]:
        """A page of direct messages, newest first; ``size`` 1 to 100."""
        answer = await self.get_direct_message_events(
            user_auth=False,
            event_types=["MessageCreate"],
            dm_event_fields=EVENT_FIELDS,
            expansions=EXPANSIONS,
            media_fields=MEDIA_FIELDS,
            user_fields=USER_FIELDS,
            max_results=size,
            pagination_token=token,
        )
        return checked(answer)

    async def say(
        self, text: str | None, media_id: str | None, *, conversation: str | None, person: str | None
    ) -> tuple[str, str]:
        """Sends a message into a conversation, or to a person; its id and its conversation's."""
        answer = await self.create_direct_message(
            dm_conversation_id=conversation,
            participant_id=person,
            media_id=media_id,
            text=text,
            user_auth=False,
        )
        data = checked(answer).get("data")
        return text_of(data, "dm_event_id"), text_of(data, "dm_conversation_id")

    async def download(self, event_id: str, media_id: str, resource: str, limit: int) -> bytes:
        """A file of a message (OAuth2 only). Raises ``TooLarge`` beyond ``limit`` bytes."""
        if not all(_SAFE.fullmatch(part) for part in (event_id, media_id, resource)):
            raise BadAnswer("the file has a name that X does not use")
        path = f"/2/dm_conversations/media/{event_id}/{media_id}/{resource}"
        data = bytearray()
        async with self._open().get(_NOWHERE + path) as answer:
            if (answer.content_length or 0) > limit:
                raise TooLarge
            async for chunk in answer.content.iter_chunked(65_536):
                data += chunk
                if len(data) > limit:
                    raise TooLarge
        return bytes(data)

    # -- files out -------------------------------------------------------------------------------------

    async def upload(self, data: bytes, media_type: str) -> str:
        """Uploads a picture or a video; its media id, ready to be sent."""
        category = CATEGORIES.get(media_type, "dm_image")
        if category == "dm_image" and len(data) <= _CHUNK:
            body = {"media": base64.b64encode(data).decode(), "media_category": category}
            done = await self._data("POST", "/2/media/upload", json=body)
        else:
            done = await self._upload_in_chunks(data, media_type, category)
        made = done.get("data")
        media_id = text_of(made, "id")
        await self._processed(media_id, made)
        return media_id

    async def _upload_in_chunks(self, data: bytes, media_type: str, category: str) -> dict[str, Any]:
        first = {"media_type": media_type, "total_bytes": len(data), "media_category": category}
        begun = await self._data("POST", "/2/media/upload/initialize", json=first)
        media_id = text_of(begun.get("data"), "id")
        for number, start in enumerate(range(0, len(data), _CHUNK)):
            chunk = data[start : start + _CHUNK]
            body = {"media": base64.b64encode(chunk).decode(), "segment_index": number}
            await self._data("POST", f"/2/media/upload/{media_id}/append", json=body)
        return await self._data("POST", f"/2/media/upload/{media_id}/finalize")

    async def _processed(self, media_id: str, made: Any) -> None:
        """Waits until X has digested a video. Raises ``Refused`` when it cannot, ``TimeoutError`` after two minutes."""
        async with asyncio.timeout(120):
            while isinstance(made, dict) and isinstance(info := made.get("processing_info"), dict):
                state = info.get("state")
                if state == "failed":
                    raise Refused(400, "X cannot process this file")
                if state not in ("pending", "in_progress"):
                    return
                pause = info.get("check_after_secs")
                await asyncio.sleep(min(pause, 30) if isinstance(pause, int | float) else 1)
                params = {"media_id": media_id, "command": "STATUS"}
                made = (await self._data("GET", "/2/media/upload", params=params)).get("data")

    # -- webhooks --------------------------------------------------------------------------------------

    async def webhooks(self) -> list[dict[str, Any]]:
        """The app's webhooks: id, url, valid."""
        return _rows(await self._data("GET", "/2/webhooks"))

    async def create_webhook(self, url: str) -> str:
        """Registers a webhook; X asks it for a CRC answer meanwhile. Its id."""
        return text_of((await self._data("POST", "/2/webhooks", json={"url": url})).get("data"), "id")

    async def validate_webhook(self, webhook_id: str) -> None:
        """Makes X ask for a CRC answer again, and deliver again."""
        await self._data("PUT", f"/2/webhooks/{webhook_id}")

    async def subscriptions(self) -> list[dict[str, Any]]:
        """The app's subscriptions: event_type, filter, webhook_id. Up to 1,000."""
        return _rows(await self._data("GET", "/2/activity/subscriptions", params={"max_results": 1000}))

    async def subscribe(self, event_type: str, user_id: str, webhook_id: str) -> None:
        """Asks for a kind of event of our account."""
        body = {"event_type": event_type, "filter": {"user_id": user_id}, "webhook_id": webhook_id}
        await self._data("POST", "/2/activity/subscriptions", json=body)


def checked(answer: Any) -> dict[str, Any]:
    """The answer. Raises ``BadAnswer`` for one that is no JSON object."""
    if not isinstance(answer, dict):
        raise BadAnswer("X's answer is not what it describes")
    return answer


def text_of(data: Any, key: str) -> str:
    """A text of an answer. Raises ``BadAnswer`` where it is missing."""
    value = data.get(key) if isinstance(data, dict) else None
    if not isinstance(value, str) or not value:
        raise BadAnswer(f"X's answer lacks {key}")
    return value


def _rows(answer: dict[str, Any]) -> list[dict[str, Any]]:
    data = answer.get("data")
    return [row for row in data if isinstance(row, dict)] if isinstance(data, list) else []


async def _refused(answer: aiohttp.ClientResponse) -> Refused:
    """The error behind an answer, whatever its body is."""
    try:
        body = jsonlib.loads(await answer.content.read(_MOST_ERROR))
    except (ValueError, aiohttp.ClientError, TimeoutError):
        body = None
    finally:
        answer.close()
    return refused(answer.status, answer.headers, body)
