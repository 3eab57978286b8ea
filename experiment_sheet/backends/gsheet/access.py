"""Getting in: whose credentials are used, and sessions that carry them. The only module that knows gspread's places.

The first that is there (`WAYS`): what `use` was given; ``EXPERIMENT_SHEET_GOOGLE_CREDENTIALS`` (a path, or the JSON
itself); ``GOOGLE_APPLICATION_CREDENTIALS``; gspread's own places (``service_account.json``, then
``authorized_user.json``, in its configuration folder); the user of a Colab notebook; application default credentials
(``gcloud auth application-default login``, a machine in Google's cloud). What stands first and is broken is an error,
never a reason to look further: rows under another name than the one you meant are worse than rows that wait.

``EXPERIMENT_SHEET_GOOGLE_URL`` sends every request, those for tokens too, to that address instead of Google's: for
tests against `experiment_sheet.testing.GoogleSheets`. Without credentials of the first three kinds none are used then.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from experiment_sheet.errors import SheetRefused, UsageError

SCOPES: Final = ("https://www.googleapis.com/auth/spreadsheets", "https://www.googleapis.com/auth/drive")
"""What is asked for: Sheets, and Drive to share them and to see whether one is in the bin (gspread's defaults)."""

URL: Final = "EXPERIMENT_SHEET_GOOGLE_URL"
CREDENTIALS: Final = "EXPERIMENT_SHEET_GOOGLE_CREDENTIALS"
_ADC: Final = "GOOGLE_APPLICATION_CREDENTIALS"

WAYS: Final = (
    "experiment_sheet.google.use(...)",
    f"${CREDENTIALS}",
    f"${_ADC}",
    "service_account.json or authorized_user.json in gspread's folder",
    "the user of a Colab notebook",
    "application default credentials (gcloud auth application-default login)",
)
"""Where credentials are looked for, in this order."""

REFRESH_TIMEOUT: Final = 30.0
"""Seconds that Google's token service may take; google-auth's own default is 120."""

_DOCS: Final = "docs/google.md shows how to get them"


@dataclass(slots=True)
class Access:
    """An account that requests are made as. A session belongs to one thread and one process."""

    credentials: Any  # google.auth.credentials.Credentials, or None: requests without any
    identity: str  # its address, as far as it says
    way: str  # where it was found
    sheets: str = "https://sheets.googleapis.com"
    drive: str = "https://www.googleapis.com"
    _sessions: threading.local = field(default_factory=threading.local)

    @property
    def kind(self) -> str:
        """What kind of account this is: ``service account``, ``user`` or ``nobody``."""
        if self.credentials is None:
            return "nobody"
        return "service account" if ".gserviceaccount.com" in self.identity else "user"

    def session(self) -> Any:
        """The session of this thread."""
        if getattr(self._sessions, "pid", None) != os.getpid():  # a forked child must not speak on its parent's line
            self._sessions.session = self._new_session()
            self._sessions.pid = os.getpid()
        return self._sessions.session

    def _new_session(self) -> Any:
        import requests

        here = _is_here(self.sheets)
        if self.credentials is None:
            session = requests.Session()
        else:
            from google.auth.transport.requests import AuthorizedSession, Request

            tokens = requests.Session()
            tokens.mount("https://", requests.adapters.HTTPAdapter(max_retries=3))
            tokens.trust_env = not here
            if self.sheets.startswith("http:"):  # google-auth would ask iamcredentials.googleapis.com of the account
                del tokens.adapters["https://"]
            asking = Request(tokens)
            session = AuthorizedSession(  # type: ignore[no-untyped-call]
                self.credentials, refresh_timeout=REFRESH_TIMEOUT, auth_request=asking
            )
        session.trust_env = not here  # no proxy between a test and its own machine
        return session


_lock = threading.Lock()
_given: Any = None
_found: dict[tuple[str | None, ...], Access] = {}


def use(credentials: str | os.PathLike[str] | Mapping[str, Any] | object | None) -> None:
    """Say whose credentials this process uses for Google Sheets.

    A service account's key or an authorized user's file (a path, or its content as a dictionary), or an object of
    google-auth. None: those that are found, again. Raises UsageError for anything else.
    """
    global _given
    if not (credentials is None or isinstance(credentials, str | os.PathLike | Mapping) or _is_google(credentials)):
        raise UsageError(
            f"credentials are a file's path, its content as a dictionary, or an object of google-auth,"
            f" not {type(credentials).__name__}"
        )
    with _lock:
        _given = credentials
        _found.clear()


def access() -> Access:
    """Credentials of this process; found once. Raises SheetRefused where there are none, or none that can be used."""
    settings = tuple(os.environ.get(name) for name in (URL, CREDENTIALS, _ADC))
    with _lock:
        if settings not in _found:
            _found[settings] = _access()
        return _found[settings]


def _access() -> Access:
    url = os.environ.get(URL, "").rstrip("/")
    if not url:
        return _account(*_credentials())
    if not (url.startswith("https://") or _is_here(url)):
        raise SheetRefused(f"${URL} is {url}: over plain http, credentials are sent to this machine only")
    account = _account(*_credentials()) if _is_told() else _account(None, f"${URL}")
    if hasattr(account.credentials, "with_token_uri"):
        account.credentials = account.credentials.with_token_uri(f"{url}/token")
    account.sheets = account.drive = url
    return account


def _account(credentials: Any, way: str) -> Access:
    return Access(credentials, identity_of(credentials), way)


def _is_here(url: str) -> bool:
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")


def _is_told() -> bool:
    return _given is not None or any(os.environ.get(name) for name in (CREDENTIALS, _ADC))


def _credentials() -> tuple[Any, str]:
    if _given is not None:
        return _of(_given), WAYS[0]
    if told := os.environ.get(CREDENTIALS):
        if told.lstrip().startswith("{"):
            return _of(_parsed(told, f"${CREDENTIALS}")), WAYS[1]
        return _of(told, f"${CREDENTIALS}"), f"{WAYS[1]} ({told})"
    if told := os.environ.get(_ADC):
        return _of(told, f"${_ADC}"), f"{WAYS[2]} ({told})"
    for path in _places():
        if path.is_file():
            return _of(path), str(path)
    return _default()


def _places() -> tuple[Path, ...]:
    """Where gspread keeps credentials: a service account's, then a person's."""
    auth = _gspread()
    return Path(auth.DEFAULT_SERVICE_ACCOUNT_FILENAME), Path(auth.DEFAULT_AUTHORIZED_USER_FILENAME)


def _gspread() -> Any:
    try:
        from gspread import auth
    except (RuntimeError, KeyError) as error:  # it asks for the home folder while it is imported
        raise SheetRefused(f"gspread finds no home folder ({error}): set $HOME, or %APPDATA% on Windows") from error
    return auth


def _default() -> tuple[Any, str]:
    import google.auth
    from google.auth.exceptions import DefaultCredentialsError

    in_colab = "google.colab" in sys.modules
    if in_colab and threading.current_thread() is threading.main_thread():  # it asks in the notebook's page
        from google.colab import auth  # type: ignore[import-untyped] # there is none outside of Colab

        auth.authenticate_user()
    try:
        with _quiet():
            credentials, _ = google.auth.default(scopes=SCOPES)
    except DefaultCredentialsError as error:
        hint = "Run `from google.colab import auth; auth.authenticate_user()` in a cell. " if in_colab else ""
        raise SheetRefused(
            f"no credentials for Google Sheets were found. {hint}Looked for, in this order: {'; '.join(WAYS)}. {_DOCS}"
        ) from error
    return credentials, WAYS[4] if in_colab else WAYS[5]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep google-auth's warnings (a project without quota, a loader it finds too general) out of a training."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _of(given: Any, said_by: str = "") -> Any:
    """Credentials of a file's path, its content, or themselves."""
    where = "what was given"
    if isinstance(given, str | os.PathLike):
        path = Path(given).expanduser()
        where = f"{said_by}: {path}" if said_by else str(path)
        try:
            given = _parsed(path.read_text(encoding="utf-8"), where)
        except FileNotFoundError:
            raise SheetRefused(f"{where} is not there; {_DOCS}") from None
        except (OSError, UnicodeDecodeError) as error:
            raise SheetRefused(f"{where} can't be read: {error}") from None
    if not isinstance(given, Mapping):
        return given
    from google.auth.exceptions import GoogleAuthError

    try:
        return _of_dictionary(given, where)
    except (GoogleAuthError, ValueError, TypeError, KeyError, AttributeError) as error:  # google-auth trusts its files
        raise SheetRefused(f"{where} holds no credentials that can be used: {error}") from error


def _parsed(text: str, where: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise SheetRefused(f"{where} is no JSON, as Google's credentials are: {error}") from None
    if not isinstance(found, Mapping):
        raise SheetRefused(f"{where} holds no credentials of Google; {_DOCS}")
    return found


def _of_dictionary(info: Mapping[str, Any], where: str) -> Any:
    if info.get("type") == "service_account":
        from google.oauth2.service_account import Credentials as ServiceAccount

        return ServiceAccount.from_service_account_info(dict(info), scopes=SCOPES)  # type: ignore[no-untyped-call]
    if "installed" in info or "web" in info:
        raise SheetRefused(
            f"{where} is an OAuth client, nobody's credentials: run `experiment-sheet google login --client FILE` once"
        )
    if "refresh_token" in info and info.get("type", "authorized_user") == "authorized_user":
        from google.oauth2.credentials import Credentials as User

        return User.from_authorized_user_info(dict(info), _granted(info))  # type: ignore[no-untyped-call]
    import google.auth

    with _quiet():
        return google.auth.load_credentials_from_dict(dict(info), scopes=SCOPES)[0]  # type: ignore[no-untyped-call]


def _granted(info: Mapping[str, Any]) -> Any:
    """The scopes that a person agreed to; to ask for others is an error of the token service."""
    scopes = info.get("scopes")
    return scopes.split() if isinstance(scopes, str) else scopes


def _is_google(given: object) -> bool:
    return hasattr(given, "refresh") and hasattr(given, "token")


def identity_of(credentials: Any) -> str:
    """The address of an account, or as much as its credentials say."""
    for name in ("service_account_email", "signer_email", "account"):
        address = getattr(credentials, name, None)
        if isinstance(address, str) and "@" in address:
            return address
    return "this account"


def log_in(client: str | os.PathLike[str] | None = None) -> Path:
    """Log a person in with the browser and keep the credentials where gspread keeps them; answer where.

    `client`: the OAuth client's file; None: gspread's ``credentials.json``. What was there before stays until the new
    login is complete; the file can be read by its owner alone.
    """
    auth = _gspread()
    path = Path(client or auth.DEFAULT_CREDENTIALS_FILENAME).expanduser()
    if not path.is_file():
        raise SheetRefused(f"there is no OAuth client in {path}; docs/google.md shows how to get one")
    config = _parsed(path.read_text(encoding="utf-8"), str(path))
    if not config.keys() & {"installed", "web"}:
        raise SheetRefused(f"{path} is no OAuth client: its first key is `installed` in a client for desktop programs")
    credentials = auth.local_server_flow(config, SCOPES)
    place = Path(auth.DEFAULT_AUTHORIZED_USER_FILENAME)
    _keep(place, credentials.to_json("token"))
    use(None)
    return place


def _keep(place: Path, text: str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    spare = place.with_name(f".{os.urandom(6).hex()}.tmp")
    try:
        with open(os.open(spare, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        spare.replace(place)
    finally:
        spare.unlink(missing_ok=True)
