"""What the list and the page of one command say: true of every command, whoever adds one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.commands.help import GROUPS, about, help_text, make_registry
from bot.commands.registry import Command
from bot.commands.types import Face
from bot.messages import Text
from bot.sandbox.slack.interactions import BUILT_IN_COMMANDS
from bot.slack.typed import Kind, read_typed
from tests.commands.callers import THREAD, said
from tests.commands.fake_services import FakeServices

REGISTRY = make_registry()


def test_each_command_is_in_one_group_of_the_list() -> None:
    listed = [name for _, names in GROUPS for name in names]
    assert sorted(listed) == sorted(command.name for command in REGISTRY.commands)


@pytest.mark.parametrize("command", REGISTRY.commands, ids=lambda one: one.name)
def test_each_example_is_that_command_as_it_is_typed(command: Command) -> None:
    assert 1 <= len(command.examples) <= 3
    for example in command.examples:
        if example.startswith("/"):
            assert REGISTRY.find_slash(example.split()[0]) is command, example
        else:
            typed = read_typed(Text(example), "UBOT", REGISTRY)
            assert (typed.kind, typed.command) == (Kind.COMMAND, command), example
    starts = {example[0] for example in command.examples}
    assert starts == {{Face.SLASH: "/", Face.THREAD: "!"}[face] for face in command.faces}


def test_no_slash_command_is_one_of_slacks_own() -> None:
    offered = {REGISTRY.slash(command) for command in REGISTRY.commands if Face.SLASH in command.faces}
    assert offered & BUILT_IN_COMMANDS == set()


async def test_help_of_one_command_says_how_it_is_typed_and_where_else_it_is() -> None:
    assert await said(FakeServices(), "help", "/reply") == (
        "reply: send words to a customer\n"
        "Anywhere: /reply C42 text\n"
        "In a customer's thread: !reply text\n"
        "Or press: Reply on the card; ⚡ Reply to a customer; ⋮ Send to customer on a message\n"
        "Examples\n"
        "/reply C42 It ships today.\n"
        "/reply dana@mail.example It ships today.\n"
        "! It ships today."
    )
    assert await said(FakeServices(), "help", "m") == about(REGISTRY, REGISTRY.commands[_at("macro")]).plain
    assert await said(FakeServices(), "help", "repyl") == "There is no command repyl. Closest: reply."
    assert "Only for leads." in await said(FakeServices(), "help", "stats")


def _at(name: str) -> int:
    return [command.name for command in REGISTRY.commands].index(name)


async def test_the_list_is_that_of_the_place() -> None:
    here = await said(FakeServices(), "help", "", Face.THREAD, thread_ts=THREAD)
    assert "Only these go out" in here and "!snooze tomorrow 9" in here and "/snooze" not in here
    anywhere = await said(FakeServices(), "onethread")
    assert "/snooze C42 tomorrow 9" in anywhere and "/help" not in anywhere


def test_a_prefix_is_in_every_line_that_is_typed_with_a_slash() -> None:
    registry = make_registry("ot-")
    assert "/ot-reply C42 text" in help_text(registry, False).plain
    reply = registry.find("reply")
    assert reply is not None and "/ot-reply C42 It ships today." in about(registry, reply).plain
    assert registry.find_slash("/ot-help") is registry.find("help")


def test_the_page_of_commands_has_each_of_them_on_each_face() -> None:
    page = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()
    for command in REGISTRY.commands:
        if Face.SLASH in command.faces:
            assert re.search(rf"`/{command.name}[ `]", page), command.name
        if Face.THREAD in command.faces:
            names = "|".join((command.name, *command.aliases))
            assert re.search(rf"`!({names})[ `]", page), command.name
