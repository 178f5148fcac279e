"""``help``: what one can type here. Made from the registry, so it cannot name what does not exist."""

from __future__ import annotations

from bot.commands import (
    assign,
    audit,
    block,
    case,
    customer,
    duty,
    find,
    followup,
    health,
    history,
    macro,
    merge,
    more,
    next,
    note,
    privacy,
    rating,
    recap,
    reminders,
    reply,
    resolve,
    sla,
    snooze,
    spam,
    start,
    stats,
    switch,
    transfer,
)
from bot.commands.registry import Command, Registry, Shortcut
from bot.commands.services import Services
from bot.commands.types import Answer, Call, Face, Result, Role
from bot.errors import UserError
from bot.messages import Span, SpanKind, Text

THREAD_HELP = (
    "In a customer's thread your messages stay inside the team. Only these go out:\n"
    "! text · sends the text to the customer, files included\n"
    "@bot reply text · the same"
)
SHORT_HELP = (
    "Nothing was sent. To answer the customer, begin with “! ” and the words, or use Reply on the card. "
    "“!help” lists the commands."
)
GROUPS = (
    ("Answer", ("reply", "undo", "note", "macro", "start", "switch")),
    ("Read", ("history", "find", "recap", "customer", "audit")),
    (
        "The case",
        (
            "take",
            "assign",
            "unassign",
            "pending",
            "resolve",
            "reopen",
            "rating",
            "priority",
            "tag",
            "untag",
            "transfer",
        ),
    ),
    ("In time", ("next", "sla", "snooze", "followup", "followups")),
    ("Who it is", ("merge", "unmerge", "block", "unblock", "spam", "quarantine")),
    ("You and the team", ("duty", "whoami", "stats", "health", "help", "onethread")),
)
"""Under which words the list has each command."""


def _slash_line(registry: Registry, command: Command) -> str:
    return f"{registry.slash(command)} {command.usage}".strip() + f" · {_about(command)}"


def _thread_line(registry: Registry, command: Command) -> str:
    return f"!{command.name} {command.in_thread}".strip() + f" · {_about(command)}"


def _about(command: Command) -> str:
    return command.summary if command.role is Role.AGENT else f"{command.summary} ({command.role.value}s)"


def _listed(registry: Registry, face: Face) -> Text:
    """All commands of a face, group by group."""
    line = _thread_line if face is Face.THREAD else _slash_line
    shown = Text()
    for title, names in GROUPS:
        found = [command for name in names if (command := registry.find(name)) and face in command.faces]
        shown += Text(f"\n{title}\n", (Span(1, len(title) + 1, SpanKind.BOLD),))
        shown += Text("".join(f"{line(registry, command)}\n" for command in found))
    return shown


def help_text(registry: Registry, in_thread: bool) -> Text:
    """All commands, for a thread or for the channel."""
    if in_thread:
        more = "Examples: “!help reply”, and the same for every other command."
        return Text(f"{THREAD_HELP}\n") + _listed(registry, Face.THREAD) + Text(f"\n{more}")
    typed = f"/{registry.prefix}onethread"
    more = f"Examples: “{typed} reply”, and the same for every other command."
    first = Text("Anywhere, with the customer's handle, address or name:\n")
    last = f"\nIn a customer's thread: begin with “! ” and the words, or “!help”.\n{more}"
    return first + _listed(registry, Face.SLASH) + Text(last)


def about(registry: Registry, command: Command) -> Text:
    """One command: how it is typed, where else it is, who may, and examples."""
    title = f"{command.name}: {command.summary}"
    lines = []
    if Face.SLASH in command.faces:
        lines.append(f"Anywhere: {registry.slash(command)} {command.usage}".strip())
    if Face.THREAD in command.faces:
        lines.append(f"In a customer's thread: !{command.name} {command.in_thread}".strip())
    if command.also:
        lines.append(f"Or press: {command.also}")
    if command.aliases:
        lines.append(f"Also called: {', '.join(command.aliases)}")
    if command.role is not Role.AGENT:
        lines.append(f"Only for {command.role.value}s.")
    shown = Text(title, (Span(0, len(command.name), SpanKind.BOLD),)) + Text("\n" + "\n".join(lines))
    if not command.examples:
        return shown
    typed = "\n".join(_with_prefix(registry, example) for example in command.examples)
    return shown + Text("\nExamples\n") + Text(typed, (Span(0, len(typed), SpanKind.PRE),))


def _with_prefix(registry: Registry, example: str) -> str:
    return f"/{registry.prefix}{example[1:]}" if example.startswith("/") else example


def _no_such(registry: Registry, word: str) -> UserError:
    close = registry.suggest(word)
    cure = f"Closest: {close}." if close else "Without a word you get the list."
    return UserError(f"There is no command {word}. {cure}")


def make_registry(prefix: str = "") -> Registry:
    """The registry of all commands. ``prefix`` (``ot-``) keeps clear of other apps' slash commands."""

    async def show_help(services: Services, call: Call) -> Result:
        word = call.args.strip().lstrip("/!")
        if word:
            found = registry.find(word) or registry.find_slash(word)
            if found is None:
                raise _no_such(registry, word)
            return Answer(about(registry, found))
        person = (
            call.thread_ts is not None and await services.at_thread(call.channel, call.thread_ts) is not None
        )
        return Answer(help_text(registry, person))

    modules = (
        reply,
        note,
        history,
        find,
        recap,
        customer,
        privacy,
        resolve,
        assign,
        case,
        next,
        macro,
        audit,
        transfer,
        duty,
        start,
        stats,
        sla,
        snooze,
        followup,
        reminders,
        rating,
        block,
        spam,
        merge,
        health,
        switch,
        more,
    )
    commands = [command for module in modules for command in getattr(module, "COMMANDS", ())]
    actions = [action for module in modules for action in getattr(module, "ACTIONS", ())]
    shortcuts = (
        Shortcut("Send to customer", "note.send", True, "Send this message to the customer of the thread"),
        Shortcut("Reply to a customer", "reply.open", False, "Write to a customer by any channel"),
        Shortcut(
            "Write to somebody new",
            "start.open",
            False,
            "Begin a conversation with somebody who has not written",
        ),
    )
    helps = (
        Command(
            "help",
            "what there is, and how one command is used",
            show_help,
            usage="[reply]",
            in_thread="[reply]",
            faces=frozenset({Face.SLASH, Face.THREAD}) if prefix else frozenset({Face.THREAD}),
            aliases=("commands",),
            examples=("!help", "!help reply"),
        ),
        Command(
            "onethread",
            "what there is, and how one command is used",
            show_help,
            usage="[reply]",
            examples=("/onethread", "/onethread snooze"),
            faces=frozenset({Face.SLASH}),
        ),
    )
    registry = Registry([*commands, *helps], actions, shortcuts, prefix)
    return registry
