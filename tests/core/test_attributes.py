"""What is noted of customers: types, who goes before whom, and what the card and the thread show of it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.commands.profile_services import WrongValues
from bot.desk import Activity
from bot.identity import attributes
from bot.identity.attributes import TOKEN
from bot.identity.valuetypes import read
from bot.messages import CustomerId
from bot.policy import AttributeRule, own_attributes
from bot.storage.database import Database
from tests.core.world import KIM, SUPPORT, World

RULES = {
    **own_attributes(),
    "plan": AttributeRule("plan", "choice", "Plan", ("free", "pro"), card=True),
    "seats": AttributeRule("seats", "number", "Seats"),
    "since": AttributeRule("since", "date", "Since"),
    "site": AttributeRule("site", "url", "Site"),
    "tier": AttributeRule("tier", "text", "Tier", trust="token"),
}
DANA = CustomerId(1)


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("plan", "PRO", "pro"),
        ("company", "  Acme\n Corp ", "Acme Corp"),
        ("vip", "yes", True),
        ("vip", "off", False),
        ("vip", True, True),
        ("seats", "12", 12),
        ("seats", "1.5", 1.5),
        ("seats", 7.0, 7),
        ("since", "2026-11-03", "2026-11-03"),
        ("zone", "europe/berlin", "Europe/Berlin"),
        ("zone", "America/New York", "America/New_York"),
        ("language", "PT_br", "pt-BR"),
        ("language", "zh-hant-tw", "zh-Hant-TW"),
        ("phone", "+49 (0)30 / 123-4567", "+49301234567"),
        ("phone", "0049 30 1234567", "+49301234567"),
        ("site", "https://acme.example/a?b", "https://acme.example/a?b"),
    ],
)
def test_what_is_typed_is_understood(name: str, given: object, value: object) -> None:
    found = read(RULES[name], given)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("name", "given", "cure"),
    [
        ("plan", "gold", "Plan is one of free, pro."),
        ("company", "x" * 201, "at most 200 characters"),
        ("company", "\u202e", "Company is words"),
        ("vip", "maybe", "VIP is yes or no."),
        ("seats", "many", "Seats is a number"),
        ("seats", True, "Seats is a number"),
        ("seats", float("inf"), "Seats is a number"),
        ("since", "3 Nov", "such as 2026-11-03"),
        ("zone", "Berlin", "such as Europe/Berlin"),
        ("zone", "../../etc/passwd", "such as Europe/Berlin"),
        ("language", "German", "such as en or pt-BR"),
        ("phone", "call me", "telephone number"),
        ("site", "javascript:alert(1)", "web address"),
        ("plan", 7, "Plan is one of"),
        ("plan", None, "Plan is one of"),
        ("company", ["a"], "Company is words"),
    ],
)
def test_what_does_not_fit_is_told_with_the_cure(name: str, given: object, cure: str) -> None:
    with pytest.raises(ValueError, match=r"^\w[^\n]*\.$") as told:
        read(RULES[name], given)
    assert cure in str(told.value)


def world_with_rules(database: Database) -> World:
    world = World(database)
    world.policy = replace(world.policy, attributes=RULES)
    world.build()
    return world


async def has(world: World) -> dict[str, tuple[Any, str]]:
    found = await world.database.read(partial(attributes.of, customer_id=DANA))
    return {name: (one.value, one.source) for name, one in found.items()}


async def token(world: World, **values: object) -> None:
    unit = partial(
        attributes.from_token, policy=world.policy, customer_id=DANA, values=values, now=world.clock()
    )
    world.outbox.wake(await world.database.write(unit))


async def set_(world: World, source: str, **changes: str | None) -> str | None:
    return await world.casework.profile.set(DANA, SUPPORT, KIM, changes, source)


async def test_an_agent_sets_and_the_card_and_thread_show_it(database: Database) -> None:
    async with world_with_rules(database) as world:
        await world.says("Hello", source="m1")
        await world.quiet()
        assert await set_(world, "s1", plan="pro", company="Acme Corp", vip="yes") == (
            "Plan pro · Company Acme Corp · VIP"
        )
        await world.quiet()
        card = world.desk.cards()[0].card
        assert card is not None and card.badges == ("VIP",) and card.noted == ("Plan: pro",)
        lines = [one.text for one in world.desk.entries() if isinstance(one, Activity)]
        assert lines == ["Kim set Plan pro · Company Acme Corp · VIP"]
        assert await set_(world, "s1", plan="free") is None, "the same act a second time changes nothing"
        assert await set_(world, "s2", plan="PRO") is None
        assert await set_(world, "s3", plan=None) == "no Plan any more"
        await world.quiet()
        card = world.desk.cards()[0].card
        assert card is not None and card.noted == ()


async def test_all_of_them_or_none(database: Database) -> None:
    async with world_with_rules(database) as world:
        await world.says("Hello", source="m1")
        with pytest.raises(WrongValues) as wrong:
            await set_(world, "s1", plan="gold", company="Acme", pann="pro")
        assert wrong.value.by_name == {
            "plan": "Plan is one of free, pro.",
            "pann": "There is no attribute “pann”. Did you mean plan?",
        }
        assert await has(world) == {}
        assert await set_(world, "s1", company="Acme") == "Company Acme", "what failed can be done again"


async def test_an_agents_word_goes_before_the_tokens(database: Database) -> None:
    async with world_with_rules(database) as world:
        await world.says("Hello", source="m1")
        await token(world, plan="free", company="Acme", tier="gold", strange=1)
        await set_(world, "s1", plan="pro")
        await token(world, plan="free", company="Acme Corp", tier="platinum")
        assert await has(world) == {
            "plan": ("pro", KIM.id),
            "company": ("Acme Corp", TOKEN),
            "tier": ("platinum", TOKEN),
        }
        with pytest.raises(WrongValues, match="comes from the site's signed token"):
            await set_(world, "s2", tier="tin")


async def test_a_token_that_is_trusted_more_replaces_what_an_agent_said(database: Database) -> None:
    async with world_with_rules(database) as world:
        await world.says("Hello", source="m1")
        await set_(world, "s1", tier="tin")
        await token(world, tier="gold")
        assert await has(world) == {"tier": ("gold", TOKEN)}


async def test_a_wrong_value_of_a_token_is_left_out_and_told_once(database: Database) -> None:
    async with world_with_rules(database) as world:
        await world.says("Hello", source="m1")
        for _ in range(3):
            await token(world, plan="gold", seats=3)
        await world.quiet()
        lines = [one.text for one in world.desk.entries() if isinstance(one, Activity)]
        assert lines == [
            "The site's token holds a wrong value for plan, which was left out: Plan is one of free, pro."
        ]
        assert await has(world) == {"seats": (3, TOKEN)}


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=300, deadline=None)
@given(JSON, st.sampled_from(sorted(RULES)))
def test_whatever_a_token_holds_is_a_value_or_is_refused_in_words(given_: object, name: str) -> None:
    rule = RULES[name]
    try:
        value = read(rule, given_)
    except ValueError as error:
        assert str(error).startswith(rule.label) and str(error).endswith(".")
    else:
        assert read(rule, value) == value, "what was understood once is understood again"


async def test_a_profile_says_how_everything_is_known(database: Database) -> None:
    async with world_with_rules(database) as world:
        await world.says("Hello", source="m1")
        await set_(world, "s1", vip="yes")
        await world.casework.profile.rename(DANA, SUPPORT, KIM, " Dana   P. ", "s2")
        shown = await world.casework.profile.show(DANA, SUPPORT)
        assert (shown.person.name, shown.cases, shown.messages) == ("Dana P.", 1, 1)
        known = shown.known_as[0]
        assert (known.address, known.evidence, known.inboxes) == (
            "dana@mail.example",
            "dkim=pass",
            ("support@shop.example",),
        )
        assert known.proven_at is not None
        assert [(one.rule.name, one.words, one.by) for one in shown.attributes] == [("vip", "yes", "Kim")]
        await world.says("More", source="m2")
        await world.quiet()
        card = world.desk.cards()[0].card
        assert card is not None and card.customer_name == "Dana P.", "their own words do not call them back"


async def test_a_claim_is_told_as_a_claim(database: Database) -> None:
    async with world_with_rules(database) as world:
        await world.says("Hi", source="c1", verified=False)
        known = (await world.casework.profile.show(DANA, SUPPORT)).known_as[0]
        assert known.proven_at is None and known.evidence == "no DKIM"
