"""A mail's bytes taken apart: `parse(raw) -> ParsedMail`. Never raises, whatever the bytes are.

The standard library's parsers recurse into nested parts and take seconds and gigabytes on hostile mail, so the
bytes are split here: iteratively, with limits on depth, number of parts and sizes that are checked before any
work is done. What is over a limit is said in `problems`; the caller keeps the original bytes.
"""

import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from email.message import Message as StdlibMessage
from quopri import decodestring

from bot.adapters.email.charsets import decode
from bot.adapters.email.headers import (
    Address,
    Headers,
    decode_words,
    message_ids,
    one_line,
    parse_date,
    parse_headers,
    split_mail,
    unbase64,
)

MAX_PARTS = 300
MAX_DEPTH = 15
MAX_TEXT_BYTES = 2_000_000
"""Bytes of one text or HTML part that are read; the rest is in the raw mail."""

MAX_GUESSES = 4
"""Parts whose character set is guessed; each guess takes tens of milliseconds."""

_TYPE = re.compile(r"\s*([\w!#$&^.+-]{1,80}/[\w!#$&^.+-]{1,120})")
_PARAM = re.compile(r""";\s*([\w*-]{1,40})\s*=\s*(?:"((?:[^"\\]|\\.){0,998})"|([^\s;]{0,998}))""")
_PATH = re.compile(r"[/\\\x00-\x1f\x7f:*?\"<>|]+")
_EXTENSIONS = {
    "text/plain": ".txt",
    "text/html": ".html",
    "text/calendar": ".ics",
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
    "application/pdf": ".pdf",
    "message/rfc822": ".eml",
    "application/pgp-encrypted": ".asc",
}
_REPORTS = frozenset({"message/delivery-status", "message/disposition-notification", "text/rfc822-headers"})


@dataclass(frozen=True)
class File:
    """A part that is no body text. `inline`: the body refers to it (a picture in the text)."""

    name: str
    media_type: str
    content: bytes = field(repr=False)
    inline: bool = False
    content_id: str = ""


@dataclass(frozen=True)
class Body:
    """One stretch of the mail's words: the same in up to two forms."""

    plain: str | None = None
    html: str | None = None


@dataclass(frozen=True)
class Report:
    """A machine-readable part of a delivery report, or the returned mail's header."""

    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class ParsedMail:
    """A mail taken apart. Missing things are empty; what went wrong is said in `problems`."""

    source_id: str
    headers: Headers
    sender: Address | None
    reply_to: tuple[Address, ...]
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    subject: str
    date: datetime | None
    message_id: str
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    bodies: tuple[Body, ...]
    files: tuple[File, ...]
    reports: tuple[Report, ...]
    media_type: str
    problems: tuple[str, ...]

    @property
    def text(self) -> str:
        """All plain text, stretches joined by an empty line."""
        return "\n\n".join(body.plain for body in self.bodies if body.plain)

    @property
    def html(self) -> str:
        """All HTML joined."""
        return "\n".join(body.html for body in self.bodies if body.html)


@dataclass
class _Node:
    """A part before it is understood. `group`: the multipart/alternative that it stands in."""

    headers: Headers
    body: bytes
    depth: int
    group: int | None


@dataclass
class _Found:
    """What the walk collects."""

    bodies: dict[int, list[list[str]]] = field(default_factory=dict)
    files: list[File] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    parts: int = 0
    guesses: int = 0

    def problem(self, sentence: str) -> None:
        if sentence not in self.problems and len(self.problems) < 20:
            self.problems.append(sentence)


def source_id(headers: Headers, body: bytes) -> str:
    """What makes this mail the same mail wherever and whenever it is read again: not its UID."""
    digest = hashlib.sha256()
    for part in (headers.get("message-id"), headers.get("from"), headers.get("date")):
        digest.update(part.encode("utf-8", "replace") + b"\0")
    digest.update(body)
    return digest.hexdigest()


def parse(raw: bytes) -> ParsedMail:
    """Take a mail apart. Linear in its size; see the limits at the top of this file."""
    block, body = split_mail(raw)
    headers, problems = parse_headers(block)
    found = _Found(problems=list(problems))
    _walk(_Node(headers, body, 0, None), found)
    senders = headers.addresses("from") or headers.addresses("sender")
    ids = message_ids(headers.get("message-id"))
    return ParsedMail(
        source_id=source_id(headers, body),
        headers=headers,
        sender=senders[0] if senders else None,
        reply_to=headers.addresses("reply-to"),
        to=headers.addresses("to"),
        cc=headers.addresses("cc"),
        subject=headers.text("subject"),
        date=parse_date(headers.get("date")),
        message_id=ids[0] if ids else "",
        in_reply_to=headers.ids("in-reply-to"),
        references=headers.ids("references"),
        bodies=tuple(_body(found.bodies[number]) for number in sorted(found.bodies)),
        files=tuple(found.files),
        reports=tuple(found.reports),
        media_type=media_type(headers),
        problems=tuple(found.problems),
    )


