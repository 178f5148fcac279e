"""Is a mail's From address proven? Only what our own mail server says counts (RFC 8601).

Our server writes `Authentication-Results` with its own name on top of what it received. Only the topmost field of
that name is read: the server must take away or outrank forged ones, and every other name is anybody's claim.
"""

import re
from dataclasses import dataclass
from typing import Literal

from bot.adapters.email.mime import ParsedMail

Result = Literal["pass", "fail", "none"]

_COMMENT = re.compile(r"\([^()]*\)")
_METHOD = re.compile(r"^\s*(dkim|spf|dmarc)\s*=\s*([a-z]+)", re.IGNORECASE)
_PROPERTY = re.compile(
    r"\b(header\.d|header\.i|header\.from|smtp\.mailfrom)\s*=\s*\"?([^\s\";]+)", re.IGNORECASE
)
_SHARED = frozenset(
    [
        "co.uk",
        "org.uk",
        "com.au",
        "com.br",
        "co.jp",
        "co.nz",
        "co.za",
        "com.cn",
        "com.tr",
        "com.mx",
        "co.in",
        "co.kr",
    ]
)
"""Endings under which anybody can register a name: a signature for one proves nothing."""


@dataclass(frozen=True)
class Verdict:
    """pass: the From domain is proven; fail: our server found it false; none: nothing proven either way."""

    result: Result
    evidence: str


def verdict(mail: ParsedMail, authserv_id: str | None, fields: int = 1) -> Verdict:
    """What our own server found out about the From address.

    `fields`: how many topmost fields of our server count, for servers whose milters write one each.
    """
    senders = mail.headers.addresses("from")
    if len(senders) != 1:
        return Verdict("none", "the mail has no single From address")
    if authserv_id is None:
        return Verdict("none", "no mail server of ours is named in the settings, so nothing is proven")
    own = [
        value
        for value in mail.headers.all("authentication-results")
        if server_of(value) == authserv_id.lower()
    ]
    if not own:
        return Verdict("none", f"{authserv_id} left no Authentication-Results")
    domain = senders[0].address.rpartition("@")[2]
    checks = [check for value in own[:fields] for check in _checks(value)]
    return _judge(checks, domain)


@dataclass(frozen=True)
class _Check:
    method: str
    result: str
    domain: str


def _judge(checks: list[_Check], domain: str) -> Verdict:
    for check in checks:
        if check.method == "dmarc" and check.result == "fail":
            return Verdict("fail", f"DMARC failed for {domain}")
    passed = [check for check in checks if check.result == "pass"]
    if any(check.method == "dmarc" and check.domain in ("", domain) for check in passed):
        return Verdict("pass", f"DMARC passed for {domain}")
    for method in ("dkim", "spf"):
        for check in passed:
            if check.method == method and aligned(check.domain, domain):
                return Verdict("pass", f"{method.upper()} passed for {check.domain}")
    said = ", ".join(f"{check.method}={check.result}" for check in checks) or "nothing"
    bad = [check for check in checks if check.result in ("fail", "softfail", "permerror", "policy")]
    if bad:
        return Verdict("fail", f"our mail server says {said} for {domain}")
    if passed:
        return Verdict("none", f"proven for another domain than {domain} ({said})")
    return Verdict("none", f"our mail server says {said} for {domain}")


def aligned(proven: str, domain: str) -> bool:
    """Relaxed alignment without a public suffix list: the same domain, or one is below the other."""
    proven, domain = proven.lower().rstrip("."), domain.lower().rstrip(".")
    if not proven or "." not in proven or "." not in domain or proven in _SHARED or domain in _SHARED:
        return False
    return proven == domain or proven.endswith("." + domain) or domain.endswith("." + proven)


def server_of(value: str) -> str:
    """The name of the server that wrote an ``Authentication-Results`` field."""
    words = _bare(value).partition(";")[0].split()
    return words[0].lower().strip('"') if words else ""


def _bare(value: str) -> str:
    """Without comments; nested ones are taken off from the inside, at most five deep."""
    for _ in range(5):
        shorter = _COMMENT.sub(" ", value)
        if shorter == value:
            break
        value = shorter
    return value


def _checks(value: str) -> list[_Check]:
    checks: list[_Check] = []
    for piece in _bare(value).split(";")[1:50]:
        found = _METHOD.match(piece)
        if found is None:
            continue
        method, result = found.group(1).lower(), found.group(2).lower()
        properties = {name.lower(): content for name, content in _PROPERTY.findall(piece)}
        names = {
            "dkim": properties.get("header.d") or properties.get("header.i", ""),
            "spf": properties.get("smtp.mailfrom", ""),
            "dmarc": properties.get("header.from", ""),
        }
        checks.append(_Check(method, result, names[method].rpartition("@")[2].lower()))
    return checks
