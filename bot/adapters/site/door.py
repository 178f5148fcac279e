"""The HTTP side: who may come in (Origin, limits), the upload, the download, and the widget's one file."""

import asyncio
import gzip
import hashlib
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from string import ascii_lowercase
from urllib.parse import unquote

import structlog
from aiohttp import web

from bot.adapters.site import files
from bot.adapters.site.limits import Limits
from bot.adapters.site.settings import SiteSettings
from bot.adapters.site.visitors import Visitor, Visitors
from bot.contract import BlobStore
from bot.errors import StorageError
from bot.messages import Attachment
from bot.peers import client_address

log = structlog.get_logger(__name__)

WIDGET = Path(__file__).with_name("widget") / "support-chat.js"
UPLOADS_AT_ONCE, UPLOADS_FROM_ONE = 16, 4
"""Uploads in memory at a time, more wait; and from one IP address, more are refused."""
CHUNK_SECONDS, UPLOAD_SECONDS = 20.0, 300.0
"""How long an upload may be silent, and take in all."""
_COMMENT = re.compile(r" // [^\"`]*\Z")
_KEPT = re.compile(r"""("[^"\n]*"|`[^`]*`|/[^/\n ]+/[a-z]*(?=[.)]))""")
"""Strings, templates and patterns: what stands in them stays as it is."""
_SPACED = re.compile(r" *([,;{}()?:=<>*&|!+-]) *(?![+-])")
"""Signs that need no space beside them, unless a plus or a minus follows."""
_PRIVATE = re.compile(r"(?<![\w`/\"[&])#([a-z]\w*)")
"""Names that only the widget's own class can say."""
_ENDED = re.compile(r"(?<=[;{},(])\n")
_AIR = re.compile(r"\s*([{};,])\s*|(?<=:) ")
_BEARER = "Bearer "
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def slim(source: str) -> str:
    """The widget without what nobody reads in a browser: indentation, comments but the first, air in the style sheet."""
    lines = [_COMMENT.sub("", line.strip()) for line in source.splitlines()]
    kept = [line for line in lines[1:] if line and not line.startswith("// ") and not _is_remark(line)]
    whole = _ENDED.sub("", "\n".join([source.splitlines()[0], *kept, ""]))
    before, mark, rest = whole.partition("const STYLE = `")
    style, end, after = rest.partition("`;")
    tight = _AIR.sub(lambda found: found[1] or "", style).replace(";}", "}")
    first, _, words = before.partition("\n")
    return f"{first}\n{_dense(words)}{mark}{tight}{end}{_dense(_short(after))}"


def _is_remark(line: str) -> bool:
    return line.startswith("/*") and line.endswith("*/")


def _dense(code: str) -> str:
    pieces = _KEPT.split(code)
    pieces[::2] = [_SPACED.sub(lambda found: found[1], piece) for piece in pieces[::2]]
    return "".join(pieces)


def _short(code: str) -> str:
    """The code with its private names counted through: ``#a`` … ``#z``, ``#a1``…"""
    names = {
        name: f"#{ascii_lowercase[place % 26]}{place // 26 or ''}"
        for place, name in enumerate(dict.fromkeys(_PRIVATE.findall(code)))
    }
    return _PRIVATE.sub(lambda found: names[found[1]], code)


