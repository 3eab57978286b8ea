"""What people, accounts and Google itself do to a sheet: each ends in one clear error, and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from google.auth.exceptions import RefreshError
from google_target import LOSS, LR, STATUS, backend_of, grid_of, rows_of, served, worksheet, write

import experiment_sheet as es
from experiment_sheet.backends.base import Target
from experiment_sheet.backends.gsheet import GoogleBackend
from experiment_sheet.backends.gsheet.problems import told
from experiment_sheet.columns import Column
from experiment_sheet.errors import SheetBusy, SheetError, SheetMissing, SheetRefused
from experiment_sheet.testing.google import GoogleSheets, Teammate

START = {f"run-{at}": {LR: at / 10, LOSS: float(at), STATUS: "running"} for at in range(1, 4)}


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Iterator[GoogleSheets]:
    yield from served(monkeypatch)


@pytest.fixture
def key(google: GoogleSheets) -> str:
    """A spreadsheet with three runs in its tab."""
    key = google.create("my experiments")
    write(key, START, new=[*START])
    return key


def refused(key: str, kind: type[SheetError], *words: str) -> None:
    """A write of a change and of a new row is refused; the error says all these words."""
    with pytest.raises(kind) as caught:
        write(key, {"run-1": {LOSS: 0.5}, "run-4": {LR: 0.4}}, new=["run-4"], last={"run-1": {LOSS: [1.0]}})
    for word in words:
        assert word in str(caught.value)


def arrives(google: GoogleSheets, key: str) -> None:
    """The same write succeeds."""
    write(key, {"run-1": {LOSS: 0.5}, "run-4": {LR: 0.4}}, new=["run-4"], last={"run-1": {LOSS: [1.0]}})
    found = {row["run_id"]: row for row in rows_of(google, key)}
    assert [*found] == ["run-1", "run-2", "run-3", "run-4"]
    assert (found["run-1"]["loss"], found["run-4"]["lr"]) == (0.5, 0.4)


# Who may


@pytest.mark.parametrize("call", [GoogleBackend.read, GoogleBackend.mark])
def test_a_wrong_key_says_so(google: GoogleSheets, call: Callable[[GoogleBackend], object]) -> None:
    """A spreadsheet that doesn't exist is named, and the address doubted."""
    with pytest.raises(SheetMissing, match=r"1nosuchkey.*check the address"):
        call(backend_of("1nosuchkey"))
    refused("1nosuchkey", SheetMissing, "1nosuchkey", "check the address")


def test_a_sheet_that_is_not_shared_names_the_account(google: GoogleSheets) -> None:
    """Without permission the message says with whom to share, as what."""
    key = google.create("private", owner="somebody@example.org")
    refused(key, SheetRefused, key, "Share", "Editor")


def test_a_sheet_shared_for_reading_can_be_read(google: GoogleSheets, key: str) -> None:
    """A reader reads; a write asks to be made an editor."""
    google.accounts.tokens["reader"] = "reader@example.org"
    google.drive.files[key].permissions.append({"type": "user", "role": "reader", "emailAddress": "reader@example.org"})
    google.accounts.default = "reader@example.org"
    assert len(backend_of(key).read().rows) == 3
    refused(key, SheetRefused, "my experiments", "Editor")


def test_revoked_credentials(google: GoogleSheets, key: str) -> None:
    """A key that was deleted while a training runs is told from a sheet that isn't there."""
    google.accounts.revoked.add(google.accounts.default)
    refused(key, SheetRefused, key, "revoked", "new key")
    google.accounts.revoked.clear()
    arrives(google, key)


def test_an_api_that_is_switched_off(google: GoogleSheets, key: str) -> None:
    """Without the Sheets API Google's own link is shown; without Drive everything works."""
    google.accounts.disabled.add("sheets")
    refused(key, SheetRefused, "switched off", "console.developers.google.com")
    google.accounts.disabled = {"drive"}
    arrives(google, key)


def test_a_clock_that_is_wrong_is_suspected() -> None:
    """Google refuses tokens that are signed at another time of day; the message says where to look."""
    said = "invalid_grant: Invalid JWT: Token must be a short-lived token and in a reasonable timeframe."
    with pytest.raises(SheetRefused, match=r"my sheet.*clock"), told("my sheet"):
        raise RefreshError(said)


def test_a_service_ahead_of_this_machine(google: GoogleSheets, key: str) -> None:
    """Nothing depends on whose clock is right."""
    google.clock.advance(10 * 365 * 86_400.0)
    arrives(google, key)


# Where it is


