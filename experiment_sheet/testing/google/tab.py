"""One tab: its grid of cells, and what else hangs on it.

A cell is a JSON object with the fields of the API's CellData that people set (``userEnteredValue``,
``userEnteredFormat``, ``note``, ``dataValidation``, …); an empty cell is absent. Cells and rows are never
changed in place, only replaced, so that a copy of the list of rows is a copy of the grid.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any, Final

from experiment_sheet.testing.google.a1 import Area, area_of
from experiment_sheet.testing.google.defaults import COLUMNS as NEW_COLUMNS
from experiment_sheet.testing.google.defaults import ROWS as NEW_ROWS
from experiment_sheet.testing.google.refusal import JSON, invalid
from experiment_sheet.testing.google.shifts import COLUMNS, ROWS, Shift, shifted

Cell = Mapping[str, Any]
EMPTY: Final[Cell] = {}

LONGEST_TEXT: Final = 50_000
"""Characters that a cell holds (support.google.com/drive/answer/37603)."""
MOST_COLUMNS: Final = 18_278
"""Columns of a tab: up to ZZZ (support.google.com/drive/answer/37603)."""

_COUNTS: Final = {ROWS: "rowCount", COLUMNS: "columnCount"}
_FROZEN: Final = {ROWS: "frozenRowCount", COLUMNS: "frozenColumnCount"}


class Tab:
    """A grid with its properties.

    `parts` holds the other fields of the API's Sheet: merges, conditionalFormats, protectedRanges, charts, and so on.
    `sizes` holds the DimensionProperties of rows and columns that aren't as a new one's.
    """

    def __init__(self, sheet_id: int, title: str, index: int = 0, *, rows: int = NEW_ROWS, columns: int = NEW_COLUMNS):
        self.properties: JSON = {
            "sheetId": sheet_id,
            "title": title,
            "index": index,
            "sheetType": "GRID",
            "gridProperties": {"rowCount": rows, "columnCount": columns},
        }
        self.rows: list[dict[int, Cell]] = []
        self.sizes: dict[str, dict[int, JSON]] = {ROWS: {}, COLUMNS: {}}
        self.parts: JSON = {}

    @property
    def sheet_id(self) -> int:
        """Number of the tab, the ``gid`` of its address."""
        return int(self.properties["sheetId"])

    @property
    def title(self) -> str:
        """Name of the tab."""
        return str(self.properties["title"])

    @property
    def grid(self) -> JSON:
        """GridProperties."""
        grid: JSON = self.properties["gridProperties"]
        return grid

    def count(self, dimension: str) -> int:
        """Number of rows or columns."""
        return int(self.grid[_COUNTS[dimension]])

    @property
    def whole(self) -> Area:
        """The whole grid."""
        return Area(0, 0, self.count(ROWS), self.count(COLUMNS))

    @property
    def used(self) -> Area:
        """From A1 to the last row and column that hold something."""
        right = max((max(row) + 1 for row in self.rows if row), default=0)
        return Area(0, 0, len(self.rows), right)

    def area(self, grid_range: JSON) -> Area:
        """A GridRange of this tab, within its grid."""
        return area_of(grid_range, self.count(ROWS), self.count(COLUMNS))

    @property
    def data_end(self) -> int:
        """Row below the last that holds a value."""
        for at in range(len(self.rows), 0, -1):
            if any("userEnteredValue" in cell for cell in self.rows[at - 1].values()):
                return at
        return 0

    def cell(self, row: int, column: int) -> Cell:
        """What a cell holds."""
        return self.rows[row].get(column, EMPTY) if row < len(self.rows) else EMPTY

    def put(self, row: int, cells: Mapping[int, Cell]) -> None:
        """Replace cells of a row; an empty one is removed."""
        for cell in cells.values():
            _check(cell)
        merged = {**(self.rows[row] if row < len(self.rows) else {}), **cells}
        kept = {column: cell for column, cell in merged.items() if cell}
        if kept and row >= len(self.rows):
            self.rows.extend({} for _ in range(row + 1 - len(self.rows)))
        if row < len(self.rows):
            self.rows[row] = kept
        while self.rows and not self.rows[-1]:
            self.rows.pop()

    def change(self, row: int, column: int, **fields: object) -> None:
        """Set fields of one cell; None clears."""
        cell = {**self.cell(row, column), **fields}
        self.put(row, {column: {key: value for key, value in cell.items() if value not in (None, "", {})}})

    def size(self, dimension: str, index: int) -> JSON:
        """DimensionProperties of a row or column, as far as they aren't a new one's."""
        return self.sizes[dimension].get(index, {})

    def grow(self, dimension: str, count: int) -> None:
        """Have at least so many rows or columns."""
        self.grid[_COUNTS[dimension]] = max(count, self.count(dimension))

    def shift(self, shift: Shift) -> None:
        """Insert, delete or move rows or columns, with what hangs on them in this tab."""
        if shift.dimension == ROWS:
            self._shift_rows(shift)
        else:
            self.rows = [_shift_columns(row, shift) for row in self.rows]
        while self.rows and not self.rows[-1]:
            self.rows.pop()
        sizes = ((shift.index(at), size) for at, size in self.sizes[shift.dimension].items())
        self.sizes[shift.dimension] = {at: size for at, size in sizes if at is not None}
        self.parts = shifted(self.parts, self.sheet_id, shift) or {}
        change = {"insert": shift.size, "delete": -shift.size, "move": 0}[shift.kind]
        self.grid[_COUNTS[shift.dimension]] += change
        self._shift_frozen(shift)

    def _shift_frozen(self, shift: Shift) -> None:
        frozen = self.grid.get(_FROZEN[shift.dimension], 0)
        span = shift.span(0, frozen) if frozen and shift.kind != "move" else (0, frozen)
        if not span:
            del self.grid[_FROZEN[shift.dimension]]
        elif frozen:
            self.grid[_FROZEN[shift.dimension]] = span[1]

    def _shift_rows(self, shift: Shift) -> None:
        if shift.kind == "insert":
            if shift.start < len(self.rows):
                self.rows[shift.start : shift.start] = [{} for _ in range(shift.size)]
            return
        if shift.kind == "delete":
            del self.rows[shift.start : shift.end]
            return
        top = max(shift.end, shift.to)
        self.rows.extend({} for _ in range(top - len(self.rows)))
        block = self.rows[shift.start : shift.end]
        del self.rows[shift.start : shift.end]
        to = shift.to - shift.size if shift.to > shift.start else shift.to
        self.rows[to:to] = block

    def snapshot(self) -> Tab:
        """A copy that later changes don't touch."""
        other = copy.copy(self)
        other.rows = list(self.rows)
        other.properties = copy.deepcopy(self.properties)
        other.sizes = copy.deepcopy(self.sizes)
        other.parts = copy.deepcopy(self.parts)
        return other

    def list_of(self, part: str) -> list[JSON]:
        """A list among the parts, to change."""
        found: list[JSON] = self.parts.setdefault(part, [])
        return found

    def filled(self, area: Area) -> Iterable[tuple[int, int, Cell]]:
        """Row, column and cell of what isn't empty in an area, in no order within a row."""
        for at in range(area.top, min(area.bottom, len(self.rows))):
            row = self.rows[at]
            for column in row if len(row) < area.width else [c for c in range(area.left, area.right) if c in row]:
                if area.left <= column < area.right:
                    yield at, column, row[column]


def _shift_columns(row: dict[int, Cell], shift: Shift) -> dict[int, Cell]:
    moved = ((shift.index(column), cell) for column, cell in row.items())
    return {column: cell for column, cell in moved if column is not None}


def _check(cell: Cell) -> None:
    """Refuse what no cell holds."""
    value = cell.get("userEnteredValue", EMPTY)
    text = value.get("stringValue") or value.get("formulaValue") or ""
    if max(len(text), len(cell.get("note", ""))) > LONGEST_TEXT:
        raise invalid(f"Your input contains more than the maximum of {LONGEST_TEXT} characters in a single cell.")
