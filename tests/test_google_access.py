"""Getting in: whose credentials are used, in which order, and what is said where there are none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from google_keys import EMAIL, kept, service_account, user

from experiment_sheet import google
from experiment_sheet.backends.gsheet.access import SCOPES, Access, access
from experiment_sheet.backends.gsheet.problems import told
from experiment_sheet.backends.gsheet.service import Service
from experiment_sheet.errors import SheetError, SheetRefused, UsageError
from experiment_sheet.testing import GoogleSheets

PERSON = "kim@example.org"


@pytest.fixture(autouse=True)
def _nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Start without credentials, and leave none behind."""
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")  # ask no metadata server
    google.use(None)
    yield
    google.use(None)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[GoogleSheets]:
    """An emulator to which every request goes."""
    with GoogleSheets() as emulator:
        monkeypatch.setenv("EXPERIMENT_SHEET_GOOGLE_URL", emulator.url)
        yield emulator


def caller(account: Access) -> str:
    """Address that the service knows a caller by."""
    return str(Service(account).drive("GET", "about", query={"fields": "user"})["user"]["emailAddress"])


def program(code: str, **settings: str) -> str:
    """Output of a program in an environment of its own."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, env={**os.environ, **settings}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


WHO = (
    "import sys; from experiment_sheet.backends.gsheet.access import access; from experiment_sheet import google;"
    "a = access(); print(a.identity, a.way, sep='|')"
)


def test_service_account_by_path(service: GoogleSheets) -> None:
    """A key file signs a claim, gets a token for it, and the service knows the account."""
    google.use(kept(Path("key.json"), service_account()))
    assert (caller(access()), access().identity, access().kind) == (EMAIL, EMAIL, "service account")
    assert service.log.count("auth") == 1


def test_service_account_by_content(service: GoogleSheets) -> None:
    """A dictionary will do, as secrets of a notebook are kept."""
    google.use(service_account())
    assert caller(access()) == EMAIL


@pytest.mark.parametrize("as_text", [False, True])
def test_service_account_by_environment(service: GoogleSheets, monkeypatch: pytest.MonkeyPatch, as_text: bool) -> None:
    """The library's own variable takes a path, or the JSON itself, as CI systems keep secrets."""
    content = service_account()
    told = json.dumps(content) if as_text else str(kept(Path("key.json"), content))
    monkeypatch.setenv("EXPERIMENT_SHEET_GOOGLE_CREDENTIALS", told)
    assert caller(access()) == EMAIL
    assert "PRIVATE" not in access().way


def test_google_s_own_variable(service: GoogleSheets, monkeypatch: pytest.MonkeyPatch) -> None:
    """``GOOGLE_APPLICATION_CREDENTIALS`` names a key file."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(kept(Path("key.json"), service_account())))
    assert caller(access()) == EMAIL


def test_a_person(service: GoogleSheets) -> None:
    """What `google login` or `gspread.oauth` kept is a person's login; its refresh token gets a token."""
    service.accounts.tokens["refresh"] = PERSON
    google.use(user("refresh"))
    assert (caller(access()), access().kind) == (PERSON, "user")


def test_credentials_of_google_auth(service: GoogleSheets) -> None:
    """An object of google-auth is used as it is."""
    from google.oauth2.credentials import Credentials

    service.accounts.tokens["token"] = PERSON
    google.use(Credentials("token"))  # type: ignore[no-untyped-call]
    assert caller(access()) == PERSON


