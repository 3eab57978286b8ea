"""Reads the table of runs: values by calamine, which is fast, and what it can't tell by our own look.

calamine gives whole numbers as floats and error cells as empty text (facts: its own tests). So whole floats become
ints, and where the part holds an error at all, its cells are found and become NaN, with one warning: an
error in one cell must not keep a person from reading the others.
"""

from __future__ import annotations

import datetime as dt
import gc
import logging
import math
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Final

from experiment_sheet import values
from experiment_sheet.backends.base import Table
from experiment_sheet.columns import RUN_ID, Column
from experiment_sheet.errors import SheetMissing
from experiment_sheet.ooxml.book import Book
from experiment_sheet.ooxml.cells import special
from experiment_sheet.ooxml.place import LAST_COLUMN, Place, find_place, people, resolve
from experiment_sheet.ooxml.rows import cells_of
from experiment_sheet.ooxml.worksheet import LAST_ROW, Worksheet
from experiment_sheet.values import Cell, Link

_log = logging.getLogger("experiment_sheet")
_WHOLE: Final = 10**15
_GRID: Final = 1 << 22
"""Cells of calamine's grid, 24 bytes each, that any sheet may have; a larger one as many as its part has bytes."""
_WIDTHS: Final = (
    (26, rb"|[A-Za-z]{2,3}[0-9]"),
    (52, rb"|(?:[B-Zb-z][A-Za-z]|[A-Za-z]{3})[0-9]"),
    (702, rb"|[A-Za-z]{3}[0-9]"),
    (LAST_COLUMN, b""),
)
"""Columns that a sheet may have, and how a reference to a further one looks."""
_SPACED: Final = re.compile(rb"r(?:\s+=|=\s)")  # allowed, and written by nobody
_ROW_NUMBER: Final = re.compile(rb"""<(?:[\w.\-]+:)?row\s(?:[^>]*?\s)?r=["']([0-9]{1,7})["']""")
_OVERLAP: Final = 200  # bytes of the piece before; the tags that are looked for are shorter
_ERROR_MARKS: Final = (b't="e"', b"t='e'")


def read(book: Book, name: str | None) -> Table:
    """Read the tab of this name, or the sheet's own."""
    tab = book.tab(name)
    if tab is None:
        raise SheetMissing(f"{book.source.path} has no tab {name!r}.")
    sheet = Worksheet(book.source, tab)
    place = find_place(sheet, book.workbook, book.holder)
    if place is None:
        return Table((), (), ())
    ours = resolve(place, [RUN_ID])
    at = {number: column for column, number in {**people(place, ours), **ours}.items()}
    columns: list[Column] = [at[number] for number in place.headers]
    _prove(book)
    scan = _Scan(sheet)
    errors = _errors(sheet) if scan.errors else set()
    # calamine leaves out what is in CDATA sections.
    with _uncollected():
        grid = _own_grid(book, sheet) if scan.cdata or scan.vast else _grid(book, sheet)
        rows = list(_rows(grid, place, errors))
    found = [cell for cell in sorted(errors) if cell[1] in place.headers and cell[0] >= place.first]
    if found:
        _log.warning(
            "%s: %d cells hold an error and are read as NaN, the first in row %d.", sheet.what, len(found), found[0][0]
        )
    return Table(columns, list(place.headers.values()), rows)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the garbage collector from going through all rows again and again while they are made: a tenth of the time.

    Rows refer to nothing that refers to them. Another thread's garbage waits for as long as a sheet is read.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _rows(
    grid: Iterable[Sequence[object]], place: Place, errors: Iterable[tuple[int, int]]
) -> Iterator[Sequence[Cell]]:
    """Rows that are not blank."""
    wrong = frozenset(errors)
    first = place.first
    last = place.table.rows.bottom if place.table else None
    columns = list(place.headers)
    width = max(columns, default=0)
    is_plain = columns == list(range(1, width + 1))
    texts = _Texts()
    for number, row in enumerate(grid, 1):
        if number < first:
            continue
        if last is not None and number > last:
            break
        if not row:
            continue
        if len(row) < width:
            row = [*row, *[""] * (width - len(row))]
        chosen = row[:width] if is_plain else [row[column - 1] for column in columns]
        # One expression and no call for what most cells are: this runs a few million times.
        found: list[Cell] = [
            (int(value) if value and -_WHOLE < value < _WHOLE and value.is_integer() else value or _cell(value))
            if type(value) is float
            else texts[value]
            if type(value) is str
            else _cell(value)
            for value in chosen
        ]
        if wrong:
            found = [math.nan if (number, at) in wrong else cell for at, cell in zip(columns, found, strict=True)]
        if found.count(None) < len(found):
            yield found


