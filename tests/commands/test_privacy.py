"""``customer C42 export`` and ``customer C42 erase``, as leads, admins and others type them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.commands.types import Answer, Face, Form, Later, Problems, Role
from tests.commands.callers import THREAD, run, said
from tests.commands.fake_services import KIM, LEAD, FakeServices

ADMIN = replace(LEAD, name="Ann", role=Role.ADMIN)


async def finished(result: object) -> Answer:
    assert isinstance(result, Later)
    return await result.work()


async def test_a_lead_gets_an_archive_by_direct_message(services: FakeServices) -> None:
    result = await run(services, "customer", "C42 export", agent=LEAD)
    assert isinstance(result, Later)
    assert result.first.text.plain == "Collecting everything about C42 Dana Petrov…"
    answer = await result.work()
    assert answer.text.plain == (
        "C42 Dana Petrov: C42-2026-11-03.zip (120 messages, 5 files, 2.5 MB) is in your direct messages."
    )
    assert services.privacy.exports == [(42, LEAD.id, False, True)]


@pytest.mark.parametrize(
    ("words", "notes", "files"),
    [("notes", True, True), ("--notes nofiles", True, False), ("NoFiles", False, False)],
)
async def test_notes_and_files_are_a_choice(
    services: FakeServices, words: str, notes: bool, files: bool
) -> None:
    await finished(await run(services, "customer", f"C42 export {words}", agent=ADMIN))
    assert services.privacy.exports == [(42, ADMIN.id, notes, files)]


async def test_an_export_that_cannot_be_handed_over_says_why(services: FakeServices) -> None:
    services.privacy.refuses = "The file has 1.2 GB, and Slack takes 1 GB."
    answer = await finished(await run(services, "customer", "C42 export", agent=LEAD))
    assert answer.error and answer.text.plain == "The file has 1.2 GB, and Slack takes 1 GB."


async def test_words_that_mean_nothing_export_nothing(services: FakeServices) -> None:
    assert "There is no “all” here" in await said(services, "customer", "C42 export all", agent=LEAD)
    assert services.privacy.exports == []


async def test_agents_export_nothing_and_leads_erase_nothing(services: FakeServices) -> None:
    assert "Only a lead can do that" in await said(services, "customer", "C42 export", agent=KIM)
    assert "Only an admin can do that" in await said(services, "customer", "C42 erase", agent=LEAD)
    form = await run(
        services, "privacy.erase", '{"c":42,"t":"support"}', Face.FORM, agent=LEAD, fields={"typed": "C42"}
    )
    assert isinstance(form, Answer) and form.error
    assert services.privacy.exports == services.privacy.erased == []


async def test_the_form_says_exactly_what_goes_and_what_stays(services: FakeServices) -> None:
    form = await run(services, "customer", "C42 erase", agent=ADMIN)
    assert isinstance(form, Form)
    assert form.title == "Erase C42" and form.submit == "privacy.erase"
    assert form.fields[0].value == (
        "Dana Petrov (C42, also C77) is erased for good. This cannot be undone, not even by a backup.\n\n"
        "Goes: 120 messages, 3 internal notes and 5 files; 126 Slack posts of the bot in 1 channel; their name and addresses "
        "(email dana@mail.example, telegram), and what was noted about them.\n"
        "Stays: the team's figures, without names or words (how many messages in 2 cases, and when); what lies in their own "
        "mailbox or app.\n"
        "By hand: 4 messages that your team wrote in the thread. No bot can delete these; you get links to them.\n"
        "Replies that wait and will not be sent: 1.\n\n"
        "If they write again, they are a new customer of whom nothing is known."
    )
    assert services.privacy.erased == []


async def test_the_handle_has_to_be_typed(services: FakeServices) -> None:
    form = await run(services, "customer", "C42 erase", agent=ADMIN)
    assert isinstance(form, Form)
    for typed in ("", "C4", "yes", "C51", "Dana Petrov"):
        result = await run(
            services, form.submit, form.context, Face.FORM, agent=ADMIN, fields={"typed": typed}
        )
        assert result == Problems({"typed": "To erase Dana Petrov, type C42."})
    assert services.privacy.erased == []
    result = await run(services, form.submit, form.context, Face.FORM, agent=ADMIN, fields={"typed": " c42 "})
    assert isinstance(result, Answer) and "is being erased" in result.text.plain
    assert services.privacy.erased == [(42, ADMIN.id)]


async def test_in_a_thread_a_button_opens_the_form(services: FakeServices) -> None:
    answer = await run(services, "customer", "erase", Face.THREAD, agent=ADMIN, thread_ts=THREAD)
    assert isinstance(answer, Answer)
    (button,) = answer.buttons
    assert (button.label, button.style) == ("Erase C42…", "danger")
    form = await run(services, button.action, button.value, Face.BUTTON, agent=ADMIN)
    assert isinstance(form, Form)


async def test_who_claims_the_same_address_is_named(services: FakeServices) -> None:
    services.privacy.found = replace(services.privacy.found, others=("C51",))
    form = await run(services, "customer", "C42 erase", agent=ADMIN)
    assert isinstance(form, Form)
    assert "Not with them: C51, of whom the same address is known, not proven." in form.fields[0].value
