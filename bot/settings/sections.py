"""What may stand in app.yaml, section by section, but for the inboxes, whose keys their channels define.

A field's description is its cure: what a person has to write there. Times are seconds unless the name says otherwise.
Plain data, no behaviour; ``bot/config.py`` reads the file.
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeAlias
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ByteSize,
    Field,
    SecretStr,
    StringConstraints,
    model_validator,
)

from bot.merge.cluewords import order_pattern
from bot.settings.sections_base import Handle, Model, Name, named
from bot.settings.sections_ratings import Ratings
from bot.settings.sections_sla import ZONE, HoursSection, Sla, Zone
from bot.settings.sections_stats import Stats
from bot.settings.sections_timing import Answers, Reminders


def _token(prefix: str, what: str) -> AfterValidator:
    def check(value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(prefix):
            raise ValueError(f"this is not {what}: those start with {prefix}")
        return value

    return AfterValidator(check)


def _api_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("this is not a web address")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ValueError("tokens would travel unencrypted to another machine")
    return url if url.endswith("/") else url + "/"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _database(url: str) -> str:
    if not re.match(r"sqlite:///.|postgres(ql)?://.", url):
        raise ValueError("this is not a database that onethread knows")
    return url.replace("postgres://", "postgresql://", 1)


def _long(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if len(text) < 32:
        raise ValueError(f"too short: {len(text)} characters of at least 32")
    if len(set(text)) < 8:
        raise ValueError("too simple: it repeats a few characters")
    return value


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


SlackUser: TypeAlias = Annotated[str, named("[UW][A-Z0-9]{2,}", "this is not a Slack user id")]
_USERS = "Slack user ids such as U024BE7LH. In Slack: a person's profile → ⋮ → Copy member ID."


UserGroup: TypeAlias = Annotated[str, named("S[A-Z0-9]{2,}", "this is not a Slack user group id")]
_GROUP = "A user group id such as S0614TZR7 (needs a paid Slack plan)"


class Slack(Model):
    """The workspace and what it calls its people."""

    bot_token: Annotated[SecretStr, _token("xoxb-", "a bot token")] = Field(
        description="The bot token: api.slack.com/apps → your app → OAuth & Permissions → Bot User OAuth Token."
    )
    app_token: Annotated[SecretStr, _token("xapp-", "an app-level token")] = Field(
        description="An app-level token with connections:write: api.slack.com/apps → your app → Basic Information."
    )
    api_url: Annotated[str, AfterValidator(_api_url)] = Field(
        "https://slack.com/api/",
        description="Leave it out, or write an https:// address (http:// on this machine only).",
    )
    names: Literal["real_name", "display_name"] = Field(
        "real_name", description="real_name or display_name: which name of an agent's profile customers see."
    )
    public_names: dict[SlackUser, Name] = Field(
        default_factory=dict,
        description="Slack user id: the name that customers see, e.g. U024BE7LH: Kim. It goes before the profile.",
    )


class Commands(Model):
    """How slash commands are called."""

    prefix: Annotated[str, named("[a-z0-9_-]{0,16}", "at most 16 lower-case letters, digits, - or _")] = (
        Field(
            "",
            description="Put before every command where another app has the same one: ot- makes /ot-reply.",
        )
    )


class Routing(Model):
    """Who gets a case that nobody has."""

    assign: Literal["off", "round_robin", "least_loaded"] = Field(
        "off",
        description="off: agents take cases themselves. round_robin or least_loaded: among those on /duty.",
    )
    live: int = Field(4, ge=0, le=1000, description="Open chats that one agent gets at most; 0: any number.")
    others: int = Field(
        0, ge=0, le=10_000, description="Open cases by other channels at most; 0: any number."
    )
    returning: bool = Field(True, description="true: customers go to who had their last case.")
    notify: bool = Field(True, description="true: owners hear of new words by direct message.")


class Team(Model):
    """Who works in one Slack channel, and how."""

    name: Name = Field(description="The team's name as customers see it, e.g. Acme Support.")
    slack_channel: Annotated[str, named("[CG][A-Z0-9]{2,}", "this is not a Slack channel id")] = Field(
        description="A channel id such as C024BE91L. In Slack: the channel's name at the top → About → at the bottom."
    )
    members: tuple[SlackUser, ...] = Field((), description=_USERS)
    user_group: UserGroup | None = Field(
        None,
        description="A user group id such as S0614TZR7 (needs a paid Slack plan); otherwise list members.",
    )
    leads: tuple[SlackUser, ...] = Field((), description=_USERS)
    admins: tuple[SlackUser, ...] = Field((), description=_USERS)
    lead_group: UserGroup | None = Field(None, description=f"{_GROUP}; its people are leads, too.")
    admin_group: UserGroup | None = Field(None, description=f"{_GROUP}; its people are admins, too.")
    on_call: tuple[SlackUser | UserGroup, ...] = Field(
        (),
        description="Who hears of broken promises before the leads do: Slack users or user groups, in a list.",
    )
    fallback_channel: Annotated[str, named("[CG][A-Z0-9]{2,}", "this is not a Slack channel id")] | None = (
        Field(
            None,
            description="A channel id such as C024BE91L, where threads go on when slack_channel is archived; or leave it out.",
        )
    )
    thread_replies: Literal["internal", "send"] = Field(
        "internal",
        description="internal: plain messages in a thread stay in Slack. send: every one of them goes to the customer.",
    )
    undo_seconds: float = Field(
        5.0, ge=0, le=300, description="Seconds in which a reply can be taken back, 0 to 300."
    )
    hours: Handle | None = Field(
        None, description="The name of hours of this file; left out: Monday to Friday, 09:00 to 17:00."
    )
    routing: Routing = Field(Routing(), description="Who gets a case that nobody has: see docs/routing.md.")
    sees: Literal["all", "own"] | tuple[Handle, ...] = Field(
        "all", description="Whose cases this team may read: all, own, or a list of teams such as [sales]."
    )


class Database(Model):
    """Where the history is."""

    url: Annotated[str, AfterValidator(_database)] = Field(
        "sqlite:///data/onethread.db",
        repr=False,
        description="sqlite:///data/onethread.db (four slashes for an absolute path) or postgresql://user@host/database.",
    )


class Limits(Model):
    """What is kept, and for how long."""

    attachment_bytes: Annotated[ByteSize, Field(ge=1, le=1_000_000_000)] = Field(
        ByteSize(25_000_000),
        description="The largest file that is kept, e.g. 25 MB; a larger one is named and left out.",
    )
    raw_days: float = Field(
        30.0, ge=0, le=36500, description="Days for which messages are kept as they arrived; 0: not at all."
    )

    thread_days: float = Field(
        90.0,
        ge=0,
        description="A new case begins in a new thread where the old one is older than this; 0: never.",
    )
    thread_posts: int = Field(
        500, ge=0, description="A new case begins in a new thread where the old one has more posts; 0: never."
    )


class Pace(Model):
    """How fast the desk may talk to Slack. The defaults are what Slack allows."""

    channel_per_second: float = Field(
        1.0, gt=0, le=100_000, description="Posts a second into one Slack channel."
    )
    channel_burst: int = Field(3, ge=1, le=100_000, description="Posts at once into one Slack channel.")
    workspace_per_second: float = Field(
        5.0, gt=0, le=100_000, description="Posts a second in the whole workspace."
    )
    workspace_burst: int = Field(10, ge=1, le=100_000, description="Posts at once in the whole workspace.")
    card_updates_per_minute: float = Field(
        40.0, gt=0, le=6_000_000, description="Card updates a minute; Slack allows 50."
    )
    card_delay_seconds: float = Field(
        2.0, ge=0, le=60, description="How long a card waits for more changes, 0 to 60."
    )


class Web(Model):
    """The bot's own web server: /healthz, and channels that need one."""

    host: Annotated[str, StringConstraints(min_length=1)] = Field(
        "127.0.0.1",
        description="The address to listen on: 127.0.0.1, or 0.0.0.0 in a container or behind a proxy.",
    )
    port: int = Field(8000, ge=0, le=65535, description="A port number; 0 takes a free one.")


