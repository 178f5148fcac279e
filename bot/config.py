"""Reads app.yaml: ``load`` gives a ``Config``, or one ``ConfigError`` that lists every problem with line, key and cure.

``${NAME}`` is filled in from the environment, and secrets stand in the file only so. An inbox's keys are checked by the
settings model of its channel, so that a channel installed from outside is configured like a built-in one.
Only ``bot/app.py`` reads a ``Config``; it hands each object a frozen policy of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from bot.contract import Channel
from bot.messages import InboxId, TeamId
from bot.settings.modelcheck import check, nearest
from bot.settings.sections import (
    Commands,
    Customers,
    Database,
    Limits,
    Log,
    Pace,
    Quarantine,
    Sections,
    Slack,
    Team,
    Web,
)
from bot.settings.sections_base import HANDLE, HANDLE_WORDS
from bot.settings.sections_ratings import Ratings
from bot.settings.sections_sla import HoursSection, Sla, unknown_names
from bot.settings.sections_stats import Stats
from bot.settings.sections_timing import Answers, Reminders, unknown_inboxes
from bot.settings.yamlfile import Document, Key, read

ENTRY_POINTS = "onethread.adapters"
"""The entry point group in which a package offers its ``bot.contract.Channel``."""


@dataclass(frozen=True, slots=True)
class Inbox:
    """One account on a channel. ``settings`` is an instance of the channel's own settings model."""

    id: InboxId
    channel: Channel
    team: TeamId
    settings: BaseModel


@dataclass(frozen=True, slots=True)
class Config:
    """What ``load`` returns: every section, with defaults filled in. Relative paths are relative to the working directory."""

    path: Path
    slack: Slack
    commands: Commands
    teams: dict[TeamId, Team]
    inboxes: dict[InboxId, Inbox]
    database: Database
    data_dir: Path
    secret_key: tuple[SecretStr, ...]
    customers: Customers
    quarantine: Quarantine
    limits: Limits
    pace: Pace
    web: Web
    log: Log
    zone: str = "UTC"
    hours: dict[str, HoursSection] = field(default_factory=dict)
    sla: tuple[Sla, ...] = ()
    reminders: Reminders = field(default_factory=Reminders)
    answers: Answers = field(default_factory=Answers)
    stats: Stats = field(default_factory=Stats)
    ratings: Ratings = field(default_factory=Ratings)


def load(
    path: Path, environ: Mapping[str, str], channels: Mapping[str, Callable[[], Channel]] | None = None
) -> Config:
    """Reads app.yaml. Raises one ``ConfigError`` whose text lists everything that is wrong, a line each.

    ``channels`` are those that inboxes may be on, each loaded only when an inbox names it; by default all that are
    installed (entry points of the group ``onethread.adapters``).
    """
    document = read(path, environ)
    if not document.data:
        document.fail()
    data = {key: value for key, value in document.data.items() if key != "inboxes"}
    sections = check(document, Sections, data)
    inboxes = _Inboxes(document, installed_channels() if channels is None else channels).read()
    _check_teams(document)
    _check_promises(document, inboxes)
    _check_database(document)
    document.fail()
    assert sections is not None, "a section that is wrong has been told"
    return Config(
        path=path,
        slack=sections.slack,
        commands=sections.commands,
        teams={TeamId(name): team for name, team in sections.teams.items()},
        inboxes=inboxes,
        database=sections.database,
        data_dir=sections.data_dir,
        secret_key=sections.secret_key,
        customers=sections.customers,
        quarantine=sections.quarantine,
        limits=sections.limits,
        pace=sections.pace,
        web=sections.web,
        log=sections.log,
        zone=sections.zone,
        hours=dict(sections.hours),
        sla=sections.sla,
        reminders=sections.reminders,
        answers=sections.answers,
        stats=sections.stats,
        ratings=sections.ratings,
    )


def installed_channels() -> dict[str, Callable[[], Channel]]:
    """What installed packages offer, by name; nothing is imported before it is called."""
    return {point.name: point.load for point in entry_points(group=ENTRY_POINTS)}


