"""The HTTP side: Web API, uploads and downloads, response URLs, Socket Mode, and the control door."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
import time
from collections import deque
from collections.abc import Callable

from aiohttp import web

from . import methods as _methods
from .args import Args, read_args
from .control import control
from .core import METHODS, PEOPLE_ONLY, Core
from .faults import Rule
from .model import Call, Caller, Json, SlackRefusal
from .responses import respond
from .scopes import SCOPES

_LOCAL_ORIGIN = re.compile(r"https?://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?")
_LOGIN_PAGE = (
    "<!DOCTYPE html><html><head><title>Sign in | Slack</title></head><body>Sign in to continue</body></html>"
)
_METHODS_LOADED = _methods.__all__
_encode = json.JSONEncoder(check_circular=False).encode
MAX_BODY = 64 * 2**20


class Server:
    """Routes of one stand-in."""

    def __init__(self, core: Core, calls: deque[Call], control_state: Callable[[], Json]) -> None:
        self.core = core
        self.calls = calls
        self._state = control_state

    def application(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(client_max_size=MAX_BODY)
        app.on_response_prepare.append(self._allow_local_pages)
        app.router.add_route("OPTIONS", "/{path:.*}", self._preflight)
        app.router.add_get("/api/{method}", self.api)
        app.router.add_post("/api/{method}", self.api)
        app.router.add_get("/link/", self.core.dispatch.sockets.handle)
        app.router.add_post("/upload/v1/{file}", self.upload)
        app.router.add_get("/files-pri/{path:.+}", self.download)
        app.router.add_post("/response/{team}/{token}", self.response_url)
        app.router.add_get("/_control", self.control)
        app.router.add_post("/_control", self.control)
        return app

    # -- the Web API ---------------------------------------------------------------------------------

    async def api(self, request: web.Request) -> web.StreamResponse:
        """One Web API call, whatever its verb."""
        name = request.match_info["method"]
        call = Call(name, {}, None, time.time())
        self.calls.append(call)
        try:
            args = await read_args(request)
            call.args = args
            call.caller = self._authenticate(request, name, args)
            rule = self._fault(call.caller, name, args)
            if rule is not None:
                return await self._hurt(request, call, args, rule)
            call.reply = await self._answer(call, args)
        except SlackRefusal as refusal:
            call.reply = refusal.body
        retry_after = call.reply.pop("_retry_after", None)
        call.status = 429 if retry_after else 200
        response = self._json(call.reply, call.status)
        if retry_after:
            response.headers["Retry-After"] = str(retry_after)
        if call.caller is not None and call.caller.is_bot:
            response.headers["x-oauth-scopes"] = ",".join(self.core.scopes)
            response.headers["x-accepted-oauth-scopes"] = ",".join(SCOPES.get(name, ()))
        self.core.workspace.changed()
        return response

    async def _answer(self, call: Call, args: Args) -> Json:
        """Rates, scopes and the method itself."""
        caller = call.caller
        handler = METHODS.get(call.method)
        if handler is None or caller is None:
            raise SlackRefusal("unknown_method", req_method=call.method)
        if caller.is_bot:
            wait = self.core.rates.retry_after(call.method, args.text("channel").removeprefix("#"))
            if wait:
                raise SlackRefusal("ratelimited", _retry_after=wait)
            self.core.require(caller, *SCOPES.get(call.method, ()))
        result = handler(self.core, caller, args)
        return await result if inspect.isawaitable(result) else result

    def _authenticate(self, request: web.Request, name: str, args: Args) -> Caller:
        """Whose token it is; apps.connections.open wants the app-level token."""
        header = request.headers.get("Authorization", "")
        token = header[7:].strip() if header[:7].lower() == "bearer " else args.text("token")
        if name not in METHODS:
            raise SlackRefusal("unknown_method", req_method=name)
        caller = self.core.workspace.tokens.get(token)
        if caller is None:
            if name == "api.test" and not token:
                return Caller("bot", self.core.workspace.bot.id)
            raise SlackRefusal("invalid_auth" if token else "not_authed")
        if caller.kind != "user" and self.core.workspace.revoked:
            raise SlackRefusal("token_revoked")
        if (caller.kind == "app") != (name == "apps.connections.open"):
            raise SlackRefusal("invalid_auth" if caller.kind != "app" else "not_allowed_token_type")
        if name in PEOPLE_ONLY and caller.kind != "user":
            raise SlackRefusal("not_allowed_token_type")
        return caller

    def _fault(self, caller: Caller, name: str, args: Args) -> Rule | None:
        if caller.kind == "user" or not self.core.faults.rules:
            return None
        ref = args.text("channel") or args.text("channel_id")
        channel = self.core.workspace.find_channel(ref) if ref else None
        return self.core.faults.take(name, channel.id if channel else ref)

    async def _hurt(self, request: web.Request, call: Call, args: Args, rule: Rule) -> web.StreamResponse:
        """Carry a fault out."""
        if rule.processed and rule.effect != "limit":
            try:
                call.reply = await self._answer(call, args)
            except SlackRefusal as refusal:
                call.reply = refusal.body
            self.core.workspace.changed()
        if rule.effect == "limit":
            call.reply, call.status = {"ok": False, "error": "ratelimited"}, 429
            self.core.workspace.changed()
            response = self._json(call.reply, 429)
            response.headers["Retry-After"] = str(int(rule.seconds))
            return response
        if rule.effect == "hang":
            await asyncio.sleep(rule.seconds)
            return self._json(call.reply or {"ok": False, "error": "request_timeout"}, 200)
        if rule.effect == "drop":
            call.status = 0
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)  # goes nowhere: the connection is gone
        call.status = rule.status
        self.core.workspace.changed()
        return web.Response(status=rule.status, text="upstream error", content_type="text/html")

    @staticmethod
    def _json(body: Json, status: int = 200) -> web.Response:
        data = _encode(body).encode()
        return web.Response(body=data, status=status, content_type="application/json", charset="utf-8")

    # -- local pages ---------------------------------------------------------------------------------

    @staticmethod
    async def _allow_local_pages(request: web.Request, response: web.StreamResponse) -> None:
        """CORS for pages on this machine."""
        origin = request.headers.get("Origin")
        if origin and _LOCAL_ORIGIN.fullmatch(origin):
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
            response.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
            response.headers["Access-Control-Max-Age"] = "600"
            response.headers["Vary"] = "Origin"

    @staticmethod
    async def _preflight(request: web.Request) -> web.StreamResponse:
        """A browser asks before it calls; the signal above answers."""
        return web.Response(status=204)

    # -- files ---------------------------------------------------------------------------------------

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """Step 2 of an upload: the bytes, raw or as a form's first file."""
        file = self.core.workspace.files.get(request.match_info["file"])
        if file is None or file.complete:
            return web.Response(status=404, text="not found")
        if request.content_type == "multipart/form-data":
            parts = [part for part in (await request.post()).values() if isinstance(part, web.FileField)]
            data = parts[0].file.read() if parts else b""
        else:
            data = await request.read()
        if len(data) != file.length:
            return web.Response(status=400, text=f"expected {file.length} bytes, got {len(data)}")
        file.data = data
        return web.Response(text=f"OK - {len(data)}")

    async def download(self, request: web.Request) -> web.StreamResponse:
        """url_private: the bytes for a good token, an HTML login page with status 200 for any other."""
        header = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        caller = self.core.workspace.tokens.get(header or request.query.get("token", ""))
        try:
            if caller is None or caller.kind == "app":
                raise SlackRefusal("invalid_auth")
            self.core.require(caller, "files:read")
        except SlackRefusal:
            return web.Response(text=_LOGIN_PAGE, content_type="text/html")
        file = self.core.workspace.files.get(request.match_info["path"].split("/")[0].partition("-")[2])
        if file is None or file.data is None:
            return web.Response(status=404, text="not found")
        headers = {"Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff"}
        return web.Response(body=file.data, content_type=file.mimetype, headers=headers)

    # -- answers and control -------------------------------------------------------------------------

    async def response_url(self, request: web.Request) -> web.StreamResponse:
        """A later answer of the app to an interaction."""
        try:
            payload = await request.json()
            respond(self.core, request.match_info["token"], payload)
        except ValueError:
            return self._json({"ok": False, "error": "invalid_payload"}, 400)
        except SlackRefusal as refusal:
            return self._json(refusal.body, 404 if refusal.error.endswith("_url") else 200)
        return web.Response(text="ok")

    async def control(self, request: web.Request) -> web.StreamResponse:
        """The knobs over HTTP: POST {"do": …}; GET says what is set."""
        if request.method == "GET":
            return self._json({"ok": True, **self._state()})
        try:
            order = await request.json()
            await control(self.core, order)
        except (ValueError, TypeError, LookupError) as error:
            return self._json({"ok": False, "error": f"{type(error).__name__}: {error}"}, 400)
        except SlackRefusal as refusal:
            return self._json(refusal.body, 400)
        return self._json({"ok": True, **self._state()})
