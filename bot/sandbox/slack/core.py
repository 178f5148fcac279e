"""What the methods work with: the workspace, the wire to the app, and the rules that several methods share."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from .args import Args
from .delivery import Dispatcher, event_payload
from .faults import Faults
from .model import Call, Caller, Channel, Json, Person, ResponseUrl, SlackRefusal, Trigger
from .rates import Rates
from .scopes import ALL_BOT_SCOPES, EVENT_SCOPES, KIND_PREFIX
from .workspace import Workspace


@dataclass(slots=True)
class Settings:
    """What the constructor was told; durations in seconds."""

    bot_scopes: list[str] | None = None
    require_scopes: bool = True
    validate: bool = True
    paid_plan: bool = True  # usergroups.* need it
    missing_thread: str = "cannot_reply_to_message"  # or thread_not_found, or accept
    commands: list[str] | None = None  # registered commands; None = any that Slack has not itself
    trigger_seconds: float = 3.0
    response_url_seconds: float = 1_800.0
    share_seconds: float = 0.05  # how long after completeUploadExternal a file shows
    event_types: list[str] | None = None  # subscriptions; None = all


@dataclass
class Core:
    """One stand-in's parts. Methods get it together with the caller and the arguments."""

    workspace: Workspace
    dispatch: Dispatcher
    faults: Faults
    rates: Rates
    settings: Settings
    base_url: str = ""  # http://127.0.0.1:P, set at start
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    # -- scopes --------------------------------------------------------------------------------------

    @property
    def scopes(self) -> tuple[str, ...]:
        """What the bot token was granted."""
        granted = self.settings.bot_scopes
        return ALL_BOT_SCOPES if granted is None else tuple(granted)

    def require(self, caller: Caller, *any_of: str) -> None:
        """`missing_scope` unless the bot has one of these scopes (people have all)."""
        if not caller.is_bot or not self.settings.require_scopes or self.settings.bot_scopes is None:
            return
        if any_of and not set(any_of) & set(self.settings.bot_scopes):
            provided = ",".join(self.settings.bot_scopes)
            raise SlackRefusal("missing_scope", needed=",".join(any_of), provided=provided)

    def require_kind(self, caller: Caller, channel: Channel, verb: str) -> None:
        """The scope of this channel's kind, e.g. `channels:history`."""
        self.require(caller, f"{KIND_PREFIX[channel.kind]}:{verb}")

    # -- events --------------------------------------------------------------------------------------

    def emit(self, event: Json, channel: Channel | None = None) -> None:
        """Send an event to the app if it is in the channel, subscribed, and has the scope."""
        if channel is not None and self.workspace.bot.id not in channel.members:
            return
        if self.settings.event_types is not None and event["type"] not in self.settings.event_types:
            return
        if not self._has_event_scope(event, channel):
            return
        workspace = self.workspace
        event.setdefault("event_ts", event.get("ts") or workspace.next_ts())
        self.dispatch.event(
            event_payload(
                event,
                team_id=workspace.team_id,
                app_id=workspace.app_id,
                bot_user=workspace.bot.id,
                token=workspace.verification_token,
                event_id=workspace.next_id("Ev"),
                shared=channel is not None and channel.is_ext_shared,
            )
        )

    def _has_event_scope(self, event: Json, channel: Channel | None) -> bool:
        if self.settings.bot_scopes is None or not self.settings.require_scopes:
            return True
        if event["type"] == "message" and channel is not None:
            needed: tuple[str, ...] = (f"{KIND_PREFIX[channel.kind]}:history",)
        else:
            needed = EVENT_SCOPES.get(event["type"], ())
        return not needed or bool(set(needed) & set(self.settings.bot_scopes))

    # -- tokens of interactions ----------------------------------------------------------------------

    def new_trigger(self, user_id: str, view_id: str | None = None) -> str:
        """A trigger_id for this person: single use, short life."""
        trigger_id = f"{secrets.randbelow(10**10)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        expires = time.monotonic() + self.settings.trigger_seconds
        self.workspace.triggers[trigger_id] = Trigger(user_id, expires, view_id)
        if len(self.workspace.triggers) > 5_000:
            self.workspace.triggers.pop(next(iter(self.workspace.triggers)))
        return trigger_id

    def use_trigger(self, trigger_id: str) -> Trigger:
        """Redeem a trigger_id once."""
        trigger = self.workspace.triggers.get(trigger_id)
        if trigger is None:
            raise SlackRefusal("invalid_trigger_id")
        if trigger.used:
            raise SlackRefusal("exchanged_trigger_id")
        if time.monotonic() > trigger.expires:
            raise SlackRefusal("expired_trigger_id")
        trigger.used = True
        return trigger

    def new_response_url(
        self, user_id: str, channel: Channel, message: Json | None = None, *, ephemeral: bool = False
    ) -> str:
        """A response_url: 5 uses, 30 minutes."""
        token = secrets.token_hex(12)
        expires = time.monotonic() + self.settings.response_url_seconds
        ts = message["ts"] if message else None
        thread_ts = message.get("thread_ts") if message else None
        self.workspace.response_urls[token] = ResponseUrl(
            user_id, channel.id, expires, ts, ephemeral, thread_ts
        )
        return f"{self.base_url}/response/{self.workspace.team_id}/{token}"

    # -- people --------------------------------------------------------------------------------------

    def caller_person(self, caller: Caller) -> Person:
        """The person behind a user token."""
        return self.workspace.person(caller.user_id)

    def user_stub(self, person: Person) -> Json:
        """The short user object of interaction payloads."""
        return {"id": person.id, "username": person.name, "name": person.name, "team_id": person.team_id}

    def later(self, seconds: float, work: Callable[[], None]) -> None:
        """Run `work` after a while, unless the stand-in stops first."""

        async def wait() -> None:
            await asyncio.sleep(seconds)
            work()

        task = asyncio.create_task(wait())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


Handler = Callable[[Core, Caller, Args], Awaitable[Json] | Json]
METHODS: dict[str, Handler] = {}
"""Method name -> handler; filled by the modules of `methods/`."""
PEOPLE_ONLY: set[str] = set()
"""The people's own verbs, which are in no spec of Slack's."""


def method(name: str, *, people_only: bool = False) -> Callable[[Handler], Handler]:
    """Register the handler of a Web API method."""

    def register(handler: Handler) -> Handler:
        METHODS[name] = handler
        if people_only:
            PEOPLE_ONLY.add(name)
        return handler

    return register


def ok(fields: Mapping[str, object] | None = None, **more: object) -> Json:
    """A successful reply."""
    return {"ok": True, **(fields or {}), **more}


__all__ = ["METHODS", "PEOPLE_ONLY", "Call", "Core", "Handler", "Settings", "method", "ok"]
