"""The stand-in as a whole: made, started, used by tests and the demo, stopped.

Honest about: confirmation by offset, one poll at a time (409), allowed_updates, webhooks with their secret, order and retries,
multipart uploads, size limits both ways, errors in Telegram's JSON. Not there: formatting by parse_mode, keyboards
other than buttons below a message, payments, and everything else that the bot does not use; an unknown method is a 404.
"""

from __future__ import annotations

import asyncio
import copy
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from .args import Args, read
from .faults import Fault, Faults
from .methods import Methods
from .model import Call, Json, Person, Refusal, World
from .people import People
from .updates import Updates

TOKEN = "7000000001:stand-in_token-stand-in_token-0001"


def default_people() -> dict[str, Person]:
    """Two customers."""
    return {
        "customer1": Person(5_000_000_001, "Dana", "Petrov", "dana_p"),
        "customer2": Person(5_000_000_002, "Luis", "Ortega"),
    }


class TelegramStandIn:
    """A local Telegram with one bot and its customers. Nothing in it knows the bot's code; it needs `api_url` and `token`."""

    def __init__(
        self,
        *,
        token: str = TOKEN,
        username: str = "shop_demo_bot",
        people: Mapping[str, Person] | None = None,
        host: str = "127.0.0.1",
        retry_seconds: float = 0.1,
    ) -> None:
        """``people``: by your own keys. ``retry_seconds``: the pause after a webhook that failed."""
        self.token = token
        self.host = host
        self.port = 0
        bot_id = int(token.partition(":")[0])
        self.world = World(
            {
                "id": bot_id,
                "is_bot": True,
                "first_name": "Shop",
                "username": username,
                "can_join_groups": True,
                "can_read_all_group_messages": False,
                "supports_inline_queries": False,
            }
        )
        self.changed = asyncio.Event()
        """Set at every call of the bot's, and at every update that the webhook took or refused."""
        self.updates = Updates(self.world, changed=self.changed, retry_seconds=retry_seconds)
        self.people = People(
            self.world, self.updates, dict(people) if people is not None else default_people()
        )
        self.faults = Faults()
        self.calls: list[Call] = []
        """Every call of the bot's with our answer."""
        self._methods = Methods(self.world)
        self._runner: web.AppRunner | None = None
        self._waiting: set[asyncio.BaseTransport] = set()

    # -- life ------------------------------------------------------------------------------------------

    async def start(self, port: int = 0) -> None:
        """Listen; the port is then in `port` (0 asks for any free one)."""
        made = web.Application(client_max_size=120 * 1024 * 1024)
        made.router.add_route("*", "/bot{token}/{method}", self._call)
        made.router.add_get("/file/bot{token}/{path:.+}", self._download)
        made.router.add_post("/say", self._say)
        made.router.add_get("/heard", self._heard)
        self._runner = web.AppRunner(made, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.host, port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close everything; safe to call twice."""
        self.faults.clear()
        await self.updates.stop()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    @property
    def url(self) -> str:
        """What the bot's `api_url` is."""
        return f"http://{self.host}:{self.port}"

    # -- people ----------------------------------------------------------------------------------------

    def say(self, customer: str, text: str = "", **fields: Any) -> Json:
        """A customer writes to the bot; see ``People.say``."""
        return self.people.say(customer, text, **fields)

    def heard(self, customer: str) -> list[Json]:
        """What a customer has received from the bot, as it stands now."""
        return self.people.heard(customer)

    async def wait_for(
        self, customer: str, predicate: Callable[[Json], bool] = lambda message: True, timeout: float = 10.0
    ) -> Json:
        """The first message of the bot to a customer that satisfies ``predicate``; TimeoutError after ``timeout`` seconds."""
        async with asyncio.timeout(timeout):
            while True:
                self.changed.clear()
                for message in self.heard(customer):
                    if predicate(message):
                        return message
                await self.changed.wait()

    async def until(self, check: Callable[[], Any], timeout: float = 10.0) -> Any:
        """What ``check`` returns once it is true; asked again after every call of the bot's and every webhook."""
        async with asyncio.timeout(timeout):
            while not (found := check()):
                self.changed.clear()
                await self.changed.wait()
            return found

    # -- faults ----------------------------------------------------------------------------------------

    def fail(self, code: int, description: str, *, method: str = "", times: int = 1) -> None:
        """The next calls are answered with an error, nothing is done."""
        self.faults.waiting.append(Fault(method, times, Refusal(code, description)))

    def flood(self, seconds: int, *, method: str = "", times: int = 1) -> None:
        """429 with `retry_after`."""
        words = f"Too Many Requests: retry after {seconds}"
        refusal = Refusal(429, words, {"retry_after": seconds})
        self.faults.waiting.append(Fault(method, times, refusal))

    def drop_after(self, method: str, *, times: int = 1) -> None:
        """Do what is asked, then cut the connection instead of answering."""
        self.faults.waiting.append(Fault(method, times, drop=True))

    def drop_before(self, method: str, *, times: int = 1) -> None:
        """Read the request, do nothing, and cut the connection."""
        self.faults.waiting.append(Fault(method, times, before=True))

    def cut(self) -> None:
        """Cut the connections of all calls that wait for an answer just now."""
        for transport in self._waiting:
            transport.close()

    def hang(self, method: str, *, times: int = 1) -> asyncio.Event:
        """Do what is asked, then answer only when the returned event is set."""
        gate = asyncio.Event()
        self.faults.waiting.append(Fault(method, times, gate=gate))
        return gate

    def conflict(self) -> None:
        """Another program polls: the bot's poll ends with 409."""
        self.updates.interrupt()

    def revoke_token(self, on: bool = True) -> None:
        """Every call is answered with 401."""
        self.faults.revoked = on

    def push(self, update: Json) -> None:
        """An update as it is, poison included; a missing `update_id` is filled in."""
        self.updates.push({"update_id": self.world.number()} | update)

    def push_again(self, number: int = -1) -> None:
        """Bring an update that waits a second time."""
        self.world.pending.append(copy.deepcopy(self.world.pending[number]))

    def restore(self) -> None:
        """Take all faults away."""
        self.faults.clear()

    # -- the wire --------------------------------------------------------------------------------------

    async def _call(self, request: web.Request) -> web.StreamResponse:
        transport = request.transport
        if transport is None:
            return web.Response(status=500)
        self._waiting.add(transport)
        try:
            return await self._called(request)
        finally:
            self._waiting.discard(transport)

    async def _called(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        try:
            self._authorise(request)
            args = await read(request)
            call = Call(method, args.values, {name: len(file.data) for name, file in args.files.items()})
            self.calls.append(call)
            self.changed.set()
            reply, status = await self._answer(method, args, request), 200
        except Refusal as refusal:
            status = refusal.code
            reply = {"ok": False, "error_code": refusal.code, "description": refusal.description}
            reply |= {"parameters": refusal.parameters} if refusal.parameters else {}
            call = self.calls[-1] if self.calls else Call(method, {}, {})
        if call.method == method and call.reply is None:
            call.reply = copy.deepcopy(reply)
        self.changed.set()
        return web.json_response(reply, status=status)

    def _authorise(self, request: web.Request) -> None:
        if self.faults.revoked or request.match_info["token"] != self.token:
            raise Refusal(401, "Unauthorized")

    async def _answer(self, method: str, args: Args, request: web.Request) -> Json:
        fault = self.faults.take(method)
        if fault is not None and fault.refusal is not None:
            raise fault.refusal
        if fault is not None and fault.before and request.transport is not None:
            request.transport.close()
            raise Refusal(502, "Bad Gateway")
        result = await self._result(method, args)
        if fault is not None and (fault.drop or fault.gate is not None):
            self.changed.set()
            if fault.gate is not None:
                await fault.gate.wait()
            if fault.drop and request.transport is not None:
                request.transport.close()
        return {"ok": True, "result": result}

    async def _result(self, method: str, args: Args) -> Any:
        name = method.lower()
        waiting: dict[str, Callable[[Args], Any]] = {
            "getupdates": self.updates.get,
            "setwebhook": self.updates.set_webhook,
            "deletewebhook": self.updates.delete_webhook,
            "getwebhookinfo": lambda args: self.updates.webhook_info(),
        }
        found = waiting.get(name) or self._methods.find(method)
        if found is None:
            raise Refusal(404, "Not Found: method not found")
        result = found(args)
        return await result if inspect.isawaitable(result) else result

    async def _download(self, request: web.Request) -> web.StreamResponse:
        fault = self.faults.take("file")
        if fault is not None and fault.refusal is not None:
            return web.json_response(
                {"ok": False, "error_code": fault.refusal.code, "description": fault.refusal.description},
                status=fault.refusal.code,
            )
        wanted = request.match_info["path"]
        if request.match_info["token"] == self.token:
            for file in self.world.files.values():
                if file.path == wanted:
                    return web.Response(body=file.data, content_type="application/octet-stream")
        return web.json_response({"ok": False, "error_code": 404, "description": "Not Found"}, status=404)

    async def _say(self, request: web.Request) -> web.StreamResponse:
        """``POST /say {"customer", "text"}``: a customer writes."""
        given = await request.json()
        if given.get("customer") not in self.people.persons or not given.get("text"):
            return web.json_response({"error": "customer and text are needed"}, status=400)
        return web.json_response(self.say(given["customer"], given["text"]))

    async def _heard(self, request: web.Request) -> web.StreamResponse:
        """``GET /heard?customer=…``: what that customer has received."""
        customer = request.query.get("customer", "")
        if customer not in self.people.persons:
            return web.json_response({"error": f"nobody is called {customer!r}"}, status=404)
        return web.json_response(self.heard(customer))
