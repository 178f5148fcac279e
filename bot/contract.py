"""What an adapter gets and what it promises. Everything that an adapter written by somebody else needs is here.

An adapter instance serves ONE inbox. It reads its inbox and reports events with ``context.accept``; when that returns, the
event is durable, and only then may the adapter acknowledge upstream. It sends parts of replies when asked to.
The core never asks which channel it talks to: it looks at ``capabilities`` and at the optional protocols below.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from pydantic import BaseModel

from bot.capabilities import Capabilities
from bot.messages import BlobId, Contact, ConversationId, Event, InboxId, Part, Receipt, RemoteId, Reply


@dataclass(frozen=True, slots=True)
class Accepted:
    """The answer to ``accept``: it is durable. ``duplicate``: it had been accepted before.

    ``joined`` tells of a message with a link code: True, the sender is the customer it was given to; False, the code was
    used before, is too old, or people have to decide.
    """

    duplicate: bool = False
    joined: bool | None = None


class Accept(Protocol):
    """Stores an event, and the source's cursor with it, in one transaction; returns when that is durable.

    Raises ``StorageError`` when nothing was stored: do not acknowledge, try again later.
    Calls may overlap; they are stored in the order in which they were called.
    """

    async def __call__(self, event: Event, *, cursor: str | None = None) -> Accepted: ...


class BlobStore(Protocol):
    """Bytes by hash. What was put is on disk when ``put`` returns."""

    async def put(self, data: bytes) -> BlobId: ...

    async def get(self, blob: BlobId) -> bytes:
        """The bytes. Raises ``KeyError`` where they were never put or have been erased."""
        ...


class State(Protocol):
    """A few small values of an adapter's own (a refresh token), each replaced atomically and durably."""

    async def get(self, key: str) -> str | None: ...

    async def set(self, key: str, value: str) -> None: ...


class Status(Protocol):
    """Tells people how the inbox is. ``problem`` None means that it works; a sentence means that it does not.

    The first report of a problem, and its end, are posted to the team's Slack channel; /health shows the present state.
    """

    async def __call__(self, problem: str | None) -> None: ...


class Cursor(Protocol):
    """How far the source has been read, opaque to everybody but the adapter."""

    async def get(self) -> str | None: ...

    async def set(self, cursor: str) -> None:
        """Moves the cursor when no event goes with it."""
        ...


@dataclass(frozen=True, slots=True)
class Secrets:
    """Keys of this installation for an adapter's keyed tokens, newest first; 32 bytes or more each."""

    keys: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class BacklogItem:
    """One message of a thread, for a channel whose customers fetch what they missed (a site visitor).

    ``number`` grows with each message of the thread and never changes. ``direction``: inbound or outbound. ``key`` is the
    ``remote_id`` of an inbound message, the ``Reply.key`` of an outbound one. ``at`` in epoch seconds. Replies that are
    held, taken back or failed are not in it, nor are notes.
    """

    number: int
    direction: str
    key: str
    author: str
    part: Part
    at: float
    seen: bool = False


Backlog = Callable[[str, int], Awaitable[tuple[BacklogItem, ...]]]
"""``backlog(thread_key, after)``: what was said in a thread after the given number, oldest first."""


@dataclass(frozen=True, slots=True)
class Offer:
    """Another way to go on with the same conversation. ``url`` brings the customer there, with a single-use code in it.

    ``label`` names the way for customers ("Telegram", "e-mail"). ``expires_at`` in epoch seconds.
    """

    channel: str
    label: str
    url: str
    expires_at: float


class Offers(Protocol):
    """The other ways that customers of this inbox can go on by."""

    def labels(self) -> tuple[str, ...]:
        """What customers call them ("Telegram"), empty where there is none. Makes no code."""
        ...

    async def __call__(
        self, sender: Contact, *, lifetime: float = 1800.0, channels: tuple[str, ...] | None = None
    ) -> tuple[Offer, ...]:
        """The ways for one customer, all or those by the channels named; each call makes new codes.

        ``lifetime`` in seconds, at most 14 days. Empty for somebody who has not written yet, and where many were made just
        now. Raises ``StorageError``.
        """
        ...


class Routes(Protocol):
    """Lets an adapter add HTTP routes to the bot's one web application, under its own prefix."""

    def add(self, method: str, path: str, handler: Callable[..., Awaitable[Any]]) -> None: ...


