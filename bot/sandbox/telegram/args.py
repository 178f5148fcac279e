"""A request of the bot's as arguments: query, form, multipart or JSON, as the Bot API takes them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from .model import Json, bad

_JSON = frozenset(
    """entities caption_entities reply_parameters media allowed_updates reaction link_preview_options reply_markup""".split()  # noqa: SIM905
)
_INTEGERS = frozenset(
    """offset limit timeout message_id max_connections duration width height message_thread_id""".split()  # noqa: SIM905
)
_BOOLEANS = frozenset(
    """drop_pending_updates disable_notification protect_content supports_streaming disable_content_type_detection
    show_caption_above_media has_spoiler is_big allow_paid_broadcast""".split()  # noqa: SIM905
)


@dataclass(slots=True)
class Upload:
    """A file of a multipart request."""

    name: str
    media_type: str
    data: bytes


@dataclass(slots=True)
class Args:
    """Arguments with their types, and uploaded files by the name of their part."""

    values: Json = field(default_factory=dict)
    files: dict[str, Upload] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """A string, empty where it is missing."""
        found = self.values.get(name)
        return found if isinstance(found, str) else "" if found is None else str(found)

    def number(self, name: str, default: int = 0) -> int:
        """An integer."""
        found = self.values.get(name, default)
        return found if isinstance(found, int) else default


async def read(request: web.Request) -> Args:
    """The arguments of a call. Raises the API's 400 for what is no JSON where JSON must be."""
    found = Args()
    for name, value in request.query.items():
        found.values[name] = value
    if request.content_type == "application/json":
        found.values |= await request.json()
    elif request.can_read_body:
        for name, part in (await request.post()).items():
            if isinstance(part, web.FileField):
                kind = part.content_type or "application/octet-stream"
                found.files[name] = Upload(part.filename, kind, part.file.read())
            else:
                found.values[name] = part if isinstance(part, str) else bytes(part).decode()
    found.values = {name: _typed(name, value) for name, value in found.values.items()}
    return found


def _typed(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if name == "chat_id":
        return int(value) if value.lstrip("-").isdigit() else value
    if name in _INTEGERS:
        if not value.lstrip("-").isdigit():
            raise bad(f"{name} must be an integer")
        return int(value)
    if name in _BOOLEANS:
        return value.lower() in ("true", "1")
    if name in _JSON:
        try:
            return json.loads(value)
        except ValueError:
            raise bad(f"can't parse {name} JSON object") from None
    return value
