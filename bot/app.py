"""The composition root: configuration → frozen policies → objects, one task group, a clean end.

Nothing else knows app.yaml, and nothing here decides anything: it only puts together.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import aiohttp
import structlog

from bot.blobs import FolderBlobs
from bot.capabilities import Capabilities
from bot.cases import rollover
from bot.cases.casework import Casework, Vitals
from bot.clockwork.recounting import Recounting
from bot.commands.help import make_registry
from bot.commands.types import GivenFile
from bot.config import Config, Inbox
from bot.contract import Accepted, Adapter, AdapterContext, BacklogItem
from bot.delivery import backlog
from bot.errors import AdapterError, AuthenticationFailed, RelayError
from bot.housekeeping import keep_house, keep_index
from bot.merge.matching import Matching
from bot.messages import BlobId, Event, InboxId
from bot.outbox import Outbox
from bot.policy import Rate
from bot.ports import Bell, Directory, InboxCursor, InboxState, LinkOffers, Troubles, Writing, link_targets
from bot.privacy.erasework import Means, drop_unnamed
from bot.privacy.journal import Journal
from bot.privacy.privacy import clear_exports
from bot.relay import Relay, new_key
from bot.routing import Routing
from bot.settings.policies import core_policy, label, pace_policy, secret_keys, slack_policy
from bot.slack.api import make_client
from bot.slack.app import build_app
from bot.slack.desk import SlackDesk
from bot.slack.people import People
from bot.slack.policy import Identity
from bot.slack.preflight import preflight
from bot.slack.socket import SocketRunner
from bot.slack.tools import Hooks
from bot.stats import fold
from bot.stats.recount import Recounted
from bot.stats.recount import recount as count_anew
from bot.storage import inboxes
from bot.storage.database import Database, connect
from bot.storage.migrate import migrate
from bot.timing.jobs import jobs
from bot.timing.timers import Timers
from bot.web import InboxRoutes, application, serving

log = structlog.get_logger(__name__)

BEGUN_AGAIN = 10.0
"""Seconds after which a part that failed is begun again."""
STOPPING = 9.0
"""Seconds that everything together may take to stop."""


def package_version() -> str:
    """The version that is installed."""
    try:
        return version("onethread")
    except PackageNotFoundError:
        return "not installed"


class App:
    """The running bot: made by ``starting``, run by ``run``."""

    def __init__(
        self, config: Config, database: Database, session: aiohttp.ClientSession, identity: Identity
    ) -> None:
        self.config = config
        self.database = database
        self.slack = slack_policy(config)
        self.blobs = FolderBlobs(config.data_dir / "blobs")
        self.desk = SlackDesk(self.slack, session, self.blobs, identity.url)
        self.web = application(self.report)
        self.web_port = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._seen_working: set[InboxId] = set()
        self.adapters: dict[InboxId, Adapter] = {}
        for name, inbox in config.inboxes.items():
            self.adapters[name] = inbox.channel.build(inbox.settings, self._context(inbox))
        able = {name: adapter.capabilities for name, adapter in self.adapters.items()}
        self.policy = core_policy(config, able)
        leads = {one for team in config.teams.values() for one in (*team.leads, *team.admins)}
        self.troubles = Troubles(self.desk, self.policy, frozenset(leads))
        self.writing = Writing(database, self.policy, self.desk, self.adapters, self._spawn)
        self.relay = Relay(
            database, self.policy, self._wake, typing=self.writing.customer, unwanted=self._unwanted
        )
        self.outbox = Outbox(
            database,
            self.policy,
            pace_policy(config, able),
            self.desk,
            self.adapters,
            self.blobs,
            self._fetch,
            self.troubles.to_leads,
        )
        self.timers = Timers(database, jobs(self.policy), self.outbox.wake)
        people = People(self.slack, self.desk.api, identity)
        self.started_at = time.time()
        self.casework = Casework(
            database,
            self.policy,
            able,
            Bell(self.outbox, self._look_for_room),
            Directory(people),
            Vitals(
                lambda: self.sockets.connections,
                self.relay.last_event,
                self.started_at,
                package_version(),
                self._warnings,
            ),
            composing=self.writing.agent,
            poke=self.timers.poke,
            means=self._means(),
            links=link_targets(self.adapters),
            titles=self._titles(),
        )
        self.routing = Routing(self.casework.hands)
        self.matching = Matching(self.casework.hands, self.casework.merging)
        hooks = Hooks(self._spawn, self._place_gone)
        registry = make_registry(self.slack.prefix)
        bolt = build_app(self.slack, self.desk, self.casework, registry, hooks, identity)
        self.sockets = SocketRunner(self.slack, bolt)

    def _means(self) -> Means:
        """What it takes to export somebody and to erase them."""
        data = self.config.data_dir
        return Means(
            self.desk,
            self.blobs,
            self.adapters,
            Journal(data / "erased.jsonl"),
            str(data / "exports"),
            Rate(self.config.pace.card_updates_per_minute / 60, 1.0),
        )

    def _titles(self) -> dict[InboxId, str]:
        """What customers call each inbox's channel."""
        return {name: one.channel.title or one.channel.name for name, one in self.config.inboxes.items()}

    def _warnings(self) -> tuple[str, ...]:
        """What a person should look at, beside what the database tells."""
        if not self.sockets.foreign:
            return ()
        return (
            "Another program uses this Slack app's token and takes a share of what agents do. Stop it, or give it an app "
            "of its own.",
        )

    def _unwanted(self, blobs: frozenset[BlobId]) -> None:
        self._spawn(drop_unnamed(self.database, self.blobs, blobs))

    def _wake(self, buckets: set[str]) -> None:
        self.outbox.wake(buckets)
        self.timers.poke()  # a promise may have begun
        self.routing.wake()

    def _look_for_room(self) -> None:
        self.routing.wake()

    def _context(self, inbox: Inbox) -> AdapterContext:
        async def accept(event: Event, *, cursor: str | None = None) -> Accepted:
            return await self.relay.accept_customer(inbox.id, event, cursor)

        same = [one for one in self.config.inboxes.values() if one.channel.name == inbox.channel.name]
        own = frozenset[str]().union(*(one.channel.addresses(one.settings) for one in same))
        return AdapterContext(
            inbox.id,
            self.config.teams[inbox.team].name,
            accept,
            InboxCursor(self.database, inbox.id),
            InboxState(self.database, inbox.id),
            self.blobs,
            partial(self._status, inbox),
            secret_keys(self.config),
            own,
            int(self.config.limits.attachment_bytes),
            backlog=partial(self._backlog, inbox.id),
            routes=InboxRoutes(self.web, inbox.id),
            offers=LinkOffers(
                self.database,
                inbox.id,
                lambda: self.policy,
                self.adapters,
                self._titles(),
            ),
        )

    async def _backlog(self, inbox: InboxId, thread_key: str, after: int) -> tuple[BacklogItem, ...]:
        return await self.database.read(
            partial(backlog.after, inbox=inbox, thread_key=thread_key, number=after)
        )

    async def _status(self, inbox: Inbox, problem: str | None) -> None:
        """Stores how an inbox is; the team hears of the first report and of the end."""
        now = time.time()
        before, since = await self.database.write(
            partial(inboxes.report, inbox=inbox.id, problem=problem, now=now)
        )
        if problem is None and inbox.id not in self._seen_working:
            self._seen_working.add(inbox.id)
            log.info("inbox.works", inbox=inbox.id)
        if (before is None) == (problem is None):
            return
        log.warning("inbox.status", inbox=inbox.id, works=problem is None)
        if problem is not None:
            text = (
                f":warning: The inbox {label(inbox)} does not work: {problem} "
                "Nothing is lost; customers' messages wait there."
            )
        else:
            minutes = max(1, round((now - (since or now)) / 60))
            text = f":white_check_mark: The inbox {label(inbox)} works again, after {minutes} min."
        self._spawn(self.troubles.to_team(inbox.team, text))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> object:
        task = asyncio.create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception:
            log.exception("app.background_work_failed")

    async def _fetch(self, source: str) -> bytes:
        """Brings a file that an agent put into Slack."""
        at = json.loads(source)
        return await self.desk.fetch(GivenFile(at["id"], at["name"], at["type"], at["size"], at["url"]))

    async def _place_gone(self, channel: str, ts: str | None) -> None:
        """Somebody deleted a card, or a whole channel went away."""
        if ts is None:
            await self.troubles.to_leads(
                f"channel:{channel}",
                f"The Slack channel <#{channel}> was archived, or the bot was removed from it. "
                "Customers' messages wait and nothing is lost: un-archive it, or invite the bot again.",
            )
            return
        buckets = await self.database.write(
            partial(
                rollover.card_deleted,
                policy=self.policy,
                channel=channel,
                ts=ts,
                key=new_key(),
                now=time.time(),
            )
        )
        if buckets:
            self.outbox.wake(buckets)

    async def report(self) -> dict[str, Any]:
        """For /healthz: how the bot is, without a word about any customer."""
        health = await self.casework.health()
        grace = time.time() - self.started_at < 30
        ok = self.database.problem is None and (health.sockets > 0 or grace)
        return {
            "ok": ok,
            "version": health.version,
            "database": self.database.problem or "ok",
            "slack_connections": health.sockets,
            "waiting": health.waiting,
            "oldest_waiting_seconds": health.oldest_waiting,
            "failed_last_day": health.failed_last_day,
            "uncertain": health.uncertain,
            "inboxes": {one.inbox: "ok" if one.problem is None else "failing" for one in health.inboxes},
        }

    async def run(self) -> None:
        """Runs until cancelled; then what is under way is finished, for a few seconds."""
        await self.casework.erasing.replay()  # before any inbox is read
        await clear_exports(str(self.config.data_dir / "exports"))
        web = self.config.web
        async with serving(self.web, web.host, web.port) as self.web_port, asyncio.TaskGroup() as group:
            group.create_task(self.outbox.run(), name="outbox")
            group.create_task(self.sockets.run(), name="slack")
            for part, run in self._beside().items():
                group.create_task(self._forever(part, run), name=part)
            for name, adapter in self.adapters.items():
                group.create_task(self._keep(name, adapter), name=f"inbox-{name}")
            log.info("app.running", inboxes=len(self.adapters), teams=len(self.policy.teams))

    def _beside(self) -> dict[str, Callable[[], Coroutine[Any, Any, None]]]:
        """What runs beside the way of a message."""
        return {
            "routing": self.routing.run,
            "rollover": partial(rollover.keep, self.casework.hands),
            "figures": partial(fold.keep, self.database, self.policy),
            "matching": self.matching.run,
            "promises": Recounting(self.database, self.policy, self._wake).keep,
            "timers": self.timers.run,
            "erasing": self.casework.erasing.run,
            "index": partial(keep_index, self.database),
            "house": partial(keep_house, self.database, self.blobs, self.config.limits.raw_days),
        }

    async def _forever(self, part: str, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """A bug in one of them keeps nobody's words from coming in or going out: it is told, and begun again."""
        while True:
            try:
                await run()
                return
            except Exception:
                log.exception("app.part_failed", part=part)
                await asyncio.sleep(BEGUN_AGAIN)

    async def _keep(self, name: InboxId, adapter: Adapter) -> None:
        """One inbox for ever: what breaks one disturbs no other."""
        inbox = self.config.inboxes[name]
        wait = 1.0
        while True:
            began = time.monotonic()
            try:
                await adapter.run()
                problem = "it stopped by itself; it is started again."
            except AuthenticationFailed as error:
                problem, wait = str(error), max(wait, 60.0)
            except AdapterError as error:
                problem = str(error)
            except Exception as error:
                log.exception("inbox.bug", inbox=name)
                problem = f"an unexpected {type(error).__name__}; it is started again."
            with contextlib.suppress(RelayError):
                await self._status(inbox, problem)
            wait = 1.0 if time.monotonic() - began > 600 else min(wait * 2, 300.0)
            await asyncio.sleep(wait)

    async def close(self) -> None:
        """Gives back connections."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for name, adapter in self.adapters.items():
            try:
                async with asyncio.timeout(3.0):
                    await adapter.close()
            except Exception as error:
                log.warning("inbox.close_failed", inbox=name, error=type(error).__name__)


@contextlib.asynccontextmanager
async def starting(config: Config) -> AsyncIterator[App]:
    """A bot that has passed its preflight, and is closed at the end. Raises ``RelayError`` with what is wrong."""
    database = connect(config.database.url)
    await database.open()
    try:
        await database.write(migrate)
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=64, keepalive_timeout=60)
        ) as session:
            policy = slack_policy(config)
            identity = await preflight(policy, make_client(policy, session))
            for warning in identity.warnings:
                log.warning("slack.preflight", warning=warning)
            app = App(config, database, session, identity)
            try:
                yield app
            finally:
                await app.close()
    finally:
        await database.close()


async def serve(config: Config) -> None:
    """Runs the bot until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with starting(config) as app:
        running = asyncio.create_task(app.run())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        log.info("app.stopping")
        running.cancel()
        done, _ = await asyncio.wait({running}, timeout=STOPPING)
        for task in done:
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error


async def recount(config: Config, *, repair: bool, say: Callable[[str], None]) -> Recounted:
    """Counts the figures anew. The database is opened alone: the bot must be stopped. Raises ``RelayError``."""
    database = connect(config.database.url)
    await database.open()
    try:
        await database.write(migrate)
        able = {name: Capabilities(inbox.channel.name, 1) for name, inbox in config.inboxes.items()}
        return await count_anew(database, core_policy(config, able), repair=repair, say=say)
    finally:
        await database.close()


async def check(config: Config) -> list[str]:
    """Everything that is wrong with the accounts that app.yaml names; empty when all works.

    Sends nothing and reads no message. The database is opened, alone, and brought to this version's schema.
    """
    problems: list[str] = []
    async with aiohttp.ClientSession() as session:
        policy = slack_policy(config)
        identity = Identity("", "", "", "")
        try:
            identity = await preflight(policy, make_client(policy, session))
            problems += identity.warnings
        except RelayError as error:
            problems += str(error).splitlines()
        database = connect(config.database.url)
        try:
            await database.open()
        except RelayError as error:
            return [*problems, str(error)]
        try:
            await database.write(migrate)
            app = App(config, database, session, identity)
            for name, adapter in app.adapters.items():
                try:
                    await adapter.check()
                except AdapterError as error:
                    problems.append(f"inbox {name}: {error}")
            await app.close()
        finally:
            await database.close()
    return problems
