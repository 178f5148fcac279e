"""Structured logs that hold no customer's words, no address and no secret.

Every line, ours or a library's, goes through ``redact``:

- values under keys that hold words or people (``text``, ``subject``, ``address``, ``token``…) are replaced;
- values of other types than plain data are named by their type only, since a dataclass's repr holds its text;
- what looks like a token, a password in a URL, an e-mail address and what a database error quotes is masked;
- an exception keeps its type and its frames. Its message stays only where we or the operating system wrote it, since a
  library's message often quotes what it could not digest;
- a library's line is cut at its first bracket and its end of line: ``slack_bolt`` prints whole request bodies.

Log what happened with ids: ``log.info("delivery settled", lane=7, message=12, state="accepted")``.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import Enum
from pathlib import PurePath
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from bot.errors import AdapterError, ConfigError, RelayError

HIDDEN = "[hidden]"

_PRIVATE = frozenset(
    """text subject body html raw payload content words excerpt query args blocks fields
    address addresses email mail sender recipient recipients to cc bcc from name username user_name real_name
    display_name customer_name file filename phone
    token tokens password passwd secret secrets secret_key authorization cookie cookies api_key key headers
    bot_token app_token access_token refresh_token client_secret url database_url response_url""".split()  # noqa: SIM905
)
_PRIVATE_END = re.compile(r"_(text|subject|address|email|token|password|secret|cookie)\Z")
_MASKS: tuple[tuple[re.Pattern[str], str], ...] = (
    # What a database error quotes: the statement, its parameters, the row.
    (re.compile(r"(?s)(\[(?:SQL|parameters): |DETAIL: ).*"), "[data]"),
    (re.compile(r"\bx(?:ox[a-z]|app|oxe)(?:\.xox[a-z])?-[\w-]+"), "[token]"),
    (re.compile(r"(?i)\b(bearer|xoauth2)\s+[\w.~+/=-]{6,}"), r"\1 [token]"),
    (re.compile(r"\b(Basic)\s+[\w+/=-]{12,}"), r"\1 [token]"),
    (re.compile(r"\bbot\d+:[\w-]{20,}"), "bot[token]"),
    (re.compile(r"(?i)\b(token|password|secret|signature|access_token|ticket)=[^\s&\"']+"), r"\1=[token]"),
    (re.compile(r"(://[^/\s:@]*):[^/\s@]+@"), r"\1:[password]@"),
    (re.compile(r"[^\s<>\"'(),;:=\[\]{}@]+@[^\s<>\"'(),;:=\[\]{}@]+\.[^\W\d_]{2,}"), "[address]"),
)
_CAPPED: Mapping[str, int] = {
    "aioimaplib": logging.INFO,
    "slack_sdk": logging.INFO,
    "slack_bolt": logging.INFO,
    "telegram": logging.INFO,
    "tweepy": logging.INFO,
    "asyncio": logging.INFO,
    "aiohttp": logging.INFO,
    "aiohttp.access": logging.WARNING,
    "aiosmtplib": logging.INFO,
    "mail.log": logging.WARNING,
    "pymap": logging.INFO,
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "sqlalchemy": logging.WARNING,
    "alembic": logging.WARNING,
}
_LIBRARY_LINE = 200
_DEEPEST = 4


def setup(
    level: str = "info", style: Literal["json", "console"] = "json", stream: TextIO | None = None
) -> None:
    """Sends every log line of the process, structlog's and the standard library's, to ``stream`` (stderr).

    ``level`` is one of debug, info, warning, error. Libraries that log secrets or message bodies at DEBUG stay at INFO.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    closing: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, redact]
    if style == "json":
        closing.append(structlog.processors.JSONRenderer(default=_type_name, ensure_ascii=False))
    else:
        closing.append(structlog.dev.ConsoleRenderer(colors=(stream or sys.stderr).isatty()))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=[*shared, _library_line], processors=closing)
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    number = logging.getLevelNamesMapping()[level.upper()]
    root.setLevel(number)
    for name, lowest in _CAPPED.items():
        logging.getLogger(name).setLevel(max(number, lowest))
    logging.captureWarnings(True)


def get(name: str) -> structlog.stdlib.BoundLogger:
    """A logger; ``name`` is the module's ``__name__``."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The processor described above. Comes last, right before the line is rendered."""
    clean: EventDict = {}
    problem = event.pop("exc_info", None)
    stack = event.pop("stack_info", None) or event.pop("stack", None)
    for key, value in event.items():
        clean[key] = _clean(key, value)
    if problem:
        clean["exception"] = _exception(problem)
    if stack:
        clean["stack"] = mask(str(stack))
    return clean


def mask(text: str) -> str:
    """The text without tokens, passwords in URLs and e-mail addresses."""
    for pattern, instead in _MASKS:
        text = pattern.sub(instead, text)
    return text


def _clean(key: str, value: Any, depth: int = 0) -> Any:
    lowered = key.lower()
    if value is not None and (lowered in _PRIVATE or _PRIVATE_END.search(lowered)):
        return HIDDEN
    return _plain(value, depth)


def _plain(value: Any, depth: int) -> Any:
    if isinstance(value, Enum):
        return _plain(value.value, depth)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return mask(str(value))
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, PurePath):
        return mask(str(value))
    if isinstance(value, BaseException):
        return _says(value)
    if depth >= _DEEPEST:
        return _type_name(value)
    if isinstance(value, Mapping):
        return {mask(str(k)): _clean(str(k), v, depth + 1) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item, depth + 1) for item in value]
    return _type_name(value)


def _type_name(value: object) -> str:
    return f"<{type(value).__name__}>"


def _says(error: BaseException) -> str:
    """The type, and the message where it cannot hold a customer's words."""
    name = type(error).__name__
    if isinstance(error, AdapterError | ConfigError) or type(error) is RelayError:
        return f"{name}: {mask(str(error))}"
    if isinstance(error, OSError):
        return f"{name}: {error.strerror or error.errno or ''}".rstrip(": ")
    return name


def _exception(problem: Any) -> list[str]:
    """Frames and types, outermost first, without messages that quote data and without source lines."""
    if problem is True:
        problem = sys.exc_info()
    error = problem[1] if isinstance(problem, tuple) else problem
    lines: list[str] = []
    seen: set[int] = set()
    while isinstance(error, BaseException) and id(error) not in seen:
        seen.add(id(error))
        frames = traceback.extract_tb(error.__traceback__)[-12:]
        where = [f"{PurePath(f.filename).name}:{f.lineno} {f.name}" for f in frames]
        lines.insert(0, " > ".join([*where, _says(error)]))
        if isinstance(error, BaseExceptionGroup):
            lines.extend("  " + line for inner in error.exceptions for line in _exception(inner))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return lines


def _library_line(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """What a library says: one line, up to where data begins. Its own modules' names tell the rest."""
    line = re.split(r"[\n\r{\[<]|b['\"]", str(event.get("event", "")), maxsplit=1)[0]
    event["event"] = re.sub(r"([\"'])(?:(?!\1).)*\1", r"\1…\1", line)[:_LIBRARY_LINE].rstrip()
    return event
