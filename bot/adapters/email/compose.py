"""An outgoing mail's bytes: threaded, addressed and safe against header injection.

Built with a policy of 998 columns, because a shorter one encodes long `In-Reply-To` and `References` and
breaks threads, and sent as these very bytes. CR, LF and NUL in an address are refused; elsewhere in a header
white space is collapsed.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.headerregistry import Address as HeaderAddress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape

from bot.adapters.email.headers import one_line
from bot.adapters.email.mime import clean_name
from bot.adapters.email.render import html_text, plain_text
from bot.messages import Quoted, Text

POLICY = SMTP.clone(max_line_length=998, cte_type="7bit")
MAX_QUOTED_LINES = 20
MAX_QUOTED_CHARS = 1500
MAX_REFERENCES = 900
"""Characters of the References field: it must fit on one line of 998."""

_PREFIX = re.compile(
    r"^(?:\s*(?:re|aw|sv|vs|antw|res|ref|rif|odp|ynt|vá|atb|回复|答复|回覆|返信|답장|fwd?|wg|tr|rv|i|enc|vl|vb|doorst)"
    r"(?:\[\d+\]|\(\d+\))?\s*[:：])+\s*",
    re.IGNORECASE,
)
_ID = re.compile(r"<[!-;=?-~]{1,500}>")
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[^\s<>@,;:\\\"()\[\]\x00-\x1f\x7f]{1,253}")
_MARK = (
    "display:inline-block;padding:8px 14px;margin:0 2px 6px 0;border:1px solid #586273;border-radius:8px;"
    "color:#1a4bb8;background:#ffffff;text-decoration:none"
)
_TYPE = re.compile(r"(application|audio|font|image|model|text|video)/[A-Za-z0-9!#$&^_.+-]{1,100}")


class ComposeError(ValueError):
    """The mail cannot be written; says why in one sentence."""


@dataclass(frozen=True)
class OutgoingFile:
    """A file to attach, bytes and all."""

    name: str
    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Outgoing:
    """Everything that goes into one mail. Addresses are bare (`a@b`); names are shown beside them."""

    sender: str
    sender_name: str
    to: tuple[str, str]
    """(address, name)."""
    message_id: str
    subject: str
    text: Text
    cc: tuple[tuple[str, str], ...] = ()
    reply_to: str = ""
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    """Oldest first."""
    files: tuple[OutgoingFile, ...] = ()
    quoted: Quoted | None = None
    signature: str = ""
    rate: tuple[tuple[str, str], ...] = ()
    """Links that rate: (what it is called, its address), worst first."""
    ways: tuple[tuple[str, str], ...] = ()
    """Other ways to go on: (what it is called, its address)."""
    automated: bool = False
    date: datetime | None = None


def compose(mail: Outgoing) -> bytes:
    """The mail's bytes. Raises ComposeError where an address is not one."""
    message = EmailMessage(policy=POLICY)
    message["From"] = _address(mail.sender, mail.sender_name)
    message["To"] = _address(*mail.to)
    if mail.cc:
        message["Cc"] = [_address(*copy) for copy in mail.cc]
    if mail.reply_to:
        message["Reply-To"] = _address(mail.reply_to, mail.sender_name)
    message["Subject"] = one_line(mail.subject, 500)
    message["Date"] = format_datetime(mail.date or datetime.now(UTC))
    message["Message-ID"] = _own_id(mail.message_id)
    parents = list(_ids([mail.in_reply_to]))
    if parents:
        message["In-Reply-To"] = parents[0]
    chain = reference_chain([*mail.references, *parents])
    if chain:
        message["References"] = " ".join(chain)
    if mail.automated:
        message["Auto-Submitted"] = "auto-replied"
        message["X-Auto-Response-Suppress"] = "All"
    message.set_content(_plain(mail), subtype="plain", charset="utf-8")
    message.add_alternative(_html(mail), subtype="html", charset="utf-8")
    for file in mail.files:
        _attach(message, file)
    return message.as_bytes(policy=POLICY)


def is_address(address: str) -> bool:
    """True for an address that can be written to: no white space, no control characters, one `@`."""
    return _ADDRESS.fullmatch(address) is not None and ".." not in address and not address.startswith(".")


def reach(words: str) -> str | None:
    """An address that somebody typed, as messages have it; None where it cannot be one."""
    bare = unicodedata.normalize("NFC", words.strip().strip("<>").removeprefix("mailto:")).lower()
    return bare if is_address(bare) else None


def wire_address(address: str) -> str:
    """The address as SMTP takes it: a domain with other letters in its ASCII form. Raises ComposeError."""
    if not is_address(address):
        raise ComposeError(f"{one_line(address, 80)!r} is not an address that mail can be sent to")
    local, _, domain = address.rpartition("@")
    if domain == "invalid":
        raise ComposeError("the customer's mail named no sender, so there is nobody to answer")
    if domain.isascii():
        return address
    try:
        return f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError as problem:
        raise ComposeError(f"the domain of {address} is not a valid one") from problem