def media_type(headers: Headers) -> str:
    """The media type in lower case; text/plain where it is missing or broken."""
    value = headers.get("content-type")
    found = _TYPE.match(value)
    if found is None:
        return "text/plain"
    return found.group(1).lower()


def parameter(value: str, name: str) -> str:
    """A parameter of a Content-Type or Content-Disposition value, plain or RFC 2231, decoded; "" if missing."""
    plain = ""
    for found in _PARAM.finditer(value):
        key = found.group(1).lower()
        if key == name:
            plain = re.sub(r"\\(.)", r"\1", found.group(2)) if found.group(2) is not None else found.group(3)
            break
        if key.startswith(name + "*"):
            return _rfc2231(value, name)
    return decode_words(plain)


def _rfc2231(value: str, name: str) -> str:
    holder = StdlibMessage()
    holder["Content-Type"] = "x/x;" + value.partition(";")[2]
    try:
        got = holder.get_param(name)
    except (ValueError, LookupError, TypeError, IndexError, UnicodeError):
        return ""
    if isinstance(got, tuple):
        return decode(str(got[2]).encode("latin-1", "replace"), got[0] or "utf-8", guess=False)[0]
    return str(got or "")


def _walk(root: _Node, found: _Found) -> None:
    stack = [root]
    group = 0
    while stack:
        node = stack.pop()
        found.parts += 1
        if found.parts > MAX_PARTS:
            found.problem(f"the mail has more than {MAX_PARTS} parts; the rest was left out")
            return
        kind = media_type(node.headers)
        if not kind.startswith("multipart/"):
            group += 1
            _leaf(node, kind, group, found)
            continue
        if node.depth >= MAX_DEPTH:
            found.problem(
                f"the mail's parts are nested more than {MAX_DEPTH} deep; the inner ones were left out"
            )
            continue
        inside = node.group
        if kind == "multipart/alternative" and inside is None:
            group += 1
            inside = group
        boundary = parameter(node.headers.get("content-type"), "boundary")
        pieces = (
            list(_split(node.body, boundary.encode("utf-8", "replace"), MAX_PARTS + 1)) if boundary else []
        )
        if not pieces:
            found.problem("the mail's parts could not be told apart; it is shown as one text")
            group += 1
            _leaf(_Node(Headers(), node.body, node.depth, inside), "text/plain", group, found)
            continue
        for piece in reversed(pieces):
            block, body = split_mail(piece)
            headers, problems = parse_headers(block)
            for problem in problems:
                found.problem(problem)
            if kind == "multipart/digest" and not headers.get("content-type"):
                headers = Headers((*headers.fields, ("content-type", "message/rfc822")))
            stack.append(_Node(headers, body, node.depth + 1, inside))


def _split(body: bytes, boundary: bytes, limit: int) -> Iterator[bytes]:
    """The pieces between boundary lines, at most `limit`; a missing last boundary is forgiven."""
    mark = b"--" + boundary
    start = -1
    position = 0
    count = 0
    while count < limit:
        at = body.find(mark, position)
        if at < 0:
            break
        position = at + len(mark)
        if at and body[at - 1 : at] != b"\n":
            continue
        end = body.find(b"\n", position)
        rest = body[position : end if end >= 0 else len(body)].strip()
        last = rest[:2] == b"--"
        if rest and not last:
            continue  # another boundary that begins with this one
        if start >= 0:
            count += 1
            yield _chop(body[start:at])
        start = end + 1 if end >= 0 else len(body)
        position = start
        if last:
            return
    if start >= 0 and count < limit and body[start:].strip():
        yield body[start:]


def _chop(piece: bytes) -> bytes:
    """Without the line end that belongs to the boundary."""
    return piece[:-2] if piece.endswith(b"\r\n") else piece[:-1] if piece.endswith(b"\n") else piece


