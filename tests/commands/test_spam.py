"""``spam`` and ``quarantine``: asked first, undone with one press, and a list that can be worked through."""

from __future__ import annotations

import time
from typing import Any

import pytest

from bot.commands.profile_services import Held
from bot.commands.types import Agent, Answer, Face, Role, Row
from bot.messages import AgentId, CustomerId, TeamId
from bot.slack.answers import answer_blocks
from tests.commands.callers import THREAD, run, said
from tests.commands.fake_services import SUPPORT, FakeServices, person

STRANGER = Agent(AgentId("USTRANGER"), "Stan", Role.AGENT)
VALUE = '{"c":42,"t":"support"}'


async def shown(
    services: FakeServices, name: str, args: str = "", face: Face = Face.SLASH, **more: Any
) -> Answer:
    result = await run(services, name, args, face, **more)
    assert isinstance(result, Answer), result
    return result


def is_spam(services: FakeServices) -> bool:
    return services.people["C42"].spam


async def test_spam_is_asked_first_and_undone_with_a_press(services: FakeServices) -> None:
    asked = await shown(services, "spam", "C42")
    assert asked.text.plain.startswith("Mark C42 Dana Petrov as spam?")
    assert not is_spam(services)
    (button,) = asked.buttons
    done = await shown(services, button.action, button.value, Face.BUTTON)
    assert done.replace and is_spam(services)
    (button,) = done.buttons
    await shown(services, button.action, button.value, Face.BUTTON)
    assert not is_spam(services)


async def test_spam_twice_and_off_without_on(services: FakeServices) -> None:
    assert await said(services, "spam", "C42 off") == "C42 Dana Petrov is not marked as spam."
    await shown(services, "spam.mark", VALUE, Face.BUTTON)
    assert await said(services, "spam", "C42") == "C42 Dana Petrov is marked as spam already."
    assert "no spam any more" in await said(services, "spam", "C42 off")
    assert "Say which customer" in await said(services, "spam", "")


async def test_in_a_thread_the_customer_is_implied(services: FakeServices) -> None:
    at: dict[str, Any] = {"face": Face.THREAD, "thread_ts": THREAD}
    assert "C42 Dana Petrov as spam?" in await said(services, "spam", "", **at)
    assert "is not marked as spam" in await said(services, "spam", "off", **at)


async def test_what_was_kept_is_shown_once(services: FakeServices) -> None:
    services.spam.kept[CustomerId(42)] = 3
    assert (await shown(services, "spam.show", VALUE, Face.BUTTON)).quiet
    assert await said(services, "spam.show", VALUE, Face.BUTTON) == "They are shown already."


def held(number: int, **more: Any) -> Held:
    values: dict[str, Any] = {
        "name": f"News {number}",
        "address": f"news{number}@letters.example",
        "why": "mailing list or newsletter (List-Id)",
        "words": "Sale!",
        "since": time.time() - 60,
        "count": 1,
    } | more
    return Held(CustomerId(number), f"C{number}", team=SUPPORT, **values)


@pytest.fixture
def waiting(services: FakeServices) -> FakeServices:
    """A core in memory with ten senders in quarantine."""
    for number in range(1, 11):
        made = person(number, f"News {number}", f"news{number}@letters.example")
        services.people[made.handle] = made
        services.spam.waiting.append(held(number, count=number, since=time.time() - number * 5 * 86_400))
    return services


def named(rows: tuple[Row, ...]) -> list[str]:
    return [row.text.plain.split()[0] for row in rows]


async def test_the_list_says_who_why_and_what(waiting: FakeServices) -> None:
    answer = await shown(waiting, "quarantine")
    assert answer.text.plain.startswith("10 senders wait in quarantine, newest first.")
    first = answer.rows[0]
    assert first.text.plain == "C10 News 10 · news10@letters.example\n“Sale!”"
    assert first.under.startswith("mailing list or newsletter (List-Id) · ")
    assert first.under.endswith("10 messages · for more than 30 days")
    assert first.button is not None and [first.button.label, first.others[0].label] == ["Let in", "Spam"]
    assert len(answer_blocks(answer)) <= 50
    ids = [
        one["action_id"]
        for block in answer_blocks(answer)
        for one in block.get("elements", ())
        if "action_id" in one
    ]
    assert {one.partition("#")[0] for one in ids} == {
        "quarantine.let_in",
        "quarantine.spam",
        "quarantine.older",
    }


async def test_pages_follow_each_other(waiting: FakeServices) -> None:
    first = await shown(waiting, "quarantine")
    (older,) = first.buttons
    second = await shown(waiting, older.action, older.value, Face.BUTTON)
    assert named(first.rows) + named(second.rows) == [f"C{number}" for number in range(10, 0, -1)]
    assert second.replace and second.buttons == ()


async def test_let_in_and_spam_shorten_the_list(waiting: FakeServices) -> None:
    row = (await shown(waiting, "quarantine")).rows[0]
    assert row.button is not None
    after = await shown(waiting, row.button.action, row.button.value, Face.BUTTON)
    assert after.text.plain.startswith("C10 News 10 is let in. 9 senders wait") and after.replace
    again = await shown(waiting, row.button.action, row.button.value, Face.BUTTON)
    assert again.error and "not in quarantine any more" in again.text.plain
    spam = after.rows[0].others[0]
    after = await shown(waiting, spam.action, spam.value, Face.BUTTON)
    assert after.text.plain.startswith("C9 News 9 is spam.") and waiting.people["C9"].spam


async def test_an_empty_quarantine_and_no_team(services: FakeServices) -> None:
    assert await said(services, "quarantine") == "Nothing waits in quarantine."
    assert "in the team's channel" in await said(services, "quarantine", team=None)


async def test_another_teams_list_is_not_shown(waiting: FakeServices) -> None:
    value = '{"c":5,"t":"press","b":5}'
    answer = await shown(waiting, "quarantine.older", value, Face.BUTTON, agent=STRANGER, team=TeamId("x"))
    assert answer.error and answer.text.plain == "You are not in that team."
