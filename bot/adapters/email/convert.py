"""A parsed mail as the contract's words: whose it is, what was said, what it belongs to. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from bot import languages
from bot.adapters.email.auth import Verdict, verdict
from bot.adapters.email.headers import Address
from bot.adapters.email.html import convert
from bot.adapters.email.mime import Body, File, ParsedMail
from bot.adapters.email.quotes import tail_start
from bot.adapters.email.settings import EmailSettings
from bot.adapters.email.tokens import Tokens
from bot.messages import Contact, ConversationId, RemoteId, Text

CHANNEL = "email"
MAX_WORDS = 2_000_000
"""Characters of text and HTML that are read of one mail, all its parts together."""
MAX_REFERENCES = 50
MAX_PARTICIPANTS = 100
_LINK_TAG = re.compile(r"go-([a-z2-7]{26})\Z")
_LINK_SUBJECT = re.compile(r"\[go-([a-z2-7]{26})\]", re.IGNORECASE)
_EARLY = timedelta(days=7)
_LATE = timedelta(hours=1)
_RECIPIENTS = ("delivered-to", "x-original-to", "envelope-to", "x-delivered-to")
_ENCRYPTED = frozenset(["multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"])


@dataclass(frozen=True)
class Words:
    """What the mail says: the customer's own words and the tail that can be folded."""

    text: Text
    tail: Text | None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Customer:
    """Whose mail it is, and a sentence for the agent where that needs one."""

    contact: Contact
    note: str | None = None


def base_address(address: str) -> str:
    """The address without its plus tag, in lower case."""
    local, _, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


def customer(mail: ParsedMail, settings: EmailSettings, own: frozenset[str]) -> Customer | None:
    """Whose mail this is; None for our own mail. The rules are in docs/email.md, in this order.

    1. A contact form named in the settings: the first Reply-To that is not ours, unproven.
    2. From is one of our own addresses: a form of our site that writes as ourselves when Reply-To is somebody
       else's, otherwise our own mail.
    3. From, as far as our mail server has proven it. Another Reply-To is said, and never followed silently.
    """
    sender = mail.sender
    others = [address for address in mail.reply_to if base_address(address.address) not in own]
    if sender is None:
        return Customer(Contact(CHANNEL, "unknown@invalid", None, False, "the mail names no sender"))
    form = any(rule.matches(sender.address) for rule in settings.contact_forms)
    ours = base_address(sender.address) in own
    if form or ours:
        if others:
            evidence = f"named in Reply-To by {sender.address}, not proven"
            return Customer(_contact(others[0], False, evidence), f"Sent through a form by {sender.address}.")
        if ours:
            return None
    proven = verdict(mail, settings.authserv_id, settings.authserv_fields)
    found = replace(_contact(sender, proven.result == "pass", proven.evidence), language=_reads(mail))
    different = [other.address for other in others if other.address != sender.address]
    note = f"The sender asks for answers to {different[0]}." if different else None
    return Customer(found, _with_warning(note, proven))


def _with_warning(note: str | None, proven: Verdict) -> str | None:
    warning = f"The sender's address may be forged: {proven.evidence}." if proven.result == "fail" else None
    return " ".join(part for part in (warning, note) if part) or None


def _reads(mail: ParsedMail) -> str | None:
    """The language of a mail as its program names it: what it is written in, else what its writer reads (RFC 3282)."""
    names = (mail.headers.get("content-language"), mail.headers.get("accept-language"))
    return next((found for name in names if (found := languages.preferred(name))), None)


def _contact(address: Address, verified: bool, evidence: str | None) -> Contact:
    return Contact(CHANNEL, address.address, address.name or None, verified, evidence)


