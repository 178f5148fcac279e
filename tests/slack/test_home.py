"""The Home tab: how it reads, what it holds, and when it is drawn."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block as SdkBlock
from slack_sdk.models.views import View as SdkView

from bot.commands.home_services import Day, Home, HomeCase, HomeTrouble, LeadView, Load, TeamHome, Usual
from bot.commands.timing_services import FollowUp
from bot.commands.types import Answer, Button
from bot.desk import State
from bot.messages import AgentId, CustomerId, MessageId, TeamId, Text
from bot.policy import Rate
from bot.slack import home as home_tab
from bot.slack.homeview import AT_LEAST, MAX_BLOCKS, Seen, home_view, shares
from tests.slack.rig import Rig, rig
from tests.slack.shown import _block as block_lines

Json = dict[str, Any]
GOLDEN = Path(__file__).parent / "golden"
NOW = 1_760_000_000.0
SEEN = Seen(NOW, "https://shop.slack.example/")
SUPPORT, PRESS = TeamId("support"), TeamId("press")
KIM, AMIR = AgentId("U1KIM"), AgentId("U2AMIR")


def case(number: int = 42, name: str = "Dana Petrov", **more: Any) -> HomeCase:
    made = HomeCase(
        CustomerId(number),
        f"C{number}",
        name,
        SUPPORT,
        "email support@shop.example",
        "Where is my parcel? It should have come on Monday.",
        "normal",
        KIM,
        waiting_since=NOW - 1800,
        place=("C1SUPPORT", "1759990000.000100"),
    )
    return replace(made, **more)


def nobodys(number: int, name: str, **more: Any) -> HomeCase:
    return case(number, name, owner=None, **more)


DUE = case(due_at=NOW + 720, due_kind="first", priority="urgent")
LATE = case(51, "Omar White", due_at=NOW - 600, due_kind="next", excerpt="", place=("C1SUPPORT", None))
TEAM = TeamHome(
    SUPPORT,
    "Shop Support",
    (LATE, DUE, case(7, "Eve <!channel> *bold*", excerpt="<@U1> &amp; *now* :rotating_light:")),
    3,
    5,
    (nobodys(8, "Ana Lopes", via="telegram @acmebot"), nobodys(9, "Bo")),
    33,
)
LEAD = LeadView(
    (Load(KIM, 12, 3, 1), Load(AMIR, 4, 0, 0)),
    (LATE, nobodys(9, "Bo", due_at=NOW - 60, due_kind="first")),
    2,
    (
        Usual("inbound", 34, 28.25),
        Usual("opened", 9, 7.0),
        Usual("resolved", 0, 6.5),
        Usual("first_missed", 1, None),
    ),
)
TROUBLES = (
    HomeTrouble(
        MessageId(5),
        CustomerId(42),
        "C42",
        "Dana Petrov",
        SUPPORT,
        "It ships today.",
        State.FAILED,
        "mailbox unavailable (550)",
        NOW - 90,
        ("C1SUPPORT", "1759990000.000100"),
    ),
    HomeTrouble(
        MessageId(6), CustomerId(51), "C51", "Omar White", SUPPORT, "Hello", State.UNCERTAIN, "", NOW - 30
    ),
)
FOLLOW = (
    FollowUp(1, KIM, CustomerId(42), "C42", "Dana Petrov", SUPPORT, "send the invoice", NOW - 60, told=True),
    FollowUp(2, KIM, CustomerId(51), "C51", "Omar White", SUPPORT, "", NOW + 3600),
)
FULL = Home(
    (TEAM,),
    (case(60, "Sam", snoozed_until=NOW + 3600),),
    4,
    TROUBLES,
    2,
    FOLLOW,
    Day(7, 3, 6, 1),
)
SENT = Answer(
    Text("→ Dana Petrov, email dana@mail.example · sending in 5 s"),
    buttons=(Button("Undo", "reply.undo", "101"), Button("Edit", "reply.edit", "101")),
)
QUIET_TEAM = TeamHome(SUPPORT, "Shop Support", (), 0, 0, (), 0)
VIEWS: dict[str, Json] = {
    "home_full": home_view(FULL, SEEN, SENT),
    "home_quiet": home_view(Home((QUIET_TEAM,)), SEEN),
    "home_lead_of_two_teams": home_view(
        Home((replace(TEAM, lead=LEAD), replace(QUIET_TEAM, team=PRESS, name="Press", unassigned_count=0))),
        replace(SEEN, next_command="/ot-next"),
    ),
    "home_outsider": home_view(Home(()), SEEN),
}


def check(view: Json) -> None:
    """The library's own validators, and Slack's limits for a Home."""
    SdkView(**view).validate_json()
    assert len(view["blocks"]) <= MAX_BLOCKS
    ids = [block["block_id"] for block in view["blocks"] if "block_id" in block]
    assert len(ids) == len(set(ids))
    for block in view["blocks"]:
        made = SdkBlock.parse(block)
        assert made is not None, block
        made.validate_json()
        assert made.to_dict()["type"] == block["type"]


def read(view: Json) -> str:
    """The Home as its reader sees it."""
    check(view)
    lines: list[str] = []
    for block in view["blocks"]:
        if block["type"] == "divider":
            lines.append("---")
        elif block["type"] == "header":
            lines.append(f"# {block['text']['text']}")
        else:
            lines += block_lines(block)
        facts = [
            line
            for field in block.get("fields", ())
            for line in block_lines(field | {"type": "section", "text": field})
        ]
        if "accessory" in block:
            facts.append(f"[{block['accessory']['text']['text']}]")
        if facts:
            lines.append("    " + " | ".join(facts))
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("name", VIEWS)
def test_how_it_reads(name: str) -> None:
    path = GOLDEN / f"{name}.txt"
    shown = read(VIEWS[name])
    if os.environ.get("ONETHREAD_GOLDEN") == "write":
        path.write_text(shown)
    assert shown == path.read_text()


def test_nothing_that_a_stranger_writes_is_parsed() -> None:
    for view in VIEWS.values():
        for block in view["blocks"]:
            for part in [block.get("text"), *block.get("fields", ()), *block.get("elements", ())]:
                if isinstance(part, dict) and part.get("type") == "mrkdwn":
                    assert "Eve" not in part["text"] and "rotating" not in part["text"]


def test_a_hundred_blocks_hold_what_comes_first_and_say_how_many_more() -> None:
    many = tuple(case(number, f"Customer {number}") for number in range(1000, 1060))
    free = tuple(nobodys(number, f"Customer {number}") for number in range(2000, 2060))
    team = replace(TEAM, mine=many, mine_count=140, unassigned=free, unassigned_count=10_000, lead=LEAD)
    view = home_view(replace(FULL, teams=(team,)), SEEN)
    check(view)
    assert MAX_BLOCKS - 8 <= len(view["blocks"]) <= MAX_BLOCKS
    text = read(view)
    mine, unassigned = text.count("[Reply]"), text.count("[Take it]")
    assert mine == 60 and unassigned >= AT_LEAST
    assert f"… and {140 - mine} more: /next" in text and f"… and {10_000 - unassigned} more: /next" in text
    assert text.count("[Assign]") == 2 and "Today you replied" in text


def test_of_many_teams_the_first_have_a_section_and_the_others_their_numbers() -> None:
    many = tuple(case(number) for number in range(1000, 1060))
    teams = tuple(
        replace(
            TEAM,
            team=TeamId(f"t{n}"),
            name=f"Team & {n}",
            mine=tuple(replace(one, team=TeamId(f"t{n}")) for one in many),
            mine_count=60,
            lead=LEAD,
        )
        for n in range(9)
    )
    teams = tuple(replace(one, unassigned=(), lead=LeadView(LEAD.loads, (), 0)) for one in teams)
    text = read(home_view(Home(teams), SEEN))
    assert text.count("# Team") == 6 and "Team &amp; 8: 60 of yours wait, 33 are nobody's" in text
    assert text.startswith("*540 wait for you*")


@given(st.lists(st.integers(0, 70), max_size=12), st.integers(0, 90))
@settings(max_examples=200)
def test_rows_are_shared_out(wanted: list[int], room: int) -> None:
    given_ = shares(wanted, room)
    assert all(0 <= got <= want for got, want in zip(given_, wanted, strict=True))
    assert sum(given_) == min(room, sum(wanted))
    if len(wanted) * AT_LEAST <= room:
        assert all(got >= min(want, AT_LEAST) for got, want in zip(given_, wanted, strict=True))


# When it is drawn


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Looks for changes every 50 ms instead of every 10 s."""
    monkeypatch.setattr(home_tab, "EVERY", 0.05)
    yield


