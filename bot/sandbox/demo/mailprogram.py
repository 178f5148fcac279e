"""The customers' mail programs: what they show, and how they send (real SMTP)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import time
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage, Message
from email.policy import SMTP as SMTP_POLICY
from email.policy import default as DEFAULT
from email.utils import formatdate, getaddresses, make_msgid, parsedate_to_datetime
from typing import Any

import aiosmtplib

from bot.sandbox.mail import MailStandIn

Json = dict[str, Any]

MAX_ATTACHMENTS = 20_000_000
"""Bytes of all files of one mail together."""
POLICY = SMTP_POLICY.clone(max_line_length=998)


class Refused(Exception):
    """A mail cannot be sent; the text is for the person who wrote it."""


@dataclass(frozen=True)
class Customer:
    """Somebody with a mail program."""

    key: str
    name: str
    address: str


CUSTOMERS = (
    Customer("customer1", "Dana Petrov", "customer1@mail.example"),
    Customer("customer2", "Luis Ferreira", "customer2@mail.example"),
)
BY_KEY = {one.key: one for one in CUSTOMERS}


@dataclass
class MailProgram:
    """The mail programs of all customers on one stand-in."""

    mail: MailStandIn
    sent: dict[str, list[bytes]] = field(default_factory=dict)  # address -> what was sent, oldest first
    parsed: dict[bytes, Json] = field(default_factory=dict)  # digest -> what `read` made of it
    counted: int = -1  # `accepted` of the stand-in when `last_counts` was made
    last_counts: dict[str, int] = field(default_factory=dict)

    def customer(self, key: str) -> Customer:
        """By key; KeyError when there is none."""
        return BY_KEY[key]

    def folder(self, customer: Customer) -> Json:
        """Inbox and sent mails of a customer, newest first, without the bytes of files."""
        inbox = [self._read(raw) | {"folder": "inbox"} for raw in self.mail.messages(customer.address)]
        sent = [self._read(raw) | {"folder": "sent"} for raw in self.sent.get(customer.address, ())]
        mails = sorted(inbox + sent, key=lambda mail: float(mail["at"]), reverse=True)
        return {"address": customer.address, "name": customer.name, "mails": mails}

    def _read(self, raw: bytes) -> Json:
        digest = hashlib.sha256(raw).digest()
        if digest not in self.parsed:
            self.parsed[digest] = read(raw) | {"id": digest.hex()[:16]}
        return self.parsed[digest]

    def file(self, customer: Customer, mail_id: str, index: int) -> tuple[str, bytes]:
        """Name and bytes of one file of a mail; KeyError when there is none."""
        for raw in [*self.mail.messages(customer.address), *self.sent.get(customer.address, ())]:
            if hashlib.sha256(raw).digest().hex()[:16] == mail_id:
                parts = _files(message_from_bytes(raw, policy=DEFAULT))
                if 0 <= index < len(parts):
                    return parts[index].get_filename() or "file", _bytes(parts[index])
        raise KeyError(mail_id)

    def counts(self) -> dict[str, int]:
        """How many mails each customer has, by key. Asked often, so counted only after something was delivered."""
        if self.counted != self.mail.accepted:
            self.counted = self.mail.accepted
            self.last_counts = {
                one.key: len(self.mail.messages(one.address)) + len(self.sent.get(one.address, ()))
                for one in CUSTOMERS
            }
        return self.last_counts

    async def send(self, customer: Customer, given: Json) -> Json:
        """Write a mail and hand it to the mail server. Raises Refused with a sentence."""
        message = compose(customer, given)
        recipients = [address for _, address in getaddresses([message["To"], message.get("Cc", "")])]
        raw = message.as_bytes(policy=POLICY)
        try:
            await self._hand_over(customer.address, recipients, raw)
        except aiosmtplib.SMTPRecipientsRefused as error:
            first = error.recipients[0]
            raise Refused(f"The mail server refuses {first.recipient}: {first.message}") from error
        except aiosmtplib.SMTPResponseException as error:
            raise Refused(f"The mail server refuses this mail: {error.code} {error.message}") from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Refused("The mail server cannot be reached. Try again when it is back.") from error
        self.sent.setdefault(customer.address, []).append(raw)
        return self._read(raw)

    async def _hand_over(self, sender: str, recipients: list[str], raw: bytes) -> None:
        client = aiosmtplib.SMTP(
            hostname=self.mail.host, port=self.mail.smtp_port, start_tls=False, timeout=10
        )
        async with client:
            await client.sendmail(sender, recipients, raw)


def compose(customer: Customer, given: Json) -> EmailMessage:
    """A mail as a mail program writes it. Raises Refused where something is missing or wrong."""
    message = EmailMessage(policy=POLICY)
    to = [address for _, address in getaddresses([str(given.get("to") or "")]) if "@" in address]
    if not to:
        raise Refused("Say who the mail goes to.")
    text = str(given.get("text") or "")
    files = given.get("files") or []
    if not text.strip() and not files:
        raise Refused("Write something first.")
    try:
        message["From"] = f"{customer.name} <{customer.address}>"
        message["To"] = ", ".join(to)
        message["Subject"] = " ".join(str(given.get("subject") or "").split())
        message["Date"] = formatdate(localtime=True)
        message["Message-ID"] = make_msgid(domain=customer.address.partition("@")[2])
        for header, key in (("In-Reply-To", "in_reply_to"), ("References", "references")):
            value = " ".join(str(given.get(key) or "").split())
            if value:
                message[header] = value
        message.set_content(text)
        _attach(message, files)
    except (ValueError, binascii.Error, KeyError, TypeError) as error:
        raise Refused(f"This mail cannot be written: {error}") from error
    return message


def _attach(message: EmailMessage, files: list[Json]) -> None:
    total = 0
    for file in files:
        data = base64.b64decode(file["data"], validate=True)
        total += len(data)
        if total > MAX_ATTACHMENTS:
            raise Refused("The files are too large: 20 MB is the most that one mail takes.")
        kind, _, sub = str(file.get("type") or "application/octet-stream").partition("/")
        message.add_attachment(data, maintype=kind, subtype=sub or "octet-stream", filename=str(file["name"]))


# -- reading -------------------------------------------------------------------------------------------


def read(raw: bytes) -> Json:
    """What a mail program shows of a mail."""
    message = message_from_bytes(raw, policy=DEFAULT)
    plain, html = _body(message, "plain"), _body(message, "html")
    return {
        "message_id": _header(message, "Message-ID"),
        "in_reply_to": _header(message, "In-Reply-To"),
        "references": _header(message, "References"),
        "from": _header(message, "From"),
        "to": _header(message, "To"),
        "cc": _header(message, "Cc"),
        "reply_to": _header(message, "Reply-To"),
        "subject": _header(message, "Subject"),
        "at": _at(message),
        "plain": plain,
        "html": html,
        "files": [
            {
                "name": part.get_filename() or "file",
                "type": part.get_content_type(),
                "size": len(_bytes(part)),
            }
            for part in _files(message)
        ],
        "source": raw.decode("utf-8", "replace")[:50_000],
    }


def _header(message: Message, name: str) -> str:
    return " ".join(str(message.get(name) or "").split())


def _at(message: Message) -> float:
    try:
        return parsedate_to_datetime(str(message.get("Date"))).timestamp()
    except (TypeError, ValueError):
        return time.time()


def _leaves(message: Message) -> list[Message]:
    return [part for part in message.walk() if not part.is_multipart()]


def _body(message: Message, subtype: str) -> str:
    """All inline parts of a kind."""
    texts = []
    for part in _leaves(message):
        if part.get_content_type() == f"text/{subtype}" and not part.get_filename():
            charset = part.get_content_charset() or "utf-8"
            try:
                texts.append(_bytes(part).decode(charset, "replace"))
            except LookupError:
                texts.append(_bytes(part).decode("utf-8", "replace"))
    return "\n".join(texts).replace("\r\n", "\n")


def _files(message: Message) -> list[Message]:
    return [
        part
        for part in _leaves(message)
        if part.get_filename() or part.get_content_maintype() not in ("text", "multipart")
    ]


def _bytes(part: Message) -> bytes:
    data = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""
