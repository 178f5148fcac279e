"""What stands in a post for each kind of entry: the words, then quiet lines that tell the truth about them,
then buttons."""

from __future__ import annotations

from bot.commands.words import size
from bot.desk import Noted, Replied, Said, State
from bot.messages import Attachment, Text
from bot.slack.blocks import Block, actions, button, context, date, mrkdwn, plain, quiet, rich
from bot.slack.names import one_line, safe_name

_TROUBLE = frozenset({State.FAILED, State.UNCERTAIN})


def body(entry: Said | Replied | Noted, budget: int) -> list[Block]:
    """An entry's blocks; at most ``budget`` characters of its words."""
    if isinstance(entry, Said):
        return _said(entry, budget)
    if isinstance(entry, Replied):
        return _answered_in_thread(entry) if entry.from_thread else _replied(entry, budget)
    return [
        *_words(entry.text, budget),
        quiet(_joined("note, only the team sees it", *_files(entry.attachments))),
    ]


def _words(text: Text, budget: int) -> list[Block]:
    if not text.plain.strip():
        return []
    if len(text) <= budget:
        return rich(text)
    return [*rich(text.cut(0, budget)), quiet(f"… {len(text) - budget} more characters, in the file below.")]


def _said(entry: Said, budget: int) -> list[Block]:
    blocks: list[Block] = []
    if entry.new_case:
        blocks.append(quiet(f"A new case of {safe_name(entry.customer_name)} {entry.handle}".strip()))
    if entry.deleted:
        blocks.append(quiet("The customer took this message back. It said:"))
    if entry.reaction is not None:
        blocks.append(quiet(f"reacted with {entry.reaction}" if entry.reaction else "took a reaction back"))
    words = _words(entry.text, budget)
    if not words and entry.reaction is None and not entry.attachments:
        words = [quiet("(no words)")]
    return [*blocks, *words, *_below(entry), *_said_buttons(entry, budget)]


def _below(entry: Said) -> list[Block]:
    """The quiet line of facts, then what the agent must know."""
    facts = [one_line(entry.via, 100)]
    if entry.subject:
        facts.append(f"subject: {one_line(entry.subject, 200)}")
    facts += _files(entry.attachments)
    if entry.copied:
        facts.append(f"also to: {one_line(', '.join(entry.copied[:10]), 300)}")
    lines = [quiet(_joined(*facts))]
    lines += [quiet(f"⚠ {sentence}") for sentence in _warnings(entry)]
    if entry.edited_from is not None:
        lines.append(quiet(f"edited; before: “{one_line(entry.edited_from, 300)}”"))
    return lines


def _warnings(entry: Said) -> list[str]:
    found = []
    if entry.other_sender:
        found.append(f"Written by {safe_name(entry.other_sender)}, not by {safe_name(entry.customer_name)}.")
    if entry.warning:
        found.append(one_line(entry.warning, 400))
    if entry.automated:
        found.append(
            f"Written by a machine ({one_line(entry.automated, 120)}), so it is not answered automatically."
        )
    found += [one_line(problem, 400) for problem in entry.problems[:5]]
    found += [
        f"{one_line(file.name, 80)} is not here: {one_line(file.problem, 200)}"
        for file in entry.attachments
        if file.problem
    ]
    return found


def _files(attachments: tuple[Attachment, ...]) -> list[str]:
    """At most ten files by name and size."""
    shown = [f"📎 {one_line(file.name, 60)} ({size(file.size)})" for file in attachments[:10]]
    if len(attachments) > 10:
        shown.append(f"and {len(attachments) - 10} more files")
    return shown


def _joined(*facts: str) -> str:
    return " · ".join(fact for fact in facts if fact)


def _said_buttons(entry: Said, budget: int) -> list[Block]:
    shown = []
    value = str(entry.message_id)
    if entry.has_tail:
        shown.append(button("Show quoted text", "tail.show", value))
    if len(entry.text) > budget:
        shown.append(button("Show all", "whole.show", value))
    return [actions(f"said.{entry.message_id}", *shown)] if shown else []


def _replied(entry: Replied, budget: int) -> list[Block]:
    facts = [plain(_joined(one_line(entry.via, 120), *_subject(entry), *_files(entry.attachments)))]
    blocks = [*_words(entry.text, budget), context(*facts), *_state_lines(entry)]
    if len(entry.text) > budget:
        blocks.append(
            actions(f"all.{entry.message_id}", button("Show all", "whole.show", str(entry.message_id)))
        )
    return [*blocks, *_trouble_buttons(entry)]


def _subject(entry: Replied) -> list[str]:
    return [f"subject: {one_line(entry.subject, 200)}"] if entry.subject else []


def _answered_in_thread(entry: Replied) -> list[Block]:
    """An agent's own message stands above: only what became of it, with its first words to tell it apart."""
    excerpt = one_line(entry.text.plain, 80) or "(files)"
    about = quiet(f"{safe_name(entry.agent_name)}'s reply to {safe_name(entry.customer_name)}: “{excerpt}”")
    return [about, *_state_lines(entry), *_trouble_buttons(entry)]


def _state_lines(entry: Replied) -> list[Block]:
    """The truth about a reply, and the recipients that were refused."""
    lines = [context(*_state(entry))]
    lines += [
        quiet(f"⚠ {one_line(address, 120)} did not get it: {one_line(reason, 300)}")
        for address, reason in entry.refused
    ]
    if entry.state is State.FAILED and entry.others:
        others = one_line(", ".join(entry.others[:5]), 300)
        lines.append(quiet(f"{safe_name(entry.customer_name)} can also be reached by {others}."))
    return lines


def _state(entry: Replied) -> list[Block]:
    detail = one_line(entry.detail or "", 400)
    if entry.state is State.FAILED:
        return [plain(f"❌ failed: {detail or 'no reason was given'}"), *_when(entry)]
    if entry.state is State.UNCERTAIN:
        why = f" ({detail})" if detail else ""
        return [
            plain(f"❔ it may have arrived, nobody knows{why}. Look before you send it again."),
            *_when(entry),
        ]
    if detail and entry.state in (State.PENDING, State.SENDING):
        return [plain(f"⏳ not sent yet, it will be tried again: {detail}"), *_when(entry)]
    words = {
        State.ACCEPTED: "✅ accepted",
        State.DELIVERED: "✅ delivered",
        State.SEEN: "✅ seen",
        State.CANCELLED: "↩ taken back, nothing was sent",
    }.get(entry.state, "⏳ on its way")
    line = [plain(words), *_when(entry)]
    if detail and entry.state in (State.ACCEPTED, State.DELIVERED):
        line.append(plain(f"· {detail}"))
    return line


def _when(entry: Replied) -> list[Block]:
    return [mrkdwn(date(entry.state_at))] if entry.state_at is not None else []


def _trouble_buttons(entry: Replied) -> list[Block]:
    if entry.state not in _TROUBLE:
        return []
    value = str(entry.message_id)
    if entry.state is State.FAILED:
        shown = [button("Retry", "reply.retry", value), button("Send another way", "reply.another", value)]
    else:
        shown = [
            button("It arrived", "reply.arrived", value),
            button("Check, then send again", "reply.check", value),
        ]
    return [actions(f"reply.{entry.message_id}", *shown)]
