"""The overview as Google's requests: taken whole by the service, and formulas that compute what an .xlsx computes."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from google_sheet import Sheet
from openpyxl.worksheet.formula import ArrayFormula
from shown_overview import shown

import experiment_sheet as es
from experiment_sheet.backends.gsheet.overview import of_overview, of_results, of_slots
from experiment_sheet.columns import Column
from experiment_sheet.look import DEFAULT
from experiment_sheet.testing.google import GoogleSheets

ACC, LOSS, MODEL = Column("output", "val_acc"), Column("output", "val_loss"), Column("input", "model")
COLUMNS = [*DEFAULT.columns, MODEL, ACC, LOSS]
ROWS = [
    {"run": f"run-{n}", "status": "finished", "model": "ab"[n % 2], "val_acc": 0.5 + n / 10, "val_loss": 1 / (n + 1)}
    for n in range(4)
]


def overview(runs: tuple[int, str] = (0, "runs")) -> list[dict[str, Any]]:
    """Requests of an overview."""
    return of_overview(7, runs, COLUMNS, DEFAULT, {MODEL})


def planned(requests: list[dict[str, Any]]) -> dict[tuple[int, int], str]:
    """Text or formula of every cell that requests write; places count from 1."""
    found = {}
    for request in requests:
        if update := request.get("updateCells"):
            start = update["start"]
            for at, value in enumerate(update["rows"][0]["values"], start["columnIndex"] + 1):
                (text,) = value.get("userEnteredValue", {"": ""}).values()
                if text:
                    found[start["rowIndex"] + 1, at] = text
    return found


def test_the_service_takes_them() -> None:
    """One batch makes the tab; nothing in it is refused."""
    with GoogleSheets(seed=1) as google:
        sheet = Sheet(google)
        requests = [request for request in overview((0, "Sheet1")) if "addChart" not in request]
        answer = sheet.batch(*requests, *of_results(0, 0, {1: ACC, 2: LOSS, 3: MODEL}, DEFAULT))
        assert "error" not in answer, answer
        assert sheet.get("Overview!B4") == [["Runs by status"]]
        assert sheet.get("Overview!N6", valueRenderOption="FORMULA")[0][0].startswith("=IFERROR(")


def test_formulas_are_googles() -> None:
    """No prefix of Excel's, no array without ARRAYFORMULA, no reference right of the grid."""
    formulas = [text for text in planned(overview()).values() if text.startswith("=")]
    assert len(formulas) > 900
    assert not [text for text in formulas if "_xlfn" in text or "ZZ" in text or "CELL(" in text]
    assert [text for text in formulas if text.startswith("=ARRAYFORMULA(")]


@pytest.mark.libreoffice
def test_formulas_compute_the_same(soffice: str) -> None:
    """Put over the same runs, and computed by LibreOffice, which knows all of these functions, they say the same."""
    es.Sheet("runs.xlsx", template=replace(DEFAULT, overview=None)).append(ROWS)
    book = openpyxl.load_workbook("runs.xlsx")
    columns = [cell.value for cell in book["runs"][1]]
    assert columns == [column.key for column in COLUMNS]
    tab = book.create_sheet("Overview")
    for (row, column), text in planned(overview()).items():
        inner = re.fullmatch(r"=ARRAYFORMULA\((.*)\)", text)
        place = tab.cell(row, column)
        place.value = ArrayFormula(place.coordinate, f"={inner[1]}") if inner else text
    book.save("runs.xlsx")
    seen = shown(soffice, Path("runs.xlsx").absolute())
    assert seen.summary == "4 runs, the best val_acc is 0.8"
    assert {name: row[:3] for name, row in seen.best.items()} == {
        "val_acc": ["max", 0.8, "run-3"],
        "val_loss": ["min", 0.25, "run-3"],
    }
    assert {name: row[:2] for name, row in seen.groups.items()} == {"b": [2, 0.7], "a": [2, 0.6]}
    assert [point[2] for point in seen.points] == pytest.approx([0.5, 0.6, 0.7, 0.8])


def test_results_that_come_later_take_the_next_slots() -> None:
    """New columns fill what is free, in the order of their weight; what has no goal takes none."""
    new = {30: Column("output", "train_acc"), 31: Column("output", "test_acc"), 32: Column("output", "epoch")}
    found = planned(list(of_slots(7, "it's", COLUMNS, new, DEFAULT)))
    assert found == {
        (8, 14): "=IFERROR('it''s'!$AF$1&\"\",\"\")",
        (8, 15): '=IFERROR("max"&"","")',
        (9, 14): "=IFERROR('it''s'!$AE$1&\"\",\"\")",
        (9, 15): '=IFERROR("max"&"","")',
    }


def test_rules_say_which_way_is_better() -> None:
    """The best is the greatest or the least; the scale ends at it."""
    rules = [r["addConditionalFormatRule"]["rule"] for r in of_results(0, 0, {1: ACC, 2: LOSS, 3: MODEL}, DEFAULT)]
    best, scale, least, falling = rules
    assert best["booleanRule"]["condition"]["values"] == [{"userEnteredValue": "=AND(ISNUMBER(B2),B2=MAX(B$2:B))"}]
    assert (scale["gradientRule"]["minpoint"]["type"], scale["gradientRule"]["maxpoint"]["type"]) == (
        "PERCENTILE",
        "MAX",
    )
    assert "MIN(C$2:C)" in str(least)
    assert falling["gradientRule"]["minpoint"]["type"] == "MIN"
    assert falling["ranges"] == [{"sheetId": 0, "startRowIndex": 1, "startColumnIndex": 2, "endColumnIndex": 3}]


def test_no_requests_where_there_is_no_overview() -> None:
    """A look without one, or a sheet that lacks the run's own columns, gets none."""
    assert of_overview(7, (0, "runs"), COLUMNS, replace(DEFAULT, overview=None)) == []
    assert of_overview(7, (0, "runs"), [ACC, LOSS], DEFAULT) == []


def test_chart_shows_points_of_hidden_columns() -> None:
    """Sheets leaves hidden cells out of a chart unless it is told not to."""
    (chart,) = [request["addChart"]["chart"] for request in overview() if "addChart" in request]
    assert chart["spec"]["hiddenDimensionStrategy"] == "SHOW_ALL"
    assert len(chart["spec"]["basicChart"]["series"]) == 2