def _leaf(node: _Node, kind: str, number: int, found: _Found) -> None:
    content, problem = transfer_decode(node.body, node.headers.get("content-transfer-encoding"))
    if problem:
        found.problem(problem)
    disposition = node.headers.get("content-disposition")
    name = file_name(node.headers)
    attached = disposition.lower().lstrip().startswith("attachment") or (bool(name) and node.depth > 0)
    if kind in _REPORTS:
        found.reports.append(Report(kind, content))
    elif kind in ("text/plain", "text/html") and not attached:
        _text(node, kind, content, number, found)
    elif node.group is not None and kind.startswith("text/") and not attached and kind != "text/calendar":
        return  # one more form of the same words (AMP, enriched text): the raw mail has it
    elif content.strip() or attached:
        if kind == "message/rfc822":
            found.reports.append(Report(kind, content))
            name = name or (parse_headers(split_mail(content)[0])[0].text("subject")[:80] or "mail") + ".eml"
        content_id = node.headers.get("content-id").strip(" <>")
        inline = disposition.lower().lstrip().startswith("inline") or bool(content_id)
        found.files.append(File(clean_name(name, kind), kind, content, inline, content_id))


def _text(node: _Node, kind: str, content: bytes, number: int, found: _Found) -> None:
    declared = node.headers.get("content-type")
    if len(content) > MAX_TEXT_BYTES:
        content = content[:MAX_TEXT_BYTES]
        found.problem("the text is very long; only its beginning is shown")
    charset = parameter(declared, "charset")
    if kind == "text/html" and not charset:
        charset = _meta_charset(content)
    text, problem = decode(content, charset, guess=found.guesses < MAX_GUESSES)
    if problem:
        found.guesses += 1
        found.problem(problem)
    if kind == "text/plain" and parameter(declared, "format").lower() == "flowed":
        text = unflow(text, parameter(declared, "delsp").lower() == "yes")
    forms = found.bodies.setdefault(node.group if node.group is not None else number, [[], []])
    forms[kind == "text/html"].append(text)


def _body(forms: list[list[str]]) -> Body:
    plain, html = forms
    return Body("\n\n".join(plain) if plain else None, "\n".join(html) if html else None)


def _meta_charset(content: bytes) -> str:
    found = re.search(
        rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w:.-]{2,40})", content[:2048], re.IGNORECASE
    )
    return found.group(1).decode("ascii", "replace") if found else ""


def transfer_decode(body: bytes, encoding: str) -> tuple[bytes, str | None]:
    """Undo the Content-Transfer-Encoding, forgiving what real mailers do."""
    name = encoding.strip().lower().partition(";")[0].strip()
    if name == "base64":
        return unbase64(body), None
    if name == "quoted-printable":
        return decodestring(body), None
    if name in ("x-uuencode", "uuencode", "x-uue"):
        return _uudecode(body)
    if name in ("", "7bit", "8bit", "binary"):
        return body, None
    return body, f"a part uses an unknown encoding ({one_line(name, 40)})"


def _uudecode(body: bytes) -> tuple[bytes, str | None]:
    result: list[bytes] = []
    for line in body.splitlines():
        if line.startswith((b"begin ", b"end")) or not line.strip():
            continue
        try:
            result.append(binascii.a2b_uu(line))
        except binascii.Error:
            return body, "a part could not be decoded (uuencode)"
    return b"".join(result), None


def unflow(text: str, delete_space: bool) -> str:
    """format=flowed (RFC 3676): lines that end with a space go on in the next line of the same quote depth."""
    result: list[str] = []
    open_depth = -1
    for line in text.split("\n"):
        words = line.lstrip(">")
        depth = len(line) - len(words)
        words = words.removeprefix(" ")
        signature = words == "-- "
        if open_depth == depth and not signature and result:
            result[-1] += words
        else:
            result.append((">" * depth + " " if depth else "") + words)
        flows = words.endswith(" ") and not signature
        if flows and delete_space:
            result[-1] = result[-1][:-1]
        open_depth = depth if flows else -1
    return "\n".join(result)


def file_name(headers: Headers) -> str:
    """The name that the sender gave a part, decoded; "" if none."""
    return parameter(headers.get("content-disposition"), "filename") or parameter(
        headers.get("content-type"), "name"
    )


def clean_name(name: str, kind: str) -> str:
    """A label that is safe to show: no path, no control or direction characters, at most 150 characters."""
    label = one_line(_PATH.sub("_", name.replace("\\", "/").rpartition("/")[2])[-400:], 400).strip(" .")
    if len(label) > 150:
        stem, dot, extension = label.rpartition(".")
        label = stem[: 149 - len(extension)] + dot + extension if dot and len(extension) < 20 else label[:150]
    return label or "file" + _EXTENSIONS.get(kind, ".bin")
