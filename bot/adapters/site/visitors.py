"""Who is who: visitors, their tokens and their open sockets.

A token is ``<visitor>.<secret>``: 128 bits that name the visitor (the address of their identity and the key of their
thread, no secret) and 256 bits that prove it. Only the SHA-256 of the secret is kept, in one small value of the adapter's
state for each visitor; it is written with the first message, so that people who only look leave nothing behind. A token
lives as long as it is used (``token_days``); a new one takes over only after the client has said that it keeps it, so a
connection lost in between costs nobody their conversation.

Somebody whom the site has proven (``signin.py``) is one visitor on all their devices, with a token for each device.
"""

import hashlib
import hmac
import json
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

from bot.adapters.site.socket import Socket
from bot.contract import State

_TOKEN = re.compile(r"([0-9a-f]{32})\.([A-Za-z0-9_-]{43})\Z")
_DAY = 86_400.0
FRESH_SECONDS, FRESH_MOST = 3_600.0, 10_000
"""How long, and how many, visitors are remembered who came and said nothing, after they closed the page."""
MOST_TOKENS, MOST_DEVICES = 5, 20
"""Tokens of a visitor that are valid at a time, while a change is under way; and of somebody proven, one for each device."""
_MOVED_MOST = 10_000
RECENT_SECONDS, RECENT_MOST = 120.0, 50
"""How long a reply that was just sent is also given to sockets that come meanwhile: the backlog may not have it yet."""


class Visitor:
    """One visitor while they are here."""

    __slots__ = (
        *(
            "address_given",
            "id",
            "language",
            "name",
            "pending",
            "recent",
            "refused",
            "sockets",
            "spoken",
            "subject",
        ),
        *("told", "tokens"),
    )

    def __init__(self, visitor_id: str, spoken: bool) -> None:
        self.id = visitor_id
        self.spoken = spoken
        """Whether they said something once, and so are kept."""
        self.address_given = False
        self.tokens: dict[str, float] = {}
        """Until when (epoch seconds) the token with this hash is valid."""
        self.sockets: tuple[Socket, ...] = ()
        self.recent: tuple[tuple[float, str], ...] = ()
        self.subject: str | None = None
        """Whom the site has proven them to be; None: nobody knows."""
        self.language: str | None = None
        """What the page, or the browser, that they came by last is in."""
        self.name: str | None = None
        self.pending: dict[str, Any] | None = None
        """What the site says of them, until they say something themselves: who only looks is told to nobody."""
        self.told = ""
        """A digest of what was told of them last."""
        self.refused: str | None = None
        """Why a signed token of theirs proved nothing, until the team has been told."""

    @property
    def kept(self) -> bool:
        """Whether something is written of them."""
        return self.spoken or self.subject is not None

    def push(self, text: str, but: Socket | None = None) -> int:
        """Gives a frame to all their tabs; returns how many took it."""
        return sum(socket.push(text) for socket in self.sockets if socket is not but)

    def remember(self, text: str, now: float) -> None:
        """Keeps a frame for tabs that come within the next minutes."""
        kept = tuple(one for one in self.recent if one[0] > now - RECENT_SECONDS)
        self.recent = (*kept, (now, text))[-RECENT_MOST:]

    def remembered(self, now: float) -> tuple[str, ...]:
        """The frames a new tab may miss otherwise."""
        return tuple(text for at, text in self.recent if at > now - RECENT_SECONDS)


