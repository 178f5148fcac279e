"""What app.yaml says about an X inbox. Every key is described in docs/x.md."""

import ipaddress
import re
from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

API = "https://api.x.com"


class _Strict(BaseModel):
    """Unknown keys are errors; nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OAuth2(_Strict):
    """A user's consent with the scope offline.access. X gives a new refresh token at each use; the bot keeps it."""

    client_id: str
    client_secret: SecretStr = Field(SecretStr(""), description="of a confidential client; else leave it out")
    refresh_token: SecretStr = Field(
        description="the first one; from then on the bot keeps the newest itself"
    )


class OAuth1(_Strict):
    """The four keys of an OAuth 1.0a app. X does not give out customers' files to these."""

    consumer_key: str
    consumer_secret: SecretStr
    access_token: str
    access_token_secret: SecretStr


class Webhook(_Strict):
    """Activity webhooks: customers' messages at once, and fewer paid reads."""

    url: str = Field(description="https://<your host>/channels/<this inbox>/webhook, as X reaches it")
    consumer_secret: SecretStr = Field(description="the app's API key secret: X signs with it")
    bearer_token: SecretStr | None = Field(
        None, description="the app's bearer token; without it you register the webhook yourself"
    )

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        if len(url) > 200:
            raise ValueError("X takes at most 200 characters")
        return secure_url(url)


class XSettings(_Strict):
    """One X account. Times are seconds."""

    user_id: str = Field(pattern=r"^[0-9]{1,19}$", description="the account's numeric id")
    username: str = Field("", max_length=20, description="the account's name, e.g. @acme; shown to agents")
    oauth2: OAuth2 | None = None
    oauth1: OAuth1 | None = None
    webhook: Webhook | None = None
    poll: float = Field(120, gt=0, le=86_400, description="seconds between looks for new messages")
    reconcile: float = Field(900, gt=0, le=86_400, description="the same while webhooks are set up")
    reads_per_day: int = Field(5_000, ge=0, description="events read a day at most: X charges for each")
    reads_per_month: int = Field(50_000, ge=0, description="events read a calendar month (UTC) at most")
    sends_per_day: int = Field(1_440, ge=1, description="messages in 24 hours that X lets us send")
    groups: bool = Field(False, description="take in group conversations too")
    attachment_limit: int = Field(25_000_000, ge=0, description="bytes of one file that is kept")
    timeout: float = Field(30, gt=0, le=120, description="seconds any call may take")
    api_url: str = Field(API, description="leave it out")

    @field_validator("api_url")
    @classmethod
    def _api(cls, url: str) -> str:
        return secure_url(url).rstrip("/")

    @model_validator(mode="after")
    def _credentials(self) -> Self:
        if (self.oauth1 is None) == (self.oauth2 is None):
            raise ValueError("either oauth2 or oauth1 is needed")
        return self


def secure_url(url: str) -> str:
    """The address. Raises ``ValueError`` for one that is not https, beyond this machine."""
    parts = urlsplit(url)
    if not parts.hostname or not re.fullmatch(r"https?", parts.scheme):
        raise ValueError(f"{url!r} is not a web address")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ValueError("must begin with https://")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def own_addresses(settings: XSettings) -> frozenset[str]:
    """The account's own id: never a customer."""
    return frozenset((settings.user_id,))


def label(settings: XSettings) -> str:
    """What agents call the inbox."""
    name = settings.username.lstrip("@")
    return f"@{name}" if name else f"X {settings.user_id}"
