"""Keyed tokens: genuine ones come back as the conversation, nothing else does."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.email.tokens import Tokens
from bot.messages import ConversationId

OLD, NEW = b"o" * 32, b"n" * 32
KEY = "abcdefghijklmnopqrstuvwxyz"


@given(st.integers(0, 2**63 - 1))
def test_round_trip(number: int) -> None:
    tokens = Tokens([NEW])
    conversation = ConversationId(number)
    token = tokens.make(conversation)
    assert tokens.read(token) == conversation
    assert tokens.read(token.upper()) == conversation  # some servers upper-case local parts
    assert (
        tokens.in_addresses(["a@x", tokens.plus_address("support@shop.example", conversation)])
        == conversation
    )
    assert tokens.in_id(tokens.message_id(conversation, KEY, 0, "shop.example")) == conversation


def test_message_ids_are_short_stable_and_differ_by_part() -> None:
    tokens = Tokens([NEW])
    conversation = ConversationId(4_000_000)
    first = tokens.message_id(conversation, KEY, 0, "shop.example")
    assert first == tokens.message_id(conversation, KEY, 0, "shop.example")
    assert first != tokens.message_id(conversation, KEY, 1, "shop.example")
    assert first != tokens.message_id(conversation, KEY[::-1], 0, "shop.example")
    assert len(tokens.message_id(ConversationId(2**32), KEY, 0, "support.shop.example")) < 60


def test_keys_rotate() -> None:
    conversation = ConversationId(42)
    token = Tokens([OLD]).make(conversation)
    assert Tokens([NEW, OLD]).read(token) == conversation
    assert Tokens([NEW]).read(token) is None
    assert Tokens([NEW, OLD]).make(conversation) == Tokens([NEW]).make(conversation)


@given(st.integers(0, 2**40), st.integers(0, 28), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_no_changed_character_passes(number: int, at: int, char: str) -> None:
    tokens = Tokens([NEW])
    token = tokens.make(ConversationId(number))
    at %= len(token)
    changed = token[:at] + char + token[at + 1 :]
    assert changed == token or tokens.read(changed) is None


@given(st.text(max_size=60))
def test_any_text_is_no_token(text: str) -> None:
    tokens = Tokens([NEW])
    assert tokens.read(text) is None
    assert tokens.in_id(text) is None
    assert tokens.in_addresses([text, f"support+{text}@shop.example"]) is None


def test_short_keys_are_refused() -> None:
    for keys in ([], [b"short"]):
        with pytest.raises(ValueError, match="32 bytes"):
            Tokens(keys)


def test_reading_is_cheap() -> None:
    tokens = Tokens([NEW, OLD])
    token = tokens.make(ConversationId(1))
    started = time.process_time()
    for _ in range(2_000):
        tokens.read(token)
    assert time.process_time() - started < 1
