"""``merge`` and ``unmerge``: nobody is merged, and no merge undone, before somebody has seen what would happen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.commands.types import Answer, Face, Form, Problems
from tests.commands.callers import THREAD, run, said
from tests.commands.fake_merging import standing
from tests.commands.fake_services import FakeServices


def words(form: object) -> str:
    assert isinstance(form, Form), form
    return "\n".join(field.value for field in form.fields if field.kind == "info")


async def form(services: FakeServices, args: str, face: Face = Face.SLASH, name: str = "merge") -> Form:
    made = await run(services, name, args, face)
    assert isinstance(made, Form), made
    return made


async def test_the_form_says_who_they_are_and_what_happens(services: FakeServices) -> None:
    made = await form(services, "C42 C51")
    shown = words(made)
    assert "C42 Dana Petrov · 3 messages · Support: open\n   email dana@mail.example: proven" in shown
    assert shown.index("Look at this first") < shown.index("What happens")
    survivor = made.fields[-1]
    assert [one.label for one in survivor.choices] == ["C42 Dana Petrov stays", "C51 Dana White stays"]
    assert services.merging.done == []


@pytest.mark.parametrize("args", ["C42 Dana White", "dana@mail.example C51", "c42   white@mail.example"])
async def test_customers_are_named_as_everywhere(services: FakeServices, args: str) -> None:
    assert (await form(services, args)).title == "C42 and C51"


async def test_submitting_merges_and_offers_the_way_back(services: FakeServices) -> None:
    made = await form(services, "C42 C51")
    done = await run(services, "merge.submit", made.context, Face.FORM, fields={"survivor": "C42"})
    assert isinstance(done, Answer) and done.text.plain == "C51 is C42 Dana Petrov now."
    assert [(one.label, one.action, one.value) for one in done.buttons] == [("Unmerge", "merge.undo", "7")]
    assert services.merging.done == [("merge", 42, 51, None)]


async def test_another_survivor_is_shown_anew_and_taken(services: FakeServices) -> None:
    made = await form(services, "C42 C51")
    fields = {"survivor": "C51"}
    again = await run(services, "merge.submit.refresh", made.context, Face.FORM, fields=fields)
    assert isinstance(again, Form) and again.fields[-1].value == "C51"
    await run(services, "merge.submit", again.context, Face.FORM, fields=fields)
    assert services.merging.done == [("merge", 51, 42, None)]


async def test_from_the_menu_the_other_one_is_chosen(services: FakeServices) -> None:
    made = await form(services, '{"c":42,"t":"support"}', Face.BUTTON, "merge.open")
    assert "Who is the same person as C42 Dana Petrov?" in words(made)
    missing = await run(services, "merge.submit", made.context, Face.FORM, fields={})
    assert isinstance(missing, Problems) and missing.by_field == {"other": "Choose the other customer."}
    fields = {"other": '{"c":51,"t":"support"}'}
    chosen = await run(services, "merge.submit.refresh", made.context, Face.FORM, fields=fields)
    assert isinstance(chosen, Form) and chosen.title == "C42 and C51"


async def test_in_a_thread_it_is_asked_there(services: FakeServices) -> None:
    asked = await run(services, "merge", "C51", Face.THREAD, thread_ts=THREAD)
    assert isinstance(asked, Answer) and services.merging.done == []
    assert [one.label for one in asked.buttons] == ["Merge, C42 stays", "Merge, C51 stays"]
    done = await run(services, "merge.do", asked.buttons[1].value, Face.BUTTON)
    assert isinstance(done, Answer) and done.replace
    assert services.merging.done == [("merge", 51, 42, None)]


async def test_what_is_missing_is_said(services: FakeServices) -> None:
    assert "Say which two" in await said(services, "merge")
    assert "Say with whom" in await said(services, "merge", "", Face.THREAD, thread_ts=THREAD)
    assert "C421 is nobody" in await said(services, "merge", "C42 C421")


async def test_unmerge_asks_first(services: FakeServices) -> None:
    asked = await run(services, "unmerge", "C42")
    assert isinstance(asked, Answer) and services.merging.done == []
    assert asked.text.plain.startswith("Kim merged C51 Dana White into C42 Dana Petrov, ")
    assert asked.text.plain.endswith("Undo it?\nC51 is a customer of their own again.")
    done = await said(services, "merge.part", asked.buttons[0].value, Face.BUTTON)
    assert done == "C51 Dana White and C42 Dana Petrov are two customers again."
    assert services.merging.done == [("unmerge", 7)]


async def test_of_several_merges_one_is_chosen(services: FakeServices) -> None:
    services.merging.merges = (
        standing(9, "C60 Sam Oak"),
        standing(7, "C51 Dana White", "C60 was merged into C42 later. Undo that merge first."),
    )
    asked = await run(services, "unmerge", "C42")
    assert isinstance(asked, Answer)
    first, second = asked.rows
    assert first.button is not None and first.button.value == "9" and "by Kim" in first.under
    assert second.button is None and second.under.endswith("Undo that merge first.")
    assert "first" in await said(services, "merge.undo", "7", Face.BUTTON)


async def test_nothing_to_undo(services: FakeServices) -> None:
    services.merging.merges = ()
    told = await said(services, "unmerge", "C42")
    assert told == "Nobody was merged with C42 Dana Petrov, so there is nothing to undo."


async def test_a_proposal_shows_why_and_keeps_it(services: FakeServices) -> None:
    made = await form(services, "3", Face.BUTTON, "proposal.merge")
    assert "Why they may be one\nThe same phone number." in words(made)
    await run(services, "merge.submit", made.context, Face.FORM, fields={"survivor": "C42"})
    assert services.merging.done == [("merge", 42, 51, "The same phone number.")]
    quiet = await run(services, "proposal.refuse", "3", Face.BUTTON)
    assert isinstance(quiet, Answer) and quiet.quiet
    services.merging.proposed = replace(services.merging.proposed, decided="They were merged already.")
    assert await said(services, "proposal.merge", "3", Face.BUTTON) == "They were merged already."