def test_a_missing_tab_is_made(google: GoogleSheets, key: str) -> None:
    """A tab of a new name is made with the first row; one that is meant by number can't be."""
    backend_of(key, "Ablations").write({"run-1": {LR: 1}}, new=["run-1"])
    assert rows_of(google, key, "Ablations") == [{"run_id": "run-1", "lr": 1}]
    with pytest.raises(SheetMissing, match="gid=77"):
        backend_of(key, "gid=77").write({"run-1": {LR: 1}}, new=["run-1"])


def test_a_tab_named_by_its_address(google: GoogleSheets, key: str) -> None:
    """The number in an address finds the tab, whatever its name."""
    number = worksheet(google, key).id
    google.teammate(key, "runs").rename_tab("a 'tab'!")
    address = f"https://docs.google.com/spreadsheets/d/{key}/edit?gid={number}#gid={number}"
    assert len(es.Sheet(address).read()) == 3


def test_without_a_tab_the_sheet_s_own_is_meant(google: GoogleSheets, key: str) -> None:
    """A target without tab is the one that was logged into; of a spreadsheet of people's, the first."""
    assert len(GoogleBackend(Target("gsheet", key)).read().rows) == 3
    other = google.create("new")
    GoogleBackend(Target("gsheet", other)).write({"run-1": {LR: 1}}, new=["run-1"])
    assert rows_of(google, other, "Sheet1") == [{"run_id": "run-1", "lr": 1}]


def test_a_tab_that_was_deleted_is_made_again_for_a_new_row(google: GoogleSheets, key: str) -> None:
    """Known rows are reported as missing by nobody: without the tab only what is new is written."""
    google.teammate(key, "runs").delete_tab()
    with pytest.raises(SheetMissing, match="is not there"):
        write(key, {"run-1": {LOSS: 0.5}})
    assert backend_of(key).mark() is None
    write(key, {"run-4": {LR: 0.4}}, new=["run-4"])
    assert rows_of(google, key) == [{"run_id": "run-4", "lr": 0.4}]


def test_a_spreadsheet_that_was_deleted(google: GoogleSheets, key: str) -> None:
    """One that is gone for good is missing."""
    google.teammate(key, "runs").delete_spreadsheet()
    refused(key, SheetMissing, key, "deleted")


def test_a_spreadsheet_in_the_bin(google: GoogleSheets, key: str) -> None:
    """Google would take rows in the bin, and delete them after thirty days: nothing is written until it is restored."""
    google.teammate(key, "runs").bin_spreadsheet()
    before = grid_of(google, key)
    refused(key, SheetRefused, "my experiments", "bin", "restore")
    assert grid_of(google, key) == before
    google.drive.files[key].trashed = False
    arrives(google, key)


# What became of it


def test_a_header_row_that_was_deleted(google: GoogleSheets, key: str) -> None:
    """No row of data is taken for the header; after Undo the rows arrive."""
    mate = google.teammate(key, "runs")
    head = mate.grid()[0]
    mate.delete_row(1)
    before = grid_of(google, key)
    refused(key, SheetRefused, "my experiments", "'runs'", "header row", "Undo")
    with pytest.raises(SheetRefused, match="header row"):
        backend_of(key).read()
    assert grid_of(google, key) == before
    mate.insert_row(1, head)
    arrives(google, key)


def test_a_run_id_column_that_was_deleted(google: GoogleSheets, key: str) -> None:
    """Without it no row can be found, and none is doubled; reading goes on."""
    mate = google.teammate(key, "runs")
    mate.delete_column("run_id")
    before = grid_of(google, key)
    refused(key, SheetRefused, "'runs'", "run_id", "Undo")
    assert grid_of(google, key) == before
    assert len(backend_of(key).read().rows) == 3
    mate.insert_column(0, "run_id", ["run-1", "run-2", "run-3"])
    arrives(google, key)


@pytest.mark.parametrize("slip", [False, True])
def test_a_table_and_back_to_a_range(google: GoogleSheets, key: str, slip: bool) -> None:
    """Whether people make a table of the rows, or a range of the table, nothing changes for the library."""
    mate = google.teammate(key, "runs")
    where = {"sheetId": worksheet(google, key).id, "startRowIndex": 0, "endRowIndex": 4, "endColumnIndex": 19}
    table = {"addTable": {"table": {"name": "Runs", "tableId": "t1", "range": where | {"startColumnIndex": 0}}}}
    google.faults.between(lambda: mate.send(table), path="batchUpdate") if slip else mate.send(table)
    write(key, {"run-2": {LOSS: 0.25}}, last={"run-2": {LOSS: [2.0]}})
    without = {"tables": [], "rows": google.spreadsheet(key).tabs[1].rows}
    google.spreadsheet(key).tabs[1].parts["tables"] = without["tables"]
    arrives(google, key)


