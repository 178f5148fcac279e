"""Who a visitor is, where the site says so with a signed token (``proof.py``).

Somebody proven is a visitor of their own, the same on all their devices. The browser's visitor until then, with its tokens,
ends when the client has stored the new token; what was said there goes on under the new one. Somebody else who signs in in
the same browser is another visitor, and sees nothing of the first.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.adapters.site import proof
from bot.adapters.site.proof import Proof, Refused
from bot.adapters.site.protocol import Hello
from bot.adapters.site.settings import Identify
from bot.adapters.site.used import Used
from bot.adapters.site.visitors import Visitor, Visitors
from bot.contract import Accept
from bot.messages import Contact, Identified, SourceId

SUBJECT = "user:"
"""The address of somebody whom the site has proven begins so, with the site's name for them behind it."""


def contact(visitor: Visitor) -> Contact:
    """The visitor as a sender: whom the site has proven, or only the same one as before."""
    if visitor.subject is not None:
        name = visitor.name or f"User {visitor.subject[:40]}"
        proven = f"{SUBJECT}{visitor.subject}"
        return Contact(
            "site", proven, name, verified=True, evidence=proof.EVIDENCE, language=visitor.language
        )
    name = f"Visitor {visitor.id[:4].upper()}"
    evidence = "site visitor's token"
    return Contact(
        "site", visitor.id, name, verified=True, evidence=evidence, anonymous=True, language=visitor.language
    )


@dataclass(frozen=True, slots=True)
class Entered:
    """Who came in. ``token`` is new and to be stored; ``problem`` says what is wrong with the signed token."""

    visitor: Visitor
    token: str | None = None
    problem: str | None = None


class SignIn:
    """The signed tokens of one site chat."""

    def __init__(
        self,
        settings: Identify | None,
        inbox: str,
        visitors: Visitors,
        used: Used,
        accept: Accept,
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._inbox = inbox
        self._visitors = visitors
        self._used = used
        self._accept = accept
        self._clock = clock

    async def enter(self, before: Visitor, hello: Hello) -> Entered:
        """Who the browser's visitor is, by the token in the hello. Raises ``StorageError``.

        A token that proves nothing changes nothing: the visitor stays who they were.
        """
        try:
            proven = await self._check(before, hello)
        except Refused as why:
            refused = f"The sign-in token was refused: {why}."
            if before.subject is None:
                before.refused = refused
            return Entered(before, problem=refused)
        visitor = await self._visitors.subject(self._inbox, proven.subject)
        visitor.name = proven.name or visitor.name or _local_part(proven)
        if proven.email is not None and proven.email.verified:
            visitor.address_given = True
        anonymous = before if before.subject is None and before is not visitor else None
        await self._tell(visitor, anonymous, proven)
        problem = f"Left out of the sign-in token: {', '.join(proven.left_out)}." if proven.left_out else None
        if before is visitor:
            return Entered(visitor, problem=problem)
        if anonymous is not None:
            self._visitors.moved(anonymous, visitor)
        return Entered(visitor, await self._visitors.rotate(visitor), problem)

    async def _check(self, before: Visitor, hello: Hello) -> Proof:
        if self._settings is None:
            raise Refused("this chat takes none; set identify in app.yaml")
        audience = self._settings.audience or self._inbox
        proven = proof.check(hello.identity or "", self._settings, audience, self._clock())
        if before.subject == proven.subject:
            return proven  # they are known here already
        until = proven.expires_at + self._settings.leeway_seconds
        if not await self._used.take(proven.token_id, until, hello.device or before.id):
            raise Refused("it was used in another browser: each token is good for one")
        return proven

    async def _tell(self, visitor: Visitor, anonymous: Visitor | None, proven: Proof) -> None:
        """Tells the core who it is, once they have said something: now, or with their first words."""
        spoken = anonymous is not None and anonymous.spoken
        email = proven.email
        claims: dict[str, Any] = {"name": proven.name, "attributes": proven.attributes}
        if email is not None:
            claims.update(email=email.address, verified=email.verified, evidence=email.evidence)
        digest = hashlib.sha256(json.dumps(claims, sort_keys=True).encode()).hexdigest()[:16]
        if visitor.told == digest and not spoken:
            return
        visitor.pending = claims | {"digest": digest, "token": proven.token_id}
        if anonymous is not None and spoken:
            await self.report(visitor, contact(anonymous))
            visitor.spoken = True
        elif visitor.spoken:
            await self.report(visitor)

    async def report(self, visitor: Visitor, sender: Contact | None = None) -> None:
        """What is known of them and not told yet. Raises ``StorageError``."""
        claims = visitor.pending
        if claims is None:
            return
        who, mail = sender or contact(visitor), claims.get("email")
        source = "\0".join((claims["token"], who.address, claims["digest"]))
        email = None
        if mail is not None:
            email = Contact("email", mail, claims["name"], claims["verified"], claims["evidence"])
        await self._accept(
            Identified(
                SourceId(hashlib.sha256(source.encode()).hexdigest()[:32]),
                who,
                contact(visitor),
                datetime.fromtimestamp(self._clock(), UTC),
                email=email,
                attributes=claims["attributes"],
                thread_key=visitor.id,
            )
        )
        if visitor.pending is claims:
            visitor.pending = None
            await self._visitors.told(visitor, claims["digest"])

    async def end(self, before: Visitor, hello_token: str | None) -> None:
        """The client has stored its new token: what it had before is void. Raises ``StorageError``."""
        if before.subject is not None:
            await self._visitors.drop(before, hello_token or "")
            return
        await self._visitors.revoke(before.id)


def _local_part(proven: Proof) -> str | None:
    return proven.email.address.partition("@")[0] if proven.email is not None else None
