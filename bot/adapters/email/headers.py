"""A mail's header block: split, decoded and taken apart with limits first. Nothing here recurses or raises."""

import binascii
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from quopri import decodestring

from bot.adapters.email.charsets import decode

MAX_HEADER_BYTES = 256 * 1024
MAX_HEADERS = 1000
MAX_VALUE = 32 * 1024
MAX_WORDS = 300
"""Encoded words of one header that are decoded; what is beyond stays as it came."""
MAX_ADDRESSES = 500
MAX_IDS = 100

_END = re.compile(rb"\r?\n\r?\n|\A\r?\n")
_FIELD = re.compile(r"([!-9;-~]{1,200})[ \t]*:(.*)", re.DOTALL)
_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?\r\n]*)\?=")
_SPACE = re.compile(r"\s+")
_ID = re.compile(r"<\s*([^<>\s]{1,900})\s*>")
_HIDDEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\u00ad]")


@dataclass(frozen=True)
class Address:
    """One mailbox of an address header: `name` is decoded and may be empty, `address` is in lower case."""

    name: str
    address: str


@dataclass(frozen=True)
class Headers:
    """All fields in order, names in lower case, values unfolded but not decoded."""

    fields: tuple[tuple[str, str], ...] = ()

    def get(self, name: str) -> str:
        """The first value of this name, or ""."""
        return next((value for field, value in self.fields if field == name), "")

    def all(self, name: str) -> list[str]:
        """Every value of this name, topmost first."""
        return [value for field, value in self.fields if field == name]

    def text(self, name: str) -> str:
        """The first value decoded, on one line, without invisible characters."""
        return one_line(decode_words(self.get(name)))

    def addresses(self, name: str) -> tuple[Address, ...]:
        """All mailboxes of all fields of this name, at most 500."""
        found = (address for value in self.all(name) for address in parse_addresses(value))
        return tuple(address for address, _ in zip(found, range(MAX_ADDRESSES), strict=False))

    def ids(self, name: str) -> tuple[str, ...]:
        """Message ids (`<…>`) in order, at most the last 100."""
        return tuple(message_ids(" ".join(self.all(name))))


def split_mail(raw: bytes) -> tuple[bytes, bytes]:
    """(header block, body) at the first empty line; no empty line means that there is no body."""
    found = _END.search(raw)
    return (raw, b"") if found is None else (raw[: found.start()], raw[found.end() :])


def parse_headers(block: bytes) -> tuple[Headers, tuple[str, ...]]:
    """Unfold and split a header block; says in words what was over a limit."""
    problems: list[str] = []
    if len(block) > MAX_HEADER_BYTES:
        block = block[:MAX_HEADER_BYTES]
        problems.append("the mail's header is too large; only its beginning was read")
    try:
        text = block.decode("utf-8")
    except UnicodeDecodeError:
        text = block.decode("cp1252", "replace")
    fields: list[tuple[str, list[str]]] = []
    for line in text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").split("\n"):
        if line[:1] in (" ", "\t") and fields:
            fields[-1][1].append(line)
            continue
        found = _FIELD.match(line)
        if found is not None:
            if len(fields) >= MAX_HEADERS:
                problems.append("the mail has too many header fields; the rest was left out")
                break
            fields.append((found.group(1).lower(), [found.group(2)]))
    joined = tuple((name, " ".join(lines).strip()[:MAX_VALUE]) for name, lines in fields)
    return Headers(joined), tuple(problems)


def decode_words(value: str) -> str:
    """RFC 2047 encoded words decoded; neighbours of one charset are joined first, as real mailers split anywhere."""
    if "=?" not in value:
        return value
    result: list[str] = []
    pending: list[bytes] = []
    charset = ""
    position = 0

    def flush() -> None:
        if pending:
            result.append(decode(b"".join(pending), charset, guess=False)[0])
            pending.clear()

    for found, _ in zip(_WORD.finditer(value), range(MAX_WORDS), strict=False):
        between = value[position : found.start()]
        if not pending or between.strip() or found.group(1).lower() != charset:
            flush()
            if not (position and not between.strip()):
                result.append(between)
        charset = found.group(1).lower()
        pending.append(_word_bytes(found.group(2), found.group(3)))
        position = found.end()
    flush()
    return "".join(result) + value[position:]