class _Inboxes:
    """Reads the inboxes: each is checked by the settings model of the channel that it names."""

    def __init__(self, document: Document, channels: Mapping[str, Callable[[], Channel]]) -> None:
        self._document = document
        self._channels = channels
        self._teams = document.data.get("teams")

    def read(self) -> dict[InboxId, Inbox]:
        """Those that are right; what is wrong with the others has been noted."""
        given = self._document.data.get("inboxes")
        if not isinstance(given, dict) or not given:
            self._document.add(
                ("inboxes",),
                "there is no inbox",
                "Add one: a name, and under it channel, team and the channel's own keys.",
            )
            return {}
        read = (self._inbox(name, body) for name, body in given.items())
        return {inbox.id: inbox for inbox in read if inbox}

    def _inbox(self, name: str, body: Any) -> Inbox | None:
        key: Key = ("inboxes", name)
        if not re.fullmatch(HANDLE, name):
            self._document.add(key, HANDLE_WORDS, "For example support-mail.")
        if not isinstance(body, dict):
            self._document.add(
                key, "an inbox is a list of keys", "Give it channel, team and the channel's own keys."
            )
            return None
        channel = self._channel(body, key)
        team = self._team(body, key)
        if channel is None:
            return None
        own = {k: v for k, v in body.items() if k not in ("channel", "team")}
        settings = check(self._document, channel.settings, {**(channel.defaults or {}), **own}, key)
        return Inbox(InboxId(name), channel, team, settings) if settings and team else None

    def _channel(self, body: Mapping[str, Any], key: Key) -> Channel | None:
        name = body.get("channel")
        known = f"Installed channels: {', '.join(sorted(self._channels)) or 'none'}."
        if name is None:
            guess = nearest("channel", list(body))
            if guess:
                self._document.add((*key, guess), "there is no such key", 'Did you mean "channel"?')
            else:
                self._document.add((*key, "channel"), "this is missing", known)
            return None
        if not isinstance(name, str) or name not in self._channels:
            guess = nearest(str(name), list(self._channels))
            cure = f'Did you mean "{guess}"?' if guess else known
            self._document.add((*key, "channel"), f"there is no channel {name!r}", cure)
            return None
        try:
            return self._channels[name]()
        except Exception as error:
            self._document.add(
                (*key, "channel"),
                f"the channel {name} is installed but cannot be loaded ({type(error).__name__}: {error})",
                "Install its package anew, or remove this inbox.",
            )
            return None

    def _team(self, body: Mapping[str, Any], key: Key) -> TeamId | None:
        team = body.get("team")
        teams = self._teams if isinstance(self._teams, dict) else {}
        if team is None:
            self._document.add((*key, "team"), "this is missing", f"One of: {', '.join(teams) or 'a team'}.")
        elif not isinstance(team, str) or team not in teams:
            guess = nearest(str(team), list(teams))
            cure = f'Did you mean "{guess}"?' if guess else f"Known teams: {', '.join(teams) or 'none'}."
            self._document.add((*key, "team"), f"there is no team {team!r}", cure)
        else:
            return TeamId(team)
        return None


def _check_teams(document: Document) -> None:
    """Every team has Slack channels of its own, and somebody who may answer."""
    teams = document.data.get("teams")
    taken: dict[str, str] = {}
    for name, team in teams.items() if isinstance(teams, dict) else ():
        if not isinstance(team, dict):
            continue
        for which in ("slack_channel", "fallback_channel"):
            channel = team.get(which)
            if isinstance(channel, str) and channel:
                if channel in taken:
                    document.add(
                        ("teams", name, which),
                        f"{taken[channel]} is this Slack channel already",
                        "Give each team channels of its own.",
                    )
                taken.setdefault(channel, f"teams.{name}.{which}")
        seen = team.get("sees")
        known = list(teams) if isinstance(teams, dict) else []
        for other in seen if isinstance(seen, list) else ():
            if other not in known:
                cure = f"Known teams: {', '.join(known)}."
                document.add(("teams", name, "sees"), f"there is no team {other!r}", cure)
        if not any(
            team.get(who) for who in ("members", "user_group", "leads", "lead_group", "admins", "admin_group")
        ):
            cure = "List members (Slack user ids), or name a user_group."
            document.add(("teams", name, "members"), "nobody may answer this team's customers", cure)


def _check_promises(document: Document, inboxes: Mapping[InboxId, Inbox]) -> None:
    """Hours, inboxes, teams and channels that policies name are there."""
    hours, policies, teams = (document.data.get(name) for name in ("hours", "sla", "teams"))
    listed = policies if isinstance(policies, list) else []
    for key, what, cure in unknown_names(hours if isinstance(hours, dict) else {}, listed, teams):
        document.add(key, what, cure)
    for section in ("answers", "ratings"):
        for key, what, cure in unknown_inboxes(document.data.get(section), inboxes, section):
            document.add(key, what, cure)
    known = {
        "inbox": list(inboxes),
        "team": list(teams) if isinstance(teams, dict) else [],
        "channel": sorted({one.channel.name for one in inboxes.values()}),
    }
    for number, policy in enumerate(listed):
        when = policy.get("when") if isinstance(policy, dict) else None
        for field_name, names in known.items():
            given = when.get(field_name) if isinstance(when, dict) else None
            for one in given if isinstance(given, list) else [given] if given is not None else []:
                if one not in names:
                    cure = f"There are: {', '.join(names) or 'none'}."
                    document.add(
                        ("sla", number, "when", field_name), f"there is no {field_name} {one!r}", cure
                    )


def _check_database(document: Document) -> None:
    """A database password is a secret like any other."""
    database = document.data.get("database")
    url = database.get("url") if isinstance(database, dict) else None
    key = ("database", "url")
    if isinstance(url, str) and re.search(r"://[^/@:]*:[^@/$]+@", document.raw.get(key, url)):
        document.add(
            key,
            "a password may not stand in this file",
            'Write url: "${DATABASE_URL}" and set that variable in the environment.',
        )
