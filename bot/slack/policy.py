"""What the desk must know of app.yaml, as frozen data. ``bot/config.py`` fills it; nothing in here reads a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from bot.messages import AgentId, TeamId


class ThreadReplies(StrEnum):
    """What a plain message in a customer's thread is: INTERNAL stays in the team, SEND goes to the customer."""

    INTERNAL = "internal"
    SEND = "send"


class NameFrom(StrEnum):
    """Which name of an agent's Slack profile customers see, where app.yaml has no name for them."""

    REAL_NAME = "real_name"
    FIRST_NAME = "first_name"
    DISPLAY_NAME = "display_name"


@dataclass(frozen=True, slots=True)
class TeamPolicy:
    """One team. ``channel`` is its Slack channel's id, ``fallback`` where threads go on when that one is archived.

    Who may send: ``members`` (Slack user ids), ``leads``, and the people of ``user_group`` (an id ``S…``). Where neither
    ``members`` nor ``user_group`` is set: every full member of the workspace. The people of ``lead_group`` and
    ``admin_group`` are leads and admins, too.
    """

    id: TeamId
    name: str
    channel: str
    members: frozenset[AgentId] = frozenset()
    user_group: str | None = None
    leads: frozenset[AgentId] = frozenset()
    thread_replies: ThreadReplies = ThreadReplies.INTERNAL
    fallback: str | None = None
    lead_group: str | None = None
    admin_group: str | None = None

    @property
    def groups(self) -> tuple[str, ...]:
        """The user groups that it names."""
        return tuple(one for one in (self.user_group, self.lead_group, self.admin_group) if one is not None)

    @property
    def channels(self) -> tuple[str, ...]:
        """Where its threads can be."""
        return (self.channel, self.fallback) if self.fallback else (self.channel,)


@dataclass(frozen=True, slots=True)
class SlackPolicy:
    """The desk's settings. Times in seconds, sizes in bytes.

    ``icons``: channel name → image address or ``:emoji:``. ``public_names``: Slack user id → the name customers see.
    ``max_file``: the largest file that is taken from an agent's message. ``people_ttl``: how long a profile is believed.
    """

    bot_token: str = field(repr=False)
    app_token: str = field(repr=False)
    teams: tuple[TeamPolicy, ...]
    api_url: str = "https://slack.com/api/"
    prefix: str = ""
    admins: frozenset[AgentId] = frozenset()
    public_names: Mapping[str, str] = field(default_factory=dict)
    name_from: NameFrom = NameFrom.REAL_NAME
    icons: Mapping[str, str] = field(default_factory=dict)
    undo_seconds: float = 5.0
    connections: int = 2
    timeout: float = 20.0
    max_file: int = 25_000_000
    people_ttl: float = 300.0
    app_name: str = "Onethread"

    def team(self, team_id: TeamId) -> TeamPolicy | None:
        """The team of that id."""
        return next((team for team in self.teams if team.id == team_id), None)

    def team_at(self, channel: str) -> TeamPolicy | None:
        """The team whose Slack channel it is."""
        return next((team for team in self.teams if channel in team.channels), None)

    @property
    def file_hosts(self) -> frozenset[str]:
        """Where agents' files may be fetched from, besides ``*.slack.com``: the host of ``api_url``, with its port."""
        return frozenset({"files.slack.com", urlsplit(self.api_url).netloc})


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the bot is in its workspace, as ``auth.test`` said at the start. ``warnings`` are sentences for the operator."""

    team_id: str
    team_name: str
    bot_user_id: str
    bot_id: str
    url: str = ""
    warnings: tuple[str, ...] = ()
