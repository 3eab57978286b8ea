"""The emulator beyond the recordings: values as the API's reference says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from google_sheet import Sheet

from experiment_sheet.testing.google import GoogleSheets


@pytest.fixture
def google() -> Iterator[GoogleSheets]:
    """An emulator."""
    with GoogleSheets(seed=1) as running:
        yield running


@pytest.fixture
def sheet(google: GoogleSheets) -> Sheet:
    """An empty spreadsheet of it."""
    return Sheet(google)


def message(answer: Any) -> str:
    """Message of an error."""
    return str(answer["error"]["message"])


@pytest.mark.parametrize(
    ("typed", "shown", "value"),
    [
        ("0042", "42", 42),
        ("1,234.5", "1,234.50", 1234.5),
        ("12.5%", "12.50%", 0.125),
        ("$3", "$3", 3),
        ("2020-01-01", "2020-01-01", 43831),
        ("1/2/1999", "1/2/1999", 36162),
        ("12:30", "12:30", 0.5208333333333334),
        ("1e-5", "1.00E-05", 1e-5),
        ("true", "TRUE", True),
        ("'=1+1", "=1+1", "=1+1"),
        ("=4/2", "2", 2),
        ("=1/0", "#DIV/0!", "#DIV/0!"),
        ("=nope(1)", "#NAME?", "#NAME?"),
        ("=1/3", "0.3333333333", 1 / 3),
        ("12e4", "1.20E+05", 120000),
        ("inf", "inf", "inf"),
        ("r_2024-1a", "r_2024-1a", "r_2024-1a"),
    ],
)
def test_typed_text_is_read_as_the_page_reads_it(sheet: Sheet, typed: str, shown: str, value: object) -> None:
    """USER_ENTERED parses numbers, percentages, money, dates, booleans and formulas; RAW doesn't."""
    sheet.put("A1", [[typed]], "USER_ENTERED")
    assert sheet.get("A1") == [[shown]]
    assert sheet.get("A1", valueRenderOption="UNFORMATTED_VALUE") == [[value]]
    sheet.put("A1", [[typed]])
    assert sheet.get("A1", valueRenderOption="UNFORMATTED_VALUE") == [[typed]]


def test_a_locale_with_decimal_commas_reads_and_shows_them(sheet: Sheet) -> None:
    """In de_DE "1,5" is a number, "1.5" is none, and numbers show a comma."""
    sheet.batch({"updateSpreadsheetProperties": {"properties": {"locale": "de_DE"}, "fields": "locale"}})
    sheet.put("A1", [["1,5", 0.25]], "USER_ENTERED")
    assert sheet.get("A1:B1") == [["1,5", "0,25"]]
    assert sheet.get("A1:B1", valueRenderOption="UNFORMATTED_VALUE") == [[1.5, 0.25]]


def test_date_options(sheet: Sheet) -> None:
    """Unformatted dates are serial numbers, or text if asked for."""
    sheet.put("A1", [["2020-01-01", 0.12, "=A1"]], "USER_ENTERED")
    query = {"valueRenderOption": "UNFORMATTED_VALUE"}
    assert sheet.get("A1:C1", **query) == [[43831, 0.12, 43831]]
    assert sheet.get("A1:C1", **query, dateTimeRenderOption="FORMATTED_STRING") == [["2020-01-01", 0.12, "2020-01-01"]]


def test_null_is_skipped_and_empty_text_clears(sheet: Sheet) -> None:
    """Null leaves a cell alone, the empty text clears it."""
    sheet.put("A1", [[1, 2]])
    assert sheet.put("A1", [[None, ""]])["updatedCells"] == 1
    assert sheet.get() == [["1"]]


@pytest.mark.parametrize(
    ("where", "rows", "said"),
    [
        ("A1:B1", [[1, 2, 3]], "Requested writing within range [Sheet1!A1:B1], but tried writing to column [C]"),
        ("A1:B1", [[1], [2]], "Requested writing within range [Sheet1!A1:B1], but tried writing to row [2]"),
        ("A1001", [[1]], "Range (Sheet1!A1001) exceeds grid limits. Max rows: 1000, max columns: 26"),
        ("Nope!A1", [[1]], "Unable to parse range: Nope!A1"),
        ("A1", [["x" * 50_001]], "Your input contains more than the maximum of 50000 characters in a single cell."),
    ],
)
def test_refused_writes_say_what_google_says_and_change_nothing(
    sheet: Sheet, where: str, rows: list[list[Any]], said: str
) -> None:
    """A refused write is a 400 with Google's words, and nothing of it is written."""
    answer = sheet.put(where, rows)
    assert answer["error"] == {"code": 400, "message": said, "status": "INVALID_ARGUMENT"}
    assert sheet.get() == []


@pytest.mark.parametrize(
    ("where", "table", "written"),
    [
        ("Sheet1", "B4:D6", "B7"),
        ("C5:D5", "B4:D6", "B7"),
        ("B2:D4", "B4:D6", "B7"),
        ("A3:G10", "B4:D6", "B7"),
        ("A1", "A1:C2", "A3"),
        ("E4", None, "E4"),
        ("A4", None, "A4"),
    ],
)
def test_append_finds_the_tables_of_the_guide(sheet: Sheet, where: str, table: str | None, written: str) -> None:
    """Each example of the guide "Append values" ends where the guide says."""
    sheet.put("A1:C2", [[1, 2, 3]] * 2)
    sheet.put("B4:D6", [[1, 2, 3]] * 3)
    answer = sheet.append(where, [[9]])
    assert answer.get("tableRange") == (table and f"Sheet1!{table}")
    assert answer["updates"]["updatedRange"] == f"Sheet1!{written}"


def test_appended_rows_drift_right_behind_a_blank_cell(sheet: Sheet) -> None:
    """A blank cell splits a row in two tables, and the next row goes below the second."""
    sheet.append("Sheet1", [["a", "", "c"]])
    assert sheet.append("Sheet1", [["a", "", "c"]])["updates"]["updatedRange"] == "Sheet1!C2:E2"


def test_insert_rows_pushes_down_what_stands_below(sheet: Sheet) -> None:
    """OVERWRITE writes over what stands below a table, INSERT_ROWS moves it."""
    sheet.put("A1:A4", [["head"], [1], [None], ["note"]])
    sheet.append("A1", [[2], [3]], insertDataOption="INSERT_ROWS")
    assert sheet.get() == [["head"], ["1"], ["2"], ["3"], [], ["note"]]
    sheet.append("A1", [[4], [5]])
    assert sheet.get()[4:] == [["4"], ["5"]]


def test_append_grows_a_full_grid(sheet: Sheet) -> None:
    """At the end of the grid appending adds rows."""
    sheet.put("A1000", [["last"]])
    assert sheet.append("A1000", [[1]])["updates"]["updatedRange"] == "Sheet1!A1001"
    assert sheet.google.spreadsheet(sheet.key).tabs[0].grid["rowCount"] == 1001


def test_numbers_are_doubles_and_whole_ones_come_without_a_point(sheet: Sheet) -> None:
    """Integers beyond 2**53 lose digits, as in the service; 2.0 comes back as 2."""
    sheet.put("A1", [[2**53 + 1, 2.0, 0.1]])
    sheet.put("D1", [["=4/2"]], "USER_ENTERED")
    values = sheet.get(valueRenderOption="UNFORMATTED_VALUE")[0]
    assert values == [2**53, 2, 0.1, 2]
    assert [type(value) for value in values] == [int, int, float, int]