@dataclass(frozen=True, slots=True)
class AdapterContext:
    """What an adapter gets.

    ``own_addresses`` are the addresses of all our inboxes on this channel: never customers. ``file_limit`` in bytes: a larger
    file of a customer is named, and its bytes are not kept.
    """

    inbox: InboxId
    team_name: str
    accept: Accept
    cursor: Cursor
    state: State
    blobs: BlobStore
    status: Status
    secrets: Secrets
    own_addresses: frozenset[str] = frozenset()
    file_limit: int = 25_000_000
    backlog: Backlog | None = None
    routes: Routes | None = None
    offers: Offers | None = None


class Adapter(Protocol):
    """The code for one inbox of a channel."""

    @property
    def capabilities(self) -> Capabilities:
        """What the channel can carry."""
        ...

    async def check(self) -> None:
        """Preflight: can we log in? Raises ``AdapterError`` with what is wrong and the cure."""
        ...

    async def run(self) -> None:
        """Reads the inbox until cancelled. Handles lost connections itself (reconnects, tells ``context.status``)."""
        ...

    async def send(self, reply: Reply, part: Part) -> Receipt:
        """Sends one part. Raises a ``DeliveryError`` that says whether it is final and whether it is certain."""
        ...

    async def close(self) -> None:
        """Gives back connections. Called once, after ``run`` has ended."""
        ...


@runtime_checkable
class SupportsEdit(Protocol):
    """A channel where a message that was sent can be changed."""

    async def edit(self, reply: Reply, part: Part, remote_id: RemoteId) -> Receipt: ...


@runtime_checkable
class SupportsDelete(Protocol):
    """A channel where a message that was sent can be taken back."""

    async def delete(self, reply: Reply, remote_id: RemoteId) -> None: ...


@runtime_checkable
class SupportsTyping(Protocol):
    """A channel that can show "… is writing"."""

    async def typing(self, thread_key: str | None, address: str) -> None: ...


@runtime_checkable
class SupportsFind(Protocol):
    """A channel that can be asked whether an uncertain part arrived. None: it certainly did not."""

    async def find(self, reply: Reply, part: Part) -> Receipt | None: ...


@runtime_checkable
class SupportsLink(Protocol):
    """A channel that customers can be sent to by a link with a code in it, which comes back as ``Message.link``."""

    def link(self, code: str) -> str | None:
        """The address, or None where it is not known yet. ``code`` is at most 32 letters, digits, - and _."""
        ...


@runtime_checkable
class SupportsForget(Protocol):
    """A channel whose adapter knows its customers by itself (tokens, timers): it forgets one who is being erased.

    Doing it twice changes nothing. What it keeps in ``State`` under a key that ends with ``:`` and the address is removed
    by the core afterwards.
    """

    async def forget(self, address: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Channel:
    """What an adapter package offers under the entry point group ``onethread.adapters``.

    ``settings`` validates the inbox's keys in app.yaml (all but ``channel`` and ``team``); ``addresses`` says which addresses
    of the channel are ours, from those settings; ``label`` what agents call the inbox (by default its first address);
    ``title`` what customers call the channel ("Telegram", by default its name). ``reach`` reads an address that an agent typed,
    as the channel's messages would have it; None where it cannot be one: needed where an agent can begin a conversation.
    """

    name: str
    icon: str
    settings: type[BaseModel]
    build: Callable[[Any, AdapterContext], Adapter]
    addresses: Callable[[Any], frozenset[str]] = lambda settings: frozenset()
    label: Callable[[Any], str] | None = None
    title: str = ""
    defaults: Mapping[str, Any] | None = None
    answer_within: float = 3600.0
    reach: Callable[[str], str | None] | None = None


__all__ = [
    "Accept",
    "Accepted",
    "Adapter",
    "AdapterContext",
    "Backlog",
    "BacklogItem",
    "BlobStore",
    "Channel",
    "ConversationId",
    "Cursor",
    "Offer",
    "Offers",
    "Routes",
    "Secrets",
    "State",
    "Status",
    "SupportsDelete",
    "SupportsEdit",
    "SupportsFind",
    "SupportsForget",
    "SupportsLink",
    "SupportsTyping",
]
