"""What goes wrong between here and Google, and what it means: tables, no packages.

Errors of gspread, google-auth and requests are known by the names of their classes, so that nothing is imported
for it and one table shows them all. An answer of Google that is an error becomes `Answered`; `told` makes both
into the errors of this library, with the one thing to do.

Error bodies: https://cloud.google.com/apis/design/errors (Sheets), https://developers.google.com/workspace/drive/api
/guides/handle-errors (Drive).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from experiment_sheet.errors import (
    ExperimentSheetError,
    SheetBusy,
    SheetDamaged,
    SheetError,
    SheetMissing,
    SheetRefused,
)


class Answered(Exception):
    """Google answered with an error."""

    def __init__(self, status: int, body: object, retry_after: float | None = None) -> None:
        found = body.get("error") if isinstance(body, dict) else None
        error: dict[str, Any] = found if isinstance(found, dict) else {}
        self.status = status
        self.retry_after = retry_after
        self.message = str(error.get("message") or found or f"HTTP status {status}")
        details = [*error.get("details", ()), *error.get("errors", ())]
        self.reasons = {str(one.get("reason")) for one in details if isinstance(one, dict)}
        super().__init__(f"{status} {self.message}")

    @property
    def is_passing(self) -> bool:
        """Whether the same request may well be answered later."""
        slow_down = {"rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED"}
        return self.status in (408, 429) or self.status >= 500 or bool(self.reasons & slow_down)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What an error of a package means."""

    kind: type[SheetError]
    text: str  # follows "<sheet>: "; {identity} is who calls
    passing: bool = False  # the same request may well succeed later


_AWAY: Final = Trouble(SheetBusy, "Google can't be reached ({error}); is the network there?", passing=True)
_LOGIN: Final = Trouble(
    SheetRefused,
    "the credentials of {identity} are not accepted ({error}): make a new key, or log in again with"
    " `experiment-sheet google login`",
)
_NO_LOGIN: Final = Trouble(
    SheetRefused,
    "no credentials for Google were found ({error}): `experiment-sheet google check` says where they are looked for",
)
_ODD: Final = Trouble(SheetBusy, "Google's answer can't be read ({error}); a proxy or a login page may be in between")
_SETTINGS: Final = Trouble(SheetRefused, "the request could not be made ({error}): look at the proxy settings")
_GSPREAD: Final = Trouble(SheetRefused, "gspread refused: {error}")

TROUBLES: Final[dict[str, Trouble]] = {
    "requests.exceptions.ConnectionError": _AWAY,
    "requests.exceptions.Timeout": _AWAY,
    "requests.exceptions.ChunkedEncodingError": _AWAY,
    "requests.exceptions.ContentDecodingError": _AWAY,
    "requests.exceptions.RetryError": _AWAY,
    "requests.exceptions.StreamConsumedError": _AWAY,
    "requests.exceptions.HTTPError": _AWAY,
    "requests.exceptions.InvalidJSONError": _ODD,
    "requests.exceptions.TooManyRedirects": _ODD,
    "requests.exceptions.RequestException": _SETTINGS,
    "urllib3.exceptions.HTTPError": _AWAY,
    "google.auth.exceptions.TransportError": _AWAY,
    "google.auth.exceptions.TimeoutError": _AWAY,
    "google.auth.exceptions.ResponseError": _AWAY,
    "google.auth.exceptions.DefaultCredentialsError": _NO_LOGIN,
    "google.auth.exceptions.RefreshError": _LOGIN,
    "google.auth.exceptions.GoogleAuthError": _LOGIN,
    "oauthlib.oauth2.rfc6749.errors.OAuth2Error": _LOGIN,
    "gspread.exceptions.SpreadsheetNotFound": Trouble(SheetMissing, "there is no such spreadsheet; check its address"),
    "gspread.exceptions.WorksheetNotFound": Trouble(SheetMissing, "there is no such tab"),
    "gspread.exceptions.APIError": Trouble(SheetBusy, "Google refused: {error}"),
    "gspread.exceptions.GSpreadException": _GSPREAD,
    "gspread.exceptions.UnSupportedExportFormat": _GSPREAD,
    "json.decoder.JSONDecodeError": _ODD,
    "builtins.FileNotFoundError": _NO_LOGIN,
}
"""Class of an error, or of one above it → what it means."""


