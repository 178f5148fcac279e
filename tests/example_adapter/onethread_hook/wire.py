"""The wire: how a body is signed, and what a message looks like. Pure.

A signature is ``t=<epoch seconds>,v1=<hex HMAC-SHA256 of "<t>." and the body>``; it is good for five minutes.
"""

import hashlib
import hmac
import json
from datetime import UTC, datetime

from bot.messages import Contact, Message, RemoteId, SourceId, Text

HEADER = "X-Hook-Signature"
GOOD_FOR = 300.0
"""Seconds."""


class Garbled(Exception):
    """A body is signed and cannot be understood. The words say why."""


def sign(secret: bytes, body: bytes, now: float) -> str:
    """The header's value for a body."""
    stamp = str(int(now))
    return f"t={stamp},v1={hmac.new(secret, f'{stamp}.'.encode() + body, hashlib.sha256).hexdigest()}"


def is_signed(secret: bytes, body: bytes, header: str, now: float) -> bool:
    """Whether the other side signed this body in the last five minutes. Compared in constant time."""
    stamp = header.removeprefix("t=").partition(",")[0]
    if not stamp.isascii() or not stamp.isdigit() or abs(now - int(stamp)) > GOOD_FOR:
        return False
    return hmac.compare_digest(sign(secret, body, int(stamp)).encode(), header.encode("utf-8", "replace"))


def parse(body: bytes) -> Message:
    """``{"id", "at", "text", "from": {"id", "name"}}`` → our type. Raises ``Garbled``."""
    try:
        given = json.loads(body)
        who = given["from"]
        made, sender, text, at = given["id"], who["id"], given["text"], datetime.fromisoformat(given["at"])
    except KeyError as problem:
        raise Garbled(f"it lacks {problem}") from problem
    except (ValueError, TypeError, RecursionError) as problem:
        raise Garbled(f"it is not what was agreed ({type(problem).__name__})") from problem
    if not all(isinstance(one, str) and one for one in (made, sender, text)):
        raise Garbled("id, from.id and text have to be words")
    name = who.get("name")
    return Message(
        source_id=SourceId(f"message:{made}"),
        sender=Contact(
            "hook",
            sender,
            name if isinstance(name, str) else None,
            verified=True,
            evidence="signed by the app",
        ),
        sent_at=at if at.tzinfo is not None else at.replace(tzinfo=UTC),
        text=Text(text),
        remote_id=RemoteId(made),
        thread_key=sender,
    )
