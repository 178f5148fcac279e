"""The card: the first message of a customer's thread. Who waits, how long, who has it.

It is posted under the bot's own name, so that it can be updated, and all its times are drawn by the reader's
client, so that they never
need to be refreshed.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from bot.commands.refs import ref_value
from bot.desk import CardView, Status
from bot.slack.blocks import Block, actions, button, context, date, escape, mrkdwn, overflow, plain, section
from bot.slack.names import one_line, safe_name

EXCERPT = 160
DUE = {"first": "first reply", "next": "reply", "resolution": "resolution"}
SIGNS = {Status.PENDING: "🟡", Status.SNOOZED: "💤", Status.RESOLVED: "✅"}


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message as Slack wants it. ``username`` and ``icon`` only work when it is posted, never when it is updated."""

    blocks: list[Block]
    text: str
    username: str | None = None
    icon: str | None = None
    broadcast: bool = False

    def arguments(self) -> dict[str, Any]:
        """What ``chat.postMessage`` gets of it."""
        shown: dict[str, Any] = {
            "blocks": self.blocks,
            "text": self.text,
            "unfurl_links": False,
            "unfurl_media": False,
        }
        if self.username:
            shown["username"] = self.username
        if self.icon:
            shown["icon_emoji" if self.icon.startswith(":") else "icon_url"] = self.icon
        if self.broadcast:
            shown["reply_broadcast"] = True
        return shown


def card(view: CardView, now: float | None = None) -> Rendered:
    """The card of a customer, as it is at ``now`` (epoch seconds)."""
    name = safe_name(view.customer_name)
    if view.merged_into is not None:
        return _merged(view, name)
    if view.ended:
        return _ended(view, name)
    if view.spam:
        return _spam(view, name)
    late = view.due_at is not None and view.due_at < (time.time() if now is None else now)
    blocks: list[Block] = [{"type": "rich_text", "block_id": "head", "elements": [_head(view, name, late)]}]
    blocks.append(context(*_facts(view, late)))
    if _warning(view):
        blocks.append(context(plain(f"⚠ {_warning(view)}")))
    blocks.append(_buttons(view))
    return Rendered(blocks, escape(f"{_sign(view, late)} {name} {view.handle}: {_state_words(view)}"))


def _merged(view: CardView, name: str) -> Rendered:
    """The card of a thread that a merge ended: nothing can be done here but to undo it."""
    line = f"merged into {view.merged_into}: it goes on in that thread"
    head: list[Block] = [
        {"type": "text", "text": f"{name}   {view.handle}", "style": {"strike": True}},
        {"type": "text", "text": f"   ⇢ {view.merged_into}"},
    ]
    menu = (("Unmerge", f"merge.undo {ref_value(view.customer_id, view.team)}"),)
    blocks: list[Block] = [
        {
            "type": "rich_text",
            "block_id": "head",
            "elements": [{"type": "rich_text_section", "elements": head}],
        },
        context(plain(line)),
        actions("case", overflow("menu", menu)),
    ]
    return Rendered(blocks, escape(f"⇢ {name} {view.handle}: {line}"))


def _ended(view: CardView, name: str) -> Rendered:
    """The card of a thread that became old or long: nothing is done here any more."""
    line = f"⇢ {name}   {view.handle}   goes on in a newer thread"
    value = ref_value(view.customer_id, view.team)
    blocks = [section(line), actions("case", button("History", "history.open", value))]
    return Rendered(blocks, escape(line))


def _spam(view: CardView, name: str) -> Rendered:
    """The card of a spammer: one quiet line."""
    line = f"🚫 spam   {name}   {view.handle}"
    block = section(line)
    value = ref_value(view.customer_id, view.team)
    block["accessory"] = button("Not spam", "spam.off", value)
    return Rendered([block], escape(line))


def _sign(view: CardView, late: bool) -> str:
    """One sign for the state; the words beside it say it too."""
    if view.blocked:
        return "🚫"
    if view.status is Status.OPEN:
        return "⏰" if late else "🔴" if view.waiting_since is not None else "⚪"
    return SIGNS[view.status]


def _head(view: CardView, name: str, late: bool) -> Block:
    parts: list[Block] = [
        {"type": "text", "text": f"{_sign(view, late)}  "},
        {"type": "text", "text": name, "style": {"bold": True}},
        {"type": "text", "text": f"   {view.handle}"},
    ]
    badges = one_line(" ".join(view.badges), 60)
    if badges:
        parts.append({"type": "text", "text": "   "})
        parts.append({"type": "text", "text": badges, "style": {"bold": True}})
    if view.cases > 1:
        parts.append({"type": "text", "text": f"   case {view.cases}"})
    return {"type": "rich_text_section", "elements": [*parts, *_excerpt(view)]}


