"""From app.yaml to what reminders and automatic answers go by."""

from __future__ import annotations

from bot.answering.answer_words import KINDS
from bot.config import Config
from bot.messages import InboxId
from bot.policy import AnswerPolicy, AnswersPolicy, Escalation, RemindersPolicy
from bot.settings.sections_timing import InboxAnswers


def reminders_policy(config: Config) -> RemindersPolicy:
    """Who hears of promises."""
    given = config.reminders
    return RemindersPolicy(
        tuple(
            sorted((Escalation(one.after, one.tell) for one in given.after_breach), key=lambda one: one.after)
        ),
        given.on_it,
        given.list_from,
        frozenset(one.name for one in config.sla if one.remind_at_night),
    )


def answers_policy(config: Config) -> AnswersPolicy:
    """Which inboxes answer automatically."""
    given = config.answers
    of = {InboxId(name): _answers(one) for name, one in given.inboxes.items() if one.off_hours or one.busy}
    return AnswersPolicy(of, given.per_address, given.per_hour)


def _answers(given: InboxAnswers) -> AnswerPolicy:
    texts = {
        (kind, language): words
        for language, own in given.texts.items()
        for kind in KINDS
        if (words := getattr(own, kind)) is not None
    }
    return AnswerPolicy(given.off_hours, given.busy, given.language, texts, given.faster)