class Log(Model):
    """What is logged. Words, addresses and secrets never are."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="debug, info, warning or error."
    )
    format: Literal["json", "console"] = Field(
        "json", description="One of json (for machines) and console (for people)."
    )


def _attribute(value: Any) -> Any:
    """The short form: ``company: text``."""
    return {"type": value} if isinstance(value, str) else value


class Attribute(Model):
    """One thing that can be noted of a customer."""

    type: Literal["text", "choice", "number", "flag", "date", "zone", "language", "phone", "url"] = Field(
        "text", description="One of text, choice, number, flag, date, zone, language, phone, url."
    )
    choices: tuple[Annotated[str, StringConstraints(min_length=1, max_length=75)], ...] = Field(
        (), max_length=99, description="For a choice: what it may be, e.g. [free, pro]."
    )
    label: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)] | None = (
        Field(None, description="What agents read, e.g. Plan.")
    )
    card: bool | None = Field(None, description="true: it is shown on the card.")
    trust: Literal["agent", "token"] = Field(
        "agent", description="Whose word goes before: the agent's, or the site's signed token's."
    )

    @model_validator(mode="after")
    def _choices(self) -> Self:
        if (self.type == "choice") != bool(self.choices):
            raise ValueError("a choice needs choices, and nothing else has them")
        return self


AttributeName: TypeAlias = Annotated[
    str, named("[a-z][a-z0-9_-]{0,39}", "an attribute's name is lower-case letters, digits, - or _")
]


def _order_number(words: str) -> str:
    order_pattern(words)
    return words


class Customers(Model):
    """What is noted of customers."""

    attributes: dict[AttributeName, Annotated[Attribute, BeforeValidator(_attribute)] | None] = Field(
        default_factory=dict,
        max_length=40,
        description="A name and its type each, e.g. company: text. Empty (phone:) takes one of our own away.",
    )
    order_number: (
        Annotated[str, StringConstraints(min_length=2, max_length=100), AfterValidator(_order_number)] | None
    ) = Field(
        None,
        description="A regular expression for your order numbers, e.g. 'AC-\\d{5,8}': who names the same one may be one.",
    )


class Quarantine(Model):
    """Whose first messages wait apart."""

    senders: tuple[Annotated[str, StringConstraints(min_length=3, max_length=200)], ...] = Field(
        (), description='Addresses or domains, e.g. ["*@newsletter.example", spam.example].'
    )
    words: tuple[Annotated[str, StringConstraints(min_length=2, max_length=100)], ...] = Field(
        (), description="Words or phrases that only unwanted messages have."
    )
    automatic: bool = Field(True, description="false: newsletters and machines' notices get a card, too.")
    flood: int = Field(
        20, ge=0, le=10_000, description="Messages of a new sender in 10 minutes; 0: any number."
    )


class Sections(Model):
    """Everything in app.yaml but the inboxes, whose keys their channels define."""

    slack: Slack = Field(description="Needs bot_token and app_token.")
    commands: Commands = Commands()
    teams: dict[Handle, Team] = Field(
        min_length=1, description="At least one team, with its name and slack_channel."
    )
    database: Database = Database()
    data_dir: Path = Field(Path("data"), description="A folder for messages as they arrived and for files.")
    secret_key: Annotated[
        tuple[Annotated[SecretStr, AfterValidator(_long)], ...], BeforeValidator(_as_list)
    ] = Field(
        min_length=1,
        description='"${ONETHREAD_SECRET_KEY}", made with: python3 -c "import secrets; print(secrets.token_urlsafe(48))". '
        'To change it put the new one first: ["${NEW_KEY}", "${OLD_KEY}"].',
    )
    zone: Zone = Field("UTC", description=ZONE)
    hours: dict[Handle, HoursSection] = Field(
        default_factory=dict, description="A name, and zone and week each."
    )
    sla: tuple[Sla, ...] = Field((), description="A list of policies: name, when, first_response and so on.")
    reminders: Reminders = Reminders()
    answers: Answers = Answers()
    stats: Stats = Stats()
    ratings: Ratings = Ratings()
    customers: Customers = Customers()
    quarantine: Quarantine = Quarantine()
    limits: Limits = Limits()
    pace: Pace = Pace()
    web: Web = Web()
    log: Log = Log()
