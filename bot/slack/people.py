"""Who is who in Slack: who may send, and under which public name. Profiles are believed for some minutes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import Any

from bot.commands.types import Agent, Role
from bot.commands.words import zone_of
from bot.errors import DeliveryError
from bot.messages import AgentId, TeamId
from bot.slack.api import SlackApi
from bot.slack.names import safe_name
from bot.slack.policy import Identity, NameFrom, SlackPolicy, TeamPolicy

_OTHERS = (
    "is_bot",
    "is_restricted",
    "is_ultra_restricted",
    "is_stranger",
    "deleted",
    "is_app_user",
    "is_workflow_bot",
)
_PICTURES = ("image_192", "image_72", "image_48")


class People:
    """Profiles and roles, from ``users.info``, the teams' lists and user groups."""

    def __init__(self, policy: SlackPolicy, api: SlackApi, identity: Identity) -> None:
        self._policy = policy
        self._api = api
        self._identity = identity
        self._profiles: dict[str, tuple[float, dict[str, Any]]] = {}
        self._groups: dict[str, tuple[float, frozenset[str]]] = {}

    async def agent(self, user_id: str, team: TeamId | None) -> Agent:
        """Who a user is for a team (None: for any team). Somebody unknown is an OUTSIDER."""
        profile = await self._profile(user_id)
        role = await self._role(user_id, profile, team)
        return Agent(
            AgentId(user_id), self._public_name(user_id, profile), role, _picture(profile), _zone(profile)
        )

    async def names(self, user_ids: Iterable[str]) -> Mapping[str, str]:
        """Public names of people, for words that go to a customer."""
        return {user_id: self._public_name(user_id, await self._profile(user_id)) for user_id in user_ids}

    async def _role(self, user_id: str, profile: dict[str, Any], team: TeamId | None) -> Role:
        if not self._ours(profile):
            return Role.OUTSIDER
        if AgentId(user_id) in self._policy.admins:
            return Role.ADMIN
        if await self._in_any(user_id, [found.admin_group for found in self._policy.teams]):
            return Role.ADMIN
        teams = [found for found in self._policy.teams if team is None or found.id == team]
        if any(AgentId(user_id) in found.leads for found in teams):
            return Role.LEAD
        if await self._in_any(user_id, [found.lead_group for found in teams]):
            return Role.LEAD
        for found in teams:
            if await self._belongs(user_id, found):
                return Role.AGENT
        return Role.OUTSIDER

    def _ours(self, profile: dict[str, Any]) -> bool:
        """A full member of this workspace: no bot, no guest, nobody from elsewhere."""
        if not profile or any(profile.get(flag) for flag in _OTHERS):
            return False
        teams = {profile.get("team_id")} | set((profile.get("enterprise_user") or {}).get("teams") or ())
        return self._identity.team_id in teams

    async def _belongs(self, user_id: str, team: TeamPolicy) -> bool:
        if AgentId(user_id) in team.members:
            return True
        if team.user_group is not None:
            return user_id in await self._group(team.user_group)
        return not team.members

    async def _in_any(self, user_id: str, groups: list[str | None]) -> bool:
        """Whether somebody is in one of these user groups; one that cannot be read makes nobody more than they are."""
        for group in groups:
            if group is None:
                continue
            try:
                if user_id in await self._group(group):
                    return True
            except DeliveryError:
                continue
        return False

    async def _group(self, group: str) -> frozenset[str]:
        until, known = self._groups.get(group, (0.0, frozenset()))
        if until > time.monotonic():
            return known
        try:
            answer = await self._api.call("usergroups.users.list", usergroup=group)
        except DeliveryError:
            if until:
                return known
            raise
        users = frozenset(str(user) for user in answer.get("users", ()))
        self._groups[group] = (time.monotonic() + self._policy.people_ttl, users)
        return users

    async def _profile(self, user_id: str) -> dict[str, Any]:
        until, known = self._profiles.get(user_id, (0.0, {}))
        if until > time.monotonic():
            return known
        answer, code = await self._api.call_raw(
            "users.info", frozenset({"user_not_found", "user_not_visible"}), user=user_id
        )
        profile = {} if code else dict(answer.get("user") or {})
        await asyncio.to_thread(zone_of, _zone(profile))  # a file is read, the first time
        if len(self._profiles) > 5000:
            self._profiles.clear()
        self._profiles[user_id] = (time.monotonic() + self._policy.people_ttl, profile)
        return profile

    def forget(self, user_id: str) -> None:
        """The profile changed."""
        self._profiles.pop(user_id, None)

    def _public_name(self, user_id: str, user: dict[str, Any]) -> str:
        """From app.yaml, else from the profile; never the Slack handle."""
        given = self._policy.public_names.get(user_id)
        if given:
            return safe_name(given)
        profile = user.get("profile") or {}
        real = str(profile.get("real_name") or user.get("real_name") or "").strip()
        name = real
        if self._policy.name_from is NameFrom.FIRST_NAME:
            name = str(profile.get("first_name") or (real.split() or [""])[0])
        elif self._policy.name_from is NameFrom.DISPLAY_NAME:
            name = str(profile.get("display_name") or real)
        return safe_name(name) if name.strip() else "Support"


def _picture(user: dict[str, Any]) -> str | None:
    profile = user.get("profile") or {}
    found = next((profile[size] for size in _PICTURES if profile.get(size)), None)
    return str(found) if found else None


def _zone(user: dict[str, Any]) -> str:
    return str(user.get("tz") or "UTC")
