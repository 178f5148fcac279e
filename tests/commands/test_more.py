"""*More…* on a card: every button leads somewhere."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.commands import more
from bot.commands.help import make_registry
from bot.commands.types import Answer, Face
from bot.desk import Status
from tests.commands.callers import run
from tests.commands.fake_services import DANA, FakeServices


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("blocked", [True, False])
def test_every_button_leads_somewhere(status: Status, blocked: bool) -> None:
    registry = make_registry()
    for words, label, action in more.offers(replace(DANA, status=status, blocked=blocked)):
        assert registry.action(action) is not None, action
        assert words and len(label) <= 20


async def test_it_says_what_each_does(services: FakeServices) -> None:
    answer = await run(services, "case.more", '{"c":42,"t":"support"}', Face.BUTTON)
    assert isinstance(answer, Answer)
    labels = [row.button.label for row in answer.rows if row.button]
    assert labels[:2] == ["Pending", "Sort"] and labels[-1] == "Block"
