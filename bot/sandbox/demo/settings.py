"""The app.yaml that the demo writes: an ordinary one, only its hosts are on this machine."""

from __future__ import annotations

import json
import secrets
import shlex
from collections.abc import Mapping
from types import MappingProxyType

from bot.sandbox.mail import AUTHSERV_ID, MailStandIn
from bot.sandbox.slack import SlackStandIn

from .folder import Folder, write_private
from .phones import Phone, TelegramPhone, XPhone
from .shop import INBOX as CHAT
from .shop import Shop

INBOXES = {"support-mail": ("support", "support@shop.example"), "press-mail": ("press", "press@shop.example")}
"""Inbox -> (team, address)."""

_HEAD = """\
# Written by `onethread demo` at every start. It is an ordinary app.yaml, as for a real workspace: only the hosts are
# on this machine, where stand-ins of Slack, a mail server and messengers listen. Secrets are in {environment}.
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
    on_call: [{agent2}]                # who hears of broken promises before the leads do
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

_SITE = """\
  {name}:
    channel: site
    team: support
    origins: {origins}
    name: the shop's page
    greeting: {{en: "How can we help?", de: "Wie können wir helfen?"}}
    reply_time: {{en: "We answer within minutes", de: "Wir antworten in wenigen Minuten"}}
    ask_address_after: 45              # seconds without an answer until the chat asks for a mail address
    mail_after_minutes: 1              # until a reply that nobody saw goes there; so short to be seen here
"""

_TELEGRAM = """\
  support-telegram:
    channel: telegram
    team: support
    name: "@{username}"
    token: ${{TELEGRAM_TOKEN}}
    api_url: {api_url}          # a real bot needs no such line
"""

_X = """\
  support-x:
    channel: x
    team: support
    user_id: "{user_id}"
    username: "@{username}"
    oauth2:
      client_id: {client_id}
      client_secret: ${{X_CLIENT_SECRET}}
      refresh_token: ${{X_REFRESH_TOKEN}}
    webhook:                           # X delivers here, so the bot need not ask all the time
      url: http://127.0.0.1:{web_port}/channels/support-x/webhook
      consumer_secret: ${{X_CONSUMER_SECRET}}
      bearer_token: ${{X_BEARER_TOKEN}}
    api_url: {api_url}          # a real account needs no such line
"""

_TAIL = """
secret_key: ${{ONETHREAD_SECRET_KEY}}

database:
  url: {database}
data_dir: {data}

sla:                                   # promises of minutes, so that reminders can be seen here
  - name: demo
    first_response: 4 min
    next_response: 4 min
    resolution: 1h
    hours: calendar
    remind_at_night: true              # day and night, whenever you try it
reminders:
  after_breach:
    - {{after: 0 min, tell: [owner, thread]}}
    - {{after: 1 min, tell: on_call}}
    - {{after: 2 min, tell: leads}}
  on_it: 3 min

pace:
  card_delay_seconds: 1

web:                                   # /healthz, the shop's chat, X's deliveries
  port: {web_port}
"""


def _variable(inbox: str) -> str:
    return f"{inbox.upper().replace('-', '_')}_PASSWORD"


def environment(slack: SlackStandIn, mail: MailStandIn, phones: Mapping[str, Phone]) -> dict[str, str]:
    """The secrets that app.yaml names."""
    made = {
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_APP_TOKEN": slack.app_token,
        "ONETHREAD_SECRET_KEY": secrets.token_urlsafe(48),
    }
    made |= {_variable(name): mail.mailboxes[address] for name, (_, address) in INBOXES.items()}
    for phone in phones.values():
        if isinstance(phone, TelegramPhone):
            made["TELEGRAM_TOKEN"] = phone.standin.token
        if isinstance(phone, XPhone):
            keys = phone.standin.logins
            made |= {"X_CLIENT_SECRET": keys.client_secret, "X_REFRESH_TOKEN": keys.refresh_token}
            made |= {"X_CONSUMER_SECRET": keys.consumer_secret, "X_BEARER_TOKEN": keys.bearer_token}
    return made


def mail_inboxes(mail: MailStandIn) -> str:
    """The inboxes on the mail server."""
    return "".join(
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


def chat_inboxes(shop: Shop | None, phones: Mapping[str, Phone], web_port: int) -> str:
    """The shop's chat and the messengers, as far as they are there."""
    text = _SITE.format(name=CHAT, origins=json.dumps(shop.origins)) if shop is not None else ""
    for phone in phones.values():
        if isinstance(phone, TelegramPhone):
            text += _TELEGRAM.format(username=phone.standin.world.bot["username"], api_url=phone.standin.url)
        if isinstance(phone, XPhone):
            x = phone.standin
            text += _X.format(
                user_id=x.account.id,
                username=x.account.username,
                client_id=x.logins.client_id,
                web_port=web_port,
                api_url=x.url,
            )
    return text


def app_yaml(
    folder: Folder,
    slack: SlackStandIn,
    mail: MailStandIn,
    web_port: int,
    shop: Shop | None,
    phones: Mapping[str, Phone],
) -> str:
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
    tail = _TAIL.format(
        database=json.dumps(folder.database_url), data=json.dumps(str(folder.data)), web_port=web_port
    )  # quoted, because a folder may be called anything
    return head + mail_inboxes(mail) + chat_inboxes(shop, phones, web_port) + tail


def write(
    folder: Folder,
    slack: SlackStandIn,
    mail: MailStandIn,
    web_port: int,
    shop: Shop | None = None,
    phones: Mapping[str, Phone] = MappingProxyType({}),
) -> Mapping[str, str]:
    """Write app.yaml and bot.env; the bot's secrets."""
    given = environment(slack, mail, phones)
    text = app_yaml(folder, slack, mail, web_port, shop, phones)
    folder.config.write_text(text, encoding="utf-8")
    lines = (f"{name}={shlex.quote(value)}\n" for name, value in given.items())
    write_private(folder.environment, "".join(lines))
    return given
