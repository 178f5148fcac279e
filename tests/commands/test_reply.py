"""``reply`` and what follows it: the form, questions, undo, edit, retry."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.commands.nouns import Confirm, Draft
from bot.commands.types import Answer, Face, Form, GivenFile, Problems, Sent
from bot.desk import State
from bot.messages import Text
from tests.commands.callers import THREAD, run, said
from tests.commands.fake_services import CHAT, EMAIL, KIM, FakeServices


@pytest.mark.parametrize("ref", ["C42", "c42", "C42:", "dana@mail.example", "Petrov", '"Dana Petrov"'])
async def test_reply_finds_the_customer_however_they_are_named(services: FakeServices, ref: str) -> None:
    line = await said(services, "reply", f"{ref} It ships today.")
    assert line == "→ Dana Petrov, email dana@mail.example · sending in 5 s"
    assert services.drafts[0].text.plain == "It ships today."
    assert services.drafts[0].customer_id == 42


async def test_reply_offers_undo_and_edit(services: FakeServices) -> None:
    answer = await run(services, "reply", "C42 hello")
    assert isinstance(answer, Answer)
    assert [(b.label, b.action) for b in answer.buttons] == [("Undo", "reply.undo"), ("Edit", "reply.edit")]


async def test_reply_keeps_lines(services: FakeServices) -> None:
    await said(services, "reply", "C42 one\n\n  two")
    assert services.drafts[0].text.plain == "one\n\n  two"


async def test_nobody_gets_the_closest(services: FakeServices) -> None:
    assert await said(services, "reply", "C421 hi") == "C421 is nobody. Closest: C42 Dana Petrov."
    assert services.drafts == []


async def test_in_a_thread_the_customer_is_implied(services: FakeServices) -> None:
    answer = await run(services, "reply", "hi C51 there", Face.THREAD, thread_ts=THREAD, message_ts="9.1")
    assert isinstance(answer, Answer) and answer.quiet
    draft = services.drafts[0]
    assert (draft.customer_id, draft.text.plain, draft.from_thread, draft.message_ts) == (
        42,
        "hi C51 there",
        True,
        "9.1",
    )


async def test_their_own_handle_in_their_thread_is_not_sent(services: FakeServices) -> None:
    await run(services, "reply", "C42 hello", Face.THREAD, thread_ts=THREAD, message_ts="9.1")
    assert services.drafts[0].text.plain == "hello"


async def test_somebody_elses_handle_in_a_thread_sends_nothing(services: FakeServices) -> None:
    line = await said(services, "reply", "C51 hello", Face.THREAD, thread_ts=THREAD, message_ts="9.1")
    assert line == (
        "This is Dana Petrov's thread (C42), and C51 Dana White is somebody else. Nothing was done."
    )
    assert services.drafts == []


async def test_a_case_number_that_is_nobodys_handle_is_sent_as_text(services: FakeServices) -> None:
    await run(services, "reply", "C900 is your locker", Face.THREAD, thread_ts=THREAD, message_ts="9.1")
    assert services.drafts[0].text.plain == "C900 is your locker"


async def test_files_alone_are_a_reply(services: FakeServices) -> None:
    file = GivenFile("F1", "a.pdf", "application/pdf", 10, "https://files.slack.com/a.pdf")
    await run(services, "reply", "", Face.THREAD, thread_ts=THREAD, message_ts="9.1", files=(file,))
    assert services.drafts[0].files == (file,)


async def test_a_question_comes_before_a_second_copy(services: FakeServices) -> None:
    services.ask = Confirm("Dana Petrov got the same words a minute ago. Send them again?", "Send again")
    asked = await run(services, "reply", "C42 hello")
    assert isinstance(asked, Answer) and services.drafts == []
    assert [b.label for b in asked.buttons] == ["Send again", "Do not send"]
    done = await run(services, "reply.confirm", asked.buttons[0].value, Face.BUTTON)
    assert isinstance(done, Answer) and services.drafts[0].confirmed
    other = await run(
        services, "reply.confirm", asked.buttons[0].value, Face.BUTTON, agent=replace(KIM, id="U9")
    )
    assert isinstance(other, Answer) and other.error


async def test_an_old_question_says_so(services: FakeServices) -> None:
    line = await said(services, "reply.confirm", "gone", Face.BUTTON)
    assert line == "This question is too old, and nothing was sent. Please write it again."


async def test_the_same_act_twice_is_one_reply(services: FakeServices) -> None:
    await run(services, "reply", "C42 hello")
    line = await said(services, "reply", "C42 hello")
    assert len(services.drafts) == 1
    assert line == "That is already on its way to Dana Petrov; nothing was sent twice."


async def test_the_form_names_way_subject_and_what_happens(services: FakeServices) -> None:
    form = await run(services, "reply", "C42")
    assert isinstance(form, Form)
    assert [(f.name, f.kind) for f in form.fields] == [
        ("customer", "customer"),
        ("way", "select"),
        ("subject", "select"),
        ("text", "lines"),
        ("files", "files"),
        ("cc", "text"),
        ("info", "info"),
    ]
    way = form.fields[1]
    assert way.value == "1" and [c.under for c in way.choices] == [
        "files up to 20 MB, no edits",
        "text and pictures",
    ]
    assert form.fields[-1].value.startswith("Send: Dana Petrov gets this by email dana@mail.example")


async def test_the_form_without_a_customer_asks_for_one(services: FakeServices) -> None:
    form = await run(services, "reply")
    assert isinstance(form, Form) and [f.name for f in form.fields] == ["customer", "text"]
    assert form.fields[0].live


async def test_choosing_a_customer_fills_the_form_and_keeps_the_words(services: FakeServices) -> None:
    fields = {"customer": '{"c":51,"t":"support"}', "text": "typed already"}
    form = await run(services, "reply.submit.refresh", "{}", Face.FORM, fields=fields)
    assert isinstance(form, Form) and form.title == "Reply to C51"
    assert next(f for f in form.fields if f.name == "text").value == "typed already"


async def test_a_closed_way_says_why(services: FakeServices) -> None:
    services.ways_of = (replace(EMAIL, closed="The address bounces since Tuesday."), CHAT)
    form = await run(services, "reply", "C42")
    assert isinstance(form, Form)
    assert [c.value for c in form.fields[1].choices] == ["2"]
    assert form.fields[-1].value.endswith("The address bounces since Tuesday.")


async def test_the_form_sends_by_the_chosen_way(services: FakeServices) -> None:
    fields = {
        "customer": '{"c":42,"t":"support"}',
        "way": "1",
        "subject": "1",
        "subject.label": "Invoice 7",
        "cc": "a@x.example; b@x.example",
        "text": "It ships.",
    }
    answer = await run(services, "reply.submit", "{}", Face.FORM, fields=fields, text=Text("It ships."))
    assert isinstance(answer, Answer) and not answer.quiet
    draft = services.drafts[0]
    assert (draft.route_id, draft.subject, draft.cc) == (1, "Invoice 7", ("a@x.example", "b@x.example"))
    assert not draft.from_thread


async def test_an_empty_form_stays_open(services: FakeServices) -> None:
    fields = {"customer": '{"c":42,"t":"support"}', "way": "1"}
    assert await run(services, "reply.submit", "{}", Face.FORM, fields=fields, text=Text()) == Problems(
        {"text": "Write something, or add a file."}
    )


async def test_a_question_in_the_form_is_another_page(services: FakeServices) -> None:
    services.ask = Confirm("X carries one picture a message; two would be left behind.", "Send 3 messages")
    fields = {"customer": '{"c":42,"t":"support"}', "way": "1", "text": "x"}
    page = await run(services, "reply.submit", "{}", Face.FORM, fields=fields, text=Text("x"))
    assert isinstance(page, Form) and page.submit == "reply.confirmed" and page.button == "Send 3 messages"
    answer = await run(services, "reply.confirmed", page.context, Face.FORM)
    assert isinstance(answer, Answer) and services.drafts[0].confirmed


async def test_undo_gives_the_words_back(services: FakeServices) -> None:
    await run(services, "reply", "C42 hello")
    assert await said(services, "undo", "C42") == "Taken back, Dana Petrov got nothing. Your words:\nhello"
    assert services.messages[101].state is State.CANCELLED
    assert await said(services, "undo", "C42") == (
        "Nothing to Dana Petrov is waiting to be sent, so there is nothing to take back."
    )


async def test_edit_takes_back_first(services: FakeServices) -> None:
    await run(services, "reply", "C42 helo")
    form = await run(services, "reply.edit", "101", Face.BUTTON)
    assert isinstance(form, Form)
    assert services.messages[101].state is State.CANCELLED
    assert next(f for f in form.fields if f.name == "text").value == "helo"


async def test_edit_after_it_left_says_so(services: FakeServices) -> None:
    services.keep(7, "C42", "outbound", Text("gone"), State.ACCEPTED)
    assert (
        await said(services, "reply.edit", "7", Face.BUTTON)
        == "It was already sent, so it cannot be taken back."
    )


async def test_uncertain_replies(services: FakeServices) -> None:
    services.keep(8, "C42", "outbound", Text("hm"), State.UNCERTAIN)
    asked = await run(services, "reply.check", "8", Face.BUTTON)
    assert isinstance(asked, Answer)
    assert [b.action for b in asked.buttons] == ["reply.again", "reply.arrived"]
    assert services.done == []
    await run(services, "reply.again", "8", Face.BUTTON)
    await run(services, "reply.arrived", "8", Face.BUTTON)
    assert services.done == [("settle", 8, False), ("retry", 8), ("settle", 8, True)]


async def test_another_way_opens_the_form_with_the_words(services: FakeServices) -> None:
    services.keep(8, "C42", "outbound", Text("hm"), State.FAILED)
    form = await run(services, "reply.another", "8", Face.BUTTON)
    assert isinstance(form, Form)
    assert next(f for f in form.fields if f.name == "text").value == "hm"


async def test_a_form_for_nobody_can_be_reached(services: FakeServices) -> None:
    services.ways_of = (replace(EMAIL, closed="The address bounces since Tuesday."),)
    form = await run(services, "reply", "C42")
    assert isinstance(form, Form)
    assert [(f.name, f.value) for f in form.fields if f.kind == "info"] == [
        ("info", "The address bounces since Tuesday.")
    ]


async def test_an_unverified_way_is_said_in_the_form(services: FakeServices) -> None:
    services.ways_of = (replace(EMAIL, verified=False),)
    form = await run(services, "reply", "C42")
    assert isinstance(form, Form)
    assert form.fields[-1].value.endswith("Careful: nobody has proved that this address is theirs.")


async def test_a_way_of_somebody_else_is_refused(services: FakeServices) -> None:
    fields = {"customer": '{"c":42,"t":"support"}', "way": "99", "text": "x"}
    problems = await run(services, "reply.submit", "{}", Face.FORM, fields=fields, text=Text("x"))
    assert problems == Problems({"way": "That way does not lead to Dana Petrov. Choose another."})


async def test_a_form_without_a_customer_says_so(services: FakeServices) -> None:
    problems = await run(services, "reply.submit", "{}", Face.FORM, fields={"text": "x"}, text=Text("x"))
    assert problems == Problems({"customer": "Choose the customer."})


@pytest.mark.parametrize("action", ["reply.undo", "reply.retry", "tail.show", "history.older"])
async def test_a_button_of_another_time_says_so(services: FakeServices, action: str) -> None:
    assert (await said(services, action, "{what", Face.BUTTON)).startswith("This button is too old")


async def test_losses_are_told_even_in_a_thread(services: FakeServices) -> None:
    real = services.reply

    async def lossy(draft: Draft) -> Sent | Confirm:
        sent = await real(draft)
        assert isinstance(sent, Sent)
        return replace(sent, losses=("Bold is not carried.",))

    services.reply = lossy  # type: ignore[method-assign]
    answer = await run(services, "reply", "hi", Face.THREAD, thread_ts=THREAD, message_ts="9.1")
    assert isinstance(answer, Answer) and not answer.quiet
    assert answer.text.plain.endswith("\nBold is not carried.")


async def test_another_agent_who_writes_too_is_named(services: FakeServices) -> None:
    services.desk.others = ("Amir",)
    line = await said(services, "reply", "C42 It ships today.")
    assert line.endswith("⚠ Amir is writing to Dana Petrov just now.")
    form = await run(services, "reply.open", '{"c":42,"t":"support"}', Face.BUTTON)
    assert isinstance(form, Form)
    assert form.fields[0].value == "⚠ Amir is writing to Dana Petrov just now."