def participants(mail: ParsedMail, whose: Contact, own: frozenset[str]) -> tuple[Contact, ...]:
    """Everybody else in From, Reply-To, To and Cc: neither the customer nor ourselves."""
    senders = (mail.sender,) if mail.sender else ()
    found: dict[str, Contact] = {}
    for address in (*senders, *mail.reply_to, *mail.to, *mail.cc):
        if address.address != whose.address and base_address(address.address) not in own:
            found.setdefault(address.address, _contact(address, False, None))
    return tuple(found.values())[:MAX_PARTICIPANTS]


def answers(mail: ParsedMail, tokens: Tokens) -> ConversationId | None:
    """The conversation whose token the mail carries: plus address, then In-Reply-To, then References (newest first)."""
    delivered = [address.address for name in _RECIPIENTS for address in mail.headers.addresses(name)]
    found = tokens.in_addresses([*delivered, *(a.address for a in (*mail.to, *mail.cc))])
    if found is not None:
        return found
    for message_id in (*mail.in_reply_to, *reversed(mail.references)):
        found = tokens.in_id(message_id)
        if found is not None:
            return found
    return None


def link_code(mail: ParsedMail) -> str | None:
    """A link code that the mail brings: in the plus address that it was written to, or in its subject."""
    delivered = [address.address for name in _RECIPIENTS for address in mail.headers.addresses(name)]
    for address in (*delivered, *(one.address for one in (*mail.to, *mail.cc))):
        found = _LINK_TAG.match(address.rpartition("@")[0].rpartition("+")[2])
        if found is not None:
            return found[1]
    in_subject = _LINK_SUBJECT.search(mail.subject)
    return in_subject[1].lower() if in_subject is not None else None


def subject(mail: ParsedMail) -> str | None:
    """The subject without a link code."""
    return _LINK_SUBJECT.sub("", mail.subject).strip() or None


def references(mail: ParsedMail) -> tuple[RemoteId, ...]:
    """The ids this mail refers to, newest first, without repetition."""
    ids = dict.fromkeys((*reversed(mail.in_reply_to), *reversed(mail.references)))
    return tuple(RemoteId(known) for known in ids)[:MAX_REFERENCES]


def words(mail: ParsedMail) -> Words:
    """The mail's text with spans, HTML preferred; the quoted rest apart. Nothing is lost: text + tail is all of it."""
    whole = Text()
    cut: int | None = None
    problems: list[str] = []
    read = 0
    for body in mail.bodies:
        if read > MAX_WORDS:
            problems.append("the mail is very long; only its beginning is shown")
            break
        read += len(body.html or body.plain or "")
        text, tail, shortened = _body(body)
        if shortened:
            problems.append("the mail is very long or deeply nested; only a part of it is shown")
        if not text:
            continue
        if whole:
            whole = whole + Text("\n\n")
        if cut is None and tail is not None:
            cut = len(whole) + tail
        whole = whole + text
    if _ENCRYPTED & {mail.media_type, *(file.media_type for file in mail.files)}:
        problems.append("the mail is encrypted; it can only be read in a mail program that has the key")
    if cut is None:
        return Words(whole.strip(), None, tuple(problems))
    return Words(whole.cut(0, cut).strip(), whole.cut(cut).strip() or None, tuple(problems))


def _body(body: Body) -> tuple[Text, int | None, bool]:
    if body.html is not None:
        page = convert(body.html)
        if page.text or not body.plain:
            early = tail_start(page.text.plain[: page.tail])
            return page.text, early if early is not None else page.tail, page.cut
    plain = body.plain or ""
    return Text(plain), tail_start(plain), False


def sent_at(mail: ParsedMail, received: datetime | None) -> datetime:
    """When it was written, as far as that can be believed: within a week before it was received."""
    arrived = received or datetime.now(UTC)
    if mail.date is not None and arrived - _EARLY <= mail.date <= arrived + _LATE:
        return min(mail.date, arrived)
    return arrived


def shown_files(files: Iterable[File]) -> tuple[File, ...]:
    """Files worth showing: all but invisible tracking pictures."""
    return tuple(
        file
        for file in files
        if not (file.inline and file.media_type == "image/gif" and len(file.content) < 64)
    )
