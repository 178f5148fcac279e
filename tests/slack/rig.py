"""The real desk and the real slack-bolt application on the Slack stand-in, with a core in memory behind them."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from bot.commands.help import make_registry
from bot.contract import BlobStore
from bot.desk import CardView, Place, Said, Status
from bot.messages import AgentId, BlobId, ConversationId, CustomerId, MessageId, TeamId, Text
from bot.sandbox.slack import SlackStandIn
from bot.sandbox.slack.model import Channel, Person
from bot.slack.app import build_app
from bot.slack.desk import SlackDesk
from bot.slack.policy import SlackPolicy, TeamPolicy, ThreadReplies
from bot.slack.preflight import preflight
from bot.slack.socket import SocketRunner
from bot.slack.tools import Hooks
from tests.commands.fake_services import FakeServices
from tests.sandbox.slack_referee import Referee

SPECS = Path(os.environ.get("ONETHREAD_SPECS", Path(__file__).parents[2].parent / "shared" / "specs"))
HAVE_SPECS = SPECS.is_dir()
REFEREE = Referee(SPECS)
for method in SPECS.glob("slack/methods/*.json"):
    REFEREE.spec(method.stem)  # read now: a test's loop must not wait for files
T = TypeVar("T")
Json = dict[str, Any]


class Blobs(BlobStore):
    """Bytes in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def put(self, data: bytes) -> BlobId:
        name = BlobId(hashlib.sha256(data).hexdigest())
        self.kept[name] = data
        return name

    async def get(self, blob: BlobId) -> bytes:
        return self.kept[blob]


def people() -> dict[str, Person]:
    """An agent, another, a lead, a guest and a member who is in no team."""
    return {
        "agent1": Person("Kim Lindqvist", "kimmie", "kim_secret"),
        "agent2": Person("Amir Haddad", "Amir", "amir"),
        "lead": Person("Ruth Osei", "Ruth", "ruth"),
        "guest": Person("Gus Guest", "Gus", "gus", is_restricted=True),
        "outsider": Person("Olga Out", "Olga", "olga"),
    }


def policy_for(standin: SlackStandIn, **more: Any) -> SlackPolicy:
    """One team, support."""
    ids = {key: AgentId(person.id) for key, person in standin.people.items()}
    team = TeamPolicy(
        TeamId("support"),
        "Support",
        standin.channels["support"].id,
        members=frozenset({ids[key] for key in ("agent1", "agent2") if key in ids}),
        leads=frozenset({ids[key] for key in ("lead",) if key in ids}),
    )
    made = SlackPolicy(
        standin.bot_token,
        standin.app_token,
        (team,),
        api_url=standin.api_url,
        icons={"email": ":email:"},
        timeout=5.0,
        connections=2,
    )
    return replace(made, **more)


def card(handle: str = "C42", **more: Any) -> CardView:
    """Dana's card."""
    made = CardView(
        handle=handle,
        customer_id=CustomerId(int(handle[1:])),
        customer_name="Dana Petrov",
        team=TeamId("support"),
        status=Status.OPEN,
        conversation_id=ConversationId(1),
        excerpt="Where is my parcel? It should have come on Monday.",
        reach=("email support@shop.example", "telegram @acmebot"),
        waiting_since=1_760_000_000.0,
        due_at=1_760_003_600.0,
    )
    return replace(made, **more)


def said(words: str = "Where is my parcel?", **more: Any) -> Said:
    """A mail of Dana's."""
    made = Said(
        MessageId(1),
        "Dana Petrov",
        "email",
        "email support@shop.example",
        Text(words),
        1_760_000_000.0,
        handle="C42",
    )
    return replace(made, **more)