def reply_subject(subject: str) -> str:
    """`Re: ` and the subject without the Re:, AW:, Fwd: … that piled up before it."""
    bare = bare_subject(subject)
    return f"Re: {bare}" if bare else "Re: your message"


def bare_subject(subject: str) -> str:
    """The subject on one line without reply and forward marks."""
    return _PREFIX.sub("", one_line(subject, 500)).strip()


def reference_chain(ids: Iterable[str]) -> list[str]:
    """Valid ids without repetition, oldest first; when they are too long together, the first and the newest."""
    known = list(dict.fromkeys(_ids(ids)))
    total = sum(len(known_id) + 1 for known_id in known)
    while total > MAX_REFERENCES and len(known) > 2:
        total -= len(known.pop(1)) + 1
    return known if total <= MAX_REFERENCES else known[-1:]


def _ids(values: Iterable[str]) -> Iterable[str]:
    return (value.strip() for value in values if _ID.fullmatch(value.strip()))


def _own_id(message_id: str) -> str:
    if _ID.fullmatch(message_id) is None:
        raise ComposeError("the Message-ID is not valid; check the address of the inbox")
    return message_id


def _address(address: str, name: str) -> HeaderAddress:
    local, _, domain = wire_address(address).rpartition("@")
    try:
        return HeaderAddress(
            display_name=one_line(name, 150).replace('"', "'"), username=local, domain=domain
        )
    except (ValueError, IndexError, AttributeError) as problem:
        raise ComposeError(
            f"{one_line(address, 80)!r} is not an address that mail can be sent to"
        ) from problem


def _attach(message: EmailMessage, file: OutgoingFile) -> None:
    kind = file.media_type.lower()
    if _TYPE.fullmatch(kind) is None:
        kind = "application/octet-stream"
    maintype, _, subtype = kind.partition("/")
    message.add_attachment(
        file.content, maintype=maintype, subtype=subtype, filename=clean_name(file.name, kind)
    )


# -- the two forms of the words ------------------------------------------------------------------------


def _plain(mail: Outgoing) -> str:
    pieces = [plain_text(mail.text)]
    if mail.rate:
        pieces.append("\n".join(f"{name}: {url}" for name, url in mail.rate))
    if mail.ways:
        pieces.append("\n".join(f"Or continue on {name}: {url}" for name, url in mail.ways))
    if mail.signature:
        pieces.append(f"-- \n{mail.signature}")
    if mail.quoted is not None:
        lines = "\n".join(f"> {line}".rstrip() for line in _quoted_lines(mail.quoted))
        pieces.append(f"{_attribution(mail.quoted)}\n{lines}")
    return _clean("\n\n".join(pieces)) + "\n"


def _html(mail: Outgoing) -> str:
    pieces = [f"<div>{html_text(mail.text)}</div>"]
    if mail.rate:
        marks = [f'<a href="{escape(url)}" style="{_MARK}">{escape(name)}</a>' for name, url in mail.rate]
        pieces.append(f"<div>{' '.join(marks)}</div>")
    if mail.ways:
        links = [f'Or continue on <a href="{escape(url)}">{escape(name)}</a>' for name, url in mail.ways]
        pieces.append(f"<div>{'<br>'.join(links)}</div>")
    if mail.signature:
        pieces.append(f"<div>-- <br>{escape(mail.signature).replace(chr(10), '<br>')}</div>")
    if mail.quoted is not None:
        lines = "<br>\n".join(escape(line) for line in _quoted_lines(mail.quoted))
        pieces.append(
            f'<div class="gmail_quote"><div>{escape(_attribution(mail.quoted))}</div>'
            f'<blockquote type="cite" class="gmail_quote">{lines}</blockquote></div>'
        )
    return _clean("<!DOCTYPE html>\n<html><body>\n" + "\n<br>\n".join(pieces) + "\n</body></html>\n")


def _attribution(quoted: Quoted) -> str:
    when = quoted.sent_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"On {when}, {one_line(quoted.author, 100) or 'you'} wrote:"


def _quoted_lines(quoted: Quoted) -> Sequence[str]:
    lines = quoted.text.plain.strip()[:MAX_QUOTED_CHARS].split("\n")
    cut = len(lines) > MAX_QUOTED_LINES or len(quoted.text.plain.strip()) > MAX_QUOTED_CHARS
    return [*lines[:MAX_QUOTED_LINES], "…"] if cut else lines


def _clean(text: str) -> str:
    """Without NUL and lone surrogates, which no mail can carry."""
    return (
        text.replace("\0", "")
        .replace("\r\n", "\n")
        .replace("\r", "\n")
        .encode("utf-8", "replace")
        .decode("utf-8")
    )
