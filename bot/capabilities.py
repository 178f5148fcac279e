"""What a channel can carry, as data, and how a reply is cut to fit it. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from bot.messages import Attachment, Part, SpanKind, Text


class Unit(StrEnum):
    """In what a platform counts the length of a text."""

    CODE_POINTS = "code points"
    UTF16 = "utf-16 units"
    BYTES = "bytes"


class Support(StrEnum):
    """What happens to an operation on this channel."""

    FULL = "full"
    PARTIAL = "partial"
    DROPPED = "dropped"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class FileRules:
    """How files travel. ``max_bytes`` counts one file; ``max_total`` all of a message; ``per_message`` how many.

    ``types`` empty means every media type; an entry ending in ``/`` allows a family (``image/``).
    ``caption``: the longest text beside a file, or None where text and files travel in separate messages.
    """

    max_bytes: int
    per_message: int
    max_total: int | None = None
    types: tuple[str, ...] = ()
    caption: int | None = None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a channel can carry.

    ``reply_window`` in seconds after the customer's last word, None for no limit.
    ``rate`` in messages a second and ``burst`` for the whole inbox, None for the default; ``thread_interval`` in seconds
    between two messages of one thread. ``joins``: replies that wait for the rate are joined into one message.
    ``backlog``: customers fetch what they missed, so each message gets a number when it becomes visible to them.
    ``receipts``: the furthest level that the channel reports. ``idempotent_send``: sending the same key twice makes one copy.
    ``live``: customers wait on the other side, as in a chat. ``asks``: a reply with ``ask`` gets the channel's own
    means to rate (buttons, links); without it the words say how.
    """

    channel: str
    max_text: int
    unit: Unit = Unit.CODE_POINTS
    spans: frozenset[SpanKind] = frozenset()
    files: FileRules | None = None
    edit: Support = Support.REJECTED
    delete: Support = Support.REJECTED
    reaction: Support = Support.DROPPED
    can_initiate: bool = False
    has_subject: bool = False
    has_copies: bool = False
    reply_window: float | None = None
    receipts: str = "accepted"
    idempotent_send: bool = False
    rate: float | None = None
    burst: int = 1
    thread_interval: float = 0.0
    joins: bool = False
    backlog: bool = False
    live: bool = False
    asks: bool = False


@dataclass(frozen=True, slots=True)
class Fitted:
    """The parts that will be sent, and what cannot travel: each a sentence for the agent, said before sending."""

    parts: tuple[Part, ...]
    losses: tuple[str, ...] = field(default=())


_MEASURE: dict[Unit, Callable[[str], int]] = {
    Unit.CODE_POINTS: len,
    Unit.UTF16: lambda s: len(s.encode("utf-16-le", "surrogatepass")) // 2,
    Unit.BYTES: lambda s: len(s.encode("utf-8", "surrogatepass")),
}


def measure(text: str, unit: Unit) -> int:
    """The length of a text as the platform counts it."""
    return _MEASURE[unit](text)


def fit(text: Text, attachments: tuple[Attachment, ...], capabilities: Capabilities) -> Fitted:
    """Cut a reply into parts that the channel takes. Nothing is dropped without a sentence in ``losses``."""
    carried, losses = _fit_files(attachments, capabilities)
    groups = _group_files(carried, capabilities.files) if capabilities.files else []
    caption = capabilities.files.caption if capabilities.files else None
    plain = Text(text.plain, tuple(s for s in text.spans if s.kind in capabilities.spans))
    whole_fits = measure(plain.plain, capabilities.unit) <= capabilities.max_text
    together = (
        bool(groups)
        and caption is not None
        and whole_fits
        and measure(plain.plain, capabilities.unit) <= caption
    )
    pieces: list[tuple[Text, tuple[Attachment, ...]]]
    if together:
        pieces = [(plain, groups[0]), *((Text(), group) for group in groups[1:])]
    else:
        texts = split(plain, capabilities.max_text, capabilities.unit) if plain else []
        pieces = [(piece, ()) for piece in texts] + [(Text(), group) for group in groups]
    if len(pieces) > 1 and losses == () and len(groups) > 1:
        losses = (
            f"This goes out as {len(pieces)} messages: {capabilities.channel} takes few files at a time.",
        )
    parts = tuple(Part(number, len(pieces), *piece) for number, piece in enumerate(pieces))
    return Fitted(parts, losses)


def split(text: Text, limit: int, unit: Unit) -> list[Text]:
    """Cut a text into pieces of at most ``limit``, at a paragraph, line, sentence or word where there is one near."""
    pieces: list[Text] = []
    rest = text
    while measure(rest.plain, unit) > limit:
        end = _longest_prefix(rest.plain, limit, unit)
        end = _nice_break(rest.plain, end)
        pieces.append(rest.cut(0, end).strip())
        rest = rest.cut(end).strip()
    if rest or not pieces:
        pieces.append(rest)
    return [piece for piece in pieces if piece] or [Text()]


def _longest_prefix(plain: str, limit: int, unit: Unit) -> int:
    low, high = 1, min(len(plain), limit)
    while low < high:
        middle = (low + high + 1) // 2
        if measure(plain[:middle], unit) <= limit:
            low = middle
        else:
            high = middle - 1
    return low


def _nice_break(plain: str, end: int) -> int:
    for mark in ("\n\n", "\n", ". ", " "):
        at = plain.rfind(mark, end // 2, end)
        if at > 0:
            return at + len(mark)
    return end


def _fit_files(
    attachments: tuple[Attachment, ...], capabilities: Capabilities
) -> tuple[list[Attachment], tuple[str, ...]]:
    rules = capabilities.files
    if rules is None:
        names = ", ".join(a.name for a in attachments)
        return [], (
            (f"{capabilities.channel} carries no files; left behind: {names}.",) if attachments else ()
        )
    carried: list[Attachment] = []
    losses: list[str] = []
    for attachment in attachments:
        if attachment.size > rules.max_bytes:
            limit = rules.max_bytes // 1_000_000
            losses.append(f"{attachment.name} is too large for {capabilities.channel} (limit {limit} MB).")
        elif rules.types and not any(_matches(attachment.media_type, kind) for kind in rules.types):
            losses.append(
                f"{capabilities.channel} does not carry {attachment.media_type} ({attachment.name})."
            )
        else:
            carried.append(attachment)
    return carried, tuple(losses)


def _matches(media_type: str, kind: str) -> bool:
    return media_type.startswith(kind) if kind.endswith("/") else media_type == kind


def _group_files(files: list[Attachment], rules: FileRules) -> list[tuple[Attachment, ...]]:
    groups: list[tuple[Attachment, ...]] = []
    current: list[Attachment] = []
    size = 0
    for attachment in files:
        full = len(current) >= rules.per_message
        heavy = rules.max_total is not None and size + attachment.size > rules.max_total
        if current and (full or heavy):
            groups.append(tuple(current))
            current, size = [], 0
        current.append(attachment)
        size += attachment.size
    if current:
        groups.append(tuple(current))
    return groups
