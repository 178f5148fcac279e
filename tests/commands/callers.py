"""Calls of commands for tests, on a core in memory."""

from __future__ import annotations

from dataclasses import replace

from bot.commands.help import make_registry
from bot.commands.types import Answer, Call, Face, Result
from bot.messages import Text
from tests.commands.fake_services import KIM, SUPPORT, FakeServices

THREAD = "42.000100"


def call(args: str = "", face: Face = Face.SLASH, **more: object) -> Call:
    made = Call(
        KIM, face, f"src:{args}:{face}", "C0SUPPORT", args, Text(args), team=SUPPORT, fields={}, order=1.0
    )
    return replace(made, **more)  # type: ignore[arg-type]


async def run(
    services: FakeServices, name: str, args: str = "", face: Face = Face.SLASH, **more: object
) -> Result:
    registry = make_registry()
    command = registry.find(name) or registry.action(name)
    assert command is not None
    return await registry.run(command, services, call(args, face, **more))


async def said(
    services: FakeServices, name: str, args: str = "", face: Face = Face.SLASH, **more: object
) -> str:
    result = await run(services, name, args, face, **more)
    assert isinstance(result, Answer), result
    return result.text.plain
