"""The adapter of one X account: webhooks bring messages at once where they are set up, slow polling finds the rest.

A message is done when ``accept`` has returned; polling moves its cursor in the same transaction. Sending is 15 messages
in 15 minutes, so the outbox joins what waits; X has no key that makes a second attempt harmless, so what X may have
taken is uncertain and never sent again by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

from bot.adapters.x.budget import Reads, Sends, Spent
from bot.adapters.x.client import XClient
from bot.adapters.x.errors import Refused, read_error, send_error
from bot.adapters.x.inbound import Inbound, Recent
from bot.adapters.x.parse import pair
from bot.adapters.x.poll import Poller
from bot.adapters.x.settings import XSettings, label, own_addresses
from bot.adapters.x.tokens import AccessTokens
from bot.adapters.x.webhook import PATH, Receiver, register
from bot.capabilities import Capabilities, FileRules, Unit, measure
from bot.contract import AdapterContext, Channel
from bot.errors import (
    AdapterError,
    AuthenticationFailed,
    ConnectionLost,
    DeliveryError,
    PermanentFailure,
    StorageError,
)
from bot.messages import Attachment, Part, Receipt, RemoteId, Reply, SpanKind, Text

T = TypeVar("T")

MAX_TEXT = 10_000
MAX_FILE = 5_000_000
"""Bytes of a picture; a GIF may have 15 MB and a video more, which the rules of files cannot say."""
TYPES = ("image/jpeg", "image/png", "image/webp", "image/gif", "video/mp4")
RETRY_FIRST, RETRY_MOST = 5.0, 300.0
"""Seconds between attempts to read."""
LOGIN_FIRST, LOGIN_MOST = 60.0, 900.0
"""The same after a refused login: only a person can mend that."""
REGISTER_AGAIN = 6 * 3600.0
"""Seconds between looks whether the webhook is still registered and valid."""
WINDOW = 960.0
"""Seconds: X's windows of a quarter of an hour, and some."""
DOUBT_PAUSE = 60.0
"""Seconds between two such looks at least."""
_WITHDRAWN = "The X account has withdrawn its consent. Sign in to X anew and put the new token into app.yaml."


class Health:
    """Several parts of an inbox and one status: the first problem is told, and the end of all."""

    def __init__(self, context: AdapterContext) -> None:
        self._context = context
        self._problems: dict[str, str] = {}
        self._told: str | None = "nothing yet"

    async def tell(self, part: str, problem: str | None) -> None:
        """Says how a part is: None for well. That all is well shows only by reading."""
        if problem is None:
            if self._problems.pop(part, None) is None and part != "reading":
                return
        else:
            self._problems[part] = problem
        now = next(iter(self._problems.values()), None)
        if now != self._told:
            with contextlib.suppress(StorageError):  # then it is told the next time
                await self._context.status(now)
                self._told = now


