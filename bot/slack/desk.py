"""``SlackDesk``: what the outbox asks of the team's side, done in Slack.

Each post carries its key as message metadata (``onethread``, ``{"id": key}``), opaque and readable by the
whole workspace. After an
uncertain post ``find`` reads the thread back and tells whether the key is there.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from typing import Any

import aiohttp
from typing_extensions import override

from bot.commands.types import GivenFile
from bot.contract import BlobStore
from bot.desk import CardView, Desk, Entry, Mark, Place, Save, Standing
from bot.errors import DeliveryError, PermanentFailure
from bot.messages import Attachment
from bot.slack.api import SlackApi, make_client
from bot.slack.blocks import escape, told
from bot.slack.cards import Rendered
from bot.slack.cards import card as render_card
from bot.slack.files import SlackFiles
from bot.slack.policy import SlackPolicy
from bot.slack.posts import render
from bot.slack.removal import Removal

EVENT_TYPE = "onethread"
MARKS = {
    Mark.HELD: "hourglass_flowing_sand",
    Mark.ACCEPTED: "white_check_mark",
    Mark.FAILED: "x",
    Mark.UNCERTAIN: "grey_question",
    Mark.CANCELLED: "leftwards_arrow_with_hook",
}
SKEW = 300.0
"""Seconds by which Slack's clock and ours may differ when a post is looked for."""
_KNOWN_MARKS = 2000
_PEOPLE = frozenset("UW")
"""Ids of people begin with these letters."""
_PAGE = 200
_log = logging.getLogger(__name__)


