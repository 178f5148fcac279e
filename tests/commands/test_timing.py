"""``snooze``, ``followup``, ``followups``: what agents type and press, and what they are told."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from bot.commands.refs import ref_value
from bot.commands.types import Answer, Face, Form, Problems
from bot.desk import Status
from tests.commands.callers import THREAD, run, said
from tests.commands.fake_services import DANA, KIM, SUPPORT, FakeServices

TOKYO = ZoneInfo("Asia/Tokyo")
IN_TOKYO = replace(KIM, zone="Asia/Tokyo")
VALUE = ref_value(DANA.customer_id, SUPPORT)


def in_tokyo(at: float) -> str:
    return datetime.fromtimestamp(at, TOKYO).strftime("%a %H:%M")


async def test_a_time_is_meant_on_the_agents_own_clock(services: FakeServices) -> None:
    words = await said(services, "snooze", "C42 until Monday 9 because he is away", agent=IN_TOKYO)
    ((handle, until, reason),) = services.snoozes.asked
    assert (handle, in_tokyo(until), reason) == ("C42", "Mon 09:00", "he is away")
    assert words.startswith("Dana Petrov (C42) is snoozed until ")
    assert words.endswith("09:00, or until they write.")


async def test_in_the_thread_the_customer_is_implied(services: FakeServices) -> None:
    before = time.time()
    result = await run(services, "snooze", "3h", Face.THREAD, thread_ts=THREAD, message_ts="1.2")
    assert isinstance(result, Answer) and result.quiet
    assert services.snoozes.asked[0][1] == pytest.approx(before + 3 * 3600, abs=5)


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        ("C42 soon", "“soon” does not start with a time"),
        ("C42 yesterday 9", "does not start with a time"),
        ("C42 03/04", "means different days to different people"),
    ],
)
async def test_words_that_are_no_time_are_answered_with_the_cure(
    services: FakeServices, typed: str, wrong: str
) -> None:
    assert wrong in await said(services, "snooze", typed)
    assert wrong in await said(services, "followup", typed)
    assert services.snoozes.asked == [] and services.follow_ups.kept == {}


async def test_off_and_the_button_of_the_card_bring_it_back(services: FakeServices) -> None:
    assert await said(services, "snooze", "C42 off") == "This case is not snoozed."
    await run(services, "snooze", "C42 1h")
    assert await said(services, "snooze", "C42 off") == "Dana Petrov (C42) is open again."
    await run(services, "snooze", "C42 1h")
    result = await run(services, "case.wake", VALUE, Face.BUTTON)
    assert isinstance(result, Answer) and result.quiet
    assert services.people["C42"].status is Status.OPEN


async def test_the_form_offers_times_and_takes_words(services: FakeServices) -> None:
    form = await run(services, "snooze", "C42")
    assert isinstance(form, Form)
    until = form.fields[0]
    assert [one.label for one in until.choices] == ["In 1 hour", "In 3 hours", "Tomorrow 9:00", "Monday 9:00"]
    assert all(one.under for one in until.choices), "each says which moment it is"
    fields = {"until": until.value, "words": "", "reason": "the warehouse"}
    await run(services, "snooze.submit", form.context, Face.FORM, fields=fields)
    assert services.snoozes.asked[0][2] == "the warehouse"
    for wrong, sentence in (("soonish", "does not start"), ("tomorrow 9 please", "“please” is no part")):
        result = await run(
            services, "snooze.submit", form.context, Face.FORM, fields={"until": "", "words": wrong}
        )
        assert isinstance(result, Problems) and sentence in result.by_field["words"]


async def test_a_follow_up_says_what_was_understood_and_can_be_cancelled(services: FakeServices) -> None:
    result = await run(services, "followup", "C42 tomorrow 10 send the invoice", agent=IN_TOKYO)
    assert isinstance(result, Answer)
    assert result.text.plain == "You will be reminded of Dana Petrov (C42) tomorrow 10:00: send the invoice."
    ((number, made),) = services.follow_ups.kept.items()
    assert datetime.fromtimestamp(made.at, TOKYO).strftime("%H:%M") == "10:00"
    (button,) = result.buttons
    assert (button.label, button.action, button.value) == ("Cancel", "followup.cancel", str(number))
    after = await run(services, button.action, button.value, Face.BUTTON)
    assert isinstance(after, Answer) and after.replace
    assert after.text.plain == "Cancelled: you will not be reminded of Dana Petrov."


async def test_my_follow_ups_are_a_list_with_a_button_each(services: FakeServices) -> None:
    assert "You have no follow-ups" in await said(services, "followups")
    await run(services, "followup", "C42 in 2 hours send the invoice")
    await run(services, "followup", "C51 tomorrow 10")
    services.follow_ups.kept[1] = replace(services.follow_ups.kept[1], told=True)
    result = await run(services, "followups")
    assert isinstance(result, Answer)
    first, second = result.rows
    assert first.text.plain == "Dana Petrov (C42): send the invoice" and first.under.startswith("was due ")
    assert second.text.plain == "Dana White (C51): look at it again" and second.under == "tomorrow 10:00"
    assert [row.button.label for row in result.rows if row.button] == ["Done", "Cancel"]


async def test_done_and_tomorrow_are_pressed_on_what_came_back(services: FakeServices) -> None:
    await run(services, "followup", "C42 in 2 hours send the invoice")
    await run(services, "followup.tomorrow", "1", Face.BUTTON, agent=IN_TOKYO)
    assert datetime.fromtimestamp(services.follow_ups.kept[1].at, TOKYO).strftime("%H:%M") == "09:00"
    await run(services, "followup.done", "1", Face.BUTTON)
    assert services.follow_ups.ended == [("done", 1)]
    assert "too old" in await said(services, "followup.done", "x", Face.BUTTON)


async def test_a_reminder_is_answered_with_a_press(services: FakeServices) -> None:
    for action, sentence in (
        ("remind.later", "You are reminded again at 10:15."),
        ("remind.ack", "Nobody else is reminded of this for 30 min."),
        ("remind.take", "You have Dana Petrov (C42) now."),
    ):
        assert await said(services, action, "reminder:7:U1KIM", Face.BUTTON) == sentence
    assert [how for how, _ in services.reminders.pressed] == ["later 900", "on it", "take"]
    assert "Somebody else" in await said(services, "remind.take", "reminder:9:thread", Face.BUTTON)
