"""What the stand-in for X holds: users, messages, files, and what it does wrong."""

from __future__ import annotations

import asyncio
import re
import secrets
from dataclasses import dataclass, field
from typing import Any

EPOCH_MS = 1_288_834_974_657
URL = re.compile(r"https?://[^\s<>\"]+")


@dataclass(frozen=True)
class User:
    """An account of X."""

    id: str
    username: str
    name: str


@dataclass
class File:
    """An uploaded or attached file. ``resource`` is its name in a message; ``parts`` those of a chunked upload."""

    id: str
    data: bytes
    media_type: str
    category: str = "dm_image"
    resource: str = ""
    parts: dict[int, bytes] = field(default_factory=dict)
    total: int = 0
    polls: int = 0

    @property
    def kind(self) -> str:
        """X's word for it."""
        words = {"image/gif": "animated_gif", "video/mp4": "video"}
        return words.get(self.media_type, "photo")

    @property
    def key(self) -> str:
        """Its media key."""
        return f"{ {'animated_gif': 16, 'video': 13}.get(self.kind, 3) }_{self.id}"


@dataclass
class Message:
    """A direct message. ``to`` is None in a group; ``urls`` are (t.co, address) pairs in ``text``."""

    id: str
    sender: str
    to: str | None
    conversation: str
    text: str
    ms: int
    urls: list[tuple[str, str]]
    file: File | None = None
    type: str = "MessageCreate"
    garbled: bool = False
    """X lists it without sender, words and time, as it does where its parts are out of order."""

    def urls_with_places(self) -> list[dict[str, Any]]:
        """As version 2 lists them."""
        rows = []
        for short, address in self.urls:
            at = self.text.find(short)
            shown = re.sub(r"^https?://", "", address)
            rows.append(
                {
                    "start": at,
                    "end": at + len(short),
                    "url": short,
                    "expanded_url": address,
                    "display_url": shown,
                }
            )
        return rows


@dataclass
class Call:
    """One request to the API and its answer, for a referee. ``query`` and ``body`` are as they came."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    status: int
    reply: Any
    login: str


@dataclass
class Faults:
    """What the stand-in does wrong. Numbers count down, one each call they spoil."""

    refuse_send: tuple[int, str] | None = None
    """Every message is refused with this status and sentence."""
    refusals: list[tuple[int, str]] = field(default_factory=list)
    """The next messages are refused so, one each."""
    drop_reads: int = 0
    """Pages: the connection goes without an answer."""
    busy: int = 0
    """503 with an HTML body."""
    limited: int = 0
    """429 of a proxy: no JSON, no headers."""
    nonsense: int = 0
    """200 with HTML."""
    drop_before: int = 0
    """Messages: the connection goes before anything was done."""
    drop_after: int = 0
    """Messages: done, and the connection goes without an answer."""
    hang: asyncio.Event | None = None
    """Answers wait until this is set."""
    lose_tokens: int = 0
    """A page's token is not known any more: 400."""
    cut_pages: int = 0
    """From the second page on: 503."""
    hidden: set[str] = field(default_factory=set)
    """Messages that pages do not list yet."""
    no_files: int = 0
    """Downloads answer 503."""
    bad_films: int = 0
    """A film turns out to be one that X cannot process."""
    twice: bool = False
    """Every webhook delivery comes twice."""
    no_delivery: bool = False
    """Webhooks deliver nothing."""

    def take(self, name: str) -> bool:
        """True when this fault is due; counts it down."""
        left: int = getattr(self, name)
        if left > 0:
            setattr(self, name, left - 1)
        return left > 0


def wrapped(text: str) -> tuple[str, list[tuple[str, str]]]:
    """The text as X keeps it: every address behind a t.co link, ``&``, ``<`` and ``>`` escaped."""
    urls: list[tuple[str, str]] = []

    def shorten(match: re.Match[str]) -> str:
        short = f"https://t.co/{secrets.token_hex(5)}"
        urls.append((short, match[0]))
        return short

    pieces: list[str] = []
    end = 0
    for match in URL.finditer(text):
        pieces += [escaped(text[end : match.start()]), shorten(match)]
        end = match.end()
    return "".join([*pieces, escaped(text[end:])]), urls


def escaped(text: str) -> str:
    """As X writes it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def pair(one: str, other: str) -> str:
    """The id of a conversation of two."""
    return "-".join(sorted((one, other), key=int))
