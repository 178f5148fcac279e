"""Bytes to text, for mail as it really is: wrong, missing and made-up charset names. Never raises."""

import codecs
import re

from charset_normalizer import from_bytes

_ALIASES = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "gb_2312-80": "gb18030",
    "x-gbk": "gb18030",
    "x-sjis": "cp932",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "ks_c_5601": "cp949",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601_1987": "cp949",
    "euc-kr": "cp949",
    "windows-874": "cp874",
    "x-windows-874": "cp874",
    "cp-850": "cp850",
    "x-mac-roman": "mac_roman",
    "macintosh": "mac_roman",
    "x-mac-cyrillic": "mac_cyrillic",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "iso-8859-9": "cp1254",
    "x-user-defined": "cp1252",
    "unicode-1-1-utf-7": "utf-7",
    "utf8mb4": "utf-8",
    "unicode": "utf-8",
    "unknown-8bit": "",
    "x-unknown": "",
    "default": "",
    "ascii": "us-ascii",
    "ansi_x3.4-1968": "us-ascii",
}
_REFUSED = frozenset({"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "mbcs", "oem"})
"""Codecs that are slow on purpose-made input, or no charsets of a mail."""

_SAMPLE = 32 * 1024
_SUFFIX = re.compile(r"-[ie]$")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")


def codec_of(charset: str | None) -> str:
    """Python's codec for a mail's charset name; "" where there is none that can be trusted."""
    name = (charset or "").strip().strip("\"'").lower().partition("*")[0]
    name = _ALIASES.get(name, name)
    if name.startswith("iso-8859-8"):
        name = _SUFFIX.sub("", name)
    if not name or len(name) > 60:
        return ""
    try:
        info = codecs.lookup(name)
    except (LookupError, ValueError, UnicodeError):
        return ""
    textual = getattr(info, "_is_text_encoding", True)
    return info.name if textual and info.name.replace("-", "_") not in _REFUSED else ""


def decode(data: bytes, charset: str | None, *, guess: bool = True) -> tuple[str, str | None]:
    """The text, and a sentence about what had to be guessed (None where all was well).

    Order: the declared charset, UTF-8, a guess (charset-normalizer, on the first 32 kB), Windows-1252 with
    replacement marks. US-ASCII that holds other bytes is tried as UTF-8 first and then as Windows-1252.
    `guess=False` leaves the guess out, which takes many milliseconds.
    """
    codec = codec_of(charset)
    plain_ascii = codec in ("ascii", "us-ascii") or not codec
    if not plain_ascii:
        text = _try(data, codec)
        if text is not None:
            return text, None
    text = _try(data, "utf-8")
    if text is not None:
        return text, None if plain_ascii else f"declared as {charset}, read as UTF-8"
    if codec in ("ascii", "us-ascii"):
        text = _try(data, "cp1252")
        if text is not None:
            return text, None
    guessed = _guess(data) if guess else None
    if guessed is not None:
        text = _try(data, guessed)
        if text is not None:
            return text, f"the character set is a guess ({guessed})"
    fallback = codec if codec and not plain_ascii else "utf-8"
    try:
        return _clean(data.decode(fallback, "replace")), "some characters could not be read"
    except (UnicodeError, ValueError, LookupError):
        return _clean(data.decode("latin-1")), "some characters could not be read"


def _try(data: bytes, codec: str) -> str | None:
    try:
        return _clean(data.decode(codec))
    except (UnicodeError, ValueError, LookupError, OverflowError):
        return None


def _guess(data: bytes) -> str | None:
    try:
        best = from_bytes(data[:_SAMPLE]).best()
    except Exception:  # a third-party guesser on hostile bytes: its failure means "no guess"
        return None
    return codec_of(best.encoding) or None if best is not None else None


def _clean(text: str) -> str:
    """Without NUL and other control characters, lone surrogates and a byte order mark; lines end with \\n."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    text = _CONTROLS.sub("", text)
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
