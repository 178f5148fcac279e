"""A customer's history: whole over merges and channels, in pages, and only as far as somebody may read."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Connection, insert, update

from bot.cases import recap
from bot.cases.finding import Finding
from bot.commands.finding_services import Narrowed
from bot.commands.types import Agent, Role
from bot.errors import UserError
from bot.messages import AgentId, CustomerId, MessageId, TeamId, Text
from bot.policy import CorePolicy, TeamPolicy
from bot.storage import pages, people
from bot.storage.database import Database
from bot.storage.schema import customer, identity, route
from bot.storage.schema_stats import rating
from tests.core.test_search import attach, case_of, say
from tests.core.world import CHAT, KIM, MAIL, PRESS, PRESS_MAIL, SUPPORT, World

PAT = Agent(AgentId("UPAT"), "Pat", Role.AGENT)
"""Of the press team; Kim is of support."""


class Teams:
    """Who is in which team."""

    async def public_name(self, agent: AgentId) -> str:
        return str(agent)

    async def is_agent(self, agent: AgentId, team: TeamId) -> bool:
        return (agent, team) in {(KIM.id, SUPPORT), (PAT.id, PRESS)}

    async def is_lead(self, agent: AgentId, team: TeamId) -> bool:
        return False


def finding_of(world: World, **sees: frozenset[TeamId] | None) -> Finding:
    """The finding services where teams see what ``sees`` says, all where it says nothing."""
    teams = {
        name: replace(team, sees=sees[name]) if name in sees else team
        for name, team in world.policy.teams.items()
    }
    policy = replace(world.policy, teams=teams)
    return Finding(replace(world.casework.hands, policy=policy, directory=Teams()))


def merged_into(connection: Connection, whom: int, survivor: int) -> None:
    values = {"merged_into": survivor, "root_id": survivor}
    connection.execute(update(customer).where(customer.c.id == whom).values(**values))


async def words(finding: Finding, who: Agent, customer_id: int, **more: object) -> list[str]:
    narrowed = more.pop("narrowed", Narrowed())
    page = await finding.page(who, CustomerId(customer_id), narrowed, **more)  # type: ignore[arg-type]
    return [item.text.plain for item in page.items]


async def test_pages_over_a_family_turn_both_ways(database: Database) -> None:
    def fill(connection: Connection) -> tuple[int, int, list[int]]:
        dana, alias, other = (case_of(connection, name) for name in ("Dana", "D. Petrov", "Omar"))
        ids = [say(connection, (dana, alias, other)[n % 3], f"m{n}") for n in range(30)]
        merged_into(connection, alias[0], dana[0])
        return dana[0], alias[0], ids

    dana, alias, ids = await database.write(fill)
    finding = finding_of(World(database))
    theirs = [f"m{n}" for n in range(29, -1, -1) if n % 3 != 2]
    for number in (dana, alias):
        page = await finding.page(KIM, CustomerId(number), Narrowed(), limit=6)
        assert [item.text.plain for item in page.items] == theirs[:6]
        assert (page.newer, page.older) == (False, True)
        assert (page.overview.handle, page.overview.messages) == (f"C{dana}", 20)
    last = page.items[-1].message_id
    older = await finding.page(KIM, CustomerId(dana), Narrowed(), before=last, limit=6)
    assert [item.text.plain for item in older.items] == theirs[6:12] and older.newer and older.older
    newer = await finding.page(KIM, CustomerId(dana), Narrowed(), after=older.items[0].message_id, limit=6)
    assert [item.text.plain for item in newer.items] == theirs[:6]
    middle = MessageId(ids[15])
    assert await words(finding, KIM, dana, around=middle, limit=6) == [
        "m19",
        "m18",
        "m16",
        "m15",
        "m13",
        "m12",
    ]
    assert await words(finding, KIM, dana, around=MessageId(ids[28]), limit=4) == theirs[:4]
    assert await words(finding, KIM, dana, around=MessageId(ids[0]), limit=4) == theirs[-4:]
    with pytest.raises(UserError, match="C999 is nobody"):
        await finding.page(KIM, CustomerId(999), Narrowed())


async def test_the_core_s_own_history_is_whole_too(database: Database) -> None:
    """What other commands look at (a reply to undo) lies with the number it came under."""

    def fill(connection: Connection) -> int:
        dana, alias = case_of(connection, "Dana"), case_of(connection, "D.")
        say(connection, alias, "before")
        merged_into(connection, alias[0], dana[0])
        say(connection, dana, "after")
        return dana[0]

    dana = await database.write(fill)
    items = await World(database).casework.history(CustomerId(dana))
    assert [item.text.plain for item in items] == ["after", "before"]


async def test_a_history_is_narrowed_down(database: Database) -> None:
    def fill(connection: Connection) -> int:
        dana = case_of(connection, "Dana")
        one = say(connection, dana, "by mail", sent_at=1_000.0)
        attach(connection, one, "offer.pdf")
        say(connection, dana, "by chat", inbox=CHAT, sent_at=2_000.0)
        say(connection, dana, "reply", direction="outbound", agent=KIM.id, inbox=CHAT, sent_at=3_000.0)
        say(connection, dana, "note", direction="note", agent=PAT.id, inbox=None, sent_at=4_000.0)
        return dana[0]

    dana = await database.write(fill)
    finding = finding_of(World(database))
    cases: list[tuple[Narrowed, list[str]]] = [
        (Narrowed(), ["note", "reply", "by chat", "by mail"]),
        (Narrowed(places=("email",)), ["by mail"]),
        (Narrowed(places=("email", CHAT)), ["reply", "by chat", "by mail"]),
        (Narrowed(places=("smoke signals",)), []),
        (Narrowed(since=2_000.0, until=4_000.0), ["reply", "by chat"]),
        (Narrowed(agent=KIM.id), ["reply"]),
        (Narrowed(files=True), ["by mail"]),
        (Narrowed(direction="note"), ["note"]),
    ]
    for narrowed, expected in cases:
        assert await words(finding, KIM, dana, narrowed=narrowed) == expected, narrowed
    names = {name for place in await finding.places() for name in place.names}
    assert names >= {"email", "chat", MAIL, "support@shop.example", PRESS_MAIL}


async def test_what_a_team_may_not_see_is_never_there(database: Database) -> None:
    def fill(connection: Connection) -> tuple[int, int]:
        dana, pia = case_of(connection, "Dana"), case_of(connection, "Pia", "press")
        merged_into(connection, pia[0], dana[0])
        say(connection, dana, "support secret")
        say(connection, dana, "support answer", direction="outbound", agent=KIM.id, state="accepted")
        say(connection, pia, "press secret", inbox=PRESS_MAIL)
        say(
            connection,
            pia,
            "press answer",
            direction="outbound",
            agent=PAT.id,
            inbox=PRESS_MAIL,
            state="accepted",
        )
        say(connection, pia, "press note secret", direction="note", agent=PAT.id, inbox=None)
        return dana[0], pia[0]

    dana, pia = await database.write(fill)
    world = World(database)
    own = frozenset[TeamId]()
    both = {"support", "press"}
    for sees, who, teams in [
        ({}, KIM, both),
        ({"support": own}, KIM, {"support"}),
        ({"support": own}, PAT, both),
        ({"press": own}, PAT, {"press"}),
        ({"support": frozenset({PRESS})}, KIM, both),
        ({}, Agent(AgentId("USTRANGER"), "X", Role.ADMIN), set()),
    ]:
        finding = finding_of(world, **sees)
        for number in (dana, pia):
            shown = {text.split()[0] for text in await words(finding, who, number)}
            assert shown == teams, (sees, who)
            page = await finding.page(who, CustomerId(number), Narrowed())
            counts = {"support": 2, "press": 3}
            assert page.overview.messages == sum(counts[team] for team in teams)
            told = await finding.recap(who, CustomerId(number))
            assert {item.text.plain.split()[0] for item in told.items} == teams
            within = await finding.find(who, "secret", Narrowed(), customer_id=CustomerId(number))
            assert {hit.item.text.plain.split()[0] for hit in within.hits} == teams
        found = await finding.find(who, "secret", Narrowed())
        assert {hit.team for hit in found.hits} == teams
        around = await finding.page(who, CustomerId(dana), Narrowed(), around=MessageId(10**9))
        assert {item.text.plain.split()[0] for item in around.items} == teams


async def test_the_channels_of_a_team_that_may_not_be_seen_are_not_told(database: Database) -> None:
    world = World(database)
    async with world:
        await world.says("hello", source="1", who="pat@mail.example")
        await world.says("for press", source="2", who="pat@mail.example", inbox=PRESS_MAIL)
        await world.says("hi", source="3", who="v1", inbox=CHAT, channel="chat")
    overview = (await finding_of(world).page(PAT, CustomerId(1), Narrowed())).overview
    assert overview.channels == ("email",) and overview.open_since is not None
    nothing = (await finding_of(world, press=frozenset()).page(PAT, CustomerId(2), Narrowed())).overview
    assert (nothing.channels, nothing.open_since, nothing.messages) == ((), None, 0)
    assert overview.whole and not nothing.whole


async def test_found_messages_say_who_and_show_where(database: Database) -> None:
    def fill(connection: Connection) -> tuple[int, int]:
        dana, alias = case_of(connection, "Dana Petrov"), case_of(connection, "D. P.")
        say(connection, alias, "Where is my PARCEL?\nIt should have come. " + "Please look. " * 60)
        merged_into(connection, alias[0], dana[0])
        return dana[0], alias[0]

    dana, _ = await database.write(fill)
    found = await finding_of(World(database)).find(KIM, "parcel", Narrowed())
    (hit,) = found.hits
    assert (hit.handle, hit.name, hit.customer_id, hit.team) == (f"C{dana}", "Dana Petrov", dana, "support")
    assert hit.shown.plain.startswith("Where is my PARCEL? It should have come.") and len(hit.shown) < 260
    assert [hit.shown.plain[s.start : s.end] for s in hit.shown.spans] == ["PARCEL"]
    assert not (await finding_of(World(database)).find(KIM, "- !", Narrowed())).understood


async def test_the_last_exchanges_are_questions_with_their_answers(database: Database) -> None:
    def fill(connection: Connection) -> int:
        dana = case_of(connection, "Dana")
        out = {"direction": "outbound", "agent": KIM.id, "state": "accepted"}
        for number in range(1, 6):
            say(connection, dana, f"q{number}")
            say(connection, dana, f"q{number} more")
            say(connection, dana, "hm", direction="note", agent=KIM.id)
            say(connection, dana, f"a{number}", **out)
        say(connection, dana, "oops", **{**out, "state": "cancelled"})
        say(connection, dana, "q6")
        return dana[0]

    dana = await database.write(fill)
    finding = finding_of(World(database))
    told = await finding.recap(PAT, CustomerId(dana))
    assert [item.text.plain for item in told.items] == ["q4", "q4 more", "a4", "q5", "q5 more", "a5", "q6"]
    assert await finding.is_new(PAT, CustomerId(dana))
    assert not await finding.is_new(KIM, CustomerId(dana))


async def test_what_no_person_wrote_says_so(database: Database) -> None:
    def fill(connection: Connection) -> int:
        dana = case_of(connection, "Dana")
        out = {"direction": "outbound", "author": "Support", "state": "accepted"}
        say(connection, dana, "hello")
        say(connection, dana, "out of office", automated="Auto-Submitted")
        for kind in ("off_hours", "busy", "rating", "recap", "something new"):
            say(connection, dana, kind, automated=kind, **out)
        say(connection, dana, "5, thanks!", automated="rating")
        say(connection, dana, "noted", direction="note", agent=KIM.id)
        return dana[0]

    dana = await database.write(fill)
    finding = finding_of(World(database))
    page = await finding.page(KIM, CustomerId(dana), Narrowed())
    assert {item.text.plain: item.automatic for item in page.items} == {
        "hello": None,
        "out of office": "automatic message",
        "off_hours": "automatic answer",
        "busy": "automatic answer",
        "rating": "automatic question for a rating",
        "recap": "automatic recap",
        "something new": "automatic message",
        "5, thanks!": None,
        "noted": None,
    }
    assert not await finding.is_new(PAT, CustomerId(dana)), "a machine has answered them, no colleague"


async def test_nobody_is_new_to_whom_nobody_has_answered(database: Database) -> None:
    def fill(connection: Connection) -> int:
        dana = case_of(connection, "Dana")
        say(connection, dana, "hello")
        say(connection, dana, "draft", direction="outbound", agent=KIM.id, state="cancelled")
        return dana[0]

    dana = await database.write(fill)
    assert not await finding_of(World(database)).is_new(PAT, CustomerId(dana))


def way(
    connection: Connection, customer_id: int, address: str, inbox: str, *, verified: bool
) -> tuple[int, int]:
    """An identity and a route to it."""
    who = connection.execute(
        insert(identity).returning(identity.c.id),
        {
            "customer_id": customer_id,
            "channel": "email",
            "address": address,
            "verified": verified,
            "created_at": 1.0,
        },
    ).scalar_one()
    made = connection.execute(
        insert(route).returning(route.c.id),
        {"identity_id": who, "inbox": inbox, "last_used_at": 1.0, "lane_id": 1},
    ).scalar_one()
    return int(who), int(made)


async def test_a_customer_s_recap_holds_nothing_but_their_own_words_and_what_reached_them(
    database: Database,
) -> None:
    def fill(connection: Connection) -> None:
        dana, claim, other = (case_of(connection, name) for name in ("Dana", "Dana", "Omar"))
        merged_into(connection, claim[0], dana[0])
        mail = way(connection, dana[0], "dana@mail.example", MAIL, verified=True)
        chat = way(connection, dana[0], "v1", CHAT, verified=True)
        spoof = way(connection, claim[0], "dana@mail.example", MAIL, verified=False)
        foreign = way(connection, other[0], "omar@mail.example", MAIL, verified=True)
        by = {"identity_id": mail[0], "route_id": mail[1]}
        unproven = {"identity_id": spoof[0], "route_id": spoof[1]}
        out = {"direction": "outbound", "agent": KIM.id, "author": "Kim"}
        say(connection, dana, "Too long ago", **by)
        say(connection, dana, "Where is   my\nparcel?", **by)
        say(connection, dana, "It ships today.", **out, state="seen", route_id=mail[1])
        say(connection, dana, "difficult one", direction="note", agent=KIM.id)
        say(connection, dana, "taken back", **out, state="cancelled", route_id=mail[1])
        say(connection, dana, "never arrived", **out, state="failed", route_id=mail[1])
        say(connection, dana, "not yet", **out, state="held", route_id=mail[1])
        say(connection, dana, "somebody else", meta='{"other_sender": "Eve"}')
        say(connection, dana, "eve by route", meta='{"other_sender": "Eve"}', **by)
        say(connection, dana, "taken back by them", meta='{"deleted": true}', **by)
        say(connection, dana, "out of office", automated="auto-reply", **by)
        say(connection, claim, "spoofed", **unproven)
        say(connection, claim, "to the spoofer", **out, state="accepted", route_id=spoof[1])
        say(connection, other, "omar's", identity_id=foreign[0], route_id=foreign[1])
        say(connection, dana, "x" * 50 + " y" * 200, identity_id=chat[0], route_id=chat[1])

        told = recap.for_customer(connection, dana[0], chat[1])
        lines = told.plain.split("\n")
        assert lines[:2] == ["You: Where is my parcel?", "Kim: It ships today."]
        assert lines[2].startswith("You: xxxx") and lines[2].endswith(" y…") and len(lines[2]) < 260
        assert [told.plain[s.start : s.end] for s in told.spans] == ["You:", "Kim:", "You:"]
        assert recap.for_customer(connection, dana[0], mail[1], 1).plain == lines[2]
        assert recap.for_customer(connection, claim[0], mail[1], 1).plain == lines[2]
        # Who only claims to be somebody is told nothing; nor is anybody whose way it is not.
        assert recap.for_customer(connection, dana[0], spoof[1]) == Text()
        assert recap.for_customer(connection, dana[0], foreign[1]) == Text()
        assert recap.for_customer(connection, dana[0], 999) == Text()

    await database.write(fill)


async def test_a_spoofer_s_claim_is_told_nothing_end_to_end(database: Database) -> None:
    world = World(database)
    async with world:
        await world.says("my secret number is 77", source="1")
        await world.says("hello, it is me", source="2", verified=False)

    def told(connection: Connection) -> list[Text]:
        made = []
        for number in (1, 2):
            for one in people.routes_of(connection, number):
                made.append(recap.for_customer(connection, number, one.id))
        return made

    owner, claim = await database.read(told)
    assert owner.plain == "You: my secret number is 77" and claim == Text()


def test_which_teams_are_visible() -> None:
    def policy(**sees: frozenset[TeamId] | None) -> CorePolicy:
        teams = {TeamId(n): TeamPolicy(TeamId(n), n, "C1", sees=s) for n, s in sees.items()}
        return CorePolicy(teams, {})

    a, b, c = TeamId("a"), TeamId("b"), TeamId("c")
    assert policy(a=None, b=frozenset()).visible([a, b]) is None
    assert policy(a=frozenset({b}), b=frozenset(), c=None).visible([a]) == frozenset({a, b})
    assert policy(a=frozenset({b}), b=frozenset({c}), c=None).visible([a]) == frozenset({a, b})
    assert policy(a=frozenset({b}), b=frozenset({c}), c=None).visible([a, b]) == frozenset({a, b, c})
    assert policy(a=None).visible([]) == frozenset()


async def test_counting_stops_where_nobody_needs_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "MANY", 5)

    def unit(connection: Connection) -> list[int]:
        whose = [case_of(connection, "Dana"), case_of(connection, "Omar")]
        for number in range(8):
            say(connection, whose[number % 2], "word")
        one, other = whose[0][0], whose[1][0]
        return [pages.count(connection, [one]), pages.count(connection, [one, other])]

    assert await database.write(unit) == [4, 6]


async def test_a_recap_tells_their_last_rating_where_one_may_see_it(database: Database) -> None:
    async with World(database) as world:
        await world.says("One", source="1")
        await world.says("Two", source="2", inbox=PRESS_MAIL)

        def rate(connection: Connection) -> None:
            for case_id, score, at in ((1, 5, 10.0), (1, 2, 20.0), (2, 4, 30.0), (1, None, None)):
                values = {"conversation_id": case_id, "customer_id": 1, "inbox": MAIL, "state": "answered"}
                made = insert(rating).values(
                    **values, score=score, comment="slow", asked_at=1.0, answered_at=at, created_at=1.0
                )
                connection.execute(made)

        await database.write(rate)
        everybody = await finding_of(world).recap(KIM, CustomerId(1))
        assert (everybody.rating, everybody.comment, everybody.rated_at) == (4, "slow", 30.0)
        own = await finding_of(world, support=frozenset({SUPPORT})).recap(KIM, CustomerId(1))
        assert (own.rating, own.rated_at) == (2, 20.0)
