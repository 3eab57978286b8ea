"""What only Google itself can tell: ``pytest --live-google URL tests/test_google_live.py -s``.

URL is a spreadsheet that your credentials (docs/google.md) may edit. Every test works in a tab of its own and removes
it. Tests whose name begins with `test_it_is_so` hold what the library relies on, and fail where Google does otherwise.
Those of `test_which_reading` fail never: they say how Google reads what its reference leaves open, the switches of
`experiment_sheet.testing.google.Races`, which the library does not rely on.
"""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import experiment_sheet as es
from experiment_sheet import google
from experiment_sheet.backends.gsheet.access import access
from experiment_sheet.backends.gsheet.service import Service
from experiment_sheet.backends.registry import parse
from experiment_sheet.testing import GoogleSheets
from experiment_sheet.testing.google import Races

SETTINGS = {name: text for name, text in os.environ.items() if name.startswith("EXPERIMENT_SHEET_GOOGLE")}
"""What the person said, before a test's clean environment took it away."""

AT_ONCE = 12

_titles: set[str] = set()

APART = ("these_tests", "an_id_is_taken_once")
"""Not run against the emulator: themselves, and what it doesn't refuse though the reference says Google does."""


class Tab:
    """A tab of the person's spreadsheet, and raw requests."""

    def __init__(self, key: str) -> None:
        self.key, self.title = key, f"test {uuid.uuid4().hex[:8]}"
        made = self.send({"addSheet": {"properties": {"title": self.title, "gridProperties": {"rowCount": 60}}}})
        self.id: int = made["replies"][0]["addSheet"]["properties"]["sheetId"]
        self.target = f"gsheet://{key}/{self.title}"

    def post(self, path: str, body: Any, **query: str) -> Any:
        """Send a request, without any repetition."""
        account = access()
        url = f"{account.sheets}/v4/spreadsheets/{self.key}{path}"
        return account.session().request("POST", url, json=body, params=query, timeout=60)

    def send(self, *requests: Any, **more: Any) -> Any:
        """Apply a batch, and answer what came back."""
        found = self.post(":batchUpdate", {"requests": list(requests), **more})
        assert found.status_code == 200, found.text
        return found.json()

    def values(self, area: str = "A1:Z60") -> list[list[Any]]:
        """What the tab holds."""
        query = {"valueRenderOption": "UNFORMATTED_VALUE"}
        found = Service(access()).sheets("GET", f"{self.key}/values/'{self.title}'!{area}", query=query, kind="read")
        rows: list[list[Any]] = found.get("values", [])
        return rows

    def put(self, row: int, *texts: str) -> dict[str, Any]:
        """A request that writes text into a row."""
        cells = [{"userEnteredValue": {"stringValue": text}} for text in texts]
        start = {"sheetId": self.id, "rowIndex": row, "columnIndex": 0}
        return {"updateCells": {"start": start, "rows": [{"values": cells}], "fields": "userEnteredValue"}}

    def span(self, dimension: str, start: int, end: int) -> dict[str, Any]:
        """Some rows or columns."""
        return {"sheetId": self.id, "dimension": dimension, "startIndex": start, "endIndex": end}

    def named(self, turn: str, name: str | None = None) -> dict[str, Any]:
        """A request that adds a named range with an id of our own."""
        area = {"sheetId": self.id, "startRowIndex": 0, "endRowIndex": 1}
        return {"addNamedRange": {"namedRange": {"namedRangeId": turn, "name": name or f"r_{turn}", "range": area}}}

    def metadata(self, number: int, dimension: str, at: int) -> dict[str, Any]:
        """A request that attaches metadata to a row or column."""
        where = {"dimensionRange": self.span(dimension, at, at + 1)}
        item = {"metadataId": number, "metadataKey": "live", "visibility": "DOCUMENT", "location": where}
        return {"createDeveloperMetadata": {"developerMetadata": item}}

    def found(self, number: int) -> dict[str, Any]:
        """Where metadata is now."""
        body = {"dataFilters": [{"developerMetadataLookup": {"metadataId": number}}]}
        items = self.post("/developerMetadata:search", body).json()["matchedDeveloperMetadata"]
        where: dict[str, Any] = items[0]["developerMetadata"]["location"]["dimensionRange"]
        return where


