"""Where a reply ends and the quoted rest begins: `split_reply(text)`. Nothing is ever lost: visible + tail == text.

Works on delimiters that mail programs write, in many languages: "On … wrote:", "-----Original Message-----", a
block of From/Sent/To/Subject lines, a trailing block of `>` lines, "Sent from my …". When the customer wrote
below or between the quoted lines, nothing is cut: their words matter more than a short message.
"""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.adapters.email.phrases import LABELS, MONTHS, SENT_FROM, SEPARATORS, WROTE

MAX_ATTRIBUTION = 500
"""Characters of an "On … wrote:" that may run over up to four lines."""

MAX_LINES = 3_000
"""Lines that are examined; a quote that begins later stays visible."""

_DATE = re.compile(
    rf"(?<!\d)(?:\d{{1,2}}[./-]\d{{1,2}}[./-](?:\d{{4}}|\d{{2}})|\d{{4}}[./-]\d{{1,2}}[./-]\d{{1,2}}|"
    rf"\d{{1,2}}[:.h]\d{{2}}|(?:19|20)\d\d)(?!\d)|\d{{1,2}}\.?\s(?:de\s)?(?:{MONTHS})|\b(?:{MONTHS})\w*\.?\s\d{{1,2}}",
    re.IGNORECASE,
)
_WEEKDAY = re.compile(
    r"^(?:on|am|le|il|el|em|op|den|w)\s+(?:mon|tue|wed|thu|fri|sat|sun)\w*\b", re.IGNORECASE
)
_EMAIL = re.compile(r"[^\s<>@\[\]():]+@[^\s<>@\[\]():]+\.[\w-]+")
_WROTE = re.compile(rf"(?:\b|\W|\d)(?:{WROTE})[\s\"”»*>]*[:：]?\s*[*_]*$", re.IGNORECASE)
_WROTE_SOMEWHERE = re.compile(rf"(?:\b|\W)(?:{WROTE})\b", re.IGNORECASE)
_TWO_SENTENCES = re.compile(r"[^\W\d_]{6,}[.!?] +[A-ZÀ-Þ]")
_ENDS_ATTRIBUTION = re.compile(r"[:：]\s*[*_]*$")

_PHRASE = re.compile(SEPARATORS, re.IGNORECASE)
_DASHES = "-_=*•~ \t"
_BEGIN_FORWARD = re.compile(
    r"^(?:begin forwarded message|début du message réexpédié|anfang der weitergeleiteten)", re.IGNORECASE
)
_RULE = re.compile(r"^\s*[-_=*—–─]{3,}\s*$")
_ABOVE = re.compile(
    r"(?:reply|respond|write) above (?:this|the) line|type your reply above|antworten sie (?:bitte )?oberhalb dieser zeile|"
    r"répondez au-dessus de cette ligne|responda por encima de esta línea",
    re.IGNORECASE,
)

_LABEL_KIND = {label: kind for kind, labels in LABELS.items() for label in labels.split("|")}
_LABEL = re.compile(r"^[\s>*_]*([^\W\d_][^:：\n]{0,25}?)[\s*_]*[:：][\s*_]*(.*)$")

_SENT_FROM = re.compile(rf"^(?:{SENT_FROM})", re.IGNORECASE)
_SENTENCE = re.compile(r"[.!?;,]\s*$|[.!?,;]\s+\w")


@dataclass(frozen=True)
class Split:
    """A reply in two: `visible + tail` is the whole text."""

    visible: str
    tail: str


def split_reply(text: str) -> Split:
    """The customer's own words, and the quoted or forwarded rest that can be folded away."""
    at = tail_start(text)
    return Split(text, "") if at is None else Split(text[:at], text[at:])


def tail_start(text: str) -> int | None:
    """The offset where the tail begins, white space before it included; None when nothing is to be folded."""
    lines = text.split("\n")
    cut = _first_delimiter(lines)
    if cut is None:
        return None
    while cut > 0 and (not lines[cut - 1].strip() or _RULE.match(lines[cut - 1])):
        cut -= 1
    cut = _with_sent_from(lines, cut)
    if not "".join(lines[:cut]).strip():
        return None  # only a forward or a quote: there is nothing else to show
    offset = sum(len(line) + 1 for line in lines[:cut])
    return offset - 1 if cut else None


def _first_delimiter(lines: Sequence[str]) -> int | None:
    trailing = _trailing_quote(lines)
    for number, line in enumerate(lines[:MAX_LINES]):
        if number == trailing:
            return number
        bare = _bare(line)
        if not bare:
            continue
        if (
            (_ABOVE.search(bare) and len(bare) < 200)
            or _is_separator(lines, number, bare)
            or _is_header_block(lines, number)
        ):
            return number
        if _is_sent_from(lines, number, bare):
            return number
        span = _attribution(lines, number, bare)
        if span and not _words_after_quote(lines, number + span):
            return number
    return None


def _bare(line: str) -> str:
    """The line without quote marks and HTML entities, bold marks stripped."""
    text = line.strip()
    if text.startswith(">"):
        text = text.lstrip("> ")
    return html.unescape(text) if "&" in text else text


# -- delimiters ----------------------------------------------------------------------------------------


