"""The Bot API's methods, as far as the bot uses them, with the refusals that Telegram makes."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from .args import Args, Upload
from .model import DOWNLOAD_LIMIT, Chat, Json, Refusal, World, bad

MAX_TEXT, MAX_CAPTION = 4096, 1024
"""In UTF-16 units."""
MAX_DATA, MAX_TOAST = 64, 200
"""Bytes of a button's data, and UTF-16 units of what pressing it answers."""
UPLOAD_LIMIT, PHOTO_LIMIT = 50 * 1024 * 1024, 10 * 1024 * 1024
"""Bytes."""
DELETE_SECONDS = 48 * 3600
_PICTURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF", b"GIF8")
_FOLDERS = {
    "photo": "photos",
    "document": "documents",
    "audio": "music",
    "video": "videos",
    "voice": "voice",
}
_ALBUMS = ({"photo", "video"}, {"document"}, {"audio"})


class Methods:
    """One function a method; each returns the `result`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._group = 13_000_000_000_000_000

    def find(self, method: str) -> Callable[[Args], Any] | None:
        """The function of a method; names are case-insensitive, as in the API."""
        known: dict[str, Callable[[Args], Any]] = {
            "getme": lambda args: dict(self._world.bot),
            "getchat": self._get_chat,
            "getfile": self._get_file,
            "sendmessage": self._send_message,
            "sendmediagroup": self._send_media_group,
            "sendchataction": self._send_chat_action,
            "editmessagetext": self._edit_text,
            "editmessagecaption": self._edit_caption,
            "editmessagereplymarkup": self._edit_markup,
            "answercallbackquery": self._answer_button,
            "deletemessage": self._delete,
            "setmessagereaction": self._react,
        }
        for kind in _FOLDERS:
            known[f"send{kind}"] = partial(self._send_file, kind)
        return known.get(method.lower())

    def _get_chat(self, args: Args) -> Json:
        chat = self._world.chat(args.values.get("chat_id"))
        accepted = dict.fromkeys(("unlimited_gifts", "limited_gifts", "unique_gifts"), True)
        accepted |= {"premium_subscription": True, "gifts_from_channels": True}
        return chat.shown | {
            "accent_color_id": 1,
            "max_reaction_count": 11,
            "accepted_gift_types": accepted,
        }

    def _get_file(self, args: Args) -> Json:
        file_id = args.text("file_id")
        found = self._world.files.get(file_id)
        if found is None:
            raise bad("wrong file_id or the file is temporarily unavailable")
        if found.size > DOWNLOAD_LIMIT:
            raise bad("file is too big")
        shown = {"file_id": file_id, "file_unique_id": f"u{file_id[-8:]}"}
        return shown | {"file_size": found.size, "file_path": found.path}

    def _send_message(self, args: Args) -> Json:
        chat = self._world.chat(args.values.get("chat_id"))
        text = args.text("text")
        if not text.strip():
            raise bad("message text is empty")
        if units(text) > MAX_TEXT:
            raise bad("message is too long")
        fields = {"text": text} | _entities(args.values.get("entities"), text, "entities")
        return self._say(chat, args, fields | _buttons(args))

    def _send_file(self, kind: str, args: Args) -> Json:
        chat = self._world.chat(args.values.get("chat_id"))
        upload = args.files.get(kind) or self._attached(args, args.text(kind))
        return self._say(chat, args, self._medium(kind, upload) | self._caption(args.values))

    def _send_media_group(self, args: Args) -> list[Json]:
        chat = self._world.chat(args.values.get("chat_id"))
        media = args.values.get("media")
        if not isinstance(media, list) or not 2 <= len(media) <= 10:
            raise bad("wrong number of items in the album: it must be 2-10")
        types = {str(item.get("type")) for item in media}
        if not any(types <= allowed for allowed in _ALBUMS):
            raise bad("documents and audio can only be grouped with their own kind")
        made = []
        for item in media:
            upload = self._attached(args, str(item.get("media")))
            made.append(self._medium(item["type"], upload) | self._caption(item))
        self._group += 1
        group = {"media_group_id": str(self._group)}
        return [self._say(chat, args, fields | group) for fields in made]

    def _attached(self, args: Args, name: str) -> Upload:
        upload = args.files.get(name.removeprefix("attach://"))
        if upload is None:
            raise bad("wrong remote file identifier specified")
        return upload

    def _medium(self, kind: str, upload: Upload) -> Json:
        size = len(upload.data)
        if size == 0:
            raise bad("file must be non-empty")
        if size > UPLOAD_LIMIT:
            raise Refusal(413, "Request Entity Too Large")
        if kind == "photo":
            if size > PHOTO_LIMIT:
                raise bad("too big file for a photo")
            if not upload.data.startswith(_PICTURES):
                raise bad("IMAGE_PROCESS_FAILED")
        file = self._world.add_file(upload.data, upload.name, _FOLDERS[kind])
        if kind == "photo":
            return {"photo": [file | {"width": 800, "height": 600}]}
        file |= {"mime_type": upload.media_type}
        if kind == "document":
            return {"document": file | {"file_name": upload.name}}
        if kind == "video":
            return {"video": file | {"width": 640, "height": 480, "duration": 1, "file_name": upload.name}}
        if kind == "voice":
            return {"voice": file | {"duration": 1}}
        return {"audio": file | {"duration": 1, "file_name": upload.name}}

    @staticmethod
    def _caption(values: Json) -> Json:
        caption = values.get("caption") or ""
        if units(caption) > MAX_CAPTION:
            raise bad("message caption is too long")
        entities = _entities(values.get("caption_entities"), caption, "caption_entities")
        return ({"caption": caption} | entities) if caption else {}

    def _say(self, chat: Chat, args: Args, fields: Json) -> Json:
        answers = args.values.get("reply_parameters") or {}
        if answers:
            answered = chat.messages.get(answers.get("message_id", 0))
            if answered is None and not answers.get("allow_sending_without_reply"):
                raise bad("message to be replied not found")
            if answered is not None:
                shown = {key: value for key, value in answered.items() if key != "reply_to_message"}
                fields = {"reply_to_message": shown} | fields
        return self._world.add_message(chat, self._world.bot_user(), fields)

    def _send_chat_action(self, args: Args) -> bool:
        self._world.chat(args.values.get("chat_id")).actions.append(args.text("action"))
        return True

    def _own(self, args: Args, verb: str) -> Json:
        chat = self._world.chat(args.values.get("chat_id"))
        message = chat.messages.get(args.number("message_id"))
        if message is None:
            raise bad(f"message to {verb} not found")
        return message

    def _edit_text(self, args: Args) -> Json:
        text = args.text("text")
        if not text.strip():
            raise bad("message text is empty")
        if units(text) > MAX_TEXT:
            raise bad("message is too long")
        return self._edit(args, {"text": text} | _entities(args.values.get("entities"), text, "entities"))

    def _edit_caption(self, args: Args) -> Json:
        return self._edit(args, self._caption(args.values))

    def _edit(self, args: Args, fields: Json) -> Json:
        message = self._own(args, "edit")
        if message["from"]["id"] != self._world.bot["id"]:
            raise bad("message can't be edited")
        if "text" in fields and "text" not in message:
            raise bad("there is no text in the message to edit")
        names = ("text", "entities") if "text" in fields else ("caption", "caption_entities")
        if all(message.get(name) == fields.get(name) for name in names):
            raise bad(
                "message is not modified: specified new message content and reply markup are exactly the same"
            )
        for name in names:
            message.pop(name, None)
        message |= fields | {"edit_date": int(time.time())}
        return message

    def _edit_markup(self, args: Args) -> Json:
        message = self._own(args, "edit")
        if message["from"]["id"] != self._world.bot["id"]:
            raise bad("message can't be edited")
        shown = _buttons(args)
        if message.get("reply_markup") == shown.get("reply_markup"):
            raise bad(
                "message is not modified: specified new message content and reply markup are exactly the same"
            )
        message.pop("reply_markup", None)
        message |= shown
        return message

    def _answer_button(self, args: Args) -> bool:
        if units(args.text("text")) > MAX_TOAST:
            raise bad("MESSAGE_TOO_LONG")
        if args.text("callback_query_id") not in self._world.pressed:
            raise bad("query is too old and response timeout expired or query ID is invalid")
        self._world.pressed[args.text("callback_query_id")] = args.text("text")
        return True

    def _delete(self, args: Args) -> bool:
        message = self._own(args, "delete")
        if time.time() - message["date"] > DELETE_SECONDS:
            raise bad("message can't be deleted for everyone")
        del self._world.chats[message["chat"]["id"]].messages[message["message_id"]]
        return True

    def _react(self, args: Args) -> bool:
        self._own(args, "react")["_reaction"] = args.values.get("reaction") or []
        return True


def units(text: str) -> int:
    """The length as Telegram counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _buttons(args: Args) -> Json:
    """An inline keyboard as Telegram keeps it; nothing where none is given. Other keyboards are not there."""
    given = args.values.get("reply_markup")
    if not given:
        return {}
    rows = given.get("inline_keyboard") if isinstance(given, dict) else None
    if not isinstance(rows, list):
        raise bad("can't parse reply keyboard markup JSON object")
    for button in (one for row in rows for one in row):
        data = button.get("callback_data")
        if not button.get("text") or not isinstance(data, str) or not 1 <= len(data.encode()) <= MAX_DATA:
            raise bad("BUTTON_DATA_INVALID")
    return {"reply_markup": {"inline_keyboard": rows}}


def _entities(given: Any, text: str, name: str) -> Json:
    """Entities as Telegram keeps them; one that reaches beyond the text is refused."""
    kept = []
    for entity in given or []:
        if entity["offset"] < 0 or entity["length"] <= 0 or entity["offset"] + entity["length"] > units(text):
            raise bad("entity is outside of the text")
        kept.append(entity)
    return {name: kept} if kept else {}
