"""OAuth2 access tokens from a refresh token that X replaces at each use.

The refresh token of app.yaml is only the first. Each new one is stored, in one value with its access token, before
either is used (while the database does not take it, it is kept and stored later): a restart goes on with the newest.
Where app.yaml names another first token, a person has signed in anew, and that one counts.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import aiohttp

from bot.adapters.x.settings import OAuth2
from bot.contract import State
from bot.errors import AuthenticationFailed, ConnectionLost, StorageError

STATE_KEY = "oauth2"
_MARGIN = 60.0
"""Seconds before its end at which an access token is replaced."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What is stored. ``first`` is a hash of the refresh token in app.yaml that these come from; ``until`` epoch seconds."""

    first: str
    refresh: str
    access: str = ""
    until: float = 0.0


class AccessTokens:
    """Gives access tokens, and replaces them. ``url`` is where X trades refresh tokens."""

    def __init__(
        self, settings: OAuth2, state: State, url: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self._state = state
        self._url = url
        self._clock = clock
        self._tokens: Tokens | None = None
        self._unsaved = False
        self._lock = asyncio.Lock()

    async def current(self, session: aiohttp.ClientSession) -> str:
        """An access token that is good for a minute at least.

        Raises ``AuthenticationFailed`` when X refuses, ``ConnectionLost`` when it cannot be reached.
        """
        async with self._lock:
            tokens = await self._load()
            if not tokens.access or self._clock() >= tokens.until - _MARGIN:
                tokens = await self._refresh(session, tokens)
            await self._save()
            return tokens.access

    async def renew(self, session: aiohttp.ClientSession, refused: str) -> str:
        """Another access token in place of one that X refused; the present one where it is another already."""
        async with self._lock:
            tokens = await self._load()
            if tokens.access == refused:
                tokens = await self._refresh(session, tokens)
            await self._save()
            return tokens.access

    async def _load(self) -> Tokens:
        if self._tokens is None:
            given = self._settings.refresh_token.get_secret_value()
            first = hashlib.sha256(given.encode()).hexdigest()[:32]
            stored = await self._state.get(STATE_KEY)
            kept = Tokens(**json.loads(stored)) if stored else None
            self._tokens = kept if kept is not None and kept.first == first else Tokens(first, given)
        return self._tokens

    async def _save(self) -> None:
        """Stores what is new. A failure is made good at the next call: X has forgotten the old token already."""
        if self._unsaved and self._tokens is not None:
            try:
                await self._state.set(STATE_KEY, json.dumps(asdict(self._tokens)))
            except StorageError:
                return
            self._unsaved = False

    async def _refresh(self, session: aiohttp.ClientSession, old: Tokens) -> Tokens:
        answer = await self._ask(session, old.refresh)
        access, refresh, seconds = (
            answer.get(key) for key in ("access_token", "refresh_token", "expires_in")
        )
        if not isinstance(access, str) or not access:
            raise ConnectionLost("X gave no access token")
        lifetime = float(seconds) if isinstance(seconds, int | float) else 7200.0
        newest = refresh if isinstance(refresh, str) and refresh else old.refresh
        self._tokens = Tokens(old.first, newest, access, self._clock() + lifetime)
        self._unsaved = True
        return self._tokens

    async def _ask(self, session: aiohttp.ClientSession, refresh_token: str) -> dict[str, object]:
        settings = self._settings
        form = {
            "grant_type": "refresh_token",
            "refresh_token": refresh_token,
            "client_id": settings.client_id,
        }
        secret = settings.client_secret.get_secret_value()
        pair = base64.b64encode(f"{settings.client_id}:{secret}".encode()).decode()
        headers = {"Authorization": f"Basic {pair}"} if secret else {}
        try:
            async with session.post(self._url, data=form, headers=headers, middlewares=()) as response:
                status, body = response.status, await response.content.read(65_536)
        except (aiohttp.ClientError, OSError) as problem:
            raise ConnectionLost(f"X cannot be reached: {str(problem) or 'no answer'}") from problem
        try:
            answer = json.loads(body)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):  # a proxy's page, whatever it says
            raise ConnectionLost(f"X gives no access token now ({status})")
        if status in (400, 401, 403):
            said = answer.get("error_description") or answer.get("error") or status
            raise AuthenticationFailed(
                f"X does not accept our sign-in any more ({said}): the account withdrew it, or the refresh token "
                "was used elsewhere. Sign in to X anew and put the new oauth2.refresh_token into app.yaml."
            )
        if status != 200:
            raise ConnectionLost(f"X gives no access token now ({status})")
        return answer
