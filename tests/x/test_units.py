"""Pure pieces: the table of failures, the budgets' clocks, settings, the text that goes out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from pydantic import ValidationError

from bot.adapters.x import CHANNEL
from bot.adapters.x.adapter import capabilities, rendered
from bot.adapters.x.budget import Reads, Sends, Spent
from bot.adapters.x.errors import BadAnswer, Refused, read_error, refused, send_error
from bot.adapters.x.settings import XSettings, label, own_addresses
from bot.capabilities import fit
from bot.errors import (
    AdapterError,
    AuthenticationFailed,
    ConnectionLost,
    PermanentFailure,
    StorageError,
    TemporaryFailure,
    UncertainFailure,
)
from bot.messages import Attachment, Span, SpanKind, Text
from tests.conformance.core import Core

PLACE: Any = SimpleNamespace(ssl=True, host="api.x.com", port=443)
BEGUN = [
    (Refused(400, "no"), PermanentFailure),
    (Refused(401, "no"), TemporaryFailure),
    (Refused(403, "no"), PermanentFailure),
    (Refused(404, "no"), PermanentFailure),
    (Refused(408, "slow"), UncertainFailure),
    (Refused(409, "busy"), UncertainFailure),
    (Refused(422, "no"), PermanentFailure),
    (Refused(429, "wait", wait=7.0), TemporaryFailure),
    (Refused(500, "oops"), UncertainFailure),
    (Refused(503, "oops"), UncertainFailure),
    (Refused(302, "elsewhere"), UncertainFailure),
    (BadAnswer("html"), UncertainFailure),
    (TimeoutError(), UncertainFailure),
    (aiohttp.ServerDisconnectedError(), UncertainFailure),
    (aiohttp.SocketTimeoutError(), UncertainFailure),
    (aiohttp.ConnectionTimeoutError(), TemporaryFailure),
    (aiohttp.ClientConnectorError(PLACE, OSError(111, "refused")), TemporaryFailure),
    (AuthenticationFailed("sign in"), TemporaryFailure),
    (ConnectionLost("no token"), TemporaryFailure),
    (KeyError("our bug"), UncertainFailure),
    (PermanentFailure("said before"), PermanentFailure),
]


@pytest.mark.parametrize(("problem", "kind"), BEGUN)
def test_a_failure_says_whether_it_is_final_and_certain(problem: Exception, kind: type[Exception]) -> None:
    error = send_error(problem, begun=True)
    assert type(error) is kind and error.reason


@pytest.mark.parametrize("problem", [one for one, _ in BEGUN])
def test_before_the_message_is_on_its_way_everything_is_certain(problem: Exception) -> None:
    assert not isinstance(send_error(problem, begun=False), UncertainFailure)
    assert isinstance(send_error(StorageError("full"), begun=False), TemporaryFailure)


@pytest.mark.parametrize(
    ("problem", "kind"),
    [
        (Refused(401, "no"), AuthenticationFailed),
        (Refused(403, "plan"), AdapterError),
        (Refused(404, "gone"), AdapterError),
        (Refused(429, "wait"), ConnectionLost),
        (Refused(503, "oops"), ConnectionLost),
        (BadAnswer("html"), ConnectionLost),
        (TimeoutError(), ConnectionLost),
        (aiohttp.ServerDisconnectedError(), ConnectionLost),
        (KeyError("bug"), AdapterError),
        (AuthenticationFailed("x"), AuthenticationFailed),
    ],
)
def test_a_failure_of_reading_is_the_inboxs(problem: Exception, kind: type[Exception]) -> None:
    assert type(read_error(problem)) is kind


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"title": "Forbidden", "detail": "You may not.", "type": "about:blank"}, "You may not."),
        ({"errors": [{"message": "Rate limit exceeded", "code": 88}]}, "Rate limit exceeded"),
        ({"error": "invalid_request", "error_description": "Value was invalid."}, "Value was invalid."),
        ({"errors": "?"}, "no reason given"),
        (None, "no reason given"),
        ([1], "no reason given"),
        ({"detail": "x" * 900}, "x" * 300),
    ],
)
def test_xs_sentence_is_found(body: Any, said: str) -> None:
    assert refused(418, {}, body).said == said


def test_how_long_to_wait_is_by_xs_clock() -> None:
    date = format_datetime(datetime.fromtimestamp(1_000_000, UTC), usegmt=True)
    window = {"Date": date, "x-rate-limit-reset": "1000300", "x-rate-limit-remaining": "0"}
    day = {"x-user-limit-24hour-reset": "1040000", "x-user-limit-24hour-remaining": "0"}
    assert refused(429, window, None).wait == 300.0
    assert refused(429, window | day, None).wait == 40_000.0
    assert refused(429, window | day | {"x-user-limit-24hour-remaining": "3"}, None).wait == 300.0
    assert refused(429, {"Retry-After": "12"}, None).wait == 12.0
    assert refused(429, window | {"x-rate-limit-reset": "999"}, None).wait == 1.0
    assert refused(429, window | {"x-rate-limit-reset": "99999999999"}, None).wait == 86_400.0
    assert refused(429, {"Date": "never", "x-rate-limit-reset": "soon"}, None).wait is None


def clock(*moments: str) -> Callable[[], float]:
    times = [datetime.fromisoformat(one).replace(tzinfo=UTC).timestamp() for one in moments]
    return lambda: times.pop(0) if len(times) > 1 else times[0]


async def test_the_budget_of_a_day_ends_at_midnight_and_survives_a_restart() -> None:
    state = Core().context().state
    await Reads(state, 10, 100, clock("2026-03-31T22:00")).spend(10)
    with pytest.raises(Spent, match=r"01 April 00:00 UTC.*10 reads") as caught:
        await Reads(state, 10, 100, clock("2026-03-31T22:00")).room()
    assert caught.value.seconds == 7_200
    assert await Reads(state, 10, 100, clock("2026-04-01T00:00")).room() == 10
    assert await Reads(state, 12, 100, clock("2026-03-31T22:00")).room() == 2


@pytest.mark.parametrize(
    ("now", "ends", "days"), [("2026-03-01T00:00", "01 April", 31), ("2026-12-31T00:00", "01 January", 1)]
)
async def test_the_budget_of_a_month_ends_with_it(now: str, ends: str, days: int) -> None:
    reads = Reads(Core().context().state, 1_000, 40, clock(now))
    await reads.spend(40)
    with pytest.raises(Spent, match=rf"{ends} 00:00 UTC.*month.*40 reads") as caught:
        await reads.room()
    assert caught.value.seconds == days * 86_400


async def test_a_day_of_sending_slides() -> None:
    state = Core().context().state
    for moment in ("2026-01-01T10:30", "2026-01-01T12:00"):
        await Sends(state, 2, clock(moment)).take()
    with pytest.raises(TemporaryFailure, match="the next goes at 11:00 UTC") as caught:
        await Sends(state, 2, clock("2026-01-02T10:45")).take()
    assert caught.value.retry_after == 900.0 and caught.value.freeze
    await Sends(state, 2, clock("2026-01-02T11:00")).take()
    with pytest.raises(TemporaryFailure):
        await Sends(state, 2, clock("2026-01-02T11:00")).take()


GOOD = {
    "user_id": "1111",
    "username": "@acme",
    "oauth2": {"client_id": "c", "client_secret": "s", "refresh_token": "r"},
}


def test_settings_have_names_and_addresses() -> None:
    made = XSettings.model_validate(GOOD)
    assert (label(made), own_addresses(made), made.api_url) == ("@acme", {"1111"}, "https://api.x.com")
    assert label(made.model_copy(update={"username": ""})) == "X 1111"
    assert "'r'" not in repr(made) and CHANNEL.settings is XSettings


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"user_id": "@acme"}, "user_id"),
        ({"oauth2": None}, "either oauth2 or oauth1"),
        (
            {
                "oauth1": dict.fromkeys(
                    ("consumer_key", "consumer_secret", "access_token", "access_token_secret"), "x"
                )
            },
            "either",
        ),
        ({"api_url": "http://api.x.com"}, "https"),
        ({"api_url": "ftp://x"}, "not a web address"),
        ({"poll": 0}, "poll"),
        ({"webhook": {"url": "http://bot.example/w", "consumer_secret": "s"}}, "https"),
        ({"webhook": {"url": "https://bot.example/" + "w" * 200, "consumer_secret": "s"}}, "200"),
        ({"polls": 1}, "polls"),
    ],
)
def test_settings_say_what_is_wrong(change: dict[str, Any], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        XSettings.model_validate({**GOOD, **change})


def test_capabilities_cut_and_tell_before_sending() -> None:
    files = (
        Attachment("a.png", "image/png", 10),
        Attachment("b.jpg", "image/jpeg", 10),
        Attachment("c.pdf", "application/pdf", 10),
        Attachment("d.png", "image/png", 6_000_000),
    )
    fitted = fit(Text("x" * 10_001), files, capabilities())
    assert [len(part.text) for part in fitted.parts] == [10_000, 1, 0, 0]
    assert [len(part.attachments) for part in fitted.parts] == [0, 0, 1, 1]
    assert [loss.split()[0] for loss in fitted.losses] == ["x", "d.png"]
    assert len(fit(Text("short"), files[:1], capabilities()).parts) == 1
    able = capabilities()
    assert able.rate == pytest.approx(15 / 900) and able.burst == 15 and able.joins and not able.can_initiate


def test_links_that_make_it_too_long_are_refused_before_sending() -> None:
    text = Text("x" * 9_990, (Span(0, 3, SpanKind.LINK, "https://shop.example/long"),))
    with pytest.raises(PermanentFailure, match="10,000"):
        rendered(text)
    nested = Text(
        "abc",
        (Span(0, 3, SpanKind.LINK, "https://a.example"), Span(1, 2, SpanKind.LINK, "https://b.example")),
    )
    assert rendered(nested) == "ab (https://b.example)c (https://a.example)"


async def test_a_closed_adapter_can_be_closed_again() -> None:
    adapter = CHANNEL.build(XSettings.model_validate(GOOD), Core().context())
    await adapter.close()
    await asyncio.gather(adapter.close(), adapter.close())
