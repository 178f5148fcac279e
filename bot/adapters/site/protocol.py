"""The frames of the site chat, both ways. docs/site-chat.md is their description; this file is its other half.

A frame is one JSON object with its kind in ``t``. Whatever a stranger may send becomes one of the dataclasses here or
``BadFrame``; nothing else comes out of ``parse``.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from bot import languages
from bot.messages import Span, Text

VERSION = 1
MAX_TEXT = 10_000
"""Code points of one message."""
MAX_FRAME = 64 * 1024
"""Bytes of one frame from a visitor."""
MAX_COMMENT = 2_000
"""Code points of the words beside a rating."""
MAX_LANGUAGE = 100
"""Characters of a language's code."""
MAX_SEEN = 100
"""Replies that one ``seen`` may name."""
_MAX_NUMBER = 2**53

BAD_FRAME, NO_HELLO, REVOKED, TOO_FAST, TOO_MANY = 4000, 4001, 4003, 4008, 4010
"""Our close codes; docs/site-chat.md has the whole table."""

_LINK = re.compile(r"[A-Za-z0-9_-]{16,32}\Z")
_ID = re.compile(r"[A-Za-z0-9_-]{8,64}\Z")
_KEY = re.compile(r"[A-Za-z0-9_.-]{1,100}\Z")
_EMAIL = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]\Z"
)
_UNWANTED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class BadFrame(Exception):
    """A frame that no honest client sends. Its message names the rule, never the content."""


@dataclass(frozen=True, slots=True)
class Hello:
    """The first frame: who this is, and how far it has read.

    ``identity`` is a token that the site signed, ``device`` the client's own random name, which makes the token its own.
    ``language`` is that of the page, else of the browser, as far as it is one.
    """

    token: str | None
    after: int
    identity: str | None = None
    device: str = ""
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Say:
    """A message; ``id`` is the client's own and makes sending it again harmless. ``link``: a link code came with it."""

    id: str
    text: str
    files: tuple[str, ...]
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """Replies that stood on a visible screen."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Address:
    """Where else the visitor says they can be reached."""

    id: str
    email: str


@dataclass(frozen=True, slots=True)
class Rate:
    """An answer to a reply that asks for a rating; ``id`` is the reply's. A score (1 to 5), words, or both."""

    id: str
    score: int | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Signal:
    """A frame without content: ``typing``, ``kept`` (the new token is stored), ``offers``, ``leave``, ``ping``."""

    kind: str


Frame: TypeAlias = Hello | Say | Seen | Address | Rate | Signal


def parse(raw: str) -> Frame:
    """A visitor's frame. Raises ``BadFrame`` for everything that is not exactly one of ours."""
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError):
        raise BadFrame("not JSON") from None
    if not isinstance(data, dict):
        raise BadFrame("not an object")
    kind = data.get("t")
    maker = _MAKERS.get(kind) if isinstance(kind, str) else None
    if maker is None:
        raise BadFrame("unknown kind")
    return maker(data)


def is_email(address: str) -> bool:
    """True for what looks like a mail address; nothing is proven by it."""
    return len(address) <= 254 and len(address.partition("@")[0]) <= 64 and _EMAIL.match(address) is not None


def cleaned(text: str) -> str:
    """Without control characters and halves of characters, which no database takes; line ends become ``\\n``."""
    return _UNWANTED.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def _hello(data: dict[str, Any]) -> Frame:
    if data.get("v", VERSION) != VERSION:
        raise BadFrame("unknown version")
    token, after = data.get("token"), data.get("after", 0)
    if token is not None and not (isinstance(token, str) and len(token) <= 200):
        raise BadFrame("token")
    if type(after) is not int or not 0 <= after <= _MAX_NUMBER:
        raise BadFrame("after")
    identity, device = data.get("identity"), data.get("device", "")
    if identity is not None and not (isinstance(identity, str) and len(identity) <= 20_000):
        raise BadFrame("identity")
    if device != "":
        _id({"id": device})
    language = data.get("language", "")
    if not isinstance(language, str) or len(language) > MAX_LANGUAGE:
        raise BadFrame("language")
    return Hello(token, after, identity, device, languages.tag(language))


