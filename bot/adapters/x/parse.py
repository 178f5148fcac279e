"""X's two shapes of a direct message -> one. Pure; never raises.

Pages of ``/2/dm_events`` are of version 2, webhooks carry version 1.1 (alone, or in the envelope of the Activity API).
What both say is taken from what they share: the time from the event's id, the conversation of two from their ids. So
the same message is the same ``Said``, whichever way it came.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from bot.messages import Span, SpanKind, Text

_EPOCH_MS = 1_288_834_974_657
_NUMBER = re.compile(r"[0-9]{1,19}")
_PAIR = re.compile(r"([0-9]{1,19})-([0-9]{1,19})")
_RESOURCE = re.compile(r"/([A-Za-z0-9][A-Za-z0-9._-]{0,99})(?:[?:].*)?\Z")
_OWN_MEDIA = re.compile(r"https?://(?:twitter|x)\.com/messages/media/[0-9]+\Z")
_ESCAPES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))
_QUIET = frozenset({"dm.sent", "dm.read", "chat.sent", "chat.conversation.join", "chat.conversation_join"})
_QUIET_KEYS = frozenset(
    """for_user_id users apps user_has_blocked tweet_create_events tweet_delete_events favorite_events follow_events
    block_events mute_events direct_message_mark_read_events user_event""".split()  # noqa: SIM905
)
"""What a webhook of all activity carries besides: no message."""


@dataclass(frozen=True, slots=True)
class Media:
    """A file of a message. ``resource`` is its name at X, None where X named none."""

    media_id: str
    kind: str
    resource: str | None


@dataclass(frozen=True, slots=True)
class Said:
    """A message of a customer. ``group``: in a conversation of more than two."""

    event_id: str
    sender_id: str
    sender_name: str | None
    conversation: str
    group: bool
    at: datetime
    text: Text
    media: tuple[Media, ...]
    raw: bytes


@dataclass(frozen=True, slots=True)
class Odd:
    """Something that is shown as it cannot be read. ``sender_id`` where it is known."""

    source: str
    reason: str
    at: datetime
    raw: bytes
    sender_id: str | None = None
    sender_name: str | None = None


@dataclass(frozen=True, slots=True)
class Writing:
    """The customer is typing."""

    sender_id: str
    conversation: str


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The account took its consent back."""


@dataclass(frozen=True, slots=True)
class Own:
    """Our own message; ``event_id`` is its id."""

    event_id: str


Heard: TypeAlias = Said | Odd | Writing | Withdrawn | Own


class _Missing(Exception):
    pass


def from_page(page: Mapping[str, Any], own: str) -> list[tuple[int, Heard]]:
    """The events of a page with their ids as numbers (0 where there is none), in X's order."""
    includes = _dict(page.get("includes"))
    users = {str(user.get("id")): user for user in _dicts(includes.get("users"))}
    media = {str(one.get("media_key")): one for one in _dicts(includes.get("media"))}
    rows = page.get("data")
    found: list[tuple[int, Heard]] = []
    for row in rows if isinstance(rows, list) else []:
        heard = _guarded(row, lambda row=row: _from_row(row, users, media, own))
        number = str(_dict(row).get("id", ""))
        found.append((int(number) if _NUMBER.fullmatch(number) else 0, heard))
    return found


def from_webhook(body: Mapping[str, Any], own: str) -> list[Heard]:
    """What a webhook brought for the account ``own``; nothing where it is for another account of the same app."""
    data = body.get("data")
    if isinstance(data, Mapping):
        return _from_activity(data, own)
    if "for_user_id" not in body:
        return [_odd(body, "X sent something of a kind that is not known")]
    if str(body["for_user_id"]) != own:
        return []
    found = list(_from_account(body, own))
    strange = sorted(
        set(body) - _QUIET_KEYS - {"direct_message_events", "direct_message_indicate_typing_events"}
    )
    if strange:
        found.append(_odd(body, f"X sent something of a kind that is not known ({strange[0][:60]})"))
    if "revoke" in _dict(body.get("user_event")):
        found.append(Withdrawn())
    return found


def _from_activity(data: Mapping[str, Any], own: str) -> list[Heard]:
    user = _dict(data.get("filter")).get("user_id")
    if user is not None and str(user) != own:
        return []
    kind = str(data.get("event_type", ""))
    payload = _dict(data.get("payload"))
    if kind in _QUIET:
        return []
    if kind == "chat.received":
        return _encrypted(data, payload, own)
    if kind.startswith("oauth.revoke"):
        return [Withdrawn()]
    if kind in ("dm.received", "dm.indicate_typing"):
        found = list(_from_account(payload, own))
        if found or kind == "dm.indicate_typing":
            return found
        return [_odd(data, "X sent a message without its words", _uuid(data))]
    return [
        _odd(data, f"X sent something of a kind that is not known ({kind[:60] or 'no kind'})", _uuid(data))
    ]


