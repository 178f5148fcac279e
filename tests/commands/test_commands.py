"""Commands as agents type them, on a core in memory."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.commands.help import make_registry
from bot.commands.services import Confirm
from bot.commands.types import Answer, Call, Face, Form, GivenFile, Problems, Result
from bot.desk import State, Status
from bot.messages import Text
from tests.commands.fake_services import CHAT, EMAIL, GUEST, KIM, SUPPORT, FakeServices

THREAD = "42.000100"


@pytest.fixture
def services() -> FakeServices:
    return FakeServices()


def call(args: str = "", face: Face = Face.SLASH, **more: object) -> Call:
    made = Call(
        KIM, face, f"src:{args}:{face}", "C0SUPPORT", args, Text(args), team=SUPPORT, fields={}, order=1.0
    )
    return replace(made, **more)  # type: ignore[arg-type]


async def run(
    services: FakeServices, name: str, args: str = "", face: Face = Face.SLASH, **more: object
) -> Result:
    registry = make_registry()
    command = registry.find(name) or registry.action(name)
    assert command is not None
    return await registry.run(command, services, call(args, face, **more))


async def said(
    services: FakeServices, name: str, args: str = "", face: Face = Face.SLASH, **more: object
) -> str:
    result = await run(services, name, args, face, **more)
    assert isinstance(result, Answer), result
    return result.text.plain


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


async def test_several_are_told_apart(services: FakeServices) -> None:
    assert await said(services, "history", "Dana") == (
        "Several people match “Dana”: C42 Dana Petrov, C51 Dana White. Say which with the handle."
    )


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


async def test_an_outsider_can_do_nothing(services: FakeServices) -> None:
    for name in ("reply", "note", "history", "resolve", "assign", "block", "health", "help", "undo"):
        answer = await run(services, name, "C42 hello", agent=GUEST)
        assert isinstance(answer, Answer) and answer.error
        assert answer.text.plain.startswith("Only members of this team can do that.")
    assert services.drafts == [] and services.done == [] and services.notes == []


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


async def test_notes(services: FakeServices) -> None:
    assert (
        await said(services, "note", "C42 calls back at 3") == "Noted for Dana Petrov. Only the team sees it."
    )
    assert services.notes[0][:2] == ("C42", "calls back at 3")
    assert await said(services, "note", "C42") == "There is nothing to note: write the words after it."


async def test_resolve_and_reopen(services: FakeServices) -> None:
    assert (
        await said(services, "resolve", "C42")
        == "Dana Petrov's case is resolved. Their next message opens a new one."
    )
    assert services.people["C42"].status is Status.RESOLVED
    assert await said(services, "resolve", "C42") == "Dana Petrov's case is already resolved."
    assert await said(services, "reopen", "C42") == "Dana Petrov's case is open again."


@pytest.mark.parametrize(
    ("args", "owner", "line"),
    [
        ("C42 <@U7AMIR>", "U7AMIR", "Dana Petrov is with Amir now."),
        ("C42 <@U7AMIR|amir>", "U7AMIR", "Dana Petrov is with Amir now."),
        ("C42 me", "U1KIM", "Dana Petrov is with you now."),
        ("C42 nobody", None, "Dana Petrov belongs to the team again."),
        ("Petrov me", "U1KIM", "Dana Petrov is with you now."),
    ],
)
async def test_assign(services: FakeServices, args: str, owner: str | None, line: str) -> None:
    assert await said(services, "assign", args) == line
    assert services.done == [("assign", 42, owner)]


async def test_assign_refuses_strangers(services: FakeServices) -> None:
    assert await said(services, "assign", "C42 <@USTRANGER>") == (
        "They are not in this team. Choose one of the team's agents."
    )
    assert await said(services, "assign", "C42") == "Say to whom: @name, me, or nobody."
    assert services.done == []


async def test_take_and_unassign(services: FakeServices) -> None:
    await said(services, "take", "C42")
    await said(services, "unassign", "C42")
    assert services.done == [("assign", 42, "U1KIM"), ("assign", 42, None)]


async def test_block_and_unblock(services: FakeServices) -> None:
    answer = await run(services, "block", "C42")
    assert isinstance(answer, Answer)
    assert answer.text.plain == (
        "Dana Petrov is blocked: their messages are kept but not shown, and nothing is sent to them."
    )
    again = await run(services, answer.buttons[0].action, answer.buttons[0].value, Face.BUTTON)
    assert isinstance(again, Answer) and again.text.plain == "Dana Petrov is not blocked any more."


async def test_history_pages(services: FakeServices) -> None:
    for number in range(1, 14):
        services.keep(number, "C42", "inbound", Text(f"message {number}"))
    first = await run(services, "history", "C42")
    assert isinstance(first, Answer)
    assert [row.text.plain for row in first.rows] == [f"message {n}" for n in range(13, 3, -1)]
    assert first.rows[0].under.startswith("← Dana Petrov · email · ")
    older = await run(services, first.buttons[0].action, first.buttons[0].value, Face.BUTTON)
    assert isinstance(older, Answer) and older.replace
    assert [row.text.plain for row in older.rows] == ["message 3", "message 2", "message 1"]
    assert older.buttons == ()


async def test_quoted_text_is_shown_on_demand(services: FakeServices) -> None:
    services.keep(5, "C42", "inbound", Text("new"), tail=Text("> old"))
    assert await said(services, "tail.show", "5", Face.BUTTON) == "Quoted below their words:\n> old"


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


async def test_health_reads_well(services: FakeServices) -> None:
    answer = await run(services, "health")
    assert isinstance(answer, Answer)
    assert answer.text.plain == (
        "🟢 All is well.\n2 waiting to be sent (2 desk), the oldest for 3 s.\n"
        "Onethread 0.1.0, running for 2 h, 2 connections to Slack."
    )
    assert answer.rows[0].text.plain == "🟢 support@shop.example"


async def test_help_names_only_what_exists(services: FakeServices) -> None:
    registry = make_registry("ot-")
    words = await said(services, "help")
    assert "/reply C42 text · send words to a customer" in words
    helped = await registry.run(registry.commands[-1], services, call())
    assert isinstance(helped, Answer)
    for line in helped.text.plain.splitlines():
        if line.startswith("/"):
            assert registry.find_slash(line.split()[0]) is not None
    assert registry.find_slash("/reply") is None


def test_suggestions() -> None:
    registry = make_registry()
    assert [registry.suggest(word) for word in ("resovle", "asign", "thanks", "Hisotry")] == [
        "resolve",
        "assign",
        None,
        "history",
    ]
