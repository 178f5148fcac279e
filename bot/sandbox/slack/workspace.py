"""The state of one workspace: who is there, what was said, what each person's client would have seen."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from .model import Caller, Channel, Json, Person, ResponseUrl, SlackRefusal, StoredFile, Trigger, View

T = TypeVar("T")
JOURNAL = 20_000
"""How many changes `client.updates` can look back on."""


@dataclass(slots=True)
class Change:
    """One thing that clients see: addressed to a channel's members, or to one person."""

    seq: int
    kind: str
    body: Json
    channel: Channel | None = None
    user_id: str | None = None


class Workspace:
    """All state, in memory; no I/O here. Everything runs on one event loop, so nothing is locked."""

    team_id = "T0STANDIN"
    team_name = "Stand-in"
    team_domain = "stand-in"
    app_id = "A0ONETHREAD"
    bot_id = "B0ONETHREAD"

    def __init__(self, bot_user: str, people: Mapping[str, Person], channels: Mapping[str, Channel]) -> None:
        """`people` and `channels` are named by the caller's own keys; empty ids and tokens are filled in."""
        self.bot_token = "xoxb-" + secrets.token_hex(12)
        self.app_token = "xapp-1-" + secrets.token_hex(12)
        self.signing_secret = secrets.token_hex(16)
        self.verification_token = secrets.token_hex(12)
        self.bot = Person("Onethread", "Onethread", "onethread", bot_user, self.bot_token, is_bot=True)
        self.bot.team_id = self.team_id
        self.people = dict(people)
        self.users: dict[str, Person] = {bot_user: self.bot}
        self.channels = dict(channels)
        self.by_id: dict[str, Channel] = {}
        self.files: dict[str, StoredFile] = {}
        self.views: dict[str, View] = {}
        self.triggers: dict[str, Trigger] = {}
        self.response_urls: dict[str, ResponseUrl] = {}
        self.usergroups: dict[str, Json] = {}
        self.tokens: dict[str, Caller] = {
            self.bot_token: Caller("bot", bot_user),
            self.app_token: Caller("app", bot_user),
        }
        self.client_msg_ids: dict[tuple[str, str], str] = {}  # (channel id, client_msg_id) -> ts
        self._journal: deque[Change] = deque(maxlen=JOURNAL)
        self._seq = 0
        self._last_ts = 0
        self._ids = itertools.count(1)
        self._watchers: set[asyncio.Future[None]] = set()
        self.revoked = False  # the app was uninstalled: its tokens are refused
        for key, person in self.people.items():
            self.add_person(key, person)
        for name, channel in self.channels.items():
            self.add_channel(name, channel)

    # -- people and channels -------------------------------------------------------------------------

    def add_person(self, key: str, person: Person) -> Person:
        """Take a person in under `key`, with id, handle and token filled in."""
        person.id = person.id or f"U0{next(self._ids):03d}{key.upper()[:6]}".replace("_", "")
        person.name = person.name or person.real_name.split(" ")[0].lower()
        person.display_name = person.display_name or person.real_name.split(" ")[0]
        person.team_id = person.team_id or ("T0ELSEWHERE" if person.is_stranger else self.team_id)
        person.token = person.token or "xoxp-" + secrets.token_hex(12)
        person.image = person.image or f"https://avatars.stand-in.example/{person.name}.png"
        self.people[key] = self.users[person.id] = person
        self.tokens[person.token] = Caller("user", person.id)
        return person

    def add_channel(self, name: str, channel: Channel) -> Channel:
        """Take a channel in; without members everybody who is no stranger and no bot user is in it."""
        if not channel.id:
            letter = {"im": "D", "group": "G", "mpim": "G"}.get(channel.kind, "C")
            channel.id = (
                f"{letter}0{next(self._ids):03d}{''.join(c for c in name.upper() if c.isalnum())[:6]}"
            )
        channel.name = channel.name or name
        channel.created = channel.created or int(time.time())
        if not channel.members:
            everyone = self.people.values()
            channel.members = {p.id for p in everyone if not (p.is_bot or p.is_stranger)}
        if channel.bot_is_member:
            channel.members.add(self.bot.id)
        self.note_sharing(channel)
        self.channels[name] = self.by_id[channel.id] = channel
        return channel

    def note_sharing(self, channel: Channel) -> None:
        """A channel with a member of another team is a shared one (Slack Connect)."""
        if any(self.users[member].team_id != self.team_id for member in channel.members):
            channel.is_ext_shared = True

    def add_usergroup(self, handle: str, users: Sequence[str]) -> str:
        """A user group of these user ids; its id (S…)."""
        group_id = self.next_id("S")
        self.usergroups[group_id] = {
            "id": group_id,
            "team_id": self.team_id,
            "is_usergroup": True,
            "is_subteam": True,
            "name": handle,
            "handle": handle,
            "description": "",
            "is_external": False,
            "date_create": int(time.time()),
            "date_update": int(time.time()),
            "date_delete": 0,
            "users": list(users),
        }
        return group_id

    def person(self, user_id: str) -> Person:
        """The account with this id, or `user_not_found`."""
        found = self.users.get(user_id)
        if found is None:
            raise SlackRefusal("user_not_found")
        return found

    def find_channel(self, ref: str) -> Channel | None:
        """A channel by id, `#name` or name."""
        return self.by_id.get(ref) or self.channels.get(ref.removeprefix("#"))

    def direct(self, first: str, second: str) -> tuple[Channel, bool]:
        """The direct conversation of two accounts, and whether it existed."""
        pair = {first, second}
        for channel in self.by_id.values():
            if channel.kind == "im" and channel.members == pair:
                return channel, True
        name = "dm-" + "-".join(sorted(pair))
        made = Channel(name, kind="im", members=pair, bot_is_member=self.bot.id in pair)
        self.add_channel(name, made)
        self.record("channel", {"channel": made.id}, made)
        return made, False

    def channel_for(self, ref: str, caller: Caller, error: str = "channel_not_found") -> Channel:
        """The channel that `caller` may see, else the method's own way to say that there is none."""
        channel = self.find_channel(ref)
        if channel is None and ref in self.users:
            channel = self.direct(caller.user_id, ref)[0]
        if channel is None or (channel.kind != "channel" and caller.user_id not in channel.members):
            raise SlackRefusal(error)
        return channel

    # -- time and ids --------------------------------------------------------------------------------

    def next_ts(self) -> str:
        """A timestamp: microseconds, unique and rising in the whole workspace."""
        self._last_ts = max(self._last_ts + 1, time.time_ns() // 1000)
        seconds, micros = divmod(self._last_ts, 1_000_000)
        return f"{seconds}.{micros:06d}"

    def next_id(self, letter: str) -> str:
        """A fresh id such as `V0000A1B2C3`."""
        return f"{letter}{next(self._ids):04d}{secrets.token_hex(3).upper()}"

    # -- what clients see, and waiting for it --------------------------------------------------------

    @property
    def cursor(self) -> int:
        """The number of the newest change."""
        return self._seq

    def record(
        self, kind: str, body: Json, channel: Channel | None = None, user_id: str | None = None
    ) -> None:
        """Note a change for the clients it concerns and wake everybody who waits."""
        self._seq += 1
        self._journal.append(Change(self._seq, kind, body, channel, user_id))
        self.changed()

    def since(self, cursor: int, user_id: str) -> list[Json] | None:
        """What `user_id` would have seen after `cursor`; None when that is too long ago."""
        if self._journal and cursor < self._journal[0].seq - 1:
            return None
        newer = itertools.islice(self._journal, max(0, len(self._journal) - (self._seq - cursor)), None)
        return [{"seq": c.seq, "kind": c.kind, **c.body} for c in newer if self._concerns(c, user_id)]

    @staticmethod
    def _concerns(change: Change, user_id: str) -> bool:
        if change.channel is not None and user_id not in change.channel.members:
            return False
        return change.user_id is None or change.user_id == user_id

    def changed(self) -> None:
        """Wake every waiter: something in the workspace or on the wire is different."""
        if self._watchers:
            for watcher in self._watchers:
                if not watcher.done():
                    watcher.set_result(None)
            self._watchers.clear()

    async def wait_for(self, predicate: Callable[[], T], timeout: float = 5.0) -> T:
        """Return the first truthy value of `predicate`, asked now and after every change; `timeout` seconds."""
        async with asyncio.timeout(timeout):
            while not (value := predicate()):
                watcher: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._watchers.add(watcher)
                try:
                    await watcher
                finally:
                    self._watchers.discard(watcher)
        return value

    # -- messages ------------------------------------------------------------------------------------

    def thread(self, channel: Channel, thread_ts: str) -> list[Json]:
        """The root and its replies, oldest first."""
        found: Iterable[str] = (thread_ts, *channel.replies.get(thread_ts, ()))
        return [channel.messages[ts] for ts in found if ts in channel.messages]
