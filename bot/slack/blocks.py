"""The few kinds of Slack blocks that we make, as plain dictionaries.

Words of customers and agents only ever go into ``plain_text`` and ``rich_text``; ``mrkdwn`` holds our own
words, dates and ids.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bot.messages import Text
from bot.slack.richtext import elements

Block = dict[str, Any]

MAX_BLOCKS = 50
MAX_BUTTON = 75
MAX_VALUE = 2000
_DATE = "{date_short_pretty} {time}"


def escape(text: str) -> str:
    """Exactly the three characters that Slack wants escaped, once."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def date(at: float, pattern: str = _DATE) -> str:
    """A time that the reader's own client shows in the reader's zone, for ``mrkdwn``."""
    fallback = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"<!date^{int(at)}^{pattern}|{fallback}>"


def rich(text: Text) -> list[Block]:
    """A text as ``rich_text`` blocks, in pieces that Slack takes."""
    return [{"type": "rich_text", "elements": piece} for piece in elements(text)]


def plain(text: str, limit: int = 2000) -> Block:
    """A ``plain_text`` element. Emoji codes stay as they were written."""
    return {"type": "plain_text", "text": (text or " ")[:limit], "emoji": False}


def mrkdwn(text: str) -> Block:
    """A ``mrkdwn`` element of our own words; nothing in it is turned into a link by Slack."""
    return {"type": "mrkdwn", "text": text[:3000] or " ", "verbatim": True}


def context(*parts: Block) -> Block:
    """One quiet line, of at most ten elements."""
    return {"type": "context", "elements": list(parts[:10])}


def quiet(line: str) -> Block:
    """One quiet line of plain words."""
    return context(plain(line))


def section(text: str) -> Block:
    """A paragraph of plain words."""
    return {"type": "section", "text": plain(text, 3000)}


def told(text: str) -> Block:
    """A paragraph of our own words, in which emoji codes are shown as emoji."""
    return {"type": "section", "text": {"type": "plain_text", "text": text[:3000] or " ", "emoji": True}}


def button(label: str, action: str, value: str = "", style: str | None = None) -> Block:
    """A button. ``style``: primary, danger or None."""
    made: Block = {
        "type": "button",
        "action_id": action,
        "text": {"type": "plain_text", "text": label[:MAX_BUTTON], "emoji": True},
    }
    if value:
        made["value"] = value[:MAX_VALUE]
    if style in ("primary", "danger"):
        made["style"] = style
    return made


def actions(block_id: str, *elements_: Block) -> Block:
    """A row of buttons and menus."""
    return {"type": "actions", "block_id": block_id, "elements": list(elements_)}


def overflow(action: str, choices: tuple[tuple[str, str], ...]) -> Block:
    """A ⋯ menu of (label, value ≤ 150 characters)."""
    options = [
        {"text": {"type": "plain_text", "text": label, "emoji": True}, "value": value}
        for label, value in choices
    ]
    return {"type": "overflow", "action_id": action, "options": options}
