"""`experiment-sheet google`: who asks, what they may, the one thing to do; and sharing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from google_keys import EMAIL, service_account

import experiment_sheet as es
from experiment_sheet import google
from experiment_sheet.errors import SheetError, UsageError
from experiment_sheet.testing import GoogleSheets

OWNER = "kim@example.org"
ADDRESS = "https://docs.google.com/spreadsheets/d/{}/edit#gid=0"


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[GoogleSheets]:
    """An emulator, and a service account's key."""
    with GoogleSheets() as emulator:
        monkeypatch.setenv("EXPERIMENT_SHEET_GOOGLE_URL", emulator.url)
        monkeypatch.setenv("EXPERIMENT_SHEET_GOOGLE_CREDENTIALS", json.dumps(service_account()))
        yield emulator


def shared(service: GoogleSheets, role: str | None = "writer") -> str:
    """Address of a person's spreadsheet that the service account has a role in."""
    key = service.create("our runs", owner=OWNER)
    if role:
        service.accounts.tokens["kim"] = OWNER
        service.client("kim").open_by_key(key).share(EMAIL, perm_type="user", role=role)
    return ADDRESS.format(key)


def call(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a command."""
    line = [sys.executable, "-m", "experiment_sheet", "google", *words]
    settings = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(line, capture_output=True, text=True, encoding="utf-8", check=False, env=settings)


def test_all_well(service: GoogleSheets) -> None:
    """An editor can read and write; nothing is to be done, nothing was changed."""
    url = shared(service)
    key = url.split("/d/")[1].split("/")[0]
    book = service.client("kim").open_by_key(key)
    meta = {"metadataKey": "theirs", "visibility": "DOCUMENT", "location": {"spreadsheet": True}}
    book.batch_update({"requests": [{"createDeveloperMetadata": {"developerMetadata": meta}}]})
    service.log.clear()
    report = google.check(url)
    assert (report.identity, report.kind, report.title) == (EMAIL, "service account", "our runs")
    assert (report.can_read, report.can_write, report.error, report.todo, report.hint) == (True, True, "", "", "")
    assert report.way == "$EXPERIMENT_SHEET_GOOGLE_CREDENTIALS"
    assert (service.log.count("read"), service.log.count("write"), service.log.count("drive")) == (1, 1, 1)
    assert [item["metadataKey"] for item in service.spreadsheet(key).metadata] == ["theirs"]


@pytest.mark.parametrize(("role", "can_read"), [(None, False), ("reader", True), ("commenter", True)])
def test_not_shared(service: GoogleSheets, role: str | None, can_read: bool) -> None:
    """Who may not write is told to share the sheet, with the address to type."""
    report = google.check(shared(service, role))
    assert (report.can_read, report.can_write) == (can_read, False)
    assert report.todo == f"press Share in the sheet and add {EMAIL} as Editor"


def test_wrong_key(service: GoogleSheets) -> None:
    """A mistyped address is said to be one."""
    report = google.check(ADDRESS.format("1nothing"))
    assert not report.can_read
    assert "copy the sheet's address from the browser once more" in report.todo


def test_sheets_api_is_off(service: GoogleSheets) -> None:
    """The page that switches the API on is taken out of Google's answer."""
    url = shared(service)
    service.accounts.disabled.add("sheets")
    todo = google.check(url).todo
    assert todo.startswith("switch the API on")
    assert todo.endswith("https://console.developers.google.com/apis/api/sheets.googleapis.com/overview?project=1")


def test_drive_api_is_off(service: GoogleSheets) -> None:
    """Logging needs no Drive, so this is a note; sharing does, and says how to switch it on."""
    url = shared(service)
    service.accounts.disabled.add("drive")
    report = google.check(url)
    assert (report.can_write, report.todo, report.identity) == (True, "", EMAIL)
    assert "drive.googleapis.com" in report.hint
    with pytest.raises(SheetError, match=r"drive\.googleapis\.com/overview"):
        google.share(url, OWNER)


def test_revoked(service: GoogleSheets) -> None:
    """A key that was deleted is not to be repaired, but made anew."""
    url = shared(service)
    service.accounts.revoked.add(EMAIL)
    report = google.check(url)
    assert not report.can_read
    assert report.todo.startswith("these credentials were revoked or have expired: make a new key")


def test_protected_cells(service: GoogleSheets) -> None:
    """A protected range over the tab is found before a training finds it."""
    url = shared(service)
    book = service.client("kim").open_by_url(url)
    book.sheet1.add_protected_range("A1:Z100")
    report = google.check(url)
    assert report.todo.startswith(f"let {EMAIL} edit the protected ranges of the tab 'Sheet1'")
    book.add_worksheet("free", 10, 10)
    assert google.check(f"gsheet://{book.id}/free").todo == ""


def test_no_credentials(service: GoogleSheets, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any the places that were searched are listed."""
    monkeypatch.setenv("EXPERIMENT_SHEET_GOOGLE_CREDENTIALS", "gone.json")
    report = google.check(shared(service))
    assert (report.identity, report.can_read) == ("nobody", False)
    assert "gone.json is not there" in report.error
    assert "docs/google.md" in report.todo


def test_google_is_away(service: GoogleSheets, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody answers it is the network, and said to be."""
    monkeypatch.setattr(google, "PATIENCE", 0.1)
    url = shared(service)
    service.stop()
    report = google.check(url)
    assert "can't be reached" in report.error
    assert "network" in report.todo


def test_command_says_what_to_do(service: GoogleSheets) -> None:
    """The command shows it for people and as JSON; exit code 1 where something is in the way."""
    url = shared(service, "reader")
    done = call("check", url)
    assert done.returncode == 1
    assert EMAIL in done.stdout
    assert f"press Share in the sheet and add {EMAIL} as Editor" in done.stdout
    as_json = json.loads(call("check", url, "--json").stdout)
    assert (as_json["can_read"], as_json["can_write"]) == (True, False)
    assert call("check", shared(service)).returncode == 0


def test_command_without_address(service: GoogleSheets) -> None:
    """Without an address it says who one is, and what a sheet needs."""
    done = call("check")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"share it with {EMAIL} as Editor" in done.stdout


def test_command_shares(service: GoogleSheets) -> None:
    """A teammate is an editor afterwards, or what was asked."""
    url = shared(service)
    done = call("share", "teammate@example.org", "-s", url)
    assert (done.returncode, done.stderr) == (0, "")
    key = url.split("/d/")[1].split("/")[0]
    assert service.drive.files[key].role("teammate@example.org") == "writer"
    assert call("share", "guest@example.org", "--role", "reader", "-s", url).returncode == 0
    assert service.drive.files[key].role("guest@example.org") == "reader"


def test_share_of_a_sheet(service: GoogleSheets) -> None:
    """`Sheet.share` is the same in Python."""
    url = shared(service)
    es.Sheet(url).share("teammate@example.org", role="commenter", notify=False)
    assert service.drive.files[url.split("/d/")[1].split("/")[0]].role("teammate@example.org") == "commenter"
    with pytest.raises(UsageError, match="role is one of"):
        es.Sheet(url).share("teammate@example.org", role="king")
    with pytest.raises(UsageError, match="folder you share"):
        es.Sheet("runs.xlsx").share("teammate@example.org")


def test_may_not_share(service: GoogleSheets) -> None:
    """A reader can't invite; the owner can."""
    with pytest.raises(SheetError, match=f"{EMAIL} may not share this sheet"):
        google.share(shared(service, "reader"), "teammate@example.org")


@pytest.mark.parametrize("email", ["", "kim", "a b@example.org", "kim@example"])
def test_no_mail_address(email: str) -> None:
    """A slip is said before anything is sent."""
    with pytest.raises(UsageError, match="mail address"):
        google.share(ADDRESS.format("1key"), email)


def test_a_file_is_not_shared_so() -> None:
    """Of a file it says what to do instead."""
    with pytest.raises(UsageError, match=r"put it into a folder you share.*experiment-sheet copy"):
        google.share("runs.xlsx", OWNER)
    done = call("share", OWNER, "-s", "runs.xlsx")
    assert (done.returncode, "folder you share" in done.stderr) == (2, True)
    with pytest.raises(UsageError, match="no Google Sheet"):
        google.check("runs.xlsx")
