"""What the desk shows of other ways to a customer, where a reply failed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.desk import CardView, Replied, State, Status
from bot.messages import AgentId, ConversationId, CustomerId, MessageId, TeamId, Text
from bot.slack.cards import card
from bot.slack.parts import body
from tests.flows.seen import read

CARD = CardView(
    "C42",
    CustomerId(42),
    "Dana Petrov",
    TeamId("support"),
    Status.OPEN,
    ConversationId(1),
    "Where is it?",
    ("telegram @acmebot", "email support@shop.example"),
    failed=1,
)
REPLY = Replied(
    MessageId(7),
    AgentId("U1"),
    "Kim",
    None,
    "Dana Petrov",
    "telegram",
    "telegram",
    Text("It ships today."),
    0.0,
    State.FAILED,
    0.0,
    "blocked the bot",
    others=("email support@shop.example",),
)


def seen(blocks: list[dict[str, Any]]) -> str:
    return read({"blocks": blocks})


def test_a_failed_reply_names_the_other_ways() -> None:
    shown = seen(body(REPLY, 3000))
    assert "Dana Petrov can also be reached by email support@shop.example." in shown
    assert "[Retry][Send another way]" in shown
    assert "can also be reached" not in seen(body(replace(REPLY, others=()), 3000))
    assert "can also be reached" not in seen(body(replace(REPLY, state=State.ACCEPTED), 3000))


@pytest.mark.parametrize(
    ("changes", "offered"),
    [({}, True), ({"failed": 0}, False), ({"reach": ("telegram @acmebot",)}, False)],
)
def test_a_card_with_a_failed_reply_offers_another_channel(changes: dict[str, Any], offered: bool) -> None:
    shown = seen(card(replace(CARD, **changes), 0.0).blocks)
    assert ("[Switch channel]" in shown) == offered
