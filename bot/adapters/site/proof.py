"""The site's signed token: what it must hold, and why one is refused.

The signature is PyJWT's business, with one algorithm from the settings, whatever the token's header says. The claims are
checked here, by the bot's clock.
"""

import math
import re
from dataclasses import dataclass, field
from typing import Any

import jwt
from jwt.types import Options

from bot.adapters.site.protocol import cleaned, is_email
from bot.adapters.site.settings import Identify
from bot.messages import Contact

EVIDENCE = "signed by the site"
MAX_TOKEN = 8_000
"""Characters of a token."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,49}\Z")
_NO_CHECKS: Options = {
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}
MOST_ATTRIBUTES, LONGEST_VALUE = 20, 200


class Refused(Exception):
    """A token that proves nothing. Its message says why in words that hold no part of the token."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What a genuine token says. ``expires_at`` in epoch seconds; ``left_out`` names what of it could not be taken."""

    subject: str
    token_id: str
    expires_at: float
    name: str | None = None
    email: Contact | None = None
    attributes: dict[str, str | int | float | bool] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()


def check(token: str, settings: Identify, audience: str, now: float) -> Proof:
    """What the token proves. Raises ``Refused``."""
    claims = _signed(token, settings)
    expires_at = _times(claims, settings, now)
    heard = claims.get("aud")
    if audience not in (heard if isinstance(heard, list) else [heard]):
        raise Refused(f"it is not for this chat: aud must be {audience!r}")
    subject = _words(claims.get("sub"), 200)
    if not subject:
        raise Refused("it names nobody: sub is missing, or is no text of at most 200 characters")
    token_id = _words(claims.get("jti"), 200)
    if not token_id:
        raise Refused("it has no jti, which makes it good for one use")
    attributes, left_out = _attributes(claims.get("attributes"))
    email, more = _email(claims)
    name = _words(claims.get("name"), 80) or None
    return Proof(subject, token_id, expires_at, name, email, attributes, (*left_out, *more))


def _signed(token: str, settings: Identify) -> dict[str, Any]:
    """The claims of a token that one of our keys has signed."""
    if len(token) > MAX_TOKEN:
        raise Refused("it is too long")
    for key in settings.keys:
        try:
            claims: dict[str, Any] = jwt.decode(
                token, key.get_secret_value(), algorithms=[settings.algorithm], options=_NO_CHECKS
            )
        except jwt.InvalidSignatureError:
            continue
        except jwt.InvalidAlgorithmError:
            raise Refused(f"it is not signed with {settings.algorithm}") from None
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise Refused("it is not a signed token that can be read") from None
        return claims
    raise Refused("no key of this chat has signed it")


def _times(claims: dict[str, Any], settings: Identify, now: float) -> float:
    """When it ends, in epoch seconds; its times must be believable."""
    issued, expires = _time(claims, "iat"), _time(claims, "exp")
    leeway = settings.leeway_seconds
    if expires <= now - leeway:
        raise Refused("it has expired")
    if issued > now + leeway:
        raise Refused("it comes from the future: look at the clock of the server that signs")
    if not 0 < expires - issued <= settings.max_age_minutes * 60:
        raise Refused(f"it must end within {settings.max_age_minutes} minutes after it was made (exp - iat)")
    if "nbf" in claims and _time(claims, "nbf") > now + leeway:
        raise Refused("it is not good yet")
    return expires


def _time(claims: dict[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Refused(f"{name} is missing, or is no number of seconds")
    return float(value)


def _words(value: Any, longest: int) -> str:
    """A claim on one line; empty where it is no such text."""
    if not isinstance(value, str) or len(value) > longest:
        return ""
    return " ".join(cleaned(value).split())


def _email(claims: dict[str, Any]) -> tuple[Contact | None, tuple[str, ...]]:
    """The address; verified only where the signer says exactly so."""
    given = claims.get("email")
    if given is None:
        return None, ()
    if not isinstance(given, str) or not is_email(given.strip()):
        return None, ("email",)
    verified = claims.get("email_verified") is True
    evidence = EVIDENCE if verified else "named by the site, not verified"
    name = _words(claims.get("name"), 80) or None
    return Contact("email", given.strip().lower(), name, verified, evidence), ()


def _attributes(given: Any) -> tuple[dict[str, str | int | float | bool], tuple[str, ...]]:
    """Flat values by name, and what was left out."""
    if given is None:
        return {}, ()
    if not isinstance(given, dict):
        return {}, ("attributes",)
    kept: dict[str, str | int | float | bool] = {}
    left: list[str] = []
    for name, value in given.items():
        short = isinstance(value, str) and len(value) <= LONGEST_VALUE
        number = isinstance(value, int | float) and math.isfinite(value) and abs(value) < 2**53
        if not _NAME.match(name) or not (short or number) or len(kept) >= MOST_ATTRIBUTES:
            left.append(f"attributes.{cleaned(name)[:50]}")
        else:
            kept[name] = cleaned(value) if isinstance(value, str) else value
    return kept, tuple(left[:20])
