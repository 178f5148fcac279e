"""The endpoints of X's API that a bot for direct messages needs."""

from __future__ import annotations

import base64
import binascii
import json
import re
import secrets
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from bot.sandbox.x.hooks import Hook, file_url
from bot.sandbox.x.model import File, Message
from bot.sandbox.x.world import World

PROBLEMS = "https://api.x.com/2/problems/"
BLANK = "about:blank"
"""The type of problems that X's description leaves out: no login, too many requests, out of order."""
FIELDS = {"attachments", "created_at", "dm_conversation_id", "entities", "event_type", "id", "text"}
KINDS = {"MessageCreate", "ParticipantsJoin", "ParticipantsLeave"}
EXPANSIONS = {"attachments.media_keys", "participant_ids", "referenced_posts", "sender_id"}
QUERY = {
    "max_results",
    "pagination_token",
    "event_types",
    "dm_event.fields",
    "expansions",
    "user.fields",
    "post.fields",
    "media.fields",
}


class Answer(Exception):
    """An error answer: status, title, X's sentence, the type of the problem."""

    def __init__(
        self, status: int, title: str, detail: str, kind: str = "invalid-request", **more: str
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.headers: dict[str, str] = {}
        kind = kind if kind == BLANK else PROBLEMS + kind
        self.body = {"title": title, "detail": detail, "type": kind, "status": status, **more}


def iso(ms: int) -> str:
    """A time as X writes it."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Api:
    """Handlers by route. Each gives (status, body); errors are raised as ``Answer``."""

    def __init__(self, world: World) -> None:
        self._x = world

    # -- reading ---------------------------------------------------------------------------------------

    async def me(self, request: web.Request) -> tuple[int, Any]:
        """``GET /2/users/me``."""
        one = self._x.account
        return 200, {"data": {"id": one.id, "name": one.name, "username": one.username}}

    async def events(self, request: web.Request) -> tuple[int, Any]:
        """``GET /2/dm_events``: newest first, in pages."""
        query = request.query
        fields, wanted = self._checked(query)
        kinds = query.get("event_types", "MessageCreate,ParticipantsJoin,ParticipantsLeave").split(",")
        if self._x.faults.take("drop_reads"):
            raise ConnectionResetError
        size = int(query.get("max_results", "100"))
        if not 1 <= size <= 100:
            raise Answer(400, "Invalid Request", f"max_results [{size}] is not between 1 and 100")
        below = self._below(query.get("pagination_token"))
        faults = self._x.faults
        if below is not None and faults.take("cut_pages"):
            raise Answer(503, "Service Unavailable", "Service Unavailable", BLANK)
        listed = [
            one
            for one in sorted(self._x.messages, key=lambda one: int(one.id), reverse=True)
            if one.id not in faults.hidden and (below is None or int(one.id) < below)
            if one.type in kinds or one.type not in KINDS  # a kind that X has just invented
        ]
        page = listed[:size]
        body: dict[str, Any] = {"meta": {"result_count": len(page)}}
        if len(listed) > size:
            body["meta"]["next_token"] = f"DMTOKEN{int(page[-1].id):024d}"
        if page:
            body["data"] = [self._row(one, fields, wanted) for one in page]
            body["includes"] = self._includes(page, wanted)
        return 200, body

    def _checked(self, query: Any) -> tuple[set[str], set[str]]:
        for name in query:
            if name not in QUERY:
                raise Answer(
                    400, "Invalid Request", f"The query parameter [{name}] is not one of {sorted(QUERY)}"
                )
        asked: list[set[str]] = []
        for name, known in (("dm_event.fields", FIELDS), ("expansions", EXPANSIONS)):
            values = set(query[name].split(",")) if query.get(name) else set()
            if strange := values - known:
                raise Answer(
                    400, "Invalid Request", f"The `{name}` query parameter value {strange} is not known"
                )
            asked.append(values)
        return asked[0] | {"id", "event_type"}, asked[1]

    def _below(self, token: str | None) -> int | None:
        if token is None:
            return None
        if not re.fullmatch(r"DMTOKEN[0-9]{24}", token) or self._x.faults.take("lose_tokens"):
            raise Answer(400, "Invalid Request", "The pagination_token is not valid")
        return int(token.removeprefix("DMTOKEN"))

    def _row(self, one: Message, fields: set[str], wanted: set[str]) -> dict[str, Any]:
        row: dict[str, Any] = {"id": one.id, "event_type": one.type}
        if one.garbled:
            return row
        if one.type == "MessageCreate":
            row["text"] = one.text
        row |= {"created_at": iso(one.ms), "dm_conversation_id": one.conversation}
        if one.urls:
            row["entities"] = {"urls": one.urls_with_places()}
        if one.file is not None:
            row["attachments"] = {"media_keys": [one.file.key]}
        row = {key: value for key, value in row.items() if key in fields}
        if "sender_id" in wanted:  # it comes with its expansion, not as a field
            row["sender_id"] = one.sender
        return row

    def _includes(self, page: list[Message], wanted: set[str]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        if "sender_id" in wanted:
            people = {one.sender: self._x.user(one.sender) for one in page}
            made["users"] = [{"id": u.id, "name": u.name, "username": u.username} for u in people.values()]
        if "attachments.media_keys" in wanted and any(one.file for one in page):
            made["media"] = [self._media(one) for one in page if one.file]
        return made

    def _media(self, one: Message) -> dict[str, Any]:
        assert one.file is not None
        row: dict[str, Any] = {"media_key": one.file.key, "type": one.file.kind}
        if one.file.kind == "photo":
            return row | {"url": file_url(one)}
        variant = {"bit_rate": 832_000, "content_type": "video/mp4", "url": file_url(one) + "?tag=1"}
        playlist = {
            "content_type": "application/x-mpegURL",
            "url": "https://video.twimg.com/dm_video/pl.m3u8",
        }
        return row | {"variants": [playlist, variant]}

    async def file(self, request: web.Request) -> tuple[int, Any]:
        """``GET /2/dm_conversations/media/…``: bytes, for OAuth2 only."""
        if self._x.faults.take("no_files"):
            raise Answer(503, "Service Unavailable", "Service Unavailable", BLANK)
        place = request.match_info
        for one in self._x.messages:
            if one.id != place["dm_id"] or one.file is None:
                continue
            if (one.file.id, one.file.resource) == (place["media_id"], place["resource_id"]):
                return 200, one.file.data
        raise Answer(
            404, "Not Found Error", "Could not find this file", "resource-not-found", resource_type="media"
        )

    # -- sending ---------------------------------------------------------------------------------------

    async def say_to(self, request: web.Request) -> tuple[int, Any]:
        """``POST /2/dm_conversations/with/{participant_id}/messages``."""
        person = request.match_info["participant_id"]
        if self._x.known(person) is None:
            raise Answer(
                404, "Not Found Error", "Could not find user", "resource-not-found", resource_type="user"
            )
        return await self._say(request, self._x.conversation_with(person), person)

    async def say_in(self, request: web.Request) -> tuple[int, Any]:
        """``POST /2/dm_conversations/{dm_conversation_id}/messages``."""
        conversation = request.match_info["dm_conversation_id"]
        if all(one.conversation != conversation for one in self._x.messages):
            raise Answer(
                403,
                "Forbidden",
                "You are not a participant of it",
                "not-authorized-for-resource",
                resource_type="dm",
            )
        two = conversation.split("-")
        others = [one for one in two if one != self._x.account.id]
        return await self._say(request, conversation, others[0] if len(two) == 2 else None)

    async def _say(self, request: web.Request, conversation: str, person: str | None) -> tuple[int, Any]:
        faults = self._x.faults
        if faults.take("drop_before"):
            raise ConnectionResetError
        refusal = faults.refusals.pop(0) if faults.refusals else faults.refuse_send
        if refusal is not None:
            status, detail = refusal
            raise Answer(status, "Forbidden", detail, "not-authorized-for-resource", resource_type="user")
        body = await _json(request, {"text", "attachments"})
        text, files = body.get("text"), body.get("attachments")
        if not text and not files:
            raise Answer(400, "Invalid Request", "One of text or attachments is required")
        if text is not None and not 1 <= len(text) <= 10_000:
            raise Answer(400, "Invalid Request", "text is longer than 10000 characters")
        if files is not None and len(files) != 1:
            raise Answer(400, "Invalid Request", "attachments has to hold one item")
        file = self._x.files.get(str(files[0].get("media_id"))) if files else None
        if files and (file is None or not file.data):
            raise Answer(400, "Invalid Request", "Your media IDs are invalid.")
        made = self._x.keep(self._x.account.id, person, conversation, text or "", file)
        if faults.take("drop_after"):
            raise ConnectionResetError
        return 201, {"data": {"dm_conversation_id": conversation, "dm_event_id": made.id}}

    async def upload(self, request: web.Request) -> tuple[int, Any]:
        """``POST /2/media/upload``: a picture at once."""
        body = await _json(request, {"media", "media_category", "additional_owners"})
        data = _decoded(body.get("media"))
        kind = sniffed(data)
        if body.get("media_category") != "dm_image" or not kind.startswith("image/"):
            raise Answer(400, "Invalid Request", f"{kind} cannot be a {body.get('media_category')}")
        if len(data) > 5 * 1024 * 1024:
            raise Answer(400, "Invalid Request", "File size exceeds 5242880 bytes.")
        made = self._x.new_file(data, kind)
        return 200, {"data": self._uploaded(made)}

    def _uploaded(self, made: File) -> dict[str, Any]:
        return {
            "id": made.id,
            "media_key": made.key,
            "size": len(made.data),
            "expires_after_secs": 86_400,
        }

    async def initialize(self, request: web.Request) -> tuple[int, Any]:
        """``POST /2/media/upload/initialize``."""
        body = await _json(
            request, {"media_type", "total_bytes", "media_category", "shared", "additional_owners"}
        )
        made = self._x.new_file(b"", str(body.get("media_type")))
        made.category, made.total = str(body.get("media_category")), int(body.get("total_bytes", 0))
        return 200, {"data": {"id": made.id, "media_key": made.key, "expires_after_secs": 86_400}}

    def _file(self, request: web.Request) -> File:
        made = self._x.files.get(request.match_info["id"])
        if made is None:
            raise Answer(
                404, "Not Found Error", "no such upload", "resource-not-found", resource_type="media"
            )
        return made

    async def append(self, request: web.Request) -> tuple[int, Any]:
        """``POST /2/media/upload/{id}/append``."""
        body = await _json(request, {"media", "segment_index"})
        self._file(request).parts[int(body["segment_index"])] = _decoded(body.get("media"))
        return 200, {"data": {"expires_at": int(self._x.clock()) + 86_400}}

    async def finalize(self, request: web.Request) -> tuple[int, Any]:
        """``POST /2/media/upload/{id}/finalize``."""
        made = self._file(request)
        data = b"".join(made.parts[number] for number in sorted(made.parts))
        if len(data) != made.total or sorted(made.parts) != list(range(len(made.parts))):
            raise Answer(400, "Invalid Request", "Segments do not add up to provided total file size.")
        made.data = data
        info = (
            {"processing_info": {"state": "pending", "check_after_secs": 0}} if made.kind == "video" else {}
        )
        return 200, {"data": self._uploaded(made) | info}

    async def status(self, request: web.Request) -> tuple[int, Any]:
        """``GET /2/media/upload?command=STATUS``: a video is ready at the second question."""
        made = self._x.files.get(request.query.get("media_id", ""))
        if made is None:
            raise Answer(
                404, "Not Found Error", "no such upload", "resource-not-found", resource_type="media"
            )
        made.polls += 1
        state = {"state": "in_progress", "check_after_secs": 0, "progress_percent": 50}
        if self._x.faults.take("bad_films"):
            state = {"state": "failed", "progress_percent": 12}
        elif made.polls > 1:
            state = {"state": "succeeded", "progress_percent": 100}
        return 200, {"data": self._uploaded(made) | {"processing_info": state}}

    # -- webhooks --------------------------------------------------------------------------------------

    async def webhooks(self, request: web.Request) -> tuple[int, Any]:
        """``GET /2/webhooks``."""
        rows = [hook.row() for hook in self._x.hooks.rows.values()]
        return 200, {"data": rows, "meta": {"result_count": len(rows)}}

    async def create_webhook(self, request: web.Request) -> tuple[int, Any]:
        """``POST /2/webhooks``: asks the CRC question first."""
        url = str((await _json(request, {"url"})).get("url", ""))
        if not await self._x.hooks.challenge(url):
            raise Answer(400, "Invalid Request", "CrcValidationFailed")
        hook = Hook(str(secrets.randbelow(10**18) + 1), url, iso(int(self._x.clock() * 1000)))
        self._x.hooks.rows[hook.id] = hook
        return 200, {"data": hook.row()}

    async def validate_webhook(self, request: web.Request) -> tuple[int, Any]:
        """``PUT /2/webhooks/{webhook_id}``: asks the CRC question again."""
        hook = self._x.hooks.rows.get(request.match_info["webhook_id"])
        if hook is None:
            raise Answer(
                404, "Not Found Error", "no such webhook", "resource-not-found", resource_type="webhook"
            )
        hook.valid = await self._x.hooks.challenge(hook.url)
        return 200, {"data": {"valid": hook.valid}}

    async def subscriptions(self, request: web.Request) -> tuple[int, Any]:
        """``GET /2/activity/subscriptions``."""
        return 200, {"data": list(self._x.hooks.subscriptions.values())}

    async def subscribe(self, request: web.Request) -> tuple[int, Any]:
        """``POST /2/activity/subscriptions``."""
        body = await _json(request, {"event_type", "filter", "tag", "webhook_id"})
        if body.get("webhook_id") not in self._x.hooks.rows:
            raise Answer(400, "Invalid Request", "webhook_id is not valid")
        made = str(secrets.randbelow(10**18) + 1)
        now = iso(int(self._x.clock() * 1000))
        row = {"subscription_id": made, **body, "created_at": now, "updated_at": now}
        self._x.hooks.subscriptions[made] = row
        return 200, {"data": {"subscription": row}}


async def _json(request: web.Request, known: set[str]) -> dict[str, Any]:
    try:
        body = json.loads(await request.text())
    except ValueError as problem:
        raise Answer(
            400, "Invalid Request", "One or more parameters to your request was invalid."
        ) from problem
    if not isinstance(body, dict) or set(body) - known:
        raise Answer(400, "Invalid Request", f"{sorted(set(body) - known)} is not defined in the schema")
    return body


def _decoded(given: Any) -> bytes:
    try:
        return base64.b64decode(given, validate=True)
    except (binascii.Error, TypeError, ValueError) as problem:
        raise Answer(400, "Invalid Request", "media is not base64") from problem


def sniffed(data: bytes) -> str:
    """The media type by the first bytes."""
    for start, kind in ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG", "image/png"), (b"GIF8", "image/gif")):
        if data.startswith(start):
            return kind
    if data[8:12] == b"WEBP":
        return "image/webp"
    return "video/mp4" if data[4:8] == b"ftyp" else "application/octet-stream"