def drawn(desk: Rig) -> list[Mapping[str, Any]]:
    """Every Home that was published."""
    return [call.args for call in desk.standin.calls if call.method == "views.publish"]


async def until(predicate: Callable[[], Any]) -> None:
    """Waits for something that Slack is not told of."""
    async with asyncio.timeout(20):
        while not predicate():
            await asyncio.sleep(0.01)


async def home_of(desk: Rig, who: str, words: str) -> str:
    """Waits until somebody's Home says this."""

    def look() -> str:
        view = desk.standin.people[who].home
        text = read({key: view.body[key] for key in ("type", "callback_id", "blocks")}) if view else ""
        return text if words in text else ""

    return await desk.wait(look)


async def opens(desk: Rig, who: str) -> None:
    assert (await desk.standin.act(who, "client.home"))["ok"]


async def test_it_is_drawn_for_who_opens_it() -> None:
    async with rig() as desk:
        desk.services.home.shown = replace(FULL, teams=(replace(TEAM, lead=LEAD),))
        await opens(desk, "agent1")
        assert "Dana Petrov  C42  urgent" in await home_of(desk, "agent1", "3 wait for you")
        await opens(desk, "lead")
        await home_of(desk, "lead", "3 wait for you")
        ids = {key: person.id for key, person in desk.standin.people.items()}
        assert desk.services.home.asked == [(ids["agent1"], {SUPPORT: False}), (ids["lead"], {SUPPORT: True})]