def _uuid(data: Mapping[str, Any]) -> str | None:
    made = str(data.get("event_uuid", ""))
    return f"activity:{made}" if made else None


def _encrypted(data: Mapping[str, Any], payload: Mapping[str, Any], own: str) -> list[Heard]:
    sender = str(payload.get("sender_id", ""))
    if sender == own:
        return []
    made = str(payload.get("id", ""))
    reason = (
        "it was written in X's encrypted chat, which only X's own app can open. "
        "Read it there, or ask for an ordinary message"
    )
    at = _time(payload.get("created_at_msec")) or datetime.now(UTC)
    known = sender if _NUMBER.fullmatch(sender) else None
    source = f"chat:{made}" if made else _hashed(data)
    return [Odd(source, reason, at, _raw(data), known)]


def _from_account(payload: Mapping[str, Any], own: str) -> Iterable[Heard]:
    """Version 1.1: ``direct_message_events`` and ``users``."""
    users = {key: _dict(_dict(user).get("data")) or user for key, user in _dict(payload.get("users")).items()}
    events = payload.get("direct_message_events")
    for event in events if isinstance(events, list) else []:
        yield _guarded(event, lambda event=event: _from_event(event, users, own))
    for event in _dicts(payload.get("direct_message_indicate_typing_events")):
        sender = str(event.get("sender_id", ""))
        if _NUMBER.fullmatch(sender) and sender != own:
            yield Writing(sender, pair(sender, own))


def _guarded(event: Any, read: Any) -> Heard:
    """What an event says; where a key is missing or of another type, that it cannot be read."""
    try:
        heard: Heard = read()
        return heard
    except _Missing as problem:
        return _odd(event, str(problem), _source(event), _sender(event))
    except Exception as problem:  # whatever a stranger's JSON may do
        return _odd(
            event, f"it has an unknown form ({type(problem).__name__})", _source(event), _sender(event)
        )


def _from_event(event: Any, users: Mapping[str, Any], own: str) -> Heard:
    if not isinstance(event, dict):
        raise _Missing("it has an unknown form")
    if event.get("type") != "message_create":
        raise _Missing(f"it is of a kind that is not known ({str(event.get('type'))[:60]})")
    event_id, made = _id(event, "id"), _dict(event.get("message_create"))
    sender = _id(made, "sender_id")
    if sender == own:
        return Own(event_id)
    data = made.get("message_data")
    if not isinstance(data, dict):
        raise _Missing("it lacks its words (message_data)")
    target = _dict(made.get("target"))
    other = str(target.get("recipient_id", "")) or own
    attached = _dict(data.get("attachment"))
    media = _media_of(attached) if attached else ()
    said = str(target.get("conversation_id", "")) or pair(sender, other)
    group = other != own or _PAIR.fullmatch(said) is None
    return Said(
        event_id,
        sender,
        _name(users.get(sender)),
        said if group else pair(sender, own),
        group,
        _when(event_id, event.get("created_timestamp")),
        _text(str(data.get("text", "")), _urls(data), bool(media)),
        media,
        _raw(event),
    )


def _media_of(attached: Mapping[str, Any]) -> tuple[Media, ...]:
    one = _dict(attached.get("media"))
    made = str(one.get("id_str") or one.get("id") or "")
    if attached.get("type") != "media" or not made:
        return ()
    variants = _dicts(_dict(one.get("video_info")).get("variants"))
    return (
        Media(made, str(one.get("type", "file")), _best(variants) or _resource(one.get("media_url_https"))),
    )


def _from_row(row: Any, users: Mapping[str, Any], media: Mapping[str, Any], own: str) -> Heard:
    """Version 2: one row of ``data``."""
    if not isinstance(row, dict):
        raise _Missing("it has an unknown form")
    if row.get("event_type") != "MessageCreate":
        raise _Missing(f"it is of a kind that is not known ({str(row.get('event_type'))[:60]})")
    event_id, sender = _id(row, "id"), _id(row, "sender_id")
    if sender == own:
        return Own(event_id)
    keys = _dict(row.get("attachments")).get("media_keys")
    files = tuple(_file(str(key), _dict(media.get(str(key)))) for key in keys or ())
    said = str(row.get("dm_conversation_id", "")) or pair(sender, own)
    two = _PAIR.fullmatch(said)
    group = two is None or own not in two.groups()
    return Said(
        event_id,
        sender,
        _name(users.get(sender)),
        said if group else pair(sender, own),
        group,
        _when(event_id, row.get("created_at")),
        _text(str(row.get("text", "")), _urls(row), bool(files)),
        files,
        _raw(row),
    )


