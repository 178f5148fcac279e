"""Macros: listed, shown, sent in a thread and by a slash command, put into the form, and edited."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cases import macros
from bot.commands.macro_services import Macro
from bot.commands.types import Answer, Face, Form, Problems
from bot.errors import UserError
from bot.messages import TeamId, Text
from tests.commands.callers import run, said
from tests.commands.fake_services import LEAD, SUPPORT, FakeServices

THREAD = {"face": Face.THREAD, "thread_ts": "42.000100", "message_ts": "42.000200"}
REFUND = Macro(
    1, "refund", "Hi {customer.first_name|there}, your refund is on its way. {agent.name}", SUPPORT, 3
)
PLAN = Macro(2, "plan", "You have {customer.plan}.", None, 1)


@pytest.fixture
def full(services: FakeServices) -> FakeServices:
    services.macros.kept = [REFUND, PLAN]
    return services


async def test_in_a_thread_it_goes_out_and_its_words_are_shown(full: FakeServices) -> None:
    answer = await run(full, "m", "refund", **THREAD)
    assert isinstance(answer, Answer) and not answer.quiet
    (draft,) = full.drafts
    assert draft.text.plain == "Hi Dana, your refund is on its way. Kim"
    assert not draft.from_thread, "the agent's own message does not hold the words, so the thread gets a post"
    assert answer.rows[0].text.plain == draft.text.plain
    assert full.macros.kept[0].used == 4


async def test_by_a_slash_command_with_more_words(full: FakeServices) -> None:
    await run(full, "macro", "C42 refund It may take two days.")
    assert full.drafts[0].text.plain.endswith("Kim\n\nIt may take two days.")


async def test_what_is_not_there_sends_nothing(full: FakeServices) -> None:
    line = await said(full, "m", "refnd", **THREAD)
    assert line == "There is no macro refnd. Nothing was sent. Closest: refund."
    line = await said(full, "m", "plan", **THREAD)
    assert line.startswith("{customer.plan} is not known for this customer.")
    assert full.drafts == []


async def test_listed_and_shown(full: FakeServices) -> None:
    listed = await run(full, "macro")
    assert isinstance(listed, Answer)
    assert [row.under for row in listed.rows] == ["shared by the team · sent 3 times", "your own · sent once"]
    shown = await run(full, "macro", "plan")
    assert isinstance(shown, Answer) and shown.text.plain == PLAN.text
    assert [button.label for button in shown.buttons] == ["Edit", "Delete"]
    of_the_team = await run(full, "macro", "refund")
    assert isinstance(of_the_team, Answer) and of_the_team.buttons == (), "an agent cannot change the team's"


async def test_written_in_a_form(services: FakeServices) -> None:
    form = await run(services, "macro.new", "", Face.BUTTON)
    assert isinstance(form, Form) and [one.name for one in form.fields] == ["name", "text"]
    for fields, wrong in (
        ({"name": "two words", "text": "x"}, "name"),
        ({"name": "ok", "text": "{customer.shoe}"}, "text"),
        ({"name": "ok", "text": " "}, "text"),
    ):
        problems = await run(services, "macro.save", "", Face.FORM, fields=fields)
        assert isinstance(problems, Problems) and list(problems.by_field) == [wrong]
    await run(services, "macro.save", "", Face.FORM, fields={"name": "Hi", "text": "Hello {customer.plan|x}"})
    assert [(one.name, one.team) for one in services.macros.kept] == [("hi", None)]
    lead = await run(services, "macro.edit", "1", Face.BUTTON, agent=LEAD)
    assert isinstance(lead, Form) and [one.name for one in lead.fields] == ["name", "text", "whose"]
    fields = {"name": "hi", "text": "Hello", "whose": "support"}
    await run(services, "macro.save", lead.context, Face.FORM, fields=fields, agent=LEAD)
    assert [(one.name, one.team, one.text) for one in services.macros.kept] == [
        ("hi", TeamId("support"), "Hello")
    ]


async def test_deleting_asks_first(full: FakeServices) -> None:
    asked = await run(full, "macro.delete", "2", Face.BUTTON)
    assert isinstance(asked, Answer) and len(full.macros.kept) == 2
    await run(full, asked.buttons[0].action, asked.buttons[0].value, Face.BUTTON)
    assert full.macros.kept == [REFUND]


async def test_in_the_reply_form_its_words_follow_what_is_written(full: FakeServices) -> None:
    form = await run(full, "reply.open", '{"c":42,"t":"support"}', Face.BUTTON)
    assert isinstance(form, Form)
    menu = next(field for field in form.fields if field.name == "macro")
    assert [choice.label for choice in menu.choices] == ["refund", "plan"]
    customer = next(field for field in form.fields if field.name == "customer").value
    typed = {"customer": customer, "text": "Good news!", "macro": "1"}
    again = await run(full, "reply.submit.refresh", form.context, Face.FORM, fields=typed)
    assert isinstance(again, Form)
    text = next(field for field in again.fields if field.name == "text")
    assert text.value == "Good news!\n\nHi Dana, your refund is on its way. Kim"
    assert text.stamp, "another stamp, so that Slack shows these words"


async def test_a_placeholder_that_is_left_never_goes_out(full: FakeServices) -> None:
    form = await run(full, "reply.open", '{"c":42,"t":"support"}', Face.BUTTON)
    assert isinstance(form, Form)
    customer = next(field for field in form.fields if field.name == "customer").value
    text = "You have {customer.plan}."
    problems = await run(
        full,
        "reply.submit",
        form.context,
        Face.FORM,
        fields={"customer": customer, "text": text},
        text=Text(text),
    )
    assert (
        isinstance(problems, Problems)
        and "{customer.plan} is still in the message" in problems.by_field["text"]
    )
    assert full.drafts == []


def test_braces_and_words_for_what_is_not_known() -> None:
    assert macros.fill("{{x} {customer.plan|none} {agent.name}", {"agent.name": "Kim"}) == "{x} none Kim"
    assert macros.fill("{ customer.plan }", {"customer.plan": "pro"}) == "pro"
    assert macros.unfilled("a {brace} {0}") is None
    with pytest.raises(UserError):
        macros.check("x" * 3001, frozenset())


@given(st.text(max_size=200), st.dictionaries(st.sampled_from(sorted(macros.KNOWN)), st.text(min_size=1)))
def test_any_text_is_filled_or_refused(text: str, values: dict[str, str]) -> None:
    try:
        macros.fill(text, values)
    except UserError as error:
        assert "{" in str(error)
