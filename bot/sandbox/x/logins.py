"""Who may call: OAuth2 user tokens that end and rotate, the app's bearer token, OAuth 1.0a signatures."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable
from urllib.parse import parse_qsl, quote, unquote

from aiohttp import web

_PAIR = re.compile(r'(\w+)="([^"]*)"')


class Logins:
    """Keys of one app and one account. ``lifetime`` is an access token's, in seconds."""

    def __init__(self, user_id: str, clock: Callable[[], float] = time.time) -> None:
        self.client_id = f"client-{secrets.token_hex(6)}"
        self.client_secret = secrets.token_urlsafe(24)
        self.consumer_key = secrets.token_urlsafe(18)
        self.consumer_secret = secrets.token_urlsafe(30)
        self.access_token = f"{user_id}-{secrets.token_urlsafe(24)}"
        self.access_token_secret = secrets.token_urlsafe(30)
        self.bearer_token = f"AAAA{secrets.token_urlsafe(40)}"
        self.refresh_token = secrets.token_urlsafe(40)
        """What the consent gave: good for one use, then each answer holds the next."""
        self.lifetime = 7200.0
        self.refreshed = 0
        """How often a refresh token was traded."""
        self._newest = self.refresh_token
        self._access: dict[str, float] = {}
        self._clock = clock

    def sign_in(self) -> str:
        """A new consent in a browser: a fresh refresh token; access tokens of before end."""
        self._access.clear()
        self.refresh_token = self._newest = secrets.token_urlsafe(40)
        return self.refresh_token

    def expire(self) -> None:
        """All access tokens end now."""
        self._access.clear()

    def withdraw(self) -> None:
        """The account takes its consent back."""
        self._access.clear()
        self._newest = ""

    async def trade(self, request: web.Request) -> tuple[int, dict[str, object]]:
        """``POST /2/oauth2/token``: a refresh token works once."""
        form = await request.post()
        pair = base64.b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()
        if not hmac.compare_digest(
            request.headers.get("Authorization", "").encode(), f"Basic {pair}".encode()
        ):
            return 401, {"error": "unauthorized_client", "error_description": "Invalid client"}
        if form.get("grant_type") != "refresh_token" or form.get("client_id") != self.client_id:
            return 400, {"error": "invalid_request", "error_description": "Missing required parameter"}
        if not self._newest or form.get("refresh_token") != self._newest:
            return 400, {
                "error": "invalid_request",
                "error_description": "Value passed for the token was invalid.",
            }
        self._newest = secrets.token_urlsafe(40)
        self.refreshed += 1
        token = secrets.token_urlsafe(40)
        self._access[token] = self._clock() + self.lifetime
        scope = "tweet.read users.read dm.read dm.write media.write offline.access"
        return 200, {
            "token_type": "bearer",
            "expires_in": int(self.lifetime),
            "access_token": token,
            "scope": scope,
            "refresh_token": self._newest,
        }

    def who(self, request: web.Request, url: str) -> str:
        """user2, user1 (OAuth 1.0a), app, or "" for nobody. ``url``: the request's, as the caller wrote it."""
        header = request.headers.get("Authorization", "")
        if header == f"Bearer {self.bearer_token}":
            return "app"
        if header.startswith("Bearer "):
            return "user2" if self._access.get(header[7:], 0.0) > self._clock() else ""
        if header.startswith("OAuth "):
            return "user1" if self._signed(request.method, url, header) else ""
        return ""

    def _signed(self, method: str, url: str, header: str) -> bool:
        given = {key: unquote(value) for key, value in _PAIR.findall(header)}
        if (
            given.get("oauth_token") != self.access_token
            or given.get("oauth_consumer_key") != self.consumer_key
        ):
            return False
        bare, _, query = url.partition("?")
        pairs = parse_qsl(query, keep_blank_values=True)
        pairs += [(key, value) for key, value in given.items() if key not in ("oauth_signature", "realm")]
        normal = "&".join(sorted(f"{_quoted(key)}={_quoted(value)}" for key, value in pairs))
        base = "&".join((method, _quoted(bare), _quoted(normal)))
        key = f"{_quoted(self.consumer_secret)}&{_quoted(self.access_token_secret)}"
        made = base64.b64encode(hmac.digest(key.encode(), base.encode(), hashlib.sha1)).decode()
        return hmac.compare_digest(made, given.get("oauth_signature", ""))


def _quoted(text: str) -> str:
    return quote(text, safe="~")
