"""OAuth2 access tokens for IMAP and SMTP, from a refresh token that the provider may rotate."""

import asyncio
import time

import aiohttp

from bot.adapters.email.settings import OAuth
from bot.contract import State
from bot.errors import AuthenticationFailed, ConnectionLost

_STATE_KEY = "oauth_refresh_token"
_MARGIN = 120.0
"""Seconds before its end at which an access token is replaced."""


class AccessTokens:
    """Calling it gives an access token that is good for two more minutes at least."""

    def __init__(self, settings: OAuth, state: State) -> None:
        self._settings = settings
        self._state = state
        self._token = ""
        self._good_until = 0.0
        self._lock = asyncio.Lock()

    async def __call__(self) -> str:
        """Raises AuthenticationFailed when the provider refuses, ConnectionLost when it cannot be reached."""
        async with self._lock:
            if time.monotonic() >= self._good_until:
                await self._refresh()
            return self._token

    async def _refresh(self) -> None:
        stored = await self._state.get(_STATE_KEY)
        form = {
            "grant_type": "refresh_token",
            "refresh_token": stored or self._settings.refresh_token.get_secret_value(),
            "client_id": self._settings.client_id,
        }
        secret = self._settings.client_secret.get_secret_value()
        if secret:
            form["client_secret"] = secret
        if self._settings.scope:
            form["scope"] = self._settings.scope
        answer = await self._ask(form)
        token = answer.get("access_token")
        if not isinstance(token, str) or not token:
            raise AuthenticationFailed(f"{self._settings.token_url} gave no access token")
        lifetime = answer.get("expires_in")
        seconds = float(lifetime) if isinstance(lifetime, int | float) else 300.0
        rotated = answer.get("refresh_token")
        if isinstance(rotated, str) and rotated:
            await self._state.set(_STATE_KEY, rotated)
        self._token = token
        self._good_until = time.monotonic() + max(seconds - _MARGIN, 0.0)

    async def _ask(self, form: dict[str, str]) -> dict[str, object]:
        url = self._settings.token_url
        try:
            timeout = aiohttp.ClientTimeout(total=30)
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(url, data=form) as response,
            ):
                answer = await response.json(content_type=None)
                status = response.status
        except (aiohttp.ClientError, TimeoutError, ValueError) as problem:
            raise ConnectionLost(f"{url} cannot be reached: {str(problem) or 'no answer'}") from problem
        if not isinstance(answer, dict):
            raise ConnectionLost(f"{url} gave an answer that makes no sense")
        if status in (400, 401, 403):
            said = answer.get("error_description") or answer.get("error") or status
            raise AuthenticationFailed(
                f"the OAuth2 consent is not accepted any more: {said}. Give consent again."
            )
        if status != 200:
            raise ConnectionLost(f"{url} answered {status}")
        return answer
