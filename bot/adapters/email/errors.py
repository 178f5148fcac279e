"""The one place where mail's failures become the contract's errors: first match in a table.

What was certainly not taken is temporary or permanent by its code; what may have been taken, because the
connection went after the mail's last dot, is uncertain.
"""

import aiosmtplib

from bot.adapters.email.compose import ComposeError
from bot.adapters.email.imap import FolderRefused, LoginRefused
from bot.adapters.email.wire import ConnectionBroken
from bot.errors import (
    AdapterError,
    AuthenticationFailed,
    ConnectionLost,
    DeliveryError,
    PermanentFailure,
    TemporaryFailure,
    UncertainFailure,
)

LOGIN_PAUSE = 300.0
"""Seconds before another attempt when the mail server refuses our login."""

_LOGIN_CODES = frozenset([530, 534, 535, 538])
"""No login, or not one that is good enough: a person mends the settings, and the mail can go then."""


def smtp_error(problem: BaseException, *, data_begun: bool) -> DeliveryError:
    """What a failed attempt to send means. `data_begun`: the mail's content was on its way."""
    if isinstance(problem, DeliveryError):
        return problem
    refused_login = isinstance(problem, aiosmtplib.SMTPResponseException) and problem.code in _LOGIN_CODES
    if isinstance(problem, aiosmtplib.SMTPAuthenticationError) or refused_login:
        return TemporaryFailure(f"the mail server refuses our login: {problem}", LOGIN_PAUSE, freeze=True)
    if isinstance(problem, aiosmtplib.SMTPRecipientsRefused):
        return _refused(problem.recipients)
    if isinstance(problem, aiosmtplib.SMTPResponseException):
        return _by_code(problem)
    if isinstance(problem, aiosmtplib.SMTPNotSupported):
        return PermanentFailure(f"the mail server cannot do that: {problem.message}")
    if isinstance(problem, ComposeError):
        return PermanentFailure(str(problem))
    said = str(problem) or type(problem).__name__
    if data_begun:
        return UncertainFailure(f"the mail server went away before it answered: {said}")
    if isinstance(problem, ValueError) and not isinstance(problem, OSError):  # a certificate's error is both
        return PermanentFailure(f"the mail could not be addressed: {said}")
    return TemporaryFailure(f"the mail server could not be reached: {said}")


def _refused(recipients: list[aiosmtplib.SMTPRecipientRefused]) -> DeliveryError:
    words = "; ".join(f"{refused.recipient}: {_said(refused)}" for refused in recipients)
    if any(400 <= refused.code < 500 for refused in recipients):
        return TemporaryFailure(f"not taken now: {words}")
    return PermanentFailure(f"refused: {words}")


def _by_code(problem: aiosmtplib.SMTPResponseException) -> DeliveryError:
    if isinstance(problem, aiosmtplib.SMTPRecipientRefused):
        return _refused([problem])
    if 500 <= problem.code < 600:
        return PermanentFailure(f"refused by the mail server: {_said(problem)}")
    if 400 <= problem.code < 500:
        return TemporaryFailure(f"not taken now by the mail server: {_said(problem)}")
    return UncertainFailure(f"the mail server gave an answer that makes no sense: {_said(problem)}")


def _said(problem: aiosmtplib.SMTPResponseException) -> str:
    return f"{problem.message} ({problem.code})".replace("\n", " ")


def imap_error(problem: BaseException) -> AdapterError:
    """What a failure of the mailbox means for the inbox as a whole."""
    if isinstance(problem, AdapterError):
        return problem
    if isinstance(problem, LoginRefused):
        return AuthenticationFailed(
            f"the IMAP server refuses our login: {problem}. Check user and password (or the OAuth2 consent)."
        )
    if isinstance(problem, FolderRefused):
        return AdapterError(f"{problem}. Check imap.folder in app.yaml.")
    if isinstance(problem, ConnectionBroken | OSError | TimeoutError):
        return ConnectionLost(str(problem) or "the mail server cannot be reached")
    return AdapterError(f"{type(problem).__name__}: {problem}")