@dataclass
class Rig:
    """Everything a test of the desk needs."""

    standin: SlackStandIn
    policy: SlackPolicy
    desk: SlackDesk
    services: FakeServices
    blobs: Blobs
    runner: SocketRunner | None = None
    gone: list[tuple[str, str | None]] = field(default_factory=list)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    place: Place = field(default_factory=lambda: Place(""))

    @property
    def channel(self) -> str:
        return self.standin.channels["support"].id

    async def wait(self, predicate: Callable[[], T], timeout: float = 5.0) -> T:
        return await self.standin.wait_for(predicate, timeout)

    async def say(self, who: str, text: str, **more: Any) -> Json:
        """A person writes in Dana's thread (or elsewhere)."""
        given = {"channel": self.channel, "thread_ts": self.place.ts, "text": text, **more}
        reply = await self.standin.act(who, "chat.postMessage", **given)
        assert reply["ok"], reply
        return reply

    async def press(
        self, who: str, message: Json, action: str, value: str | None = None, channel: str | None = None
    ) -> Json:
        """A person presses a button of a message."""
        order = {"channel": channel or self.channel, "message_ts": message["ts"], "action_id": action}
        if value is not None:
            order["value"] = value
        reply = await self.standin.act(who, "blocks.actions", **order)
        assert reply["ok"], reply
        return reply

    def whispers(self, who: str) -> list[Json]:
        """What only this person sees."""
        return list(self.standin.people[who].ephemerals)

    async def whispered(self, who: str, count: int = 1) -> list[Json]:
        """What only this person sees, once it is so many."""
        await self.wait(lambda: len(self.whispers(who)) >= count)
        return self.whispers(who)

    async def view(self, who: str, callback: str = "form") -> Json:
        """The modal that is open for a person, once it is filled."""
        found = self.standin.people[who].views
        await self.wait(lambda: bool(found) and found[-1].body["callback_id"] == callback)
        return found[-1].body

    async def settled(self) -> None:
        """Every event has been handled and acknowledged, every background task is done."""
        await self.wait(lambda: all(d.acked or d.failed for d in self.standin.deliveries))
        while self.tasks:
            await asyncio.wait(self.tasks)


@asynccontextmanager
async def rig(
    *,
    run: bool = True,
    prefix: str = "",
    thread_replies: ThreadReplies = ThreadReplies.INTERNAL,
    **knobs: Any,
) -> AsyncIterator[Rig]:
    """The stand-in with the bot on it. ``run=False``: only the desk, nothing listens."""
    knobs.setdefault("people", people())
    knobs.setdefault("channels", {"support": Channel("support"), "press": Channel("press")})
    async with SlackStandIn(**knobs) as standin, aiohttp.ClientSession() as session:
        blobs = Blobs()
        policy = policy_for(standin, prefix=prefix)
        policy = replace(policy, teams=(replace(policy.teams[0], thread_replies=thread_replies),))
        desk = SlackDesk(policy, session, blobs)
        services = FakeServices(channel=standin.channels["support"].id)
        made = Rig(standin, policy, desk, services, blobs)
        if not run:
            await _with_card(made)
            yield made
        else:
            async with running(made):
                yield made
        if HAVE_SPECS:
            assert REFEREE.judge_all(standin.calls) == []


async def _with_card(made: Rig) -> None:
    ts = await made.desk.open_card(made.channel, card(), "card-key")
    made.place = Place(made.channel, ts)
    made.services.threads = {ts: "C42"}


@asynccontextmanager
async def running(made: Rig) -> AsyncIterator[None]:
    """The bot on its sockets, with Dana's card in the channel."""
    identity = await preflight(made.policy, made.desk.client)

    async def gone(channel: str, ts: str | None) -> None:
        made.gone.append((channel, ts))
        made.standin.workspace.changed()

    def spawn(work: Any) -> None:
        task = asyncio.create_task(work)
        made.tasks.add(task)
        task.add_done_callback(made.tasks.discard)

    registry = make_registry(made.policy.prefix)
    app = build_app(made.policy, made.desk, made.services, registry, Hooks(spawn, gone), identity)
    made.runner = SocketRunner(made.policy, app)
    running = asyncio.create_task(made.runner.run())
    try:
        await made.wait(lambda: made.standin.connections == made.policy.connections)
        async with asyncio.timeout(20):
            await made.runner.ready.wait()
        await _with_card(made)
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        for task in list(made.tasks):
            task.cancel()
        await asyncio.gather(*made.tasks, return_exceptions=True)
