"""The Bot API client: python-telegram-bot's bare `Bot`, with raw updates and with HTTP states told apart.

`Bot` makes one error of all answers it does not know. What may have been done and what was certainly not done
are told apart here, from the HTTP state, before it does so.
"""

import json
import os
from typing import Any

from telegram import Bot
from telegram.error import TelegramError
from telegram.request import HTTPXRequest
from typing_extensions import override

from bot.adapters.telegram.settings import TelegramSettings

os.environ.setdefault(
    "PTB_TIMEDELTA", "true"
)  # the library's new way; with the old one it warns at every message

ALLOWED_UPDATES = ("message", "edited_message", "message_reaction", "my_chat_member", "callback_query")
"""What we ask Telegram for."""
BATCH = 100
"""Updates a poll, Telegram's maximum."""
FILE_SECONDS = 300.0
"""How long a file may take on its way to Telegram, and Telegram to answer then."""


class Flood(TelegramError):
    """429: too fast. ``seconds`` until it may be tried again."""

    __slots__ = ("seconds",)

    def __init__(self, seconds: float) -> None:
        super().__init__(f"Telegram asks to wait {seconds:g} seconds")
        self.seconds = seconds


class ServerTrouble(TelegramError):
    """A 5xx or 413. ``code`` is the HTTP state."""

    __slots__ = ("code",)

    def __init__(self, code: int, words: str) -> None:
        super().__init__(f"{words} ({code})")
        self.code = code


class Wire(HTTPXRequest):
    """HTTP with its states kept."""

    __slots__ = ()

    @override
    async def do_request(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        code, payload = await super().do_request(*args, **kwargs)
        if code == 429:
            raise Flood(_retry_after(payload))
        if code == 413 or code >= 500:
            raise ServerTrouble(code, str(_answer(payload).get("description") or "no answer from Telegram"))
        return code, payload


class Client:
    """The library's client and its two connection pools. Making one reads certificates from disk: do it in a thread.

    It is never initialised in the library's sense, which would ask Telegram who we are before anything else.
    """

    def __init__(self, settings: TelegramSettings) -> None:
        seconds = settings.timeout
        limits: dict[str, Any] = {"read_timeout": seconds, "write_timeout": seconds, "pool_timeout": seconds}
        connect = min(seconds, 10.0)
        self._pools = (
            Wire(
                connection_pool_size=64, connect_timeout=connect, media_write_timeout=FILE_SECONDS, **limits
            ),
            Wire(connection_pool_size=1, connect_timeout=connect, **limits),
        )
        self.bot = Bot(
            settings.token.get_secret_value(),
            base_url=f"{settings.api_url}/bot",
            base_file_url=f"{settings.api_url}/file/bot",
            request=self._pools[0],
            get_updates_request=self._pools[1],
        )

    async def close(self) -> None:
        """Give back connections."""
        for pool in self._pools:
            await pool.shutdown()


async def get_updates(bot: Bot, offset: int | None, timeout: int, patience: float) -> list[Any]:
    """Updates as Telegram sent them, nothing parsed: ``Bot.get_updates`` fails for all where one is unreadable.

    ``timeout``: seconds to wait for something new; ``patience``: seconds beyond that until the connection counts as dead.
    """
    wanted: dict[str, Any] = {"timeout": timeout, "limit": BATCH, "allowed_updates": list(ALLOWED_UPDATES)}
    if offset is not None:
        wanted["offset"] = offset
    # The odd spelling: the library warns when a method that it also has is called raw; it comes out as getUpdates.
    result = await bot.do_api_request("get_Updates", wanted, read_timeout=timeout + patience)
    if not isinstance(result, list):
        raise TelegramError("Telegram's answer to getUpdates is no list")
    return result


def _answer(payload: bytes) -> dict[str, Any]:
    try:
        found = json.loads(payload)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _retry_after(payload: bytes) -> float:
    parameters = _answer(payload).get("parameters")
    seconds = parameters.get("retry_after") if isinstance(parameters, dict) else None
    return float(seconds) if isinstance(seconds, int | float) and seconds > 0 else 1.0
