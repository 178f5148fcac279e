"""The example adapter passes the suite, keeps strangers out, and is configured like a built-in channel."""

from __future__ import annotations

import sys
import time
import tomllib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot.config import installed_channels, load
from bot.contract import Adapter, AdapterContext
from bot.errors import ConfigError
from bot.messages import Contact, ConversationId, InboxId, Reply, Text
from bot.web import InboxRoutes, application, serving
from tests.conformance.core import Core
from tests.conformance.suite import AdapterConformance, Break, Harness
from tests.example_adapter.far_side import SECRET, App
from tests.example_adapter.onethread_hook import CHANNEL
from tests.example_adapter.onethread_hook.wire import HEADER, sign

HERE = Path(__file__).parent


class Door:
    """The bot's routes: the newest adapter answers, 503 while there is none."""

    def __init__(self) -> None:
        self.handler: Any = None

    def add(self, method: str, path: str, handler: Any) -> None:
        assert (method, path) == ("POST", "messages")
        self.handler = handler

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if self.handler is None:
            return web.Response(status=503)
        made: web.StreamResponse = await self.handler(request)
        return made


class HookHarness:
    """The app on the other side."""

    breaks = frozenset(Break)
    secrets = (SECRET, "u-77", "Dana")

    def __init__(self, app: App, door: Door) -> None:
        self.app = app
        self.door = door

    def adapter(self, context: AdapterContext) -> Adapter:
        given = {"send_url": self.app.url, "secret": SECRET, "ping_seconds": 0.02}
        return CHANNEL.build(CHANNEL.settings.model_validate(given), replace(context, routes=self.door))

    async def say(self, text: str) -> None:
        self.app.say(text)

    async def repeat(self) -> bool:
        self.app.repeat()
        return True

    async def garble(self) -> bool:
        self.app.push(b'{"id": "m0", "text": "who says so?"}')
        return True

    async def cut(self) -> None:
        self.app.cuts = 2

    async def lock_out(self) -> None:
        self.app.secret = "changed-in-the-meantime"

    def reply(self, key: str, text: str) -> Reply:
        who = Contact("hook", "u-77", "Dana")
        return Reply(key, ConversationId(1), who, "Kim", Text(text), team_name="Support")

    def received(self) -> list[str]:
        return list(self.app.received.values())

    def break_send(self, how: Break) -> None:
        self.app.breaks.append(how)


@pytest.fixture
async def hook() -> AsyncIterator[HookHarness]:
    app, door = App(), Door()
    web_application = application(_fine)
    InboxRoutes(web_application, "our-app").add("POST", "messages", door.answer)
    await app.start()
    async with serving(web_application, "127.0.0.1", 0) as port:
        app.deliver_to = f"http://127.0.0.1:{port}/channels/our-app/messages"
        yield HookHarness(app, door)
        await app.stop()


async def _fine() -> dict[str, Any]:
    return {"ok": True}


class TestHook(AdapterConformance):
    scanned = "tests.example_adapter.onethread_hook"

    @pytest.fixture
    async def harness(self, hook: HookHarness) -> Harness:
        return hook


@pytest.mark.parametrize("age", [0, 299, 301, -301])
async def test_a_delivery_is_good_for_five_minutes(hook: HookHarness, age: int) -> None:
    core = Core()
    adapter = hook.adapter(core.context())
    body = b'{"id": "1", "at": "2026-01-05T10:00:00Z", "text": "hi", "from": {"id": "u-77"}}'
    header = sign(SECRET.encode(), body, time.time() - age)
    assert await post(hook, body, header) == (200 if abs(age) < 300 else 403)
    assert core.texts == (["hi"] if abs(age) < 300 else [])
    await adapter.close()


async def test_nobody_else_comes_in(hook: HookHarness) -> None:
    core = Core()
    adapter = hook.adapter(core.context())
    good = sign(SECRET.encode(), b"{}", time.time())
    for body, header in ((b"{}", ""), (b"{ }", good), (b"{}", good[:-1]), (b"{}", "t=x,v1="), (b"{}", "t=²")):
        assert await post(hook, body, header) == 403
    assert await post(hook, b" " * 300_000, good) == 413
    assert core.events == [] and core.files == {}
    await adapter.close()


async def post(hook: HookHarness, body: bytes, header: str) -> int:
    async with (
        aiohttp.ClientSession() as http,
        http.post(hook.app.deliver_to, data=body, headers={HEADER: header}) as answer,
    ):
        return answer.status


APP_YAML = """\
slack: {bot_token: "${BOT}", app_token: "${APP}"}
teams:
  support: {name: Acme, slack_channel: C024BE91L, members: [U024BE7LH]}
inboxes:
  our-app:
    channel: hook
    team: support
    name: Our app
    send_url: https://app.example/onethread
    secret: ${HOOK_SECRET}
secret_key: ${KEY}
"""
ENVIRON = {
    "BOT": "xoxb-1-2-3",
    "APP": "xapp-1-2-3",
    "HOOK_SECRET": SECRET,
    "KEY": "k1Zr8vQm4xT7pL2sWd9yHb3nJf6gCe5a",
}


def test_app_yaml_configures_it_like_a_built_in_channel(tmp_path: Path) -> None:
    path = tmp_path / "app.yaml"
    path.write_text(APP_YAML, encoding="utf-8")
    config = load(path, ENVIRON, channels={**installed_channels(), "hook": lambda: CHANNEL})
    inbox = config.inboxes[InboxId("our-app")]
    assert inbox.channel is CHANNEL and inbox.channel.label is not None
    assert inbox.channel.label(inbox.settings) == "Our app"
    assert SECRET not in repr(config)


def test_app_yaml_tells_what_is_wrong_with_it(tmp_path: Path) -> None:
    path = tmp_path / "app.yaml"
    path.write_text(
        APP_YAML.replace("https://", "http://").replace("name: Our", "nam: Our"), encoding="utf-8"
    )
    with pytest.raises(ConfigError) as caught:
        load(path, ENVIRON, channels={"hook": lambda: CHANNEL})
    told = str(caught.value)
    assert "app.yaml:9: inboxes.our-app.send_url" in told and "https://app.example/onethread" in told
    assert 'Did you mean "name"?' in told


def test_once_installed_its_entry_point_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tomllib.loads((HERE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (points,) = project["entry-points"].items()
    installed = tmp_path / f"onethread_hook-{project['version']}.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    lines = [f"[{points[0]}]", *(f"{name} = {target}" for name, target in points[1].items())]
    (installed / "entry_points.txt").write_text("\n".join(lines) + "\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend(str(HERE))
    try:
        channel = installed_channels()["hook"]()
        assert channel.name == "hook" and channel.settings.__name__ == "HookSettings"
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == "onethread_hook"]:
            del sys.modules[name]
