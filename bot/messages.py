"""The words everybody speaks: customers' messages, agents' replies and what happens to them.

Frozen dataclasses only. A vendor's payload becomes one of these in its adapter and leaves them only when it is sent.
Offsets in text are Python code points; times are aware ``datetime``; sizes are bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import NewType, TypeAlias

CustomerId = NewType("CustomerId", int)
IdentityId = NewType("IdentityId", int)
ConversationId = NewType("ConversationId", int)
MessageId = NewType("MessageId", int)
RouteId = NewType("RouteId", int)
InboxId = NewType("InboxId", str)
"""The name of an inbox in app.yaml, e.g. ``support-mail``."""
TeamId = NewType("TeamId", str)
"""The name of a team in app.yaml, e.g. ``support``."""
AgentId = NewType("AgentId", str)
"""A Slack user id, e.g. ``U024BE7LH``."""
BlobId = NewType("BlobId", str)
"""The SHA-256 of the bytes, in hex."""
SourceId = NewType("SourceId", str)
"""What makes an inbound event unique in its inbox; a second one with the same id is the same event."""
RemoteId = NewType("RemoteId", str)
"""A channel's own name for one message: a Message-ID, a Telegram message id…"""


class SpanKind(StrEnum):
    """What a stretch of text is."""

    BOLD = "bold"
    ITALIC = "italic"
    STRIKE = "strike"
    CODE = "code"
    PRE = "pre"
    QUOTE = "quote"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch ``[start, end)`` of a text, in code points. ``value`` is the address of a LINK, the language of a PRE."""

    start: int
    end: int
    kind: SpanKind
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """Plain text and the spans that lie on it. Spans may nest and overlap; those outside the text are dropped."""

    plain: str = ""
    spans: tuple[Span, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.plain)

    def __len__(self) -> int:
        return len(self.plain)

    def cut(self, start: int, end: int | None = None) -> Text:
        """The part ``[start, end)`` with its spans clipped and moved."""
        stop = len(self.plain) if end is None else min(end, len(self.plain))
        kept = tuple(
            replace(span, start=max(span.start, start) - start, end=min(span.end, stop) - start)
            for span in self.spans
            if min(span.end, stop) > max(span.start, start)
        )
        return Text(self.plain[start:stop], kept)

    def __add__(self, other: Text) -> Text:
        shift = len(self.plain)
        moved = tuple(replace(s, start=s.start + shift, end=s.end + shift) for s in other.spans)
        return Text(self.plain + other.plain, self.spans + moved)

    def strip(self) -> Text:
        """Without white space at both ends; spans follow."""
        body = self.plain.strip()
        start = self.plain.find(body) if body else 0
        return self.cut(start, start + len(body))


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a message. ``blob`` is None where its bytes were not kept, and ``problem`` then says why, in words."""

    name: str
    media_type: str
    size: int
    blob: BlobId | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """One address on one channel, as a message showed it.

    ``address`` is normalised by the adapter (the same person always gives the same string).
    ``verified`` says that the channel proved the sender; ``evidence`` says how, or why not, in a few words.
    ``anonymous``: what was proven is only that it is the same one as before (a browser), not who that is.
    ``language`` is what the channel says that they read ("de", "pt-BR"): a hint, which proves nothing.
    """

    channel: str
    address: str
    name: str | None = None
    verified: bool = False
    evidence: str | None = None
    anonymous: bool = False
    language: str | None = None


class SuspicionKind(StrEnum):
    """What a message looks like: mail for many or a machine's notice, spam, or proof that a mailbox is somebody's."""

    MASS = "mass"
    SPAM = "spam"
    PROOF = "proof"


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Why a message may be nobody's question to us. ``why`` in a few words, for agents."""

    kind: SuspicionKind
    why: str


@dataclass(frozen=True, slots=True)
class Message:
    """Something a customer said (``sender`` is not one of us).

    ``remote_id`` is what a reply refers to; ``references`` are the remote ids this message refers to, newest first.
    ``answers`` names the conversation whose keyed token the message carries: its sender has received a message of ours.
    ``thread_key`` is the channel's own thread where it has one (a Telegram chat), opaque to everybody else.
    ``tail`` is quoted or forwarded text below the words, folded away but kept.
    ``automated`` says why this was written by a machine, or None; such a message is shown and never answered.
    ``participants`` are the other people it was addressed to (To, CC), ourselves left out.
    ``problems`` are sentences for the agent about what could not be read.
    ``link`` is a link code that came with it: single-use, given to a customer on another channel.
    ``suspicion``: it may be nobody's question; from a sender who is not known, it may wait in quarantine.
    """

    source_id: SourceId
    sender: Contact
    sent_at: datetime
    text: Text = field(default_factory=Text)
    subject: str | None = None
    tail: Text | None = None
    attachments: tuple[Attachment, ...] = ()
    remote_id: RemoteId | None = None
    references: tuple[RemoteId, ...] = ()
    answers: ConversationId | None = None
    thread_key: str | None = None
    participants: tuple[Contact, ...] = ()
    automated: str | None = None
    problems: tuple[str, ...] = ()
    raw: BlobId | None = None
    link: str | None = None
    suspicion: Suspicion | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    """The customer changed a message. The original is kept."""

    source_id: SourceId
    remote_id: RemoteId
    thread_key: str | None
    text: Text
    at: datetime


