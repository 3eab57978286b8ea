"""Cells in Google Sheets: what is sent is typed and never a formula, and comes back as it was."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import pytest
from google_target import LOSS, LR, STATUS, backend_of, served, whole, worksheet, write
from hypothesis import given, settings
from hypothesis import strategies as st

from experiment_sheet.backends.gsheet.batch import Batch
from experiment_sheet.backends.gsheet.cells import LONGEST, cell_data, cell_of, changed_data
from experiment_sheet.backends.gsheet.mend import letters, repairs
from experiment_sheet.backends.gsheet.view import View
from experiment_sheet.columns import Column
from experiment_sheet.look import DEFAULT
from experiment_sheet.testing.cells import CELLS, cells
from experiment_sheet.values import Cell, Link, units

MODEL = Column("input", "model")


@given(cells())
@settings(max_examples=400, deadline=None)
def test_a_cell_comes_back(value: Cell) -> None:
    """CellData of any value reads as that value, but for what the format can't tell apart."""
    found = cell_of(cell_data(value, MODEL, DEFAULT))
    assert alike(value, found), (value, found)


def alike(value: Cell, found: Cell) -> bool:
    """Equal, as the module's documentation promises."""
    match value:
        case str() if value == "" or value in ("NaN", "inf", "-inf"):
            return value == "" or str(found).lower() == value.lower()
        case str() if value.lstrip("-").isascii() and value.lstrip("-").isdecimal() and len(value) > 15:
            return str(found) == value
        case Link():
            return found == value.href
        case float() if math.isnan(value):
            return isinstance(found, float) and math.isnan(found)
        case bool() | str() | None:
            return found == value and type(found) is type(value)
        case int():
            return found == value
        case float():
            return found == value
        case dt.datetime() | dt.timedelta():
            return type(found) is type(value) and abs(found - value) <= dt.timedelta(microseconds=50)
        case _:
            return found == value


@given(st.one_of(st.sampled_from(CELLS), st.text(max_size=30)))
def test_no_value_is_ever_a_formula(value: Cell) -> None:
    """Whatever a value is, it is sent as number, text or truth."""
    entered = cell_data(value, MODEL, DEFAULT).get("userEnteredValue", {"stringValue": ""})
    assert entered.keys() <= {"numberValue", "stringValue", "boolValue"}


def test_text_is_cut_to_what_a_cell_holds() -> None:
    """Text of more than 50,000 UTF-16 units ends with a mark that says how long it was."""
    sent = cell_data("🦜" * 30_000, MODEL, DEFAULT)["userEnteredValue"]["stringValue"]
    assert units(sent) <= LONGEST
    assert sent.endswith("[cut: 30,000 characters]")


@pytest.mark.parametrize(
    ("value", "kind", "pattern"),
    [
        (dt.datetime(2026, 1, 2, 3, 4), "DATE_TIME", "yyyy-mm-dd hh:mm"),
        (dt.date(2026, 1, 2), "DATE", "yyyy-mm-dd"),
        (dt.timedelta(hours=30), "TIME", "[h]:mm:ss"),
        (0.93125, "NUMBER", "0.0000"),
    ],
)
def test_formats_come_from_the_look(value: Cell, kind: str, pattern: str) -> None:
    """A value carries the number format that the look gives it, in Google's words."""
    form = cell_data(value, LOSS, DEFAULT)["userEnteredFormat"]["numberFormat"]
    assert form == {"type": kind, "pattern": pattern}


