"""Tombstones: what was erased stays recognisable, and nothing of it can be read back.

A tombstone is a keyed hash (HMAC-SHA-256, cut to 128 bits) of what identifies an event or an address. Without the
installation's secret nobody can tell whose it is, not even by trying all addresses there are. It is written with the newest
key and looked for with all of them, so it goes on working while the secret is rotated.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable

_PURPOSE = b"onethread tombstone 1"
_BYTES = 16


def keys_of(secrets: Iterable[bytes]) -> tuple[bytes, ...]:
    """The keys of tombstones that follow from the installation's secrets, newest first."""
    return tuple(hmac.new(secret, _PURPOSE, hashlib.sha256).digest() for secret in secrets)


def _hashed(key: bytes, kind: str, words: str) -> str:
    given = f"{kind}\x00{words}".encode(errors="replace")
    return base64.urlsafe_b64encode(hmac.new(key, given, hashlib.sha256).digest()[:_BYTES]).decode()[:22]


def event(keys: tuple[bytes, ...], dedup_key: str) -> tuple[str, ...]:
    """The tombstones that an event may have, the one to be written first."""
    return tuple(_hashed(key, "event", dedup_key) for key in keys)


def address(keys: tuple[bytes, ...], channel: str, where: str) -> tuple[str, ...]:
    """The tombstones that an address may have, the one to be written first."""
    return tuple(_hashed(key, "address", f"{channel}\x00{where}") for key in keys)