class Visitors:
    """All visitors of one site chat. Values of the state: ``visitor:<id>``."""

    def __init__(self, state: State, token_days: int, clock: Callable[[], float] = time.time) -> None:
        self._state = state
        self._lifetime = token_days * _DAY
        self._clock = clock
        self._here: dict[str, Visitor] = {}
        self._idle: OrderedDict[str, float] = OrderedDict()
        self._moved: OrderedDict[str, str] = OrderedDict()

    def __iter__(self) -> Iterator[Visitor]:
        return iter(tuple(self._here.values()))

    def here(self, visitor_id: str) -> Visitor | None:
        """The visitor, if there is anything in memory about them."""
        return self._here.get(visitor_id)

    async def find(self, token: str | None) -> Visitor | None:
        """The visitor whose valid token this is; the token's life begins anew."""
        match = _TOKEN.match(token or "")
        if match is None:
            return None
        visitor = await self._load(match[1])
        if visitor is None:
            return None
        hashed, now = _hash(match[2]), self._clock()
        known = next((one for one in visitor.tokens if hmac.compare_digest(one, hashed)), None)
        if known is None or visitor.tokens[known] <= now:
            return None
        if visitor.tokens[known] < now + self._lifetime - min(_DAY, self._lifetime / 10):
            visitor.tokens[known] = now + self._lifetime
            if visitor.kept:
                await self._save(visitor)
        return visitor

    async def subject(self, inbox: str, subject: str) -> Visitor:
        """The visitor whom the site calls so, on whatever device."""
        visitor_id = subject_id(inbox, subject)
        visitor = await self._load(visitor_id)
        if visitor is None:
            visitor = self._here.get(visitor_id) or Visitor(visitor_id, spoken=False)
            self._here[visitor_id] = visitor
            if not visitor.sockets:
                self._rest(visitor)
        visitor.subject = subject
        return visitor

    def moved(self, old: Visitor, new: Visitor) -> None:
        """What is sent to the one goes to the other: a browser's visitor is known to be somebody now."""
        self._moved[old.id] = new.id
        while len(self._moved) > _MOVED_MOST:
            self._moved.popitem(last=False)

    def now(self, visitor_id: str) -> str:
        """The visitor that an id means now."""
        return self._moved.get(visitor_id, visitor_id)

    def welcome(self) -> tuple[Visitor, str]:
        """A new visitor and their token. Nothing is written yet."""
        visitor = Visitor(secrets.token_hex(16), spoken=False)
        self._here[visitor.id] = visitor
        return visitor, self.mint(visitor)

    def mint(self, visitor: Visitor) -> str:
        """A further token. The ones before stay valid until ``keep``; ``save`` makes it durable."""
        secret = secrets.token_urlsafe(32)
        most = MOST_TOKENS if visitor.subject is None else MOST_DEVICES
        newest = sorted(visitor.tokens.items(), key=lambda one: one[1])[-most + 1 :]
        visitor.tokens = {**dict(newest), _hash(secret): self._clock() + self._lifetime}
        return f"{visitor.id}.{secret}"

    async def keep(self, visitor: Visitor, token: str, before: str | None = None) -> None:
        """The client has stored this token: the ones before it are not valid any more.

        Of somebody with several devices only ``before``, the token that this device had.
        """
        hashed = _hash(token.partition(".")[2])
        if hashed not in visitor.tokens:
            return
        if visitor.subject is None:
            visitor.tokens = {hashed: visitor.tokens[hashed]}
            await self._save(visitor)
        elif before is not None:
            await self.drop(visitor, before)

    async def drop(self, visitor: Visitor, token: str) -> None:
        """One token is not valid any more. Raises ``StorageError``."""
        if visitor.tokens.pop(_hash(token.partition(".")[2]), None) is not None and visitor.kept:
            await self._save(visitor)

    async def rotate(self, visitor: Visitor) -> str:
        """A further token that is durable. Raises ``StorageError``."""
        made = self.mint(visitor)
        await self._save(visitor)
        return made

    async def spoke(self, visitor: Visitor) -> None:
        """Keeps the visitor from now on; before their first message is accepted. Raises ``StorageError``."""
        if not visitor.spoken:
            visitor.spoken = True
            try:
                await self._save(visitor)
            except BaseException:
                visitor.spoken = False
                raise

    async def gave_address(self, visitor: Visitor) -> None:
        """Remembers that they left an address (not which)."""
        visitor.address_given = True
        await self._save(visitor)

    async def revoke(self, visitor_id: str) -> Visitor | None:
        """No token of this visitor is valid any more. Returns them while they have sockets to close."""
        visitor = await self._load(visitor_id)
        if visitor is None:
            return None
        visitor.tokens = {}
        if visitor.kept:
            await self._save(visitor)
        return visitor

    async def told(self, visitor: Visitor, digest: str) -> None:
        """Remembers what was told of somebody. Raises ``StorageError``."""
        visitor.told = digest
        await self._save(visitor)

    def forget(self, visitor_id: str) -> None:
        """Nothing of a visitor is in memory any more; who comes with an old token is a stranger."""
        self._here.pop(visitor_id, None)
        self._idle.pop(visitor_id, None)

    def join(self, visitor: Visitor, socket: Socket) -> None:
        """A tab opened."""
        visitor.sockets = (*visitor.sockets, socket)
        self._here[visitor.id] = visitor
        self._idle.pop(visitor.id, None)

    def part(self, visitor: Visitor, socket: Socket) -> None:
        """A tab closed. A visitor without a tab is forgotten here; who said nothing yet, an hour later."""
        visitor.sockets = tuple(one for one in visitor.sockets if one is not socket)
        if not visitor.sockets and self._here.get(visitor.id) is visitor:
            self._rest(visitor)

    def _rest(self, visitor: Visitor) -> None:
        now = self._clock()
        self._idle[visitor.id] = now
        self._idle.move_to_end(visitor.id)
        while self._idle:
            oldest, since = next(iter(self._idle.items()))
            if since > now - FRESH_SECONDS and len(self._idle) <= FRESH_MOST:
                break
            del self._idle[oldest]
            self._here.pop(oldest, None)

    def absent(self, visitor_id: str) -> Visitor:
        """The visitor in memory, made where they are away: for a reply that was just sent."""
        visitor = self._here.get(visitor_id)
        if visitor is None:
            visitor = self._here[visitor_id] = Visitor(visitor_id, spoken=True)
            self._rest(visitor)
        return visitor

    async def _load(self, visitor_id: str) -> Visitor | None:
        here = self._here.get(visitor_id)
        if here is not None and (here.tokens or not here.spoken):
            return here
        record = await self._state.get(f"visitor:{visitor_id}")
        here = self._here.get(visitor_id)  # somebody else may have loaded them meanwhile
        if here is not None and (here.tokens or not here.spoken):
            return here
        if record is None:
            return None
        data = json.loads(record)
        now = self._clock()
        visitor = here or Visitor(visitor_id, spoken=data.get("spoken", True))
        visitor.tokens = {hashed: until for hashed, until in data["tokens"].items() if until > now}
        visitor.address_given = data.get("address", False)
        visitor.subject, visitor.name = data.get("subject"), data.get("name")
        visitor.told, visitor.pending = data.get("told", ""), data.get("pending")
        if here is None:
            self._here[visitor_id] = visitor
            self._rest(visitor)
        return visitor

    async def _save(self, visitor: Visitor) -> None:
        record: dict[str, object] = {"tokens": visitor.tokens, "address": visitor.address_given}
        if visitor.subject is not None:
            record |= {"subject": visitor.subject, "name": visitor.name}
            record |= {"told": visitor.told, "pending": visitor.pending, "spoken": visitor.spoken}
        await self._state.set(f"visitor:{visitor.id}", json.dumps(record, separators=(",", ":")))


def subject_id(inbox: str, subject: str) -> str:
    """The visitor that somebody proven is, on whatever device."""
    return hashlib.sha256(f"onethread subject 1\0{inbox}\0{subject}".encode()).hexdigest()[:32]


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
