"""Giving a case to another team, as agents type and press it."""

from __future__ import annotations

from bot.commands.types import Face, Form
from tests.commands.callers import run, said
from tests.commands.fake_services import FakeServices


async def test_typed(services: FakeServices) -> None:
    line = await said(services, "transfer", "C42 press they ask for an interview")
    assert line == "Dana Petrov's case is with Acme Press now."
    assert services.desk.given == [(42, "press", "they ask for an interview")]
    assert await said(services, "transfer", "C42") == "Say to which team: support, press."
    assert await said(services, "transfer", "C42 nobody") == "Say to which team: support, press."


async def test_in_a_form(services: FakeServices) -> None:
    form = await run(services, "case.transfer", '{"c":42,"t":"support"}', Face.BUTTON)
    assert isinstance(form, Form) and [choice.value for choice in form.fields[0].choices] == ["press"]
    await run(services, "transfer.submit", form.context, Face.FORM, fields={"to": "press", "text": "soon"})
    assert services.desk.given == [(42, "press", "soon")]