@pytest.mark.parametrize("who", ["guest", "outsider"])
async def test_outsiders_get_a_polite_word(who: str) -> None:
    async with rig() as desk:
        desk.services.home.shown = FULL
        await opens(desk, who)
        text = await home_of(desk, who, "You are in none of the teams")
        assert "Dana" not in text and desk.services.home.asked == []


async def test_the_messages_tab_draws_nothing() -> None:
    async with rig() as desk:
        await desk.standin.act("agent1", "client.home", tab="messages")
        await opens(desk, "agent2")
        await desk.wait(lambda: drawn(desk))
        assert [call["user_id"] for call in drawn(desk)] == [desk.standin.people["agent2"].id]


async def press(desk: Rig, who: str, action: str, block: str = "") -> None:
    view = desk.standin.people[who].home
    assert view is not None
    more = {"block_id": block} if block else {}
    done = await desk.standin.act(who, "blocks.actions", view_id=view.id, action_id=action, **more)
    assert done["ok"], done


async def test_take_it_does_what_it_does_on_the_card() -> None:
    async with rig() as desk:
        desk.services.home.shown = FULL
        desk.services.home.shown = Home((replace(TEAM, unassigned=(nobodys(42, "Dana Petrov"),)),))
        await opens(desk, "agent1")
        await home_of(desk, "agent1", "[Take it]")
        desk.services.home.shown = Home((QUIET_TEAM,))
        await press(desk, "agent1", "case.take", "free.support.42")
        await home_of(desk, "agent1", "Nobody waits for you")
        assert desk.services.people["C42"].owner == desk.standin.people["agent1"].id


async def test_a_guest_with_an_old_view_takes_nothing() -> None:
    async with rig() as desk:
        desk.services.home.shown = Home((replace(TEAM, unassigned=(nobodys(42, "Dana Petrov"),)),))
        await opens(desk, "agent1")
        await home_of(desk, "agent1", "[Take it]")
        desk.standin.people["agent1"].is_restricted = True
        desk.standin.core.emit({"type": "user_change", "user": {"id": desk.standin.people["agent1"].id}})
        await desk.wait(lambda: all(one.acked for one in desk.standin.deliveries))
        await press(desk, "agent1", "case.take", "free.support.42")
        text = await home_of(desk, "agent1", "You are in none of the teams")
        assert "Dana" not in text and desk.services.people["C42"].owner is None


