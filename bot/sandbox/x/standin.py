"""The stand-in for X: one account of ours, a few customers, the API, webhooks; loopback only, all in memory.

``say`` and ``heard`` are the customers' side; over HTTP ``POST /say`` and ``GET /heard?customer=…``. It is as strict as
X where X's description is (unknown parameters, logins, scopes by path), counts requests in windows and tells so in its
headers, and every call with its answer is kept in ``calls`` for a referee.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from bot.sandbox.x.api import BLANK, Answer, Api, iso, sniffed
from bot.sandbox.x.hooks import old_shape
from bot.sandbox.x.model import Call, Message, User
from bot.sandbox.x.world import World

Handler = Callable[[web.Request], Awaitable[tuple[int, Any]]]
_USER = frozenset({"user2", "user1"})
_APP = frozenset({"app", "user1"})


class XStandIn(World):
    """``start()``, use, ``stop()``. ``window`` seconds is how long X counts requests; ``limits`` how many it takes."""

    def __init__(self, *, host: str = "127.0.0.1", clock: Callable[[], float] = time.time) -> None:
        super().__init__(clock)
        self.host = host
        self.port = 0
        self.calls: list[Call] = []
        self.window = 900.0
        self.limits = {"read": 15, "send": 15}
        self._windows: dict[str, tuple[float, int]] = {}
        self._runner: web.AppRunner | None = None

    # -- life ------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The API's address: what ``api_url`` is in app.yaml."""
        return f"http://{self.host}:{self.port}"

    def endpoints(self) -> dict[str, Any]:
        """What an outside script needs."""
        keys = self.logins
        return {
            "api": self.url,
            "account": {"id": self.account.id, "username": self.account.username},
            "client_id": keys.client_id,
            "client_secret": keys.client_secret,
            "refresh_token": keys.refresh_token,
            "consumer_secret": keys.consumer_secret,
            "bearer_token": keys.bearer_token,
            "customers": {name: {"id": one.id, "name": one.name} for name, one in self.customers.items()},
            "say": f"{self.url}/say",
            "heard": f"{self.url}/heard",
        }

    async def start(self, port: int = 0) -> None:
        """Listen; the port is then in ``port`` (0 asks for any free one)."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        self._routes(app, Api(self))
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.host, port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close everything; safe to call twice."""
        if self.faults.hang is not None:
            self.faults.hang.set()
        await self.hooks.close()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    def _routes(self, app: web.Application, api: Api) -> None:
        add = app.router.add_route
        two = "/2/dm_conversations"
        add("GET", "/2/users/me", self._of(api.me, _USER))
        add("GET", "/2/dm_events", self._of(api.events, _USER, "read"))
        add("GET", two + "/media/{dm_id}/{media_id}/{resource_id}", self._of(api.file, {"user2"}))
        add("POST", two + "/with/{participant_id}/messages", self._of(api.say_to, _USER, "send"))
        add("POST", two + "/{dm_conversation_id}/messages", self._of(api.say_in, _USER, "send"))
        add("POST", "/2/media/upload", self._of(api.upload, _USER))
        add("GET", "/2/media/upload", self._of(api.status, _USER))
        add("POST", "/2/media/upload/initialize", self._of(api.initialize, _USER))
        add("POST", "/2/media/upload/{id}/append", self._of(api.append, _USER))
        add("POST", "/2/media/upload/{id}/finalize", self._of(api.finalize, _USER))
        add("GET", "/2/webhooks", self._of(api.webhooks, {"app"}))
        add("POST", "/2/webhooks", self._of(api.create_webhook, _APP))
        add("PUT", "/2/webhooks/{webhook_id}", self._of(api.validate_webhook, _APP))
        add("GET", "/2/activity/subscriptions", self._of(api.subscriptions, _USER | _APP))
        add("POST", "/2/activity/subscriptions", self._of(api.subscribe, _USER | _APP))
        add("POST", "/2/oauth2/token", self._trade)
        add("POST", "/say", self._say)
        add("GET", "/heard", self._heard)

    # -- every call ------------------------------------------------------------------------------------

    def _of(
        self, handler: Handler, who: frozenset[str] | set[str], counted: str = ""
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            if self.faults.hang is not None:
                await self.faults.hang.wait()
            if (spoiled := self._spoiled()) is not None:
                return spoiled
            login = self.logins.who(request, f"{self.url}{request.raw_path}")
            headers: dict[str, str] = {}
            try:
                if not login:
                    raise Answer(401, "Unauthorized", "Unauthorized", BLANK)
                if login not in who:
                    detail = f"Authenticating with {login} is forbidden for this endpoint."
                    raise Answer(403, "Unsupported Authentication", detail, BLANK)
                if counted:
                    headers = self._count(counted)
                status, body = await handler(request)
            except Answer as problem:
                status, body, headers = problem.status, problem.body, problem.headers
            except ConnectionResetError:
                self._note(request, await _body(request), 0, None, login)
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
            self._note(request, await _body(request), status, body, login)
            if isinstance(body, bytes):
                return web.Response(body=body, content_type="application/octet-stream")
            kind = "application/json" if status < 400 else "application/problem+json"
            return web.Response(status=status, text=json.dumps(body), content_type=kind, headers=headers)

        return answer

    def _spoiled(self) -> web.Response | None:
        """What a proxy in front of X answers: no JSON."""
        page = "<html><body>Over capacity</body></html>"
        for name, status in (("busy", 503), ("limited", 429), ("nonsense", 200)):
            if self.faults.take(name):
                self.change()
                return web.Response(status=status, text=page, content_type="text/html")
        return None

    def _count(self, name: str) -> dict[str, str]:
        now = self.clock()
        ends, used = self._windows.get(name, (0.0, 0))
        if now >= ends:
            ends, used = now + self.window, 0
        limit = self.limits[name]
        self._windows[name] = (ends, used + 1)
        headers = {
            "x-rate-limit-limit": str(limit),
            "x-rate-limit-remaining": str(max(limit - used - 1, 0)),
            "x-rate-limit-reset": str(int(ends) + 1),
        }
        if used >= limit:
            problem = Answer(429, "Too Many Requests", "Too Many Requests", BLANK)
            problem.headers = headers
            raise problem
        return headers

    def _note(self, request: web.Request, body: Any, status: int, reply: Any, login: str) -> None:
        shown = reply if not isinstance(reply, bytes) else None
        self.calls.append(Call(request.method, request.path, dict(request.query), body, status, shown, login))
        self.change()

    async def _trade(self, request: web.Request) -> web.Response:
        if (spoiled := self._spoiled()) is not None:
            return spoiled
        status, body = await self.logins.trade(request)
        self._note(request, None, status, None, "")
        return web.json_response(body, status=status)

    # -- the customers' side ---------------------------------------------------------------------------

    async def say(
        self,
        customer: str,
        text: str,
        media: bytes | None = None,
        *,
        group: str | None = None,
        encrypted: bool = False,
        type: str = "MessageCreate",
        garbled: bool = False,
    ) -> str:
        """A customer writes, also into a group, or encrypted, or something that X cannot show; the message's id."""
        sender = self.customers[customer]
        if encrypted:
            return self._say_encrypted(sender)
        file = self.new_file(media, sniffed(media)) if media is not None else None
        to = None if group else self.account.id
        made = self.keep(sender.id, to, group or self.conversation_with(sender.id), text, file)
        made.type, made.garbled = type, garbled
        if group is None and type == "MessageCreate" and not garbled and not self.faults.no_delivery:
            payload = old_shape(made, [sender, self.account])
            self.hooks.tell("dm.received", self.account.id, payload, twice=self.faults.twice)
        return made.id

    def _say_encrypted(self, sender: User) -> str:
        made = f"e4f4d3fc-{secrets.token_hex(2)}-4928-92eb-{secrets.token_hex(6)}"
        payload = {
            "conversation_token": secrets.token_urlsafe(24),
            "id": made,
            "created_at_msec": str(int(self.clock() * 1000)),
            "sender_id": sender.id,
            "conversation_id": f"{sender.id}:{self.account.id}",
            "conversation_key_version": "1768236281331",
            "encoded_event": base64.b64encode(secrets.token_bytes(48)).decode(),
            "message_event_signature": {"signature": secrets.token_urlsafe(40), "signature_version": "7"},
        }
        self.hooks.tell("chat.received", self.account.id, payload, twice=self.faults.twice)
        return made

    def heard(self, customer: str) -> list[dict[str, Any]]:
        """What a customer has received, oldest first."""
        person = self.customers[customer]
        return [
            {
                "id": one.id,
                "text": _read(one),
                "at": iso(one.ms),
                "media": [
                    {
                        "type": one.file.media_type,
                        "size": len(one.file.data),
                        "sha256": hashlib.sha256(one.file.data).hexdigest(),
                    }
                ]
                if one.file is not None
                else [],
            }
            for one in self.messages
            if one.sender == self.account.id and (one.to == person.id or one.to is None)
        ]

    async def _say(self, request: web.Request) -> web.Response:
        try:
            body = await request.json()
            media = body.get("media")
            data = base64.b64decode(media["data"]) if media else None
            customer, text = str(body["customer"]), str(body.get("text", ""))
            made = await self.say(customer, text, data, encrypted=bool(body.get("encrypted")))
        except (ValueError, KeyError, TypeError, AttributeError):
            return web.json_response({"ok": False, "customers": sorted(self.customers)}, status=400)
        return web.json_response({"ok": True, "id": made})

    async def _heard(self, request: web.Request) -> web.Response:
        customer = request.query.get("customer", "")
        if customer not in self.customers:
            return web.json_response({"ok": False, "customers": sorted(self.customers)}, status=404)
        return web.json_response({"ok": True, "messages": self.heard(customer)})


def _read(one: Message) -> str:
    """A message as a person reads it: addresses open, nothing escaped."""
    text = one.text
    for short, address in one.urls:
        own = address.startswith("https://twitter.com/messages/media/")
        text = text.replace(short, "" if own else address)
    for written, plain in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(written, plain)
    return text.strip()


async def _body(request: web.Request) -> Any:
    try:
        return json.loads(await request.text())
    except (ValueError, RuntimeError):
        return None
