"""Codes of languages, as people and their programs write them."""

from __future__ import annotations

import pytest

from bot import languages


@pytest.mark.parametrize(
    ("given", "tag"),
    [
        ("de", "de"),
        (" pt_br ", "pt-BR"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("es-419", "es-419"),
        ("FIL", "fil"),
        ("", None),
        ("*", None),
        ("german", None),
        ("de-DE-1996", None),
        ("de\r\nBcc: x", None),
        ("de" * 5000, None),
    ],
)
def test_a_code_is_written_as_the_standard_writes_it(given: str, tag: str | None) -> None:
    assert languages.tag(given) == tag


@pytest.mark.parametrize(
    ("header", "first"),
    [
        ("de-DE, en;q=0.5", "de-DE"),
        ("en;q=0.3, fr;q=0.9, *;q=0.1", "fr"),
        ("it; q=1.0", "it"),
        ("x-klingon, pl", "pl"),
        ("en;q=0", None),
        ("", None),
        (",;,;q", None),
        ("en;q=nan, es;q=0.5", "en"),
        ("x," * 10_000 + "de", None),
    ],
)
def test_the_language_that_a_header_wants_most(header: str, first: str | None) -> None:
    assert languages.preferred(header) == first
