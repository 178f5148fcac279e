"""What the "break things" panel does. Everything here hurts the stand-ins or the process; the bot knows nothing of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .demo import Demo


async def _too_fast(demo: Demo) -> None:
    demo.slack.faults.limit("*", retry_after=4, times=2)


async def _slack_fails(demo: Demo) -> None:
    demo.slack.faults.fail("*", times=2, status=500)


async def _slack_drops(demo: Demo) -> None:
    demo.slack.faults.drop("chat.postMessage", times=1, processed=True)


async def _kill(demo: Demo) -> None:
    await demo.bot.kill()


async def _start(demo: Demo) -> None:
    await demo.bot.start()


async def _mail_away(demo: Demo) -> None:
    demo.mail_is_up = False
    await demo.mail.smtp_down()
    await demo.mail.imap_down()


async def _mail_back(demo: Demo) -> None:
    await demo.mail.smtp_up()
    await demo.mail.imap_up()
    demo.mail_is_up = True


async def _repair(demo: Demo) -> None:
    await demo.slack.control("clear")
    if not demo.mail_is_up:
        await _mail_back(demo)
    await demo.bot.start()


BREAKS: dict[str, Callable[[Demo], Awaitable[None]]] = {
    "slack_429": _too_fast,
    "slack_500": _slack_fails,
    "slack_drop": _slack_drops,
    "bot_kill": _kill,
    "bot_start": _start,
    "mail_down": _mail_away,
    "mail_up": _mail_back,
    "repair": _repair,
}
"""POST /demo/break {"do": name}."""
