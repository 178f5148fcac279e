"""The shop's page: an ordinary page that shows the real chat, under the strict policy that docs/site-chat.md gives."""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass
from pathlib import Path
from string import Template

from aiohttp import web

FILES = Path(__file__).with_name("shop")
INBOX = "support-chat"
PATH = "/shop/"


@dataclass(frozen=True)
class Shop:
    """Where the page is, and where the chat is. They are two origins, as in life."""

    page_port: int
    web_port: int
    """The bot's web server."""

    @property
    def origin(self) -> str:
        """The page's origin as browsers say it."""
        return f"http://127.0.0.1:{self.page_port}"

    @property
    def origins(self) -> list[str]:
        """All by which the page may be opened: what the bot lets in."""
        return [self.origin, f"http://localhost:{self.page_port}"]

    @property
    def chat(self) -> str:
        """The origin of the bot's web server."""
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def policy(self) -> str:
        """`default-src 'none'`, what the widget needs, and the page's own sheet and pictures."""
        return (
            f"default-src 'none'; script-src {self.chat}; connect-src {self.chat} ws://127.0.0.1:{self.web_port}; "
            "img-src 'self' blob:; style-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
        )

    def endpoints(self) -> dict[str, str]:
        """For scripts: a WebSocket with that Origin is a visitor."""
        return {
            "page": f"{self.origin}{PATH}",
            "websocket": f"ws://127.0.0.1:{self.web_port}/channels/{INBOX}/ws",
            "origin": self.origin,
        }

    def file(self, name: str) -> web.StreamResponse:
        """The page (no name), its sheet, or a picture. Raises HTTPNotFound."""
        headers = {
            "Content-Security-Policy": self.policy,
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        }
        path = FILES / (name or "index.html")
        if path.parent != FILES or not path.is_file():
            raise web.HTTPNotFound(text="not found")
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        text = path.read_text(encoding="utf-8")
        if kind == "text/html":
            text = Template(text).substitute(widget=f"{self.chat}/channels/{INBOX}/widget.js")
        return web.Response(text=text, content_type=kind, headers=headers)
