"""The one place where Telegram's failures become the contract's errors: first match in a table.

A refusal is certain, whatever it says. A connection that was never made is certain too. An answer that did not come after
the request was on its way is not: Telegram has no way to ask whether a message was sent.
"""

from collections.abc import Callable

from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    TelegramError,
)

from bot.adapters.telegram.wire import Flood, ServerTrouble
from bot.errors import (
    AdapterError,
    AuthenticationFailed,
    ConnectionLost,
    DeliveryError,
    PermanentFailure,
    TemporaryFailure,
    UncertainFailure,
)

TOKEN_PAUSE = 300.0
"""Seconds before another attempt when Telegram refuses our token."""
_NOT_CONNECTED = frozenset(
    ("ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol")
)
"""Names of the HTTP library's errors that come before anything was sent."""
_RETRIED = frozenset((502, 503))
"""HTTP states of Telegram's front servers when nobody behind them took the request."""

_WORDS = (
    ("bot was blocked by the user", "the customer has blocked the bot"),
    ("user is deactivated", "the customer's Telegram account was deleted"),
    ("bot was kicked", "the bot was removed from the group"),
    ("can't initiate conversation", "the customer has not started a chat with the bot"),
    ("can't send messages to bots", "this is a bot, and bots cannot write to bots"),
    ("not enough rights", "the bot may not write there"),
    ("chat not found", "Telegram does not know this chat (any more)"),
    ("message is too long", "the text is longer than Telegram takes"),
    ("message can't be edited", "Telegram does not allow this message to be changed any more"),
    ("message to edit not found", "the message is not in the chat any more"),
    ("message can't be deleted", "Telegram allows messages to be taken back for 48 hours only"),
)
"""Pieces of Telegram's descriptions and what they mean, for agents."""


def send_error(problem: BaseException) -> DeliveryError:
    """What a failed attempt to send means."""
    if isinstance(problem, DeliveryError):
        return problem
    for kind, made in _SEND:
        if isinstance(problem, kind):
            return made(problem)
    return UncertainFailure(f"unexpected {type(problem).__name__} while it was being sent")


def repeatable(problem: DeliveryError) -> DeliveryError:
    """The same for an edit or a deletion, which does no harm when it is done twice."""
    if isinstance(problem, UncertainFailure):
        return TemporaryFailure(problem.reason)
    return problem


def adapter_error(problem: BaseException) -> AdapterError:
    """What a failure means for the inbox as a whole, with the cure."""
    if isinstance(problem, AdapterError):
        return problem
    for kind, made in _ADAPTER:
        if isinstance(problem, kind):
            return made(problem)
    return AdapterError(f"Telegram: unexpected {type(problem).__name__}.")


def said(problem: BaseException) -> str:
    """Telegram's own words, in ours where they are known."""
    words = str(problem) or type(problem).__name__
    for piece, meaning in _WORDS:
        if piece in words.lower():
            return f"{meaning} ({words})"
    return words


def _flood(problem: BaseException) -> DeliveryError:
    seconds = problem.seconds if isinstance(problem, Flood) else None
    return TemporaryFailure(str(problem), seconds, freeze=True)


def _server(problem: BaseException) -> DeliveryError:
    code = problem.code if isinstance(problem, ServerTrouble) else 0
    if code == 413:
        return PermanentFailure("it is larger than Telegram takes (413)")
    if code in _RETRIED:
        return TemporaryFailure(f"Telegram is not well: {problem}")
    return UncertainFailure(f"Telegram failed while it took the message: {problem}")


def _network(problem: BaseException) -> DeliveryError:
    if type(problem.__cause__).__name__ in _NOT_CONNECTED:
        return TemporaryFailure(f"Telegram could not be reached: {problem}")
    return UncertainFailure(f"Telegram went away before it answered: {problem}")


_SEND: tuple[tuple[type[BaseException], Callable[[BaseException], DeliveryError]], ...] = (
    (Flood, _flood),
    (ServerTrouble, _server),
    (Forbidden, lambda problem: PermanentFailure(said(problem))),
    (
        InvalidToken,
        lambda problem: TemporaryFailure("Telegram refuses the bot's token", TOKEN_PAUSE, freeze=True),
    ),
    (ChatMigrated, lambda problem: TemporaryFailure("the group has moved to a new chat id", 0.0)),
    (Conflict, lambda problem: TemporaryFailure(said(problem))),
    (BadRequest, lambda problem: PermanentFailure(f"refused by Telegram: {said(problem)}")),
    (NetworkError, _network),
    (TelegramError, lambda problem: UncertainFailure(f"Telegram's answer makes no sense: {problem}")),
)
"""Most specific first: `BadRequest` is a `NetworkError`, and everything here is a `TelegramError`."""

_ADAPTER: tuple[tuple[type[BaseException], Callable[[BaseException], AdapterError]], ...] = (
    (
        InvalidToken,
        lambda problem: AuthenticationFailed(
            "Telegram refuses the bot's token. Get it from @BotFather (/mybots → API Token) and set token in app.yaml."
        ),
    ),
    (
        Conflict,
        lambda problem: AdapterError(
            "Another program receives this bot's messages (409): stop it, or give this inbox a bot of its own. "
            f"Telegram says: {problem}"
        ),
    ),
    (Flood, lambda problem: ConnectionLost(str(problem))),
    (ServerTrouble, lambda problem: ConnectionLost(f"Telegram is not well: {problem}")),
    (BadRequest, lambda problem: AdapterError(f"Telegram refuses what we ask: {problem}")),
    (NetworkError, lambda problem: ConnectionLost(f"Telegram cannot be reached: {problem}")),
    (TelegramError, lambda problem: AdapterError(f"Telegram: {problem}")),
)
