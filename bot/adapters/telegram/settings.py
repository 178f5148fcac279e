"""What app.yaml says about a Telegram inbox. Every key is described in docs/telegram.md."""

import ipaddress
import re
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

_TOKEN = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{10,}\Z")
_SECRET = re.compile(r"[A-Za-z0-9_-]{16,256}\Z")


class TelegramSettings(BaseModel):
    """One bot of ours. Unknown keys are errors; nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    token: SecretStr = Field(description="the bot's token from @BotFather, as ${TELEGRAM_TOKEN}")
    name: str = Field("", max_length=80, description="what agents call this bot, e.g. @acmebot")
    mode: Literal["polling", "webhook"] = "polling"
    webhook_url: str = Field(
        "", description="webhook only: where Telegram reaches https://…/channels/<inbox>/webhook"
    )
    webhook_secret: SecretStr = Field(
        SecretStr(""), description="webhook only: 16 to 256 of A-Z a-z 0-9 _ -, proves that it is Telegram"
    )
    api_url: str = Field("https://api.telegram.org", description="the Bot API server")
    plaintext_ok: bool = Field(
        False, description="allow http to an api_url or webhook_url beyond this machine"
    )
    poll_timeout: int = Field(50, ge=1, le=90, description="seconds a poll waits for something new")
    timeout: float = Field(30, gt=0, le=300, description="seconds any other call may take; files have longer")
    allow_groups: bool = Field(False, description="take messages from groups too; else private chats only")

    @field_validator("token")
    @classmethod
    def _is_token(cls, token: SecretStr) -> SecretStr:
        if not _TOKEN.match(token.get_secret_value()):
            raise ValueError("this is not a bot token; @BotFather gives one like 123456:ABC-DEF…")
        return token

    @field_validator("api_url", "webhook_url")
    @classmethod
    def _bare(cls, url: str) -> str:
        return url.strip().rstrip("/")

    @model_validator(mode="after")
    def _safe(self) -> Self:
        for key, url in (("api_url", self.api_url), ("webhook_url", self.webhook_url)):
            if url and not self.plaintext_ok and not _is_safe(url):
                raise ValueError(f"{key} must begin with https:// (or set plaintext_ok)")
        if self.mode == "webhook":
            if not self.webhook_url:
                raise ValueError("webhook_url is needed where mode is webhook")
            if not _SECRET.match(self.webhook_secret.get_secret_value()):
                raise ValueError("webhook_secret must be 16 to 256 of the characters A-Z a-z 0-9 _ -")
        return self

    @property
    def bot_id(self) -> str:
        """The bot's own user id: the token's first half, not secret."""
        return self.token.get_secret_value().partition(":")[0]


def own_addresses(settings: TelegramSettings) -> frozenset[str]:
    """Our bot's user id: never a customer."""
    return frozenset((settings.bot_id,))


def label(settings: TelegramSettings) -> str:
    """What agents call this inbox."""
    return settings.name or f"bot {settings.bot_id}"


def _is_safe(url: str) -> bool:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https" and host:
        return True
    if parts.scheme != "http":
        return False
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
