"""The stand-in as a whole: made, started, used by tests and the demo, stopped."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import aiohttp
from aiohttp import web

from .control import control, state
from .core import Core, Settings
from .delivery import Delivery, Dispatcher
from .faults import Faults
from .httpmode import HttpMode
from .model import Call, Channel, Json, Person, SlackRefusal
from .rates import Rates
from .server import Server
from .workspace import Workspace

T = TypeVar("T")


def default_people() -> dict[str, Person]:
    """Two agents and their lead."""
    return {
        "agent1": Person("Kim Lindqvist", "Kim", "kim", email="kim@shop.example"),
        "agent2": Person("Amir Haddad", "Amir", "amir", email="amir@shop.example"),
        "lead": Person("Ruth Osei", "Ruth", "ruth", email="ruth@shop.example", is_admin=True),
    }


def default_channels() -> dict[str, Channel]:
    """One Slack channel a team."""
    return {"support": Channel("support"), "press": Channel("press")}


class SlackStandIn:
    """A local Slack: Web API, Events API over Socket Mode or HTTP, and the people who use it.

    In memory, one workspace, one app. Nothing in it knows the bot; the bot only needs `api_url` and tokens.
    """

    def __init__(
        self,
        *,
        bot_user: str = "U0ONETHREAD",
        people: Mapping[str, Person] | None = None,
        channels: Mapping[str, Channel] | None = None,
        usergroups: Mapping[str, Sequence[str]] | None = None,
        bot_scopes: Iterable[str] | None = None,
        require_scopes: bool = True,
        validate: bool = True,
        rates: bool = False,
        paid_plan: bool = True,
        commands: Iterable[str] | None = None,
        event_types: Iterable[str] | None = None,
        missing_thread: str = "cannot_reply_to_message",
        ack_timeout: float = 3.0,
        clock_scale: float = 1.0,
        trigger_seconds: float = 3.0,
        response_url_seconds: float = 1_800.0,
        share_seconds: float = 0.05,
        request_url: str | None = None,
    ) -> None:
        """All arguments are optional.

        - `people`, `channels`: by your own keys; ids and tokens that are empty are filled in.
        - `usergroups`: handle -> keys of people; `.usergroups[handle]` is the id.
        - `bot_scopes`: what the bot token has; None = everything. `require_scopes=False` never asks.
        - `validate`: judge blocks and views (off saves time in benchmarks).
        - `rates`: answer 429 as Slack does. `paid_plan`: off makes usergroups.* fail.
        - `commands`: registered slash commands; None = all that Slack does not have itself.
        - `event_types`: the app's subscriptions; None = all.
        - `missing_thread`: what chat.postMessage says when `thread_ts` names nothing: an error, or `accept`.
        - `ack_timeout`, `trigger_seconds`, `response_url_seconds`, `share_seconds`: seconds.
        - `clock_scale`: the delays before events are sent again (60 s, 300 s) are divided by it.
        - `request_url`: HTTP mode; without it Socket Mode.
        """
        self.workspace = Workspace(bot_user, people or default_people(), channels or default_channels())
        self.usergroups = {
            handle: self.workspace.add_usergroup(handle, [self.people[key].id for key in keys])
            for handle, keys in (usergroups or {}).items()
        }
        self.faults = Faults()
        self.calls: deque[Call] = deque(maxlen=20_000)
        dispatch = Dispatcher(
            self.workspace.app_id, self.faults, ack_timeout=ack_timeout, clock_scale=clock_scale
        )
        dispatch.sockets.on_change = self.workspace.changed
        if request_url:
            dispatch.http = HttpMode(request_url, self.workspace.signing_secret)
        settings = Settings(
            bot_scopes=None if bot_scopes is None else list(bot_scopes),
            require_scopes=require_scopes,
            validate=validate,
            paid_plan=paid_plan,
            commands=None if commands is None else list(commands),
            event_types=None if event_types is None else list(event_types),
            missing_thread=missing_thread,
            trigger_seconds=trigger_seconds,
            response_url_seconds=response_url_seconds,
            share_seconds=share_seconds,
        )
        self.core = Core(self.workspace, dispatch, self.faults, Rates(rates), settings)
        self._runner: web.AppRunner | None = None

    # -- life ----------------------------------------------------------------------------------------

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; `port` 0 takes a free one. After `stop` on the same port, all is as it was: an outage of Slack."""
        server = Server(self.core, self.calls, lambda: state(self.core))
        self._runner = web.AppRunner(server.application(), access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        bound: tuple[str, int] = self._runner.addresses[0]
        self.core.base_url = f"http://{host}:{bound[1]}"
        self.core.dispatch.open()

    async def stop(self) -> None:
        """Close sockets, timers and the listener."""
        for task in list(self.core.tasks):
            task.cancel()
        await asyncio.gather(*self.core.tasks, return_exceptions=True)
        await self.core.dispatch.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> SlackStandIn:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    # -- addresses and tokens ------------------------------------------------------------------------

    @property
    def base_url(self) -> str:
        """http://127.0.0.1:P"""
        return self.core.base_url

    @property
    def api_url(self) -> str:
        """Base address of the Web API, with the slash that slack_sdk wants."""
        return f"{self.core.base_url}/api/"

    @property
    def bot_token(self) -> str:
        """xoxb-…"""
        return self.workspace.bot_token

    @property
    def app_token(self) -> str:
        """xapp-…"""
        return self.workspace.app_token

    @property
    def signing_secret(self) -> str:
        """Signs requests in HTTP mode."""
        return self.workspace.signing_secret

    @property
    def people(self) -> dict[str, Person]:
        """By the keys given: `.id`, `.token`, `.views`, `.home`, `.ephemerals`."""
        return self.workspace.people

    @property
    def channels(self) -> dict[str, Channel]:
        """By name: `.id`, `.members`, `.is_archived`."""
        return self.workspace.channels

    def endpoints(self) -> Json:
        """Addresses, tokens and ids for outside scripts: the `slack` part of the demo's endpoints.json."""
        return {
            "api": self.api_url,
            "bot_token": self.bot_token,
            "app_token": self.app_token,
            "people": {key: {"id": person.id, "token": person.token} for key, person in self.people.items()},
            "channels": {name: c.id for name, c in self.channels.items() if c.kind != "im"},
        }

    # -- looking -------------------------------------------------------------------------------------

    def channel(self, ref: str) -> Channel:
        """A channel by name or id; KeyError when there is none."""
        found = self.workspace.find_channel(ref)
        if found is None:
            raise KeyError(ref)
        return found

    def messages(self, channel: str) -> list[Json]:
        """What shows in the channel itself, oldest first."""
        found = self.channel(channel)
        return [found.messages[ts] for ts in found.roots]

    def thread(self, channel: str, thread_ts: str) -> list[Json]:
        """A root and its replies, oldest first."""
        return self.workspace.thread(self.channel(channel), thread_ts)

    def calls_of(self, method: str) -> list[Call]:
        """The recorded calls of one method."""
        return [call for call in self.calls if call.method == method]

    @property
    def deliveries(self) -> deque[Delivery]:
        """Every event, command and interaction that the app was sent, with its fate."""
        return self.core.dispatch.log

    @property
    def connections(self) -> int:
        """Open Socket Mode connections."""
        return len(self.core.dispatch.sockets.connections)

    async def wait_for(self, predicate: Callable[[], T], timeout: float = 5.0) -> T:
        """The first truthy value of `predicate`, asked at every change; TimeoutError after `timeout` seconds."""
        return await self.workspace.wait_for(predicate, timeout)

    # -- people act (in-process shorthand for the wire) ----------------------------------------------

    async def act(self, person: str, method: str, **args: Any) -> Json:
        """Let a person call a method or verb over real HTTP; the whole reply, errors included."""
        headers = {"Authorization": f"Bearer {self.people[person].token}"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.post(self.api_url + method, json=args) as response,
        ):
            reply: Json = await response.json()
            return reply

    # -- breaking things -----------------------------------------------------------------------------

    async def control(self, do: str, **order: Any) -> None:
        """The orders of POST /_control, e.g. `control("archive", channel="support")`."""
        await control(self.core, {"do": do, **order})

    @property
    def rates(self) -> Rates:
        """`.enabled`, `.post_burst`, `.speed`."""
        return self.core.rates

    async def verify_request_url(self) -> bool:
        """HTTP mode: Slack's `url_verification` handshake."""
        if self.core.dispatch.http is None:
            raise SlackRefusal("no_request_url")
        return await self.core.dispatch.http.verify()
