"""``sla``: what is due, what is promised and why; leads pause clocks."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from bot.commands.refs import ref_value
from bot.commands.sla_services import DueCase, DueList, Promised
from bot.commands.types import Answer, Face, Form, Role
from bot.messages import AgentId
from tests.commands.callers import THREAD, run, said
from tests.commands.fake_services import DAN, DANA, KIM, SUPPORT, FakeServices

LEAD = replace(KIM, role=Role.LEAD)
VALUE = ref_value(DANA.customer_id, SUPPORT)


def due_list() -> DueList:
    now = time.time()
    late = DueCase(
        replace(DANA, owner=AgentId("UKIM"), excerpt="Where is it?"), "first", now - 7200, True, "urgent"
    )
    return DueList((late, DueCase(DAN, "resolution", now + 600, False, "normal")), 1, 40)


async def test_what_is_due_of_mine(services: FakeServices) -> None:
    services.sla.found = due_list()
    result = await run(services, "sla")
    assert isinstance(result, Answer)
    assert services.sla.asked == [(KIM.id, (SUPPORT,))]
    assert result.text.plain == "Due next of yours: 1 late, 39 to come. The first 2:"
    first, second = result.rows
    assert first.text.plain.startswith("⏰ C42 Dana Petrov, urgent · first response was due ")
    assert first.text.plain.endswith(", 2 h ago")
    assert first.under == "<@UKIM> · Where is it?"
    assert first.button is not None and (first.button.label, first.button.action) == ("Why?", "sla.why")
    assert second.text.plain.startswith("C51 Dana White · resolution due ")
    assert second.text.plain.endswith(", in 10 min")
    assert second.under == "nobody's yet"
    assert [one.action for one in result.buttons] == ["sla.team"]


async def test_the_whole_team(services: FakeServices) -> None:
    assert await said(services, "sla", "team") == "Nothing of the team is due."
    assert services.sla.asked == [(None, (SUPPORT,))]
    await said(services, "sla.mine", face=Face.BUTTON)
    assert services.sla.asked[-1] == (KIM.id, (SUPPORT,))


async def test_a_lead_sees_the_team_first(services: FakeServices) -> None:
    await said(services, "sla", agent=LEAD)
    assert services.sla.asked == [(None, (SUPPORT,))]
    assert await said(services, "sla", "mine", agent=LEAD) == "Nothing of yours is due."


async def test_what_one_customer_is_promised(services: FakeServices) -> None:
    now = time.time()
    services.sla.open = (
        Promised("next", "premium", now + 1800, False),
        Promised("resolution", "premium", None, False, "paused by hand"),
    )
    result = await run(services, "sla", "C42")
    assert isinstance(result, Answer)
    lines = result.text.plain.splitlines()
    assert lines[0] == "C42 Dana Petrov:"
    assert lines[1].startswith("• next response due ") and lines[1].endswith("in 30 min (policy “premium”)")
    assert lines[2] == "• resolution: stands still (paused by hand)"
    assert [one.label for one in result.buttons] == ["Why?"]
    for_lead = await run(services, "sla", "", Face.THREAD, thread_ts=THREAD, agent=LEAD)
    assert isinstance(for_lead, Answer)
    assert [one.label for one in for_lead.buttons] == ["Why?", "Resume"]


async def test_why_in_the_agents_own_time(services: FakeServices) -> None:
    services.sla.ledger = ("First response: …", "Resolution: …")
    tokyo = replace(KIM, zone="Asia/Tokyo")
    expected = "C42 Dana Petrov, times in Asia/Tokyo:\n\nFirst response: …\n\nResolution: …"
    assert await said(services, "sla", "why C42", agent=tokyo) == expected
    assert await said(services, "sla", "why", Face.THREAD, thread_ts=THREAD, agent=tokyo) == expected
    assert await said(services, "sla.why", VALUE, Face.BUTTON, agent=tokyo) == expected
    assert services.sla.zones == ["Asia/Tokyo"] * 3


async def test_why_of_somebody_who_was_promised_nothing(services: FakeServices) -> None:
    words = "C51 Dana White: nothing was promised in this case, because nobody had to answer."
    assert await said(services, "sla", "why C51") == words


async def test_a_lead_pauses_and_resumes(services: FakeServices) -> None:
    words = await said(services, "sla", "pause C42 because waits for the supplier", agent=LEAD)
    assert words == "The clocks of C42 Dana Petrov stand still until /sla resume C42."
    assert services.sla.paused == {"C42": "waits for the supplier"}
    assert await said(services, "sla", "resume C42", agent=LEAD) == "The clocks of C42 Dana Petrov go on."
    assert "nothing to resume" in await said(services, "sla", "resume C42", agent=LEAD)
    assert (
        await said(services, "sla", "pause C42", agent=LEAD)
        == "Say why: /sla pause C42 waits for the supplier."
    )


async def test_in_the_thread_and_by_form(services: FakeServices) -> None:
    result = await run(services, "sla", "pause a strike", Face.THREAD, thread_ts=THREAD, agent=LEAD)
    assert isinstance(result, Answer) and result.quiet
    assert services.sla.paused == {"C42": "a strike"}
    form = await run(services, "sla.pause", VALUE, Face.BUTTON, agent=LEAD)
    assert isinstance(form, Form)
    assert (form.title, form.submit, form.context) == ("Pause C42's clocks", "sla.pause.submit", VALUE)
    await run(services, form.submit, VALUE, Face.FORM, agent=LEAD, fields={"reason": "a flood"})
    assert services.sla.paused == {"C42": "a flood"}
    await run(services, "sla.resume", VALUE, Face.BUTTON, agent=LEAD)
    assert services.sla.paused == {}


@pytest.mark.parametrize("args", ["pause C42 a reason", "resume C42"])
async def test_an_agent_may_not(services: FakeServices, args: str) -> None:
    assert await said(services, "sla", args) == "Only a lead can pause clocks. Ask one of yours."
    assert services.sla.paused == {}


async def test_nobody_of_that_name(services: FakeServices) -> None:
    assert "why" not in await said(services, "sla", "why C99")
    assert (await said(services, "sla", "why C99")).startswith("C99 is nobody.")