async def test_a_reply_from_home_is_answered_there_with_undo() -> None:
    async with rig() as desk:
        desk.services.home.shown = Home((TEAM,))
        await opens(desk, "agent1")
        await home_of(desk, "agent1", "[Reply]")
        await press(desk, "agent1", "reply.open", "mine.support.42")
        view = await desk.view("agent1")
        done = await desk.standin.act(
            "agent1", "views.submit", view_id=view["id"], values={"way": "1", "text": "It ships today."}
        )
        assert done["ok"], done
        text = await home_of(desk, "agent1", "→ Dana Petrov")
        assert "[Undo] [Edit]" in text and desk.whispers("agent1") == []
        await press(desk, "agent1", "reply.undo")
        assert "It ships today." in await home_of(desk, "agent1", "Taken back, nothing was sent")
        await press(desk, "agent1", "home.refresh")
        await desk.wait(lambda: "Taken back" not in str(desk.standin.people["agent1"].home.body))  # type: ignore[union-attr]


async def test_what_changes_is_drawn_for_those_who_look_and_only_then() -> None:
    async with rig() as desk:
        desk.services.home.shown = Home((QUIET_TEAM,))
        await opens(desk, "agent1")
        await home_of(desk, "agent1", "Nobody waits for you")
        desk.services.home.shown = Home((TEAM,))
        desk.services.home.beat = "2"
        await home_of(desk, "agent1", "3 wait for you")
        before = len(drawn(desk))
        asked = len(desk.services.home.asked)
        desk.services.home.beat = "3"  # something happened, elsewhere: it would look the same
        await until(lambda: len(desk.services.home.asked) > asked)
        desk.services.home.shown = Home((QUIET_TEAM,))
        desk.services.home.beat = "4"
        await home_of(desk, "agent1", "Nobody waits for you")
        assert len(drawn(desk)) == before + 1


async def test_nobody_is_looked_after_who_does_not_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home_tab, "LOOKING", 0.2)
    async with rig() as desk:
        await opens(desk, "agent1")
        await desk.wait(lambda: drawn(desk))
        async with asyncio.timeout(20):
            await desk.settled()


async def test_slack_says_slow_down_and_the_home_comes_later() -> None:
    async with rig() as desk:
        desk.services.home.shown = Home((TEAM,))
        desk.standin.faults.limit("views.publish", "", 1, 1)
        await opens(desk, "agent1")
        await home_of(desk, "agent1", "3 wait for you")
        assert len(drawn(desk)) == 2


async def test_at_most_so_many_a_minute_and_opening_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home_tab, "PUBLISH", Rate(0.001, 10.0))
    async with rig() as desk:
        desk.services.home.shown = Home((TEAM,))
        await opens(desk, "agent1")
        await home_of(desk, "agent1", "3 wait for you")
        for beat in range(2, 6):
            desk.services.home.beat = str(beat)
            asked = len(desk.services.home.asked)
            desk.services.home.shown = Home((replace(TEAM, others=beat),))
            if beat == 2:
                await home_of(desk, "agent1", "2 more of yours")
            else:
                assert len(desk.services.home.asked) == asked
        assert len(drawn(desk)) == 2, "what is kept is for people's own acts"
        await opens(desk, "agent2")
        await home_of(desk, "agent2", "5 more of yours")


async def test_what_cannot_be_read_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    async with rig() as desk:

        async def broken(*_: object) -> Home:
            raise OSError("disk")

        monkeypatch.setattr(desk.services.home, "home", broken)
        await opens(desk, "agent1")
        await home_of(desk, "agent1", "could not be read just now")
        monkeypatch.undo()
        await press(desk, "agent1", "home.refresh")
        await home_of(desk, "agent1", "You are in none of the teams")
