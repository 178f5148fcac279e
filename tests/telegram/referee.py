"""Telegram's own description of its Bot API, as a referee of calls and replies.

It knows nothing of the stand-in or of the bot: it reads `specs/telegram/api.min.json` and judges a method's arguments,
uploaded files and reply, field by field, and updates that are posted to a webhook.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol


class RecordedCall(Protocol):
    """What the referee reads of a recorded call."""

    method: str
    args: Mapping[str, Any]
    files: Mapping[str, int]
    reply: Mapping[str, Any] | None


class Referee:
    """Judges against a folder that holds `telegram/api.min.json`."""

    def __init__(self, specs: Path) -> None:
        api = json.loads((specs / "telegram" / "api.min.json").read_text())
        self._methods: dict[str, Any] = {name.lower(): method for name, method in api["methods"].items()}
        self._types: dict[str, Any] = api["types"]

    def judge_all(self, calls: Iterable[RecordedCall]) -> list[str]:
        """What is wrong with any of these calls, each sentence once."""
        return list(dict.fromkeys(problem for call in calls for problem in self.judge(call)))

    def judge(self, call: RecordedCall) -> list[str]:
        """What is wrong with one call; empty when nothing is."""
        method = self._methods.get(call.method.lower())
        if method is None:
            return [f"{call.method}: no such method"]
        refused = call.reply is not None and not call.reply.get("ok")
        problems = self._args(method, call, refused=refused)
        if call.reply is not None:
            problems += self._reply(method, call.reply)
        return [f"{call.method}: {problem}" for problem in problems]

    def update(self, update: Any) -> list[str]:
        """What is wrong with an update."""
        return self._value(update, "Update", "update")

    def _args(self, method: Mapping[str, Any], call: RecordedCall, *, refused: bool) -> list[str]:
        fields = {field["name"]: field for field in method.get("fields", ())}
        problems = [f"unknown argument {name}" for name in call.args if name not in fields]
        uploaded = {name for name in call.files if name in fields}
        attached = set(call.files) - uploaded
        said = json.dumps(call.args)
        problems += [
            f"uploaded {name} is used nowhere" for name in attached if f"attach://{name}" not in said
        ]
        for name, field in fields.items():
            if name in call.args:
                problems += self._any(call.args[name], field["types"], name)
            elif name in uploaded:
                if "InputFile" not in field["types"]:
                    problems.append(f"{name} is no file")
            elif field["required"] and not refused:
                problems.append(f"missing argument {name}")
        return problems

    def _reply(self, method: Mapping[str, Any], reply: Mapping[str, Any]) -> list[str]:
        if reply.get("ok"):
            return self._any(reply.get("result"), method["returns"], "result")
        problems = [] if isinstance(reply.get("error_code"), int) else ["an error without error_code"]
        problems += [] if isinstance(reply.get("description"), str) else ["an error without description"]
        if "parameters" in reply:
            problems += self._value(reply["parameters"], "ResponseParameters", "parameters")
        return problems

    def _any(self, value: Any, types: Iterable[str], path: str) -> list[str]:
        best: list[str] | None = None
        for name in types:
            problems = self._value(value, name, path)
            if best is None or len(problems) < len(best):
                best = problems
        return best or []

    def _value(self, value: Any, name: str, path: str) -> list[str]:
        if name.startswith("Array of "):
            if not isinstance(value, list):
                return [f"{path} is no list"]
            inner = name.removeprefix("Array of ")
            return [
                problem for n, one in enumerate(value) for problem in self._value(one, inner, f"{path}[{n}]")
            ]
        if name in _PRIMITIVES:
            return [] if _PRIMITIVES[name](value) else [f"{path} is no {name}: {value!r:.60}"]
        described = self._types[name]
        if described.get("subtypes"):
            return self._any(value, described["subtypes"], path)
        if not isinstance(value, Mapping):
            return [f"{path} is no {name}"]
        fields = {field["name"]: field for field in described.get("fields", ())}
        problems = [f"{path}.{key} is unknown" for key in value if key not in fields]
        for key, field in fields.items():
            if key in value:
                problems += self._any(value[key], field["types"], f"{path}.{key}")
            elif field["required"]:
                problems.append(f"{path}.{key} is missing")
        return problems


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_PRIMITIVES = {
    "Integer": _is_integer,
    "Float": lambda value: _is_integer(value) or isinstance(value, float),
    "String": lambda value: isinstance(value, str),
    "Boolean": lambda value: isinstance(value, bool),
    "True": lambda value: value is True,
    "InputFile": lambda value: isinstance(value, str) and value.startswith("attach://"),
}