def test_a_person_s_format_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed value keeps the number format that a person gave the cell, if it shows what the value is."""
    theirs: dict[str, Any] = {"userEnteredFormat": {"numberFormat": {"type": "PERCENT", "pattern": "0.0%"}}}
    data, fields = changed_data(0.5, LOSS, DEFAULT, theirs)
    assert data["userEnteredValue"] == {"numberValue": 0.5}
    assert fields == "userEnteredValue"
    _, fields = changed_data(dt.date(2026, 1, 2), LOSS, DEFAULT, theirs)
    assert "numberFormat" in fields


def test_web_links_are_links_and_paths_are_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address can be clicked and comes back as a link; a path of a folder is the path."""
    for google in served(monkeypatch):
        key = google.create("runs")
        plots = Column("run", "plots")
        web, path = Link("https://example.org/run-a", "plots"), Link("runs_files/run-b/", "plots")
        write(key, {"run-a": {plots: web}, "run-b": {plots: path}}, new=["run-a", "run-b"])
        table = backend_of(key).read()
        place = table.columns.index(plots)
        assert [row[place] for row in table.rows] == [web, "runs_files/run-b/"]
        cell = whole(google, key)["sheets"][1]["data"][0]["rowData"][1]["values"][place]
        assert cell["hyperlink"] == web.href


def test_a_new_sheet_looks_as_the_look_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Header colours, widths, frozen header, filter, folded provenance, status colours and verdicts to choose from."""
    for google in served(monkeypatch):
        key = google.create("runs")
        write(key, {"run-a": {STATUS: "finished", LR: 0.1, LOSS: 0.5}}, new=["run-a"])
        tab = whole(google, key)["sheets"][1]
        head = worksheet(google, key).row_values(1)
        cells_of_head = tab["data"][0]["rowData"][0]["values"]
        colors = [cell["userEnteredFormat"]["backgroundColorStyle"]["rgbColor"] for cell in cells_of_head]
        assert colors[head.index("lr")] != colors[head.index("loss")] != colors[head.index("status")]
        assert all(cell["userEnteredFormat"]["textFormat"]["bold"] for cell in cells_of_head)
        assert tab["properties"]["gridProperties"]["frozenRowCount"] == 1
        assert tab["basicFilter"]["range"]["endColumnIndex"] == len(head)
        group = tab["columnGroups"][0]
        assert group["collapsed"]
        assert head[group["range"]["startIndex"] : group["range"]["endIndex"]][-1] == "run_id"
        rules = [
            rule["booleanRule"]["condition"]["values"][0]["userEnteredValue"] for rule in tab["conditionalFormats"]
        ]
        assert {"finished", "failed", "confirmed"} <= {*rules}
        verdict = tab["data"][0]["rowData"][1]["values"][head.index("verdict")]
        assert verdict["dataValidation"]["condition"]["type"] == "ONE_OF_LIST"
        widths = [column["pixelSize"] for column in tab["data"][0]["columnMetadata"]]
        assert widths[head.index("notes")] > widths[head.index("status")]


def test_letters_of_columns() -> None:
    """Columns are lettered as Google letters them."""
    assert [letters(at) for at in (0, 25, 26, 701, 702, 18_277)] == ["A", "Z", "AA", "ZZ", "AAA", "ZZZ"]


def test_a_formula_goes_back_to_its_row_as_google_would_have_moved_it() -> None:
    """A displaced formula's references follow it to the row and the columns where it stands now."""

    def cell(value: Any) -> dict[str, Any]:
        kind = "formulaValue" if str(value).startswith("=") else "stringValue"
        return {"userEnteredValue": {kind: value}} if value else {}

    def view(*rows: list[Any]) -> View:
        return View(0, "runs", [[cell(value) for value in row] for row in rows], (10, 4))

    before = view(["run_id", "x", "y"], ["run-1", "1", '=B2&$B$2&"B2"'], ["run-2", "2", "=B3"])
    batch = Batch("", cells={(2, 2): cell("ours")})
    sorted_ = view(["run_id", "x", "y"], ["run-2", "2", "=B2"], ["run-1", "1", "ours"])
    found = repairs(before, batch, sorted_, applied=True).cells
    assert [(r.place, r.right["userEnteredValue"]) for r in found] == [((2, 2), {"formulaValue": '=B3&$B$2&"B2"'})]