class Door:
    """Everything but the WebSocket. Each answer to a page carries the CORS headers of its exact origin."""

    def __init__(
        self,
        settings: SiteSettings,
        limits: Limits,
        visitors: Visitors,
        blobs: BlobStore,
        references: files.References,
    ) -> None:
        self._settings = settings
        self._origins = frozenset(settings.origins)
        self._limits = limits
        self._visitors = visitors
        self._blobs = blobs
        self._references = references
        self._room = asyncio.Semaphore(UPLOADS_AT_ONCE)
        self._uploading: Counter[str] = Counter()
        self._script = slim(WIDGET.read_text(encoding="utf-8")).encode()
        self._packed = gzip.compress(self._script, 9, mtime=0)
        self._etag = f'"{hashlib.sha256(self._script).hexdigest()[:32]}"'

    def allows(self, request: web.Request) -> bool:
        """Whether the page is on the list. A request without Origin is not from a browser's page."""
        return request.headers.get("Origin", "") in self._origins

    def _knows(self, request: web.Request) -> bool:
        """The same for uploads and downloads; browsers leave Origin out when a page reads from its own."""
        own = "Origin" not in request.headers and request.headers.get("Sec-Fetch-Site") == "same-origin"
        return self.allows(request) or own

    def address(self, request: web.Request) -> str:
        """The IP address a request counts for."""
        peer = request.transport.get_extra_info("peername") if request.transport is not None else None
        settings = self._settings
        return client_address(
            peer[0] if isinstance(peer, tuple) else None,
            request.headers,
            settings.trusted_proxies,
            settings.proxy_header,
        )

    async def preflight(self, request: web.Request) -> web.Response:
        """OPTIONS of an upload or a download."""
        headers = {
            "Access-Control-Allow-Methods": "GET, POST",
            "Access-Control-Allow-Headers": "authorization, content-type, x-file-name",
            "Access-Control-Max-Age": "7200",
        }
        return self._answer(request, web.Response(status=204, headers=headers))

    async def upload(self, request: web.Request) -> web.Response:
        """POST of a file's bytes: gives the reference that a message then names."""
        try:
            visitor = await self._who(request)
        except StorageError:
            return self._refuse(request, 503, "not readable now")
        if visitor is None:
            return self._refuse(request, 401, "this chat is not known any more")
        address = self.address(request)
        if (request.content_length or 0) > self._settings.file_limit:
            return self._refuse(request, 413, "too large")
        wait = (
            5.0
            if self._uploading.get(address, 0) >= UPLOADS_FROM_ONE
            else self._limits.upload(visitor.id, address)
        )
        if wait:
            return self._refuse(request, 429, "too many files", retry_after=wait)
        self._uploading[address] += 1
        try:
            async with self._room, asyncio.timeout(UPLOAD_SECONDS):
                return await self._take(request, visitor)
        except (TimeoutError, ConnectionError):
            return self._refuse(request, 408, "too slow")
        except StorageError:
            log.warning("site.upload_not_stored")
            return self._refuse(request, 503, "not stored")
        finally:
            self._uploading[address] -= 1
            if not self._uploading[address]:
                del self._uploading[address]

    async def _take(self, request: web.Request, visitor: Visitor) -> web.Response:
        data = await self._read(request)
        if data is None:
            return self._refuse(request, 413, "too large")
        if not data:
            return self._refuse(request, 400, "empty")
        blob = await self._blobs.put(data)
        name = files.safe_name(unquote(request.headers.get("X-File-Name", "")[:1_000]))
        kept = Attachment(name, files.sniff(data), len(data), blob)
        return self._answer(request, web.json_response(self._references.shown(visitor.id, kept), status=201))

    async def download(self, request: web.Request) -> web.Response:
        """GET of a file that this visitor sent or was sent."""
        try:
            visitor = await self._who(request)
        except StorageError:
            return self._refuse(request, 503, "not readable now")
        if visitor is None:
            return self._refuse(request, 401, "this chat is not known any more")
        file = self._references.read(visitor.id, request.match_info["file"])
        if file is None or file.blob is None:
            return self._refuse(request, 404, "no such file")
        try:
            data = await self._blobs.get(file.blob)
        except KeyError:
            return self._refuse(request, 404, "no such file")
        except StorageError:
            return self._refuse(request, 503, "not readable now")
        headers = {**files.DOWNLOAD_HEADERS, "Content-Disposition": files.disposition(file.name)}
        answer = web.Response(body=data, content_type="application/octet-stream", headers=headers)
        return self._answer(request, answer)

    async def widget(self, request: web.Request) -> web.Response:
        """The widget's script: for any page, since what it may do is decided at the WebSocket."""
        headers = {
            "Cache-Control": "public, max-age=300, stale-while-revalidate=86400",
            "ETag": self._etag,
            "Vary": "Accept-Encoding",
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "cross-origin",
            "Access-Control-Allow-Origin": "*",
        }
        if self._etag in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        body = self._script
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            body, headers["Content-Encoding"] = self._packed, "gzip"
        return web.Response(body=body, content_type="text/javascript", charset="utf-8", headers=headers)

    async def _who(self, request: web.Request) -> Visitor | None:
        given = request.headers.get("Authorization", "")
        if not self._knows(request) or not given.startswith(_BEARER):
            return None
        return await self._visitors.find(given.removeprefix(_BEARER))

    async def _read(self, request: web.Request) -> bytes | None:
        """The body, or None where it is larger than a file may be."""
        data = bytearray()
        while True:
            async with asyncio.timeout(CHUNK_SECONDS):
                chunk = await request.content.readany()
            if not chunk:
                return bytes(data)
            data += chunk
            if len(data) > self._settings.file_limit:
                return None

    def _refuse(
        self, request: web.Request, status: int, problem: str, retry_after: float | None = None
    ) -> web.Response:
        answer = web.json_response({"problem": problem}, status=status)
        if retry_after is not None:
            answer.headers["Retry-After"] = str(int(retry_after) + 1)
        if status in (401, 413, 429, 503) and request.can_read_body:
            answer.force_close()  # the rest of the body is not read
        return self._answer(request, answer)

    def _answer(self, request: web.Request, answer: web.Response) -> web.Response:
        answer.headers["Vary"] = "Origin"
        if self.allows(request):
            answer.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
            answer.headers["Access-Control-Expose-Headers"] = "Retry-After"
        elif not self._knows(request):
            answer.set_status(403)
            answer.body = None
        return answer
