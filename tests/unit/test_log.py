"""Logs: one canary for each way in which words, addresses and secrets could slip into a line."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog

from bot import log
from bot.errors import AuthenticationFailed, PermanentFailure
from bot.messages import Contact, Level, Message, SourceId, Text

WORDS = "canary-where-is-my-parcel"
ADDRESS = "dana.canary@mail.example"
BOT = "xoxb-canary-0000-abcdef"
APP = "xapp-1-canary-0000"


class Lines:
    """What was logged."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def last(self) -> dict[str, Any]:
        line: dict[str, Any] = json.loads(self.text.splitlines()[-1])
        return line


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Logging as the bot sets it up, put back afterwards."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in log._CAPPED}
    found = Lines()
    log.setup("debug", "json", found.stream)
    yield found
    root.handlers[:], root.level = before
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


def message() -> Message:
    return Message(SourceId("s"), Contact("email", ADDRESS, "Dana Canary"), datetime.now(UTC), Text(WORDS))


def test_a_line_says_what_happened(lines: Lines) -> None:
    log.get("bot.outbox").info("delivery settled", lane=7, level=Level.ACCEPTED, late=0.25, file_count=None)
    line = lines.last
    assert line["event"] == "delivery settled"
    assert (line["lane"], line["late"], line["file_count"]) == (7, 0.25, None)
    assert line["logger"] == "bot.outbox"
    assert datetime.fromisoformat(line["timestamp"]).tzinfo is not None


@pytest.mark.parametrize(
    "fields",
    [
        {"text": WORDS},
        {"subject": WORDS},
        {"address": ADDRESS},
        {"Email": ADDRESS},
        {"customer_name": WORDS},
        {"slack_token": "canary"},
        {"password": "canary"},
        {"payload": {"event": {"text": WORDS}}},
        {"response": {"ok": True, "message": {"text": WORDS, "thread": [{"subject": WORDS}]}}},
        {"where": f"sent to {ADDRESS} now"},
        {"where": [f"<{ADDRESS}>", {ADDRESS: 1}]},
        {"detail": f"auth failed for {BOT} and {APP}"},
        {"detail": "Authorization: Bearer canary.canary-canary"},
        {"detail": "postgresql://bot:canary@db.example/onethread"},
        {"detail": "https://api.telegram.org/bot123456:canary-canary-canary-canary/getMe"},
        {"detail": "wss://slack.example/link?ticket=canary&app_id=1"},
        {"detail": "(sqlite3.IntegrityError) UNIQUE [SQL: INSERT INTO message] [parameters: ('canary', 1)]"},
        {"detail": "duplicate key\nDETAIL:  Key (address)=(canary) already exists."},
        {"thing": message()},
        {"things": [message()]},
        {"error": ValueError(WORDS)},
        {"data": WORDS.encode()},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_nothing_private_in_fields(lines: Lines, fields: dict[str, Any]) -> None:
    log.get("bot.relay").info("something happened", inbox="support-mail", **fields)
    assert "canary" not in lines.text
    assert lines.last["inbox"] == "support-mail"


def test_an_address_in_the_event_itself_is_masked(lines: Lines) -> None:
    log.get("bot.relay").info(f"mail from {ADDRESS}")
    assert lines.last["event"] == "mail from [address]"


def test_an_exception_keeps_type_and_place_but_not_its_words(lines: Lines) -> None:
    try:
        try:
            raise ValueError(WORDS)
        except ValueError as cause:
            raise PermanentFailure(f"550 {WORDS} {ADDRESS}") from cause
    except PermanentFailure:
        log.get("bot.outbox").exception("an attempt failed")
    assert "canary" not in lines.text
    exception = "\n".join(lines.last["exception"])
    assert "ValueError" in exception and "PermanentFailure" in exception
    assert "test_log.py:" in exception


def test_exceptions_of_a_group_are_named(lines: Lines) -> None:
    try:
        raise ExceptionGroup(
            WORDS, [KeyError(WORDS), AuthenticationFailed("the server refuses the password")]
        )
    except ExceptionGroup:
        log.get("bot.app").exception("stopped")
    assert "canary" not in lines.text
    assert "KeyError" in lines.text and "the server refuses the password" in lines.text


def test_our_own_words_and_the_systems_are_kept(lines: Lines) -> None:
    log.get("bot.app").warning("x", error=OSError(28, "No space left on device", f"/{WORDS}"))
    assert lines.last["error"] == "OSError: No space left on device"


@pytest.mark.parametrize(
    "line",
    [
        f"Unhandled request ({{'type': 'event_callback', 'event': {{'text': '{WORDS}'}}}})",
        f"Task exception was never retrieved\nfuture: <Task exception=ValueError('{WORDS}')>",
        f"Received: b'* 1 FETCH {WORDS}'",
        f'unexpected reply "{WORDS}" from server',
        f"login as {ADDRESS} with {BOT}",
    ],
)
def test_a_librarys_line_holds_no_data(lines: Lines, line: str) -> None:
    logging.getLogger("slack_bolt.App").warning(line)
    assert "canary" not in lines.text
    assert lines.last["event"].split()[0] == line.split()[0]


def test_a_librarys_exception_holds_no_data(lines: Lines) -> None:
    try:
        raise RuntimeError(WORDS)
    except RuntimeError:
        logging.getLogger("some.library").exception("failed for %s", {"text": WORDS})
    assert "canary" not in lines.text
    assert "RuntimeError" in lines.text


@pytest.mark.parametrize(
    "name", ["aioimaplib.aioimaplib", "slack_sdk.web.async_client", "sqlalchemy.engine.Engine", "httpx"]
)
def test_libraries_that_log_bodies_at_debug_stay_quiet(lines: Lines, name: str) -> None:
    logging.getLogger(name).debug(WORDS)
    assert lines.text == ""


def test_warnings_are_logged(lines: Lines) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old thing", DeprecationWarning, stacklevel=1)
    assert lines.last["logger"] == "py.warnings"


def test_the_console_style_is_redacted_too(tmp_path: Path, lines: Lines) -> None:
    stream = io.StringIO()
    log.setup("info", "console", stream)
    log.get("bot.relay").info("accepted", text=WORDS, address=ADDRESS, path=tmp_path)
    log.get("bot.relay").debug("not at this level")
    assert "canary" not in stream.getvalue()
    assert "accepted" in stream.getvalue() and "not at this level" not in stream.getvalue()
