"""Files of a site chat: uploads from visitors, downloads of what they were given.

A file is named by a reference that only this server makes: what it is (blob, size, type, name) and a keyed hash over that
and the visitor. So it cannot be guessed, changed or used by another visitor, and nothing has to be kept for it. Bytes are
only ever handed out as a download that no browser shows or runs in our origin's name.
"""

import base64
import codecs
import hashlib
import hmac
import json
import re
from typing import Any
from urllib.parse import quote

from bot.contract import Secrets
from bot.messages import Attachment, BlobId

MAX_NAME = 120
"""Characters of a file's name; it is only a label."""
_PURPOSE = b"onethread site file 1\0"
_UNSAFE_NAME = re.compile('[\x00-\x1f\x7f\ud800-\udfff\u200e\u200f\u202a-\u202e\u2066-\u2069/\\\\:*?"<>|]+')

_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (4, b"ftypheic", "image/heic"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (0, b"OggS", "audio/ogg"),
    (0, b"ID3", "audio/mpeg"),
    (8, b"WAVE", "audio/wav"),
    (0, b"MZ", "application/vnd.microsoft.portable-executable"),
    (0, b"\x7fELF", "application/x-elf"),
)
DOWNLOAD_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cache-Control": "private, no-store",
    "Referrer-Policy": "no-referrer",
}
"""What every answer with a visitor's or an agent's bytes carries."""


def sniff(data: bytes) -> str:
    """The media type by the first bytes. Text of any kind, HTML and SVG too, is ``text/plain``: it is never rendered."""
    for offset, magic, kind in _MAGIC:
        if data[offset : offset + len(magic)] == magic:
            return kind
    head = data[:2_048]
    if b"\0" in head:
        return "application/octet-stream"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head, final=len(head) == len(data))
    except UnicodeDecodeError:
        return "application/octet-stream"
    return "text/plain"


def safe_name(name: str) -> str:
    """A label: no path, no control or direction characters, not empty, of a bearable length."""
    made = " ".join(_UNSAFE_NAME.sub(" ", name.replace("\\", "/").rpartition("/")[2]).split()).strip(". ")
    if len(made) > MAX_NAME:
        stem, dot, ending = made.rpartition(".")
        keep = f"{dot}{ending}" if dot and len(ending) <= 10 else ""
        made = (stem if keep else made)[: MAX_NAME - len(keep)] + keep
    return made or "file"


def disposition(name: str) -> str:
    """``Content-Disposition`` of a download."""
    return f"attachment; filename*=UTF-8''{quote(safe_name(name), safe='')}"


class References:
    """Makes and reads references. Keys: the installation's secrets, newest first."""

    def __init__(self, secrets: Secrets) -> None:
        self._keys = secrets.keys

    def make(self, visitor: str, file: Attachment) -> str:
        """A reference to a file whose bytes are in the blob store, for one visitor."""
        body = json.dumps([file.blob, file.size, file.media_type, file.name], separators=(",", ":"))
        payload = base64.urlsafe_b64encode(body.encode()).decode().rstrip("=")
        return f"{payload}.{_mac(self._keys[0], visitor, payload)}"

    def read(self, visitor: str, reference: str) -> Attachment | None:
        """The file, or None where this reference was not made for this visitor."""
        payload, _, mac = reference.rpartition(".")
        given = mac.encode("utf-8", "replace")
        if not any(hmac.compare_digest(_mac(key, visitor, payload).encode(), given) for key in self._keys):
            return None
        blob, size, media_type, name = json.loads(
            base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        )
        return Attachment(name, media_type, size, BlobId(blob))

    def shown(self, visitor: str, file: Attachment) -> dict[str, Any]:
        """A file as the visitor's client shows it; without bytes it has no reference."""
        made: dict[str, Any] = {"name": file.name, "type": file.media_type, "size": file.size}
        if file.blob is not None:
            made["id"] = self.make(visitor, file)
        return made


def _mac(key: bytes, visitor: str, payload: str) -> str:
    text = _PURPOSE + visitor.encode() + b"\0" + payload.encode("utf-8", "replace")
    return base64.urlsafe_b64encode(hmac.digest(key, text, hashlib.sha256)[:24]).decode()
