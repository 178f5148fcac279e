"""The nouns of the stand-in's workspace: people, channels, files, views and the tokens that open them.

Messages stay plain JSON objects in Slack's own shape (`Json`): they are produced and consumed as JSON only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]
ChannelKind = Literal["channel", "group", "im", "mpim"]
TokenKind = Literal["bot", "user", "app"]


class SlackRefusal(Exception):
    """A Web API call is refused: `{"ok": false, "error": <error>, **extra}`."""

    def __init__(self, error: str, *messages: str, **extra: Any) -> None:
        super().__init__(error)
        self.error = error
        self.body: Json = {"ok": False, "error": error, **extra}
        if messages:
            self.body["response_metadata"] = {"messages": list(messages)}


@dataclass
class Person:
    """One account: a member, a guest, a member of another team (Slack Connect) or another app's bot user."""

    real_name: str
    display_name: str = ""
    name: str = ""  # the handle (`kim`); from the first word of the real name when empty
    id: str = ""  # U…; given by the stand-in when empty
    token: str = ""  # xoxp-…; the token this person acts with
    team_id: str = ""  # another team's id makes a stranger
    image: str = ""  # URL of the picture
    email: str = ""
    tz: str = "Europe/Stockholm"
    tz_offset: int = 3600  # seconds
    is_admin: bool = False
    is_owner: bool = False
    is_restricted: bool = False  # a guest of several channels
    is_ultra_restricted: bool = False  # a guest of one channel
    is_stranger: bool = False  # of another team, through Slack Connect
    is_bot: bool = False
    deleted: bool = False
    presence: str = "active"  # or away
    home: View | None = None  # what the app published to this person's Home tab
    views: list[View] = field(default_factory=list)  # open modals, the top one last
    ephemerals: deque[Json] = field(default_factory=lambda: deque(maxlen=500))

    def profile(self) -> Json:
        """The profile object of users.info and users.profile.get."""
        return {
            "title": "",
            "phone": "",
            "skype": "",
            "real_name": self.real_name,
            "real_name_normalized": self.real_name,
            "display_name": self.display_name,
            "display_name_normalized": self.display_name,
            "first_name": self.real_name.split(" ")[0],
            "last_name": self.real_name.partition(" ")[2],
            "fields": {},
            "status_text": "",
            "status_emoji": "",
            "status_expiration": 0,
            "avatar_hash": "stand-in",
            **({"email": self.email} if self.email else {}),
            **{f"image_{size}": self.image for size in (24, 32, 48, 72, 192, 512)},
            "team": self.team_id,
        }

    def user(self, home_team: str) -> Json:
        """The user object of users.info and users.list, as seen from `home_team`."""
        return {
            "id": self.id,
            "team_id": self.team_id,
            "name": self.name,
            "deleted": self.deleted,
            "color": "4bbe2e",
            "real_name": self.real_name,
            "tz": self.tz,
            "tz_label": self.tz,
            "tz_offset": self.tz_offset,
            "profile": self.profile(),
            "is_admin": self.is_admin,
            "is_owner": self.is_owner,
            "is_primary_owner": False,
            "is_restricted": self.is_restricted,
            "is_ultra_restricted": self.is_ultra_restricted,
            "is_bot": self.is_bot,
            "is_app_user": False,
            "is_stranger": self.is_stranger or self.team_id != home_team,
            "updated": 1_700_000_000,
            "is_email_confirmed": True,
            "who_can_share_contact_card": "EVERYONE",
        }


@dataclass
class Channel:
    """One conversation and everything said in it."""

    name: str
    id: str = ""  # C…, G… or D…; given by the stand-in when empty
    kind: ChannelKind = "channel"
    members: set[str] = field(default_factory=set)  # user ids
    bot_is_member: bool = True  # only read when the stand-in is made
    is_archived: bool = False
    is_ext_shared: bool = False
    topic: str = ""
    created: int = 0  # unix seconds
    messages: dict[str, Json] = field(default_factory=dict)  # ts -> message, oldest first
    roots: list[str] = field(default_factory=list)  # ts of what shows in the channel itself, oldest first
    replies: dict[str, list[str]] = field(default_factory=dict)  # thread_ts -> ts of replies, oldest first

    def info(self, for_user: str) -> Json:
        """The conversation object as `for_user` sees it."""
        if self.kind == "im":
            other = next((member for member in sorted(self.members) if member != for_user), for_user)
            return {
                "id": self.id,
                "created": self.created,
                "is_im": True,
                "is_archived": self.is_archived,
                "is_org_shared": False,
                "user": other,
                "is_user_deleted": False,
                "is_open": True,
                "priority": 0,
            }
        return {
            "id": self.id,
            "name": self.name,
            "name_normalized": self.name,
            "is_channel": self.kind == "channel",
            "is_group": self.kind == "group",
            "is_im": False,
            "is_mpim": self.kind == "mpim",
            "is_private": self.kind != "channel",
            "created": self.created,
            "is_archived": self.is_archived,
            "is_general": False,
            "is_shared": self.is_ext_shared,
            "is_ext_shared": self.is_ext_shared,
            "is_org_shared": False,
            "is_pending_ext_shared": False,
            "is_member": for_user in self.members,
            "num_members": len(self.members),
            "topic": {"value": self.topic, "creator": "", "last_set": 0},
            "purpose": {"value": "", "creator": "", "last_set": 0},
            "creator": "",
            "unlinked": 0,
        }


@dataclass
class StoredFile:
    """An uploaded file; `complete` once files.completeUploadExternal named it."""

    id: str
    name: str
    title: str
    owner: str  # user id
    length: int  # bytes announced
    created: int
    data: bytes | None = None
    mimetype: str = "application/octet-stream"
    complete: bool = False
    deleted: bool = False
    shares: dict[str, list[Json]] = field(default_factory=dict)  # channel id -> {"ts", "thread_ts"?, …}


@dataclass
class View:
    """A modal or a Home tab. `body` is the view object in Slack's shape; `values` what the person typed."""

    id: str
    user_id: str
    body: Json
    values: dict[str, Json] = field(default_factory=dict)  # block_id -> action_id -> state object


@dataclass(slots=True)
class Trigger:
    """A trigger_id: opens one view, once, within its lifetime."""

    user_id: str
    expires: float  # loop seconds
    view_id: str | None = None
    used: bool = False


@dataclass(slots=True)
class ResponseUrl:
    """A response_url: 5 uses within 30 minutes."""

    user_id: str
    channel_id: str
    expires: float  # loop seconds
    message_ts: str | None = None  # the message the interaction came from
    ephemeral: bool = False
    thread_ts: str | None = None
    uses_left: int = 5


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a token speaks for."""

    kind: TokenKind
    user_id: str

    @property
    def is_bot(self) -> bool:
        """True for the app's own bot token."""
        return self.kind == "bot"


@dataclass(slots=True)
class Call:
    """One Web API call as it arrived, and (once answered) its reply; `Args` reads it with types."""

    method: str
    args: Mapping[str, Any]
    caller: Caller | None
    at: float  # unix seconds
    reply: Json | None = None
    status: int = 200
    token_kind: str = ""