@dataclass(frozen=True, slots=True)
class Delete:
    """The customer took a message back. Shown as taken back; the original is kept."""

    source_id: SourceId
    remote_id: RemoteId
    thread_key: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Reaction:
    """The customer put (or removed, ``emoji`` empty) a reaction on a message."""

    source_id: SourceId
    remote_id: RemoteId
    thread_key: str | None
    emoji: str
    at: datetime


class Level(StrEnum):
    """How far a reply came: the provider took it, it reached the customer's side, the customer opened it."""

    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    SEEN = "seen"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a reply: returned by ``send``, and reported later by channels that can tell.

    ``detail`` is the provider's own word (an SMTP answer), shown to agents.
    ``refused`` are recipients that the provider did not take, with its reason, while it took others.
    """

    remote_ids: tuple[RemoteId, ...]
    at: datetime
    level: Level = Level.ACCEPTED
    thread_key: str | None = None
    detail: str | None = None
    refused: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """A reply that had been accepted came back (a bounce).

    Joined by ``remote_id`` or, where the report names no message, by ``answers`` and the newest reply in it.
    ``raw`` is the report itself. ``final`` is False for a "delayed" report.
    """

    source_id: SourceId
    remote_id: RemoteId | None
    reason: str
    at: datetime
    answers: ConversationId | None = None
    address: str | None = None
    final: bool = True
    raw: BlobId | None = None


@dataclass(frozen=True, slots=True)
class Typing:
    """The customer is writing. Not stored."""

    sender: Contact
    thread_key: str | None = None


@dataclass(frozen=True, slots=True)
class AddressChanged:
    """The channel says that an address or a thread is now called otherwise (a migrated Telegram chat)."""

    source_id: SourceId
    old: str
    new: str
    at: datetime


@dataclass(frozen=True, slots=True)
class AddressGiven:
    """The customer said where else they can be reached. A claim: it proves nothing, and joins nobody."""

    source_id: SourceId
    sender: Contact
    given: Contact
    at: datetime
    thread_key: str | None = None


@dataclass(frozen=True, slots=True)
class Identified:
    """The channel has proof of who the sender is: a token that the owner of the channel has signed.

    ``proven`` is the identity that the proof names (on the same channel, verified): the sender is that person from now on.
    ``email`` is an address that the signer names; it counts as proven only where its ``verified`` says so. ``attributes`` are
    what the signer knows of them.
    """

    source_id: SourceId
    sender: Contact
    proven: Contact
    at: datetime
    email: Contact | None = None
    attributes: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    thread_key: str | None = None


@dataclass(frozen=True, slots=True)
class Rated:
    """A customer rated how they were served, by the channel's own means: 1 (bad) to 5 (great), or added words to it.

    ``token`` is that of the ``Ask`` in the reply that asked. The last score counts; words may come later, without one.
    """

    source_id: SourceId
    token: str
    at: datetime
    score: int | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Unseen:
    """Replies that wait on the channel for somebody who has not come back for ``minutes``.

    Where the customer left another address they are sent there; the agent is told which. ``asks``: the tokens of questions
    for a rating among them that nobody has answered.
    """

    source_id: SourceId
    remote_ids: tuple[RemoteId, ...]
    at: datetime
    minutes: int
    thread_key: str | None = None
    asks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Something arrived that could not be understood: kept raw and shown as such."""

    source_id: SourceId
    reason: str
    at: datetime
    raw: BlobId | None = None
    sender: Contact | None = None


Event: TypeAlias = (
    Message
    | Edit
    | Delete
    | Reaction
    | Receipt
    | Failure
    | Typing
    | AddressChanged
    | AddressGiven
    | Identified
    | Rated
    | Unseen
    | Unreadable
)
"""What an adapter may report: a closed union."""


@dataclass(frozen=True, slots=True)
class Quoted:
    """The message that a reply answers."""

    remote_id: RemoteId | None
    text: Text
    author: str
    sent_at: datetime
    subject: str | None = None
    references: tuple[RemoteId, ...] = ()


@dataclass(frozen=True, slots=True)
class Ask:
    """A reply asks for a rating, 1 to 5. ``token`` is unguessable and comes back in ``Rated``.

    ``bad`` and ``great`` say in the customer's language what 1 and 5 are, ``invite`` invites words, ``thanks`` thanks.
    ``language`` is that language's code ("de"), empty where it is not known.
    """

    token: str
    bad: str
    great: str
    invite: str
    thanks: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """Something that goes to a customer.

    ``key`` is the idempotency key: the same for every attempt at this reply, unguessable, 26 lower-case letters and digits.
    ``author`` is the agent's public name. ``automated`` marks what no person wrote.
    ``attachments`` here always have their bytes in the blob store.
    """

    key: str
    conversation_id: ConversationId
    to: Contact
    author: str
    text: Text
    attachments: tuple[Attachment, ...] = ()
    subject: str | None = None
    reply_to: Quoted | None = None
    thread_key: str | None = None
    cc: tuple[Contact, ...] = ()
    automated: bool = False
    team_name: str = ""
    ask: Ask | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a reply that fits into one message of the channel. ``number`` counts from 0."""

    number: int
    of: int
    text: Text
    attachments: tuple[Attachment, ...] = ()