@pytest.fixture
def tab(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tab]:
    """A new tab in the person's spreadsheet, removed afterwards."""
    url = request.config.getoption("--live-google")
    if not url:
        pytest.skip(
            "needs Google itself: pytest --live-google URL, the address of a spreadsheet that it may write into"
        )
    for name, text in SETTINGS.items():
        monkeypatch.setenv(name, text)
    new = Tab(parse(url).path)
    _titles.add(new.title)
    yield new
    book = Service(access()).sheets("GET", new.key, query={"fields": "sheets.properties"}, kind="read")
    made = [tab["properties"]["sheetId"] for tab in book["sheets"] if tab["properties"]["title"] in _titles]
    new.send(*({"deleteSheet": {"sheetId": one}} for one in made))  # a `sync` makes an earlier one anew


def number() -> int:
    """A metadataId that nobody has."""
    return uuid.uuid4().int % 2**30


def say(text: str) -> None:
    """Tell the person; `-s` shows it."""
    sys.stdout.write(f"\n  {text}\n")


# What the library does there


def test_check_finds_all_well(tab: Tab) -> None:
    """`google check` may read and write; its write that deletes nothing is answered."""
    report = google.check(tab.target)
    assert (report.can_read, report.can_write, report.error, report.todo) == (True, True, "", "")


def test_runs_come_back_as_they_were_logged(tab: Tab) -> None:
    """Types, text that looks like formulas and numbers, people's later words: all of it is read as it was written."""
    values = {
        "lr": 1e-05,
        "epochs": 10,
        "amp": True,
        "name": "=1+1",
        "zip": "007",
        "loss": float("nan"),
        "acc": 0.1 + 0.2,
    }
    run = es.log_run(tab.target, values, notes="'quoted")
    sheet = es.Sheet(tab.target)
    assert sheet.sync() == 0
    row = sheet.read().loc[run]
    assert row["loss"] != row["loss"]
    assert {key: row[key] for key in values if key != "loss"} == {k: v for k, v in values.items() if k != "loss"}
    assert row["notes"] == "'quoted"
    assert sheet.update(run, {"verdict": "confirmed", "acc": 0.5})
    assert (sheet.read().loc[run, "acc"], sheet.read().loc[run, "verdict"]) == (0.5, "confirmed")


def test_processes_at_once_keep_their_rows(tab: Tab) -> None:
    """Some processes that log at once each keep their row, once, with their own new column."""
    program = (
        "import sys, experiment_sheet as es; es.log_run(sys.argv[1], {'n': int(sys.argv[2]), 'own' + sys.argv[2]: 1})"
    )
    lines = [[sys.executable, "-c", program, tab.target, str(n)] for n in range(4)]
    running = [subprocess.Popen(line, env=os.environ | {"EXPERIMENT_SHEET_WAIT": "120"}) for line in lines]
    assert [process.wait() for process in running] == [0] * 4
    es.Sheet(tab.target).sync()
    frame = es.Sheet(tab.target).read()
    assert sorted(frame["n"]) == [0, 1, 2, 3]
    assert {f"own{n}" for n in range(4)} <= set(frame)


def test_teammates_sort_rename_and_move(tab: Tab) -> None:
    """After a sort, a renamed header and a moved column an update finds its cell."""
    runs = [es.log_run(tab.target, {"lr": lr, "acc": lr}) for lr in (3, 1, 2)]
    sheet = es.Sheet(tab.target)
    sheet.sync()
    at = [*tab.values()[0]].index("acc")
    area = {"sheetId": tab.id, "startRowIndex": 1}
    rename = tab.put(0, "accuracy of ours")
    rename["updateCells"]["start"]["columnIndex"] = at
    tab.send(
        {"sortRange": {"range": area, "sortSpecs": [{"dimensionIndex": at, "sortOrder": "ASCENDING"}]}},
        rename,
        {"moveDimension": {"source": tab.span("COLUMNS", at, at + 1), "destinationIndex": 0}},
    )
    assert sheet.update(runs[0], {"acc": 30})
    assert list(sheet.read().loc[runs, "acc"]) == [30, 1, 2]
    assert tab.values()[0][0] == "accuracy of ours"


def test_copy_there_and_back(tab: Tab) -> None:
    """A file goes there and comes back; twice is once."""
    for lr in (0.1, 0.2):
        es.log_run("runs.csv", {"lr": lr, "acc": 1 - lr})
    assert len(es.copy_sheet("runs.csv", tab.target).added) == 2
    assert es.copy_sheet("runs.csv", tab.target).added == []
    es.copy_sheet(tab.target, "back.csv")
    assert list(es.Sheet("back.csv").read()["acc"]) == [0.9, 0.8]


# What it relies on there


