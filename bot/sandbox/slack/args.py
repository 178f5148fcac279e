"""Typed reading of Web API arguments, whichever way they travelled (query, form or JSON body)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from .model import Json, SlackRefusal

_TRUE = {"true", "1", "t", "yes"}


class Args(dict[str, Any]):
    """Arguments of one call. In forms nested values are JSON text; in JSON bodies they are nested."""

    def text(self, name: str, default: str = "") -> str:
        """The argument as text; numbers are accepted as Slack accepts them."""
        value = self.get(name)
        return default if value is None else value if isinstance(value, str) else str(value)

    def need(self, name: str) -> str:
        """A required text argument; its absence is `invalid_arguments` with an explanation."""
        value = self.text(name)
        if not value:
            raise SlackRefusal("invalid_arguments", f"[ERROR] missing required field: {name}")
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        """A boolean argument (`true`, `1`, JSON true)."""
        value = self.get(name)
        return default if value is None or value == "" else str(value).lower() in _TRUE

    def integer(self, name: str, default: int) -> int:
        """A whole number; nonsense is `invalid_arguments`."""
        value = self.get(name)
        if value is None or value == "":
            return default
        try:
            return int(float(value))
        except (TypeError, ValueError):
            raise SlackRefusal("invalid_arguments", f"[ERROR] must be a number: {name}") from None

    def nested(self, name: str, error: str = "invalid_arguments") -> Any:
        """A JSON value: parsed when it came as text. Text that is no JSON is refused with `error`."""
        value = self.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return json.loads(value)
        except ValueError:
            raise SlackRefusal(error, f"[ERROR] {name} is not valid JSON") from None

    def mapping(self, name: str, error: str = "invalid_arguments") -> Json | None:
        """A JSON object or None."""
        value = self.nested(name, error)
        if value is not None and not isinstance(value, dict):
            raise SlackRefusal(error, f"[ERROR] must be an object: {name}")
        return value

    def ids(self, name: str) -> list[str]:
        """A list of ids: an array, or text separated by commas."""
        value = self.get(name)
        if isinstance(value, list):
            return [str(item) for item in value]
        return [item.strip() for item in self.text(name).split(",") if item.strip()]


async def read_args(request: web.Request) -> Args:
    """Merge query, form and JSON body; the body wins."""
    args = Args(request.query) if request.query_string else Args()
    if not request.can_read_body:
        return args
    if request.content_type == "application/json":
        try:
            body = await request.json()
        except ValueError:
            raise SlackRefusal("invalid_json") from None
        if not isinstance(body, Mapping):
            raise SlackRefusal("json_not_object")
        args.update(body)
    elif request.content_type in ("application/x-www-form-urlencoded", "multipart/form-data"):
        args.update({key: value for key, value in (await request.post()).items() if isinstance(value, str)})
    return args
