"""The emulator beyond the recordings: files, limits, faults, races, people in between."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import gspread
import openpyxl
import pytest
import requests
from google_sheet import BOOKS, Sheet

from experiment_sheet.testing.google import GoogleSheets, Quota, Races
from experiment_sheet.testing.google.faults import MIXED


@pytest.fixture
def google() -> Iterator[GoogleSheets]:
    """An emulator."""
    with GoogleSheets(seed=1) as running:
        yield running


@pytest.fixture
def sheet(google: GoogleSheets) -> Sheet:
    """An empty spreadsheet of it."""
    return Sheet(google)


def test_files_are_private_until_shared(google: GoogleSheets) -> None:
    """Somebody else's spreadsheet is 403 for Sheets, 404 for Drive, readable for a reader, writable for a writer."""
    google.accounts.tokens |= {"owner": "owner@example.org", "other": "other@example.org"}
    sheet = google.client("owner").create("private")
    other = google.client("other")
    with pytest.raises(PermissionError):
        other.open_by_key(sheet.id)
    with pytest.raises(gspread.exceptions.APIError, match="File not found"):
        other.del_spreadsheet(sheet.id)
    sheet.share("other@example.org", perm_type="user", role="reader")
    opened = other.open_by_key(sheet.id).sheet1
    with pytest.raises(gspread.exceptions.APIError, match="does not have permission"):
        opened.update([[1]], "A1")
    sheet.share("other@example.org", perm_type="user", role="writer")
    opened.update([[1]], "A1")
    assert len(sheet.list_permissions()) == 2


def test_copies_have_content_comments_and_permissions(google: GoogleSheets) -> None:
    """Drive copies a spreadsheet's content; gspread asks for the rest."""
    client = google.client()
    sheet = client.create("one")
    sheet.sheet1.update([["x"]], "A1")
    sheet.share("mate@example.org", perm_type="user", role="writer")
    comments = f"https://www.googleapis.com/drive/v3/files/{sheet.id}/comments"
    google.session().post(comments, json={"content": "hm"}, params={"fields": "id"}).raise_for_status()
    copy = client.copy(sheet.id, title="two", copy_permissions=True, copy_comments=True)
    assert (copy.title, copy.sheet1.acell("A1").value, len(copy.list_permissions())) == ("two", "x", 2)
    assert len(google.drive.files[copy.id].comments) == 1
    sheet.sheet1.update([["changed"]], "A1")
    assert copy.sheet1.acell("A1").value == "x"


def test_lists_come_in_pages_and_by_name(google: GoogleSheets) -> None:
    """files.list pages, filters by name and folder, and shows the last changed first."""
    for name in ("a", "b", "a"):
        google.create(name)
    files = "https://www.googleapis.com/drive/v3/files"
    first = google.session().get(files, params={"pageSize": 2}).json()
    rest = google.session().get(files, params={"pageSize": 2, "pageToken": first["nextPageToken"]}).json()
    assert len(first["files"]) + len(rest["files"]) == 3
    assert len(google.client().list_spreadsheet_files("a")) == 2


def test_a_service_account_without_storage_makes_no_files(google: GoogleSheets) -> None:
    """Drive refuses a full account's file with storageQuotaExceeded."""
    google.drive.full.add(google.accounts.default)
    with pytest.raises(gspread.exceptions.APIError, match="storage quota") as caught:
        google.client().create("more")
    assert caught.value.response.json()["error"]["errors"][0]["reason"] == "storageQuotaExceeded"


def test_exports_open_in_other_programs(google: GoogleSheets) -> None:
    """CSV and .xlsx hold what the first tab shows; a CSV comes back as a spreadsheet."""
    client = google.client()
    sheet = client.create("runs")
    client.import_csv(sheet.id, 'name,loss\n"a, b",0.5\n')
    assert sheet.export(gspread.utils.ExportFormat.CSV) == b'name,loss\r\n"a, b",0.5'
    book = openpyxl.load_workbook(io.BytesIO(sheet.export(gspread.utils.ExportFormat.EXCEL)))
    assert [[cell.value for cell in row] for row in book.active] == [["name", "loss"], ["a, b", 0.5]]


