"""What was said, on the messages of ``FakeServices``: the same promises as ``FindingServices``, no database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from typing_extensions import override

from bot.commands.finding_services import (
    FindingServices,
    Found,
    HistoryPage,
    Hit,
    Narrowed,
    Overview,
    Place,
    Recap,
)
from bot.commands.nouns import HistoryItem, Person
from bot.commands.types import Agent
from bot.messages import CustomerId, MessageId
from bot.storage import query


@dataclass
class FakeFinding(FindingServices):
    """``asked`` is what was asked: (what, words or handle, narrowed). ``new``: the viewer has never written."""

    messages: Mapping[int, HistoryItem]
    whose: Mapping[int, str]
    person: Callable[[str], Person]
    asked: list[tuple[str, str, Narrowed]] = field(default_factory=list)
    new: bool = False
    rated: tuple[int, str, float] | None = None

    @override
    async def places(self) -> tuple[Place, ...]:
        return (
            Place("email", "email", ("email",)),
            Place("telegram", "telegram", ("telegram",)),
            Place("support-mail", "email support@shop.example", ("support-mail", "support@shop.example")),
        )

    def _overview(self, handle: str) -> Overview:
        person = self.person(handle)
        count = sum(1 for one in self.whose.values() if one == handle)
        return Overview(person.customer_id, handle, person.name, person.waiting_since, ("email",), count)

    def _of(self, handle: str | None, narrowed: Narrowed) -> list[HistoryItem]:
        return [
            item
            for number, item in sorted(self.messages.items(), reverse=True)
            if handle in (None, self.whose[number])
            and (not narrowed.direction or item.direction == narrowed.direction)
            and (not narrowed.files or item.attachments)
            and (narrowed.since or 0.0) <= item.at < (narrowed.until or 9e12)
            and (not narrowed.places or item.via in narrowed.places)
        ]

    @override
    async def page(
        self,
        viewer: Agent,
        customer_id: CustomerId,
        narrowed: Narrowed,
        *,
        before: MessageId | None = None,
        after: MessageId | None = None,
        around: MessageId | None = None,
        limit: int = 10,
    ) -> HistoryPage:
        handle = f"C{customer_id}"
        self.asked.append(("page", handle, narrowed))
        items = self._of(handle, narrowed)
        if around is not None:
            before = MessageId(around + 1)
        kept = [item for item in items if before is None or item.message_id < before][:limit]
        if after is not None:
            kept = [item for item in items if item.message_id > after][-limit:]
        newer = bool(kept) and any(item.message_id > kept[0].message_id for item in items)
        older = bool(kept) and any(item.message_id < kept[-1].message_id for item in items)
        return HistoryPage(self._overview(handle), tuple(kept), newer, older)

    @override
    async def find(
        self,
        viewer: Agent,
        words: str,
        narrowed: Narrowed,
        *,
        customer_id: CustomerId | None = None,
        before: MessageId | None = None,
        limit: int = 8,
    ) -> Found:
        self.asked.append(("find", words, narrowed))
        wanted = query.parse(words)
        if not wanted:
            return Found((), older=False, understood=False)
        items = [
            item
            for item in self._of(f"C{customer_id}" if customer_id is not None else None, narrowed)
            if (before is None or item.message_id < before) and query.found_in(wanted, item.text.plain)
        ]
        hits = []
        for item in items[:limit]:
            person = self.person(self.whose[item.message_id])
            shown = query.snippet(wanted, item.text.plain)
            hits.append(Hit(person.customer_id, person.handle, person.name, person.team, item, shown))
        return Found(tuple(hits), older=len(items) > limit)

    @override
    async def recap(self, viewer: Agent, customer_id: CustomerId) -> Recap:
        handle = f"C{customer_id}"
        items = tuple(self._of(handle, Narrowed())[:6][::-1])
        return Recap(self._overview(handle), items, *(self.rated or ()))

    @override
    async def is_new(self, viewer: Agent, customer_id: CustomerId) -> bool:
        return self.new
