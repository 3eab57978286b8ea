"""One write that is being worked out: what is asked for, what was found, what has been decided so far."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from experiment_sheet.backends.base import Last, Mark
from experiment_sheet.backends.base import Row as Wanted
from experiment_sheet.columns import Column, RunId
from experiment_sheet.look import Look
from experiment_sheet.ooxml.book import Book
from experiment_sheet.ooxml.ownership import agreement
from experiment_sheet.ooxml.pen import Pen
from experiment_sheet.ooxml.place import Place
from experiment_sheet.ooxml.rows import RawCell, Row, cells_of
from experiment_sheet.ooxml.survey import Survey
from experiment_sheet.ooxml.table import Area
from experiment_sheet.ooxml.worksheet import Worksheet
from experiment_sheet.values import Cell


@dataclass(frozen=True, slots=True)
class Request:
    """What a write is to do; the words are those of `Backend.write`."""

    rows: Mapping[RunId, Wanted]
    new: Collection[RunId]
    last: Last
    mark: Mark | None
    since: str | None
    look: Look
    width: int  # last column that may be used


@dataclass(slots=True)
class Report:
    """What a write does; the words are those of `Written`."""

    added: list[RunId] = field(default_factory=list)
    missing: list[RunId] = field(default_factory=list)
    kept: dict[RunId, dict[Column, Cell]] = field(default_factory=dict)
    no_room: list[Column] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)  # parts that go


@dataclass(slots=True)
class Draft:
    """State of a write."""

    book: Book
    sheet: Worksheet
    request: Request
    place: Place
    is_new: bool  # the tab is blank: header and table are made too
    places: dict[Column, int]  # where each column stands, new ones too
    pen: Pen
    survey: Survey = field(default_factory=Survey)
    report: Report = field(default_factory=Report)
    headers: dict[int, str] = field(default_factory=dict)  # of new columns
    cells: dict[int, dict[int, bytes]] = field(default_factory=dict)  # row → column → element to be written
    unchained: dict[str, str | None] = field(default_factory=dict)  # references of formulas that moved, or went

    def present(self, row: Row | None) -> dict[int, RawCell]:
        """Return the cells of a row by column."""
        return {cell.column: cell for cell in cells_of(row.text, self.sheet.prefix)} if row else {}

    def put(self, number: int, at: int, element: bytes) -> None:
        """Have an element written; empty bytes take the cell away."""
        self.cells.setdefault(number, {})[at] = element

    def agreement(self, run: RunId, row: Row) -> tuple[int, int]:
        """How many of a run's cells hold what the library wrote into them, and how many there are."""
        last = self.request.last.get(run, {})
        return agreement(self.present(row), last, self.request.rows[run], self.places, self.book.holder)

    @property
    def right(self) -> int:
        """Last column, new ones too."""
        return max([self.place.right, *self.headers])

    @property
    def others(self) -> list[Area]:
        """Areas of the tab that new cells must not touch: other tables and merged cells."""
        tables = [table.area for table in self.sheet.tables if table is not self.place.table]
        return tables + self.sheet.merged
