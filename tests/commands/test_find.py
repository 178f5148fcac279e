"""``/history``, ``/find`` and ``/recap`` as agents type and press them."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.commands.finding_services import Narrowed
from bot.commands.types import Answer, Face, Form, Problems
from bot.messages import Attachment, SpanKind, Text
from tests.commands.callers import THREAD, run, said
from tests.commands.fake_services import FakeServices


async def answered(services: FakeServices, name: str, args: str = "", **more: object) -> Answer:
    answer = await run(services, name, args, **more)  # type: ignore[arg-type]
    assert isinstance(answer, Answer), answer
    return answer


def texts(answer: Answer) -> list[str]:
    return [row.text.plain for row in answer.rows]


def labels(answer: Answer) -> list[str]:
    return [button.label for button in answer.buttons]


async def press(services: FakeServices, answer: Answer, label: str) -> Answer:
    button = next(button for button in answer.buttons if button.label == label)
    return await answered(services, button.action, button.value, face=Face.BUTTON)


@pytest.fixture
def thirty(services: FakeServices) -> FakeServices:
    for number in range(1, 31):
        services.keep(number, "C42", "inbound", Text(f"message {number}"))
    return services


async def test_history_is_turned_page_by_page_both_ways(thirty: FakeServices) -> None:
    first = await answered(thirty, "history", "C42")
    assert first.text.plain.startswith("C42 Dana Petrov · open since ")
    assert first.text.plain.endswith(" · email · 30 messages, newest first")
    assert texts(first) == [f"message {n}" for n in range(30, 20, -1)]
    assert first.rows[0].under.startswith("← Dana Petrov · email · ")
    assert labels(first) == ["Older", "Filter"] and not first.replace
    second = await press(thirty, first, "Older")
    assert texts(second)[0] == "message 20" and second.replace
    assert labels(second) == ["Older", "Newer", "Filter"]
    third = await press(thirty, second, "Older")
    assert texts(third)[-1] == "message 1" and labels(third) == ["Newer", "Filter"]
    back = await press(thirty, await press(thirty, third, "Newer"), "Newer")
    assert texts(back) == texts(first)


async def test_history_is_narrowed_down_in_words_and_stays_so(thirty: FakeServices) -> None:
    for number in range(40, 55):
        file = Attachment("offer.pdf", "application/pdf", 24_000)
        thirty.keep(number, "C42", "inbound", Text(f"see {number}"), attachments=(file,))
    answer = await answered(thirty, "history", "C42 email files <@U7AMIR> since 2020-01-01")
    asked = thirty.finding.asked[-1][2]
    assert asked.places == ("email",) and asked.files and asked.agent == "U7AMIR"
    assert asked.since == datetime(2020, 1, 1, tzinfo=UTC).timestamp() and asked.until is None
    assert "\nOnly email · since 1 Jan 2020 · by Amir · with files" in answer.text.plain
    assert answer.rows[0].under.endswith("offer.pdf (24 kB)")
    older = await press(thirty, answer, "Older")
    assert thirty.finding.asked[-1][2] == asked and len(texts(older)) == 5
    everything = await press(thirty, older, "Everything")
    assert thirty.finding.asked[-1][2] == Narrowed() and everything.replace


@pytest.mark.parametrize(
    ("args", "more"),
    [
        ('"Dana Petrov" notes', {}),
        ("Dana Petrov notes", {}),
        ("dana@mail.example notes", {}),
        ("notes", {"face": Face.THREAD, "thread_ts": THREAD}),
        ("c42 notes", {"face": Face.THREAD, "thread_ts": THREAD}),
    ],
)
async def test_whose_history(services: FakeServices, args: str, more: dict[str, object]) -> None:
    services.keep(1, "C42", "note", Text("calls back"))
    services.keep(2, "C42", "inbound", Text("hello"))
    answer = await answered(services, "history", args, **more)
    assert texts(answer) == ["calls back"]
    assert "note, only the team sees it" in answer.rows[0].under


async def test_what_is_not_understood_is_named(services: FakeServices) -> None:
    words = await said(services, "history", "C42 lastweek")
    assert words.startswith(
        "“lastweek” is not understood here. After the customer: a channel or inbox, a time (today,"
    )
    words = await said(services, "history", "hello", Face.THREAD, thread_ts=THREAD)
    assert words.startswith("“hello” is not understood here. In a thread: a channel")
    assert (await said(services, "history", "C421 files")).startswith("C421 is nobody. Closest:")
    assert await said(services, "history", "") == (
        "Say which customer: a handle such as C42, an address, or a name."
    )


async def test_a_history_with_nothing_in_it(services: FakeServices) -> None:
    assert await said(services, "history", "C42") == "Nothing was said with Dana Petrov yet."
    services.keep(1, "C42", "inbound", Text("hello"))
    answer = await answered(services, "history", "C42 telegram")
    assert answer.text.plain.endswith("\nOnly telegram\nNothing like that, of 1 message.")
    assert texts(await press(services, answer, "Everything")) == ["hello"]


async def test_the_history_form(thirty: FakeServices) -> None:
    answer = await answered(thirty, "history", "C42 telegram 2026-10-01..2026-10-15")
    button = next(one for one in answer.buttons if one.label == "Filter")
    form = await run(thirty, button.action, button.value, Face.BUTTON)
    assert isinstance(form, Form) and form.submit == "history.filtered"
    given = {field.name: field.value for field in form.fields}
    assert (given["place"], given["from"], given["to"]) == ("telegram", "2026-10-01", "2026-10-15")
    fields = {
        "place": "any",
        "from": "2020-01",
        "to": "today",
        "agent": "U7AMIR",
        "direction": "note",
        "files": "yes",
    }
    await answered(thirty, form.submit, form.context, face=Face.FORM, fields=fields)
    asked = thirty.finding.asked[-1][2]
    assert asked.places == () and asked.agent == "U7AMIR" and asked.direction == "note" and asked.files
    assert asked.since == datetime(2020, 1, 1, tzinfo=UTC).timestamp()
    assert asked.until is not None and 0 < asked.until - time.time() <= 86_400
    wrong = await run(thirty, form.submit, form.context, Face.FORM, fields={"from": "someday"})
    assert isinstance(wrong, Problems) and wrong.by_field["from"].startswith("“someday” is no time that")
    late = await run(
        thirty, form.submit, form.context, Face.FORM, fields={"from": "2026-10-02", "to": "2026-10-01"}
    )
    assert late == Problems({"to": "This is before the day in From."})


async def test_find_says_who_where_and_when_and_leads_there(thirty: FakeServices) -> None:
    thirty.keep(40, "C51", "outbound", Text("Your parcel left today"), author="Kim")
    thirty.keep(41, "C42", "inbound", Text("Where is my PARCEL?"))
    answer = await answered(thirty, "find", "parcel")
    assert answer.text.plain == "“parcel” everywhere, newest first"
    assert texts(answer) == ["Where is my PARCEL?", "Your parcel left today"]
    span = answer.rows[0].text.spans[0]
    assert (span.start, span.end, span.kind) == (12, 18, SpanKind.BOLD)
    assert answer.rows[1].under.startswith("C51 Dana White · → Kim · email · ")
    button = answer.rows[0].button
    assert button is not None and button.label == "Open there"
    there = await answered(thirty, button.action, button.value, face=Face.BUTTON)
    assert texts(there)[0] == "Where is my PARCEL?" and not there.replace
    assert labels(there) == ["Older", "Filter"]


async def test_find_pages_and_keeps_what_narrows(thirty: FakeServices) -> None:
    answer = await answered(thirty, "find", "message email last week")
    assert thirty.finding.asked[-1][:2] == ("find", "message")
    assert answer.text.plain.startswith("Nothing was found for “message” everywhere · email · ")
    assert "To find more: leave out what narrows it (words in quotes are only looked for), or try fewer" in (
        answer.text.plain
    )
    wide = await press(thirty, answer, "Without the filter")
    assert texts(wide) == [f"message {n}" for n in range(30, 22, -1)] and wide.replace
    older = await press(thirty, wide, "Older")
    assert texts(older)[0] == "message 22"


@pytest.mark.parametrize(
    ("args", "words", "narrowed"),
    [
        ("telegram", "telegram", Narrowed()),
        ("files telegram", "files", Narrowed(places=("telegram",))),
        ("invoice files", "invoice", Narrowed(files=True)),
        ('"last week"', '"last week"', Narrowed()),
        ("order 2026", "order 2026", Narrowed()),
        ("<@U7AMIR> refund notes", "refund", Narrowed(agent="U7AMIR", direction="note")),  # type: ignore[arg-type]
        ('-late "my parcel" support-mail', '-late "my parcel"', Narrowed(places=("support-mail",))),
    ],
)
async def test_what_find_looks_for(services: FakeServices, args: str, words: str, narrowed: Narrowed) -> None:
    await answered(services, "find", args)
    assert services.finding.asked == [("find", words, narrowed)]


async def test_find_in_a_thread_is_in_theirs(thirty: FakeServices) -> None:
    thirty.keep(40, "C51", "inbound", Text("message of Dana White"))
    answer = await answered(thirty, "find", "white", face=Face.THREAD, thread_ts=THREAD)
    assert answer.text.plain.startswith(
        "Nothing was found for “white” in what was said with C42 Dana Petrov.\n"
    )
    assert texts(await press(thirty, answer, "Look everywhere")) == ["message of Dana White"]
    handle = await answered(thirty, "find", "C51 message")
    assert texts(handle) == ["message of Dana White"]


async def test_find_without_words(services: FakeServices) -> None:
    form = await run(services, "find")
    assert isinstance(form, Form) and form.fields[0].name == "words"
    empty = await run(services, form.submit, form.context, Face.FORM, fields={"words": " "})
    assert isinstance(empty, Problems)
    services.keep(1, "C42", "inbound", Text("hello"))
    found = await answered(services, form.submit, form.context, face=Face.FORM, fields={"words": "hel*"})
    assert texts(found) == ["hello"]
    assert (await said(services, "find", "?!")).startswith("There is no word to look for in “?!”.")
    assert (await said(services, "find", "x" * 201)).startswith("That is too much to look for")
    assert (await said(services, "find", "", Face.THREAD, thread_ts=THREAD)).startswith(
        "Say what to look for"
    )
    assert (await said(services, "find.older", "{what", Face.BUTTON)).startswith("This button is too old")
    assert (await said(services, "find.older", '{"q":"x","c":"?"}', Face.BUTTON)).startswith(
        "This button is too"
    )


async def test_find_with_words_in_any_script_fits_into_its_buttons(services: FakeServices) -> None:
    services.keep(1, "C42", "inbound", Text("x"))
    answer = await answered(services, "find", ("посылка " * 24).strip() + " support@shop.example")
    assert all(len(button.value) <= 2000 for button in answer.buttons)


async def test_recap(thirty: FakeServices) -> None:
    thirty.keep(31, "C42", "outbound", Text("It ships today"), author="Amir")
    answer = await answered(thirty, "recap", "C42")
    assert answer.text.plain.endswith("\nThe last words, oldest first:")
    assert texts(answer)[-2:] == ["message 30", "It ships today"]
    assert labels(answer) == ["History"]
    assert texts(await press(thirty, answer, "History"))[0] == "It ships today"
    from_the_card = await answered(thirty, "recap.open", '{"c":42,"t":"support"}', face=Face.BUTTON)
    assert texts(from_the_card) == texts(answer)
    assert await said(thirty, "recap", "C51") == "Nothing was said with Dana White yet."


async def test_a_recap_tells_how_they_rated_us(thirty: FakeServices) -> None:
    thirty.finding.rated = (2, "Slow,  but\nfriendly", time.time() - 60)
    answer = await answered(thirty, "recap", "C42")
    line = answer.text.plain.splitlines()[-2]
    assert line.startswith("They rated us 2 of 5, ") and line.endswith(": “Slow, but friendly”")


@pytest.mark.parametrize("face", [Face.SLASH, Face.THREAD])
async def test_who_takes_over_gets_a_recap_and_who_knows_them_does_not(
    services: FakeServices, face: Face
) -> None:
    services.keep(1, "C42", "inbound", Text("Where is my parcel?"))
    services.keep(2, "C42", "outbound", Text("It ships today"), author="Amir")
    known = await answered(services, "take", "C42", face=face)
    assert known.rows == () and known.quiet == (face is Face.THREAD)
    services.finding.new = True
    new = await answered(services, "take", "C42", face=face)
    assert new.text.plain.startswith("Dana Petrov is with you now.\nC42 Dana Petrov · open since ")
    assert texts(new) == ["Where is my parcel?", "It ships today"] and not new.quiet
    given = await answered(services, "assign", "C42 <@U7AMIR>", face=face)
    assert given.rows == ()


def test_narrowed_says_whether_it_is() -> None:
    assert not Narrowed() and Narrowed(files=True) and not replace(Narrowed(files=True), files=False)
