"""Two tabs of one browser whose news of each other comes when the test says so.

Each of these waits on its own way through the browser: a frame of the server, news from another tab, what another tab has
stored. Which comes first is chance. A page made here holds them back by name, so that each order can be had at will.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from playwright.async_api import BrowserContext, Page

from tests.site.browser import OPEN_SHADOWS, Shop

HELD = """
(() => {
const waiting = [], held = new Set(), lost = new Set();
const later = (name, run) => held.has(name) ? waiting.push([name, run]) : run();
window.tabs = {
  held, lost, blind: null,
  waits: (name) => waiting.filter((one) => one[0] === name).length,
  release: (name) => {
    held.delete(name);
    const now = waiting.filter((one) => one[0] === name);
    waiting.splice(0, waiting.length, ...waiting.filter((one) => one[0] !== name));
    for (const [, run] of now) run();
  },
};
window.WebSocket = class extends WebSocket {
  #does = {}; #behind = "";
  set onopen(does) { this.#hear("open", does); }
  set onclose(does) { this.#hear("close", does); }
  set onmessage(does) { this.#hear("message", does); }
  #hear(kind, does) {
    const first = !(kind in this.#does);
    this.#does[kind] = does;
    if (first) this.addEventListener(kind, (event) => {
      let name = kind === "message" ? JSON.parse(event.data).t : kind;
      if (held.has(this.#behind)) name = this.#behind; // frames keep their order
      else if (held.has(name)) this.#behind = name;
      later(name, () => this.#does[kind]?.call(this, event));
    });
  }
  send(text) { if (!lost.has(JSON.parse(text).t)) super.send(text); }
};
window.BroadcastChannel = class extends BroadcastChannel {
  set onmessage(does) { this.addEventListener("message", (event) => later("news", () => does(event))); }
};
addEventListener("storage", (event) => {
  if (!held.has("stored")) return;
  event.stopImmediatePropagation();
  waiting.push(["stored", () => dispatchEvent(new StorageEvent("storage", { key: event.key, newValue: event.newValue }))]);
});
const read = Storage.prototype.getItem;
Storage.prototype.getItem = function (key) {
  return window.tabs.blind && key.endsWith(" token") ? window.tabs.blind.sees : read.call(this, key);
};
window.tabs.token = () => {
  const key = Object.keys(localStorage).find((one) => one.endsWith(" token"));
  return key ? read.call(localStorage, key) : null;
};
})();
"""


class Tab:
    """One tab. ``held`` and ``lost`` name frames, or ``open``, ``close``, ``news`` (of tabs) and ``stored`` (events of it)."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def hold(self, *names: str) -> None:
        """From now on these wait."""
        await self.page.evaluate("names => names.forEach(one => tabs.held.add(one))", list(names))

    async def holds(self, name: str) -> None:
        """Waits until one of these waits."""
        await self.until("name => tabs.waits(name)", name)

    async def release(self, *names: str) -> None:
        """What waited comes now, and what is next at once."""
        for name in names:
            await self.page.evaluate("name => tabs.release(name)", name)

    async def loses(self, *kinds: str) -> None:
        """From now on frames of these kinds are lost on their way to the server."""
        await self.page.evaluate("names => names.forEach(one => tabs.lost.add(one))", list(kinds))

    async def finds(self, *kinds: str) -> None:
        """Nothing of these kinds is lost any more."""
        await self.page.evaluate("names => names.forEach(one => tabs.lost.delete(one))", list(kinds))

    async def is_blind(self) -> None:
        """From now on it reads the token that it reads now: what other tabs store comes late."""
        await self.page.evaluate("tabs.blind = { sees: tabs.token() }")

    async def sees(self) -> None:
        """It reads what is stored."""
        await self.page.evaluate("tabs.blind = null")

    async def token(self) -> str | None:
        """What is stored, whatever the widget is shown."""
        found: str | None = await self.page.evaluate("tabs.token()")
        return found

    async def stores(self, before: str | None) -> str | None:
        """Waits until another token than this is stored here, by whichever tab; None: none."""
        await self.until("before => tabs.token() !== before", before)
        return await self.token()

    async def sees_unsent(self, words: str = "") -> None:
        """Waits until words that another tab has not sent yet are stored here."""
        await self.until(
            "words => Object.keys(localStorage).some(key => / out /.test(key) && localStorage[key].includes(words))",
            words,
        )

    async def until(self, predicate: str, given: Any = None) -> None:
        """Waits until something is so in the page; its policy forbids the library's own way."""
        async with asyncio.timeout(10):
            while not await self.page.evaluate(predicate, given):
                await asyncio.sleep(0.02)

    async def identify(self, token: str | None) -> None:
        """The page says who it is."""
        await self.page.evaluate(f"onethread.identify({json.dumps(token)})")


async def first_tab(made: Shop, **options: Any) -> Tab:
    """A new visitor's tab."""
    context = await made.browser.new_context(**options)
    await context.add_init_script(OPEN_SHADOWS)
    await context.add_init_script(HELD)
    return Tab(await made.page(context))


async def another_tab(made: Shop, one: Tab) -> Tab:
    """A further tab of the same visitor."""
    context: BrowserContext = one.page.context
    return Tab(await made.page(context))
