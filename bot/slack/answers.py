"""Answers of commands as Slack messages that only the caller sees."""

from __future__ import annotations

from typing import Any

from bot.commands.types import Answer, Button, Row
from bot.slack.blocks import MAX_BLOCKS, Block, actions, button, escape, quiet, rich
from bot.slack.names import one_line

MAX_TEXT = 11_000
"""Characters of all blocks together that are safe."""


def answer_blocks(answer: Answer) -> list[Block]:
    """An answer's blocks: the text, the rows, the buttons."""
    text = answer.text if len(answer.text) <= MAX_TEXT else answer.text.cut(0, MAX_TEXT)
    blocks: list[Block] = rich(text) if text.plain.strip() else []
    left = MAX_TEXT - len(text)
    for number, row in enumerate(answer.rows):
        made = _row(row, number)
        left -= len(row.text) + len(row.under)
        if left < 0 or len(blocks) + len(made) > MAX_BLOCKS - 2:
            blocks.append(quiet(f"… {len(answer.rows) - number} more"))
            break
        blocks += made
    if answer.buttons:
        blocks.append(actions("answer", *_buttons(answer.buttons)))
    return blocks


def _row(row: Row, number: int) -> list[Block]:
    made = rich(row.text)
    if row.under:
        made.append(quiet(row.under))
    if row.button is not None:
        made.append(actions(f"row.{number}", *_buttons((row.button, *row.others))))
    return made


def _buttons(buttons: tuple[Button, ...]) -> list[Block]:
    """Slack wants each ``action_id`` once in a row: a number after ``#`` tells them apart."""
    return [
        button(item.label, item.action if not number else f"{item.action}#{number}", item.value, item.style)
        for number, item in enumerate(buttons[:5])
    ]


def ephemeral(answer: Answer) -> dict[str, Any]:
    """The body for a ``response_url`` or ``chat.postEphemeral``."""
    return {"text": escape(one_line(answer.text.plain, 300)) or " ", "blocks": answer_blocks(answer)}
