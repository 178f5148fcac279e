"""The one web application of the bot: /healthz, and routes that adapters add under ``/channels/<inbox>/``."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import structlog
from aiohttp import web

log = structlog.get_logger(__name__)

Report = Callable[[], Awaitable[dict[str, Any]]]
"""How the bot is, as JSON; ``ok`` False makes /healthz answer 503."""


class InboxRoutes:
    """The routes of one inbox: an adapter's paths lie below its own prefix."""

    def __init__(self, application: web.Application, inbox: str) -> None:
        self._application = application
        self.prefix = f"/channels/{inbox}"

    def add(self, method: str, path: str, handler: Callable[..., Awaitable[Any]]) -> None:
        """Adds a route; only before the server starts."""
        self._application.router.add_route(method, f"{self.prefix}/{path.lstrip('/')}", handler)


def application(report: Report) -> web.Application:
    """The application. /healthz answers 200 or 503 with JSON and never names a customer."""

    async def healthz(request: web.Request) -> web.Response:
        state = await report()
        return web.json_response(state, status=200 if state["ok"] else 503)

    made = web.Application(client_max_size=1024 * 1024)
    made.router.add_get("/healthz", healthz)
    return made


@contextlib.asynccontextmanager
async def serving(made: web.Application, host: str, port: int) -> AsyncIterator[int]:
    """Serves the application; gives the port (useful where 0 took a free one)."""
    runner = web.AppRunner(made, access_log=None, shutdown_timeout=3.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        taken = runner.addresses[0][1]
        log.info("web.listening", host=host, port=taken)
        yield taken
    finally:
        await runner.cleanup()