def test_it_is_so_that_a_batch_is_all_or_nothing(tab: Tab) -> None:
    """A batch whose last request can't be applied changes nothing."""
    wrong = {"addSheet": {"properties": {"title": tab.title}}}
    assert tab.post(":batchUpdate", {"requests": [tab.put(0, "first"), wrong]}).status_code == 400
    assert tab.values() == []


def test_it_is_so_that_an_id_is_taken_once(tab: Tab) -> None:
    """A named range with an id that exists is refused whatever its name, and its batch with it."""
    turn = f"es_{number()}"
    tab.send(tab.named(turn), tab.put(0, "one"))
    assert tab.post(":batchUpdate", {"requests": [tab.named(turn, "r_other"), tab.put(0, "two")]}).status_code == 400
    assert tab.values() == [["one"]]
    tab.send({"deleteNamedRange": {"namedRangeId": turn}})


def test_it_is_so_that_a_turn_is_taken_once(tab: Tab) -> None:
    """A batch that hands a turn on can't be applied a second time: the turn it takes away is gone."""
    one, two = f"es_{number()}", f"es_{number()}"
    tab.send(tab.named(one, "r_turn"))
    batch = [{"deleteNamedRange": {"namedRangeId": one}}, tab.named(two, "r_turn"), tab.put(0, "applied")]
    tab.send(*batch)
    tab.send(tab.put(0, "a teammate's"))
    assert tab.post(":batchUpdate", {"requests": batch}).status_code == 400
    assert tab.values() == [["a teammate's"]]
    tab.send({"deleteNamedRange": {"namedRangeId": two}})


