"""Who may what: every command and every action, on each face, by everybody who can be in a workspace."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from bot.commands.help import make_registry
from bot.commands.registry import OUTSIDER_SENTENCE
from bot.commands.types import Face, Role
from tests.slack.house import OUTSIDERS, House, house
from tests.slack.matrix import DANA, PRESSED, TYPED, Elsewhere, Pressed, Typed

REGISTRY = make_registry()
HARMLESS = {"team_of", "at_thread"}
"""What may be asked for anybody: whose channel and whose thread it is."""
OTHER_TEAM = re.compile(
    r"another team, support, and you are not in it|[Yy]ou are not in (that team|the team support)"
)
ROLES = {"agent1": Role.AGENT, "lead": Role.LEAD, "admin": Role.ADMIN}
RANK = {Role.AGENT: 1, Role.LEAD: 2, Role.ADMIN: 3}
COMMANDS = [(name, row) for name, rows in TYPED.items() for row in rows]
SLASHED = {command.name for command in REGISTRY.commands if Face.SLASH in command.faces}


@pytest.fixture
async def home() -> AsyncIterator[House]:
    """The house, open."""
    async with house() as opened:
        yield opened


def test_every_command_and_every_action_has_a_row() -> None:
    assert set(TYPED) == {command.name for command in REGISTRY.commands}
    assert set(PRESSED) == REGISTRY.action_names
    assert {shortcut.action for shortcut in REGISTRY.shortcuts} <= set(PRESSED)
    for command in REGISTRY.commands:
        assert min(RANK[row.needs] for row in TYPED[command.name]) == RANK[command.role], command.name
        on_thread = any(row.short is not None for row in TYPED[command.name])
        assert on_thread == (Face.THREAD in command.faces), command.name
    for name, row in PRESSED.items():
        action = REGISTRY.action(name)
        assert action is not None and action.role is row.needs, name


@pytest.mark.parametrize("who", OUTSIDERS)
async def test_outsiders_do_nothing_and_see_nothing_by_commands(home: House, who: str) -> None:
    """Even where a list of app.yaml names them: guests, people from elsewhere, bots, and who has left."""
    wrong = []
    for name, row in COMMANDS:
        for channel in ("support", "press", "random") if name in SLASHED else ():
            home.forget()
            await home.types(who, f"/{name} {row.words}".strip(), channel)
            if home.seen(who).count(OUTSIDER_SENTENCE) != 2 or _learned(home, who):
                wrong.append(f"/{name} {row.words} in {channel}: {home.asked} {home.seen(who)[:300]}")
        if row.short is not None and who != "gone":
            home.forget()
            await home.rig.say(who, f"!{name} {row.short}".strip())
            await home.rig.settled()
            if _learned(home, who) or home.seen(who).count(OUTSIDER_SENTENCE) != 2:
                wrong.append(f"!{name} {row.short}: {home.asked} {home.seen(who)[:300]}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("who", OUTSIDERS)
async def test_outsiders_do_nothing_and_see_nothing_by_buttons_and_forms(home: House, who: str) -> None:
    wrong = []
    for name, row in PRESSED.items():
        for channel in ("support", "press", "random"):
            home.forget()
            await home.presses(who, name, row.value, channel)
            if _learned(home, who):
                wrong.append(f"{name} pressed in {channel}: {home.asked} {home.seen(who)[:300]}")
        home.forget()
        answer = await home.submits(who, name, row.value, row.fields)
        if _learned(home, who) or "Dana" in str(answer):
            wrong.append(f"{name} sent: {home.asked} {answer}")
    assert not wrong, "\n".join(wrong)
    home.forget()
    act = home.rig.standin.act
    for shortcut in REGISTRY.shortcuts:
        place = {"channel": home.rig.channel, "ts": home.rig.place.ts} if shortcut.on_message else {}
        await act(who, "blocks.actions", callback_id=shortcut.action, **place)
    await home.rig.settled()
    assert not _learned(home, who)
    await act(who, "client.home")
    view = await home.rig.wait(lambda: home.rig.standin.people[who].home)
    assert view is not None
    assert "You are in none of the teams" in str(view.body) and "Dana" not in str(view.body)
    assert "home.home" not in home.asked


async def test_outsiders_find_no_customer_in_a_form_that_they_still_have(home: House) -> None:
    """Somebody was an agent when the form opened."""
    await home.types("agent1", "/reply")
    view = await home.rig.view("agent1")
    found = await home.rig.standin.act(
        "agent1", "blocks.suggestion", view_id=view["id"], action_id="customer", value=""
    )
    assert len(found["options"]) == 2
    home.rig.standin.people["agent1"].is_restricted = True
    home.rig.standin.core.emit({"type": "user_change", "user": {"id": home.rig.standin.people["agent1"].id}})
    await home.rig.settled()
    home.forget()
    home.rig.standin.people["agent1"].views.append(home.rig.standin.workspace.views[view["id"]])
    found = await home.rig.standin.act(
        "agent1", "blocks.suggestion", view_id=view["id"], action_id="customer", value=""
    )
    assert found["options"] == [] and set(home.asked) <= HARMLESS


def _learned(home: House, who: str) -> bool:
    """Whether somebody made the core do or say anything, or saw words of a customer."""
    return not set(home.asked) <= HARMLESS or "Dana" in home.seen(who) or "mail.example" in home.seen(who)


async def test_an_agent_of_another_team_is_nobody_in_this_teams_channel(home: House) -> None:
    wrong = []
    for name, row in [one for one in COMMANDS if one[0] in SLASHED]:
        home.forget()
        await home.types("press", f"/{name} {row.words}".strip())
        if OUTSIDER_SENTENCE not in home.seen("press") or _learned(home, "press"):
            wrong.append(f"/{name} {row.words}: {home.asked} {home.seen('press')[:300]}")
    for action, pressed in PRESSED.items():
        home.forget()
        await home.presses("press", action, pressed.value)
        if _learned(home, "press"):
            wrong.append(f"{action}: {home.asked}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("channel", ["press", "random"])
async def test_an_agent_of_another_team_is_refused_with_a_sentence(home: House, channel: str) -> None:
    """In their own channel, or where no team is: naming our customer gives one sentence and nothing else."""
    wrong = []
    for name, row in COMMANDS:
        if row.needs is not Role.AGENT or name not in SLASHED:
            continue
        home.forget()
        await home.types("press", f"/{name} {row.words}".strip(), channel)
        if not _as_told(home, row, home.seen("press")):
            wrong.append(f"/{name} {row.words}: {home.asked} {home.seen('press')[:300]}")
    for action, pressed in PRESSED.items():
        if pressed.elsewhere is Elsewhere.NUMBER or pressed.needs is not Role.AGENT:
            continue
        home.forget()
        answer = ""
        if pressed.fields:
            answer = str(await home.submits("press", action, pressed.value, pressed.fields, channel))
        else:
            await home.presses("press", action, pressed.value, channel)
        if not _as_told(home, pressed, home.seen("press") + answer):
            wrong.append(f"{action}: {home.asked} {home.seen('press')[:300]} {answer}")
    assert not wrong, "\n".join(wrong)


def _as_told(home: House, row: Typed | Pressed, seen: str) -> bool:
    if row.elsewhere is Elsewhere.REFUSED:
        return bool(OTHER_TEAM.search(seen)) and not _changes(home)
    if "Write this in the team's channel" in seen:
        return True
    return not OTHER_TEAM.search(seen) and (not row.asks or row.asks in home.asked)


def _changes(home: House) -> list[str]:
    looks = HARMLESS | {"may_be_owner", "is_lead", "lookup", "person", "macros.visible"}
    return [one for one in home.asked if one not in looks]


@pytest.mark.parametrize("who", ROLES)
async def test_each_role_may_what_the_table_says(home: House, who: str) -> None:
    wrong = []
    for name, row in COMMANDS:
        home.forget(row.being)
        if name in SLASHED:
            await home.types(who, f"/{name} {row.words}".strip())
        if name in SLASHED and not _by_role(home, who, row, home.seen(who)):
            wrong.append(f"/{name} {row.words}: {home.asked} {home.seen(who)[:300]}")
        if row.short is not None:
            home.forget(row.being)
            await home.rig.say(who, f"!{name} {row.short}".strip())
            await home.rig.settled()
            if not _by_role(home, who, row, home.seen(who)):
                wrong.append(f"!{name} {row.short}: {home.asked} {home.seen(who)[:300]}")
    for action, pressed in PRESSED.items():
        home.forget(pressed.being)
        answer = ""
        if pressed.fields:
            answer = str(await home.submits(who, action, pressed.value, pressed.fields))
        else:
            await home.presses(who, action, pressed.value)
        if not _by_role(home, who, pressed, home.seen(who) + answer):
            wrong.append(f"{action}: {home.asked} {home.seen(who)[:300]} {answer}")
    assert not wrong, "\n".join(wrong)


def _by_role(home: House, who: str, row: Typed | Pressed, seen: str) -> bool:
    """Allowed: what it is for was asked of the core. Refused: a sentence that says who can."""
    may = RANK[ROLES[who]] >= RANK[row.needs]
    if may:
        return "Only a" not in seen.replace("Only agents", "") and (not row.asks or row.asks in home.asked)
    return f"Only a{'n' if row.needs is Role.ADMIN else ''} {row.needs.value}" in seen and not _changes(home)


@pytest.mark.parametrize("channel", ["press", "random"])
async def test_a_lead_elsewhere_is_no_lead_here(home: House, channel: str) -> None:
    """Bo leads the press team and is an agent of support: in Bo's own channel that makes no lead of support's."""
    wrong = []
    for name, row in COMMANDS:
        if row.needs is not Role.LEAD or "C42" not in row.words:
            continue
        home.forget()
        await home.types("both", f"/{name} {row.words}", channel)
        if row.asks in home.asked or "Only a lead" not in home.seen("both"):
            wrong.append(f"/{name} {row.words}: {home.asked} {home.seen('both')[:300]}")
    for action, pressed in PRESSED.items():
        if pressed.needs is Role.LEAD and pressed.value == DANA:
            home.forget()
            answer = ""
            if pressed.fields:
                answer = str(await home.submits("both", action, pressed.value, pressed.fields, channel))
            else:
                await home.presses("both", action, pressed.value, channel)
            if pressed.asks in home.asked and pressed.asks != "person":
                wrong.append(f"{action}: {home.asked} {home.seen('both')[:300]} {answer}")
    assert not wrong, "\n".join(wrong)
