"""Who may send, and under which name: from profiles, lists and user groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from bot.commands.types import Role
from bot.errors import DeliveryError
from bot.messages import AgentId, TeamId
from bot.sandbox.slack.model import Person
from bot.slack.people import People
from bot.slack.policy import Identity, NameFrom
from bot.slack.preflight import preflight
from tests.slack.rig import Rig, rig

SUPPORT = TeamId("support")


async def people(desk: Rig, **more: Any) -> People:
    identity = await preflight(replace(desk.policy, teams=()), desk.desk.client)
    return People(replace(desk.policy, **more), desk.desk.api, identity)


def crowd(**flags: Mapping[str, Any]) -> dict[str, Person]:
    """One full member and others that are not."""
    made = {"agent1": Person("Kim Lindqvist", "kimmie", "kim_secret")}
    for key, given in flags.items():
        made[key] = Person(key.title(), key, key, **given)
    return made


async def test_roles_come_from_the_lists() -> None:
    async with rig(run=False) as desk:
        ids = {key: person.id for key, person in desk.standin.people.items()}
        known = await people(desk, admins=frozenset({AgentId(ids["agent2"])}))
        roles = {key: (await known.agent(user, SUPPORT)).role for key, user in ids.items()}
        assert roles == {
            "agent1": Role.AGENT,
            "agent2": Role.ADMIN,
            "lead": Role.LEAD,
            "guest": Role.OUTSIDER,
            "outsider": Role.OUTSIDER,
        }
        assert (await known.agent("U0NOBODY", SUPPORT)).role is Role.OUTSIDER
        assert (await known.agent(ids["agent1"], TeamId("other"))).role is Role.OUTSIDER
        assert (await known.agent(ids["agent1"], None)).role is Role.AGENT


async def test_guests_bots_and_strangers_are_outsiders_even_on_the_list() -> None:
    flags = {
        "guest": {"is_restricted": True},
        "single": {"is_ultra_restricted": True},
        "robot": {"is_bot": True},
        "stranger": {"is_stranger": True},
        "elsewhere": {"team_id": "T0OTHER"},
        "gone": {"deleted": True},
    }
    async with rig(run=False, people=crowd(**flags)) as desk:
        everybody = frozenset(AgentId(person.id) for person in desk.standin.people.values())
        team = replace(desk.policy.teams[0], members=everybody, leads=everybody)
        known = await people(desk, teams=(team,), admins=everybody)
        for key in flags:
            assert (await known.agent(desk.standin.people[key].id, SUPPORT)).role is Role.OUTSIDER, key
        assert (await known.agent(desk.standin.people["agent1"].id, SUPPORT)).role is Role.ADMIN


async def test_a_user_group_is_a_list_too() -> None:
    async with rig(run=False, usergroups={"desk": ["outsider"]}) as desk:
        group = desk.standin.usergroups["desk"]
        team = replace(desk.policy.teams[0], user_group=group)
        known = await people(desk, teams=(team,))
        olga = desk.standin.people["outsider"].id
        assert (await known.agent(olga, SUPPORT)).role is Role.AGENT
        await known.agent(olga, SUPPORT)
        assert len(desk.standin.calls_of("usergroups.users.list")) == 1
        assert len(desk.standin.calls_of("users.info")) == 1
        known.forget(olga)
        await known.agent(olga, SUPPORT)
        assert len(desk.standin.calls_of("users.info")) == 2


async def test_leads_and_admins_by_user_group_and_by_list() -> None:
    groups = {"leads": ["agent1"], "admins": ["agent2"]}
    async with rig(run=False, usergroups=groups) as desk:
        ids = {name: person.id for name, person in desk.standin.people.items()}
        team = replace(
            desk.policy.teams[0],
            leads=frozenset({AgentId(ids["lead"])}),
            lead_group=desk.standin.usergroups["leads"],
            admin_group=desk.standin.usergroups["admins"],
        )
        other = replace(team, id=TeamId("press"), channel="C0PRESS", lead_group=None, leads=frozenset())
        known = await people(desk, teams=(team, other), admins=frozenset())

        async def role(who: str, of: TeamId) -> Role:
            return (await known.agent(ids[who], of)).role

        assert await role("lead", SUPPORT) is Role.LEAD
        assert await role("agent1", SUPPORT) is Role.LEAD
        assert await role("agent1", other.id) is Role.AGENT, "of their own team only"
        assert await role("agent2", SUPPORT) is Role.ADMIN and await role("agent2", other.id) is Role.ADMIN


async def test_a_group_of_leads_that_cannot_be_read_makes_nobody_more_than_they_are() -> None:
    async with rig(run=False, usergroups={"leads": ["agent1"]}) as desk:
        team = replace(desk.policy.teams[0], lead_group=desk.standin.usergroups["leads"])
        known = await people(desk, teams=(team,), admins=frozenset())
        desk.standin.faults.fail("usergroups.users.list")
        assert (await known.agent(desk.standin.people["agent1"].id, SUPPORT)).role is Role.AGENT


async def test_a_group_that_cannot_be_read_lets_nobody_in_and_later_keeps_whom_it_knew() -> None:
    async with rig(run=False, usergroups={"desk": ["outsider"]}) as desk:
        team = replace(desk.policy.teams[0], user_group=desk.standin.usergroups["desk"])
        known = await people(desk, teams=(team,), people_ttl=0.0)
        olga = desk.standin.people["outsider"].id
        desk.standin.faults.fail("usergroups.users.list")
        with pytest.raises(DeliveryError):
            await known.agent(olga, SUPPORT)
        assert (await known.agent(olga, SUPPORT)).role is Role.AGENT
        desk.standin.faults.fail("usergroups.users.list")
        assert (await known.agent(olga, SUPPORT)).role is Role.AGENT


async def test_without_any_list_every_full_member_is_an_agent() -> None:
    async with rig(run=False) as desk:
        team = replace(desk.policy.teams[0], members=frozenset())
        known = await people(desk, teams=(team,))
        assert (await known.agent(desk.standin.people["outsider"].id, SUPPORT)).role is Role.AGENT
        assert (await known.agent(desk.standin.people["guest"].id, SUPPORT)).role is Role.OUTSIDER


@pytest.mark.parametrize(
    ("name_from", "public", "name"),
    [
        (NameFrom.REAL_NAME, False, "Kim Lindqvist"),
        (NameFrom.FIRST_NAME, False, "Kim"),
        (NameFrom.DISPLAY_NAME, False, "kimmie"),
        (NameFrom.REAL_NAME, True, "Kim from the shop"),
    ],
)
async def test_public_names(name_from: NameFrom, public: bool, name: str) -> None:
    async with rig(run=False) as desk:
        kim = desk.standin.people["agent1"].id
        given = {kim: name} if public else {}
        known = await people(desk, name_from=name_from, public_names=given)
        agent = await known.agent(kim, SUPPORT)
        assert agent.name == name and "secret" not in agent.name
        assert await known.names([kim]) == {kim: name}
        assert agent.zone == "Europe/Stockholm" and agent.image is not None


@pytest.mark.parametrize(
    ("profile", "name"),
    [
        ({"name": "kim_secret", "profile": {}}, "Support"),
        ({"name": "kim_secret", "profile": {"real_name": " "}}, "Support"),
        ({"name": "kim_secret", "real_name": "Kim L.", "profile": {}}, "Kim L."),
        ({"name": "kim_secret", "profile": {"real_name": "Kim\u202e<b>"}}, "Kim‹b›"),
    ],
)
async def test_the_handle_is_never_the_name(profile: dict[str, Any], name: str) -> None:
    async with rig(run=False) as desk:
        known = People(desk.policy, desk.desk.api, Identity("T", "t", "U", "B"))
        assert known._public_name("U1", profile) == name