def test_order_of_places() -> None:
    """What is named comes before what is found, the library's own setting before Google's, a service account first."""
    home = Path.home() / ".config" / "gspread"
    named = {
        name: str(kept(Path(f"{name}.json"), service_account(f"{name}@p.iam.gserviceaccount.com")))
        for name in ("own", "adc")
    }
    kept(home / "authorized_user.json", user("refresh"))
    assert program(WHO) == f"this account|{home / 'authorized_user.json'}"
    kept(home / "service_account.json", service_account("home@p.iam.gserviceaccount.com"))
    assert program(WHO) == f"home@p.iam.gserviceaccount.com|{home / 'service_account.json'}"
    adc = {"GOOGLE_APPLICATION_CREDENTIALS": named["adc"]}
    assert program(WHO, **adc).startswith("adc@p.iam.gserviceaccount.com|$GOOGLE_APPLICATION_CREDENTIALS")
    both = adc | {"EXPERIMENT_SHEET_GOOGLE_CREDENTIALS": named["own"]}
    assert program(WHO, **both).startswith("own@p.iam.gserviceaccount.com|$EXPERIMENT_SHEET_GOOGLE_CREDENTIALS")
    given = WHO.replace("a = access()", f"google.use({named['adc']!r}); a = access()")
    assert program(given, **both).startswith("adc@p.iam.gserviceaccount.com|experiment_sheet.google.use")


def test_application_default_credentials() -> None:
    """What `gcloud auth application-default login` left is used last; google-auth's warnings stop nobody."""
    kept(Path.home() / "gcloud" / "application_default_credentials.json", user("refresh"))
    found = program(WHO, CLOUDSDK_CONFIG=str(Path.home() / "gcloud"))
    assert found == "this account|application default credentials (gcloud auth application-default login)"


def test_the_user_of_a_colab_notebook(tmp_path: Path) -> None:
    """In Colab its user is asked, in the main thread, and what Colab then holds is used."""
    colab = tmp_path / "site" / "google" / "colab"
    colab.mkdir(parents=True)
    (colab / "__init__.py").touch()
    adc = kept(tmp_path / "content" / "application_default_credentials.json", user("refresh"))
    line = f"import os\ndef authenticate_user():\n    os.environ['CLOUDSDK_CONFIG'] = {str(adc.parent)!r}\n"
    (colab / "auth.py").write_text(line)
    found = program(f"import google.colab\n{WHO}", PYTHONPATH=str(tmp_path / "site"))
    assert found == "this account|the user of a Colab notebook"


