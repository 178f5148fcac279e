"""What app.yaml may say about a Telegram inbox."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from bot.adapters.telegram import CHANNEL
from bot.adapters.telegram.settings import TelegramSettings

TOKEN = "123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11"
SECRET = "a-secret-of-the-webhook_01"


def test_a_token_is_enough() -> None:
    made = TelegramSettings.model_validate({"token": TOKEN})
    assert (made.mode, made.api_url, made.allow_groups) == ("polling", "https://api.telegram.org", False)
    assert CHANNEL.addresses(made) == {"123456"}
    assert CHANNEL.label is not None
    assert CHANNEL.label(made) == "bot 123456"
    assert CHANNEL.label(made.model_copy(update={"name": "@acmebot"})) == "@acmebot"
    assert TOKEN not in repr(made)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"token": "acmebot"}, "@BotFather"),
        ({"mode": "webhook"}, "webhook_url is needed"),
        ({"mode": "webhook", "webhook_url": "https://bot.example/x"}, "webhook_secret must be"),
        (
            {"mode": "webhook", "webhook_url": "https://bot.example/x", "webhook_secret": "short"},
            "webhook_secret must be",
        ),
        (
            {"mode": "webhook", "webhook_url": "http://bot.example/x", "webhook_secret": SECRET},
            "webhook_url must begin with https://",
        ),
        ({"api_url": "http://bot-api.example:8081"}, "api_url must begin with https://"),
        ({"api_url": "ftp://127.0.0.1"}, "api_url must begin with https://"),
        ({"parse_mode": "HTML"}, "Extra inputs are not permitted"),
        ({"poll_timeout": 500}, "less than or equal to 90"),
    ],
)
def test_what_is_wrong_is_said(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        TelegramSettings.model_validate({"token": TOKEN, **values})


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8081", "http://localhost:8081/", "http://[::1]:1", "https://bot-api.example"]
)
def test_a_server_of_ones_own(url: str) -> None:
    made = TelegramSettings.model_validate({"token": TOKEN, "api_url": url})
    assert made.api_url == url.rstrip("/")
    allowed = {"token": TOKEN, "api_url": "http://bot-api.example:8081", "plaintext_ok": True}
    assert TelegramSettings.model_validate(allowed).plaintext_ok
