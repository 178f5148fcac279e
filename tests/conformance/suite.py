"""The suite that every adapter passes. For an adapter of your own: write a ``Harness`` and subclass ``AdapterConformance``.

    class TestMyChannel(AdapterConformance):
        @pytest.fixture
        async def harness(self) -> AsyncIterator[Harness]:
            far_side = await MyFarSide.start()
            yield MyHarness(far_side)
            await far_side.stop()

The suite looks at an adapter only through ``bot.contract`` and at the far side only through the harness.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from enum import StrEnum
from typing import Protocol

import pytest
from blockbuster import blockbuster_ctx
from structlog.testing import capture_logs

from bot.capabilities import Capabilities, Support, fit, measure
from bot.contract import (
    Adapter,
    AdapterContext,
    SupportsDelete,
    SupportsEdit,
    SupportsFind,
)
from bot.errors import AdapterError, DeliveryError, PermanentFailure, TemporaryFailure, UncertainFailure
from bot.messages import Attachment, Level, Part, Receipt, Reply, Text
from tests.conformance.core import Core


class Break(StrEnum):
    """How the far side can fail the next send."""

    BUSY = "certainly not taken, may work later"
    REFUSED = "certainly not taken, will not work later"
    LOST_TAKEN = "taken, and the answer is lost"
    LOST_NOT_TAKEN = "not taken, and the answer is lost"


class Harness(Protocol):
    """What the suite needs to know of a channel's far side. It outlives adapters, as a real one does."""

    breaks: frozenset[Break]
    """The faults that this far side can imitate."""
    secrets: tuple[str, ...]
    """Words that must never be in a log line: passwords, tokens, the customer's address."""

    def adapter(self, context: AdapterContext) -> Adapter:
        """A new adapter for the far side's one inbox."""
        ...

    async def say(self, text: str) -> None:
        """The customer says something."""
        ...

    async def repeat(self) -> bool:
        """The far side brings the newest event once more. False: it cannot."""
        ...

    async def garble(self) -> bool:
        """Something arrives that cannot be understood. False: that cannot happen on this channel."""
        ...

    async def cut(self) -> None:
        """The connection is lost once; it can be made again at once."""
        ...

    async def lock_out(self) -> None:
        """From now on the far side refuses our credentials."""
        ...

    def reply(self, key: str, text: str) -> Reply:
        """A reply to the customer."""
        ...

    def received(self) -> list[str]:
        """The texts that the customer has received, oldest first, as they were written by the agent."""
        ...

    def break_send(self, how: Break) -> None:
        """Fails the next send."""
        ...


def part_of(reply: Reply, number: int = 0, of: int = 1) -> Part:
    """A reply as its one part."""
    return Part(number, of, reply.text, reply.attachments)


@asynccontextmanager
async def reading(harness: Harness, core: Core) -> AsyncIterator[Adapter]:
    """An adapter at work; its end must be prompt, whatever it was doing."""
    adapter = harness.adapter(core.context())
    task = asyncio.create_task(adapter.run())
    try:
        await asyncio.sleep(0)
        yield adapter
    finally:
        task.cancel()
        started = time.monotonic()
        async with asyncio.timeout(20):
            await asyncio.gather(task, return_exceptions=True)
        assert time.monotonic() - started < 6.0, "run() does not end promptly when it is cancelled"
        await adapter.close()