def test_no_credentials_names_every_way() -> None:
    """Whoever has none is told where they are looked for, in order, and where it says how to get them."""
    with pytest.raises(SheetRefused) as caught:
        access()
    for way in google.WAYS:
        assert way in str(caught.value)
    assert "docs/google.md" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "no JSON"),
        ("[1, 2]", "holds no credentials"),
        ("{}", "holds no credentials"),
        ('{"type": "service_account"}', "missing fields"),
        ('{"type": "nonsense"}', "holds no credentials"),
        (json.dumps({"installed": {"client_id": "1"}}), "google login"),
        (json.dumps(user("r") | {"client_id": None, "type": "external_account"}), "holds no credentials"),
        (json.dumps({**service_account(), "private_key": "torn"}), "holds no credentials"),
        (b"\xff\xfe\x00", "can't be read"),
    ],
)
def test_a_file_that_holds_no_credentials(content: str | bytes, said: str) -> None:
    """A file that is torn, or another thing of Google's, is named with what is wrong; no secret is repeated."""
    Path("key.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    google.use("key.json")
    with pytest.raises(SheetRefused, match=r"key\.json") as caught:
        access()
    assert said in str(caught.value)
    assert "PRIVATE" not in str(caught.value)


def test_a_path_that_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The setting that named it is named, too; no other account is taken instead."""
    kept(Path.home() / ".config" / "gspread" / "service_account.json", service_account())
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "gone.json")
    with pytest.raises(SheetRefused, match=r"\$GOOGLE_APPLICATION_CREDENTIALS: gone.json is not there"):
        access()


@pytest.mark.parametrize("nonsense", [1, 1.5, ["key.json"], object()])
def test_what_can_t_be_credentials(nonsense: object) -> None:
    """A slip in the code is said at once."""
    with pytest.raises(UsageError, match="a file's path"):
        google.use(nonsense)


def test_revoked_key(service: GoogleSheets) -> None:
    """A deleted key, or an account that is gone, ends in one sentence that says what to do."""
    service.accounts.revoked.add(EMAIL)
    google.use(service_account())
    with pytest.raises(SheetRefused, match=f"credentials of {EMAIL} are not accepted"), told("runs", EMAIL):
        caller(access())


def test_the_override_takes_credentials_to_this_machine_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over plain http a token would be everybody's."""
    monkeypatch.setenv("EXPERIMENT_SHEET_GOOGLE_URL", "http://sheets.example.org")
    with pytest.raises(SheetError, match="this machine only"):
        access()


def test_the_override_needs_no_credentials(service: GoogleSheets) -> None:
    """Against an emulator nobody has to log in, and a person's own credentials stay at home."""
    kept(Path.home() / ".config" / "gspread" / "service_account.json", service_account())
    assert (caller(access()), access().kind) == (service.accounts.default, "nobody")


def test_a_forked_child_has_its_own_line(service: GoogleSheets) -> None:
    """A session is not shared with a child, whose words would mix with its parent's."""
    account = access()
    ours = account.session()
    assert account.session() is ours
    if hasattr(os, "fork"):
        pid = os.fork()
        if not pid:
            os._exit(0 if account.session() is not ours else 1)
        assert os.waitpid(pid, 0)[1] == 0


class _Tokens(BaseHTTPRequestHandler):
    """A token service that gives a login for any code."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = {"access_token": "a", "refresh_token": "kept", "expires_in": 3599, "token_type": "Bearer"}
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body | {"scope": " ".join(SCOPES)}).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Say nothing."""


_BROWSER = """
import sys, urllib.parse, urllib.request
asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(sys.argv[1]).query))
answer = urllib.parse.urlencode({"state": asked["state"], "code": "1", "scope": asked["scope"]})
urllib.request.urlopen(asked["redirect_uri"] + "?" + answer).read()
"""


@pytest.mark.skipif(os.name == "nt", reason="$BROWSER is for other systems")
def test_login_in_the_browser() -> None:
    """`google login` opens the browser, keeps what comes back where gspread keeps it, for its owner's eyes."""
    Path("browser.py").write_text(_BROWSER, encoding="utf-8")
    with ThreadingHTTPServer(("127.0.0.1", 0), _Tokens) as tokens:
        threading.Thread(target=tokens.serve_forever, daemon=True).start()
        here = f"http://127.0.0.1:{tokens.server_port}"
        client = {"client_id": "1", "client_secret": "2", "auth_uri": f"{here}/auth", "token_uri": f"{here}/token"}
        kept(Path("client.json"), {"installed": client | {"redirect_uris": ["http://localhost"]}})
        settings = {"BROWSER": f"{sys.executable} browser.py %s &", "OAUTHLIB_INSECURE_TRANSPORT": "1"}
        line = [sys.executable, "-m", "experiment_sheet", "google", "login", "--client", "client.json"]
        done = subprocess.run(line, capture_output=True, text=True, env=os.environ | settings, timeout=60)
        tokens.shutdown()
    place = Path.home() / ".config" / "gspread" / "authorized_user.json"
    assert (done.returncode, f"Kept in {place}" in done.stdout) == (0, True), done.stderr
    assert json.loads(place.read_text(encoding="utf-8"))["refresh_token"] == "kept"
    assert place.stat().st_mode & 0o077 == 0
    assert program(WHO) == f"this account|{place}"


@pytest.mark.parametrize("content", [None, "torn", json.dumps({"type": "service_account"})])
def test_login_without_a_client(content: str | None) -> None:
    """What is no OAuth client is said to be none; a login that was there stays."""
    place = kept(Path.home() / ".config" / "gspread" / "authorized_user.json", user("refresh"))
    if content is not None:
        Path("client.json").write_text(content, encoding="utf-8")
    with pytest.raises(SheetRefused, match=r"client\.json"):
        google.login("client.json")
    assert place.is_file()
