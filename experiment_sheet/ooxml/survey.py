"""What has to be known of the rows before they are changed: one pass over all of them, or over the hot ones.

A row's bytes are kept only where they may be needed: the header, the last rows of data and those behind them, and
rows that carry a wanted id. Everything else is a number and a place. So the memory of a pass over 100,000 rows is
that of the rows to be changed.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

from experiment_sheet.columns import RunId
from experiment_sheet.ooxml.held import Holder, blank
from experiment_sheet.ooxml.place import Place
from experiment_sheet.ooxml.rows import RawCell, Row, cells_of, column_letters
from experiment_sheet.ooxml.table import Area

RECENT: Final = 400
"""Rows at the end that may become hot; a hot row is at least some dozens of bytes."""
STYLED: Final = 5
"""Rows whose styles a new row follows."""


@dataclass(slots=True)
class Survey:
    """What a pass over the rows found."""

    bottom: int = 0  # last row of data
    held: dict[int, Row] = field(default_factory=dict)  # by number: header, last rows, rows with wanted ids
    ids: dict[RunId, list[int]] = field(default_factory=dict)  # rows of the wanted ids, ascending
    recent: deque[Row] = field(default_factory=lambda: deque(maxlen=RECENT))  # last rows of the part
    occupied: set[int] = field(default_factory=set)  # probed columns that hold something beside the data
    after: tuple[int, int] | None = None  # number and place of the first row behind those held
    partial: bool = False  # more rows lie below the data than were held: look again, with `bottom`
    totals_named: str | None = None  # a formula that points to the totals row by address


class Surveyor:
    """Looks at rows one by one."""

    def __init__(self, place: Place, prefix: bytes, holder: Holder) -> None:
        self._place = place
        self._prefix = prefix
        self._holder = holder
        self.id_column: int | None = None
        self.wanted: Collection[RunId] = ()
        self.new_rows = 0
        self.probe: range = range(0)
        self.right: Callable[[set[int]], int] = lambda _: place.right
        """Last column of the range once new columns have come; told which probed ones are occupied."""
        self._letters = ""
        self._pointer: re.Pattern[bytes] | None = None
        self._any_probed: re.Pattern[bytes] | None = None

    def look(self, rows: Iterable[Row], bottom: int | None = None) -> Survey:
        """Look at rows in ascending order. `bottom`: last row of a plain range, where it is known already."""
        survey, place = Survey(), self._place
        table = place.table
        if table is not None:
            bottom = max(table.rows.bottom, table.rows.top - 1)
        survey.bottom = place.header_row if bottom is None else bottom
        self._letters = column_letters(self.id_column) if self.id_column and self.wanted else ""
        self._pointer = _points_to(table.area) if table and table.totals else None
        self._any_probed = _any_cell(self._prefix, self.probe) if self.probe else None
        filled: deque[Row] = deque(maxlen=RECENT)
        for row in rows:
            survey.recent.append(row)
            if bottom is None and row.number >= place.header_row and _may_hold(row.text):
                filled.append(row)
            self._take(row, survey, known=bottom is not None)
        if bottom is None:
            self._end_of_range(filled, survey)
        return survey

    def _take(self, row: Row, survey: Survey, *, known: bool) -> None:
        """Note what a row says; `known`: the data's last row is known, so that the rows around it are kept."""
        number, table = row.number, self._place.table
        if self._pointer is not None and table and number != table.area.bottom and self._pointer.search(row.text):
            survey.totals_named = survey.totals_named or f"row {number}"
        top = self._place.header_row or self._place.first
        if number < top:
            return
        behind = number > survey.bottom + self.new_rows + 2
        if number == top or (known and number > survey.bottom - STYLED and not behind):
            survey.held[number] = row
        elif known and behind and survey.after is None:
            survey.after = (number, row.start)
        if self._letters and (table is None or number <= table.rows.bottom):
            self._note_id(row, survey)
        if self._any_probed and (table is None or not behind) and self._any_probed.search(row.text):
            self._note_occupied(row, survey)

    def _note_id(self, row: Row, survey: Survey) -> None:
        cell = self._id_cell(row)
        if cell is None or row.number < self._place.first:
            return
        found = self._holder.value(cell)
        if isinstance(found, str) and found in self.wanted:
            survey.ids.setdefault(found, []).append(row.number)
            survey.held[row.number] = row

    def _id_cell(self, row: Row) -> RawCell | None:
        """Return the cell in the run_id column: by its reference in the bytes where every cell has one."""
        text = row.text
        at = text.find(b'r="%b%d"' % (self._letters.encode(), row.number))
        if at < 0 and b"<%bc>" % self._prefix not in text and b"'" not in text and _all_have_refs(text, self._prefix):
            return None
        start = text.rfind(b"<", 0, at) if at >= 0 else 0
        end = text.find(b"</%bc>" % self._prefix, at) if at >= 0 else -1
        piece = text[start : end + 6 + len(self._prefix)] if end >= 0 else text
        return next((cell for cell in cells_of(piece, self._prefix) if cell.column == self.id_column), None)

    def _note_occupied(self, row: Row, survey: Survey) -> None:
        for cell in cells_of(row.text, self._prefix):
            if cell.column in self.probe and not blank(cell):
                survey.occupied.add(cell.column)

    def _end_of_range(self, filled: deque[Row], survey: Survey) -> None:
        """Find the last row of a plain range: the last that holds something in its columns."""
        place, right = self._place, self.right(survey.occupied)
        for row in reversed(filled):
            cells = cells_of(row.text, self._prefix)
            if any(place.left <= cell.column <= right and not blank(cell) for cell in cells):
                survey.bottom = max(row.number, place.header_row)
                break
        else:
            survey.bottom = filled[-1].number if len(filled) == RECENT else place.header_row
        for row in (*filled, *survey.recent):
            if row.number > survey.bottom - STYLED:
                survey.held[row.number] = row
        seen_all = len(survey.recent) < RECENT or survey.recent[0].number <= survey.bottom + 1
        survey.partial = not seen_all


def _may_hold(text: bytes) -> bool:
    return b"v>" in text or b"t>" in text or b"f>" in text or b"<![" in text


def _all_have_refs(text: bytes, prefix: bytes) -> bool:
    return text.count(b"<%bc " % prefix) <= text.count(b' r="') - 1


def _any_cell(prefix: bytes, columns: range) -> re.Pattern[bytes]:
    letters = b"|".join(column_letters(column).encode() for column in columns)
    p = re.escape(prefix)
    return re.compile(rb"<" + p + rb"c(?:>|(?=\s)(?![^>]*\sr=)|\s(?:[^>]*?\s)?r=[\"'](?:" + letters + rb")\d+[\"'])")


def _points_to(area: Area) -> re.Pattern[bytes]:
    """Formulas that name a cell in the last row of this area by its address."""
    before = rb"<(?:[\w.\-]+:)?f\b[^<]*(?<![A-Za-z0-9_.$])"
    return re.compile(before + address(area) + rb"(?![0-9A-Za-z_(.!])")


def address(area: Area) -> bytes:
    """Pattern of the address of a cell in the last row of an area."""
    letters = b"|".join(column_letters(column).encode() for column in range(area.left, area.right + 1))
    return rb"\$?(?:%b)\$?%d" % (letters, area.bottom)
