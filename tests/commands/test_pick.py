"""Several customers match: the agent says whom they mean, and the command goes on."""

from __future__ import annotations

from dataclasses import replace

from bot.commands.types import Answer, Face
from bot.messages import AgentId
from tests.commands.callers import call, run
from tests.commands.fake_services import KIM, FakeServices


async def asked(services: FakeServices, name: str, args: str) -> Answer:
    result = await run(services, name, args)
    assert isinstance(result, Answer) and not result.error
    return result


async def test_the_one_that_is_pressed_gets_the_words(services: FakeServices) -> None:
    answer = await asked(services, "reply", "Dana Dana, it ships today.")
    assert answer.text.plain == "Several people match “Dana”. Whom do you mean? Nothing was done yet."
    assert [row.text.plain for row in answer.rows] == ["C42 Dana Petrov", "C51 Dana White"]
    assert "white@mail.example" in answer.rows[1].under
    assert services.drafts == []
    button = answer.rows[1].button
    assert button is not None
    after = await run(services, button.action, button.value, Face.BUTTON)
    assert isinstance(after, Answer) and after.replace and "Dana White" in after.text.plain
    (draft,) = services.drafts
    assert (draft.customer_id, draft.text.plain) == (51, "Dana, it ships today.")
    assert draft.source == call("Dana Dana, it ships today.").source, "pressing twice sends once"


async def test_nobody_else_can_answer_the_question(services: FakeServices) -> None:
    answer = await asked(services, "resolve", "Dana")
    button = answer.rows[0].button
    assert button is not None
    other = replace(KIM, id=AgentId("U9OTHER"))
    refused = await run(services, button.action, button.value, Face.BUTTON, agent=other)
    assert isinstance(refused, Answer) and refused.error
    assert refused.text.plain == "Only the person who asked can answer this."
    assert services.done == []


async def test_a_question_of_another_time_says_what_to_do(services: FakeServices) -> None:
    result = await run(services, "pick.customer", "nothing C42", Face.BUTTON)
    assert isinstance(result, Answer) and result.error
    assert "too old" in result.text.plain