class SlackDesk(Desk):
    """The desk over one Slack workspace. ``session`` is shared and closed by whoever made it.

    ``url`` is the workspace's own address, for links to threads.
    """

    def __init__(
        self, policy: SlackPolicy, session: aiohttp.ClientSession, blobs: BlobStore, url: str = ""
    ) -> None:
        self.policy = policy
        self.client = make_client(policy, session)
        self.api = SlackApi(self.client, policy.timeout)
        self.files = SlackFiles(policy, self.api, session, blobs)
        self.removal = Removal(self.api, session)
        self.session = session
        self.url = url
        self._direct: dict[str, str] = {}
        self._marks: OrderedDict[tuple[str, str], Mark] = OrderedDict()

    @override
    async def open_card(self, channel: str, card: CardView, key: str) -> str:
        return await self._post(Place(channel), render_card(card), key)

    @override
    async def update_card(self, place: Place, card: CardView) -> None:
        shown = render_card(card)
        await self.api.call(
            "chat.update", channel=place.channel, ts=place.ts, blocks=shown.blocks, text=shown.text
        )

    @override
    async def post(self, place: Place, entries: tuple[Entry, ...], key: str) -> str:
        shown, overlong = render(entries, self.policy.icons, url=self.url)
        ts = await self._post(place, shown, key)
        for words in overlong:
            await self._file_words(place, words.name, words.text)
        return ts

    async def _file_words(self, place: Place, name: str, text: str) -> None:
        """The post stands; a file that fails must not make it be posted again. *Show all* gives the words in any case."""
        try:
            await self.files.upload_text(place, name, text)
        except DeliveryError as error:
            _log.warning("the words of a long message did not follow as a file: %s", error.reason)

    async def _post(self, place: Place, shown: Rendered, key: str) -> str:
        answer = await self.api.call(
            "chat.postMessage",
            channel=place.channel,
            thread_ts=place.ts,
            metadata={"event_type": EVENT_TYPE, "event_payload": {"id": key}},
            **_only_in_thread(place, shown.arguments()),
        )
        return str(answer["ts"])

    @override
    async def find(self, place: Place, key: str, since: float) -> str | None:
        cursor: str | None = None
        while True:
            answer = await self._page(place, f"{max(0.0, since - SKEW):.6f}", cursor)
            for message in answer.get("messages", ()):
                if _key(message) == key:
                    return str(message["ts"])
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or None
            if cursor is None:
                return None

    async def _channel(self, place: str) -> str:
        """Where to read or change what was posted there: posts to a person are in a channel of its own."""
        if place[:1] not in _PEOPLE:
            return place
        if place not in self._direct:
            answer = await self.api.call("conversations.open", users=place)
            self._direct[place] = str(answer["channel"]["id"])
        return self._direct[place]

    async def _page(self, place: Place, oldest: str, cursor: str | None) -> dict[str, Any]:
        common: dict[str, Any] = {
            "channel": await self._channel(place.channel),
            "oldest": oldest,
            "limit": _PAGE,
            "cursor": cursor,
            "include_all_metadata": True,
        }
        if place.ts is None:
            return await self.api.call("conversations.history", **common)
        return await self.api.call("conversations.replies", ts=place.ts, **common)

    @override
    async def update(self, place: Place, post_ts: str, entries: tuple[Entry, ...]) -> None:
        shown, _ = render(entries, self.policy.icons, renewed=True, url=self.url)
        _, code = await self.api.call_raw(
            "chat.update",
            frozenset({"message_not_found"}),
            channel=await self._channel(place.channel),
            ts=post_ts,
            blocks=shown.blocks,
            text=shown.text,
        )
        if code:
            raise PermanentFailure("Somebody deleted the post, so it cannot be changed.")

    @override
    async def upload(self, place: Place, attachment: Attachment, saved: str | None, save: Save) -> None:
        await self.files.upload(place, attachment, saved, save)

    @override
    async def mark(self, place: Place, post_ts: str, mark: Mark) -> None:
        await self._react("reactions.add", place.channel, post_ts, mark, "already_reacted")
        for old in self._before(place.channel, post_ts, mark):
            await self._react("reactions.remove", place.channel, post_ts, old, "no_reaction")
        self._marks[(place.channel, post_ts)] = mark
        while len(self._marks) > _KNOWN_MARKS:
            self._marks.popitem(last=False)

    def _before(self, channel: str, ts: str, mark: Mark) -> list[Mark]:
        """The marks to take away: the one that is known to be there, or, after a restart, any other that may be."""
        known = self._marks.get((channel, ts))
        if known is not None:
            return [known] if known is not mark else []
        return [] if mark is Mark.HELD else [old for old in Mark if old is not mark]

    async def _react(self, method: str, channel: str, ts: str, mark: Mark, fine: str) -> None:
        """A message that its author deleted needs no mark."""
        await self.api.call_raw(
            method, frozenset({fine, "message_not_found"}), channel=channel, timestamp=ts, name=MARKS[mark]
        )

    async def writing(self, place: Place) -> None:
        """Shows in a thread that the customer is writing; Slack takes it away with the next post, or after two minutes."""
        await self.api.call(
            "assistant.threads.setStatus",
            channel_id=place.channel,
            thread_ts=place.ts,
            status="sees the customer writing…",
        )

    @override
    async def tell(self, channel: str, text: str, key: str) -> None:
        await self._post(Place(channel), Rendered([told(text)], escape(text[:300])), key)

    @override
    async def remove(self, channel: str, ts: str) -> bool:
        return await self.removal.remove(await self._channel(channel), ts)

    @override
    async def remove_file(self, file_id: str) -> bool:
        return await self.removal.remove_file(file_id)

    @override
    async def standing(self, place: Place, cursor: str | None) -> tuple[tuple[Standing, ...], str | None]:
        return await self.removal.standing(place, cursor)

    @override
    async def hand(self, person: str, path: str, name: str, words: str) -> str:
        return await self.removal.hand(await self._channel(person), path, name, words)

    async def fetch(self, given: GivenFile, limit: int | None = None) -> bytes:
        """The bytes of an agent's file (``UserError`` where Slack does not give it)."""
        return await self.files.download(given, limit)


def _only_in_thread(place: Place, arguments: dict[str, Any]) -> dict[str, Any]:
    if place.ts is None:
        arguments.pop("reply_broadcast", None)
    return arguments


def _key(message: dict[str, Any]) -> str | None:
    metadata = message.get("metadata") or {}
    if metadata.get("event_type") != EVENT_TYPE:
        return None
    return (metadata.get("event_payload") or {}).get("id")
