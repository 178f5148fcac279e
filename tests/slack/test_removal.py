"""Taking back what was put into Slack, and handing somebody a file, on the Slack stand-in."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.desk import Place
from bot.errors import PermanentFailure, TemporaryFailure
from bot.messages import Attachment
from tests.slack.rig import Rig, rig, said


async def _save(_: str) -> None: ...


async def _shared(desk: Rig, name: str = "photo.jpg") -> None:
    attachment = Attachment(name, "image/jpeg", 5, await desk.blobs.put(b"photo"))
    await desk.desk.upload(desk.place, attachment, None, _save)
    await desk.wait(
        lambda: any(one.get("files") for one in desk.standin.thread("support", str(desk.place.ts)))
    )


async def test_a_post_is_taken_away_once_and_a_second_time_changes_nothing() -> None:
    async with rig(run=False) as desk:
        ts = await desk.desk.post(desk.place, (said("a secret"),), "k1")
        assert await desk.desk.remove(desk.channel, ts)
        assert [one["ts"] for one in desk.standin.thread("support", str(desk.place.ts))] == [desk.place.ts]
        assert await desk.desk.remove(desk.channel, ts)


async def test_what_people_wrote_is_theirs() -> None:
    async with rig(run=False) as desk:
        written = (await desk.say("agent1", "she is nice"))["ts"]
        assert not await desk.desk.remove(desk.channel, written)
        assert "she is nice" in str(desk.standin.thread("support", str(desk.place.ts)))


async def test_what_stands_in_a_thread_page_by_page() -> None:
    async with rig(run=False) as desk:
        posts = [await desk.desk.post(desk.place, (said(f"{number}"),), f"k{number}") for number in range(3)]
        written = (await desk.say("agent1", "a note"))["ts"]
        await _shared(desk)
        found, cursor = await desk.desk.standing(desk.place, None)
        assert cursor is None
        assert [one.ts for one in found if one.ours][:4] == [desk.place.ts, *posts]
        assert [one.ts for one in found if not one.ours] == [written]
        ((file_id,),) = [one.files for one in found if one.files]
        assert await desk.desk.remove_file(file_id)
        assert await desk.desk.remove_file(file_id)  # it is gone already
        assert desk.standin.workspace.files[file_id].data is None
        found, _ = await desk.desk.standing(desk.place, None)
        assert not [one for one in found if one.files]
        assert await desk.desk.standing(Place(desk.channel, "1.000001"), None) == ((), None)
        assert await desk.desk.remove_file("F0NOBODY")


async def test_a_card_over_peoples_words_becomes_a_tombstone() -> None:
    async with rig(run=False) as desk:
        await desk.say("agent1", "a note")
        assert await desk.desk.remove(desk.channel, str(desk.place.ts))
        assert "Dana" not in str(desk.standin.messages("support"))
        found, _ = await desk.desk.standing(desk.place, None)
        assert [one.ours for one in found] == [False]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "a.zip"
    path.write_bytes(b"PK" * 100_000)
    return path


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large.zip"
    with path.open("wb") as file:
        file.truncate(1_200_000_000)
    return path


async def test_a_file_goes_to_one_person_and_nowhere_else(archive: Path) -> None:
    async with rig(run=False) as desk:
        lead = desk.standin.people["lead"]
        file_id = await desk.desk.hand(lead.id, str(archive), "C42.zip", "Everything kept about C42.")
        file = desk.standin.workspace.files[file_id]
        await desk.wait(lambda: file.shares)
        (channel,) = file.shares
        members = desk.standin.workspace.by_id[channel].members
        assert set(members) == {lead.id, desk.standin.workspace.bot.id}
        assert file.data == b"PK" * 100_000 and file.name == "C42.zip"
        assert "Everything kept" in str(desk.standin.workspace.by_id[channel].messages)
        assert await desk.desk.remove_file(file_id)


async def test_a_slack_that_hurries_us_says_for_how_long() -> None:
    async with rig(run=False) as desk:
        ts = await desk.desk.post(desk.place, (said("a secret"),), "k1")
        desk.standin.faults.limit("chat.delete", retry_after=7)
        with pytest.raises(TemporaryFailure) as caught:
            await desk.desk.remove(desk.channel, ts)
        assert caught.value.retry_after == 7.0
        desk.standin.faults.drop("chat.delete", processed=True)
        with pytest.raises(TemporaryFailure):
            await desk.desk.remove(desk.channel, ts)
        assert await desk.desk.remove(desk.channel, ts)


async def test_what_slack_does_not_take_is_said_before_anything_is_sent(large: Path) -> None:
    async with rig(run=False) as desk:
        with pytest.raises(PermanentFailure, match=r"1\.2 GB, and Slack takes 1 GB"):
            await desk.desk.hand(desk.standin.people["lead"].id, str(large), "C42.zip", "")
        assert desk.standin.calls_of("files.getUploadURLExternal") == []
