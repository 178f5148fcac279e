"""Asking by Telegram: buttons below the question, a thank-you for pressing one, and words in answer to it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.adapters.telegram.asking import DATA
from bot.messages import Ask, Message, Rated
from bot.rating.rating_words import LANGUAGES
from bot.rating.rating_words import ask as asked_in
from bot.sandbox.telegram import TelegramStandIn
from bot.sandbox.telegram.model import Json
from tests.email.core import Core
from tests.telegram.rig import hooked, part, receiving, reply, sending

TOKEN = "abcdefghijklmnopqrstuvwx27"
ASK = Ask(TOKEN, "bad", "great", "Tell us why.", "Thank you!")
QUESTION = replace(reply("How was our help?"), ask=ASK, automated=True)


def buttons(message: Json) -> list[str]:
    return [one["text"] for row in message["reply_markup"]["inline_keyboard"] for one in row]


async def test_a_button_rates_and_thanks(telegram: TelegramStandIn, core: Core) -> None:
    async with receiving(telegram, core) as adapter:
        await adapter.send(QUESTION, part(QUESTION))
        (asked,) = telegram.heard("customer1")
        assert asked["text"] == "How was our help?\n1 = bad, 5 = great\nTell us why."
        assert buttons(asked) == ["1", "2", "3", "4", "5"] and "reply_to_message" not in asked
        query = telegram.people.press("customer1", asked["message_id"], "4")
        await telegram.until(lambda: buttons(telegram.heard("customer1")[0])[3] == "✓ 4")
        assert telegram.world.pressed[query] == "Thank you!"
        (event,) = core.events
        assert isinstance(event, Rated)
        assert (event.token, event.score, event.comment) == (TOKEN, 4, None)
        again = telegram.people.press("customer1", asked["message_id"], "2")
        await telegram.until(lambda: telegram.world.pressed[again] is not None)
        assert [one.score for one in core.events if isinstance(one, Rated)] == [4, 2]
        await telegram.until(lambda: buttons(telegram.heard("customer1")[0])[1] == "✓ 2")


async def test_by_webhook_too(telegram: TelegramStandIn, core: Core) -> None:
    async with hooked(telegram, core) as (adapter, _):
        await adapter.send(QUESTION, part(QUESTION))
        telegram.people.press("customer1", telegram.heard("customer1")[0]["message_id"], "5")
        event = await core.until(lambda: core.events and core.events[0])
        assert isinstance(event, Rated) and event.score == 5
        await telegram.until(lambda: buttons(telegram.heard("customer1")[0])[4] == "✓ 5")


async def test_an_answer_to_the_question_says_why(telegram: TelegramStandIn, core: Core) -> None:
    async with receiving(telegram, core) as adapter:
        await adapter.send(QUESTION, part(QUESTION))
        number = telegram.heard("customer1")[0]["message_id"]
        telegram.say("customer1", "It took a week.", reply_to=number)
        telegram.say("customer1", "And where is my invoice?", reply_to=number)
        telegram.say("customer1", "Something else.")
        await core.until(lambda: len(core.events) == 3)
        said, *others = core.events
        assert isinstance(said, Rated)
        assert (said.token, said.score, said.comment) == (TOKEN, None, "It took a week.")
        assert all(isinstance(one, Message) for one in others), "who asks something waits for an answer"


async def test_a_rating_that_is_not_kept_yet_comes_again(telegram: TelegramStandIn, core: Core) -> None:
    broken = [OSError("disk full")]
    core.fail = lambda event: broken.pop() if broken and isinstance(event, Rated) else None
    async with receiving(telegram, core) as adapter:
        await adapter.send(QUESTION, part(QUESTION))
        number = telegram.heard("customer1")[0]["message_id"]
        query = telegram.people.press("customer1", number, "1")
        await core.until(lambda: core.events)
        await telegram.until(lambda: telegram.world.pressed[query] == "Thank you!")
        await telegram.until(lambda: buttons(telegram.heard("customer1")[0])[0] == "✓ 1")
        again = telegram.people.press("customer1", number, "✓ 1")
        await telegram.until(lambda: telegram.world.pressed[again] == "Thank you!")
        telegram.say("customer1", "Hello")
        await core.until(lambda: core.texts == ["Hello"])  # the mark that is there already is no trouble


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_buttons_fit_in_every_language(
    telegram: TelegramStandIn, core: Core, language: str
) -> None:
    question = replace(QUESTION, ask=asked_in(language, TOKEN))
    async with sending(telegram, core) as adapter:
        await adapter.send(question, part(question))
    (asked,) = telegram.heard("customer1")
    data = [one["callback_data"] for one in asked["reply_markup"]["inline_keyboard"][0]]
    assert all(len(one.encode()) <= DATA for one in data)
    assert all(one.endswith(LANGUAGES[language].thanks) for one in data)
