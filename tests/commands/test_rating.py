"""``rating``, and what resolve says of it: what agents type and press, and what they are told."""

from __future__ import annotations

import time

import pytest

from bot.commands.rating_services import Rating
from bot.commands.refs import ref_value
from bot.commands.types import Answer, Face
from bot.messages import AgentId
from tests.commands.callers import THREAD, run, said
from tests.commands.fake_services import DANA, SUPPORT, FakeServices

VALUE = ref_value(DANA.customer_id, SUPPORT)
KIM = AgentId("U1KIM")


async def test_what_they_said_is_shown(services: FakeServices) -> None:
    at = time.time() - 60
    services.ratings.given = (
        Rating("answered", at, KIM, 2, "Took\na week."),
        Rating("asked", at, KIM),
        Rating("declined", at, None, reason="Kim: only a test"),
        Rating("failed", at, KIM, reason="no such mailbox"),
    )
    words = (await said(services, "rating", "C42")).split("\n")
    name = await services.agent_name(KIM)
    assert words[0] == "Ratings of Dana Petrov (C42):"
    assert words[1].startswith("• ★★☆☆☆ 2 of 5, ") and words[1].endswith(
        f": “Took a week.” · {name} had the case"
    )
    assert words[2].startswith("• asked ") and words[2].endswith(f", no answer yet · {name} had the case")
    assert words[3].startswith("• not asked, ") and words[3].endswith(": Kim: only a test")
    assert words[4].startswith("• could not be asked, ") and words[4].endswith(": no such mailbox")


async def test_nothing_to_show(services: FakeServices) -> None:
    assert await said(services, "rating", "C42") == "Dana Petrov (C42) was not asked for a rating yet."


@pytest.mark.parametrize(
    "typed", ["C42 skip only a test", "skip C42 only a test", 'Skip "Dana Petrov" only a test']
)
async def test_skip_with_a_reason(services: FakeServices, typed: str) -> None:
    words = await said(services, "rating", typed)
    assert words == "Dana Petrov (C42) is not asked for a rating of this case."
    assert services.ratings.skipped == [("C42", "Kim", "only a test")]


async def test_in_the_thread_the_customer_is_implied(services: FakeServices) -> None:
    result = await run(services, "rating", "skip a test", Face.THREAD, thread_ts=THREAD, message_ts="1.2")
    assert isinstance(result, Answer) and result.quiet
    assert services.ratings.skipped == [("C42", "Kim", "a test")]


@pytest.mark.parametrize("face", [Face.SLASH, Face.BUTTON])
async def test_resolve_says_that_they_are_asked_and_offers_not_to(services: FakeServices, face: Face) -> None:
    services.ratings.due_at = time.time() + 125
    args = VALUE if face is Face.BUTTON else "C42"
    result = await run(services, "resolve" if face is Face.SLASH else "case.resolve", args, face)
    assert isinstance(result, Answer) and not result.quiet
    assert result.text.plain.endswith("They are asked for a rating in 2 min.")
    assert [one.label for one in result.buttons] == ["Reopen", "Don't ask for a rating"]
    pressed = await run(services, result.buttons[1].action, result.buttons[1].value, Face.BUTTON)
    assert isinstance(pressed, Answer) and pressed.replace
    assert services.ratings.skipped == [("C42", "Kim", "")]


async def test_follow_up_tomorrow(services: FakeServices) -> None:
    services.ratings.given = (Rating("answered", time.time(), KIM, 1),)
    words = await said(services, "rating.tomorrow", VALUE, Face.BUTTON)
    assert words.startswith("You will be reminded of Dana Petrov (C42) tomorrow")
    assert words.endswith(": they rated 1 of 5.")
