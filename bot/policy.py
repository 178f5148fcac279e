"""Frozen policies: what app.yaml says, as the core needs it. ``bot/app.py`` makes them; nothing else knows app.yaml."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from bot.capabilities import Capabilities
from bot.clockwork.promises import Promises
from bot.messages import InboxId, TeamId
from bot.stats.grades import USUAL, Targets


@dataclass(frozen=True, slots=True)
class RoutingPolicy:
    """Who gets a case that nobody has. ``assign``: off, round_robin or least_loaded, among those on duty.

    ``live`` and ``others``: how many open cases an agent has at most on channels where customers wait (a chat), and on all
    others; 0: any number. ``returning``: customers go to who had their last case. ``notify``: owners hear of new words by
    direct message.
    """

    assign: str = "off"
    live: int = 4
    others: int = 0
    returning: bool = True
    notify: bool = True


@dataclass(frozen=True, slots=True)
class TeamPolicy:
    """A team: its Slack channel, how long a reply is held for undo (seconds), where to go when the channel is gone.

    ``sees``: the teams whose cases its agents may read, its own always; None: all. ``on_call`` and ``leads``: Slack users and
    user groups who hear of broken promises.
    """

    id: TeamId
    name: str
    slack_channel: str
    undo: float = 5.0
    fallback_channel: str | None = None
    sees: frozenset[TeamId] | None = None
    on_call: tuple[str, ...] = ()
    leads: tuple[str, ...] = ()
    routing: RoutingPolicy = RoutingPolicy()


@dataclass(frozen=True, slots=True)
class InboxPolicy:
    """One configured account on a channel. ``label`` is how it is called in Slack: ``support@shop.example``.

    ``able`` is what its adapter says that the channel can carry. ``reach`` reads an address that an agent typed.
    """

    id: InboxId
    channel: str
    team: TeamId
    label: str
    able: Capabilities = field(default_factory=lambda: Capabilities("", 1_000_000))
    reach: Callable[[str], str | None] | None = None


@dataclass(frozen=True, slots=True)
class AttributeRule:
    """An attribute that customers can have. ``type``: text, choice, number, flag, date, zone, language, phone or url.

    ``card``: shown on the card. ``trust``: whose value goes before, the "agent"'s or the site's signed "token"'s.
    """

    name: str
    type: str
    label: str
    choices: tuple[str, ...] = ()
    card: bool = False
    trust: str = "agent"


def own_attributes() -> dict[str, AttributeRule]:
    """The attributes that are there without a line in app.yaml."""
    rules = (
        AttributeRule("vip", "flag", "VIP", card=True),
        AttributeRule("company", "text", "Company"),
        AttributeRule("phone", "phone", "Phone"),
        AttributeRule("language", "language", "Language"),
        AttributeRule("zone", "zone", "Time zone"),
    )
    return {rule.name: rule for rule in rules}


@dataclass(frozen=True, slots=True)
class QuarantinePolicy:
    """Whose first messages wait apart until somebody has looked at them.

    ``senders`` are addresses with ``*``, or domains; ``words`` stand in the message. ``automatic``: mass mail and the like.
    ``flood``: more messages than this of a newcomer within ``flood_window`` seconds, before anybody answered; 0: any number,
    where app.yaml does not say otherwise it says 20.
    """

    senders: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    automatic: bool = True
    flood: int = 0
    flood_window: float = 600.0


@dataclass(frozen=True, slots=True)
class AnswerPolicy:
    """Automatic answers of one inbox. ``busy_over``: those who wait have waited so long (median, seconds); None: never busy.

    ``texts`` by (kind, language) go before the built-in ones. ``faster`` by language, "" for all others: how somebody is
    reached faster.
    """

    off_hours: bool = True
    busy_over: float | None = None
    language: str = "en"
    texts: Mapping[tuple[str, str], str] = field(default_factory=dict)
    faster: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AnswersPolicy:
    """Automatic answers: none where an inbox is not in ``of``. Caps: to one address a day, to all together an hour."""

    of: Mapping[InboxId, AnswerPolicy] = field(default_factory=dict)
    per_address: int = 3
    per_hour: int = 200


@dataclass(frozen=True, slots=True)
class Escalation:
    """A step after a broken promise: seconds after it, and who is told (owner, thread, on_call, leads)."""

    after: float
    tell: tuple[str, ...]


ESCALATIONS = (
    Escalation(0.0, ("owner", "thread")),
    Escalation(900.0, ("on_call",)),
    Escalation(1800.0, ("leads",)),
)


@dataclass(frozen=True, slots=True)
class RemindersPolicy:
    """Who hears of promises. ``after`` the breach; ``pause``: seconds that somebody who is on it is left alone.

    ``list_from``: so many at once for one person are a list. ``at_night``: policies of which people hear day and night.
    """

    after: tuple[Escalation, ...] = ESCALATIONS
    pause: float = 1800.0
    list_from: int = 4
    at_night: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class StatsPolicy:
    """Targets of the grades by channel ("": all), and when the weekly digest comes.

    ``digest_on``: 0 is Monday, None: never; ``digest_hour`` of the team's time zone; ``digest_channel`` None: the team's own.
    """

    targets: Mapping[str, Targets] = field(default_factory=lambda: {"": USUAL})
    digest_on: int | None = None
    digest_hour: int = 9
    digest_channel: str | None = None

    def targets_of(self, channel: str) -> Targets:
        """What is aimed at on a channel."""
        return self.targets.get(channel) or self.targets[""]


@dataclass(frozen=True, slots=True)
class RatingPolicy:
    """Asking on one inbox: of which share of cases (0 to 1), seconds after they were resolved, and in which language."""

    share: float = 1.0
    after: float = 120.0
    language: str = "en"


@dataclass(frozen=True, slots=True)
class RatingsPolicy:
    """Asking customers how they were served: nobody where an inbox is not in ``of``.

    ``again``: seconds in which nobody is asked twice. ``low``: a score of this or less is told to the leads. ``per_hour``: at
    most so many are asked, all together.
    """

    of: Mapping[InboxId, RatingPolicy] = field(default_factory=dict)
    again: float = 30 * 86_400.0
    low: int = 2
    per_hour: int = 200


@dataclass(frozen=True, slots=True)
class CorePolicy:
    """What the relay and the outbox go by. All times in seconds.

    ``echo_delay``: a reply that is still not settled so long after its undo window is shown all the same.
    ``card_delay``: how long changes of a card are gathered. ``automatic_per_hour``: more automatic messages than this from
    one sender are kept and not posted. ``same_words``: asking before identical text goes to the same customer again.
    ``thread_days`` and ``thread_posts``: a new case of a customer whose thread is older, or has more posts, begins in a new
    thread; 0: never.
    """

    teams: Mapping[TeamId, TeamPolicy]
    inboxes: Mapping[InboxId, InboxPolicy]
    echo_delay: float = 3.0
    card_delay: float = 2.0
    automatic_per_hour: int = 10
    same_words: float = 120.0
    thread_days: float = 90.0
    thread_posts: int = 500
    agent_names: Mapping[str, str] = field(default_factory=dict)
    promises: Promises = field(default_factory=Promises)
    attributes: Mapping[str, AttributeRule] = field(default_factory=own_attributes)
    quarantine: QuarantinePolicy = field(default_factory=QuarantinePolicy)
    stats: StatsPolicy = field(default_factory=StatsPolicy)
    ratings: RatingsPolicy = field(default_factory=RatingsPolicy)
    answers: AnswersPolicy = field(default_factory=AnswersPolicy)
    reminders: RemindersPolicy = field(default_factory=RemindersPolicy)
    order_number: str | None = None
    own_addresses: frozenset[str] = frozenset()
    link_keys: tuple[bytes, ...] = field(default=(), repr=False)

    def visible(self, teams: Iterable[TeamId]) -> frozenset[TeamId] | None:
        """The teams whose cases somebody who is in ``teams`` may read; None: all."""
        seen: set[TeamId] = set()
        for team in teams:
            also = self.teams[team].sees
            if also is None:
                return None
            seen |= also | {team}
        return frozenset(seen)

    tombstone_keys: tuple[bytes, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Rate:
    """A token bucket: ``per_second`` tokens flow in, at most ``burst`` are kept."""

    per_second: float
    burst: float


@dataclass(frozen=True, slots=True)
class PacePolicy:
    """What the platforms allow. ``desk_channel``: posts into one Slack channel; ``workspace``: posts into all together;
    ``cards``: updates of cards over all customers; ``marks``: updates and reactions; ``inbox``: sends of one inbox."""

    desk_channel: Rate = Rate(1.0, 4.0)
    workspace: Rate = Rate(5.0, 20.0)
    cards: Rate = Rate(40 / 60, 5.0)
    marks: Rate = Rate(45 / 60, 10.0)
    inbox: Rate = Rate(10.0, 20.0)
    inboxes: Mapping[InboxId, Rate] = field(default_factory=dict)