def test_protected_cells(google: GoogleSheets, key: str) -> None:
    """A protection against this account is named with its menu; nothing is written in part."""
    google.drive.files[key].permissions[0]["emailAddress"] = "owner@example.org"
    google.spreadsheet(key).owner = "owner@example.org"
    google.drive.files[key].permissions.append(
        {"type": "user", "role": "writer", "emailAddress": google.accounts.default}
    )
    mate = google.teammate(key, "runs")
    mate.protect(2, "loss")
    before = grid_of(google, key)
    refused(key, SheetRefused, "'runs'", "protected", "Data > Protected sheets and ranges")
    assert grid_of(google, key) == before
    google.spreadsheet(key).tabs[1].parts["protectedRanges"] = []
    arrives(google, key)


def test_a_sheet_that_is_full(google: GoogleSheets, key: str) -> None:
    """Ten million cells are all that Google takes, blank ones too: the message says what to delete."""
    used = google.spreadsheet(key).tabs[1].grid
    google.spreadsheet(key).tabs[0].grid["rowCount"] = (10_000_000 - used["rowCount"] * used["columnCount"]) // 26
    refused(key, SheetRefused, "full", "10000000", "delete blank rows")
    google.spreadsheet(key).tabs[0].grid["rowCount"] = 1000
    arrives(google, key)


def test_metadata_that_has_no_room_any_more(google: GoogleSheets, key: str) -> None:
    """Where other programs have used up the space for metadata, headers say which column is which."""
    sheet_id = worksheet(google, key).id
    item = {"metadataKey": "other", "metadataValue": "x" * 29_000, "visibility": "DOCUMENT"}
    google.teammate(key, "runs").send(
        {"createDeveloperMetadata": {"developerMetadata": item | {"location": {"sheetId": sheet_id}}}}
    )
    columns = {Column("output", f"metric_{at}_of_a_long_name_indeed"): at for at in range(40)}
    written = write(key, {"run-4": columns}, new=["run-4"])
    backend = backend_of(key)
    backend.known = written.known
    table = backend.read()
    found = dict(zip(table.columns, table.rows[-1], strict=True))
    assert {column: found[column] for column in columns} == columns
    arrives_after = {"run-1": {next(iter(columns)): -1}}
    assert not backend.write(arrives_after).kept


def test_a_locale_with_decimal_commas(google: GoogleSheets) -> None:
    """Numbers are numbers in every locale, and what people type there is read as they mean it."""
    key = google.create("Versuche")
    google.spreadsheet(key).properties["locale"] = "de_DE"
    write(key, START, new=[*START])
    google.teammate(key, "runs").type(2, "loss", "0,125")
    table = backend_of(key).read()
    place = table.columns.index(LOSS)
    assert [row[place] for row in table.rows] == [0.125, 2, 3]
    assert rows_of(google, key)[2]["lr"] == 0.3
    written = write(
        key, {"run-2": {LOSS: 1234.5}, "run-1": {LOSS: 9.0}}, last={run: {LOSS: [1.0, 2.0]} for run in START}
    )
    assert written.kept == {"run-1": {LOSS: 0.125}}
    assert rows_of(google, key)[1]["loss"] == 1234.5


def test_an_answer_that_is_none_of_google_s(google: GoogleSheets, key: str) -> None:
    """A login page of a network in between is no sheet, and says so."""
    google.faults.answer(511, message="<html>please log in</html>", times=1000)
    with pytest.raises(SheetBusy, match="Google has trouble"):
        backend_of(key, patience=0.5).read()


@pytest.mark.parametrize("trouble", ["header", "run_id", "bin", "tab", "revoked"])
def test_training_goes_on_and_the_rows_wait(
    google: GoogleSheets, key: str, trouble: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever is wrong, logging raises nothing, says it once, and the rows arrive when it is mended."""
    sheet = es.Sheet(f"gsheet://{key}/runs")
    sheet.append({"lr": 0.1, "loss": 1.0})
    sheet.sync(wait=10)
    mate: Teammate = google.teammate(key, "runs")
    saved = google.spreadsheet(key).snapshot()
    {
        "header": lambda: mate.delete_row(1),
        "run_id": lambda: mate.delete_column("run_id"),
        "bin": mate.bin_spreadsheet,
        "tab": mate.delete_tab,
        "revoked": lambda: google.accounts.revoked.add(google.accounts.default),
    }[trouble]()
    caplog.clear()
    sheet.append({"lr": 0.2, "loss": 0.5})
    sheet.sync(wait=10)
    if trouble != "tab":
        assert len([r for r in caplog.records if r.levelname == "WARNING"]) == 1
    google.spreadsheet(key).restore(saved)
    google.drive.files[key].trashed = False
    google.accounts.revoked.clear()
    assert sheet.sync(wait=10) == 0
    assert sorted(row["lr"] for row in rows_of(google, key)) == [0.1, 0.1, 0.2, 0.2, 0.3]
