"""Ratings by mail: the links in a mail that asks, and the page that they open.

Looking changes nothing: mail scanners and browsers that fetch ahead follow links, and must not vote. Only the page's form
does, which nobody sends but a person. Whether a token is right is known to the core alone, so every answer is thanked for.
"""

import asyncio
import hashlib
import re
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from math import ceil
from urllib.parse import parse_qs

import structlog
from aiohttp import web

from bot.adapters.email import ratepage
from bot.adapters.email.ratepage import LANGUAGES
from bot.adapters.email.settings import EmailSettings
from bot.contract import AdapterContext, Routes
from bot.errors import StorageError
from bot.messages import Ask, Rated, SourceId
from bot.pace import Pace
from bot.peers import client_address
from bot.policy import Rate

log = structlog.get_logger(__name__)

PATH = "rate/{token}"
MAX_BODY = 32 * 1024
"""Bytes of a form that is sent."""
BODY_SECONDS = 10.0
IN_ALL = Rate(per_second=5.0, burst=100.0)
OF_ONE = Rate(per_second=0.1, burst=10.0)
FROM_ONE = Rate(per_second=0.5, burst=30.0)
"""Answers that are taken: of all together, with one token, from one IP address. Who guesses tokens has many of them and few
addresses. Where the proxy is not named in app.yaml all customers have one address, so it leaves room for all who are asked."""
_ALL = "all"
_REMEMBERED = 1_000
"""Tokens or addresses whose pace is known at a time; ``IN_ALL`` sees to it that fewer are in use."""
_TOKEN = re.compile(r"[a-z0-9]{26}\Z")
_SCORE = re.compile(r"[1-5]\Z")
_FORM = re.compile(r"[0-9a-f]{26}\Z")
_UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def links(base: str, ask: Ask) -> tuple[tuple[str, str], ...]:
    """(what it is called, its address) for each score, worst first. ``base`` is the address of the inbox's routes."""
    named = {1: f"1 – {ask.bad}", 5: f"5 – {ask.great}"}
    spoken = f"&l={ask.language}" if ask.language in LANGUAGES else ""
    return tuple(
        (named.get(score, str(score)), f"{base}/rate/{ask.token}?score={score}{spoken}")
        for score in range(1, 6)
    )


class RatePage:
    """The page of one inbox."""

    def __init__(
        self, context: AdapterContext, settings: EmailSettings, clock: Callable[[], float] = time.time
    ) -> None:
        self._context = context
        self._settings = settings
        self._clock = clock
        self._all, self._each, self._from = _Many(IN_ALL), _Many(OF_ONE), _Many(FROM_ONE)

    def add_to(self, routes: Routes) -> None:
        """Adds the page's routes."""
        routes.add("GET", PATH, self.look)
        routes.add("HEAD", PATH, self.look)
        routes.add("POST", PATH, self.answer)

    async def look(self, request: web.Request) -> web.Response:
        """GET and HEAD: the form with the link's score chosen. Changes nothing, whoever looks and how often."""
        code = _language(request)
        if not _TOKEN.match(request.match_info["token"]):
            return _reply(ratepage.odd(code), 404)
        return _reply(ratepage.confirm(code, secrets.token_hex(13), _score(request.query.get("score", ""))))

    async def answer(self, request: web.Request) -> web.Response:
        """POST of the form: the answer is stored, once however often it is sent."""
        code, token = _language(request), request.match_info["token"]
        if not _TOKEN.match(token):
            return _reply(ratepage.odd(code), 404)
        body = await _body(request)
        words = LANGUAGES[code]
        if body is None:
            return _reply(ratepage.confirm(code, secrets.token_hex(13), None, problem=words.later), 413)
        fields = _fields(body)
        score, form = _score(fields.get("score", "")), fields.get("form", "")
        comment = _cleaned(fields.get("comment", ""))
        if score is None:
            return _reply(ratepage.confirm(code, secrets.token_hex(13), None, comment, words.choose), 422)
        if wait := self._wait(token, self._address(request)):
            return _reply(ratepage.confirm(code, form, score, comment, words.later), 429, wait)
        now = datetime.fromtimestamp(self._clock(), UTC)
        source = _source(token, score, comment, form if _FORM.match(form) else now.date().isoformat())
        try:
            await self._context.accept(Rated(source, token, now, score, comment or None))
        except StorageError:
            log.warning("email.rating_not_stored", inbox=self._context.inbox)
            return _reply(ratepage.confirm(code, form, score, comment, words.later), 503)
        return _reply(ratepage.thanks(code), 200)

    def _address(self, request: web.Request) -> str:
        """The IP address that an answer counts for."""
        peer = request.transport.get_extra_info("peername") if request.transport is not None else None
        proxies, header = self._settings.trusted_proxies, self._settings.proxy_header
        return client_address(peer[0] if isinstance(peer, tuple) else None, request.headers, proxies, header)

    def _wait(self, token: str, address: str) -> float:
        """0 takes one more answer; otherwise the seconds until there is room, and nothing is taken."""
        now = time.monotonic()
        limits = ((self._from, address), (self._each, token), (self._all, _ALL))
        wait = max(limit.wait(name, now) for limit, name in limits)
        if not wait:
            for limit, name in limits:
                limit.take(name, now)
        return wait


class _Many:
    """One rate for each of many names. Those at rest are forgotten, so that made-up names take no memory."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._pace = Pace()
        self._names: set[str] = set()

    def wait(self, name: str, now: float) -> float:
        """Seconds until there is room for one more."""
        if not self._pace.known(name):
            if len(self._names) >= _REMEMBERED:
                self._pace.forget_full(now)
                self._names = {one for one in self._names if self._pace.known(one)}
            self._pace.limit(name, self._rate, now)
            self._names.add(name)
        return 0.0 if self._pace.available(name, now) else self._pace.wait(name, now)

    def take(self, name: str, now: float) -> None:
        """Takes one."""
        self._pace.take(name, now)


def _language(request: web.Request) -> str:
    return ratepage.language(request.query.get("l", ""), request.headers.get("Accept-Language", ""))


def _score(given: str) -> int | None:
    return int(given) if _SCORE.match(given) else None


def _source(token: str, score: int, comment: str, form: str) -> SourceId:
    """The same for the same form, sent again by a reload or a second press."""
    whole = "\0".join((token, str(score), comment, form))
    return SourceId(f"rated:{hashlib.sha256(whole.encode()).hexdigest()[:32]}")


async def _body(request: web.Request) -> bytes | None:
    """The form's bytes; None where they are too many, too slow or no form."""
    if (
        request.content_type != "application/x-www-form-urlencoded"
        or (request.content_length or 0) > MAX_BODY
    ):
        return None
    body = b""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for piece in request.content.iter_chunked(4096):
                body += piece
                if len(body) > MAX_BODY:
                    return None
    except (TimeoutError, ConnectionError):
        return None
    return body


def _fields(body: bytes) -> dict[str, str]:
    try:
        found = parse_qs(body.decode("ascii", "replace"), max_num_fields=10, errors="replace")
    except ValueError:
        return {}
    return {name: values[0] for name, values in found.items()}


def _cleaned(words: str) -> str:
    return _UNWANTED.sub("", words.replace("\r\n", "\n").replace("\r", "\n")).strip()[: ratepage.MAX_COMMENT]


def _reply(page: str, status: int = 200, wait: float = 0.0) -> web.Response:
    """``wait``: seconds after which it may be tried again."""
    headers = {**ratepage.HEADERS, **({"Retry-After": str(ceil(wait))} if wait else {})}
    return web.Response(text=page, status=status, content_type="text/html", headers=headers)
