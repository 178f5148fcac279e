"""auth.test, api.test, apps.connections.open, users.*, usergroups.*, bots.info, team.info."""

from __future__ import annotations

import time

from ..args import Args
from ..core import Core, method, ok
from ..model import Caller, Json, SlackRefusal
from .conversations import page


@method("api.test")
def api_test(core: Core, caller: Caller, args: Args) -> Json:
    """Say back what was asked; `error` fails on purpose."""
    if args.text("error"):
        raise SlackRefusal(args.text("error"), args=dict(args))
    return ok(args={key: value for key, value in args.items() if key != "token"})


@method("auth.test")
def auth_test(core: Core, caller: Caller, args: Args) -> Json:
    """Who this token is."""
    workspace = core.workspace
    person = workspace.users[caller.user_id]
    reply: Json = {
        "url": f"https://{workspace.team_domain}.slack.com/",
        "team": workspace.team_name,
        "user": person.name,
        "team_id": workspace.team_id,
        "user_id": person.id,
        "is_enterprise_install": False,
    }
    if caller.is_bot:
        reply["bot_id"] = workspace.bot_id
    return ok(reply)


@method("apps.connections.open")
def connections_open(core: Core, caller: Caller, args: Args) -> Json:
    """An address for one Socket Mode connection."""
    host = core.base_url.removeprefix("http://")
    ticket = core.dispatch.sockets.ticket()
    return ok(url=f"ws://{host}/link/?ticket={ticket}&app_id={core.workspace.app_id}")


@method("users.info")
def users_info(core: Core, caller: Caller, args: Args) -> Json:
    """One account."""
    person = core.workspace.person(args.need("user"))
    return ok(user=_visible(core, caller, person.user(core.workspace.team_id)))


@method("users.lookupByEmail")
def lookup_by_email(core: Core, caller: Caller, args: Args) -> Json:
    """The account with an e-mail address."""
    email = args.need("email").lower()
    for person in core.workspace.users.values():
        if person.email.lower() == email and not person.deleted:
            return ok(user=person.user(core.workspace.team_id))
    raise SlackRefusal("users_not_found")


@method("users.getPresence")
def get_presence(core: Core, caller: Caller, args: Args) -> Json:
    """`active` or `away`."""
    person = core.workspace.users.get(args.text("user") or caller.user_id)
    if person is None:
        raise SlackRefusal("invalid_arguments", "[ERROR] invalid user id")
    return ok(presence=person.presence)


def _visible(core: Core, caller: Caller, user: Json) -> Json:
    """E-mail addresses need their own scope."""
    granted = core.settings.bot_scopes
    if (
        caller.is_bot
        and core.settings.require_scopes
        and granted is not None
        and "users:read.email" not in granted
    ):
        user["profile"].pop("email", None)
    return user


@method("users.list")
def users_list(core: Core, caller: Caller, args: Args) -> Json:
    """All accounts of this team."""
    team = core.workspace.team_id
    users = [p.user(team) for p in core.workspace.users.values() if p.team_id == team]
    items, following = page([_visible(core, caller, user) for user in users], args, "invalid_arguments")
    return ok(members=items, cache_ts=int(time.time()), response_metadata={"next_cursor": following})


@method("users.profile.get")
def profile_get(core: Core, caller: Caller, args: Args) -> Json:
    """The profile of an account; the caller's own without `user`."""
    return ok(profile=core.workspace.person(args.text("user") or caller.user_id).profile())


def _needs_paid_plan(core: Core) -> None:
    if not core.settings.paid_plan:
        raise SlackRefusal("plan_upgrade_required")


@method("usergroups.list")
def usergroups_list(core: Core, caller: Caller, args: Args) -> Json:
    """User groups (a paid plan's feature)."""
    _needs_paid_plan(core)
    groups = []
    for group in core.workspace.usergroups.values():
        shown = {key: value for key, value in group.items() if key != "users"}
        if args.flag("include_users"):
            shown["users"] = group["users"]
        if args.flag("include_count"):
            shown["user_count"] = len(group["users"])
        groups.append(shown)
    return ok(usergroups=groups)


@method("usergroups.users.list")
def usergroups_users_list(core: Core, caller: Caller, args: Args) -> Json:
    """The members of a user group."""
    _needs_paid_plan(core)
    group = core.workspace.usergroups.get(args.need("usergroup"))
    if group is None:
        raise SlackRefusal("no_such_subteam")
    return ok(users=list(group["users"]))


@method("bots.info")
def bots_info(core: Core, caller: Caller, args: Args) -> Json:
    """A bot by its bot_id (B…)."""
    workspace = core.workspace
    if args.text("bot", workspace.bot_id) != workspace.bot_id:
        raise SlackRefusal("bot_not_found")
    return ok(
        bot={
            "id": workspace.bot_id,
            "deleted": False,
            "name": workspace.bot.display_name,
            "updated": 1_700_000_000,
            "app_id": workspace.app_id,
            "user_id": workspace.bot.id,
            "icons": {"image_36": "", "image_48": "", "image_72": ""},
        }
    )


@method("team.info")
def team_info(core: Core, caller: Caller, args: Args) -> Json:
    """The workspace."""
    workspace = core.workspace
    return ok(
        team={
            "id": workspace.team_id,
            "name": workspace.team_name,
            "domain": workspace.team_domain,
            "email_domain": "",
            "icon": {"image_default": True},
            "url": f"https://{workspace.team_domain}.slack.com/",
        }
    )