class XAdapter:
    """One inbox. ``run`` reads it until cancelled; ``send`` and the webhook's routes work meanwhile."""

    def __init__(
        self, settings: XSettings, context: AdapterContext, clock: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self._context = context
        tokens = None
        if settings.oauth2 is not None:
            url = f"{settings.api_url}/2/oauth2/token"
            tokens = AccessTokens(settings.oauth2, context.state, url, clock)
        self._client = XClient(settings, tokens)
        self._health = Health(context)
        self._recent = Recent()
        self._inbound = Inbound(settings, context, self._client)
        reads = Reads(context.state, settings.reads_per_day, settings.reads_per_month, clock)
        self._poller = Poller(context, self._client, self._inbound, self._recent, reads, settings.user_id)
        self._sends = Sends(context.state, settings.sends_per_day, clock)
        self._capabilities = capabilities()
        hook = settings.webhook
        self._delivered = hook is not None and hook.bearer_token is None  # else once it is registered
        self._doubt = asyncio.Event()
        self._missed = asyncio.Event()
        self._add_routes()

    def _add_routes(self) -> None:
        hook, routes = self._settings.webhook, self._context.routes
        if hook is None or routes is None:
            return
        receiver = Receiver(
            hook,
            self._settings.user_id,
            self._context,
            self._inbound,
            self._recent,
            self._was_withdrawn,
            self._missed.set,
        )
        routes.add("GET", PATH, receiver.challenge)
        routes.add("POST", PATH, receiver.deliver)

    async def _was_withdrawn(self) -> None:
        await self._health.tell("reading", _WITHDRAWN)

    @property
    def capabilities(self) -> Capabilities:
        """What X can carry: plain text, one picture a message, few messages."""
        return self._capabilities

    async def check(self) -> None:
        """Sign in, and see that it is the account of app.yaml. Raises ``AdapterError`` with the cure."""
        if self._settings.webhook is not None and self._context.routes is None:
            raise AdapterError("Webhooks need the bot's web server; start it with `onethread run`.")
        try:
            found = await self._client.me()
        except Exception as problem:
            raise read_error(problem) from problem
        if found != self._settings.user_id:
            raise AdapterError(
                f"The keys belong to the X account {found}, and app.yaml names {self._settings.user_id}. Correct user_id, "
                "or sign in with the right account."
            )

    async def close(self) -> None:
        """Give back connections."""
        await self._client.close()

    # -- reading ---------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Read the inbox until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_reading())
            if self._settings.webhook is not None:
                group.create_task(self._keep_registered())

    async def _keep_reading(self) -> None:
        failures = 0
        while True:
            try:
                found = await self._poller.look()
                failures = 0
                await self._health.tell("reading", None)
                if found:
                    self._doubt.set()  # a webhook should have been faster
                pause = self._settings.reconcile if self._delivered else self._settings.poll
                if await _within(pause, self._missed):
                    self._missed.clear()
                    pause = min(pause, RETRY_FIRST)
                else:
                    pause = 0.0
            except StorageError:
                failures += 1
                pause = _backoff(failures, RETRY_FIRST, RETRY_MOST)  # the core knows better than we do
            except Spent as spent:
                await self._health.tell("reading", str(spent))
                pause = min(spent.seconds, 3600.0)
            except Exception as problem:
                failures += not _is_full_window(problem)
                pause = await self._tell(problem, failures)
            await asyncio.sleep(pause)

    async def _tell(self, problem: Exception, failures: int) -> float:
        """Says what is wrong unless it may pass by itself; the seconds until the next attempt."""
        if isinstance(problem, Refused) and problem.wait is not None and _is_full_window(problem):
            return problem.wait
        error = read_error(problem)
        if failures > 1 or not isinstance(error, ConnectionLost):
            await self._health.tell("reading", str(error))
        if isinstance(problem, Refused) and problem.status == 429:
            return problem.wait if problem.wait is not None else _backoff(failures, 60.0, 900.0)
        if isinstance(error, AuthenticationFailed):
            return _backoff(failures, LOGIN_FIRST, LOGIN_MOST)
        return _backoff(failures, RETRY_FIRST, RETRY_MOST)

    async def _keep_registered(self) -> None:
        failures = 0
        while True:
            self._doubt.clear()
            try:
                await register(self._client, self._settings)
                if failures:
                    await self._health.tell("webhook", None)
                if not self._delivered:
                    self._missed.set()  # what came until now came to nobody
                failures, pause, self._delivered = 0, REGISTER_AGAIN, True
            except Exception as problem:
                failures += 1
                pause, self._delivered = _backoff(failures, RETRY_FIRST, RETRY_MOST), False
                if failures > 1:
                    await self._health.tell(
                        "webhook", f"X's webhook is not set up, so messages come late: {read_error(problem)}"
                    )
            if await _within(pause, self._doubt):
                await asyncio.sleep(min(pause, DOUBT_PAUSE))

    # -- sending ---------------------------------------------------------------------------------------

    async def send(self, reply: Reply, part: Part) -> Receipt:
        """Send one part. Raises a ``DeliveryError`` that says whether it is final and whether it is certain."""
        words = rendered(part.text)
        if len(part.attachments) > 1:
            raise PermanentFailure("X carries one picture a message")
        media = [await self._before(self._upload(one)) for one in part.attachments]
        await self._before(self._sends.take())
        group = reply.thread_key is not None and "-" not in reply.thread_key
        try:
            event_id, conversation = await self._client.say(
                words or None,
                media[0] if media else None,
                conversation=reply.thread_key if group else None,
                person=None if group else reply.to.address,
            )
        except Exception as problem:
            raise await self._failure(problem, begun=True) from problem
        self._recent.add(event_id)
        await self._health.tell("sending", None)
        thread = conversation if group else pair(reply.to.address, self._settings.user_id)
        return Receipt((RemoteId(event_id),), datetime.now(UTC), thread_key=thread)

    async def _before(self, step: Awaitable[T]) -> T:
        """A step before the message itself: whatever goes wrong in it, nothing was sent."""
        try:
            return await step
        except Exception as problem:
            raise await self._failure(problem, begun=False) from problem

    async def _failure(self, problem: Exception, *, begun: bool) -> DeliveryError:
        login = isinstance(problem, Refused) and problem.status == 401
        if login or isinstance(problem, AuthenticationFailed):
            await self._health.tell("sending", str(read_error(problem)))
        return send_error(problem, begun=begun)

    async def _upload(self, attachment: Attachment) -> str:
        if attachment.blob is None:
            raise PermanentFailure(f"the file {attachment.name} has no bytes to send")
        try:
            data = await self._context.blobs.get(attachment.blob)
        except KeyError as problem:
            raise PermanentFailure(f"the file {attachment.name} has been erased") from problem
        return await self._client.upload(data, attachment.media_type)


def rendered(text: Text) -> str:
    """Plain text with the address after a link's words. Raises ``PermanentFailure`` when that is too long for X."""
    made, end = "", 0
    for span in sorted(text.spans, key=lambda one: one.end):
        shown = text.plain[span.start : span.end]
        if span.kind is SpanKind.LINK and span.value and span.end > end and not _same(shown, span.value):
            made += f"{text.plain[end : span.end]} ({span.value.removeprefix('mailto:')})"
            end = span.end
    made += text.plain[end:]
    if measure(made, Unit.UTF16) > MAX_TEXT:
        raise PermanentFailure(f"with its links written out it is longer than X's {MAX_TEXT:,} characters")
    return made


def _same(shown: str, address: str) -> bool:
    """Whether a link's words are its address."""
    bare = re.compile(r"^(https?://|mailto:)|/$")
    return bare.sub("", shown.strip()).casefold() == bare.sub("", address).casefold()


def capabilities() -> Capabilities:
    """What X can carry. Characters are counted the stricter of two ways: X does not say which is its own."""
    return Capabilities(
        channel="x",
        max_text=MAX_TEXT,
        unit=Unit.UTF16,
        spans=frozenset((SpanKind.LINK,)),
        files=FileRules(MAX_FILE, per_message=1, types=TYPES, caption=MAX_TEXT),
        rate=15 / 900,
        burst=15,
        joins=True,
    )


def _is_full_window(problem: Exception) -> bool:
    """A 429 of X's ordinary windows: it passes by itself, and a long backlog meets several."""
    return isinstance(problem, Refused) and problem.status == 429 and 0 < (problem.wait or 0) <= WINDOW


async def _within(seconds: float, event: asyncio.Event) -> bool:
    """Waits for an event; False when it did not come in so many seconds."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


def _backoff(failures: int, first: float, most: float) -> float:
    """Doubling, at most ``most``, with a fifth of chance so that many inboxes do not come at once."""
    return float(min(first * 2 ** min(failures - 1, 20), most) * random.uniform(0.8, 1.2))


CHANNEL = Channel(
    name="x",
    icon=":incoming_envelope:",
    settings=XSettings,
    build=XAdapter,
    addresses=own_addresses,
    label=label,
    answer_within=1800.0,
)
"""What the entry point `x` in the group `onethread.adapters` offers."""
