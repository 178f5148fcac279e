"""What app.yaml says about an email inbox. Every key is described in docs/email.md."""

import fnmatch
import re
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from bot.adapters.email.compose import is_address
from bot.adapters.email.imap import LOOPBACK
from bot.peers import Network


class _Strict(BaseModel):
    """Unknown keys are errors; nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OAuth(_Strict):
    """OAuth2 with a refresh token (Google, Microsoft): access tokens are fetched and kept by the bot."""

    token_url: str = Field(description="where a refresh token becomes an access token")
    client_id: str
    client_secret: SecretStr = SecretStr("")
    refresh_token: SecretStr
    scope: str = ""

    @field_validator("token_url")
    @classmethod
    def _https(cls, url: str) -> str:
        local = any(url.startswith(f"http://{host}") for host in LOOPBACK)
        if not url.startswith("https://") and not local:
            raise ValueError("must begin with https://")
        return url


class Imap(_Strict):
    """The mailbox that is read."""

    host: str
    port: int = Field(993, ge=1, le=65535)
    user: str = ""
    password: SecretStr = SecretStr("")
    tls: Literal["tls", "none"] = "tls"
    plaintext_ok: bool = False
    folder: str = "INBOX"
    timeout: float = Field(30, gt=0, le=120, description="seconds any call may take")
    probe: float = Field(
        40, gt=0, le=540, description="seconds after which a silent IDLE is renewed, and so proven alive"
    )


class Smtp(_Strict):
    """The server that takes our mail."""

    host: str
    port: int = Field(587, ge=1, le=65535)
    user: str = ""
    password: SecretStr = SecretStr("")
    tls: Literal["tls", "starttls", "none"] = "starttls"
    plaintext_ok: bool = False
    timeout: float = Field(
        30, gt=0, le=120, description="seconds any step may take; the last answer has ten times as long"
    )


class ContactForm(_Strict):
    """A form on a web site that mails us: the customer is then in Reply-To, not in From."""

    sender: str = Field(description="the form's From address; * and ? are wildcards")

    def matches(self, address: str) -> bool:
        """True when a mail from this address is the form's."""
        return fnmatch.fnmatchcase(address.lower(), self.sender.lower())


class EmailSettings(_Strict):
    """One email inbox."""

    address: str = Field(description="the address that customers write to and get answers from")
    name: str = Field("", description="what customers see beside the agent's name, e.g. the shop's")
    aliases: tuple[str, ...] = Field((), description="further addresses that end up in this mailbox")
    imap: Imap
    smtp: Smtp
    oauth: OAuth | None = None
    authserv_id: str | None = Field(None, description="our mail server's name in Authentication-Results")
    authserv_fields: int = Field(1, ge=1, le=5, description="how many topmost such fields our server writes")
    size_limit: int = Field(
        25_000_000, ge=10_000, description="bytes; of a larger mail only the beginning is fetched"
    )
    attachment_limit: int = Field(25_000_000, ge=0, description="bytes of one file that is kept")
    start: Literal["now", "all"] = "now"
    poll: float = Field(60, gt=0, le=3600, description="seconds between searches, whatever IDLE says")
    plus_addressing: bool = Field(True, description="put the token into Reply-To as support+token@…")
    signature: str = Field("", description="below each reply; {author}, {name} and {team} are filled in")
    quote_previous: bool = Field(True, description="quote the customer's last message below a reply")
    contact_forms: tuple[ContactForm, ...] = ()
    links: tuple[str, ...] = Field(
        (), description="channels that a line below each reply leads to, e.g. [telegram, site]"
    )

    public_url: str = Field(
        "",
        max_length=300,
        description="where customers reach the bot's web server, for links in mails that ask for a rating",
    )
    trusted_proxies: tuple[Network, ...] = Field(
        (), description="addresses of our own reverse proxies, whose proxy_header is believed"
    )
    proxy_header: str = Field("X-Forwarded-For", pattern=r"^[A-Za-z0-9-]+$")

    @field_validator("public_url")
    @classmethod
    def _public(cls, url: str) -> str:
        parts = urlsplit(url)
        local = parts.scheme == "http" and (parts.hostname or "") in LOOPBACK
        if url and (not parts.hostname or not (parts.scheme == "https" or local)):
            raise ValueError(f"{url!r} must be an address like https://support.acme.example")
        if parts.query or parts.fragment or parts.username is not None or re.search(r"[\s\"<>]", url):
            raise ValueError(f"{url!r} may have no ?, no #, no user and no space")
        return url.rstrip("/")

    @field_validator("address", "aliases")
    @classmethod
    def _addresses(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        for address in (value,) if isinstance(value, str) else value:
            if not is_address(address):
                raise ValueError(f"{address!r} is not an email address")
        return value.lower() if isinstance(value, str) else tuple(address.lower() for address in value)

    @model_validator(mode="after")
    def _credentials(self) -> Self:
        if not self.imap.password.get_secret_value() and self.oauth is None:
            raise ValueError("imap.password or oauth is needed")
        for side, host, tls, allowed in (
            ("imap", self.imap.host, self.imap.tls, self.imap.plaintext_ok),
            ("smtp", self.smtp.host, self.smtp.tls, self.smtp.plaintext_ok),
        ):
            if tls == "none" and host not in LOOPBACK and not allowed:
                raise ValueError(
                    f"{side}.tls: none sends passwords in the clear; use tls, or set {side}.plaintext_ok"
                )
        return self


def own_addresses(settings: EmailSettings) -> frozenset[str]:
    """All addresses of this inbox: never customers."""
    return frozenset((settings.address, *settings.aliases))
