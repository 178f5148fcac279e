"""Slack's own description of each Web API method, as a referee of calls and replies.

It knows nothing of the stand-in or of the bot: it reads `specs/slack/methods/*.json` and judges
(method, arguments, reply). Use it on everything a stand-in recorded: `Referee(specs).judge_all(standin.calls)`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Protocol

COMMON_ERRORS = frozenset(
    {
        "not_authed",
        "invalid_auth",
        "token_revoked",
        "missing_scope",
        "not_allowed_token_type",
        "unknown_method",
        "invalid_arguments",
        "invalid_json",
        "json_not_object",
        "ratelimited",
        "request_timeout",
    }
)
"""Errors that every method can answer; Slack's pages list them apart from the method's own."""

PEOPLE_VERBS = frozenset(
    {
        "chat.command",
        "blocks.actions",
        "blocks.suggestion",
        "views.submit",
        "views.close",
        "client.boot",
        "client.updates",
        "client.ephemerals",
        "client.views",
        "client.home",
        "client.message",
    }
)
"""What people do in Slack's client and no method offers: in no spec, so not judged."""

UNDOCUMENTED_ARGS = {"chat.postMessage": {"client_msg_id"}}
"""Arguments that Slack takes though the spec is silent (its errors speak of them)."""

_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "array": list,
    "object": dict,
}


class RecordedCall(Protocol):
    """What the referee reads of a recorded call."""

    method: str
    args: Mapping[str, Any]
    reply: Mapping[str, Any] | None


class Referee:
    """Judges calls against a folder that holds `slack/methods/<method>.json`."""

    def __init__(self, specs: Path) -> None:
        self._folder = specs / "slack" / "methods"
        self.spec = cache(self._read)

    def _read(self, method: str) -> dict[str, Any] | None:
        path = self._folder / f"{method}.json"
        if not path.is_file():
            return None
        found: dict[str, Any] = json.loads(path.read_text())
        return found

    def judge(self, method: str, args: Mapping[str, Any], reply: Mapping[str, Any] | None) -> list[str]:
        """What is wrong with one call; empty when nothing is."""
        if method in PEOPLE_VERBS:
            return []
        spec = self.spec(method)
        if spec is None:
            known = reply is not None and reply.get("error") == "unknown_method"
            return [] if known else [f"{method}: no such method"]
        problems = self._args(method, spec, args, refused=reply is not None and not reply.get("ok"))
        if reply is not None:
            problems += self._reply(spec, reply)
        return [f"{method}: {problem}" for problem in problems]

    def judge_all(self, calls: Iterable[RecordedCall]) -> list[str]:
        """What is wrong with any of these calls, each sentence once."""
        found = (problem for call in calls for problem in self.judge(call.method, call.args, call.reply))
        return list(dict.fromkeys(found))

    @staticmethod
    def _args(method: str, spec: dict[str, Any], args: Mapping[str, Any], *, refused: bool) -> list[str]:
        described = spec["args"]
        allowed = set(described["properties"]) | UNDOCUMENTED_ARGS.get(method, set())
        problems = [f"unknown argument {name}" for name in sorted(set(args) - allowed)]
        if not refused:
            needed = set(described.get("required") or ()) - {"token"}  # the token travels in a header
            problems += [f"missing argument {name}" for name in sorted(needed - set(args))]
        return problems

    @staticmethod
    def _reply(spec: dict[str, Any], reply: Mapping[str, Any]) -> list[str]:
        if not reply.get("ok"):
            error = reply.get("error")
            listed = error in COMMON_ERRORS or error in (spec.get("errors") or {})
            return [] if listed else [f"error {error} is not in its list"]
        output = spec.get("output") or {}
        problems = [f"reply lacks {name}" for name in output.get("required") or () if name not in reply]
        for name, described in (output.get("properties") or {}).items():
            wanted = _TYPES.get(described.get("type", "")) if isinstance(described, dict) else None
            value = reply.get(name)
            if wanted and value is not None and not isinstance(value, wanted):
                problems.append(f"reply's {name} is no {described['type']}")
        return problems
