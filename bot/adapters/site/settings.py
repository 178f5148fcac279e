"""What app.yaml says about a site chat. Every key is described in docs/site-chat.md."""

import ipaddress
import re
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from jwt.algorithms import has_crypto
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from bot.peers import Network

Words = Annotated[str, Field(max_length=300)] | dict[str, Annotated[str, Field(max_length=300)]]
"""One sentence for everybody, or one for each language (``en``, ``de``…)."""

_ORIGIN = re.compile(r"(https?)://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?\Z")
_DEFAULT_PORTS = {"https": ":443", "http": ":80"}


class Identify(BaseModel):
    """How the site proves who a visitor is: with short tokens that its own server signs. docs/identity.md shows how."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    keys: tuple[SecretStr, ...] = Field(
        min_length=1,
        max_length=2,
        description="the key that signs, as ${CHAT_KEY}; during a change the old one too",
    )
    audience: str = Field(
        "", max_length=200, description="what aud must say; the inbox's name where it is empty"
    )
    algorithm: Literal["HS256", "ES256", "EdDSA"] = Field(
        "HS256", description="the only one that is accepted; ES256 and EdDSA take public keys"
    )
    max_age_minutes: int = Field(60, ge=1, le=60, description="the longest life of a token: exp - iat")
    leeway_seconds: int = Field(30, ge=0, le=120, description="how far two clocks may be apart")

    @model_validator(mode="after")
    def _good_keys(self) -> Self:
        keys = [key.get_secret_value() for key in self.keys]
        if self.algorithm != "HS256" and not has_crypto:
            raise ValueError(
                f"algorithm {self.algorithm} needs the Python package cryptography: install it, or use HS256"
            )
        if self.algorithm == "HS256":
            if any(len(key.encode()) < 32 for key in keys):
                raise ValueError(
                    'a key is too short: make one with python3 -c "import secrets; print(secrets.token_urlsafe(48))"'
                )
            if any("-----BEGIN" in key for key in keys):
                raise ValueError("a key is a public or private key: HS256 takes a random secret")
        elif any("PUBLIC KEY" not in key for key in keys):
            raise ValueError(f"{self.algorithm} takes public keys in PEM form")
        return self


class SiteSettings(BaseModel):
    """One site chat. Unknown keys are errors; nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    origins: tuple[str, ...] = Field(
        min_length=1,
        description="the pages that may show the chat, exactly as browsers say it: https://shop.example",
    )
    name: str = Field("", max_length=80, description="what agents call this chat, e.g. shop.example")
    identify: Identify | None = Field(None, description="signed tokens that say who a visitor is")
    page: str = Field(
        "",
        max_length=500,
        description="a page with the chat, where customers of other channels are sent to go on",
    )
    greeting: Words = Field("", description="the first words in an empty chat")
    reply_time: Words = Field("", description="when the team answers, e.g. Mon-Fri 9-17, within an hour")
    ask_address_after: int = Field(
        60, ge=0, le=86_400, description="seconds without an answer until an address is asked for; 0: never"
    )
    mail_after_minutes: float = Field(
        10, ge=0, le=10_080, description="minutes until unseen replies go to the address left; 0: never"
    )
    token_days: int = Field(30, ge=1, le=400, description="days without a visit until a visitor is forgotten")
    file_limit: int = Field(10_000_000, ge=10_000, le=100_000_000, description="bytes of one file")
    files_per_message: int = Field(5, ge=1, le=10)
    messages_per_minute: int = Field(30, ge=1, description="of one visitor")
    messages_per_minute_per_address: int = Field(120, ge=1, description="of one IP address")
    messages_per_minute_in_all: int = Field(6_000, ge=1)
    uploads_per_minute: int = Field(
        10, ge=1, description="of one visitor; three times that of one IP address"
    )
    uploads_per_minute_in_all: int = Field(120, ge=1)
    connections_per_visitor: int = Field(20, ge=1, description="tabs of one visitor")
    connections_per_address: int = Field(100, ge=1, description="of one IP address")
    connections: int = Field(20_000, ge=1, description="in all")
    trusted_proxies: tuple[Network, ...] = Field(
        (), description="addresses of our own reverse proxies, whose proxy_header is believed"
    )
    proxy_header: str = Field("X-Forwarded-For", pattern=r"^[A-Za-z0-9-]+$")

    @field_validator("page")
    @classmethod
    def _whole(cls, page: str) -> str:
        if page:
            parts = urlsplit(page)
            exact_origin(f"{parts.scheme}://{parts.netloc}")
            if "#" in page:
                raise ValueError(f"{page!r} may have no #: the link's code goes there")
        return page

    @field_validator("origins")
    @classmethod
    def _exact(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(exact_origin(origin) for origin in origins)


def exact_origin(origin: str) -> str:
    """An origin as browsers send it. Raises ``ValueError`` for a wildcard, a path, or http beyond this machine."""
    made = origin.strip().lower().rstrip("/")
    match = _ORIGIN.match(made)
    if match is None:
        raise ValueError(f"{origin!r} is not an origin: write https://shop.example, without wildcard or path")
    host = urlsplit(made).hostname or ""
    if match[1] == "http" and not _is_loopback(host):
        raise ValueError(f"{origin!r} must begin with https://: a chat over http can be read and changed")
    port = match[3] or ""
    return made.removesuffix(port) if port == _DEFAULT_PORTS[match[1]] else made


def in_languages(words: str | dict[str, str]) -> dict[str, str]:
    """A sentence by language; ``*`` is for everybody."""
    return ({"*": words} if words else {}) if isinstance(words, str) else dict(words)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
