"""Reading ``/2/dm_events``: page by page, newest first, until what is known.

X has no "since". So each look reads a small page, and only where that holds nothing known yet, more and larger ones;
each event costs money. What was read is accepted oldest first, each with the cursor, so that a crash anywhere repeats
and never loses. A walk that is cut short (a 429, a lost connection, the budget) goes on where it stopped, and nothing
of it is accepted before it has met what is known: the cursor never jumps over a gap.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.adapters.x.budget import Reads
from bot.adapters.x.client import XClient
from bot.adapters.x.errors import BadAnswer, Refused
from bot.adapters.x.inbound import Inbound, Recent
from bot.adapters.x.parse import Heard, Odd, Said, from_page
from bot.contract import AdapterContext

SIZES = (2, 10, 50, 100)
"""Events on the first, second… page of a look: small as long as nothing happens."""
AGAIN = 10
"""Events on the first page of the look after one that found something: X may list an event late."""
_OVERLAP = 600_000 << 22
"""How far below the cursor a listed event is offered again: ten minutes of X's ids."""


@dataclass(frozen=True, slots=True)
class ReadTo:
    """The cursor: events up to ``id`` are done; those up to ``first`` were there before this inbox was read."""

    id: int
    first: int

    def dump(self) -> str:
        """As the string that is stored."""
        return f"{self.id}:{self.first}"

    @classmethod
    def load(cls, stored: str) -> ReadTo:
        """From the stored string."""
        newest, _, first = stored.partition(":")
        return cls(int(newest), int(first or 0))

    def past(self, number: int) -> ReadTo:
        """The cursor when an event is done; it never goes back."""
        return ReadTo(max(self.id, number), self.first)

    def is_old(self, number: int) -> bool:
        """True for an event that is done for certain; what is a little older than the newest may have come late."""
        return 0 < number <= max(self.id - _OVERLAP, self.first)


@dataclass(slots=True)
class Walk:
    """A walk down the pages: ``token`` of the next one, what was found so far by id."""

    token: str | None = None
    pages: int = 0
    found: dict[str, tuple[int, Heard]] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)


class Poller:
    """One inbox's look at X. ``look`` is called every now and then, never twice at once."""

    def __init__(
        self,
        context: AdapterContext,
        client: XClient,
        inbound: Inbound,
        recent: Recent,
        reads: Reads,
        own: str,
    ) -> None:
        self._context = context
        self._client = client
        self._inbound = inbound
        self._recent = recent
        self._reads = reads
        self._own = own
        self._walk: Walk | None = None
        self._deeper = False

    async def look(self) -> int:
        """Takes in what is new; how many events that were.

        Raises ``Spent``, ``Refused``, ``BadAnswer``, aiohttp's errors, ``AdapterError``, ``StorageError``.
        """
        stored = await self._context.cursor.get()
        if stored is None:
            await self._begin()
            return 0
        known = ReadTo.load(stored)
        walk = self._walk or Walk()
        self._walk = walk
        try:
            await self._down(walk, known)
        except Refused as problem:
            if problem.status == 400:  # a token that is too old: from the top again
                self._walk = None
            raise
        taken = await self._take(walk, known)
        self._walk = None
        self._deeper = taken > 0
        return taken

    async def _begin(self) -> None:
        """The first start begins now, not with the last 30 days."""
        page = await self._page(Walk(), 1)
        newest = max((number for number, _ in from_page(page, self._own)), default=0)
        await self._context.cursor.set(ReadTo(newest, newest).dump())

    async def _down(self, walk: Walk, known: ReadTo) -> None:
        while True:
            size = SIZES[min(walk.pages, len(SIZES) - 1)]
            if walk.pages == 0 and self._deeper:
                size = AGAIN
            page = await self._page(walk, size)
            rows = from_page(page, self._own)
            for number, heard in rows:
                walk.found[_key(number, heard)] = (number, heard)
            meta = page.get("meta")
            token = meta.get("next_token") if isinstance(meta, dict) else None
            if not isinstance(token, str) or any(0 < number <= known.id for number, _ in rows):
                return
            if token in walk.tokens:
                raise BadAnswer("X's pages go round in circles")
            walk.tokens.add(token)
            walk.token, walk.pages = token, walk.pages + 1

    async def _page(self, walk: Walk, size: int) -> dict[str, object]:
        size = min(size, await self._reads.room())
        page = await self._client.events(size, walk.token)
        rows = page.get("data")
        await self._reads.spend(len(rows) if isinstance(rows, list) else 0)
        return page

    async def _take(self, walk: Walk, known: ReadTo) -> int:
        """Accepts what was found, oldest first; the cursor goes with each and never back."""
        cursor, taken = known, 0
        for number, heard in sorted(walk.found.values(), key=lambda one: one[0]):
            if known.is_old(number):
                continue
            cursor = cursor.past(number)
            key = (
                heard.event_id if isinstance(heard, Said) else heard.source if isinstance(heard, Odd) else ""
            )
            if isinstance(heard, Said | Odd) and key not in self._recent:
                event = await self._inbound.event(heard)
                if event is not None:
                    accepted = await self._context.accept(event, cursor=cursor.dump())
                    taken += not accepted.duplicate
                self._recent.add(key)
        if cursor != known:
            await self._context.cursor.set(cursor.dump())
        return taken


def _key(number: int, heard: Heard) -> str:
    return str(number) if number else getattr(heard, "source", "") or repr(heard)
