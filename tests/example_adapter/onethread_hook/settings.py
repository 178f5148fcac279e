"""What app.yaml says about a hook inbox."""

from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator


class HookSettings(BaseModel):
    """One inbox. A field's description is the cure that a person is shown for a wrong value."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field("", max_length=40, description="What agents call this inbox, e.g. our app.")
    send_url: str = Field(description="Where replies are posted, e.g. https://app.example/onethread.")
    secret: SecretStr = Field(
        min_length=16, description='"${HOOK_SECRET}": signs both ways, 16 characters at least.'
    )
    ping_seconds: float = Field(
        60, gt=0, le=3600, description="Seconds between looks whether send_url answers."
    )

    @field_validator("send_url")
    @classmethod
    def _secure(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "::1", "localhost"):
            raise ValueError("must begin with https://")
        return url
