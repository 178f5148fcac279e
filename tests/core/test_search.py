"""Words are found, on both databases alike, and only by those who may see them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, event, insert, update

from bot.storage import history, indexing, pages, search
from bot.storage.database import Database
from bot.storage.pages import Filters
from bot.storage.query import parse
from bot.storage.schema import attachment, conversation, customer, message
from tests.core.world import MAIL, PRESS_MAIL

_numbers = itertools.count(1)
DAY = 86_400.0


def case_of(connection: Connection, name: str, team: str = "support", **more: object) -> tuple[int, int]:
    """A customer with a case: (customer, conversation)."""
    who = connection.execute(
        insert(customer).returning(customer.c.id), {"name": name, "created_at": 1.0, **more}
    ).scalar_one()
    case = connection.execute(
        insert(conversation).returning(conversation.c.id),
        {"customer_id": who, "team": team, "status": "open", "opened_at": 1.0},
    ).scalar_one()
    return int(who), int(case)


def say(connection: Connection, whose: tuple[int, int], text: str, **more: object) -> int:
    """Stores a message."""
    number = next(_numbers)
    values = {
        "conversation_id": whose[1],
        "customer_id": whose[0],
        "inbox": MAIL,
        "direction": "inbound",
        "dedup_key": f"t:{number}",
        "author": "Somebody",
        "text": text,
        "sent_at": 100.0 + number,
        "created_at": 100.0 + number,
        **more,
    }
    return history.add(connection, **values)


def attach(connection: Connection, message_id: int, name: str) -> None:
    values = {"message_id": message_id, "name": name, "media_type": "application/pdf", "size": 1}
    connection.execute(insert(attachment), values)


def found(connection: Connection, typed: str, filters: Filters = pages.ALL, **more: object) -> list[int]:
    while indexing.index_some(connection):
        pass
    return search.search(connection, parse(typed), filters, **more)  # type: ignore[arg-type]


FINDS = (
    ("parcel", "Where is my PARCEL?"),
    ("parcel where", "Where is my parcel?"),
    ('"my parcel"', "Where is my parcel?"),
    ("“my parcel”", "Where is my parcel?"),
    ("parc*", "Where is my parcel?"),
    ('"my par*"', "Where is my parcel?"),
    ('"is my par"*', "Where is my parcel?"),
    ("parcel -late", "Where is my parcel?"),
    ("naive", "A naïve question"),
    ("naïve", "A naive question"),
    ("ÄRGER", "nur ärger hier"),
    ("посылка", "Где ПОСЫЛКА?"),
    ("dana@mail.example", "write to dana@mail.example, please"),
    ("mail.example", "write to dana@mail.example, please"),
    ("3po", "a C-3PO figure"),
    ("c-3po", "a C-3PO figure"),
    ("o'neil", "Mr O’Neil called"),
    ("1001", "order #1001."),
    ("https://shop.example/a?b=c", "see https://shop.example/a?b=c now"),
    ("हिन्दी", "यह हिन्दी है"),
    ("a-b_c", "the file a-b_c"),
)
"""What is typed, and a message that it finds."""
MISSES = (
    ('"parcel my"', "Where is my parcel?"),
    ("parcel -where", "Where is my parcel?"),
    ('parcel -"my parcel"', "Where is my parcel?"),
    ("parc", "Where is my parcel?"),
    ("p*", "Where is my parcel?"),
    ("parcel AND", "Where is my parcel?"),
    ("-parcel", "Where is my horse?"),
    ("", "Where is my parcel?"),
    ('"', "Where is my parcel?"),
    ("***", "Where is my parcel?"),
)
"""What is typed, and a message that it does not find."""


async def test_what_finds_what(database: Database) -> None:
    def unit(connection: Connection, typed: str, text: str) -> tuple[int, list[int]]:
        whose = case_of(connection, "Dana")
        say(connection, whose, "Something else, by somebody late.")
        wanted = say(connection, whose, text)
        say(connection, whose, "Nothing to do with it; my own.")
        got = found(connection, typed)
        connection.execute(delete(message))
        return wanted, got

    for typed, words in FINDS:
        wanted, got = await database.write(partial(unit, typed=typed, text=words))
        assert got == [wanted], (typed, words)


async def test_what_does_not_find_it(database: Database) -> None:
    def unit(connection: Connection, typed: str, text: str) -> list[int]:
        say(connection, case_of(connection, "Dana"), text)
        got = found(connection, typed)
        connection.execute(delete(message))
        return got

    for typed, words in MISSES:
        assert await database.write(partial(unit, typed=typed, text=words)) == [], typed


_TYPED = st.text(
    st.one_of(
        st.sampled_from(list("\"'“”*-+^:(){}[]&|!<>\\~@%_;,.? \t\n\x00aAbéйß")), st.characters(codec="utf-8")
    ),
    max_size=40,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(typed=_TYPED)
async def test_nothing_that_one_can_type_is_an_error(database: Database, typed: str) -> None:
    await database.read(lambda connection: found(connection, typed))
    await database.read(lambda connection: found(connection, f'NEAR({typed} OR "x" {typed}*'))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(words=st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=12), min_size=1, max_size=4))
async def test_a_message_is_found_by_all_of_its_own_words(database: Database, words: list[str]) -> None:
    """Whatever the script, what is typed as it was written finds it, on both databases."""
    text = " ".join(words).replace("\x00", " ")
    if not parse(text):
        return

    def unit(connection: Connection) -> tuple[int, list[int]]:
        made = say(connection, case_of(connection, "Dana"), text)
        result = (
            made,
            found(connection, text.replace("-", " ").replace('"', " ").replace("*", " "), limit=500),
        )
        return result

    made, got = await database.write(unit)
    assert made in got


async def test_subject_author_and_files_are_found_too(database: Database) -> None:
    def unit(connection: Connection) -> dict[str, list[int]]:
        whose = case_of(connection, "Dana")
        one = say(connection, whose, "see below", subject="Invoice 7", author="Dana Petrov")
        attach(connection, one, "brochure-2026.pdf")
        attach(connection, one, "photo.png")
        say(connection, whose, "nothing")
        typed = ("invoice", "petrov", "brochure", "photo.png", "petrov below brochure")
        assert [one] == found(connection, "", Filters()) or found(connection, "") == []
        return {words: found(connection, words) for words in typed} | {"": [one]}

    got = await database.write(unit)
    assert all(ids == got[""] for ids in got.values()), got


async def test_the_index_follows_edits_files_and_deletions(database: Database) -> None:
    def unit(connection: Connection) -> None:
        whose = case_of(connection, "Dana")
        one = say(connection, whose, "alpha bravo", subject="charlie")
        attach(connection, one, "delta.txt")
        assert (
            found(connection, "alpha") == found(connection, "charlie") == found(connection, "delta") == [one]
        )
        history.change(connection, one, text="echo", spans=None)
        assert found(connection, "alpha") == [] and found(connection, "echo charlie delta") == [one]
        history.change(connection, one, state="accepted")
        assert found(connection, "echo") == [one]
        connection.execute(
            update(attachment).where(attachment.c.message_id == one).values(name="foxtrot.txt")
        )
        assert found(connection, "delta") == [] and found(connection, "foxtrot") == [one]
        connection.execute(delete(attachment).where(attachment.c.message_id == one))
        assert found(connection, "foxtrot") == []
        history.change(connection, one, text="", subject=None, author="")
        assert found(connection, "echo") == found(connection, "charlie") == []
        two = say(connection, whose, "golf")
        connection.execute(delete(message).where(message.c.id == two))
        assert found(connection, "golf") == []

    await database.write(unit)


async def test_a_message_that_is_too_long_for_an_index_is_stored(database: Database) -> None:
    def unit(connection: Connection) -> None:
        whose = case_of(connection, "Dana")
        everything = " ".join(f"{number:x}{chr(0x4E00 + number % 20_000)}" for number in range(300_000))
        one = say(connection, whose, "needle " + everything + " " + "x" * 100_000)
        assert found(connection, "needle") == [one]

    await database.write(unit)


async def test_filters_and_pages(database: Database) -> None:
    def unit(connection: Connection) -> None:
        dana, omar = case_of(connection, "Dana"), case_of(connection, "Omar")
        press = case_of(connection, "Pia", "press")
        spam = case_of(connection, "Buy", spam=True)
        ids = [
            say(connection, dana, "word one", sent_at=DAY),
            say(connection, dana, "word two", direction="outbound", agent="UKIM", sent_at=2 * DAY),
            say(connection, omar, "word three", direction="note", agent="UKIM", inbox=None, sent_at=3 * DAY),
            say(connection, press, "word four", inbox=PRESS_MAIL, sent_at=4 * DAY),
            say(connection, spam, "word five", sent_at=5 * DAY),
        ]
        attach(connection, ids[0], "a.pdf")
        one, two, three, four, five = ids
        assert found(connection, "word") == [four, three, two, one]
        assert found(connection, "word", limit=2) == [four, three]
        assert found(connection, "word", before=three, limit=2) == [two, one]
        assert found(connection, "word", Filters(inboxes=frozenset({MAIL}))) == [two, one]
        assert found(connection, "word", Filters(inboxes=frozenset())) == []
        assert found(connection, "word", Filters(since=2 * DAY, until=4 * DAY)) == [three, two]
        assert found(connection, "word", Filters(agent="UKIM")) == [three, two]
        assert found(connection, "word", Filters(files=True)) == [one]
        assert found(connection, "word", Filters(directions=frozenset({"note"}))) == [three]
        assert found(connection, "word", Filters(teams=frozenset({"press"}))) == [four]
        assert found(connection, "word", Filters(teams=frozenset())) == []
        assert found(connection, "word", customers=[dana[0], omar[0]]) == [three, two, one]
        assert found(connection, "word", customers=[dana[0], press[0]], limit=2) == [four, two]
        assert found(connection, "word", customers=[spam[0]]) == [five]
        assert found(connection, "two", customers=[omar[0]]) == []

    await database.write(unit)


async def test_a_customer_with_a_long_history_is_searched_the_other_way(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "FEW", 3)

    def unit(connection: Connection) -> None:
        dana, omar = case_of(connection, "Dana"), case_of(connection, "Omar")
        ids = [say(connection, dana if n % 2 else omar, f"word {n}") for n in range(12)]
        assert found(connection, "word", customers=[dana[0]]) == ids[1::2][::-1]
        assert found(connection, "word 3", customers=[dana[0]]) == [ids[3]]

    await database.write(unit)


def explained(connection: Connection, plans: list[str], ask: Callable[[], object]) -> None:
    """Collects how the database would run what ``ask`` runs."""
    how = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "

    def note(_c: object, cursor: object, sql: str, given: Any, _x: object, _many: bool) -> None:
        if sql.startswith("SELECT") and "message" in sql:
            plans.extend(str(row[-1]) for row in connection.exec_driver_sql(how + sql, given))

    event.listen(connection, "before_cursor_execute", note)
    ask()
    event.remove(connection, "before_cursor_execute", note)


EVERYTHING = Filters(frozenset({MAIL}), 1.0, 9e9, "UKIM", True, frozenset({"note"}), frozenset({"press"}))


async def test_nothing_reads_the_messages_from_end_to_end(database: Database) -> None:
    """Neither a page of a family's history, nor a search, however they are narrowed."""
    plans: list[str] = []

    def fill(connection: Connection) -> None:
        whose = [case_of(connection, f"C{number}") for number in range(60)]
        for number in range(3_000):
            say(connection, whose[number % 60], f"word {number}")
        found(connection, "word")
        if connection.dialect.name != "sqlite":
            connection.exec_driver_sql("analyze message")

    def ask(connection: Connection) -> None:
        def all_of_it() -> None:
            for filters in (Filters(), EVERYTHING):
                pages.page(connection, [1, 2], filters, limit=10)
                pages.page(connection, [1, 2], filters, before=2_000, limit=10)
                pages.page(connection, [1, 2], filters, after=2_000, limit=10)
                found(connection, "77", filters)
                found(connection, "77", filters, customers=[1, 2])

        explained(connection, plans, all_of_it)

    await database.write(fill)
    await database.read(ask)
    assert len(plans) > 10
    for plan in plans:
        assert "SCAN message" not in plan and "TEMP B-TREE" not in plan, plans
        assert "Seq Scan on message" not in plan, plans
