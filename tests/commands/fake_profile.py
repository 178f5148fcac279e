"""Profiles in memory, for tests of commands: the same promises as ``ProfileServices``, no database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from typing_extensions import override

from bot.commands.nouns import Person
from bot.commands.profile_services import KnownAs, Profile, ProfileServices, Shown, WrongValues
from bot.commands.types import Agent
from bot.errors import UserError
from bot.identity.valuetypes import read, words
from bot.messages import CustomerId, TeamId
from bot.policy import AttributeRule, own_attributes

if TYPE_CHECKING:
    from tests.commands.fake_services import FakeServices

PLAN = AttributeRule("plan", "choice", "Plan", ("free", "pro"), card=True)


class FakeProfile(ProfileServices):
    """``has`` is what each customer has, in words; ``sources`` what was asked for once."""

    def __init__(self, core: FakeServices) -> None:
        self._core = core
        self._rules = {**own_attributes(), "plan": PLAN}
        self.has: dict[CustomerId, dict[str, str]] = {}
        self.sources: list[str] = []

    @override
    def rules(self) -> tuple[AttributeRule, ...]:
        return tuple(self._rules.values())

    @override
    async def show(self, customer_id: CustomerId, team: TeamId) -> Profile:
        person = self._core.people[f"C{customer_id}"]
        known = KnownAs(
            "email", person.address, 1_700_000_000.0, "DMARC passed for mail.example", False, (), None
        )
        has = self.has.get(customer_id, {})
        shown = tuple(Shown(self._rules[name], value, "Kim", 1_700_000_000.0) for name, value in has.items())
        return Profile(person, ("C77",), (known,), 1_700_000_000.0, 2, 7, shown, person.spam)

    @override
    async def values(self, customer_id: CustomerId) -> dict[str, str]:
        return dict(self.has.get(customer_id, {}))

    @override
    async def set(
        self,
        customer_id: CustomerId,
        team: TeamId,
        agent: Agent,
        changes: Mapping[str, str | None],
        source: str,
    ) -> str | None:
        has = self.has.setdefault(customer_id, {})
        wrong: dict[str, str] = {}
        good: dict[str, str | None] = {}
        for name, value in changes.items():
            try:
                rule = self._rules[name]
                good[name] = None if value is None else words(rule, read(rule, value))
            except KeyError:
                wrong[name] = f"There is no attribute “{name}”."
            except ValueError as error:
                wrong[name] = str(error)
        if wrong:
            raise WrongValues(wrong)
        self.sources.append(source)
        for name, value in good.items():
            has.pop(name, None) if value is None else has.update({name: value})
        return " · ".join(f"{name} {value}" for name, value in good.items()) or None

    @override
    async def rename(
        self, customer_id: CustomerId, team: TeamId, agent: Agent, name: str, source: str
    ) -> Person:
        if not name.strip():
            raise UserError("Write the name, such as: name Dana Petrov.")
        person = replace(self._core.people[f"C{customer_id}"], name=name)
        self._core.people[person.handle] = person
        return person