def test_it_is_so_that_one_of_many_takes_a_turn(tab: Tab) -> None:
    """Of batches at once that take the same turn exactly one is applied, whole."""
    turn = f"es_{number()}"
    bodies = [{"requests": [tab.named(turn), tab.put(n, f"row {n}")]} for n in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        codes = [answer.status_code for answer in pool.map(lambda body: tab.post(":batchUpdate", body), bodies)]
    assert codes.count(200) == 1, codes
    assert sum(map(bool, tab.values())) == 1
    tab.send({"deleteNamedRange": {"namedRangeId": turn}})


def test_it_is_so_that_an_answer_shows_what_was_made(tab: Tab) -> None:
    """A batch that asks for it is answered with the cells as they are after it."""
    ranges = [f"'{tab.title}'!A1:B2"]
    asked = {"includeSpreadsheetInResponse": True, "responseRanges": ranges, "responseIncludeGridData": True}
    answer = tab.send(tab.put(0, "a", "=1+1"), **asked)
    row = answer["updatedSpreadsheet"]["sheets"][0]["data"][0]["rowData"][0]["values"]
    assert [cell["userEnteredValue"] for cell in row[:2]] == [{"stringValue": "a"}, {"stringValue": "=1+1"}]


def test_it_is_so_that_metadata_goes_with_its_column(tab: Tab) -> None:
    """Developer metadata stays with a column that is moved, and that others are inserted before."""
    one = number()
    tab.send(tab.metadata(one, "COLUMNS", 2))
    tab.send({"insertDimension": {"range": tab.span("COLUMNS", 0, 1), "inheritFromBefore": False}})
    assert tab.found(one)["startIndex"] == 3
    tab.send({"moveDimension": {"source": tab.span("COLUMNS", 3, 4), "destinationIndex": 0}})
    assert tab.found(one).get("startIndex", 0) == 0


def test_it_is_so_that_numbers_are_kept_exactly(tab: Tab) -> None:
    """Numbers come back with all their digits."""
    numbers = [0.1 + 0.2, 1e-300, 2**53 - 1, 123456789.123456789]
    cells = [{"userEnteredValue": {"numberValue": value}} for value in numbers]
    start = {"sheetId": tab.id, "rowIndex": 0, "columnIndex": 0}
    tab.send({"updateCells": {"start": start, "rows": [{"values": cells}], "fields": "userEnteredValue"}})
    assert tab.values() == [numbers]


def test_it_is_so_that_protection_is_told(tab: Tab) -> None:
    """Who may edit a protected range is told so, or not: what `google check` reads."""
    area = {"sheetId": tab.id, "startRowIndex": 0, "endRowIndex": 1}
    made = tab.send({"addProtectedRange": {"protectedRange": {"range": area}}})
    assert made["replies"][0]["addProtectedRange"]["protectedRange"]["requestingUserCanEdit"]
    assert google.check(tab.target).todo == ""


# How it reads what its reference leaves open


def at_once(tab: Tab, bodies: Sequence[tuple[str, Any, dict[str, str]]]) -> int:
    """Send requests at once, and count the rows that are there afterwards, of those that were answered with 200."""
    with ThreadPoolExecutor(len(bodies)) as pool:
        answers = list(pool.map(lambda one: tab.post(one[0], one[1], **one[2]), bodies))
    done = sum(answer.status_code == 200 for answer in answers)
    texts = [cell for row in tab.values() for cell in row if cell != ""]
    say(f"{done} were answered well, {len(set(texts))} are there, {len(texts) - len(set(texts))} doubled")
    return len(set(texts))


def test_which_reading_of_metadata_ids(tab: Tab) -> None:
    """`Races.metadata_ids_unique`: is a metadataId that exists refused?"""
    one = number()
    tab.send(tab.metadata(one, "COLUMNS", 0))
    refused = tab.post(":batchUpdate", {"requests": [tab.metadata(one, "COLUMNS", 1)]}).status_code != 200
    say(f"metadata_ids_unique={refused}")


def test_which_reading_of_metadata_and_sort(tab: Tab) -> None:
    """`Races.metadata_follows_sort`: does a row's metadata go along when people sort?"""
    one = number()
    tab.send(tab.put(0, "b"), tab.put(1, "a"), tab.metadata(one, "ROWS", 0))
    area = {"sheetId": tab.id, "startRowIndex": 0, "endRowIndex": 2}
    tab.send({"sortRange": {"range": area, "sortSpecs": [{"dimensionIndex": 0, "sortOrder": "ASCENDING"}]}})
    say(f"metadata_follows_sort={tab.found(one).get('startIndex', 0) == 1}")


def test_which_reading_of_append_cells(tab: Tab) -> None:
    """`Races.append_cells_overlap`: are rows lost when many append cells at once?"""
    rows = [tab.put(0, f"row {n}")["updateCells"]["rows"] for n in range(AT_ONCE)]
    appends = [{"appendCells": {"sheetId": tab.id, "rows": row, "fields": "userEnteredValue"}} for row in rows]
    there = at_once(tab, [(":batchUpdate", {"requests": [one]}, {}) for one in appends])
    say(f"append_cells_overlap={there < AT_ONCE}")


def test_which_reading_of_values_append(tab: Tab) -> None:
    """`Races.appends_overlap`: are rows lost when many append values at once, as small loggers do?"""
    path, how = f"/values/'{tab.title}'!A1:append", {"valueInputOption": "RAW"}
    there = at_once(tab, [(path, {"values": [[f"row {n}"]]}, how) for n in range(AT_ONCE)])
    say(f"appends_overlap={there < AT_ONCE}")


def test_which_reading_of_inserts(tab: Tab) -> None:
    """`Races.inserts_drift`: does a batch that inserts a row and fills it hit its own row while others do the same?"""
    insert = {"insertDimension": {"range": tab.span("ROWS", 1, 2), "inheritFromBefore": False}}
    there = at_once(tab, [(":batchUpdate", {"requests": [insert, tab.put(1, f"row {n}")]}, {}) for n in range(AT_ONCE)])
    say(f"inserts_drift={there < AT_ONCE}")


def test_which_reading_of_the_quota(tab: Tab) -> None:
    """Is a 429 answered with Retry-After? Reads until there is one, at most 150 times."""
    for count in range(1, 151):
        account = access()
        url = f"{account.sheets}/v4/spreadsheets/{tab.key}"
        answer = account.session().request("GET", url, params={"fields": "spreadsheetId"}, timeout=60)
        if answer.status_code == 429:
            say(f"429 after {count} reads; Retry-After: {answer.headers.get('Retry-After')}; {answer.text[:300]}")
            return
    say("150 reads at once, and no 429")


def test_these_tests_run() -> None:
    """Against an emulator in which nothing races, every test here passes, and the tabs are gone afterwards."""
    with GoogleSheets(races=Races.none()) as service:
        key = service.create("ours")
        line = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(Path(__file__).absolute())]
        line += [
            "--live-google",
            f"https://docs.google.com/spreadsheets/d/{key}/edit",
            "-k",
            f"not {' and not '.join(APART)}",
        ]
        settings = {"EXPERIMENT_SHEET_GOOGLE_URL": service.url, "EXPERIMENT_SHEET_GOOGLE_RATE": "100000"}
        done = subprocess.run(
            line, capture_output=True, text=True, env=os.environ | settings, cwd=Path(__file__).parents[1], check=False
        )
        assert done.returncode == 0, done.stdout
        assert " skipped" not in done.stdout
        assert [tab.title for tab in service.spreadsheet(key).tabs] == ["Sheet1"]
