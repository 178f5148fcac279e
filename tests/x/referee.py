"""X's own description of its API as a referee: each request of ours and each reply of the stand-in's.

It knows nothing of the bot or the stand-in: it reads ``x/openapi.dm-subset.json`` and judges recorded calls.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from jsonschema import Draft202012Validator

BLANK = "about:blank"
"""The type of the problems that X's description leaves out: no login, too many requests, out of order."""


class RecordedCall(Protocol):
    """What the referee reads of a call."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    status: int
    reply: Any
    login: str


class Referee:
    """Judges calls against the description."""

    def __init__(self, specs: Path) -> None:
        self._spec = json.loads((specs / "x" / "openapi.dm-subset.json").read_text(encoding="utf-8"))
        self._paths = [
            (re.compile(re.sub(r"\{\w+\}", "([^/]+)", path) + r"\Z"), path, operations)
            for path, operations in sorted(self._spec["paths"].items(), key=lambda one: one[0].count("{"))
        ]

    def judge_all(self, calls: Iterable[RecordedCall]) -> list[str]:
        """What is wrong with any of these calls, each sentence once."""
        return list(dict.fromkeys(problem for call in calls for problem in self.judge(call)))

    def judge(self, call: RecordedCall) -> list[str]:
        """What is wrong with one call; empty when nothing is."""
        if call.path == "/2/oauth2/token":
            return []
        for pattern, path, operations in self._paths:
            match = pattern.match(call.path)
            if match is not None and call.method.lower() in operations:
                operation = operations[call.method.lower()]
                parameters = [self._resolved(one) for one in operation.get("parameters", [])]
                where = f"{call.method} {path}"
                problems = self._places(parameters, path, match.groups())
                problems += self._query(parameters, call) + self._body(operation, call)
                problems += self._login(operation, call) + self._reply(operation, call)
                return [f"{where}: {problem}" for problem in problems]
        return [f"{call.method} {call.path}: no such operation"]

    def _resolved(self, node: Any) -> Any:
        """What a reference leads to; anything else itself."""
        if not isinstance(node, dict) or "$ref" not in node:
            return node
        found: Any = self._spec
        for key in node["$ref"].removeprefix("#/").split("/"):
            found = found[key]
        return self._resolved(found)

    def _errors(self, schema: Any, value: Any) -> list[str]:
        whole = {**_nullable(schema), "components": _nullable(self._spec["components"])}
        return [
            f"{error.json_path} {error.message[:200]}"
            for error in Draft202012Validator(whole).iter_errors(value)
        ]

    def _places(self, parameters: list[Any], path: str, values: tuple[str, ...]) -> list[str]:
        given = dict(zip(re.findall(r"\{(\w+)\}", path), values, strict=True))
        by_name = {one["name"]: one for one in parameters if one["in"] == "path"}
        return [p for name, value in given.items() for p in self._errors(by_name[name]["schema"], value)]

    def _query(self, parameters: list[Any], call: RecordedCall) -> list[str]:
        known = {one["name"]: one["schema"] for one in parameters if one["in"] == "query"}
        needed = {one["name"] for one in parameters if one["in"] == "query" and one.get("required")}
        problems = [f"unknown parameter {name}" for name in sorted(set(call.query) - set(known))]
        problems += [f"missing parameter {name}" for name in sorted(needed - set(call.query))]
        for name, value in call.query.items():
            if name in known and call.status != 400:
                schema = self._resolved(known[name])
                typed: Any = value.split(",") if schema.get("type") == "array" else value
                problems += self._errors(schema, int(value) if schema.get("type") == "integer" else typed)
        return problems

    def _body(self, operation: Any, call: RecordedCall) -> list[str]:
        described = operation.get("requestBody")
        if described is None:
            return [] if call.body is None else ["it takes no body"]
        if call.body is None:
            return ["the body is missing"]
        return self._errors(described["content"]["application/json"]["schema"], call.body)

    def _login(self, operation: Any, call: RecordedCall) -> list[str]:
        names = {"user2": "OAuth2UserToken", "user1": "UserToken", "app": "BearerToken"}
        allowed = {name for one in operation["security"] for name in one}
        refused = call.status in (401, 403)
        return [] if refused or names.get(call.login) in allowed else [f"{call.login or 'nobody'} may not"]

    def _reply(self, operation: Any, call: RecordedCall) -> list[str]:
        if call.status == 0:
            return []
        answers = operation["responses"]
        if str(call.status) in answers:
            content = answers[str(call.status)]["content"]
            described = content.get("application/json")
            return self._errors(described["schema"], call.reply) if described else []
        if call.status < 400:
            return [f"status {call.status} is not described"]
        if isinstance(call.reply, dict) and call.reply.get("type") == BLANK:
            return [] if {"title", "detail", "status"} <= set(call.reply) else ["a problem lacks its words"]
        return self._errors(answers["default"]["content"]["application/problem+json"]["schema"], call.reply)


def _nullable(node: Any) -> Any:
    """OpenAPI's ``nullable`` in JSON Schema's words; and ``oneOf`` with a discriminator as ``anyOf``."""
    if isinstance(node, list):
        return [_nullable(one) for one in node]
    if not isinstance(node, dict):
        return node
    made = {key: _nullable(value) for key, value in node.items() if key != "discriminator"}
    if made.pop("nullable", False) is True and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    return made
