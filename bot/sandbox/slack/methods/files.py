"""files.*: upload in three steps, asynchronous sharing, info and deletion."""

from __future__ import annotations

import mimetypes
import secrets
import time
from collections.abc import Sequence

from .. import posting
from .. import text as texts
from ..args import Args
from ..core import Core, method, ok
from ..model import Caller, Channel, Json, SlackRefusal, StoredFile

mimetypes.init()  # reads files, so not while the loop runs


def shown(core: Core, file: StoredFile) -> Json:
    """The file object."""
    extension = file.name.rpartition(".")[2].lower() if "." in file.name else "binary"
    path = f"{core.base_url}/files-pri/{core.workspace.team_id}-{file.id}"
    return {
        "id": file.id,
        "created": file.created,
        "timestamp": file.created,
        "name": file.name,
        "title": file.title,
        "mimetype": file.mimetype,
        "filetype": extension,
        "pretty_type": extension.upper(),
        "user": file.owner,
        "user_team": core.workspace.users[file.owner].team_id,
        "editable": False,
        "size": len(file.data or b""),
        "mode": "hosted",
        "is_external": False,
        "is_public": bool(file.shares),
        "file_access": "visible",
        "url_private": f"{path}/{file.name}",
        "url_private_download": f"{path}/download/{file.name}",
        "permalink": f"https://{core.workspace.team_domain}.slack.com/files/{file.owner}/{file.id}/{file.name}",
        "channels": [channel_id for channel_id in file.shares if channel_id.startswith("C")],
        "groups": [channel_id for channel_id in file.shares if channel_id.startswith("G")],
        "ims": [channel_id for channel_id in file.shares if channel_id.startswith("D")],
        "shares": _shares(file),
    }


def _shares(file: StoredFile) -> Json:
    """Where a file is shown: {"public" | "private": {channel id: [{"ts", …}]}}."""
    shares: Json = {}
    for channel_id, listed in file.shares.items():
        shares.setdefault("public" if channel_id.startswith("C") else "private", {})[channel_id] = listed
    return shares


@method("files.getUploadURLExternal")
def get_upload_url(core: Core, caller: Caller, args: Args) -> Json:
    """Step 1: an address to send the bytes to."""
    length = args.integer("length", 0)
    if length <= 0:
        raise SlackRefusal("invalid_arguments", "[ERROR] must be greater than 0: length")
    name = args.need("filename").replace("/", "_")
    file = StoredFile(core.workspace.next_id("F"), name, name, caller.user_id, length, int(time.time()))
    file.mimetype = mimetypes.guess_type(name)[0] or "application/octet-stream"
    core.workspace.files[file.id] = file
    url = f"{core.base_url}/upload/v1/{file.id}?key={secrets.token_hex(8)}"
    return ok(file_id=file.id, upload_url=url)


def _named_files(core: Core, caller: Caller, args: Args) -> list[StoredFile]:
    """The uploaded files that the call completes, with their titles."""
    listed = args.nested("files")
    if not isinstance(listed, list) or not listed:
        raise SlackRefusal("invalid_arguments", "[ERROR] missing required field: files")
    files = []
    for item in listed:
        file = core.workspace.files.get(item.get("id", "")) if isinstance(item, dict) else None
        if file is None or file.data is None or file.complete or file.owner != caller.user_id:
            raise SlackRefusal("file_not_found")
        file.title = item.get("title") or file.name
        files.append(file)
    return files


@method("files.completeUploadExternal")
def complete_upload(core: Core, caller: Caller, args: Args) -> Json:
    """Step 3: share the files. The message appears a little later, and no ts comes back."""
    files = _named_files(core, caller, args)
    refs = [args.text("channel_id")] if args.text("channel_id") else args.ids("channels")
    if len(refs) > 100:
        raise SlackRefusal("channels_limit_exceeded")
    channels = [core.workspace.channel_for(ref, caller) for ref in refs]
    for channel in channels:
        if caller.user_id not in channel.members:
            raise SlackRefusal("not_in_channel")
        if channel.is_archived:
            raise SlackRefusal("posting_to_channel_denied")
    thread_ts = args.text("thread_ts")
    if thread_ts and len(channels) != 1:
        raise SlackRefusal("invalid_arguments", "[ERROR] thread_ts needs exactly one channel")
    message = _message(core, caller, args)
    for file in files:
        file.complete = True

    def share() -> None:
        for channel in channels:
            _share(core, channel, files, message, thread_ts)

    core.later(core.settings.share_seconds, share)
    return ok(files=[{"id": file.id, "title": file.title} for file in files])


def _message(core: Core, caller: Caller, args: Args) -> Json:
    message: Json = {
        **posting.author_fields(core, caller, args),
        "text": texts.normalise(args.text("initial_comment")),
    }
    blocks = posting.read_blocks(core, args, "invalid_blocks")
    if blocks:
        message["blocks"] = blocks
    elif message["text"] and not caller.is_bot:
        message["blocks"] = texts.rich_text(message["text"])
    message.setdefault("subtype", "file_share")
    return message


def _share(core: Core, channel: Channel, files: Sequence[StoredFile], message: Json, thread_ts: str) -> None:
    """Post the sharing message and note it on the files."""
    if channel.is_archived:
        return
    root = (
        str(channel.messages[thread_ts].get("thread_ts", thread_ts)) if thread_ts in channel.messages else ""
    )
    if thread_ts and not root:
        return  # the thread vanished meanwhile: Slack shares nothing and says nothing
    for file in files:
        file.shares.setdefault(channel.id, [])
    objects = [shown(core, file) for file in files]
    posted = posting.add_message(
        core, channel, {**message, "files": objects, "upload": False, "display_as_bot": False}, thread_ts=root
    )
    share: Json = {"ts": posted["ts"], "channel_name": channel.name, "team_id": core.workspace.team_id}
    for file in files:
        file.shares[channel.id].append({**share, "thread_ts": root} if root else share)
    for file in files:
        core.emit(
            {
                "type": "file_shared",
                "file_id": file.id,
                "user_id": file.owner,
                "channel_id": channel.id,
                "file": {"id": file.id},
            },
            channel,
        )


def _find(core: Core, args: Args) -> StoredFile:
    file = core.workspace.files.get(args.need("file"))
    if file is None:
        raise SlackRefusal("file_not_found")
    if file.deleted:
        raise SlackRefusal("file_deleted")
    return file


@method("files.info")
def info(core: Core, caller: Caller, args: Args) -> Json:
    """One file, and where it is shared."""
    return ok(file=shown(core, _find(core, args)), comments=[])


@method("files.delete")
def delete(core: Core, caller: Caller, args: Args) -> Json:
    """Delete a file; the messages that share it show a tombstone for it."""
    file = _find(core, args)
    if file.owner != caller.user_id and not (not caller.is_bot and core.caller_person(caller).is_admin):
        raise SlackRefusal("cant_delete_file")
    file.deleted, file.data = True, None
    for channel_id, shares in file.shares.items():
        channel = core.workspace.by_id[channel_id]
        for share in shares:
            if share["ts"] in channel.messages:
                _bury(core, channel, share["ts"], file.id)
    return ok()


def _bury(core: Core, channel: Channel, ts: str, file_id: str) -> None:
    files = [
        {"id": item["id"], "mode": "tombstone"} if item["id"] == file_id else item
        for item in channel.messages[ts].get("files", ())
    ]
    posting.change_message(core, channel, ts, {"files": files})
