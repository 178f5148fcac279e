"""What goes wrong on request. Only the app's own calls and envelopes are hurt, never the people's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeVar

Effect = Literal["error", "hang", "drop", "limit"]


@dataclass(slots=True)
class Rule:
    """One fault for the next `times` calls of a method (`*` = any) and, if given, of a channel."""

    effect: Effect
    method: str = "*"
    channel: str = ""  # channel id; empty = any
    times: int = 1
    status: int = 500  # error: the HTTP status
    seconds: float = 0.0  # hang: how long; limit: Retry-After
    processed: bool = True  # drop, hang, error: was the call carried out before it went wrong


R = TypeVar("R", bound=Rule)


@dataclass
class Faults:
    """The knobs. Flags may be set directly; the verbs arm rules that wear out after `times` calls."""

    deaf: bool = False  # sockets stay open but neither envelopes nor pongs come
    duplicate: bool = False  # every envelope is sent twice
    reorder: int = 0  # so many envelopes are held, then sent shuffled (or after 0.2 s)
    rules: list[Rule] = field(default_factory=list)
    on_change: Callable[[], None] = lambda: None

    def fail(self, method: str = "*", times: int = 1, status: int = 500, processed: bool = False) -> None:
        """Answer the next calls with an HTTP error and no JSON."""
        self.rules.append(Rule("error", method, "", times, status, 0.0, processed))

    def hang(self, method: str = "*", seconds: float = 30.0, times: int = 1, processed: bool = True) -> None:
        """Answer the next calls late."""
        self.rules.append(Rule("hang", method, "", times, 500, seconds, processed))

    def drop(self, method: str = "*", times: int = 1, processed: bool = True) -> None:
        """Carry the next calls out (or not), then cut the connection without an answer."""
        self.rules.append(Rule("drop", method, "", times, 500, 0.0, processed))

    def limit(self, method: str = "*", channel: str = "", retry_after: int = 1, times: int = 1) -> None:
        """Answer the next calls with 429 and `Retry-After` (seconds)."""
        self.rules.append(Rule("limit", method, channel, times, 429, float(retry_after), False))

    def clear(self) -> None:
        """Everything works again."""
        self.rules.clear()
        self.deaf = self.duplicate = False
        self.reorder = 0
        self.on_change()

    def take(self, method: str, channel: str) -> Rule | None:
        """The rule that hits this call, used up by one."""
        for rule in self.rules:
            if rule.method in ("*", method) and rule.channel in ("", channel):
                rule.times -= 1
                if rule.times <= 0:
                    self.rules.remove(rule)
                return rule
        return None


def describe(rules: Iterable[Rule]) -> list[dict[str, object]]:
    """The armed rules as JSON, for a panel."""
    return [
        {"effect": r.effect, "method": r.method, "channel": r.channel, "times": r.times, "seconds": r.seconds}
        for r in rules
    ]