def test_quotas_refill_each_minute(sheet: Sheet) -> None:
    """The 61st write of a user in a minute is a 429, reads count apart, and the next minute all is well."""
    google = sheet.google
    google.clock.stop(1_000_000_020)
    google.quota = Quota()
    assert all("error" not in sheet.put("A1", [[n]]) for n in range(60))
    refused = sheet.put("A1", [["late"]])["error"]
    assert (refused["code"], refused["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert "'Write requests per minute per user'" in refused["message"]
    assert sheet.get("A1") == [["59"]]
    google.clock.advance(60)
    assert "error" not in sheet.put("A1", [["late"]])


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("plan", ["answer", "reset"])
def test_faults_come_before_or_after_applying(sheet: Sheet, plan: str, applied: bool) -> None:
    """An error or a cut connection leaves the write undone, or done, as planned; once."""
    if plan == "answer":
        sheet.google.faults.answer(503, applied=applied, method="PUT")
        assert sheet.put("A1", [["x"]])["error"] == {
            "code": 503,
            "message": "The service is currently unavailable.",
            "status": "UNAVAILABLE",
        }
    else:
        sheet.google.faults.reset(applied=applied, method="PUT")
        with pytest.raises(requests.ConnectionError):
            sheet.put("A1", [["x"]])
    assert sheet.get() == ([["x"]] if applied else [])
    assert "error" not in sheet.put("A1", [["y"]])


def test_retry_after_and_slow_answers(sheet: Sheet) -> None:
    """A 429 may carry Retry-After, and an answer may come later than a client waits."""
    sheet.google.faults.answer(429, retry_after=7)
    assert sheet.session.get(sheet.url).headers["Retry-After"] == "7"
    sheet.google.faults.slow(0.3)
    with pytest.raises(requests.Timeout):
        sheet.session.get(sheet.url, timeout=0.05)


def test_revoked_credentials_and_disabled_services(google: GoogleSheets) -> None:
    """Revoked credentials are 401, a service that isn't enabled is 403 with the address to enable it at."""
    key = google.create("runs")
    google.accounts.disabled.add("sheets")
    assert "Enable it by visiting" in google.session().get(f"{BOOKS}/{key}").json()["error"]["message"]
    google.accounts.revoked.add(google.accounts.default)
    assert google.session().get(f"{BOOKS}/{key}").json()["error"]["status"] == "UNAUTHENTICATED"


def test_credentials_get_their_tokens_here(google: GoogleSheets) -> None:
    """The token endpoint knows a service account by its claim and a person by the refresh token; not revoked ones."""
    google.accounts.tokens["refresh"] = "person@example.org"
    claims = base64.urlsafe_b64encode(json.dumps({"iss": "robot@example.org"}).encode()).decode().rstrip("=")
    for form, who in (
        ({"assertion": f"e30.{claims}.x"}, "robot@example.org"),
        ({"refresh_token": "refresh"}, "person@example.org"),
    ):
        token = requests.post(f"{google.url}/token", data=form, timeout=10).json()["access_token"]
        key = google.client(token).create("mine").id
        assert google.drive.files[key].owner == who
        google.accounts.revoked.add(who)
        refused = requests.post(f"{google.url}/token", data=form, timeout=10)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


EDITS: dict[str, tuple[Callable[[Any], None], list[list[str]]]] = {
    "sort": (lambda mate: mate.sort("b", descending=True), [["a", "b"], ["2", "4"], ["new", "3"]]),
    "row": (lambda mate: mate.insert_row(2, ["p"]), [["a", "b"], ["p"], ["new", "3"], ["2", "4"]]),
    "column": (lambda mate: mate.insert_column(0, "p"), [["p", "a", "b"], ["", "1", "3"], ["new", "2", "4"]]),
    "header": (lambda mate: mate.rename("a", "z"), [["z", "b"], ["1", "3"], ["new", "4"]]),
    "delete": (lambda mate: mate.delete_row(2), [["a", "b"], ["2", "4"], ["new"]]),
    "filter": (lambda mate: mate.filter("a", "1"), [["a", "b"], ["1", "3"], ["new", "4"]]),
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_teammate_slips_in_between_two_requests(sheet: Sheet, edit: str) -> None:
    """A person's edit is applied right before the chosen request, which then hits what is there now."""
    sheet.put("A1", [["a", "b"], [1, 3], [2, 4]])
    act, expected = EDITS[edit]
    mate = sheet.google.teammate(sheet.key)
    sheet.google.faults.between(lambda: act(mate), method="PUT")
    sheet.put("A3", [["new"]])
    assert sheet.get() == expected


def parallel(count: int, act: Callable[[int], object]) -> None:
    """Call something in so many threads at once."""
    start = threading.Barrier(count)

    def run(number: int) -> None:
        start.wait()
        act(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize(("races", "kept"), [(Races(window=0.2), range(1, 12)), (Races.none(), [12])])
@pytest.mark.parametrize("cells", [False, True])
def test_parallel_appends_overwrite_each_other_unless_told_otherwise(races: Races, kept: Any, cells: bool) -> None:
    """Appends that arrive together share a place by default; in the kind reading each has its own."""
    with GoogleSheets(races=races) as google:
        sheet = Sheet(google)
        body = {"sheetId": 0, "rows": [{"values": [{"userEnteredValue": {"numberValue": 1}}]}], "fields": "*"}

        def append(_: int) -> None:
            one = Sheet.__new__(Sheet)
            one.url, one.session = sheet.url, google.session()
            one.batch({"appendCells": body}) if cells else one.append("Sheet1", [[1]])

        parallel(12, append)
        assert len(sheet.get()) in kept


@pytest.mark.parametrize(("races", "kept"), [(Races(window=0.2), 5), (Races.none(), 6)])
def test_parallel_insertions_may_write_into_a_neighbours_row(races: Races, kept: int) -> None:
    """A row that two insert at one place is lost by default in part; in the kind reading both have their own."""
    with GoogleSheets(races=races) as google:
        sheet = Sheet(google)

        def insert(number: int) -> None:
            one = Sheet.__new__(Sheet)
            one.url, one.session = sheet.url, google.session()
            cell = {"userEnteredValue": {"numberValue": number}}
            start = {"sheetId": 0, "rowIndex": 1, "columnIndex": 0}
            one.batch(
                {"insertDimension": {"range": {"sheetId": 0, "dimension": "ROWS", "startIndex": 1, "endIndex": 2}}},
                {"updateCells": {"start": start, "rows": [{"values": [cell]}], "fields": "userEnteredValue"}},
            )

        parallel(6, insert)
        rows = [row for row in sheet.get() if row]
        assert len(rows) == 6 if kept == 6 else len(rows) <= kept


def test_a_share_of_requests_fails_and_the_same_ones_each_time(sheet: Sheet) -> None:
    """About the asked-for share is hit, drawn from a seed."""

    def statuses() -> list[int]:
        sheet.google.faults.share(0.3, [kind for kind in MIXED if kind.status], seed=3)
        return [sheet.session.get(sheet.url).status_code for _ in range(60)]

    first = statuses()
    assert first == statuses()
    assert 8 < sum(status != 200 for status in first) < 30


def test_the_log_counts_requests(sheet: Sheet) -> None:
    """Every request is logged with its kind and status."""
    sheet.put("A1", [[1]])
    sheet.get()
    sheet.google.client().list_spreadsheet_files()
    log = sheet.google.log
    assert (log.count("write"), log.count("read"), log.count("drive"), log.count()) == (1, 1, 1, 3)
    assert log[0].json() == {"values": [[1]]}
    assert [one.status for one in log] == [200, 200, 200]


def test_it_runs_by_hand() -> None:
    """``python -m experiment_sheet.testing.google`` serves on a port and says where."""
    command = [sys.executable, "-m", "experiment_sheet.testing.google", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        try:
            assert "http://127.0.0.1:" in program.stdout.readline()
            answer = requests.get(program.stdout.readline().split()[-1], timeout=10)
            assert answer.json()["properties"]["title"] == "runs"
        finally:
            program.terminate()