def _file(key: str, one: Mapping[str, Any]) -> Media:
    best = _best(_dicts(one.get("variants"))) or _resource(one.get("url"))
    return Media(key.rpartition("_")[2], str(one.get("type", "file")), best)


def _best(variants: list[Mapping[str, Any]]) -> str | None:
    """The name of a video's best MP4."""
    films = [one for one in variants if one.get("content_type") == "video/mp4"]
    rate = lambda one: int(one.get("bit_rate") or one.get("bitrate") or 0)  # noqa: E731
    return _resource(max(films, key=rate).get("url")) if films else None


def _resource(url: Any) -> str | None:
    found = _RESOURCE.search(url) if isinstance(url, str) else None
    return found[1] if found else None


def pair(one: str, other: str) -> str:
    """How X calls the conversation of two people."""
    low, high = sorted((one, other), key=int)
    return f"{low}-{high}"


def _text(plain: str, urls: list[tuple[str, str]], has_media: bool) -> Text:
    """The words with t.co links opened. X writes ``&``, ``<`` and ``>`` escaped, and a link for each file."""
    made = Text()
    rest = plain
    while rest:
        at, short, long = min(
            ((rest.find(short), short, long) for short, long in urls if short in rest), default=(-1, "", "")
        )
        if at < 0:
            made += Text(_unescaped(rest))
            break
        made += Text(_unescaped(rest[:at]))
        if not (has_media and _OWN_MEDIA.match(long)):
            made += Text(long, (Span(0, len(long), SpanKind.LINK, long),))
        rest = rest[at + len(short) :]
    return made.strip()


def _urls(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for one in _dicts(_dict(data.get("entities")).get("urls")):
        short, long = one.get("url"), one.get("expanded_url")
        if isinstance(short, str) and isinstance(long, str) and short and re.match(r"https?://\S+\Z", long):
            found.append((short, long))
    return found


def _unescaped(text: str) -> str:
    for escaped, plain in _ESCAPES:
        text = text.replace(escaped, plain)
    return text


def _when(event_id: str, given: Any) -> datetime:
    """When it was said: ids of X carry their time, to the millisecond; else what the event says."""
    at = (int(event_id) >> 22) + _EPOCH_MS if int(event_id) >> 40 else 0
    return _time(at) or _time(given) or datetime.now(UTC)


def _time(given: Any) -> datetime | None:
    try:
        if isinstance(given, int) or (isinstance(given, str) and given.isdigit()):
            return datetime.fromtimestamp(int(given) / 1000, UTC) if int(given) else None
        made = datetime.fromisoformat(str(given))
    except (ValueError, OverflowError, OSError):
        return None
    return made if made.tzinfo is not None else made.replace(tzinfo=UTC)


def _name(user: Any) -> str | None:
    one = _dict(user)
    name, handle = str(one.get("name", "")).strip(), one.get("username") or one.get("screen_name")
    if not handle:
        return name or None
    return f"{name} (@{handle})" if name else f"@{handle}"


def _odd(event: Any, reason: str, source: str | None = None, sender: str | None = None) -> Odd:
    return Odd(source or _hashed(event), reason, datetime.now(UTC), _raw(event), sender)


def _source(event: Any) -> str | None:
    """Another id than the message itself would have: what one way garbles, the other may still bring."""
    made = str(_dict(event).get("id", ""))
    return f"odd:{made}" if _NUMBER.fullmatch(made) else None


def _sender(event: Any) -> str | None:
    """Who sent what cannot be read, where that much can be."""
    row = _dict(event)
    made = str(row.get("sender_id") or _dict(row.get("message_create")).get("sender_id") or "")
    return made if _NUMBER.fullmatch(made) else None


def _hashed(event: Any) -> str:
    return f"raw:{hashlib.sha256(_raw(event)).hexdigest()}"


def _raw(event: Any) -> bytes:
    return json.dumps(event, ensure_ascii=False, sort_keys=True).encode("utf-8", "surrogatepass")


def _id(row: Mapping[str, Any], key: str) -> str:
    value = str(row.get(key, ""))
    if not _NUMBER.fullmatch(value):
        raise _Missing(f"it lacks {key}")
    return value


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _dicts(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
