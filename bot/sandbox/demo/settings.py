"""The app.yaml that the demo writes: an ordinary one, only its hosts are on this machine."""

from __future__ import annotations

import json
import secrets
import shlex
from collections.abc import Mapping

from bot.sandbox.mail import AUTHSERV_ID, MailStandIn
from bot.sandbox.slack import SlackStandIn

from .folder import Folder, write_private

INBOXES = {"support-mail": ("support", "support@shop.example"), "press-mail": ("press", "press@shop.example")}
"""Inbox -> (team, address)."""

_HEAD = """\
# Written by `onethread demo` at every start. It is an ordinary app.yaml, as for a real workspace: only the hosts are
# on this machine, where stand-ins of Slack and of a mail server listen. Secrets are in {environment}.
# The same bot, by hand: set -a; . {environment}; set +a; onethread run --config {config}

slack:
  bot_token: ${{SLACK_BOT_TOKEN}}
  app_token: ${{SLACK_APP_TOKEN}}
  api_url: {api_url}                   # a real workspace needs no such line
  public_names:                        # what customers read
    {agent1}: Kim
    {agent2}: Amir
    {lead}: Ruth

# A team works in one Slack channel, where every customer of the team has a thread.
teams:
  support:
    name: Shop Support
    slack_channel: {support}
    members: [{agent1}, {agent2}]
    leads: [{lead}]
    undo_seconds: 5                    # how long a reply can be taken back
  press:
    name: Shop Press
    slack_channel: {press}
    members: [{agent1}, {agent2}]
    leads: [{lead}]
    undo_seconds: 5

inboxes:
"""

_INBOX = """\
  {name}:
    channel: email
    team: {team}
    address: {address}
    authserv_id: {authserv_id}         # our mail server's name: its Authentication-Results are believed
    imap:
      host: 127.0.0.1
      port: {imap_port}
      tls: none                        # only allowed on this machine
      user: {address}
      password: ${{{variable}}}
    smtp:
      host: 127.0.0.1
      port: {smtp_port}
      tls: none
      user: {address}
      password: ${{{variable}}}
"""

_TAIL = """
secret_key: ${{ONETHREAD_SECRET_KEY}}

database:
  url: {database}
data_dir: {data}

pace:
  card_delay_seconds: 1

web:                                   # /healthz
  port: {web_port}
"""


def _variable(inbox: str) -> str:
    return f"{inbox.upper().replace('-', '_')}_PASSWORD"


def environment(slack: SlackStandIn, mail: MailStandIn) -> dict[str, str]:
    """The secrets that app.yaml names."""
    passwords = {_variable(name): mail.mailboxes[address] for name, (_, address) in INBOXES.items()}
    return {
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_APP_TOKEN": slack.app_token,
        "ONETHREAD_SECRET_KEY": secrets.token_urlsafe(48),
        **passwords,
    }


def app_yaml(folder: Folder, slack: SlackStandIn, mail: MailStandIn, web_port: int) -> str:
    """The text of app.yaml."""
    people = {key: person.id for key, person in slack.people.items()}
    channels = {key: channel.id for key, channel in slack.channels.items()}
    head = _HEAD.format(
        environment=shlex.quote(str(folder.environment)),
        config=shlex.quote(str(folder.config)),
        api_url=slack.api_url,
        **people,
        **channels,
    )
    inboxes = "".join(
        _INBOX.format(
            name=name,
            team=team,
            address=address,
            variable=_variable(name),
            authserv_id=AUTHSERV_ID,
            imap_port=mail.imap_port,
            smtp_port=mail.smtp_port,
        )
        for name, (team, address) in INBOXES.items()
    )
    tail = _TAIL.format(
        database=json.dumps(folder.database_url), data=json.dumps(str(folder.data)), web_port=web_port
    )  # quoted, because a folder may be called anything
    return head + inboxes + tail


def write(folder: Folder, slack: SlackStandIn, mail: MailStandIn, web_port: int) -> Mapping[str, str]:
    """Write app.yaml and bot.env; the bot's secrets."""
    given = environment(slack, mail)
    folder.config.write_text(app_yaml(folder, slack, mail, web_port), encoding="utf-8")
    lines = (f"{name}={shlex.quote(value)}\n" for name, value in given.items())
    write_private(folder.environment, "".join(lines))
    return given
