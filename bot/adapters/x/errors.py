"""The one place where X's failures become the contract's errors: first match in a table.

Until the message itself is on its way every failure is certain. After that, what is not a plain refusal is uncertain:
X has no key that would make a second attempt harmless.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp

from bot.errors import (
    AdapterError,
    AuthenticationFailed,
    ConnectionLost,
    DeliveryError,
    PermanentFailure,
    TemporaryFailure,
    UncertainFailure,
)

LOGIN_PAUSE = 300.0
"""Seconds before another attempt when X refuses our login: a person mends it, and the reply can go then."""
NO_RESET = 60.0
"""Seconds to wait after a 429 that does not say when."""
LONGEST_WAIT = 86_400.0


class Refused(Exception):
    """X answered with an error. ``said`` is its own sentence; ``wait`` the seconds it asks for, where it does."""

    def __init__(self, status: int, said: str, kind: str = "", wait: float | None = None) -> None:
        super().__init__(f"{said} ({status})")
        self.status = status
        self.said = said
        self.kind = kind
        self.wait = wait


class BadAnswer(Exception):
    """X answered that it was well, but not with what it describes."""


def refused(status: int, headers: Mapping[str, str], body: Any) -> Refused:
    """The error behind an answer; ``body`` is its JSON, or None where it was none."""
    said, kind = _words(body)
    return Refused(status, said or _PLAIN.get(status, "no reason given"), kind, _wait(headers))


_PLAIN = {
    401: "our login is not accepted",
    403: "not allowed",
    404: "there is no such conversation",
    429: "too many requests",
    503: "X is busy",
}


def _words(body: Any) -> tuple[str, str]:
    """X's sentence and the type of the problem: three shapes are in use."""
    if not isinstance(body, dict):
        return "", ""
    inner = body.get("errors")
    first = inner[0] if isinstance(inner, list) and inner and isinstance(inner[0], dict) else {}
    for part in (body, first):
        for key in ("detail", "message", "error_description", "title", "error"):
            said = part.get(key)
            if isinstance(said, str) and said:
                kind = part.get("type")
                return said[:300], kind.rpartition("/")[2] if isinstance(kind, str) else ""
    return "", ""


def _wait(headers: Mapping[str, str]) -> float | None:
    """Seconds until X answers again, by its own clock: the latest of the windows that are used up."""
    try:
        now = parsedate_to_datetime(headers["Date"]).timestamp()
    except (KeyError, ValueError, TypeError):
        now = time.time()
    ends: list[float] = []
    for window in ("x-rate-limit", "x-user-limit-24hour", "x-app-limit-24hour"):
        reset, left = headers.get(f"{window}-reset", ""), headers.get(f"{window}-remaining", "0")
        if reset.isdigit() and left == "0":
            ends.append(float(reset) - now)
    after = headers.get("Retry-After", "")
    if after.isdigit():
        ends.append(float(after))
    return min(max(1.0, *ends), LONGEST_WAIT) if ends else None


def _full(wait: float) -> TemporaryFailure:
    until = datetime.now(UTC) + timedelta(seconds=wait)
    return TemporaryFailure(f"X takes no more messages until {until:%H:%M} UTC", wait, freeze=True)


_BY_STATUS: Mapping[int, Callable[[Refused], DeliveryError]] = {
    400: lambda p: PermanentFailure(f"X refuses the message: {p}"),
    401: lambda p: TemporaryFailure(f"X refuses our login: {p}", LOGIN_PAUSE, freeze=True),
    403: lambda p: PermanentFailure(f"X does not let us write to this person: {p}"),
    404: lambda p: PermanentFailure(f"X does not know this person or conversation: {p}"),
    408: lambda p: UncertainFailure(f"X did not finish in time: {p}"),
    409: lambda p: UncertainFailure(f"X answers that something is in its way: {p}"),
    429: lambda p: _full(p.wait if p.wait is not None else NO_RESET),
}


def send_error(problem: BaseException, *, begun: bool) -> DeliveryError:
    """What a failed attempt to send means. ``begun``: the message itself was on its way, not only its picture."""
    if isinstance(problem, DeliveryError):
        return problem
    if isinstance(problem, AuthenticationFailed):
        return TemporaryFailure(str(problem), LOGIN_PAUSE, freeze=True)
    if isinstance(problem, ConnectionLost):  # no access token: nothing was sent
        return TemporaryFailure(str(problem))
    if isinstance(problem, Refused):
        return _refusal(problem, begun=begun)
    said = str(problem) or type(problem).__name__
    if isinstance(problem, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return TemporaryFailure(f"X could not be reached: {said}")
    if begun:
        return UncertainFailure(f"X went away before it answered: {said}")
    return TemporaryFailure(f"the message could not be got ready: {said}")


def _refusal(problem: Refused, *, begun: bool) -> DeliveryError:
    made = _BY_STATUS.get(problem.status)
    if made is not None:
        error = made(problem)
    elif 400 <= problem.status < 500:
        error = PermanentFailure(f"X refuses the message: {problem}")
    else:
        error = UncertainFailure(f"X broke off: {problem}")
    if not begun and isinstance(error, UncertainFailure):
        return TemporaryFailure(error.reason)
    return error


def read_error(problem: BaseException) -> AdapterError:
    """What a failure of reading means for the inbox as a whole."""
    if isinstance(problem, AdapterError):
        return problem
    if isinstance(problem, Refused):
        if problem.status == 401:
            return AuthenticationFailed(
                f"X refuses our login: {problem}. Check the keys of this inbox in app.yaml, or sign in to X anew."
            )
        if problem.status == 403:
            return AdapterError(
                f"X does not let us read direct messages: {problem}. Check the app's plan and its scopes "
                "(dm.read, dm.write, tweet.read, users.read, offline.access)."
            )
        if problem.status in (400, 404):
            return AdapterError(f"X refuses what we ask: {problem}")
        return ConnectionLost(f"X cannot be read now: {problem}")
    if isinstance(problem, BadAnswer | aiohttp.ClientError | OSError | ValueError):
        return ConnectionLost(f"X cannot be reached: {str(problem) or type(problem).__name__}")
    return AdapterError(f"unexpected {type(problem).__name__}")