def _excerpt(view: CardView) -> list[Block]:
    """On a line of its own, in the same section: sections may run on in one line."""
    line = one_line(view.excerpt, EXCERPT)
    return [{"type": "text", "text": f"\n“{line}”"}] if line else []


def _state_words(view: CardView) -> str:
    if view.blocked:
        return "blocked"
    return {
        Status.OPEN: "waits for us" if view.waiting_since is not None else "open",
        Status.PENDING: "waits for the customer",
        Status.SNOOZED: "snoozed",
        Status.RESOLVED: "resolved",
    }[view.status]


def _state(view: CardView) -> str:
    words = _state_words(view)
    if view.blocked:
        return words
    if view.status is Status.OPEN and view.waiting_since is not None:
        return f"{words} since {date(view.waiting_since)}"
    if view.status is Status.SNOOZED and view.snoozed_until is not None:
        return f"{words} until {date(view.snoozed_until)}"
    return words


def _facts(view: CardView, late: bool) -> list[Block]:
    owner = f"<@{view.owner}>" if view.owner else "nobody"
    facts = [mrkdwn(_state(view))]
    if view.status is Status.OPEN and view.due_at is not None:
        what = DUE.get(view.due_kind or "", "answer")
        facts.append(mrkdwn(f"{f'*{what} was due*' if late else f'{what} due'} {date(view.due_at)}"))
    facts.append(mrkdwn(f"owner: {owner}"))
    if view.noted:
        facts.append(plain(one_line(" · ".join(view.noted), 150)))
    if view.priority != "normal":
        facts.append(mrkdwn(f"*{view.priority}*" if view.priority in ("high", "urgent") else view.priority))
    if view.reach:
        facts.append(plain(_reach(view.reach)))
    if view.tags:
        facts.append(plain(" ".join(f"#{tag}" for tag in view.tags[:8])))
    if view.failed:
        facts.append(mrkdwn(f"❌ {view.failed} not delivered"))
    return _dotted(facts)


def _dotted(facts: list[Block]) -> list[Block]:
    """The same facts with a dot between them."""
    return [
        fact if not number else {**fact, "text": f"· {fact['text']}"} for number, fact in enumerate(facts)
    ]


def _reach(reach: tuple[str, ...]) -> str:
    first = one_line(reach[0], 80)
    others = ", ".join(one_line(way, 40) for way in reach[1:4])
    return f"{first} · also {others}" if others else first


def _warning(view: CardView) -> str:
    if view.quarantine:
        return one_line(f"In quarantine ({view.quarantine}): what comes now is kept and not shown.", 300)
    if view.warning:
        return one_line(view.warning, 300)
    return "" if view.verified else "Nobody has proved that the sender is who they say."


def _buttons(view: CardView) -> Block:
    value = ref_value(view.customer_id, view.team)
    if view.quarantine:
        let_in, spam = button("Let in", "quarantine.let_in", value), button("Spam", "spam.on", value)
        return actions("case", let_in, spam, overflow("menu", (("History", f"history.open {value}"),)))
    shown = [] if view.blocked else [button("Reply", "reply.open", value, "primary")]
    if view.owner is None and view.status is not Status.RESOLVED and not view.blocked:
        shown.append(button("Take it", "case.take", value))
    if view.status is Status.RESOLVED:
        shown.append(button("Reopen", "case.reopen", value))
    elif view.conversation_id is not None:
        shown.append(button("Resolve", "case.resolve", value))
    if view.failed and len(view.reach) > 1:
        shown.append(button("Switch channel", "switch.open", value))
    if view.status is Status.SNOOZED:
        shown.append(button("Wake up", "case.wake", value))
    menu = [("History", f"history.open {value}"), ("Profile", f"customer.show {value}")]
    if view.status is not Status.RESOLVED:
        menu.insert(0, ("Assign", f"case.assign {value}"))
        menu.insert(0, ("Snooze", f"case.snooze {value}"))
    menu.append(("More…", f"case.more {value}"))  # a menu holds five: bot/commands/more.py has the rest
    shown.append(overflow("menu", tuple(menu)))
    return actions("case", *shown)
