"""Entries of a customer's thread as one Slack message.

A single message of a customer comes under their own name. Several that waited come as one post with sender and
time for each. Nothing
that a customer wrote is ever parsed by Slack.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from bot.desk import Activity, Entry, Noted, Prompt, Replied, Said, State
from bot.messages import MessageId
from bot.slack import parts, prompts
from bot.slack.blocks import MAX_BLOCKS, Block, context, date, escape, mrkdwn, plain, quiet
from bot.slack.cards import Rendered
from bot.slack.names import one_line, pair, safe_name, sender

Spoken: TypeAlias = Said | Replied | Noted | Activity
"""What is said or done; all but a prompt."""

MAX_WORDS = 9000
"""Characters of customers' words in one post; Slack cuts at about 12,000 with everything around them."""
FALLBACK = 280


@dataclass(frozen=True, slots=True)
class Overlong:
    """Words that did not fit into a post: they follow as a file."""

    message_id: MessageId
    name: str
    text: str


def render(
    entries: Sequence[Entry], icons: Mapping[str, str], *, renewed: bool = False, url: str = ""
) -> tuple[Rendered, tuple[Overlong, ...]]:
    """A post of these entries, and what did not fit. ``renewed``: it is an update, which cannot carry a name or picture.

    ``url``: the workspace's own address, for links to threads.
    """
    if isinstance(entries[0], Prompt):
        return _prompt(entries[0], url), ()
    return _spoken([entry for entry in entries if not isinstance(entry, Prompt)], icons, renewed=renewed)


def _spoken(
    entries: Sequence[Spoken], icons: Mapping[str, str], *, renewed: bool
) -> tuple[Rendered, tuple[Overlong, ...]]:
    alone = len(entries) == 1
    budget = max(300, MAX_WORDS // max(1, sum(1 for e in entries if not isinstance(e, Activity))))
    name, icon = _face(entries, icons)
    blocks: list[Block] = []
    for entry in _grouped(entries):
        if isinstance(entry, str):
            blocks.append(quiet(entry))
            continue
        if not alone or renewed or name is None:
            blocks += _heading(entry, with_name=renewed or name is None, with_time=not alone)
        blocks += parts.body(entry, budget)
    shown = _within(blocks, entries)
    rendered = Rendered(shown, _fallback(entries), name, icon, _broadcast(entries))
    return rendered, tuple(_overlong(entries, budget))


def _prompt(entry: Prompt, url: str) -> Rendered:
    """A prompt, always a post of its own."""
    notified = prompts.words(entry.lines[0]) if entry.lines else ""
    return Rendered(prompts.blocks(entry, url), escape(notified) or " ", broadcast=entry.broadcast)


def _within(blocks: list[Block], entries: Sequence[Spoken]) -> list[Block]:
    """At most as many blocks as Slack takes, saying so."""
    if len(blocks) <= MAX_BLOCKS:
        return blocks
    handle = next((e.handle for e in entries if isinstance(e, Said | Replied) and e.handle), "")
    where = f"/history {handle}" if handle else "the history"
    return [*blocks[: MAX_BLOCKS - 1], quiet(f"… and more than fits here: see {where}.")]


def _grouped(entries: Sequence[Spoken]) -> list[Said | Replied | Noted | str]:
    """Entries in order, neighbouring activity as one line of words."""
    made: list[Said | Replied | Noted | str] = []
    line: list[str] = []
    for entry in entries:
        if isinstance(entry, Activity):
            line.append(one_line(entry.text, 300))
            continue
        if line:
            made.append(" · ".join(line))
            line = []
        made.append(entry)
    if line:
        made.append(" · ".join(line))
    return made


def who(entry: Spoken) -> str:
    """Under whose name an entry stands."""
    if isinstance(entry, Said):
        return sender(entry.other_sender or entry.customer_name, entry.channel)
    if isinstance(entry, Replied):
        return pair(entry.agent_name, entry.customer_name, entry.channel)
    if isinstance(entry, Noted):
        return f"{safe_name(entry.agent_name)} (note)"
    return ""


def _face(entries: Sequence[Spoken], icons: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The name and picture of the whole post: only where all of it is from one person."""
    if any(isinstance(entry, Replied) and entry.from_thread for entry in entries):
        return None, None
    names = {who(entry) for entry in entries if not isinstance(entry, Activity)}
    if len(names) != 1:
        return None, None
    first = next(entry for entry in entries if not isinstance(entry, Activity))
    if isinstance(first, Said):
        return names.pop(), icons.get(first.channel)
    return names.pop(), first.agent_image


def _heading(entry: Said | Replied | Noted, *, with_name: bool, with_time: bool) -> list[Block]:
    if isinstance(entry, Replied) and entry.from_thread:
        return []
    heading = [plain(who(entry))] if with_name else []
    if with_time:
        heading.append(mrkdwn(date(entry.at)))
    return [context(*heading)] if heading else []


def _broadcast(entries: Sequence[Spoken]) -> bool:
    return any(
        (isinstance(entry, Said) and entry.new_case) or (isinstance(entry, Activity) and entry.broadcast)
        for entry in entries
    )


def _fallback(entries: Sequence[Spoken]) -> str:
    """What notifications show."""
    first = entries[0]
    if isinstance(first, Activity):
        return escape(one_line(first.text, FALLBACK)) or " "
    words = _notified(first)
    more = f" (and {len(entries) - 1} more)" if len(entries) > 1 else ""
    return escape(f"{who(first)}: {words}{more}")


def _notified(entry: Said | Replied | Noted) -> str:
    words = one_line(entry.text.plain, FALLBACK) or "(no words)"
    if isinstance(entry, Said) and entry.reaction is not None:
        return f"reacted with {entry.reaction}" if entry.reaction else "took a reaction back"
    if isinstance(entry, Replied) and entry.state is State.FAILED:
        return f"❌ not delivered: {one_line(entry.detail or words, FALLBACK)}"
    if isinstance(entry, Replied) and entry.state is State.UNCERTAIN:
        return f"❔ may have arrived: {words}"
    return words


def _overlong(entries: Sequence[Spoken], budget: int) -> list[Overlong]:
    found = []
    for entry in entries:
        if isinstance(entry, Activity) or (isinstance(entry, Replied) and entry.from_thread):
            continue
        if len(entry.text) > budget:
            found.append(Overlong(entry.message_id, f"message-{entry.message_id}.txt", entry.text.plain))
    return found
