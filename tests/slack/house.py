"""Two teams and everybody who can be in a workspace, on the real desk; the core is watched: who asks what of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
from typing_extensions import override

from bot.commands.macro_services import Macro
from bot.commands.timing_services import FollowUp
from bot.commands.types import Agent
from bot.desk import State
from bot.messages import AgentId, CustomerId, TeamId, Text
from bot.sandbox.slack import SlackStandIn, interactions
from bot.sandbox.slack.model import Channel, Person
from bot.slack.desk import SlackDesk
from bot.slack.forms import CALLBACK, Kept
from bot.slack.policy import SlackPolicy, TeamPolicy
from tests.commands.fake_services import DAN, DANA, FakeServices
from tests.slack.rig import HAVE_SPECS, REFEREE, Blobs, Rig, policy_for, running

Json = dict[str, Any]
PRESS = TeamId("press")
OUTSIDERS = ("member", "guest", "single", "stranger", "robot", "gone")


def everybody() -> dict[str, Person]:
    """Agents, leads, an admin, and all kinds of people who are none."""
    return {
        "agent1": Person("Kim Lindqvist"),
        "agent2": Person("Amir Haddad"),
        "press": Person("Pia Press"),
        "both": Person("Bo Both"),
        "lead": Person("Ruth Osei"),
        "admin": Person("Ada Admin"),
        "member": Person("Mo Member"),
        "guest": Person("Gus Guest", is_restricted=True),
        "single": Person("Gwen Guest", is_ultra_restricted=True),
        "stranger": Person("Stan Stranger", team_id="T0ELSEWHERE", is_stranger=True),
        "robot": Person("Rob Robot", is_bot=True),
        "gone": Person("Gail Gone", deleted=True),
    }


class Nowhere:
    """Figures: only who may see them is asked here."""

    async def may_see(self, agent: Agent) -> tuple[TeamId, ...]:
        return ()


@dataclass
class TwoTeams(FakeServices):
    """The core in memory, with a second team that has its own Slack channel and agents."""

    press_channel: str = ""
    admins: frozenset[AgentId] = frozenset()
    teams: tuple[TeamPolicy, ...] = ()

    @override
    async def team_of(self, channel: str) -> TeamId | None:
        return PRESS if channel == self.press_channel else await super().team_of(channel)

    @override
    async def may_be_owner(self, agent: AgentId, team: TeamId) -> bool:
        return agent in self._team(team).members or await self.is_lead(agent, team)

    @override
    async def is_lead(self, agent: AgentId, team: TeamId) -> bool:
        return agent in self._team(team).leads | self.admins

    def _team(self, team: TeamId) -> TeamPolicy:
        return next(one for one in self.teams if one.id == team)


class Watched:
    """The core, and the names of all that is asked of it (``desk.transfer``)."""

    def __init__(self, core: Any, asked: list[str], before: str = "") -> None:
        self._core, self._asked, self._before = core, asked, before

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._core, name)
        if not callable(found):
            return Watched(found, self._asked, f"{self._before}{name}.")

        def noted(*args: Any, **more: Any) -> Any:
            self._asked.append(f"{self._before}{name}")
            return found(*args, **more)

        return noted


@dataclass
class House:
    """The rig, and what was asked of the core since ``forget``."""

    rig: Rig
    core: TwoTeams
    asked: list[str]

    def forget(self, being: Json | None = None) -> None:
        """Everything is as in the beginning; ``being`` is what Dana is."""
        _fill(self.core)
        self.core.people["C42"] = replace(DANA, **(being or {}))
        self.asked.clear()
        for person in self.rig.standin.people.values():
            person.ephemerals.clear()
            person.views.clear()

    def seen(self, who: str) -> str:
        """All that one person was shown and nobody else: answers and forms."""
        person = self.rig.standin.people[who]
        shown = (*person.ephemerals, *(view.body for view in person.views))
        return " | ".join(_words(list(shown)))

    async def types(self, who: str, words: str, channel: str = "support") -> None:
        """A slash command, as Slack would deliver it, whoever types it."""
        core = self.rig.standin.core
        name, _, rest = words.partition(" ")
        person, place = self.rig.standin.people[who], self.rig.standin.channels[channel]
        payload = interactions.command_payload(core, person, place, name, rest)
        response = await core.dispatch.ask("slash_commands", payload)
        if response:
            interactions.say_response(core, person, place, response)
        await self.rig.settled()

    async def presses(self, who: str, action: str, value: str, channel: str = "support") -> None:
        """A button below a post of the bot's in Dana's thread, or in another channel."""
        core = self.rig.standin.core
        person, place = self.rig.standin.people[who], self.rig.standin.channels[channel]
        ts = self.rig.place.ts if channel == "support" else core.workspace.next_ts()
        post: Json = {
            "ts": core.workspace.next_ts(),
            "thread_ts": ts,
            "bot_id": "B1",
            "text": "",
            "blocks": [],
        }
        payload = interactions.message_action_payload(core, person, place, post, ephemeral=False)
        payload["actions"] = [
            {"type": "button", "action_id": action, "value": value, "block_id": "b", "action_ts": post["ts"]}
        ]
        await core.dispatch.ask("interactive", payload)
        await self.rig.settled()

    async def submits(
        self, who: str, action: str, context: str, fields: Json, channel: str = "support"
    ) -> Json | None:
        """Send in a form; gives what the desk answered."""
        core = self.rig.standin.core
        person, place = self.rig.standin.people[who], self.rig.standin.channels[channel]
        ids = {key: one.id for key, one in self.rig.standin.people.items()}
        values = {name: {name: _state(ids.get(value) or value)} for name, value in fields.items()}
        payload = interactions.base(core, person, "view_submission") | {
            "trigger_id": core.new_trigger(person.id),
            "view": {
                "id": f"V{core.workspace.next_ts()}",
                "type": "modal",
                "callback_id": CALLBACK,
                "private_metadata": Kept(action, context, place.id, None).packed(),
                "state": {"values": values},
                "blocks": [],
            },
            "response_urls": [],
        }
        response = await core.dispatch.ask("interactive", payload)
        await self.rig.settled()
        return response


def _words(raw: Any) -> list[str]:
    if isinstance(raw, list):
        return [word for one in raw for word in _words(one)]
    if isinstance(raw, dict):
        return [word for key, one in raw.items() if key not in _NOT_READ for word in _words(one)]
    return [raw] if isinstance(raw, str) else []


_NOT_READ = frozenset(
    {"type", "ts", "user", "channel", "bot_id", "app_id", "block_id", "subtype", "thread_ts", "style"}
)


def _state(value: str) -> Json:
    return {"type": "plain_text_input", "value": value, "selected_option": {"value": value}}


def _policy(standin: SlackStandIn) -> SlackPolicy:
    ids = {key: AgentId(person.id) for key, person in standin.people.items()}
    everywhere = frozenset(ids[key] for key in OUTSIDERS if key != "member")  # in a list, and still nobody
    support = TeamPolicy(
        TeamId("support"),
        "Support",
        standin.channels["support"].id,
        members=frozenset({ids["agent1"], ids["agent2"], ids["both"]}) | everywhere,
        leads=frozenset({ids["lead"]}) | everywhere,
    )
    press = TeamPolicy(
        PRESS,
        "Press",
        standin.channels["press"].id,
        members=frozenset({ids["press"]}),
        leads=frozenset({ids["both"]}),
    )
    admins = frozenset({ids["admin"]}) | everywhere
    return replace(policy_for(standin), teams=(support, press), admins=admins)


@asynccontextmanager
async def house() -> AsyncIterator[House]:
    """Everybody is in the channels ``support``, ``press`` and ``random``; only the first two are teams'."""
    channels = {name: Channel(name) for name in ("support", "press", "random")}
    async with (
        SlackStandIn(people=everybody(), channels=channels) as standin,
        aiohttp.ClientSession() as session,
    ):
        for channel in standin.channels.values():
            channel.members |= {person.id for person in standin.people.values()}
        blobs, asked = Blobs(), list[str]()
        policy = _policy(standin)
        desk = SlackDesk(policy, session, blobs)
        core = TwoTeams(channel=standin.channels["support"].id)
        core.press_channel, core.teams, core.admins = (
            standin.channels["press"].id,
            policy.teams,
            policy.admins,
        )
        core.stats = Nowhere()  # type: ignore[assignment]
        _fill(core)
        made = Rig(standin, policy, desk, Watched(core, asked), blobs)  # type: ignore[arg-type]
        async with running(made):
            core.threads = {str(made.place.ts): "C42"}
            yield House(made, core, asked)
        if HAVE_SPECS:
            assert REFEREE.judge_all(standin.calls) == []


def _fill(core: TwoTeams) -> None:
    """A mail, a reply that is held, a macro, a follow-up."""
    core.people = {one.handle: one for one in (DANA, DAN)}
    core.keep(1, "C42", "inbound", Text("Where is my parcel?"), tail=Text("before"))
    core.keep(2, "C42", "outbound", Text("It ships today."), State.HELD)
    core.macros.kept = [Macro(1, "refund", "Hello {customer.first_name|there}", None, 0)]
    core.follow_ups.kept[1] = FollowUp(
        1, AgentId("U1"), CustomerId(42), "C42", "Dana Petrov", TeamId("support"), "ask", 2e9
    )
