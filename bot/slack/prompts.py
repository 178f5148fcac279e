"""A prompt as Slack blocks: lines in which nothing is ever parsed, then what came of it, or the buttons."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime

from bot.desk import Group, Line, Piece, Prompt, Strong, ThreadLink, When, Who
from bot.slack.blocks import Block, actions, button
from bot.slack.names import one_line

_FORMATS = {"time": "{time}", "day": "{date_short_pretty}", "": "{date_short_pretty} {time}"}
MAX_PIECE = 1000
MAX_BUTTONS = 5


def blocks(prompt: Prompt, url: str) -> list[Block]:
    """The blocks of a prompt. ``url`` is the workspace's own address, for links to threads."""
    made = [_lines(prompt.lines, url)]
    if prompt.done:
        made.append(_lines((prompt.done,), url))
    elif prompt.buttons:
        shown = [
            button(one.label, f"{one.action}#{number}" if number else one.action, one.value, one.style)
            for number, one in enumerate(prompt.buttons[:MAX_BUTTONS])
        ]
        made.append(actions("prompt", *shown))
    return made


def words(line: Line) -> str:
    """A line as plain words, for notifications: moments in UTC, people left out."""
    said = []
    for piece in line:
        if isinstance(piece, str):
            said.append(piece)
        elif isinstance(piece, When):
            said.append(_fallback(piece))
        elif isinstance(piece, Strong | ThreadLink):
            said.append(piece.words)
    return one_line("".join(said), 280)


def permalink(url: str, channel: str, ts: str) -> str:
    """The address of a post."""
    return f"{url.rstrip('/')}/archives/{channel}/p{ts.replace('.', '')}"


def _lines(lines: tuple[Line, ...], url: str) -> Block:
    """One section with line breaks in it: sections of their own may run on in one line."""
    pieces: list[Piece] = []
    for line in lines:
        pieces += ["\n", *line] if pieces and line else line
    return {
        "type": "rich_text",
        "elements": [{"type": "rich_text_section", "elements": [_element(piece, url) for piece in pieces]}],
    }


def _element(piece: Piece, url: str) -> Block:
    if isinstance(piece, str):
        return {"type": "text", "text": clean(piece)[:MAX_PIECE] or " "}
    if isinstance(piece, Strong):
        return {"type": "text", "text": clean(piece.words)[:MAX_PIECE] or " ", "style": {"bold": True}}
    if isinstance(piece, Who):
        return {"type": "user", "user_id": piece.agent}
    if isinstance(piece, Group):
        return {"type": "usergroup", "usergroup_id": piece.id}
    if isinstance(piece, When):
        return {
            "type": "date",
            "timestamp": int(piece.at),
            "format": _FORMATS.get(piece.only, _FORMATS[""]),
            "fallback": _fallback(piece),
        }
    if not url:
        return {"type": "text", "text": clean(piece.words) or " "}
    return {"type": "link", "url": permalink(url, piece.channel, piece.ts), "text": clean(piece.words) or " "}


def clean(words: str) -> str:
    """Words without controls and direction marks, so that nobody's name can turn a line around; line breaks stay."""
    return "".join(
        char
        for char in words
        if char in "\n\u200d" or unicodedata.category(char) not in ("Cc", "Cf", "Zl", "Zp", "Cs")
    )


def _fallback(piece: When) -> str:
    pattern = {"time": "%H:%M UTC", "day": "%Y-%m-%d"}.get(piece.only, "%Y-%m-%d %H:%M UTC")
    return datetime.fromtimestamp(piece.at, UTC).strftime(pattern)
