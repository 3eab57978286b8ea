"""A spreadsheet of an emulator as a target, and people who edit it with gspread."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import pytest

from experiment_sheet.backends.base import ANYTHING, Last, Row, Target, Written
from experiment_sheet.backends.gsheet import GoogleBackend
from experiment_sheet.columns import Column
from experiment_sheet.testing import Grid, Person
from experiment_sheet.testing.google import GoogleSheets, Races

TAB = "runs"
LR = Column("input", "lr")
LOSS = Column("output", "loss")
STATUS = Column("run", "status")
NOTES = Column("run", "notes")


def served(monkeypatch: pytest.MonkeyPatch, races: Races | None = None) -> Iterator[GoogleSheets]:
    """An emulator that the library speaks to, as fast as it can."""
    with GoogleSheets(races=races) as google:
        monkeypatch.setenv("EXPERIMENT_SHEET_GOOGLE_URL", google.url)
        monkeypatch.setenv("EXPERIMENT_SHEET_GOOGLE_RATE", "1000000")
        yield google


def backend_of(key: str, tab: str | None = TAB, *, patience: float = 20.0) -> GoogleBackend:
    """A fresh instance."""
    backend = GoogleBackend(Target("gsheet", key, tab))
    backend.patience = patience
    return backend


def write(key: str, rows: Mapping[str, Row], *, new: Collection[str] = (), last: Last | None = None) -> Written:
    """Write with a fresh instance."""
    return backend_of(key).write(rows, new=new, last=last)


def anything(rows: Mapping[str, Row]) -> Last:
    """The `last` that lets every cell be written."""
    return {run: dict.fromkeys(row, ANYTHING) for run, row in rows.items()}


def worksheet(google: GoogleSheets, key: str, tab: str = TAB) -> Any:
    """The tab, as gspread opens it."""
    return google.client().open_by_key(key).worksheet(tab)


def grid_of(google: GoogleSheets, key: str, tab: str = TAB) -> Grid:
    """What the tab holds, as gspread reads it: dates as serial numbers."""
    return [list(row) for row in worksheet(google, key, tab).get_values(value_render_option="UNFORMATTED_VALUE")]


def whole(google: GoogleSheets, key: str) -> Any:
    """Everything that the service tells of a spreadsheet: cells, formats, rules, metadata, named ranges."""
    url = f"https://sheets.googleapis.com/v4/spreadsheets/{key}"
    return google.session().get(url, params={"includeGridData": "true"}).json()


def rows_of(google: GoogleSheets, key: str, tab: str = TAB) -> list[dict[str, Any]]:
    """The rows that are not blank, by header; empty cells left out."""
    head, *rows = grid_of(google, key, tab)
    named = [{str(h): cell for h, cell in zip(head, row, strict=False) if cell != ""} for row in rows]
    return [row for row in named if row]


class GooglePerson(Person):
    """Edits the tab with gspread; what is typed is taken as it is (RAW)."""

    def __init__(self, google: GoogleSheets, key: str) -> None:
        self.google = google
        self.key = key

    @property
    def _sheet(self) -> Any:
        return worksheet(self.google, self.key)

    def make(self, grid: Grid) -> None:
        book = self.google.client().open_by_key(self.key)
        sheet = book.add_worksheet(TAB, rows=1000, cols=26)
        sheet.update([["" if cell is None else cell for cell in row] for row in grid], "A1", raw=True)

    def set_cell(self, row: int, header: str, value: object) -> None:
        sheet = self._sheet
        sheet.update([["" if value is None else value]], _a1(row + 1, _at(sheet, header)), raw=True)

    def rename_column(self, header: str, name: str) -> None:
        sheet = self._sheet
        sheet.update([[name]], _a1(0, _at(sheet, header)), raw=True)

    def move_column(self, header: str, to: int) -> None:
        sheet = self._sheet
        at = _at(sheet, header)
        target = to if to <= at else to + 1
        self._send({"moveDimension": {"source": _span(sheet, "COLUMNS", at), "destinationIndex": target}})

    def insert_column(self, at: int, header: str, values: Sequence[object]) -> None:
        column = ["" if value is None else value for value in (header, *values)]
        self._sheet.insert_cols([column], at + 1, value_input_option="RAW")

    def delete_column(self, header: str) -> None:
        sheet = self._sheet
        sheet.delete_columns(_at(sheet, header) + 1)

    def sort_rows(self, header: str, *, reverse: bool = False) -> None:
        sheet = self._sheet
        where = {"sheetId": sheet.id, "startRowIndex": 1}
        spec = {"dimensionIndex": _at(sheet, header), "sortOrder": "DESCENDING" if reverse else "ASCENDING"}
        self._send({"sortRange": {"range": where, "sortSpecs": [spec]}})

    def insert_blank_row(self, at: int) -> None:
        self._send({"insertDimension": {"range": _span(self._sheet, "ROWS", at + 1), "inheritFromBefore": True}})

    def delete_row(self, row: int) -> None:
        self._sheet.delete_rows(row + 2)

    def copy_row(self, row: int, to: int) -> None:
        sheet = self._sheet
        source = row + 1 + (row >= to)
        lines = [{"sheetId": sheet.id, "startRowIndex": at, "endRowIndex": at + 1} for at in (source, to + 1)]
        self._send(
            {"insertDimension": {"range": _span(sheet, "ROWS", to + 1), "inheritFromBefore": True}},
            {"copyPaste": {"source": lines[0], "destination": lines[1], "pasteType": "PASTE_NORMAL"}},
        )

    def type_row(self, cells: Mapping[str, object]) -> None:
        sheet = self._sheet
        values = sheet.get_values()
        row = [cells.get(header, "") for header in values[0]]
        sheet.update([row], f"A{len(values) + 1}", raw=True)

    def _send(self, *requests: object) -> None:
        self.google.client().open_by_key(self.key).batch_update({"requests": list(requests)})


def _at(sheet: Any, header: str) -> int:
    return [*sheet.row_values(1)].index(header)


def _a1(row: int, column: int) -> str:
    from gspread.utils import rowcol_to_a1

    return str(rowcol_to_a1(row + 1, column + 1))


def _span(sheet: Any, dimension: str, at: int) -> dict[str, object]:
    return {"sheetId": sheet.id, "dimension": dimension, "startIndex": at, "endIndex": at + 1}