def trouble_of(error: BaseException) -> Trouble | None:
    """What an error of a package means; None for what is none of theirs."""
    for kind in type(error).__mro__:
        if found := TROUBLES.get(f"{kind.__module__}.{kind.__qualname__}"):
            return found
    return None


def is_passing(error: BaseException) -> bool:
    """Whether the same request may well succeed later."""
    if isinstance(error, Answered):
        return error.is_passing
    if getattr(error, "retryable", False):  # google-auth says so of a token that could not be had just now
        return True
    trouble = trouble_of(error)
    return trouble is not None and trouble.passing


@contextmanager
def told(where: str | Callable[[], str], identity: str = "this account") -> Iterator[None]:
    """Turn what goes wrong with a sheet into a `SheetError` that says what to do now."""
    try:
        yield
    except ExperimentSheetError:
        raise
    except Exception as error:
        place = where if isinstance(where, str) else where()
        if isinstance(error, Answered):
            raise _of_answer(error, place, identity) from error
        trouble = trouble_of(error)
        if trouble is None and not isinstance(error, _UNREADABLE):
            raise
        words = str(error).strip() or type(error).__name__
        found = trouble or _ODD
        text = found.text.format(error=f"{type(error).__name__}: {words:.200}", identity=identity)
        raise found.kind(f"{place}: {text}{_clock(words)}") from error


_UNREADABLE: Final = (LookupError, ValueError, TypeError, AttributeError)
"""What reading an answer raises that is not what Google's reference says."""


def _clock(words: str) -> str:
    """Credentials are signed with the time of day."""
    return "; is the clock of this machine right?" if "JWT" in words or "iat" in words.split() else ""


_EDITOR: Final = "{identity} may not do this: press Share in the sheet and add {identity} as Editor"
_PROTECTED: Final = (
    "cells are protected against {identity}: in Data > Protected sheets and ranges let {identity} edit them"
)
_FULL: Final = "the spreadsheet is full ({message}): delete blank rows, columns and tabs, or begin another spreadsheet"
_NO_ROOM: Final = (
    "{identity} has no room in its Drive (a service account never has): make the sheet in your own Drive and share it"
    " with {identity}"
)
_OFFICE: Final = "this is an Office file in Drive: open it and choose File > Save as Google Sheets, then log into that"
_REVOKED: Final = (
    "the credentials of {identity} were revoked or have expired: make a new key, or log in again with"
    " `experiment-sheet google login`"
)

_ANSWERS: Final[tuple[tuple[int | None, str, type[SheetError], str], ...]] = (
    (None, "protected cell", SheetRefused, _PROTECTED),
    (None, "above the limit of", SheetRefused, _FULL),
    (None, "SERVICE_DISABLED", SheetRefused, "an API is switched off: {message}"),
    (None, "accessNotConfigured", SheetRefused, "an API is switched off: {message}"),
    (None, "storageQuotaExceeded", SheetRefused, _NO_ROOM),
    (None, "not supported for this document", SheetRefused, _OFFICE),
    (None, "No grid with id", SheetMissing, "the tab was deleted"),
    (None, "Unable to parse range", SheetMissing, "the tab was deleted or renamed"),
    (400, "", SheetRefused, "Google refused the request: {message}"),
    (401, "", SheetRefused, _REVOKED),
    (403, "", SheetRefused, _EDITOR),
    (404, "", SheetMissing, "there is no such spreadsheet, or it was deleted: check the address"),
    (410, "", SheetMissing, "the spreadsheet was deleted"),
    (413, "", SheetRefused, "the request was too large: {message}"),
)
"""Status (None: any), a part of message or reasons → what it means; the first that fits."""


def _of_answer(answer: Answered, where: str, identity: str) -> SheetError:
    said = " ".join([answer.message, *sorted(answer.reasons)])
    if answer.status != 429 and not answer.is_passing:
        for status, part, kind, text in _ANSWERS:
            if status in (None, answer.status) and part in said:
                return kind(f"{where}: {text.format(message=answer.message.rstrip('.'), identity=identity)}")
    if answer.status == 429:
        return SheetBusy(f"{where}: more requests than Google answers in a minute")
    kind_ = SheetBusy if answer.is_passing else SheetDamaged
    return kind_(f"{where}: Google has trouble ({answer.status}: {answer.message.rstrip('.')})")