def _is_separator(lines: Sequence[str], number: int, bare: str) -> bool:
    if len(bare) > 200:
        return False
    core = bare.strip(_DASHES + ":：>")
    dashed = len(core) >= 3 and _dashes(bare[:3]) and _dashes(bare[-3:])
    if (dashed or bare.endswith((":", "："))) and len(core) < 60 and _PHRASE.fullmatch(core):
        return True
    if len(bare) < 60 and _BEGIN_FORWARD.match(bare):
        return True
    if not dashed:
        return False
    if _WROTE_SOMEWHERE.search(core) and _DATE.search(core):
        return True  # Zoho: ---- On … wrote ----
    return _is_header_block(lines, number + 1)


def _dashes(edge: str) -> bool:
    """Three characters that draw a line: at least two marks."""
    return all(char in _DASHES for char in edge) and len(edge.strip()) >= 2


def _label(line: str) -> str | None:
    """Which header a line looks like: from, sent, to, cc, subject; or None."""
    found = _LABEL.match(html.unescape(line) if "&" in line else line)
    if found is None:
        return None
    return _LABEL_KIND.get(" ".join(found.group(1).lower().split()))


def _is_header_block(lines: Sequence[str], number: int) -> bool:
    """Several different header lines close together, From, Date or Subject first, with an address or a subject."""
    if number >= len(lines):
        return False
    first = _label(lines[number])
    if first not in ("from", "sent", "subject"):
        return False
    kinds = [first]
    window: list[str] = [lines[number]]
    misses = 0
    for line in lines[number + 1 : number + 12]:
        kind = _label(line)
        if kind is None:
            misses += 1
            if misses > 3:
                break
            continue
        kinds.append(kind)
        window.append(line)
    distinct = set(kinds)
    address = any(_EMAIL.search(line) for line in window)
    if len(distinct) >= 3:  # "From: Berlin, To: Paris, Date: 5 May" is a customer's own words
        return ("from" in distinct or "sent" in distinct) and (address or "subject" in distinct)
    return len(distinct) == 2 and address and "from" in distinct and bool(distinct & {"sent", "subject"})


def _attribution(lines: Sequence[str], number: int, bare: str) -> int:
    """How many lines an "On … wrote:" that begins here takes; 0 when none does."""
    if len(bare) > MAX_ATTRIBUTION or not (bare[0].isalnum() or bare[0] in "\"'«“*[<\u200e"):
        return 0
    joined = ""
    for count, line in enumerate(lines[number : number + 4], start=1):
        part = _bare(line)
        if not part or len(joined) + len(part) > MAX_ATTRIBUTION:
            return 0
        if count == 2 and not any(char.isdigit() for char in joined):
            return 0  # one that runs over several lines has its date in the first
        joined = f"{joined} {part}".strip()
        if _is_attribution(joined):
            rest = range(number + 1, number + count)
            own = any(
                _is_attribution(" ".join(_bare(line) for line in lines[at : number + count])) for at in rest
            )
            return 0 if own else count  # the line above a whole attribution belongs to the customer
    return 0


def _is_attribution(line: str) -> bool:
    end = line[-32:]
    wrote = _WROTE.search(end) is not None
    if not wrote and not _ENDS_ATTRIBUTION.search(end):
        return False
    if _DATE.search(line) is None and _WEEKDAY.match(line) is None:
        return False
    if _TWO_SENTENCES.search(line):
        return False
    address = _EMAIL.search(line) is not None
    if wrote:
        return bool(_ENDS_ATTRIBUTION.search(line)) or address
    named = address or _WROTE_SOMEWHERE.search(line) is not None
    return named and not _label(line) and _opens_with_date(line)


def _opens_with_date(line: str) -> bool:
    found = _DATE.search(line)
    return found is not None and found.start() <= 30


def _trailing_quote(lines: Sequence[str]) -> int | None:
    """The first line of the block of `>` lines that ends the text, or None."""
    last = len(lines) - 1
    while last >= 0 and not lines[last].strip():
        last -= 1
    first = None
    number = last
    while number >= 0 and (
        lines[number].lstrip().startswith(">") or (first is not None and not lines[number].strip())
    ):
        if lines[number].strip():
            first = number
        number -= 1
    return first


def _words_after_quote(lines: Sequence[str], start: int) -> bool:
    """True when `>` lines follow and then the customer goes on writing: below or between the quotes."""
    quoted = False
    previous = ""
    for line in lines[start:]:
        text = line.strip()
        if text.startswith(">"):
            quoted = True
        elif not quoted and text:
            return False  # a quote without marks: nobody can tell whose words follow
        elif text in ("--", "—", "__") or _RULE.match(text):
            return False  # a signature or a footer
        elif text and not (previous.startswith(">") and len(previous) > 60) and not _SENT_FROM.match(text):
            return True
        previous = text if text.startswith(">") or not text else previous and "> wrapped" + previous
    return False


def _is_sent_from(lines: Sequence[str], number: int, bare: str) -> bool:
    """A mobile's signature: one short line by itself that is no sentence."""
    if len(bare) > 120 or not _SENT_FROM.match(bare):
        return False
    words = re.sub(r"\s*[<\[(]?https?://\S+", "", bare).strip()
    if _SENTENCE.search(words) or len(words.split()) > 9:
        return False
    above = number == 0 or not lines[number - 1].strip() or bool(_RULE.match(lines[number - 1]))
    return above


def _with_sent_from(lines: Sequence[str], cut: int) -> int:
    """Fold a mobile's signature that stands right above the quote."""
    above = cut - 1
    while above >= 0 and not lines[above].strip():
        above -= 1
    if above > 0 and _is_sent_from(lines, above, _bare(lines[above])):
        cut = above
        while cut > 0 and not lines[cut - 1].strip():
            cut -= 1
    return cut
