"""The email adapter, against real SMTP and IMAP on loopback, passes the suite that every adapter passes."""

from __future__ import annotations

import email
import email.policy
from collections.abc import AsyncIterator

import pytest

from bot.adapters.email import adapter as email_adapter
from bot.adapters.email.adapter import EmailAdapter
from bot.adapters.email.settings import EmailSettings
from bot.contract import Adapter, AdapterContext
from bot.messages import Contact, ConversationId, Reply, Text
from bot.sandbox.mail import MailStandIn
from tests.conformance.core import Core
from tests.conformance.suite import AdapterConformance, Break, Harness, reading

SHOP, CUSTOMER = "support@shop.example", "customer1@mail.example"


class MailHarness:
    """A mail world of our own."""

    breaks = frozenset(Break)

    def __init__(self, mail: MailStandIn) -> None:
        self.mail = mail
        self.password = mail.mailboxes[SHOP]
        self.secrets = (self.password, CUSTOMER)
        self.number = 0
        self.newest = b""

    def adapter(self, context: AdapterContext) -> Adapter:
        server = {"host": "127.0.0.1", "tls": "none"}
        given = {
            "address": SHOP,
            "name": "Shop",
            "imap": {**server, "port": self.mail.imap_port, "password": self.password, "timeout": 5},
            "smtp": {**server, "port": self.mail.smtp_port},
            "authserv_id": "mx.shop.example",
        }
        return EmailAdapter(EmailSettings.model_validate(given), context)

    async def say(self, text: str) -> None:
        self.number += 1
        head = f"From: Dana <{CUSTOMER}>\r\nTo: {SHOP}\r\nSubject: x\r\nMessage-ID: <{self.number}@mail.example>\r\n"
        self.newest = f"{head}Date: Mon, 5 Jan 2026 10:00:00 +0000\r\n\r\n{text}\r\n".encode()
        await self.mail.deliver(CUSTOMER, [SHOP], self.newest)

    async def repeat(self) -> bool:
        await self.mail.deliver(CUSTOMER, [SHOP], self.newest)
        return True

    async def garble(self) -> bool:
        parts = b"".join(b"--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" for _ in range(20_000))
        head = f"From: Dana <{CUSTOMER}>\r\nTo: {SHOP}\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        await self.mail.deliver(CUSTOMER, [SHOP], head.encode() + parts)
        return True

    async def cut(self) -> None:
        self.mail.imap_proxy.drop_connections()

    async def lock_out(self) -> None:
        self.mail.set_password(SHOP, "changed")
        self.mail.imap_proxy.drop_connections()

    def reply(self, key: str, text: str) -> Reply:
        who = Contact("email", CUSTOMER, "Dana")
        return Reply(key, ConversationId(1), who, "Kim", Text(text), team_name="Support", subject="x")

    def received(self) -> list[str]:
        """The words above the signature."""
        found = []
        for raw in self.mail.messages(CUSTOMER):
            mail = email.message_from_bytes(raw, policy=email.policy.default)
            body = mail.get_body(("plain",))
            if body is not None:
                words = body.get_content().replace("\r\n", "\n").split("\n-- \n")[0].strip()
                found.extend([words] if words else [])
        return found

    def break_send(self, how: Break) -> None:
        if how in (Break.BUSY, Break.REFUSED):
            self.mail.refuse_recipient(
                CUSTOMER, "451 4.2.1 try later" if how is Break.BUSY else "550 5.1.1 no"
            )
            self._restore_after_one()
        else:
            self.mail.drop_after_data(accepted=how is Break.LOST_TAKEN)

    def _restore_after_one(self) -> None:
        refused = self.mail.knobs.refuse

        class Once(dict[str, str]):
            """Refuses once."""

            def get(self, key: str, default: object = None) -> object:  # type: ignore[override]
                return self.pop(key, default)  # type: ignore[arg-type]

        self.mail.knobs.refuse = Once(refused)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RETRY_FIRST", "RETRY_MOST", "LOGIN_FIRST", "LOGIN_MOST"):
        monkeypatch.setattr(email_adapter, name, 0.05)


class TestEmail(AdapterConformance):
    @pytest.fixture
    async def harness(self) -> AsyncIterator[Harness]:
        mail = MailStandIn()
        await mail.start()
        yield MailHarness(mail)
        await mail.stop()

    @pytest.fixture
    async def core(self, harness: Harness) -> Core:
        """A mailbox's first start begins now, with an empty cursor: let it find out where now is."""
        core = Core()
        async with reading(harness, core):
            await core.until(lambda: core.position is not None)
        return core