def _say(data: dict[str, Any]) -> Frame:
    text = data.get("text", "")
    files = data.get("files", [])
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        raise BadFrame("text")
    if not isinstance(files, list) or len(files) > 10:
        raise BadFrame("files")
    if not all(isinstance(file, str) and len(file) <= 2_000 for file in files):
        raise BadFrame("files")
    text = cleaned(text)
    if not text.strip() and not files:
        raise BadFrame("nothing said")
    link = data.get("link")
    if link is not None and not (isinstance(link, str) and _LINK.match(link)):
        raise BadFrame("link")
    return Say(_id(data), text, tuple(files), link)


def _seen(data: dict[str, Any]) -> Frame:
    ids = data.get("ids")
    if not isinstance(ids, list) or len(ids) > MAX_SEEN:
        raise BadFrame("ids")
    if not all(isinstance(one, str) and _KEY.match(one) for one in ids):
        raise BadFrame("ids")
    return Seen(tuple(ids))


def _address(data: dict[str, Any]) -> Frame:
    email = data.get("email")
    if not isinstance(email, str) or len(email) > 400:
        raise BadFrame("email")
    return Address(_id(data), email.strip())


def _rate(data: dict[str, Any]) -> Frame:
    reply, score, comment = data.get("id"), data.get("score"), data.get("comment")
    if not isinstance(reply, str) or not _KEY.match(reply):
        raise BadFrame("id")
    if score is not None and not (type(score) is int and 1 <= score <= 5):
        raise BadFrame("score")
    if comment is not None and not (isinstance(comment, str) and len(comment) <= MAX_COMMENT):
        raise BadFrame("comment")
    comment = cleaned(comment or "").strip() or None
    if score is None and comment is None:
        raise BadFrame("nothing said")
    return Rate(reply, score, comment)


def _signal(data: dict[str, Any]) -> Frame:
    return Signal(data["t"])


def _id(data: dict[str, Any]) -> str:
    made = data.get("id")
    if not isinstance(made, str) or not _ID.match(made):
        raise BadFrame("id")
    return made


_MAKERS: dict[str, Callable[[dict[str, Any]], Frame]] = {
    "hello": _hello,
    "say": _say,
    "seen": _seen,
    "address": _address,
    "rate": _rate,
    "typing": _signal,
    "kept": _signal,
    "offers": _signal,
    "leave": _signal,
    "ping": _signal,
}


def frame(kind: str, **values: Any) -> str:
    """A frame to a visitor; what is None is left out."""
    made = {"t": kind} | {name: value for name, value in values.items() if value is not None}
    return json.dumps(made, ensure_ascii=False, separators=(",", ":"))


def shown(
    *,
    id: str,
    mine: bool,
    author: str,
    text: Text,
    at: float,
    files: Sequence[dict[str, Any]] = (),
    number: int | None = None,
    seen: bool = False,
    ask: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """One message as a visitor's client shows it; ``mine`` is the visitor's own. ``at`` in epoch seconds."""
    made: dict[str, Any] = {"id": id, "from": "visitor" if mine else "team", "at": int(at * 1000)}
    made["text"] = text.plain
    if number is not None:
        made["n"] = number
    if not mine:
        made["author"] = author
    if seen:
        made["seen"] = True
    if text.spans:
        made["spans"] = spans(text)
    if files:
        made["files"] = list(files)
    if ask is not None:
        made["ask"] = ask
    return made


def spans(text: Text) -> list[list[Any]]:
    """``[start, end, kind, value]`` with offsets in UTF-16 units, which is how a browser counts."""
    if max(text.plain, default="") < "\U00010000":
        return [_span(one, one.start, one.end) for one in text.spans]
    places = [0]
    for character in text.plain:
        places.append(places[-1] + (2 if character >= "\U00010000" else 1))
    last = len(text.plain)
    return [_span(one, places[min(one.start, last)], places[min(one.end, last)]) for one in text.spans]


def _span(span: Span, start: int, end: int) -> list[Any]:
    found: list[Any] = [start, end, span.kind.value]
    return [*found, span.value] if span.value else found


def batches(items: Iterable[dict[str, Any]], most_bytes: int = 48_000) -> Iterable[str]:
    """Messages as ``messages`` frames of a moderate size."""
    group: list[dict[str, Any]] = []
    size = 0
    for item in items:
        weight = len(item["text"]) * 3 + 400 * (1 + len(item.get("files", ())) + 4 * ("ask" in item))
        if group and size + weight > most_bytes:
            yield frame("messages", items=group)
            group, size = [], 0
        group.append(item)
        size += weight
    if group:
        yield frame("messages", items=group)