def _grid(book: Book, sheet: Worksheet) -> Iterator[Sequence[object]]:
    """Every row of a tab from the first one on, each from column A on."""
    import python_calamine

    name = sheet.tab.name
    try:
        found = python_calamine.CalamineWorkbook.from_path(book.source.path).get_sheet_by_name(name)
        return iter(found.to_python(skip_empty_area=False))
    except python_calamine.CalamineError as error:
        _log.debug("%s: calamine can't read it (%s).", sheet.what, error)
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # a BaseException of its own, e.g. for a date after the year 9999
            raise
    return _own_grid(book, sheet)


def _own_grid(book: Book, sheet: Worksheet) -> Iterator[Sequence[object]]:
    """Rows as the engine itself reads them: slower, and never stopped by a value."""
    at = 0
    for row in sheet.rows():
        cells = {cell.column: book.holder.value(cell) for cell in cells_of(row.text, sheet.prefix)}
        yield from ([] for _ in range(at + 1, row.number))
        at = row.number
        shown = (cells.get(column) for column in range(1, max(cells, default=0) + 1))
        yield ["" if value is None else value.text if isinstance(value, Link) else value for value in shown]


def _cell(value: object) -> Cell:
    if type(value) is float:
        whole = value.is_integer() and -_WHOLE < value < _WHOLE and (value or math.copysign(1, value) > 0)
        return int(value) if whole else value
    if type(value) is str:
        return _Texts()[value]
    if isinstance(value, bool | int | dt.datetime | dt.date | dt.time | dt.timedelta):
        return value
    return None


class _Texts(dict[str, Cell]):
    """What texts mean: each is looked at once, because most of them come again and again."""

    def __missing__(self, value: str) -> Cell:
        found = self[value] = special(_text(value)) if value else None
        return found


def _text(value: str) -> str:
    """Text as it was; calamine leaves two of the characters that XML can't hold as they are spelled."""
    return values.clean(value.replace("_xFFFE_", "\ufffe").replace("_xFFFF_", "\uffff"))


def _errors(sheet: Worksheet) -> set[tuple[int, int]]:
    """(row, column) of every cell that holds an error."""
    found = set()
    for row in sheet.rows():
        if any(mark in row.text for mark in _ERROR_MARKS):
            found |= {(row.number, cell.column) for cell in cells_of(row.text, sheet.prefix) if cell.kind == "e"}
    return found


def _prove(book: Book) -> None:
    """Read the parts that calamine takes into memory whole; ours refuses bombs, calamine would end the process."""
    for part in (book.workbook.part_of("sharedStrings"), book.styles_part):
        if part:
            deque(book.source.chunks(part), maxlen=0)


class _Scan:
    """One pass over the bytes of a tab for what calamine can't do. Going to the end proves the part.

    calamine holds every cell between A1 and the last row and column, wherever a cell says it stands. So it is not given
    a sheet whose grid would have many more cells than the part has bytes, nor one with a cell outside its row.
    """

    def __init__(self, sheet: Worksheet) -> None:
        self.errors = self.cdata = self._astray = False
        self._last_row = self._size = self._level = 0
        end = b""
        for chunk in sheet.package.chunks(sheet.part):
            piece = end + chunk
            self.errors = self.errors or any(mark in piece for mark in _ERROR_MARKS)
            self.cdata = self.cdata or b"<![CDATA[" in piece
            last = max(piece.rfind(b"<row "), piece.rfind(b":row "), 0)
            self._last_row = max([self._last_row, *map(int, _ROW_NUMBER.findall(piece, max(0, last - _OVERLAP)))])
            self._measure(piece)
            self._astray = self._astray or (sheet.tail is None and _SPACED.search(piece) is not None)
            self._size += len(chunk)
            end = piece[-_OVERLAP:]

    def _measure(self, piece: bytes) -> None:
        """See how wide the sheet is, and whether a cell says that it stands in a row of more digits than there are."""
        digits = len(str(self._last_row)) + 1
        while not self._astray and (found := _beyond(self._level, digits).search(piece)) is not None:
            if found[1]:
                self._astray = True
            else:
                self._level += 1

    @property
    def vast(self) -> bool:
        """Whether cells lie so far apart that calamine's grid would fill the memory."""
        rows = min(10 ** len(str(self._last_row)), LAST_ROW)  # a cell may name any row of as many digits
        return self._astray or rows * _WIDTHS[self._level][0] > max(_GRID, self._size)


@cache
def _beyond(level: int, digits: int) -> re.Pattern[bytes]:
    """Finds a reference to a row of so many digits (group 1), or to a column beyond those of a level."""
    return re.compile(rb"""r=["'](?:([A-Za-z]{1,3}[0-9]{%d})%b)""" % (digits, _WIDTHS[level][1]))
