"""What a database can keep of a string. Strings come from strangers: nothing in them may keep a message from being stored."""

from __future__ import annotations

import hashlib
import re

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

LONGEST = 500
"""Characters of a string that an index holds; PostgreSQL's indexes take 2,700 bytes, and a character is up to 4."""


def storable(words: str) -> str:
    """The same words, character for character, with what UTF-8 or PostgreSQL cannot hold replaced by U+FFFD."""
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", words)


def indexed(words: str) -> str:
    """A string that an index can hold: itself, or its start and a hash where it is too long."""
    words = storable(words)
    if len(words) <= LONGEST:
        return words
    digest = hashlib.sha256(words.encode()).hexdigest()
    return f"{words[: LONGEST - 65]}#{digest}"
