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
from bot.commands.types import Answer, Call, Face, Result
from bot.messages import Text

THREAD_HELP = (
    "In a customer's thread your messages stay inside the team. Only these go out:\n"
    "! text · sends the text to the customer, files included\n"
    "@{bot} reply text · the same"
)
SHORT_HELP = (
    "Nothing was sent. To answer the customer, begin with “! ” and the words, or use Reply on the card. "
    "“!help” lists the commands."
)
_NOT_LISTED = frozenset({"help", "onethread"})


def _slash_lines(registry: Registry) -> list[str]:
    return [
        f"{registry.slash(command)} {command.usage}".strip() + f" · {command.summary}"
        for command in registry.commands
        if Face.SLASH in command.faces and command.name not in _NOT_LISTED
    ]


def _thread_lines(registry: Registry) -> list[str]:
    return [
        f"!{command.name} {command.in_thread}".strip() + f" · {command.summary}"
        for command in registry.commands
        if Face.THREAD in command.faces and command.name not in _NOT_LISTED
    ]


def help_text(registry: Registry, in_thread: bool) -> str:
    """All commands, for a thread or for the channel."""
    if in_thread:
        return "\n".join([THREAD_HELP.format(bot="bot"), "Commands here:", *_thread_lines(registry)])
    lines = ["Anywhere, with the customer's handle, address or name:", *_slash_lines(registry)]
    return "\n".join([*lines, "In a customer's thread: begin with “! ” and the words, or “!help”."])


def make_registry(prefix: str = "") -> Registry:
    """The registry of all commands. ``prefix`` (``ot-``) keeps clear of other apps' slash commands."""

    async def show_help(services: Services, call: Call) -> Result:
        person = (
            call.thread_ts is not None and await services.at_thread(call.channel, call.thread_ts) is not None
        )
        return Answer(Text(help_text(registry, person)))

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
        Command("help", "this list", show_help, aliases=("commands",)),
        Command(
            "onethread",
            "this list, where Slack keeps /help for itself",
            show_help,
            faces=frozenset({Face.SLASH}),
        ),
    )
    registry = Registry([*commands, *helps], actions, shortcuts, prefix)
    return registry
