"""Files in the stand-in: three steps up, a moment later in the channel, and down again."""

from __future__ import annotations

from tests.sandbox.slack_rig import error_of, rig


async def test_files_are_shared_a_little_later_and_only_the_token_opens_them() -> None:
    async with rig(share_seconds=0.2) as desk:
        standin = desk.standin
        root = (await desk.client.chat_postMessage(channel=desk.support, text="card"))["ts"]
        uploaded = await desk.person("agent1").files_upload_v2(
            channel=desk.support,
            thread_ts=root,
            filename="bill.pdf",
            file=b"%PDF-1",
            initial_comment="! here <it> is",
        )
        assert uploaded["files"][0]["id"]
        assert len(standin.thread("support", root)) == 1
        message = (await standin.wait_for(lambda: standin.thread("support", root)[1:]))[0]
        assert (message["subtype"], message["text"]) == ("file_share", "! here &lt;it&gt; is")
        shared = message["files"][0]
        assert (shared["mimetype"], shared["size"]) == ("application/pdf", 6)
        info = (await desk.client.files_info(file=shared["id"]))["file"]
        share = info["shares"]["public"][desk.support][0]
        assert (share["ts"], share["thread_ts"]) == (message["ts"], root)
        good = {"Authorization": f"Bearer {standin.bot_token}"}
        async with desk.http.get(shared["url_private_download"], headers=good) as response:
            assert (await response.read(), response.content_type) == (b"%PDF-1", "application/pdf")
        async with desk.http.get(
            shared["url_private"], headers={"Authorization": "Bearer xoxb-no"}
        ) as response:
            assert (response.status, response.content_type) == (200, "text/html")


async def test_upload_refuses_other_lengths_and_unsent_files() -> None:
    async with rig() as desk:
        given = await desk.client.files_getUploadURLExternal(filename="a.txt", length=5)
        async with desk.http.post(given["upload_url"], data=b"longer than five") as response:
            assert response.status == 400
        complete = desk.client.files_completeUploadExternal(
            files=[{"id": given["file_id"]}], channel_id=desk.support
        )
        assert await error_of(complete) == "file_not_found"


async def test_a_deleted_file_is_a_tombstone_in_its_message() -> None:
    async with rig() as desk:
        await desk.client.files_upload_v2(channel=desk.support, filename="a.txt", content="hello")
        message = (await desk.standin.wait_for(lambda: desk.standin.messages("support")))[0]
        await desk.client.files_delete(file=message["files"][0]["id"])
        assert desk.standin.messages("support")[0]["files"][0]["mode"] == "tombstone"
        assert await error_of(desk.client.files_info(file=message["files"][0]["id"])) == "file_deleted"


async def test_a_local_page_may_upload_and_load_pictures() -> None:
    async with rig() as desk:
        origin = {"Origin": "http://127.0.0.1:8080"}
        kim = desk.person("agent1")
        given = await kim.files_getUploadURLExternal(filename="a.png", length=3)
        async with desk.http.options(given["upload_url"], headers=origin) as response:
            assert response.headers["Access-Control-Allow-Origin"] == origin["Origin"]
        async with desk.http.post(given["upload_url"], data=b"PNG", headers=origin) as response:
            assert response.headers["Access-Control-Allow-Origin"] == origin["Origin"]
        await kim.files_completeUploadExternal(files=[{"id": given["file_id"]}], channels=[desk.support])
        message = (await desk.standin.wait_for(lambda: desk.standin.messages("support")))[0]
        url = f"{message['files'][0]['url_private']}?token={desk.standin.people['agent1'].token}"
        async with desk.http.get(url, headers=origin) as response:
            assert (await response.read(), response.content_type) == (b"PNG", "image/png")
