"""The page's web server: static files, the contract for scripts, a door to Slack's stand-in, mail programs, breaking things."""

from __future__ import annotations

import asyncio
import hashlib
import json
import mimetypes
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from .breaks import BREAKS
from .demo import Demo
from .mailprogram import BY_KEY, CUSTOMERS, Customer, Refused
from .phones import Phone, heard
from .phones import say as say_on

STATIC = Path(__file__).with_name("page")
MAX_BODY = 64 * 2**20
MAX_WAIT = 20.0
LOOK_AGAIN = 0.2
"""Seconds between two looks at the state while a page waits for news."""
LOCAL_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; frame-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_PASSED = ("Content-Type", "Content-Disposition", "Retry-After")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Only this machine's own pages may come in: no other name leads here, and no other site's page may write."""
    name = request.host.rpartition(":")[0] or request.host
    if name not in LOCAL_NAMES:
        raise web.HTTPForbidden(text="This server only answers as 127.0.0.1 or localhost.")
    origin = request.headers.get("Origin")
    if request.method != "GET" and origin is not None and origin != f"http://{request.host}":
        raise web.HTTPForbidden(text="Another site's page may not do that.")
    try:
        response = await handler(request)
    except web.HTTPException as error:
        error.headers.update(HEADERS)
        raise
    if not response.prepared:
        for header, value in HEADERS.items():
            response.headers.setdefault(header, value)  # the shop's page brings its own policy
    return response


class PageServer:
    """Routes of the page; `application()` is served by `run`."""

    def __init__(self, demo: Demo, session: aiohttp.ClientSession) -> None:
        self._demo = demo
        self._session = session
        self._files = {path.name: path for path in STATIC.iterdir() if path.is_file()}

    def application(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(client_max_size=MAX_BODY, middlewares=[guard])
        app.router.add_get("/", self.index)
        app.router.add_get("/page/{name}", self.static)
        app.router.add_get("/favicon.ico", self.icon)
        app.router.add_get("/endpoints.json", self.endpoints)
        app.router.add_get("/healthz", self.health)
        app.router.add_get("/demo/state", self.state)
        app.router.add_get("/demo/start", self.start)
        app.router.add_post("/demo/break", self.break_something)
        app.router.add_get("/mail/{customer}", self.folder)
        app.router.add_post("/mail/{customer}", self.send)
        app.router.add_get("/mail/{customer}/{mail}/{index}", self.mail_file)
        app.router.add_get("/shop/{name:[a-z.]*}", self.shop)
        app.router.add_get("/phone/{channel}/{customer}", self.chat)
        app.router.add_get("/phone/{channel}/{customer}/{message}/{index}", self.chat_file)
        app.router.add_post("/{channel:telegram|x}/say", self.say)
        app.router.add_get("/{channel:telegram|x}/heard", self.heard)
        app.router.add_route("*", "/slack/{path:(?:api|files-pri|upload)/.+}", self.slack)
        return app

    # -- files and facts -------------------------------------------------------------------------------

    async def index(self, request: web.Request) -> web.StreamResponse:
        """The page."""
        return self._file("index.html")

    async def static(self, request: web.Request) -> web.StreamResponse:
        """What the page loads."""
        return self._file(request.match_info["name"])

    async def icon(self, request: web.Request) -> web.StreamResponse:
        """The picture in the browser's tab."""
        return self._file("icon.svg")

    def _file(self, name: str) -> web.StreamResponse:
        path = self._files.get(name)
        if path is None:
            raise web.HTTPNotFound(text="not found")
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return web.FileResponse(path, headers={"Content-Type": f"{kind}; charset=utf-8", **HEADERS})

    async def endpoints(self, request: web.Request) -> web.StreamResponse:
        """The contract for outside scripts."""
        return web.json_response(self._demo.endpoints())

    async def health(self, request: web.Request) -> web.StreamResponse:
        """200 while the bot runs and is connected to Slack's stand-in, else 503."""
        state = self._demo.state()
        good = bool(state["bot"]["running"] and state["bot"]["connected"])
        status = HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE
        return web.json_response({"ok": good, **state}, status=status)

    async def start(self, request: web.Request) -> web.StreamResponse:
        """Everything that the page needs once."""
        customers = [{"key": one.key, "name": one.name, "address": one.address} for one in CUSTOMERS]
        demo = self._demo
        addresses = [address for address in demo.mail.mailboxes if address.endswith("@shop.example")]
        names = {key: one.real_name for key, one in demo.slack.people.items()}
        return web.json_response(
            {
                "endpoints": demo.endpoints(),
                "customers": customers,
                "addresses": addresses,
                "people": names,
                "shop": demo.shop is not None,
                "phones": [
                    {"channel": one.channel, "label": one.label, "owner": one.owner}
                    for one in demo.phones.values()
                ],
                "run": demo.run,
                **demo.features(),
            }
        )

    async def state(self, request: web.Request) -> web.StreamResponse:
        """How everything is; with `known` (a version) as soon as it is something else, after 20 s in any case."""
        known, end = request.query.get("known", ""), time.monotonic() + MAX_WAIT
        while True:
            state = self._demo.state()
            version = hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()[:16]
            if version != known or time.monotonic() > end:
                return web.json_response({"version": version, **state})
            await asyncio.sleep(LOOK_AGAIN)

    async def break_something(self, request: web.Request) -> web.StreamResponse:
        """POST {"do": name}: see `breaks`."""
        order = await _json(request)
        act = BREAKS.get(str(order.get("do")))
        if act is None:
            return _problem(f"There is no such thing to break. Known: {', '.join(BREAKS)}.")
        await act(self._demo)
        return web.json_response(self._demo.state())

    # -- mail ------------------------------------------------------------------------------------------

    def _customer(self, request: web.Request) -> Customer:
        try:
            return self._demo.programs.customer(request.match_info["customer"])
        except KeyError:
            raise web.HTTPNotFound(text="no such customer") from None

    async def folder(self, request: web.Request) -> web.StreamResponse:
        """A customer's mails, newest first."""
        return web.json_response(self._demo.programs.folder(self._customer(request)))

    async def send(self, request: web.Request) -> web.StreamResponse:
        """Send a mail: {to, subject, text, in_reply_to?, references?, files?: [{name, type, data}]}."""
        customer = self._customer(request)
        try:
            return web.json_response(await self._demo.programs.send(customer, await _json(request)))
        except Refused as refused:
            return _problem(str(refused))

    async def mail_file(self, request: web.Request) -> web.StreamResponse:
        """The bytes of an attachment, to be saved and never to be shown."""
        customer = self._customer(request)
        index = request.match_info["index"]
        try:
            name, data = self._demo.programs.file(
                customer, request.match_info["mail"], int(index) if index.isdigit() else -1
            )
        except KeyError:
            raise web.HTTPNotFound(text="no such file") from None
        return _file(name, data)

    # -- the shop's page and the phones ----------------------------------------------------------------

    async def shop(self, request: web.Request) -> web.StreamResponse:
        """The shop's page and what it loads from here."""
        if self._demo.shop is None:
            raise web.HTTPNotFound(text="the chat's adapter is not installed")
        return self._demo.shop.file(request.match_info["name"])

    def _phone(self, request: web.Request) -> Phone:
        phone = self._demo.phones.get(request.match_info["channel"])
        if phone is None:
            raise web.HTTPNotFound(text="this messenger's adapter is not installed")
        return phone

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """A customer's chat with the shop, both sides."""
        return web.json_response(self._phone(request).chat(self._customer(request).key))

    async def chat_file(self, request: web.Request) -> web.StreamResponse:
        """A file of a chat: a picture can be shown, all else is to be saved."""
        index = request.match_info["index"]
        try:
            name, kind, data = self._phone(request).file(
                self._customer(request).key,
                request.match_info["message"],
                int(index) if index.isdigit() else -1,
            )
        except KeyError:
            raise web.HTTPNotFound(text="no such file") from None
        return _file(name, data, kind if kind.startswith("image/") else "")

    async def say(self, request: web.Request) -> web.StreamResponse:
        """POST {customer, text, file?: {name, data}}: a customer writes from their phone."""
        phone, given = self._phone(request), await _json(request)
        if given.get("customer") not in BY_KEY:
            return _problem(f"Say which customer: {', '.join(BY_KEY)}.")
        try:
            return web.json_response(await say_on(phone, str(given["customer"]), given))
        except Refused as refused:
            return _problem(str(refused))

    async def heard(self, request: web.Request) -> web.StreamResponse:
        """GET ?customer=…: what that customer has received, a list, oldest first."""
        phone, customer = self._phone(request), request.query.get("customer", "")
        if customer not in BY_KEY:
            return _problem(f"Say which customer: {', '.join(BY_KEY)}.", HTTPStatus.NOT_FOUND)
        return web.json_response(heard(phone, customer))

    # -- Slack -----------------------------------------------------------------------------------------

    async def slack(self, request: web.Request) -> web.StreamResponse:
        """Slack's stand-in under the page's own origin: the same paths, methods and tokens."""
        path = request.match_info["path"]
        if path.startswith("api/apps."):
            raise web.HTTPForbidden(text="That is for the bot.")
        headers = {
            name: request.headers[name]
            for name in ("Authorization", "Content-Type")
            if name in request.headers
        }
        url = f"{self._demo.slack.base_url}/{path}"
        body = await request.read() if request.can_read_body else None
        try:
            async with self._session.request(
                request.method, url, params=request.query, data=body, headers=headers
            ) as answer:
                passed = {name: answer.headers[name] for name in _PASSED if name in answer.headers}
                return web.Response(body=await answer.read(), status=answer.status, headers=passed)
        except aiohttp.ClientError:
            return _problem("The Slack stand-in does not answer.", HTTPStatus.BAD_GATEWAY)


async def _json(request: web.Request) -> dict[str, Any]:
    """The body as an object; what is none is an empty one."""
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="send application/json")
    try:
        body = await request.json()
    except ValueError:
        raise web.HTTPBadRequest(text="this is not JSON") from None
    return body if isinstance(body, dict) else {}


def _file(name: str, data: bytes, shown_as: str = "") -> web.Response:
    """A file to be saved, or a picture to be shown."""
    response = web.Response(body=data, content_type=shown_as or "application/octet-stream")
    disposition = "inline" if shown_as else "attachment"
    header = aiohttp.helpers.content_disposition_header(disposition, filename=name)
    response.headers["Content-Disposition"] = header
    return response


def _problem(words: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> web.Response:
    return web.json_response({"error": words}, status=status)
