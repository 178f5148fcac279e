"""What app.yaml may say, and OAuth2 tokens."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from pydantic import ValidationError

from bot.adapters.email import CHANNEL
from bot.adapters.email.oauth import AccessTokens
from bot.adapters.email.settings import EmailSettings, OAuth, own_addresses
from bot.errors import AuthenticationFailed, ConnectionLost
from tests.email.core import Core

GOOD: dict[str, Any] = {
    "address": "Support@Shop.example",
    "aliases": ["Help@shop.example"],
    "imap": {"host": "imap.shop.example", "password": "secret-one"},
    "smtp": {"host": "smtp.shop.example", "password": "secret-two"},
}


def test_the_smallest_settings_and_their_defaults() -> None:
    settings = EmailSettings.model_validate(GOOD)
    assert own_addresses(settings) == {"support@shop.example", "help@shop.example"}
    assert CHANNEL.addresses(settings) == own_addresses(settings)
    assert (settings.imap.port, settings.imap.tls, settings.smtp.port, settings.smtp.tls) == (
        993,
        "tls",
        587,
        "starttls",
    )
    assert (settings.start, settings.size_limit, settings.authserv_id) == ("now", 25_000_000, None)
    assert "secret-one" not in repr(settings)
    assert "secret-two" not in str(settings.model_dump())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"adress": "x"}, "adress"),
        ({"address": "not an address"}, "not an email address"),
        ({"imap": {"host": "h"}}, "imap.password or oauth is needed"),
        ({"imap": {"host": "h", "password": "p", "tls": "none"}}, "in the clear"),
        ({"smtp": {"host": "h", "tls": "none"}}, "in the clear"),
        ({"imap": {"host": "h", "password": "p", "probe": 900}}, "540"),
        ({"start": "later"}, "start"),
        ({"oauth": {"token_url": "http://x.example", "client_id": "c", "refresh_token": "r"}}, "https"),
    ],
)
def test_mistakes_are_said(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        EmailSettings.model_validate({**GOOD, **change})


# -- OAuth2 --------------------------------------------------------------------------------------------


class Provider:
    """An OAuth2 token endpoint."""

    def __init__(self) -> None:
        self.forms: list[dict[str, str]] = []
        self.answer: dict[str, Any] = {"access_token": "a1", "expires_in": 3600, "refresh_token": "r2"}
        self.status = 200
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.forms.append({key: str(value) for key, value in (await request.post()).items()})
        return web.json_response(self.answer, status=self.status)


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    made = Provider()
    application = web.Application()
    application.router.add_post("/token", made.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/token"
    yield made
    await runner.cleanup()


def tokens(provider: Provider, core: Core) -> AccessTokens:
    values = {
        "token_url": provider.url,
        "client_id": "c",
        "client_secret": "s",
        "refresh_token": "r1",
        "scope": "mail",
    }
    return AccessTokens(OAuth.model_validate(values), core.context().state)


async def test_a_token_is_fetched_once_and_the_rotated_one_is_kept(provider: Provider) -> None:
    core = Core()
    access = tokens(provider, core)
    assert [await access(), await access()] == ["a1", "a1"]
    assert [form["refresh_token"] for form in provider.forms] == ["r1"]
    assert core.values == {"oauth_refresh_token": "r2"}
    assert await tokens(provider, core)() == "a1"  # another start of the bot
    assert provider.forms[-1]["refresh_token"] == "r2"


async def test_a_token_near_its_end_is_replaced(provider: Provider) -> None:
    provider.answer["expires_in"] = 60
    access = tokens(provider, Core())
    await access()
    provider.answer["access_token"] = "a2"
    assert await access() == "a2"


async def test_refused_and_unreachable_are_different(provider: Provider) -> None:
    core = Core()
    provider.status, provider.answer = 400, {"error": "invalid_grant"}
    with pytest.raises(AuthenticationFailed, match="invalid_grant"):
        await tokens(provider, core)()
    provider.status = 503
    with pytest.raises(ConnectionLost, match="503"):
        await tokens(provider, core)()
    provider.url = "http://127.0.0.1:1/token"
    with pytest.raises(ConnectionLost, match="cannot be reached"):
        await tokens(provider, core)()
