"""Doing what somebody pressed in the time that Slack gives, and showing them what came of it, where they are."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from bot.commands.types import Answer, Later, Result
from bot.errors import DeliveryError, StorageError
from bot.messages import Text
from bot.slack.tools import Tools, shown_now

QUICK_SECONDS = 2.0
"""Slack waits 3; the rest is for the way."""
TRY_AGAIN = "The database did not take it, so nothing was done. Please try again."
UNSURE = "Something went wrong here. Look in the thread before you try again."
_log = logging.getLogger(__name__)

Ack = Callable[..., Awaitable[Any]]
HOME = "home"
"""In the place of a Slack channel: what is pressed in the Home tab is answered there."""
AtHome = Callable[[str, Answer | None], Awaitable[None]]
"""Draws somebody's Home anew, with an answer at its top."""


@dataclass(frozen=True, slots=True)
class Where:
    """Where somebody pressed something, and how to answer them there.

    ``at_root``: on the card itself. Slack does not tell whether they looked at the channel or into the thread; an answer
    in the channel is seen by both, one in the thread only by those who have it open.
    """

    user: str
    channel: str
    thread_ts: str | None
    url: str | None
    ephemeral: bool = False
    at_root: bool = False

    @property
    def answer_ts(self) -> str | None:
        """The thread that an answer is shown in; None for the channel."""
        return None if self.at_root else self.thread_ts


class Answering:
    """Runs work for gestures and shows results."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self.at_home: AtHome | None = None

    def start(self, work: Callable[[], Awaitable[Result]]) -> asyncio.Task[Result]:
        """Begins the work; whatever goes wrong becomes a sentence."""
        return asyncio.create_task(safely(work))

    async def in_time(self, work: asyncio.Task[Result]) -> bool:
        """Whether the work is done before Slack must be answered."""
        done, _ = await asyncio.wait({work}, timeout=QUICK_SECONDS)
        return bool(done)

    def later(self, work: asyncio.Task[Result], where: Where) -> None:
        """Shows the result when it is there."""
        self._tools.hooks.spawn(self._finish(work, where))

    def soon(self, result: Result, where: Where) -> None:
        """Shows a result beside the acknowledgement."""
        self._tools.hooks.spawn(self.show(result, where))

    async def _finish(self, work: asyncio.Task[Result], where: Where) -> None:
        await self.show(await work, where)

    async def show(self, result: Result, where: Where) -> None:
        """Shows a result to the person, where they are. A card or post is never replaced by an answer, only an
        answer is."""
        if not isinstance(result, Answer | Later):
            return
        first = shown_now(result)
        replaces = first.replace and where.ephemeral and where.url is not None
        if where.channel == HOME and self.at_home is not None:
            await self.at_home(where.user, None if first.quiet else first)
        if first.quiet and not replaces:
            return
        if where.url is not None:
            await self._tools.respond(where.url, first, replace=replaces, thread_ts=where.answer_ts)
        elif where.channel and where.channel != HOME:
            await self._tools.whisper(where.channel, where.user, where.answer_ts, first)
        if isinstance(result, Later):
            await self._afterwards(result, where)

    async def _afterwards(self, later: Later, where: Where) -> None:
        answer = await later.work()
        if where.url is not None:
            await self._tools.respond(where.url, answer, replace=True, thread_ts=where.answer_ts)
        elif where.channel == HOME and self.at_home is not None:
            await self.at_home(where.user, answer)


async def safely(work: Callable[[], Awaitable[Result]]) -> Result:
    """The work's result; a failure of ours becomes a sentence that does not promise too much."""
    try:
        return await work()
    except StorageError:
        _log.exception("what somebody did was not stored")
        return Answer(Text(TRY_AGAIN), error=True)
    except DeliveryError as error:
        _log.warning("Slack did not tell what was needed: %s", error.reason)
        return Answer(Text(f"{error.reason} Nothing was done; please try again."), error=True)
    except Exception:
        _log.exception("what somebody did failed")
        return Answer(Text(UNSURE), error=True)


def order_of(body: dict[str, Any]) -> float:
    """When it was done, as Slack says; 0 where it does not, and the core then takes its own time."""
    stamp = body.get("action_ts") or (body.get("actions") or [{}])[0].get("action_ts")
    try:
        return float(stamp) if stamp else 0.0
    except ValueError:
        return 0.0
