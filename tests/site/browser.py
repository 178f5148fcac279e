"""A shop's page with the chat on it, in a real browser, under the Content-Security-Policy that docs/site-chat.md gives."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright

from tests.conftest import ROOT
from tests.site.rig import Core, Rig, chat

ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OPEN_SHADOWS = """
const attach = Element.prototype.attachShadow;
Element.prototype.attachShadow = function (options) { return attach.call(this, { ...options, mode: "open" }); };
"""
"""Lets a test look into the closed shadow root."""

PAGE = """<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>Acme Shop</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/shop.css">
<script src="{base}/widget.js" defer></script></head>
<body><main><h1>Acme Shop</h1><p>Things for people who like things.</p></main>
<support-chat{attributes}></support-chat></body></html>"""
CSS = """body { margin: 0; font: 16px/1.5 system-ui, sans-serif; background: #eef1ee; color: #223; }
main { max-width: 60rem; margin: 3rem auto; padding: 0 1.5rem; }
@media (prefers-color-scheme: dark) { body { background: #0d1117; color: #dde; } }"""


def csp(chat_origin: str) -> str:
    """All that the widget needs beyond ``default-src 'none'``; style-src 'self' is for the shop's own sheet."""
    live = chat_origin.replace("http", "ws", 1)
    return (
        f"default-src 'none'; script-src {chat_origin}; connect-src {chat_origin} {live}; img-src blob:; "
        "style-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


@dataclass
class Shop:
    """The page's address, the chat behind it, and a browser."""

    url: str
    rig: Rig
    browser: Browser
    complaints: list[str] = field(default_factory=list)

    async def visit(self, path: str = "/", *, inside: bool = True, **options: Any) -> Page:
        """A page of a new visitor, opened; ``inside`` lets the test look into the widget."""
        context = await self.browser.new_context(**options)
        if inside:
            await context.add_init_script(OPEN_SHADOWS)
        return await self.page(context, path)

    async def page(self, context: BrowserContext, path: str = "/") -> Page:
        """A further tab of a visitor."""
        page = await context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        await page.goto(self.url + path)
        await page.locator("support-chat").wait_for(state="attached")
        return page

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and "net::ERR" not in message.text:
            self.complaints.append(message.text)


def chromium() -> str:
    """The browser, or a skip that says what to install."""
    for name in NAMES:
        if found := shutil.which(name):
            return found
    pytest.skip("no chromium on the PATH: make test installs it on Debian")


def axe_source() -> str:
    """axe-core's script, from where ``make test`` puts it."""
    places = [Path(given) for given in [os.environ.get("ONETHREAD_NODE_MODULES")] if given]
    for place in (
        *places,
        ROOT / ".venv" / "node" / "node_modules",
        ROOT / "tests" / "site" / "node_modules",
    ):
        script = place / "axe-core" / "axe.min.js"
        if script.is_file():
            return script.read_text(encoding="utf-8")
    pytest.skip("axe-core is not installed: npm ci in a copy of tests/site/package*.json (needs npm)")


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """A headless Chromium."""
    path = chromium()
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield running
        finally:
            await running.close()


@asynccontextmanager
async def shop(running: Browser, core: Core | None = None, **changes: Any) -> AsyncIterator[Shop]:
    """The shop's page on a port of its own; the chat on another one: two origins, as in life."""
    policy: list[str] = []
    bases: list[str] = []

    async def index(request: web.Request) -> web.Response:
        query = request.query
        attributes = "".join(f' {key}="{value}"' for key, value in query.items() if key != "lang")
        html = PAGE.format(lang=query.get("lang", "en"), base=bases[0], attributes=attributes)
        return web.Response(
            text=html, content_type="text/html", headers={"Content-Security-Policy": policy[0]}
        )

    async def css(request: web.Request) -> web.Response:
        return web.Response(text=CSS, content_type="text/css")

    async def favicon(request: web.Request) -> web.Response:
        return web.Response(status=204)

    application = web.Application()
    application.router.add_get("/", index)
    application.router.add_get("/shop.css", css)
    application.router.add_get("/favicon.ico", favicon)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with chat(core or Core(clock=time.time), origins=[url], **changes) as rig:
            bases.append(rig.base)
            policy.append(csp(rig.base.partition("/channels")[0]))
            made = Shop(url, rig, running)
            try:
                yield made
            finally:
                for context in running.contexts:
                    await context.close()
            assert made.complaints == [], made.complaints
    finally:
        await runner.cleanup()
