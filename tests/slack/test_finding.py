"""What was found and what it is narrowed down with, as Slack takes it."""

from __future__ import annotations

from bot.messages import Attachment, Text
from tests.slack.rig import rig
from tests.slack.shown import check_blocks, shown
from tests.slack.test_gestures import check_view, slash


async def test_what_was_found_reads_well() -> None:
    async with rig() as desk:
        file = Attachment("offer.pdf", "application/pdf", 24_000)
        desk.services.keep(1, "C42", "inbound", Text("Where is my parcel?"), attachments=(file,))
        await slash(desk, "agent1", "/find parcel")
        (found,) = desk.whispers("agent1")
        assert shown(found) == (
            "[(bot)]\n“parcel” everywhere, newest first\n"
            "Where is my *parcel*?\n"
            "  ~ C42 Dana Petrov · ← Dana Petrov · email · 14 Nov 2023 · offer.pdf (24 kB)\n"
            "  [Open there]\n  [Filter]\n"
        )


async def test_what_no_person_wrote_is_marked() -> None:
    async with rig() as desk:
        keep = desk.services.keep
        keep(1, "C42", "inbound", Text("out of office"), automatic="automatic message")
        keep(2, "C42", "outbound", Text("We have it."), author="Shop", automatic="automatic answer")
        keep(3, "C42", "outbound", Text("It ships."), author="Kim")
        await slash(desk, "agent1", "/history C42")
        rows = shown(desk.whispers("agent1")[-1])
        assert "~ → Kim · email" in rows
        assert "~ ⚙ automatic answer, as Shop · email" in rows and "→ Shop" not in rows
        assert "~ ← Dana Petrov, automatic message · email" in rows
        await slash(desk, "agent1", "/find have")
        assert "~ C42 Dana Petrov · ⚙ automatic answer, as Shop" in shown(desk.whispers("agent1")[-1])


async def test_a_full_page_fits_into_one_message() -> None:
    async with rig() as desk:
        for number in range(1, 40):
            desk.services.keep(
                number, "C42", "inbound", Text(f"message {number} " + "words and words " * 100)
            )
        for command in ("/find message email", "/history C42 email", "/recap C42"):
            await slash(desk, "agent1", command)
            (page,) = desk.whispers("agent1")[-1:]
            check_blocks(page["blocks"])
            assert "more" not in shown(page).split("\n")[-3]


async def test_the_filter_keeps_what_was_narrowed() -> None:
    async with rig() as desk:
        desk.services.keep(1, "C42", "inbound", Text("hello"))
        await slash(desk, "agent1", "/history C42 telegram notes files 2026-10-01..2026-10-15")
        await desk.press("agent1", desk.whispers("agent1")[-1], "history.filter#1")
        view = await desk.view("agent1")
        check_view(view)
        inputs = {block["block_id"]: block["element"] for block in view["blocks"]}
        assert inputs["place"]["initial_option"]["value"] == "telegram"
        assert inputs["direction"]["initial_option"]["value"] == "note"
        assert (inputs["from"]["initial_value"], inputs["to"]["initial_value"]) == (
            "2026-10-01",
            "2026-10-15",
        )
        assert inputs["files"]["initial_options"][0]["value"] == "yes"


async def test_find_alone_asks_what_for() -> None:
    async with rig() as desk:
        desk.services.keep(1, "C42", "inbound", Text("Where is my parcel?"))
        await slash(desk, "agent1", "/find")
        view = await desk.view("agent1")
        check_view(view)
        done = await desk.standin.act(
            "agent1", "views.submit", view_id=view["id"], values={"words": "parc*", "from": "2020"}
        )
        assert done["ok"], done
        (found,) = await desk.whispered("agent1")
        assert "Where is my *parcel*?" in shown(found)
        assert found["blocks"][0]["elements"][0]["elements"][0]["text"].startswith(
            "“parc*” everywhere · since 1 Jan 2020"
        )
