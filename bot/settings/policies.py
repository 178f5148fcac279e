"""From app.yaml to frozen policies. ``bot/app.py`` hands each object its own."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from bot.capabilities import Capabilities
from bot.clockwork.promises import Promises, Rule, plain, usual
from bot.config import Config, Inbox
from bot.contract import Secrets
from bot.messages import AgentId, InboxId, TeamId
from bot.policy import (
    AttributeRule,
    CorePolicy,
    InboxPolicy,
    PacePolicy,
    QuarantinePolicy,
    Rate,
    RoutingPolicy,
    TeamPolicy,
    own_attributes,
)
from bot.privacy import tombstones
from bot.settings.policies_ratings import ratings_policy
from bot.settings.policies_stats import stats_policy
from bot.settings.policies_timing import answers_policy, reminders_policy
from bot.settings.sections_sla import Sla
from bot.slack.policy import NameFrom, SlackPolicy, ThreadReplies
from bot.slack.policy import TeamPolicy as SlackTeam


def core_policy(config: Config, able: Mapping[InboxId, Capabilities]) -> CorePolicy:
    """What the core goes by. ``able``: what the inboxes' adapters say that their channels can carry."""
    teams = {
        name: TeamPolicy(
            name,
            team.name,
            team.slack_channel,
            team.undo_seconds,
            team.fallback_channel,
            seen_by(name, team.sees),
            routing=RoutingPolicy(**team.routing.model_dump()),
            on_call=team.on_call,
            leads=team.leads + ((team.lead_group,) if team.lead_group else ()),
        )
        for name, team in config.teams.items()
    }
    found = {
        name: InboxPolicy(name, inbox.channel.name, inbox.team, label(inbox), able[name], inbox.channel.reach)
        for name, inbox in config.inboxes.items()
    }
    keys = secret_keys(config).keys
    return CorePolicy(
        teams,
        found,
        card_delay=config.pace.card_delay_seconds,
        link_keys=keys,
        thread_days=config.limits.thread_days,
        thread_posts=config.limits.thread_posts,
        tombstone_keys=tombstones.keys_of(keys),
        attributes=attribute_rules(config),
        quarantine=quarantine_policy(config),
        order_number=config.customers.order_number,
        own_addresses=own_addresses(config),
        promises=promises(config),
        answers=answers_policy(config),
        stats=stats_policy(config.stats),
        ratings=ratings_policy(config),
        reminders=reminders_policy(config),
    )


def promises(config: Config) -> Promises:
    """What app.yaml promises customers; where none of its policies fits, what their channel makes them expect."""
    usual_for = {one.channel.name: one.channel.answer_within for one in config.inboxes.values()}
    return Promises(
        (*(rule_of(given) for given in config.sla), *usual(usual_for)),
        {name: section.hours() for name, section in config.hours.items()},
        {name: team.hours for name, team in config.teams.items() if team.hours is not None},
        config.zone,
    )


def notes(config: Config) -> list[str]:
    """What holds because app.yaml says nothing of it, and people may not expect."""
    return [
        f"team {name} has no hours in app.yaml: Monday to Friday, 09:00 to 17:00 {config.zone} count for its promises."
        for name, team in config.teams.items()
        if team.hours is None
    ]


def rule_of(given: Sla) -> Rule:
    """A policy of app.yaml as the core needs it."""
    when = given.when
    return Rule(
        given.name,
        frozenset(when.channel),
        frozenset(when.inbox),
        frozenset(when.team),
        frozenset(when.priority),
        frozenset(when.tags),
        tuple((name, plain(value)) for name, value in when.attribute.items()),
        given.first_response,
        given.next_response,
        given.resolution,
        given.hours,
        given.remind,
    )


def attribute_rules(config: Config) -> dict[str, AttributeRule]:
    """The attributes of app.yaml after our own; one with the name of ours takes its place, an empty one takes it away."""
    rules = own_attributes()
    for name, given in config.customers.attributes.items():
        own = rules.pop(name, None)
        if given is None:
            continue
        label = given.label or (own.label if own is not None else name.replace("_", " ").capitalize())
        card = own.card if given.card is None and own is not None else bool(given.card)
        rules[name] = AttributeRule(name, given.type, label, given.choices, card, given.trust)
    return rules


def own_addresses(config: Config) -> frozenset[str]:
    """The addresses of our own inboxes: they say nothing of a customer."""
    known = (one.channel.addresses(one.settings) for one in config.inboxes.values())
    return frozenset(address.lower() for addresses in known for address in addresses)


def quarantine_policy(config: Config) -> QuarantinePolicy:
    """Whose first messages wait apart."""
    given = config.quarantine
    return QuarantinePolicy(given.senders, given.words, given.automatic, given.flood)


def seen_by(team: TeamId, sees: str | tuple[str, ...]) -> frozenset[TeamId] | None:
    """The teams whose cases a team may read; None: all."""
    if isinstance(sees, str):
        return None if sees == "all" else frozenset({team})
    return frozenset({team, *(TeamId(one) for one in sees)})


def label(inbox: Inbox) -> str:
    """What agents call an inbox."""
    if inbox.channel.label is not None:
        return inbox.channel.label(inbox.settings)
    return min(inbox.channel.addresses(inbox.settings), default=str(inbox.id))


def slack_policy(config: Config) -> SlackPolicy:
    """What the desk goes by."""
    teams = tuple(
        SlackTeam(
            name,
            team.name,
            team.slack_channel,
            frozenset(AgentId(one) for one in (*team.members, *team.leads, *team.admins)),
            team.user_group,
            frozenset(AgentId(one) for one in team.leads),
            ThreadReplies(team.thread_replies),
            fallback=team.fallback_channel,
            lead_group=team.lead_group,
            admin_group=team.admin_group,
        )
        for name, team in config.teams.items()
    )
    return SlackPolicy(
        config.slack.bot_token.get_secret_value(),
        config.slack.app_token.get_secret_value(),
        teams,
        api_url=config.slack.api_url,
        prefix=config.commands.prefix,
        admins=frozenset(AgentId(one) for team in config.teams.values() for one in team.admins),
        public_names=config.slack.public_names,
        name_from=NameFrom(config.slack.names),
        icons={inbox.channel.name: inbox.channel.icon for inbox in config.inboxes.values()},
        undo_seconds=max(team.undo_seconds for team in config.teams.values()),
        max_file=int(config.limits.attachment_bytes),
    )


def pace_policy(config: Config, able: Mapping[InboxId, Capabilities]) -> PacePolicy:
    """How fast the platforms may be asked."""
    pace = config.pace
    rates = {name: Rate(one.rate, one.burst) for name, one in able.items() if one.rate is not None}
    return PacePolicy(
        desk_channel=Rate(pace.channel_per_second, pace.channel_burst),
        workspace=Rate(pace.workspace_per_second, pace.workspace_burst),
        cards=Rate(pace.card_updates_per_minute / 60, 5.0),
        marks=Rate(max(pace.card_updates_per_minute / 60, 45 / 60), 10.0),
        inboxes=rates,
    )


def secret_keys(config: Config) -> Secrets:
    """Keys of 32 bytes, newest first."""
    return Secrets(
        tuple(hashlib.sha256(key.get_secret_value().encode()).digest() for key in config.secret_key)
    )
