"""The customers' side: what people do on their phones, and what they have received."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from .model import Chat, Json, Person, World
from .updates import Updates

PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc000000301010018dd8db0"
    "0000000049454e44ae426082"
)
"""A PNG of one pixel."""


class People:
    """Verbs of people. A customer is named by their key; ``chat`` says a message in another chat than the private one."""

    def __init__(self, world: World, updates: Updates, people: dict[str, Person]) -> None:
        self._world = world
        self._updates = updates
        self.persons = people
        self._group = 14_000_000_000_000_000
        for person in people.values():
            world.chats[person.id] = Chat(person.chat(), person)

    def person(self, customer: str) -> Person:
        """A customer by key. Raises ``KeyError``."""
        return self.persons[customer]

    def say(
        self,
        customer: str,
        text: str = "",
        *,
        entities: Sequence[Json] = (),
        chat: int | None = None,
        reply_to: int | None = None,
        **fields: Any,
    ) -> Json:
        """Write to the bot. ``fields`` are those of a Message (``**people.photo()``); beside a file the text is its caption."""
        where = self._world.chats[chat if chat is not None else self.person(customer).id]
        said: Json = {}
        if text:
            beside = any(key in _CAPTIONED for key in fields)
            said = {"caption" if beside else "text": text}
            said |= {"caption_entities" if beside else "entities": list(entities)} if entities else {}
        if reply_to is not None:
            answered = where.messages[reply_to]
            said["reply_to_message"] = {
                key: value for key, value in answered.items() if key != "reply_to_message"
            }
        message = self._world.add_message(where, self.person(customer).user(), said | fields)
        self._push({"message": message})
        return message

    def album(self, customer: str, media: Sequence[Json], text: str = "") -> list[Json]:
        """Several files that belong together; the text is the first one's caption. Each is an update of its own."""
        self._group += 1
        group: Json = {"media_group_id": str(self._group)}
        return [
            self.say(customer, text if number == 0 else "", **(group | medium))
            for number, medium in enumerate(media)
        ]

    def start(self, customer: str, payload: str = "") -> Json:
        """Press Start, or follow a link with a payload."""
        text = f"/start {payload}".strip()
        return self.say(customer, text, entities=[{"type": "bot_command", "offset": 0, "length": 6}])

    def edit(self, customer: str, message_id: int, text: str) -> None:
        """Change a message's words."""
        message = self._world.chats[self.person(customer).id].messages[message_id]
        message.pop("entities", None)
        message["caption" if "caption" in message else "text"] = text
        message["edit_date"] = int(time.time())
        self._push({"edited_message": message})

    def react(self, customer: str, message_id: int, emoji: str) -> None:
        """Put a reaction on a message; empty takes it away."""
        person = self.person(customer)
        self._push(
            {
                "message_reaction": {
                    "chat": person.chat(),
                    "message_id": message_id,
                    "user": person.user(),
                    "date": int(time.time()),
                    "old_reaction": [],
                    "new_reaction": [{"type": "emoji", "emoji": emoji}] if emoji else [],
                }
            }
        )

    def press(self, customer: str, message_id: int, label: str) -> str:
        """Press the button with this label below a message of the bot's; the id of the query."""
        person = self.person(customer)
        message = self._world.chats[person.id].messages[message_id]
        rows = message.get("reply_markup", {}).get("inline_keyboard", [])
        data = next(one["callback_data"] for row in rows for one in row if one["text"] == label)
        query = str(person.id * 1000 + len(self._world.pressed))
        self._world.pressed[query] = None
        shown = {"id": query, "from": person.user(), "message": dict(message), "data": data}
        self._push({"callback_query": shown | {"chat_instance": f"-{person.id}"}})
        return query

    def block(self, customer: str, on: bool = True) -> None:
        """Block the bot, or let it in again."""
        person = self.person(customer)
        person.blocked = on
        bot = self._world.bot_user()
        inside, outside = (
            {"status": "member", "user": bot},
            {"status": "kicked", "user": bot, "until_date": 0},
        )
        self._push(
            {
                "my_chat_member": {
                    "chat": person.chat(),
                    "from": person.user(),
                    "date": int(time.time()),
                    "old_chat_member": inside if on else outside,
                    "new_chat_member": outside if on else inside,
                }
            }
        )

    def group(self, title: str, chat_id: int = -4_001) -> int:
        """A group with the bot in it; its id."""
        self._world.chats[chat_id] = Chat({"id": chat_id, "type": "group", "title": title})
        return chat_id

    def migrate(self, chat_id: int, *, tell: bool = True) -> int:
        """A group becomes a supergroup; its new id. ``tell``: the bot gets the two updates about it."""
        old = self._world.chats[chat_id]
        new_id = -1_000_000_000_000 + chat_id
        new = Chat({"id": new_id, "type": "supergroup", "title": old.shown["title"]})
        self._world.chats[new_id] = new
        if tell:
            who = next(iter(self.persons.values())).user()
            moved = self._world.add_message(old, who, {"migrate_to_chat_id": new_id})
            self._push({"message": moved})
            self._push({"message": self._world.add_message(new, who, {"migrate_from_chat_id": chat_id})})
        old.moved_to = new_id
        return new_id

    def heard(self, customer: str) -> list[Json]:
        """What this customer has received from the bot, oldest first, as it stands now."""
        messages = self._world.chats[self.person(customer).id].messages.values()
        return [message for message in messages if message.get("from", {}).get("id") == self._world.bot["id"]]

    # -- files -----------------------------------------------------------------------------------------

    def photo(self, data: bytes = PICTURE) -> Json:
        """``photo`` of a message: a thumbnail and the picture, smallest first."""
        small = self._world.add_file(data[:1], "photo.jpg", "photos")
        large = self._world.add_file(data, "photo.jpg", "photos")
        sizes = [small | {"width": 90, "height": 67}, large | {"width": 1280, "height": 960}]
        return {"photo": sizes}

    def document(self, name: str, data: bytes, media_type: str, *, size: int | None = None) -> Json:
        """``document`` of a message; ``size`` claims more bytes than there are."""
        file = self._world.add_file(data, name, "documents", size=size)
        return {"document": file | {"file_name": name, "mime_type": media_type}}

    def voice(self, data: bytes = b"OggS voice") -> Json:
        """``voice`` of a message."""
        file = self._world.add_file(data, "voice.oga", "voice")
        return {"voice": file | {"duration": 2, "mime_type": "audio/ogg"}}

    def video(self, data: bytes = b"mp4", *, note: bool = False) -> Json:
        """``video`` or ``video_note`` of a message."""
        file = self._world.add_file(data, "video.mp4", "videos")
        if note:
            return {"video_note": file | {"length": 240, "duration": 2}}
        return {"video": file | {"width": 640, "height": 480, "duration": 2, "mime_type": "video/mp4"}}

    def audio(self, data: bytes = b"ID3", title: str = "Song") -> Json:
        """``audio`` of a message."""
        file = self._world.add_file(data, "song.mp3", "music")
        return {"audio": file | {"duration": 2, "title": title, "mime_type": "audio/mpeg"}}

    def sticker(self, emoji: str = "👍", data: bytes = b"RIFF webp") -> Json:
        """``sticker`` of a message."""
        file = self._world.add_file(data, "sticker.webp", "stickers")
        shape = {"type": "regular", "width": 512, "height": 512, "is_animated": False, "is_video": False}
        return {"sticker": file | shape | {"emoji": emoji}}

    def _push(self, fields: Json) -> None:
        self._updates.push({"update_id": self._world.number()} | fields)


_CAPTIONED = frozenset(("photo", "document", "voice", "video", "audio", "animation"))