def _word_bytes(encoding: str, payload: str) -> bytes:
    if encoding in "qQ":
        return decodestring(payload.replace("_", " ").encode("utf-8", "replace"), header=False)
    return unbase64(payload.encode("ascii", "ignore"))


def unbase64(data: bytes) -> bytes:
    """Base64 decoded, forgiving missing padding, foreign characters and a cut end. Never raises."""
    try:
        return binascii.a2b_base64(data)
    except binascii.Error:
        clean = re.sub(rb"[^A-Za-z0-9+/]", b"", data)
        if len(clean) % 4 == 1:
            clean = clean[:-1]
        return binascii.a2b_base64(clean + b"=" * (-len(clean) % 4))


def one_line(text: str, limit: int = 1000) -> str:
    """White space collapsed, invisible and control characters removed, cut at `limit` characters."""
    text = _HIDDEN.sub("", _SPACE.sub(" ", text))
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode("utf-8")  # lone surrogates cannot be written anywhere
    return "".join(c for c in text if unicodedata.category(c) != "Cc").strip()[:limit]


def parse_addresses(value: str) -> Iterator[Address]:
    """The mailboxes of an address header. Tolerates unquoted commas in names badly, everything else well."""
    for piece in _split_commas(value[:MAX_VALUE]):
        angle = piece.rfind("<")
        if angle >= 0:
            name, spec = piece[:angle], piece[angle + 1 :].partition(">")[0]
        else:
            spec, name = _without_comments(piece)
        spec = "".join(spec.split()).strip("<>\"'")
        spec = spec.rpartition(":")[2] if spec.startswith("@") else spec  # an old source route
        if "@" in spec.strip("@") and len(spec) <= 320:
            yield Address(_name(name), _normal(spec))


def _normal(spec: str) -> str:
    """Lower case throughout: no provider of note tells mailboxes apart by case."""
    return unicodedata.normalize("NFC", one_line(spec)).lower()


def _name(raw: str) -> str:
    raw = raw.strip()
    if len(raw) > 1 and raw[0] == raw[-1] == '"':
        raw = re.sub(r"\\(.)", r"\1", raw[1:-1])
    name = one_line(decode_words(raw), 200)
    return name[1:-1] if len(name) > 2 and name[0] == name[-1] == "'" else name


def _without_comments(piece: str) -> tuple[str, str]:
    """(address, comment): `a@b (Name)` is an old way to give a name."""
    start = piece.find("(")
    if start < 0:
        return piece, ""
    return piece[:start], piece[start + 1 :].rstrip(" )")


def _split_commas(value: str) -> Iterable[str]:
    """Split at commas and semicolons outside of quotes, comments and angle brackets; groups lose their name."""
    pieces: list[str] = []
    current: list[str] = []
    quoted = angle = False
    depth = 0
    previous = ""
    for char in value:
        if quoted:
            quoted = not (char == '"' and previous != "\\")
        elif char == '"' and not depth:
            quoted = True
        elif char == "(" and not angle:
            depth += 1
        elif char == ")" and depth:
            depth -= 1
        elif not depth and char in "<>":
            angle = char == "<"
        elif not depth and not angle and char in ",;":
            pieces.append("".join(current))
            current = []
            previous = char
            continue
        elif not depth and not angle and char == ":":
            current = []  # the name of a group
            previous = char
            continue
        current.append(char)
        previous = "" if previous == "\\" and char == "\\" else char
    pieces.append("".join(current))
    return pieces


def message_ids(value: str) -> list[str]:
    """`<id>`s in order, at most the last 100; a bare id without brackets counts when there is nothing else."""
    found = [f"<{match}>" for match in _ID.findall(value)]
    if not found and "@" in value and " " not in value.strip():
        found = [f"<{value.strip()[:900]}>"]
    return found[-MAX_IDS:]


def parse_date(value: str) -> datetime | None:
    """The aware time of a Date header in UTC, or None. A time without a zone is taken as UTC."""
    try:
        when = parsedate_to_datetime(value[:200])
        aware = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError, AttributeError):
        return None
    return aware if aware.year >= 1980 else None
