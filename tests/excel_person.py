"""A person at a spreadsheet program, played by openpyxl: what Excel keeps in step with an edit is kept in step here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from pathlib import Path

import openpyxl
from openpyxl.utils import get_column_letter, range_boundaries
from openpyxl.worksheet.worksheet import Worksheet

from experiment_sheet.testing import Grid, Person


class ExcelPerson(Person):
    """Opens the workbook, edits the tab, saves it. Names and tables follow as they do in Excel."""

    def __init__(self, path: Path, tab: str | None = None) -> None:
        self.path = path
        self.tab = tab

    def make(self, grid: Grid) -> None:
        book = openpyxl.Workbook()
        for row in grid:
            book.active.append(["" if cell is None else cell for cell in row])
        book.save(self.path)

    def set_cell(self, row: int, header: str, value: object) -> None:
        self._edit(lambda sheet: _put(sheet, row + 2, _at(sheet, header), value))

    def rename_column(self, header: str, name: str) -> None:
        self._edit(lambda sheet: _put(sheet, 1, _at(sheet, header), name))

    def move_column(self, header: str, to: int) -> None:
        def edit(sheet: Worksheet) -> None:
            order = list(range(sheet.max_column))
            order.insert(to, order.pop(_at(sheet, header) - 1))
            _reorder(sheet, order)

        self._edit(edit)

    def insert_column(self, at: int, header: str, values: Sequence[object]) -> None:
        def edit(sheet: Worksheet) -> None:
            new = sheet.max_column
            for number, value in enumerate([header, *values], 1):
                sheet.cell(number, new + 1).value = value
            order = list(range(new))
            order.insert(at, new)
            _reorder(sheet, order)

        self._edit(edit)

    def delete_column(self, header: str) -> None:
        self._edit(lambda sheet: _reorder(sheet, [n for n in range(sheet.max_column) if n + 1 != _at(sheet, header)]))

    def sort_rows(self, header: str, *, reverse: bool = False) -> None:
        def edit(sheet: Worksheet) -> None:
            place = _at(sheet, header)
            key = lambda number: str(sheet.cell(number, place).value)  # noqa: E731
            _reorder_rows(sheet, sorted(range(2, _last(sheet) + 1), key=key, reverse=reverse))

        self._edit(edit)

    def insert_blank_row(self, at: int) -> None:
        self._edit(lambda sheet: _reorder_rows(sheet, [*range(2, at + 2), None, *range(at + 2, _last(sheet) + 1)]))

    def delete_row(self, row: int) -> None:
        self._edit(lambda sheet: _reorder_rows(sheet, [n for n in range(2, _last(sheet) + 1) if n != row + 2]))

    def copy_row(self, row: int, to: int) -> None:
        def edit(sheet: Worksheet) -> None:
            rows = list(range(2, _last(sheet) + 1))
            rows.insert(to, row + 2)
            _reorder_rows(sheet, rows)

        self._edit(edit)

    def type_row(self, cells: Mapping[str, object]) -> None:
        def edit(sheet: Worksheet) -> None:
            row = _last(sheet) + 1
            for header, value in cells.items():
                _put(sheet, row, _at(sheet, header), value)

        self._edit(edit)

    def _edit(self, edit: Callable[[Worksheet], None]) -> None:
        book = openpyxl.load_workbook(self.path)
        sheet = book[self.tab] if self.tab else book.active
        edit(sheet)
        _refit_table(sheet)
        book.save(self.path)


def _at(sheet: Worksheet, header: str) -> int:
    return next(cell.column for cell in sheet[1] if cell.value == header)


def _last(sheet: Worksheet) -> int:
    return max((c.row for row in sheet.iter_rows() for c in row if c.value is not None), default=1)


def _put(sheet: Worksheet, row: int, column: int, value: object) -> None:
    cell = sheet.cell(row, column)
    cell.value = value
    if isinstance(value, str):
        cell.data_type = "s"  # openpyxl takes text with "=" for a formula


def _taken(sheet: Worksheet) -> dict[tuple[int, int], tuple[object, str, object]]:
    return {(c.row, c.column): (c.value, c.data_type, copy(c._style)) for row in sheet.iter_rows() for c in row}


def _reorder(sheet: Worksheet, order: Sequence[int]) -> None:
    """Put columns into another order; names follow their header cells, or go with them."""
    old, rows = _taken(sheet), sheet.max_row
    sheet.delete_rows(1, rows)
    for to, came in enumerate(order, 1):
        for row in range(1, rows + 1):
            _paste(sheet, (row, to), old.get((row, came + 1)))
    for name in list(sheet.defined_names.values()):
        match = re.search(r"!\$([A-Z]+)\$(\d+)$", name.attr_text or "")
        if match is None:
            continue
        was = openpyxl.utils.column_index_from_string(match[1]) - 1
        now = f"!${get_column_letter(order.index(was) + 1)}${match[2]}" if was in order else None
        name.attr_text = name.attr_text.replace(match[0], now) if now else "#REF!"


def _reorder_rows(sheet: Worksheet, order: Sequence[int | None]) -> None:
    old, columns = _taken(sheet), sheet.max_column
    sheet.delete_rows(2, sheet.max_row)
    for to, came in enumerate(order, 2):
        for column in range(1, columns + 1):
            _paste(sheet, (to, column), old.get((came, column)) if came else None)


def _paste(sheet: Worksheet, at: tuple[int, int], what: tuple[object, str, object] | None) -> None:
    cell = sheet.cell(*at)
    if what is not None:
        cell._style = copy(what[2])
        cell.value, cell.data_type = what[0], what[1]


def _refit_table(sheet: Worksheet) -> None:
    """Let the table hold what is there: typed rows and new columns extend it, columns are named by their headers."""
    for table in sheet.tables.values():
        left, top, _, _ = range_boundaries(table.ref)
        headers = [cell.value for cell in sheet[top][left - 1 :] if cell.value is not None]
        table.ref = (
            f"{get_column_letter(left)}{top}:{get_column_letter(left + len(headers) - 1)}{max(_last(sheet), top + 1)}"
        )
        if table.autoFilter is not None:
            table.autoFilter.ref = table.ref
        table.tableColumns = [
            openpyxl.worksheet.table.TableColumn(id=number, name=str(header))
            for number, header in enumerate(headers, 1)
        ]
