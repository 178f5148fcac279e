"""An HTML mail as text with spans, its quoted part found by the marks that mail programs leave.

Lexbor parses (safe on any nesting), a loop walks: no recursion anywhere. Hidden content is left out, as the
customer's mail program would. A link whose words look like another address is shown with its true target.
"""

import html
import re
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from bot.messages import Span, SpanKind, Text

MAX_NODES = 150_000
MAX_CHARS = 300_000
MAX_SPANS = 5_000
MAX_PRODUCT = 1_500_000
MAX_DEPTH = 1_500
"""Open tags at once. The parser's time grows with the square of it; real mail stays below 100."""

_SKIPPED_TAGS = "head title style script template noscript iframe object embed svg math select textarea audio video map canvas"
_BLOCK_TAGS = (
    "address article aside blockquote body center dd details div dl dt fieldset figcaption figure footer form "
    "h1 h2 h3 h4 h5 h6 header hr html li main nav ol p pre section summary table tbody tfoot thead tr ul"
)
_SELF_CLOSING_TAGS = "br hr img meta link input wbr base col p li td th tr dt dd tbody option o:p"
_STYLE_TAGS = "a b big code em font i nobr s small strike strong tt u"
_SKIPPED = frozenset(_SKIPPED_TAGS.split())
_BLOCKS = frozenset(_BLOCK_TAGS.split())
_SPACED = frozenset(["p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "pre", "blockquote", "dl"])
_SPANS = {
    "b": SpanKind.BOLD,
    "strong": SpanKind.BOLD,
    "h1": SpanKind.BOLD,
    "h2": SpanKind.BOLD,
    "h3": SpanKind.BOLD,
    "i": SpanKind.ITALIC,
    "em": SpanKind.ITALIC,
    "s": SpanKind.STRIKE,
    "strike": SpanKind.STRIKE,
    "del": SpanKind.STRIKE,
    "code": SpanKind.CODE,
    "tt": SpanKind.CODE,
    "kbd": SpanKind.CODE,
    "pre": SpanKind.PRE,
    "blockquote": SpanKind.QUOTE,
}
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all|font-size\s*:\s*0(?:px|pt|em|%)?\s*(?:;|!|$)|"
    r"opacity\s*:\s*0(?:\.0+)?\s*(?:;|!|$)|max-height\s*:\s*0(?:px)?\s*(?:;|!|$)",
    re.IGNORECASE,
)
_OUTLOOK_RULE = re.compile(r"border-top(?:-style)?\s*:[^;]*solid", re.IGNORECASE)
_OUTLOOK_PADDING = re.compile(r"padding(?:-top)?\s*:\s*(?:3|5)(?:\.0)?p[tx]", re.IGNORECASE)
_HARD_IDS = frozenset(
    ["divrplyfwdmsg", "appendonsend", "stopspelling", "zwchr", "olk_src_body_section", "mailcontainerbody"]
)
_HARD_CLASSES = frozenset(
    ["moz-forward-container", "zmail_extra", "protonmail_quote", "tutanota_quote", "front-blockquote"]
)
_SOFT_CLASSES = frozenset(
    [
        "gmail_quote",
        "gmail_quote_container",
        "moz-cite-prefix",
        "gmail_extra_quote",
        "freebirdformviewerheader",
    ]
)
_EDGE = re.compile(r"<(/?)([a-z][a-z0-9:]{0,12})", re.IGNORECASE)
_SELF_CLOSING = frozenset(_SELF_CLOSING_TAGS.split())
_STYLES = frozenset(_STYLE_TAGS.split())
_TAG = re.compile(r"<[^<>]{0,5000}>")
_NO_TEXT = re.compile(r"<(style|script|title)\b[^<>]{0,1000}>[^<]{0,200000}</\1[^<>]{0,100}>", re.IGNORECASE)
_INVISIBLE = re.compile("[\u00ad\u034f\u200b\u2060\ufeff]")
_SPACE = re.compile(r"[ \t\n\r\f\u00a0]+")
_URLISH = re.compile(r"^(?:https?://|www\.)?((?:[\w-]+\.)+[a-z]{2,24})(?:[/:?#]\S*)?$", re.IGNORECASE)
_FLAT_BLANKS = re.compile(r"margin(?:-top|-bottom)?\s*:\s*0", re.IGNORECASE)


@dataclass(frozen=True)
class HtmlText:
    """`text` is everything that is seen; `tail` is the offset where the quoted rest begins, or None."""

    text: Text
    tail: int | None = None
    cut: bool = False
    """True when the page was longer than the limits and its end is missing."""


def convert(page: str) -> HtmlText:
    """HTML to text with spans. Never raises on hostile pages; work and output are bounded.

    A page that is nested beyond reason is not parsed: its tags are taken out and its words are shown.
    """
    if page.count("<") > 1_200 and _too_deep(page):  # fewer tags than that cannot do harm
        bare = html.unescape(_TAG.sub(" ", _NO_TEXT.sub(" ", page[: 4 * MAX_CHARS])))
        return HtmlText(Text(_SPACE.sub(" ", bare).strip()[:MAX_CHARS]), None, True)
    root = LexborHTMLParser(page).root
    walk = _Walk()
    if root is not None:
        walk.run(root)
    return walk.result()


@dataclass
class _Open:
    """An element on the way down. `start` of a span is known when its first character comes."""

    node: LexborNode
    tag: str
    kind: SpanKind | None = None
    value: str | None = None
    start: int | None = None
    block: int = 0


@dataclass
class _Walk:
    """The state of the loop: what was written, which elements are open, where a quote began."""

    pieces: list[str] = field(default_factory=list)
    length: int = 0
    spans: list[Span] = field(default_factory=list)
    stack: list[_Open] = field(default_factory=list)
    newlines: int = 0
    space: bool = False
    soft: int | None = None
    hard: int | None = None
    quote_end: int | None = None
    after_quote: list[str] = field(default_factory=list)
    lists: list[int] = field(default_factory=list)
    waiting: list[_Open] = field(default_factory=list)
    inside: Counter[SpanKind] = field(default_factory=Counter)
    cut: bool = False

    # -- the loop --------------------------------------------------------------------------------------

    def run(self, root: LexborNode) -> None:
        node: LexborNode | None = root
        for _ in range(MAX_NODES):
            if node is None or self.length > MAX_CHARS:
                break
            deeper = self.enter(node)
            if deeper is not None:
                node = deeper
                continue
            node = self.leave_until_sibling(node)
        self.cut = self.cut or node is not None
        while self.stack:
            self.close(self.stack.pop())

    def enter(self, node: LexborNode) -> LexborNode | None:
        """Handle a node; its first child when the walk goes into it."""
        tag = node.tag or ""
        if tag == "-text":
            self.write(node.text_content or "")
            return None
        if tag.startswith(("-", "_", "!")) or tag in _SKIPPED:
            return node.child if tag in ("-document", "-undef") else None
        if tag in ("br", "img", "hr", "wbr", "input"):
            self.void(tag, node)
            return None
        if self.is_hidden(node):
            return None
        opened = self.open(tag, node)
        child = node.child
        if child is None:
            self.close(opened)
            return None
        self.stack.append(opened)
        return child

    def leave_until_sibling(self, node: LexborNode) -> LexborNode | None:
        following = node.next
        while following is None and self.stack:
            opened = self.stack.pop()
            self.close(opened)
            following = opened.node.next
        return following

    # -- elements --------------------------------------------------------------------------------------

    @staticmethod
    def is_hidden(node: LexborNode) -> bool:
        attributes = node.attributes
        if not attributes:
            return False
        style = attributes.get("style")
        return "hidden" in attributes or bool(style and len(style) < 4000 and _HIDDEN.search(style))

    def void(self, tag: str, node: LexborNode) -> None:
        if tag == "br":
            self.newlines = min(self.newlines + 1, 2) if self.pieces else 0
            self.space = False
        elif tag == "hr":
            self.mark_quote(tag, node)
            self.newlines = max(self.newlines, 1)
        elif tag == "img":
            alt = _SPACE.sub(" ", node.attributes.get("alt") or "").strip()
            emoji = alt and not alt.isascii() and len(alt) <= 8
            if alt and not self.is_hidden(node):
                self.write(alt if emoji else f"[{alt[:200]}]")

    def open(self, tag: str, node: LexborNode) -> _Open:
        opened = _Open(node, tag, _SPANS.get(tag))
        if tag in _BLOCKS:
            style = node.attributes.get("style") or ""
            tight = (node.attributes.get("class") or "").startswith("Mso") or bool(_FLAT_BLANKS.search(style))
            nested = bool(self.lists) and tag in ("ul", "ol")
            opened.block = 2 if tag in _SPACED and not tight and not nested else 1
            self.newlines = max(self.newlines, opened.block) if self.pieces else 0
            self.space = False
            self.mark_quote(tag, node)
            if tag == "blockquote" and self.is_cited(node) and self.soft is None:
                self.soft = self.length
        if tag == "a":
            target = (node.attributes.get("href") or "").strip()
            if target.lower().startswith(("http://", "https://", "mailto:", "tel:")) and len(target) < 8000:
                opened.kind, opened.value = SpanKind.LINK, target
        elif tag in ("ul", "ol"):
            self.lists.append(1 if tag == "ol" else 0)
        elif tag == "li":
            self.bullet()
        elif tag in ("td", "th") and self.pieces and not self.newlines:
            self.space = True
        self.begin_span(opened)
        return opened

    def begin_span(self, opened: _Open) -> None:
        kind = opened.kind
        if kind is None:
            return
        if (self.inside[kind] and kind is not SpanKind.QUOTE) or len(self.spans) >= MAX_SPANS:
            opened.kind = None
            return
        self.inside[kind] += 1
        self.waiting.append(opened)

    def bullet(self) -> None:
        number = self.lists[-1] if self.lists else 0
        if number:
            self.lists[-1] += 1
        indent = "  " * max(min(len(self.lists), 8) - 1, 0)
        self.write_raw(f"{indent}{number}. " if number else f"{indent}• ")

    def close(self, opened: _Open) -> None:
        if opened.tag in ("ul", "ol") and self.lists:
            self.lists.pop()
        if opened.kind is SpanKind.LINK and opened.start is not None:
            self.warn_of_false_label(opened)
        if opened.kind is not None:
            self.inside[opened.kind] -= 1
            if opened.start is None:
                self.waiting.remove(opened)
            elif self.length > opened.start and len(self.spans) < MAX_SPANS:
                self.spans.append(Span(opened.start, self.length, opened.kind, opened.value))
        if opened.tag == "blockquote" and self.soft is not None and self.quote_end is None:
            self.quote_end = self.length
        if opened.block and self.pieces:
            self.newlines = max(self.newlines, opened.block)
            self.space = False

    def warn_of_false_label(self, opened: _Open) -> None:
        """`paypal.com` that leads to evil.example is written `paypal.com [→ https://evil.example]`."""
        assert opened.start is not None
        label = self.written_since(opened.start).strip()
        claimed = _URLISH.match(label)
        target = opened.value or ""
        if claimed is None or not target.lower().startswith("http"):
            return
        try:
            host = (urlsplit(target).hostname or "").lower()
        except ValueError:
            host = ""
        if _plain_host(host) != _plain_host(claimed.group(1).lower()):
            self.write(f" [→ {target[:300]}]")

    def written_since(self, start: int, limit: int = 300) -> str:
        """What was written from `start` on; "" when that is longer than `limit`."""
        missing = self.length - start
        if missing > limit:
            return ""
        last: list[str] = []
        for piece in reversed(self.pieces):
            if missing <= 0:
                break
            last.append(piece[-missing:])
            missing -= len(piece)
        return "".join(reversed(last))

    # -- quotes ----------------------------------------------------------------------------------------

    @staticmethod
    def is_cited(node: LexborNode) -> bool:
        attributes = node.attributes
        return (
            attributes.get("type") == "cite"
            or "cite" in attributes
            or "gmail_quote" in (attributes.get("class") or "")
        )

    def mark_quote(self, tag: str, node: LexborNode) -> None:
        attributes = node.attributes
        if not attributes or self.hard is not None:
            return
        names = {name.lower() for name in (attributes.get("class") or "").split()}
        identity = (attributes.get("id") or "").lower()
        style = attributes.get("style") or ""
        hard = (
            identity.removeprefix("x_") in _HARD_IDS
            or bool(names & _HARD_CLASSES)
            or "yahoo_quoted" in identity
            or any("yahoo_quoted" in name or name.startswith("outlookmessageheader") for name in names)
            or (tag == "div" and bool(_OUTLOOK_RULE.search(style) and _OUTLOOK_PADDING.search(style)))
        )
        if hard:
            self.hard = self.length
        elif self.soft is None and names & _SOFT_CLASSES:
            self.soft = self.length

    # -- writing ---------------------------------------------------------------------------------------

    def write(self, text: str) -> None:
        if self.length + len(text) > MAX_CHARS:
            text = text[: max(MAX_CHARS - self.length, 0)]
            self.cut = True
        if not text.isascii():
            text = _INVISIBLE.sub("", text)
        if self.inside[SpanKind.PRE]:
            self.write_raw(text.replace("\r\n", "\n").replace("\r", "\n"))
            return
        words = _SPACE.sub(" ", text)
        if words == " " and "\u00a0" in text and self.newlines:
            self.newlines = 2  # Outlook's empty line
        if words[:1] == " ":
            self.space = True
            words = words[1:]
        trailing = words[-1:] == " "
        words = words[:-1] if trailing else words
        if words:
            self.write_raw(words)
            self.space = trailing

    def write_raw(self, text: str) -> None:
        """Append text after what is owed: line ends or one space."""
        if not text:
            return
        owed = "\n" * self.newlines if self.newlines else " " if self.space and self.pieces else ""
        self.newlines, self.space = 0, False
        if owed:
            self.pieces.append(owed)
            self.length += len(owed)
        for opened in self.waiting:
            opened.start = self.length
        self.waiting.clear()
        if self.quote_end is not None and not self.inside[SpanKind.QUOTE]:
            self.after_quote.append(owed + text)
        self.pieces.append(text)
        self.length += len(text)

    def result(self) -> HtmlText:
        plain = "".join(self.pieces)
        text = Text(plain, tuple(sorted(self.spans, key=lambda span: (span.start, -span.end))))
        return HtmlText(text, self._tail(plain), self.cut)

    def _tail(self, plain: str) -> int | None:
        starts = [start for start in (self.hard, self._soft_start()) if start is not None]
        start = min(starts, default=None)
        return start if start is not None and plain[:start].strip() else None

    def _soft_start(self) -> int | None:
        """A cited block is a tail unless the customer went on writing below it."""
        if self.soft is None:
            return None
        after = "".join(self.after_quote).strip()
        return self.soft if not after or re.match(r"(?:--|—|__)\s*(?:\n|$)", after) else None


def _too_deep(page: str) -> bool:
    """True where parsing would cost too much: tags nested beyond reason, or a product of open style tags and blocks.

    (HTML repeats every open <b>, <font>… inside each following block, so a small page can make millions of nodes.)
    """
    depth = styles = most_styles = tags = 0
    for found in _EDGE.finditer(page):
        tags += 1
        name = found.group(2).lower()
        step = -1 if found.group(1) else 1
        if name in _STYLES:
            styles = max(styles + step, 0)
            most_styles = max(most_styles, styles)
        if name not in _SELF_CLOSING:
            depth = max(depth + step, 0)
            if depth > MAX_DEPTH:
                return True
    return tags * most_styles > MAX_PRODUCT


def _plain_host(host: str) -> str:
    return host.removeprefix("www.").rstrip(".")
