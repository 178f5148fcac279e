"""Automatic answers: to people, once, in their language, with what was measured; and never a weapon in somebody's hand."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, insert, select, update

from bot.clockwork.promises import Promises, Rule, Target
from bot.commands.nouns import Draft
from bot.desk import Activity, Replied, State, Status
from bot.errors import PermanentFailure
from bot.messages import Contact, CustomerId, Failure, RemoteId, SourceId, Text
from bot.policy import AnswerPolicy, AnswersPolicy, QuarantinePolicy
from bot.storage import answers, people
from bot.storage.database import Database
from bot.storage.schema import conversation, customer, message
from bot.storage.schema_people import attribute
from tests.core.skipping import Skipping
from tests.core.world import CHAT, KIM, MAIL, SUPPORT, World

HOUR = 3600.0
DANA = CustomerId(1)
RULE = Rule("all", first=Target(HOUR), next=Target(HOUR))
EVENING = 11 * HOUR
"""From 09:00, when the clock of these tests begins, to 20:00: the office is closed."""


def world_of(
    database: Database, given: AnswerPolicy | None = None, *, caps: tuple[int, int] = (3, 200)
) -> tuple[World, Skipping]:
    """A world that answers automatically, by mail and chat. The office is open on weekdays, 9 to 17 in UTC."""
    clock = Skipping()
    world = World(database, clock=clock.now)
    answers = AnswersPolicy({MAIL: given or AnswerPolicy(), CHAT: given or AnswerPolicy()}, *caps)
    apart = QuarantinePolicy(words=("casino",))
    promises = Promises((RULE,))
    world.policy = replace(world.policy, answers=answers, promises=promises, quarantine=apart)
    world.build()
    return world, clock


def lines(world: World) -> list[str]:
    return [one.text for one in world.desk.entries() if isinstance(one, Activity)]


async def test_off_hours_a_person_hears_when_somebody_is_back(database: Database) -> None:
    world, clock = world_of(database, AnswerPolicy(faster={"": "https://shop.example/chat"}))
    async with world:
        clock.skip(EVENING)
        await world.says("Where is my parcel?", source="in-1", subject="My order")
        await world.quiet()
        ((reply, part),) = world.mail.sent
        assert reply.automated and reply.author == "Support" and reply.subject == "My order"
        assert part.text.plain == (
            "This is an automatic answer: we have your message. "
            "Nobody is here just now; we are back tomorrow at 9:00 (UTC). "
            "It is faster here: https://shop.example/chat"
        )
        assert lines(world) == ["Automatic answer sent: back Thu 16 Nov 09:00"]
        assert not [one for one in world.desk.entries() if isinstance(one, Replied)], "one quiet line is all"
        person = (await world.casework.lookup("C1", SUPPORT))[0]
        assert person.status is Status.OPEN and person.waiting_since is not None, (
            "they wait for a person still"
        )
        await world.says("Hello?", source="in-2")
        await world.quiet()
        assert len(world.mail.sent) == 1, "once in a conversation"


async def test_in_office_hours_nothing_is_sent(database: Database) -> None:
    world, _ = world_of(database)
    async with world:
        await world.says("Where is my parcel?", source="in-1")
        await world.quiet()
        assert world.mail.sent == []


@pytest.mark.parametrize(
    ("language", "zone", "words"),
    [
        ("de", None, "wir sind morgen um 9:00 Uhr (UTC) wieder da."),
        ("pt-BR", "America/Sao_Paulo", "voltamos amanhã às 6:00."),
        ("xx", "Asia/Tokyo", "we are back today at 18:00."),
        ("fr", "Nowhere/At_All", "nous sommes de retour demain à 9:00 (UTC)."),
    ],
)
async def test_in_their_language_and_on_their_clock(
    database: Database, language: str, zone: str | None, words: str
) -> None:
    world, clock = world_of(database)
    async with world:
        await world.says("Hello", source="in-1")
        await world.casework.resolve(DANA, SUPPORT, KIM, "r1")
        known = {"language": language} | ({"zone": zone} if zone else {})

        def note(connection: Connection) -> None:
            for name, value in known.items():
                values = {
                    "customer_id": 1,
                    "name": name,
                    "value": json.dumps(value),
                    "source": "UKIM",
                    "at": 0.0,
                }
                connection.execute(insert(attribute), values)

        await database.write(note)
        clock.skip(EVENING)
        await world.says("And now?", source="in-2")
        await world.quiet()
        assert words in world.mail.words()[0]


async def test_without_a_note_of_it_in_what_their_channel_says_that_they_read(database: Database) -> None:
    """An agent's note counts more; a new word of the channel more than an old one; the same one is not stored again."""
    world, clock = world_of(database)

    async def asks(number: int, language: str | None, words: str) -> None:
        sender = Contact("email", "dana@mail.example", "Dana Petrov", True, "dkim=pass", language=language)
        await world.says("Hello?", source=f"in-{number}", sender=sender)
        await world.quiet()
        assert words in world.mail.words()[-1]
        assert len(world.mail.sent) == number
        await world.casework.resolve(DANA, SUPPORT, KIM, f"r{number}")

    async with world:
        clock.skip(EVENING)
        await asks(1, "de-AT", "wieder da")
        await asks(2, None, "wieder da")
        await asks(3, "fr", "de retour")
        ((profile),) = [await world.casework.profile.show(DANA, SUPPORT)]
        assert [one.language for one in profile.known_as] == ["fr"]
        values = {"customer_id": 1, "name": "language", "value": '"es"', "source": "UKIM", "at": 0.0}

        def note(connection: Connection) -> None:
            connection.execute(insert(attribute), values)

        await database.write(note)
        clock.skip(24 * HOUR)  # of three a day nobody gets more
        await asks(4, "fr", "volvemos")


