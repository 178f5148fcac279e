"""HTTP mode: envelopes as signed requests to the app's own request URL."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass
from urllib.parse import urlencode

import aiohttp

from .model import Json


@dataclass(frozen=True, slots=True)
class HttpOutcome:
    """What became of one request: acknowledged with a payload, or why not."""

    ok: bool
    payload: Json | None = None
    reason: str = ""  # http_timeout, http_error, connection_failed
    no_retry: bool = False  # the app sent X-Slack-No-Retry: 1


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """Slack's v0 signature of a request body."""
    base = b"v0:" + str(timestamp).encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


class HttpMode:
    """Posts to one request URL with v0 signatures."""

    def __init__(self, request_url: str, signing_secret: str) -> None:
        self.request_url = request_url
        self._secret = signing_secret
        self._session: aiohttp.ClientSession | None = None

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        return self._session

    async def verify(self) -> bool:
        """Slack's `url_verification`: True when the app answers the challenge."""
        challenge = secrets.token_hex(16)
        payload: Json = {"token": "", "challenge": challenge, "type": "url_verification"}
        body = json.dumps(payload).encode()
        headers = self._headers(body, "application/json")
        async with self._client().post(self.request_url, data=body, headers=headers) as response:
            return response.status == 200 and challenge in await response.text()

    def _headers(self, body: bytes, content_type: str) -> dict[str, str]:
        now = int(time.time())
        return {
            "Content-Type": content_type,
            "X-Slack-Request-Timestamp": str(now),
            "X-Slack-Signature": sign(self._secret, now, body),
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        }

    async def post(self, kind: str, payload: Json, attempt: int, reason: str, timeout: float) -> HttpOutcome:
        """Send one envelope's payload and read the acknowledgement (2xx within `timeout` seconds)."""
        if kind == "events_api":
            body, content_type = json.dumps(payload).encode(), "application/json"
        else:
            fields = payload if kind == "slash_commands" else {"payload": json.dumps(payload)}
            body, content_type = urlencode(fields).encode(), "application/x-www-form-urlencoded"
        headers = self._headers(body, content_type)
        if attempt:
            headers |= {"X-Slack-Retry-Num": str(attempt), "X-Slack-Retry-Reason": reason}
        try:
            async with self._client().post(
                self.request_url, data=body, headers=headers, timeout=aiohttp.ClientTimeout(total=timeout)
            ) as response:
                text = await response.text()
                if response.status // 100 == 2:
                    return HttpOutcome(True, _payload(text))
                no_retry = response.headers.get("X-Slack-No-Retry") == "1"
                return HttpOutcome(False, reason="http_error", no_retry=no_retry)
        except TimeoutError:
            return HttpOutcome(False, reason="http_timeout")
        except aiohttp.ClientError:
            return HttpOutcome(False, reason="connection_failed")

    async def close(self) -> None:
        """Close the client's connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def _payload(text: str) -> Json | None:
    if not text.strip():
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return {"text": text}
    return found if isinstance(found, dict) and found else None
