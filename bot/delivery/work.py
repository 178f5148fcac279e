"""What a claimed lane has to do, with everything that the attempt needs: loaded in the transaction of the claim."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from bot.desk import CardView, Entry, Mark, Place
from bot.messages import (
    Attachment,
    InboxId,
    RemoteId,
    Reply,
)
from bot.storage.lanes import Delivery


@dataclass(frozen=True, slots=True)
class OpenCard:
    """The thread has no card yet. ``since`` set: an earlier attempt may have posted it. ``waiting``: the lane's head."""

    waiting: Delivery
    thread_id: int
    channel: str
    card: CardView
    key: str
    since: float | None


@dataclass(frozen=True, slots=True)
class Talk:
    """A run of deliveries that makes one post. ``since`` set: an earlier attempt may have posted it."""

    run: list[Delivery]
    place: Place
    entries: tuple[Entry, ...]
    key: str
    since: float | None


@dataclass(frozen=True, slots=True)
class Upload:
    """A file for a thread; ``words`` set: the bytes are this text."""

    run: list[Delivery]
    place: Place
    attachment: Attachment
    words: str | None = None


@dataclass(frozen=True, slots=True)
class Refresh:
    """A card to be rendered anew."""

    run: list[Delivery]
    thread_id: int
    place: Place
    card: CardView


@dataclass(frozen=True, slots=True)
class Remark:
    """Posts that show a message, to be rendered anew; and an agent's own posts, to be marked."""

    run: list[Delivery]
    posts: tuple[tuple[Place, str, tuple[Entry, ...]], ...]
    marks: tuple[tuple[Place, str, Mark], ...]


@dataclass(frozen=True, slots=True)
class Send:
    """A reply for a customer; ``run`` holds several where they were joined into one message.

    ``done`` parts were accepted before; ``again``: an attempt was cut short. ``interval`` in seconds until the next one.
    """

    run: list[Delivery]
    inbox: InboxId
    reply: Reply
    done: int
    again: bool
    unfetched: tuple[tuple[int, str, str], ...] = ()
    interval: float = 0.0


@dataclass(frozen=True, slots=True)
class Change:
    """A reply that was sent, to be changed or ``taken_back`` where the customer sees it. ``remote_ids``: its parts'."""

    run: list[Delivery]
    inbox: InboxId
    reply: Reply
    remote_ids: tuple[RemoteId, ...]
    taken_back: bool


@dataclass(frozen=True, slots=True)
class Nothing:
    """There is nothing to do any more (the message is gone, or is shown nowhere)."""

    run: list[Delivery]


@dataclass(frozen=True, slots=True)
class Wait:
    """Not yet: something else has to happen first. ``seconds`` until it is looked at again."""

    seconds: float
    run: list[Delivery] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Broken:
    """It cannot be done: ``reason`` says why."""

    run: list[Delivery]
    reason: str


Work: TypeAlias = OpenCard | Talk | Upload | Refresh | Remark | Send | Change | Nothing | Wait | Broken
