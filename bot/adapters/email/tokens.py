"""Keyed tokens that carry a conversation through a customer's mail program and back.

A token stands in the plus address of Reply-To (`support+<token>@shop.example`) and in our Message-ID
(`<ot.<token>.<unique>@shop.example>`). It is the conversation's number and 80 bits of HMAC-SHA256 over it, in
lower-case base32. Nobody can make one without a key; who shows one has received a message of ours, or was
shown one. Keys rotate: the newest signs, all of them are accepted.
"""

import hmac
import re
from base64 import b32decode, b32encode
from collections.abc import Iterable, Sequence
from hashlib import sha256

from bot.messages import ConversationId

MAC_BYTES = 10
_PURPOSE = b"onethread mail token 1\0"
_TOKEN = re.compile(r"[a-z2-7]{18,29}")
_OWN_ID = re.compile(r"<ot\.([a-z2-7]{18,29})\.([a-z2-7]{8})@[^<>\s@]+>")


class Tokens:
    """Makes and reads tokens. `keys`: newest first, at least one, 32 bytes or more each."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) < 32 for key in keys):
            raise ValueError("tokens need at least one key of 32 bytes or more")
        self._keys = tuple(keys)

    def make(self, conversation: ConversationId) -> str:
        """The token of a conversation: 18 characters for small numbers, at most 29."""
        number = int(conversation)
        payload = number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big")
        return _base32(payload + self._mac(self._keys[0], payload))

    def read(self, token: str) -> ConversationId | None:
        """The conversation of a genuine token, or None. Takes the same time for every wrong one."""
        token = token.lower()
        if _TOKEN.fullmatch(token) is None:
            return None
        try:
            data = b32decode(token.upper() + "=" * (-len(token) % 8))
        except ValueError:
            return None
        payload, mac = data[:-MAC_BYTES], data[-MAC_BYTES:]
        if not payload or _base32(data) != token:
            return None
        genuine = [hmac.compare_digest(self._mac(key, payload), mac) for key in self._keys]
        return ConversationId(int.from_bytes(payload, "big")) if any(genuine) else None

    def plus_address(self, address: str, conversation: ConversationId) -> str:
        """`support@shop.example` -> `support+<token>@shop.example`."""
        local, _, domain = address.rpartition("@")
        return f"{local}+{self.make(conversation)}@{domain}"

    def message_id(self, conversation: ConversationId, key: str, part: int, domain: str) -> str:
        """The Message-ID of one part of a reply: always the same for the same key and part.

        Below 60 characters for domains of up to 20.
        """
        unique = _base32(sha256(f"{key}\0{part}".encode()).digest())[:8]
        return f"<ot.{self.make(conversation)}.{unique}@{domain}>"

    def in_id(self, message_id: str) -> ConversationId | None:
        """The conversation in one of our own Message-IDs, or None."""
        found = _OWN_ID.fullmatch(message_id.strip().lower())
        return None if found is None else self.read(found.group(1))

    def in_addresses(self, addresses: Iterable[str]) -> ConversationId | None:
        """The conversation in the first plus address that holds a genuine token, or None."""
        for address in addresses:
            _, plus, tag = address.rpartition("@")[0].rpartition("+")
            found = self.read(tag) if plus else None
            if found is not None:
                return found
        return None

    @staticmethod
    def _mac(key: bytes, payload: bytes) -> bytes:
        return hmac.digest(key, _PURPOSE + payload, "sha256")[:MAC_BYTES]


def _base32(data: bytes) -> str:
    return b32encode(data).decode("ascii").rstrip("=").lower()