class AdapterConformance:
    """What is promised by every adapter. Subclasses give the fixture ``harness``."""

    @pytest.fixture
    async def harness(self) -> AsyncIterator[Harness]:
        raise AssertionError("a subclass gives the harness")
        yield

    scanned = "bot.adapters"
    """The adapter's package: a call that blocks the event loop from there fails the test (the far side may block)."""

    @pytest.fixture(autouse=True)
    def nothing_blocks(self) -> Iterator[None]:
        """Watches for calls that block the event loop."""
        with blockbuster_ctx(self.scanned):
            yield

    @pytest.fixture
    def core(self) -> Core:
        """A core of the test's own."""
        return Core()

    async def started(self, core: Core, harness: Harness) -> None:
        """Makes the far side known to the core: from here on nothing may be missed."""
        async with reading(harness, core):
            await harness.say("the first words")
            await core.until(lambda: core.texts)
        assert core.texts == ["the first words"]

    # Reading

    async def test_words_arrive_in_order_and_once(self, harness: Harness, core: Core) -> None:
        await self.started(core, harness)
        async with reading(harness, core):
            for number in range(8):
                await harness.say(f"words {number}")
            await core.until(lambda: len(core.texts) == 9)
        assert core.texts[1:] == [f"words {number}" for number in range(8)]

    async def test_a_message_says_what_the_core_needs(self, harness: Harness, core: Core) -> None:
        await self.started(core, harness)
        (message,) = core.messages
        adapter = harness.adapter(core.context())
        assert message.source_id and message.sender.address
        assert message.sender.channel == adapter.capabilities.channel
        assert message.sent_at.tzinfo is not None
        assert message.raw is None or message.raw in core.files
        assert all(file.blob in core.files for file in message.attachments if file.blob is not None)
        await adapter.close()

    async def test_what_came_while_it_was_stopped_is_read(self, harness: Harness, core: Core) -> None:
        await self.started(core, harness)
        await harness.say("while nobody looked")
        async with reading(harness, core):
            await core.until(lambda: len(core.texts) == 2)
        assert core.texts == ["the first words", "while nobody looked"]

    async def test_nothing_is_acknowledged_before_it_is_stored(self, harness: Harness, core: Core) -> None:
        await self.started(core, harness)
        core.refuse = 1_000
        async with reading(harness, core):
            await harness.say("not stored")
            await core.until(lambda: core.refused)
        core.refuse = 0
        async with reading(harness, core):
            await core.until(lambda: "not stored" in core.texts)
        assert core.texts.count("not stored") == 1

    async def test_it_goes_on_by_itself_when_the_database_is_back(self, harness: Harness, core: Core) -> None:
        await self.started(core, harness)
        async with reading(harness, core):
            core.refuse = 2
            await harness.say("in a bad moment")
            await core.until(lambda: "in a bad moment" in core.texts, 15.0)
        assert core.texts.count("in a bad moment") == 1

    async def test_the_same_event_has_the_same_source_id(self, harness: Harness, core: Core) -> None:
        await self.started(core, harness)
        async with reading(harness, core):
            if not await harness.repeat():
                pytest.skip("this far side brings nothing twice")
            await harness.say("after it")
            await core.until(lambda: "after it" in core.texts)
        assert core.texts == ["the first words", "after it"]
        assert core.duplicates >= 1

    async def test_what_cannot_be_read_is_kept_and_the_next_flows(self, harness: Harness, core: Core) -> None:
        await self.started(core, harness)
        async with reading(harness, core):
            if not await harness.garble():
                pytest.skip("nothing on this channel is unreadable")
            await harness.say("after it")
            await core.until(lambda: "after it" in core.texts)
        shown = core.unreadable or [one for one in core.messages if one.problems]
        assert shown and shown[0].raw is not None and core.files[shown[0].raw]

    async def test_a_lost_connection_loses_nothing(self, harness: Harness, core: Core) -> None:
        await self.started(core, harness)
        async with reading(harness, core):
            await harness.cut()
            await harness.say("after the cut")
            await core.until(lambda: "after the cut" in core.texts, 20.0)
        assert core.texts.count("after the cut") == 1

    async def test_refused_credentials_are_told(self, harness: Harness, core: Core) -> None:
        await self.started(core, harness)
        await harness.lock_out()
        adapter = harness.adapter(core.context())
        with pytest.raises(AdapterError):
            await adapter.check()
        await adapter.close()
        async with reading(harness, core):
            await core.until(lambda: any(core.problems), 15.0)

    # Sending

    async def test_a_part_reaches_the_customer_and_has_a_name(self, harness: Harness, core: Core) -> None:
        adapter = harness.adapter(core.context())
        reply = harness.reply("k" * 26, "hello there")
        receipt = await adapter.send(reply, part_of(reply))
        assert harness.received() == ["hello there"]
        assert isinstance(receipt, Receipt) and receipt.remote_ids and all(receipt.remote_ids)
        assert receipt.at.tzinfo is not None and receipt.level in Level
        await adapter.close()

    async def test_names_of_messages_are_different(self, harness: Harness, core: Core) -> None:
        adapter = harness.adapter(core.context())
        names = []
        for key in ("a", "b", "c"):
            reply = harness.reply(key * 26, f"message {key}")
            names.extend((await adapter.send(reply, part_of(reply))).remote_ids)
        assert len(set(names)) == 3
        await adapter.close()

    @pytest.mark.parametrize("how", list(Break))
    async def test_an_error_says_what_is_certain(self, harness: Harness, core: Core, how: Break) -> None:
        if how not in harness.breaks:
            pytest.skip(f"this far side cannot imitate: {how}")
        adapter = harness.adapter(core.context())
        reply = harness.reply("k" * 26, "will it arrive?")
        harness.break_send(how)
        expected: dict[Break, type[DeliveryError]] = {
            Break.BUSY: TemporaryFailure,
            Break.REFUSED: PermanentFailure,
            Break.LOST_TAKEN: UncertainFailure,
            Break.LOST_NOT_TAKEN: UncertainFailure,
        }
        with pytest.raises(DeliveryError) as caught:
            await adapter.send(reply, part_of(reply))
        assert type(caught.value) is expected[how], caught.value
        assert caught.value.reason and "Traceback" not in caught.value.reason
        assert harness.received() == (["will it arrive?"] if how is Break.LOST_TAKEN else [])
        if isinstance(adapter, SupportsFind):
            found = await adapter.find(reply, part_of(reply))
            assert (found is not None) == (how is Break.LOST_TAKEN)
        if how in (Break.BUSY, Break.LOST_NOT_TAKEN):
            await adapter.send(reply, part_of(reply))
            assert harness.received() == ["will it arrive?"]
        await adapter.close()

    async def test_the_same_key_twice_is_what_the_capabilities_say(
        self, harness: Harness, core: Core
    ) -> None:
        adapter = harness.adapter(core.context())
        reply = harness.reply("k" * 26, "once or twice")
        for _ in range(2):
            await adapter.send(reply, part_of(reply))
        copies = 1 if adapter.capabilities.idempotent_send else 2
        assert harness.received() == ["once or twice"] * copies
        await adapter.close()

    async def test_the_longest_text_that_is_promised_travels(self, harness: Harness, core: Core) -> None:
        adapter = harness.adapter(core.context())
        able = adapter.capabilities
        length = min(able.max_text + 1, 30_000)
        words = Text(("lorem ipsum " * (length // 12 + 1))[:length].strip())
        fitted = fit(words, (), able)
        assert all(measure(part.text.plain, able.unit) <= able.max_text for part in fitted.parts)
        reply = replace(harness.reply("k" * 26, ""), text=words)
        for part in fitted.parts:
            await adapter.send(reply, part)
        assert " ".join(" ".join(harness.received()).split()) == words.plain
        await adapter.close()

    async def test_hostile_words_arrive_as_words(self, harness: Harness, core: Core) -> None:
        adapter = harness.adapter(core.context())
        words = "<b>&amp; it's 5 < 6 \u202e *stars* _lines_ <!channel> \U0001f600"
        reply = harness.reply("k" * 26, words)
        await adapter.send(reply, part_of(reply))
        assert harness.received() == [words]
        await adapter.close()

    # Being honest, and ending

    async def test_capabilities_are_honest(self, harness: Harness, core: Core) -> None:
        adapter = harness.adapter(core.context())
        able = adapter.capabilities
        assert isinstance(able, Capabilities) and able.channel and able.max_text > 0
        assert able.receipts in list(Level)
        assert isinstance(adapter, SupportsEdit) == (able.edit in (Support.FULL, Support.PARTIAL))
        assert isinstance(adapter, SupportsDelete) == (able.delete in (Support.FULL, Support.PARTIAL))
        assert able.reply_window is None or able.reply_window > 0
        if able.files is not None:
            assert able.files.max_bytes > 0 and able.files.per_message > 0
        assert adapter.capabilities == able
        await adapter.close()

    async def test_files_travel_as_promised(self, harness: Harness, core: Core) -> None:
        adapter = harness.adapter(core.context())
        rules = adapter.capabilities.files
        blob = await core.context().blobs.put(b"%PDF-1.4 terms")
        file = Attachment("terms.pdf", "application/pdf", 14, blob)
        fitted = fit(Text("with a file"), (file,), adapter.capabilities)
        assert bool(fitted.losses) == (rules is None)
        reply = replace(harness.reply("k" * 26, "with a file"), attachments=(file,))
        for part in fitted.parts:
            await adapter.send(reply, part)
        assert harness.received()[0] == "with a file"
        await adapter.close()

    async def test_it_can_be_closed_twice(self, harness: Harness, core: Core) -> None:
        adapter = harness.adapter(core.context())
        await adapter.close()
        await adapter.close()
        async with reading(harness, core) as other:
            await harness.say("x")
            await core.until(lambda: core.texts)
        await other.close()

    async def test_no_secret_is_in_a_log(
        self, harness: Harness, core: Core, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        with capture_logs() as lines:
            await self.started(core, harness)
            async with reading(harness, core) as adapter:
                reply = harness.reply("k" * 26, "words for her alone")
                await adapter.send(reply, part_of(reply))
                for how in sorted(harness.breaks):
                    harness.break_send(how)
                    with pytest.raises(DeliveryError):
                        await adapter.send(reply, part_of(reply))
                await harness.cut()
                await harness.say("words for us alone")
                await core.until(lambda: len(core.texts) == 2, 20.0)
        ours = [record for record in caplog.records if record.name.startswith("bot")]
        logged = " ".join([str(lines), *(record.getMessage() for record in ours)])
        told = " ".join(filter(None, core.problems))
        for secret in (*harness.secrets, "words for her alone", "words for us alone", "the first words"):
            assert secret not in logged and secret not in told
