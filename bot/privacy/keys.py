"""Unguessable keys."""

from __future__ import annotations

import base64
import os
import secrets


class _Randomness:
    """The system's randomness by the block: asking for a few bytes a message costs more than storing it."""

    def __init__(self) -> None:
        self._block = b""
        self._process = 0

    def take(self, count: int) -> bytes:
        """Bytes that nobody was given before."""
        if len(self._block) < count or self._process != os.getpid():
            self._block, self._process = secrets.token_bytes(4096), os.getpid()
        taken, self._block = self._block[:count], self._block[count:]
        return taken


_randomness = _Randomness()


def new_key() -> str:
    """An unguessable key: 26 lower-case letters and digits, 130 bits."""
    return base64.b32encode(_randomness.take(17))[:26].decode().lower()