async def test_what_one_channel_says_counts_on_another(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        clock.skip(EVENING)
        chat = Contact("chat", "v1", "Visitor", True, "token", language="it")
        await world.says("Ciao", source="in-1", inbox=CHAT, sender=chat)
        await world.quiet()
        assert "risposta automatica" in world.chat.words()[0]

        def left(connection: Connection) -> tuple[str | None, str | None]:
            here = answers.known_of(connection, 1, None).language
            elsewhere = people.add_identity(
                *(connection, 1, "email", "v@mail.example"),
                verified=True,
                evidence=None,
                name=None,
                now=0.0,
                language=None,
            )
            return here, answers.known_of(connection, 1, elsewhere).language

        assert await database.write(left) == ("it", "it")


async def test_the_wait_was_measured_or_is_not_told(database: Database) -> None:
    own = {("off_hours", "en"): "Back {back}.\nUsually {wait}.\nFaster: {faster}"}
    world, clock = world_of(database, AnswerPolicy(texts=own))
    async with world:
        clock.skip(EVENING)
        for number in range(1, 8):
            who = f"person{number}@mail.example"
            await world.says("Hi", source=f"in-{number}", who=who, name=f"Person {number}")
            await world.quiet()
            draft = Draft(CustomerId(number), SUPPORT, KIM, Text(f"Hello {number}"), f"s{number}")
            clock.skip(120 * number)
            sent = await world.casework.reply(draft)
            await world.reaches(sent.message_id, State.ACCEPTED)  # type: ignore[union-attr]
        told = [words for words in world.mail.words() if words.startswith("Back")]
        assert told[:5] == ["Back tomorrow at 9:00 (UTC)."] * 5, "of fewer than five nothing is told"
        assert told[5] == "Back tomorrow at 9:00 (UTC).\nUsually about 5 minutes."
        assert "first answers take about 5 minutes just now" in lines(world)[5]
        clock.skip(5 * HOUR)
        await world.says("Hi", source="in-9", who="late@mail.example", name="Late")
        await world.quiet()
        told = [words for words in world.mail.words() if words.startswith("Back")]
        assert told[-1] == "Back today at 9:00 (UTC).", "at night it was never measured"


async def test_when_many_wait_it_says_so(database: Database) -> None:
    world, clock = world_of(database, AnswerPolicy(off_hours=False, busy_over=20 * 60))
    async with world:
        for number in range(3):
            await world.says("Hi", source=f"in-{number}", who=f"p{number}@mail.example")
        clock.skip(19 * 60)
        await world.says("Hi", source="a", who="first@mail.example")
        await world.quiet()
        assert world.mail.sent == []
        clock.skip(2 * HOUR)
        await world.says("Hi", source="b", who="second@mail.example")
        await world.quiet()
        assert world.mail.words() == [
            "This is an automatic answer: we have your message. Many people are writing to us just now."
        ]
        assert lines(world) == ["Automatic answer sent: many wait"]


async def test_one_who_was_forgotten_long_ago_makes_nobody_busy(database: Database) -> None:
    world, clock = world_of(database, AnswerPolicy(off_hours=False, busy_over=20 * 60))
    async with world:
        await world.says("Hi", source="in-0", who="forgotten@mail.example")
        clock.skip(7 * 24 * HOUR)
        for number in range(3):
            await world.says("Hi", source=f"in-{number}x", who=f"p{number}@mail.example")
        await world.quiet()
        assert world.mail.sent == []


@pytest.mark.parametrize(
    "against", ["automated", "unverified", "blocked", "spam", "quarantine", "other sender"]
)
async def test_whom_it_never_answers(database: Database, against: str) -> None:
    world, clock = world_of(database)
    async with world:
        await world.says("Hello", source="in-1")
        await world.casework.resolve(DANA, SUPPORT, KIM, "r1")

        def mark(connection: Connection) -> None:
            if against in ("blocked", "spam"):
                connection.execute(update(customer).values({against: True}))

        await database.write(mark)
        clock.skip(EVENING)
        if against == "automated":
            await world.says("I am away", source="in-2", automated="auto-replied")
        elif against == "unverified":
            await world.says("Hello", source="in-2", who="forged@mail.example", verified=False)
        elif against == "other sender":
            await world.says("Hello", source="in-2", who="eve@mail.example", name="Eve", answers=1)
        elif against == "quarantine":
            await world.says("Play at our casino", source="in-2", who="new@mail.example", name="New")
        else:
            await world.says("Hello", source="in-2")
        await world.quiet()
        assert world.mail.sent == []


async def test_a_visitor_who_proves_no_address_is_answered_where_they_are(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        clock.skip(EVENING)
        await world.says("Hello", source="in-1", inbox=CHAT, who="v1", channel="chat", verified=False)
        await world.quiet()
        assert "".join(world.chat.words()).startswith("This is an automatic answer")


async def test_a_flood_of_forms_makes_no_flood_of_answers(database: Database) -> None:
    world, clock = world_of(database, caps=(3, 15))
    async with world:
        clock.skip(EVENING)
        for number in range(40):
            await world.says("Hi", source=f"v-{number}", who=f"victim{number}@mail.example", name=None)
        for number in range(40):
            who = f"other{number}@mail.example"
            await world.says("Hi", source=f"u-{number}", who=who, name=None, verified=False)
        await world.quiet()
        assert len(world.mail.sent) == 15
        clock.skip(HOUR)
        await world.says("Hi", source="late", who="late@mail.example")
        await world.quiet()
        assert len(world.mail.sent) == 16, "the next hour has room again"


async def test_two_machines_that_answer_each_other_stop(database: Database) -> None:
    """The other side does not say that it is a machine, and each of its answers begins a new case."""
    world, clock = world_of(database)
    async with world:
        clock.skip(EVENING)
        for number in range(12):
            before = len(world.mail.sent)
            await world.says("We have your message.", source=f"echo-{number}")
            await world.quiet()
            await world.casework.resolve(DANA, SUPPORT, KIM, f"r{number}")
            if number > 3:
                assert len(world.mail.sent) == before, "nothing is said to which it could answer"
        assert len(world.mail.sent) == 3


async def test_one_that_cannot_be_sent_is_a_line_and_no_more(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        clock.skip(EVENING)
        world.mail.faults.fail("send", PermanentFailure("mailbox unavailable"))
        await world.says("Hello", source="in-1")
        await world.quiet()
        assert lines(world) == ["An automatic answer did not arrive: mailbox unavailable"]
        card = world.desk.cards()[0].card
        assert card is not None and card.failed == 0


async def test_one_that_comes_back_changes_nothing(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        clock.skip(EVENING)
        await world.says("Hello", source="in-1")
        await world.quiet()
        await world.casework.desk.pending(DANA, SUPPORT, KIM, "p1")
        ((reply, _),) = world.mail.sent
        bounce = Failure(SourceId("b1"), RemoteId(f"{reply.key}-0"), "no such user", datetime.now(UTC))
        await world.relay.accept_customer(MAIL, bounce)
        await world.quiet()

        def stored(connection: Connection) -> tuple[str, str]:
            state = connection.execute(select(message.c.state).where(message.c.automated == "off_hours"))
            status = connection.execute(select(conversation.c.status))
            return state.scalar_one(), status.scalar_one()

        assert await database.read(stored) == ("failed", "pending")
        assert lines(world)[-1] == "An automatic answer did not arrive: no such user"
