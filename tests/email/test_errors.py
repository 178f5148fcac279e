"""The table of failures: is it final, and is it certain."""

import ssl

import aiosmtplib
import pytest

from bot.adapters.email.compose import ComposeError
from bot.adapters.email.errors import imap_error, smtp_error
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


def refused(*codes: int) -> aiosmtplib.SMTPRecipientsRefused:
    return aiosmtplib.SMTPRecipientsRefused(
        [aiosmtplib.SMTPRecipientRefused(code, "no", "a@b.example") for code in codes]
    )


CERTAIN = [
    (aiosmtplib.SMTPAuthenticationError(535, "bad password"), TemporaryFailure),
    (aiosmtplib.SMTPAuthenticationError(454, "later"), TemporaryFailure),
    (aiosmtplib.SMTPSenderRefused(530, "login first", "a@b.example"), TemporaryFailure),
    (aiosmtplib.SMTPSenderRefused(553, "not yours", "a@b.example"), PermanentFailure),
    (aiosmtplib.SMTPResponseException(421, "closing"), TemporaryFailure),
    (aiosmtplib.SMTPDataError(552, "too large"), PermanentFailure),
    (aiosmtplib.SMTPDataError(452, "full"), TemporaryFailure),
    (refused(550, 451), TemporaryFailure),
    (refused(550, 551), PermanentFailure),
    (aiosmtplib.SMTPNotSupported("no SMTPUTF8"), PermanentFailure),
    (ComposeError("no address"), PermanentFailure),
]
BY_TIME = [
    aiosmtplib.SMTPServerDisconnected("gone"), aiosmtplib.SMTPReadTimeoutError("slow"), aiosmtplib.SMTPConnectError("refused"),
    aiosmtplib.SMTPException("STARTTLS extension not supported"), ssl.SSLError("certificate"),
    ssl.SSLCertVerificationError("self-signed"), TimeoutError(), ConnectionResetError(),
    RuntimeError("our own bug"),
]  # fmt: skip


@pytest.mark.parametrize(("problem", "kind"), CERTAIN)
@pytest.mark.parametrize("data_begun", [True, False])
def test_what_the_server_said_is_certain_at_any_time(
    problem: Exception, kind: type[DeliveryError], data_begun: bool
) -> None:
    assert type(smtp_error(problem, data_begun=data_begun)) is kind


@pytest.mark.parametrize("problem", BY_TIME, ids=lambda problem: type(problem).__name__)
def test_a_lost_connection_is_certain_only_before_the_content(problem: Exception) -> None:
    assert type(smtp_error(problem, data_begun=False)) is TemporaryFailure
    after = smtp_error(problem, data_begun=True)
    assert type(after) is UncertainFailure
    assert after.reason


def test_a_bad_address_before_the_content_is_permanent() -> None:
    assert type(smtp_error(ValueError("newline in address"), data_begun=False)) is PermanentFailure


def test_an_answer_that_makes_no_sense_is_uncertain() -> None:
    assert type(smtp_error(aiosmtplib.SMTPDataError(123, "?"), data_begun=True)) is UncertainFailure


@pytest.mark.parametrize(
    ("problem", "kind", "words"),
    [
        (LoginRefused("no"), AuthenticationFailed, "Check user and password"),
        (FolderRefused("folder 'X': no"), AdapterError, "imap.folder"),
        (ConnectionBroken("lost"), ConnectionLost, "lost"),
        (TimeoutError(), ConnectionLost, "cannot be reached"),
        (RuntimeError("bug"), AdapterError, "RuntimeError: bug"),
        (AuthenticationFailed("consent"), AuthenticationFailed, "consent"),
    ],
)
def test_the_inbox_as_a_whole(problem: Exception, kind: type[AdapterError], words: str) -> None:
    error = imap_error(problem)
    assert type(error) is kind
    assert words in str(error)
